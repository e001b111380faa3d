//! Questions, goals, claims and prompts as they stand on the page: what is asked, what was answered, what the model says.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::lab::experiment::Shown;
use crate::lab::facts::Facts;
use crate::lab::flow;
use crate::lab::markdown::Markdown;
use crate::lab::number::{ALMOST_0, answer, count, measured};
use crate::lab::theme::Role;
use crate::lesson::item::Question;
use crate::lesson::progress::{Key, Record};
use crate::lesson::{Claim, Figure, Goal, Item, Kind, Prompt, Race};
use crate::model::Card;
use crate::model::card::Unit;
use crate::train::experiment::Compare;
use crate::train::measure::Measure;

use super::reading::Reading;

/// The lines of one thing to do, and its place among those of the page (none where there is nothing to do).
type Block = (Option<usize>, Vec<Line<'static>>);

/// What everything on a page is written with.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    pub facts: &'a Facts<'a>,
    /// What figures are drawn from.
    pub card: Option<&'a Card>,
    pub reading: &'a Reading,
    pub width: u16,
}

impl Page<'_> {
    /// Markdown with its numbers filled in, this many columns wide.
    pub fn read(&self, markdown: &str, width: u16) -> Vec<Line<'static>> {
        self.reading.lines(self.facts, markdown, self.width, width)
    }

    /// What stands on the page for an item; `first` is the place of the first thing of it that can be done.
    pub fn blocks(&self, item: &Item, first: usize) -> Vec<Block> {
        let one = |at: usize, then: &dyn Fn(&mut Writer)| {
            let mut writer = Writer::new(*self, self.facts.course.chosen == at);
            then(&mut writer);
            (Some(at), writer.lines)
        };
        let shown = |then: &dyn Fn(&mut Writer)| {
            let mut writer = Writer::new(*self, false);
            then(&mut writer);
            vec![(None, writer.lines)]
        };
        match &item.kind {
            Kind::Predict(_) | Kind::Ask(_) => vec![one(first, &|writer| question(writer, item))],
            Kind::Goal(goal) => vec![one(first, &|writer| a_goal(writer, goal))],
            Kind::Claim(claim) => vec![one(first, &|writer| a_claim(writer, claim))],
            Kind::Race(race) => vec![one(first, &|writer| a_race(writer, race))],
            Kind::Review(prompts) => (first..)
                .zip(prompts)
                .map(|(at, prompt)| one(at, &|writer| a_prompt(writer, prompt, &item.id)))
                .collect(),
            Kind::Figure(figure) => shown(&|writer| a_figure(writer, figure)),
            Kind::Code(code) => shown(&|writer| {
                let panes = self.facts.lesson.panes_of(self.facts.page);
                let number = panes.iter().position(|pane| pane == "code").map(|at| at + 1);
                let key = number.map_or(String::new(), |number| format!("`{number}` "));
                writer.say(Role::Muted, &format!("{key}the code pane shows {}", code.show));
            }),
        }
    }
}

/// Lines behind a bar.
struct Writer<'a> {
    page: Page<'a>,
    facts: &'a Facts<'a>,
    chosen: bool,
    width: u16,
    lines: Vec<Line<'static>>,
}

impl<'a> Writer<'a> {
    fn new(page: Page<'a>, chosen: bool) -> Self {
        let width = page.width.saturating_sub(2).max(1);
        Self { page, facts: page.facts, chosen, width, lines: Vec::new() }
    }

    fn push(&mut self, mut line: Line<'static>) {
        let (sign, role) = if self.chosen { ("▌ ", Role::Accent) } else { ("│ ", Role::Faint) };
        line.spans.insert(0, Span::styled(sign, self.facts.theme.style(role)));
        self.lines.push(line);
    }

    fn head(&mut self, what: &str, state: &str, role: Role) {
        let theme = self.facts.theme;
        self.push(Line::from(vec![
            Span::styled(what.to_owned(), theme.style(Role::Heading)),
            Span::styled(format!("  {state}"), theme.style(role)),
        ]));
    }

    /// Markdown with its numbers filled in.
    fn read(&mut self, markdown: &str) {
        let lines = self.page.read(markdown, self.width);
        let last = lines.iter().rposition(|line| line.width() > 0).map_or(0, |last| last + 1);
        for line in lines.into_iter().take(last) {
            self.push(line);
        }
    }

