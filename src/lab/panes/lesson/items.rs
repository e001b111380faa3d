//! Questions, goals, claims and prompts as they stand on the page: what is asked, what was answered, what the model says.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::lab::facts::Facts;
use crate::lab::markdown::Markdown;
use crate::lab::number::{answer, count};
use crate::lab::theme::Role;
use crate::lesson::item::Question;
use crate::lesson::progress::{Key, Record};
use crate::lesson::{Claim, Goal, Item, Kind, Prompt, Race};

/// The lines of one thing to do, and its place among those of the page (none where there is nothing to do).
type Block = (Option<usize>, Vec<Line<'static>>);

/// What stands on the page for an item; `first` is the place of the first thing of it that can be done.
pub fn blocks(facts: &Facts, item: &Item, first: usize, width: u16) -> Vec<Block> {
    let chosen = |at: usize| facts.course.chosen == at;
    let one = |at: usize, then: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new(facts, chosen(at), width);
        then(&mut writer);
        (Some(at), writer.lines)
    };
    match &item.kind {
        Kind::Predict(_) | Kind::Ask(_) => vec![one(first, &|writer| question(writer, item))],
        Kind::Goal(goal) => vec![one(first, &|writer| a_goal(writer, goal))],
        Kind::Claim(claim) => vec![one(first, &|writer| a_claim(writer, claim))],
        Kind::Race(race) => vec![one(first, &|writer| a_race(writer, race))],
        Kind::Review(prompts) => (first..)
            .zip(prompts)
            .map(|(at, prompt)| one(at, &|writer| a_prompt(writer, prompt)))
            .collect(),
        Kind::Figure(figure) => {
            let mut writer = Writer::new(facts, false, width);
            writer.read(&figure.caption);
            vec![(None, writer.lines)]
        }
        Kind::Code(code) => {
            let mut writer = Writer::new(facts, false, width);
            writer.say(Role::Muted, &format!("the code pane shows {}", code.show));
            vec![(None, writer.lines)]
        }
    }
}

/// Lines behind a bar.
struct Writer<'a> {
    facts: &'a Facts<'a>,
    chosen: bool,
    width: u16,
    lines: Vec<Line<'static>>,
}

impl<'a> Writer<'a> {
    fn new(facts: &'a Facts<'a>, chosen: bool, width: u16) -> Self {
        Self { facts, chosen, width: width.saturating_sub(2).max(1), lines: Vec::new() }
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
        let lines = Markdown::read(&self.facts.fill(markdown)).lines(self.facts.theme, self.width);
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
        Some(Record { truth: None, .. }) => ("the run will tell", Role::Accent),
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
            let keys = [("enter", "answers"), ("esc", "skips")];
            writer.keys(if skips { &keys } else { &keys[..1] });
        }
        None => {}
        Some(said) if said.kind == "skip" && !writer.chosen => {}
        Some(said) if said.kind == "skip" => writer.keys(&[("enter", "answers after all")]),
        Some(said) => verdict(writer, &asked, said),
    }
}

fn verdict(writer: &mut Writer, asked: &Question, said: &Record) {
    let Some(guess) = said.answer else { return };
    let named = |place: f64| {
        let choice = asked.choices.get(place as usize);
        choice.map_or_else(|| answer(place), |choice| writer.facts.fill(choice))
    };
    let sure = said.sure.map_or(String::new(), |sure| format!(", sure {sure} of 5"));
    let yours = format!("You said: {}{sure}.", named(guess));
    let Some(truth) = said.truth else {
        writer.say(Role::Accent, &yours);
        return;
    };
    let role = if said.right == Some(true) { Role::Good } else { Role::Warning };
    let model = match asked.right(truth) {
        Some(right) => format!("The model says: {} ({}).", named(right as f64), answer(truth)),
        None if asked.choices.is_empty() => {
            let off = (guess - truth).abs();
            let share = 100.0 * off / truth.abs().max(f64::MIN_POSITIVE);
            let share = if share < 1000.0 { format!(", {share:.0} %") } else { String::new() };
            format!("The model says: {}; you were {} off{share}.", answer(truth), answer(off))
        }
        None => format!("The model says: {}, which is none of these.", answer(truth)),
    };
    writer.say(role, &format!("{yours} {model}"));
    writer.read(asked.why);
}

fn a_goal(writer: &mut Writer, goal: &Goal) {
    let key = writer.key(&goal.id);
    let facts = writer.facts;
    let met = facts.course.progress.is_met(&key.0, &key.1);
    let elsewhere = elsewhere(facts, goal.on.as_deref());
    let (state, role) = match met {
        true => ("met", Role::Good),
        false if elsewhere => ("not on this text", Role::Muted),
        false => ("open", Role::Accent),
    };
    writer.head("Goal", state, role);
    writer.read(&goal.text);
    let shown = facts.course.hints.get(&key).copied().unwrap_or(0);
    for (number, hint) in goal.hints.iter().take(shown).enumerate() {
        writer.read(&format!("*hint {}*: {hint}", number + 1));
    }
    if met {
        if facts.course.opened.contains(&key) {
            writer.read(&goal.answer);
        } else if writer.chosen {
            writer.keys(&[("enter", "shows one way there")]);
        }
        return;
    }
    if !elsewhere && let Some(now) = standing(facts, goal) {
        writer.say(Role::Muted, &now);
    }
    if writer.chosen && shown < goal.hints.len() {
        let word = format!("a hint, {} left", goal.hints.len() - shown);
        writer.keys(&[("enter", &word)]);
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

/// Whether it is of another text than the one that is trained on.
fn elsewhere(facts: &Facts, on: Option<&str>) -> bool {
    on.is_some_and(|on| facts.corpus.is_some_and(|corpus| !corpus.is(on)))
}

fn a_claim(writer: &mut Writer, claim: &Claim) {
    let key = writer.key(&claim.id);
    let facts = writer.facts;
    let stamp = facts.course.stamps.get(&key);
    let last = facts.course.progress.last(&key.0, &key.1, &["claim"]);
    let (state, role) = match last.and_then(|last| last.right) {
        Some(true) => ("holds", Role::Good),
        Some(false) => ("does not hold here", Role::Bad),
        None if elsewhere(facts, claim.on.as_deref()) => ("silent on this text", Role::Muted),
        None => ("not run yet", Role::Muted),
    };
    writer.head("Claim", state, role);
    writer.read(&claim.text);
    match (stamp, last.and_then(|last| last.truth)) {
        (Some(stamp), _) => writer.say(role, stamp),
        (None, Some(truth)) => writer.say(Role::Muted, &format!("last time: {}", answer(truth))),
        (None, None) => {}
    }
    if writer.chosen && !elsewhere(facts, claim.on.as_deref()) {
        let runs = claim.arms.len() as u32 * claim.seeds;
        let word = format!("runs it: {} small runs", count(u64::from(runs)));
        writer.keys(&[("!", &word)]);
    }
}

fn a_race(writer: &mut Writer, race: &Race) {
    writer.head("Race", "", Role::Muted);
    writer.read(&race.text);
    if writer.chosen {
        let word = format!("trains {} arms side by side", race.arms.len());
        writer.keys(&[("!", &word)]);
    }
}

fn a_prompt(writer: &mut Writer, prompt: &Prompt) {
    let key = writer.key(&prompt.id);
    let facts = writer.facts;
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
        writer.keys(&[("enter", "shows the answer")]);
    }
}