    fn say(&mut self, role: Role, text: &str) {
        let style = self.facts.theme.style(role);
        for line in Markdown::read(text).lines(self.facts.theme, self.width) {
            if line.width() > 0 {
                let spans = line.spans.into_iter().map(|span| {
                    let own = if span.style == Style::new() { style } else { span.style };
                    Span::styled(span.content, own)
                });
                self.push(Line::from(spans.collect::<Vec<_>>()));
            }
        }
    }

    fn keys(&mut self, keys: &[(&str, &str)]) {
        let theme = self.facts.theme;
        let mut spans = Vec::new();
        for (key, does) in keys {
            spans.push(Span::styled((*key).to_owned(), theme.style(Role::Key)));
            spans.push(Span::styled(format!(" {does}   "), theme.style(Role::Muted)));
        }
        self.push(Line::from(spans));
    }

    fn key(&self, id: &str) -> Key {
        (self.facts.lesson.id.clone(), id.to_owned())
    }
}

fn question(writer: &mut Writer, item: &Item) {
    let Some(asked) = item.question() else { return };
    let predicts = matches!(item.kind, Kind::Predict(_));
    let what = if predicts { "Predict" } else { "Find out" };
    let course = writer.facts.course;
    let said = course.answer(&writer.facts.lesson.id, &item.id).cloned();
    let (state, role) = match &said {
        None => ("", Role::Muted),
        Some(said) if said.kind == "skip" => ("skipped", Role::Muted),
        Some(Record { truth: None, .. }) => tells(writer.facts, item),
        Some(Record { right: Some(true), .. }) => ("right", Role::Good),
        Some(_) => ("not quite", Role::Warning),
    };
    writer.head(what, state, role);
    writer.read(asked.ask);
    for (place, choice) in asked.choices.iter().enumerate() {
        let letter = char::from(b'a' + place as u8);
        writer.read(&format!("`{letter}` {choice}"));
    }
    match &said {
        None if writer.chosen => {
            let skips = predicts && course.held;
            let keys = [("i", "answers"), ("esc", "skips")];
            writer.keys(if skips { &keys } else { &keys[..1] });
        }
        None => {}
        Some(said) if said.kind == "skip" && !writer.chosen => {}
        Some(said) if said.kind == "skip" => writer.keys(&[("i", "answers after all")]),
        Some(said) => verdict(writer, item, &asked, said),
    }
}

/// What a prediction waits for.
fn tells(facts: &Facts, item: &Item) -> (&'static str, Role) {
    let Kind::Predict(predict) = &item.kind else { return ("the run will tell", Role::Accent) };
    let runs = facts.experiment.is_some_and(Shown::is_running);
    let passed = facts.run.is_some_and(|run| run.step > predict.after);
    match predict.arms.is_empty() {
        false if runs => ("small runs will tell", Role::Accent),
        false => ("not told yet: ! runs it", Role::Warning),
        true if passed && predict.measure.is_seen() => {
            ("the run is past that step: r starts it again", Role::Warning)
        }
        true => ("the run will tell", Role::Accent),
    }
}

fn verdict(writer: &mut Writer, item: &Item, asked: &Question, said: &Record) {
    let Some(guess) = said.answer else { return };
    let (name, unit) = what_it_is(item);
    let named = |place: f64| {
        let choice = asked.choices.get(place as usize);
        choice.map_or_else(|| answer(place), |choice| writer.facts.fill(choice))
    };
    let yours = match unit {
        _ if !asked.choices.is_empty() => named(guess),
        unit => measured(unit, guess, guess.abs()),
    };
    let sure = said.sure.map_or(String::new(), |sure| format!(", sure {sure} of 5"));
    let yours = format!("You said: {yours}{sure}.");
    let Some(truth) = said.truth else {
        writer.say(Role::Accent, &yours);
        return;
    };
    let role = if said.right == Some(true) { Role::Good } else { Role::Warning };
    let beside = if asked.choices.is_empty() { guess.abs() } else { 0.0 };
    let truly = measured(unit, truth, asked.scale().max(beside));
    let found = match asked.right(truth) {
        Some(right) => format!("It is: {} ({name}: {truly}).", named(right as f64)),
        None if asked.choices.is_empty() => number_verdict(asked, guess, truth, &truly, unit),
        None => format!("It is {truly}, which is none of these."),
    };
    writer.say(role, &format!("{yours} {found}"));
    writer.read(asked.why);
}

/// What a question's number is called, and its unit. Of two arms it is how they differ, which has none.
fn what_it_is(item: &Item) -> (String, Unit) {
    let of = |measure: &Measure| (measure.to_string(), measure.unit());
    match &item.kind {
        Kind::Predict(predict) if predict.arms.len() > 1 => {
            let between = match predict.compare {
                Compare::Difference => "difference",
                Compare::Ratio => "ratio",
            };
            (format!("{}, {between}", predict.measure), Unit::Plain)
        }
        Kind::Predict(predict) => of(&predict.measure),
        Kind::Ask(ask) => of(&ask.measure),
        _ => (String::new(), Unit::Plain),
    }
}

/// How far off a number was: where that says something, and in per cent where per cents are what counts.
fn number_verdict(asked: &Question, guess: f64, truth: f64, truly: &str, unit: Unit) -> String {
    let off = (guess - truth).abs();
    let share = 100.0 * off / truth.abs().max(f64::MIN_POSITIVE);
    let relative = asked.tolerance.relative * truth.abs() >= asked.tolerance.absolute;
    // How far apart two names are says nothing.
    let a_name = asked.tolerance.is_exact() && truth.fract() == 0.0;
    let same = measured(unit, guess, guess.abs()) == truly || share < 0.5 || truly == ALMOST_0;
    match unit {
        _ if a_name || same => format!("It is {truly}."),
        Unit::Share | Unit::Verdict => format!("It is {truly}."),
        _ if relative && share < 1000.0 => {
            format!("It is {truly}: you were {} off, {share:.0} %.", answer(off))
        }
        _ => format!("It is {truly}: you were {} off.", answer(off)),
    }
}

fn a_goal(writer: &mut Writer, goal: &Goal) {
    let key = writer.key(&goal.id);
    let facts = writer.facts;
    let met = facts.course.progress.is_met(&key.0, &key.1);
    let elsewhere = facts.is_elsewhere(goal.on.as_deref());
    let (state, role) = match met {
        true => ("met", Role::Good),
        false if elsewhere => ("not on this text", Role::Muted),
        false => ("open", Role::Accent),
    };
    writer.head("Goal", state, role);
    writer.read(&goal.text);
    let shown = facts.course.hints(&key.0, &key.1);
    for (number, hint) in goal.hints.iter().take(shown).enumerate() {
        writer.read(&format!("*hint {}*: {hint}", number + 1));
    }
    if met {
        if facts.course.opened.contains(&key) {
            writer.read(&goal.answer);
        } else if writer.chosen {
            writer.keys(&[("i", "shows one way there")]);
        }
        return;
    }
    if !elsewhere && let Some(now) = standing(facts, goal) {
        writer.say(Role::Muted, &now);
    }
    if writer.chosen && shown < goal.hints.len() {
        let word = format!("a hint, {} left", goal.hints.len() - shown);
        writer.keys(&[("H", &word)]);
    }
}

/// How its conditions stand on the run on the screen; `None` before anything is known.
fn standing(facts: &Facts, goal: &Goal) -> Option<String> {
    let run = facts.run?;
    if let Some(stage) = goal.stage.as_ref().filter(|stage| *stage != run.stage()) {
        return Some(format!(
            "now: a run of {} is on the screen, it is about {stage}",
            run.stage()
        ));
    }
    let others = facts.others();
    let evidence = facts.evidence(&others)?;
    let values: Vec<_> = goal.when.iter().map(|c| (c, c.measure.of(&evidence))).collect();
    values.iter().any(|(_, value)| value.is_some()).then(|| {
        let all = values.iter().map(|(condition, value)| condition.stands(*value, &answer));
        format!("now: {}", all.collect::<Vec<_>>().join("; "))
    })
}

fn a_claim(writer: &mut Writer, claim: &Claim) {
    let key = writer.key(&claim.id);
    let facts = writer.facts;
    let stamp = facts.course.stamps.get(&key);
    let last = facts.course.progress.last(&key.0, &key.1, &["claim"]);
    if let Some(first) = facts.course.gives_away(&key.0, facts.page(), &key.1) {
        writer.head("Claim", first.note(), Role::Muted);
        return;
    }
    let (state, role) = match last.and_then(|last| last.right) {
        Some(true) => ("holds", Role::Good),
        Some(false) => ("does not hold here", Role::Bad),
        None if facts.is_elsewhere(claim.on.as_deref()) => ("silent on this text", Role::Muted),
        None => ("not run yet", Role::Muted),
    };
    writer.head("Claim", state, role);
    writer.read(&claim.text);
    match (stamp, last.and_then(|last| last.truth)) {
        (Some(stamp), _) => {
            writer.say(role, stamp);
            writer.say(Role::Muted, &format!("measured: {}", of_claim(facts, claim)));
        }
        (None, Some(truth)) => {
            let unit = if claim.arms.len() > 1 { Unit::Plain } else { claim.measure.unit() };
            let bounds = [claim.expect.above, claim.expect.below].into_iter().flatten();
            let truth = measured(unit, truth, bounds.fold(0.0, |most, x| x.abs().max(most)));
            writer.say(Role::Muted, &format!("last time: {truth} ({})", of_claim(facts, claim)));
        }
        (None, None) => {}
    }
    if writer.chosen && !facts.is_elsewhere(claim.on.as_deref()) {
        let runs = claim.arms.len() as u32 * claim.seeds;
        let word = format!("runs it: {} small runs", count(u64::from(runs)));
        writer.keys(&[("!", &word)]);
    }
}

/// What a claim's number is, in words.
fn of_claim(facts: &Facts, claim: &Claim) -> String {
    let [first, second] = &claim.arms[..] else { return claim.measure.to_string() };
    let spoken_of = facts.lesson.stage_of(facts.page);
    let between = match claim.compare {
        Compare::Difference => "less",
        Compare::Ratio => "over",
    };
    let (first, second) = (first.label(spoken_of), second.label(spoken_of));
    format!("{}, {first} {between} {second}", claim.measure)
}

fn a_race(writer: &mut Writer, race: &Race) {
    let facts = writer.facts;
    if let Some(first) = facts.course.gives_away(&facts.lesson.id, facts.page(), &race.id) {
        return writer.head("Race", first.note(), Role::Muted);
    }
    writer.head("Race", "", Role::Muted);
    writer.read(&race.text);
    if writer.chosen {
        let word = format!("trains {} arms side by side", race.arms.len());
        writer.keys(&[("!", &word)]);
    }
}

fn a_figure(writer: &mut Writer, figure: &Figure) {
    let (theme, width) = (writer.facts.theme, writer.width);
    match writer.page.card.map(|card| flow::figure(theme, card, &figure.parts, width)) {
        Some(Some(lines)) => lines.into_iter().for_each(|line| writer.push(line)),
        Some(None) => writer.say(Role::Muted, "the drawing needs a wider pane: z zooms"),
        None => writer.say(Role::Muted, "the drawing comes with the text"),
    }
    writer.read(&figure.caption);
}

fn a_prompt(writer: &mut Writer, prompt: &Prompt, block: &str) {
    let key = writer.key(&prompt.id);
    let facts = writer.facts;
    if let Some(first) = facts.course.gives_away(&key.0, facts.page(), block) {
        return writer.head("In your own words", first.note(), Role::Muted);
    }
    let graded =
        facts.course.progress.last(&key.0, &key.1, &["review"]).and_then(|last| last.right);
    let (state, role) = match graded {
        Some(true) => ("known", Role::Good),
        Some(false) => ("comes back", Role::Warning),
        None => ("", Role::Muted),
    };
    writer.head("In your own words", state, role);
    writer.read(&prompt.q);
    if facts.course.opened.contains(&key) {
        writer.read(&prompt.a);
        if writer.chosen {
            writer.keys(&[("y", "knew it"), ("x", "did not")]);
        }
    } else if writer.chosen {
        writer.keys(&[("i", "shows the answer")]);
    }
}
