//! The story pane: one held-out example sentence by sentence, with what every hop or head takes from each, what is asked, and
//! what the model answers beside what is right.
//!
//! A hop that looks at whole sentences has one weight for each. A head that looks at tokens has one for each of them: drawn is
//! their sum over a sentence.

#[cfg(test)]
mod tests;

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor::to;
use crate::lab::facts::Facts;
use crate::lab::number::{count, probability};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::heat_map::Window;
use crate::model::card::{Map, Side};
use crate::probe::sentences::{INSTRUMENT, LIKELIEST, RIGHT, told, ways};
use crate::probe::{Arguments, Measured};
use crate::task::{self, Unanswered};
use crate::train::Subscription;
use crate::train::event::RunId;

/// What lesson files call the pane.
const NAME: &str = "story";
/// Columns before a sentence: the cursor, and the sign of what tells the answer.
const SIGNS: usize = 2;
/// Columns of a weight in percent, with the gap before it, and of the longest bar after it.
const NUMBER: usize = 4;
const LONGEST_BAR: usize = 10;
/// Sentences that a page up or down moves over.
const PAGE: usize = 8;

#[derive(Debug, Default)]
pub struct Story {
    /// Which held-out example.
    which: usize,
    /// What the learner wrote instead, and its tokens.
    own: Option<(String, Vec<u32>)>,
    /// What was typed last, whether it was a story or not.
    last: String,
    /// Why the last line was no story, and the run that it was typed for.
    error: Option<String>,
    run: Option<RunId>,
    /// `None` is the last sentence.
    cursor: Option<usize>,
    /// The first hop or head that is shown.
    first: usize,
}

/// The reading, taken apart.
struct Shown<'a> {
    measured: &'a Measured,
    tokens: Vec<u32>,
    /// Each with its end.
    sentences: Vec<Range<usize>>,
    question: Range<usize>,
    ways: Vec<(&'a Map, usize)>,
}

/// Where things stand.
struct Places {
    /// Columns of a sentence.
    text: usize,
    /// Columns of a bar.
    bar: usize,
    ways: Window,
    /// What is looked at: the sentences, and where a head looks at it as well, the question.
    rows: Window,
    /// Why the learner's own story has no answer, where it has none.
    no: Option<Unanswered>,
    /// Rows of that.
    why: u16,
    /// Whether there is a line above them.
    headed: bool,
}

impl<'a> Shown<'a> {
    fn of(facts: &Facts<'a>) -> Option<Self> {
        let end = facts.run?.config.model.sentences?.end;
        let all = &facts.snapshot?.readings;
        let measured = all.iter().find(|measured| measured.instrument == INSTRUMENT.name)?;
        let ways: Vec<_> = ways(facts.card()?).collect();
        let &[rows, time] = measured.reading.shape.as_slice() else { return None };
        // What was measured of another run has other rows.
        let whole = measured.reading.values.len() == rows * time && rows == 1 + ways.len();
        let ids = measured.reading.values.get(..time).filter(|_| whole && time > 0)?;
        let tokens: Vec<u32> = ids.iter().map(|id| *id as u32).collect();
        let (mut sentences, mut start) = (Vec::new(), 0);
        for (t, _) in tokens.iter().enumerate().filter(|(_, token)| **token == end) {
            sentences.push(start..t + 1);
            start = t + 1;
        }
        Some(Self { measured, sentences, question: start..time, tokens, ways })
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.measured.reading.figure(name)
    }

    /// What a hop or head takes from some tokens together.
    fn weight(&self, way: usize, of: &Range<usize>) -> f64 {
        let row = &self.measured.reading.values[(1 + way) * self.tokens.len()..];
        row[of.clone()].iter().map(|weight| f64::from(*weight)).sum()
    }

    fn looks_at_tokens(&self) -> bool {
        self.ways.iter().any(|(map, _)| map.columns == Side::Prompt)
    }

    /// How many rows there are to see.
    fn rows(&self) -> usize {
        self.sentences.len() + usize::from(self.looks_at_tokens())
    }

    /// Row `i`: its tokens and its words.
    fn row(&self, facts: &Facts, i: usize) -> (&Range<usize>, String) {
        match self.sentences.get(i) {
            Some(range) => (range, self.words(facts, range.start..range.end - 1)),
            None => (&self.question, "(the question)".to_owned()),
        }
    }

    fn words(&self, facts: &Facts, range: Range<usize>) -> String {
        let words: Vec<_> = self.tokens[range].iter().map(|id| facts.label(*id)).collect();
        words.join(" ")
    }

    fn tells(&self, sentence: usize) -> bool {
        let told = (0..).map_while(|i| self.figure(&told(i)));
        told.into_iter().any(|told| told == sentence as f64)
    }

    /// `H1`, or `L1.2` of the second head.
    fn name(&self, way: usize) -> String {
        let (map, head) = self.ways[way];
        if map.heads == 1 { map.sign.clone() } else { format!("{}.{}", map.sign, head + 1) }
    }
}

/// A weight in percent, in three columns; what is not 0 is never written as 0.
fn percent(weight: f64) -> String {
    match weight {
        w if !w.is_finite() => "  ?".to_owned(),
        w if w > 0.0 && w < 0.005 => " <1".to_owned(),
        w => format!("{:>3.0}", 100.0 * w),
    }
}

impl Story {
    /// Why the learner's own story has no answer, where it has none.
    fn unanswered(&self, facts: &Facts) -> Option<Unanswered> {
        let (text, _) = self.own.as_ref()?;
        task::unanswered(&facts.run?.config.task, text).filter(|_| is_own(facts))
    }

    fn places(&self, facts: &Facts, shown: &Shown, area: Rect) -> Places {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let longest = (0..shown.rows()).map(|i| shown.row(facts, i).1.width()).max();
        let text = longest.unwrap_or(0).min(width.saturating_sub(SIGNS));
        // The question and the answer stand below.
        let headed = height >= 5;
        // Lines end with whole words, and so there may be one more.
        let rows_of = |text: &str| match text.width() {
            wide if wide <= width => 1,
            wide => wide.div_ceil(width.max(1)) + 1,
        };
        let no = self.unanswered(facts);
        let why = no.as_ref().filter(|no| no.sentence.is_some() || no.why.len() > 30);
        let why = why.map_or(0, |no| rows_of(&no.why));
        let why = if height > why + 4 { why } else { 0 };
        let rows = height.saturating_sub(2 + why + usize::from(headed));
        let (all, room) = (shown.ways.len(), width.saturating_sub(SIGNS + text));
        let fit = all.min(room / (NUMBER + 1));
        let first = self.first.min(all.saturating_sub(fit));
        let bar = (room.checked_div(fit)).map_or(0, |each| (each - NUMBER).min(LONGEST_BAR));
        let last = shown.rows().saturating_sub(1);
        let cursor = self.cursor.unwrap_or(last).min(last);
        Places {
            text,
            bar,
            ways: Window { first, shown: fit, total: all },
            rows: Window::around(cursor, shown.rows(), rows),
            no,
            why: why as u16,
            headed,
        }
    }

    /// Above the sentences: which of them there are, and the hops or heads.
    fn head(facts: &Facts, shown: &Shown, places: &Places, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let muted = theme.style(Role::Muted);
        let rows = places.rows;
        let begins = SIGNS + places.text;
        let room = if places.ways.shown == 0 { usize::from(area.width) } else { begins };
        let name = facts.card().map_or("This model", |card| card.name);
        let texts = [
            (shown.ways.is_empty(), format!("{name} gives no sentence a weight")),
            (!rows.is_whole(), format!("{} shown", rows.describe())),
            (!rows.is_whole(), format!("{} up, down: the others", theme.glyphs.cursor)),
            (true, format!("{} tells the answer", theme.glyphs.bullet)),
        ];
        let mut x = area.x;
        for (_, text) in texts.iter().filter(|(wanted, _)| *wanted) {
            let used = usize::from(x - area.x);
            if used + text.width() <= room {
                x = put(buf, area, x, area.y, text, muted) + 2;
            }
        }
        for i in 0..places.ways.shown {
            let (way, x) = (places.ways.first + i, places.way(area, i));
            let name = format!("{:>NUMBER$}", shown.name(way));
            if name.width() <= NUMBER + places.bar {
                put(buf, area, x, area.y, &name, theme.ghost(way));
            }
        }
    }

    fn row(
        &self,
        facts: &Facts,
        shown: &Shown,
        places: &Places,
        i: usize,
        at: Rect,
        buf: &mut Buffer,
    ) {
        let theme = facts.theme;
        let (range, words) = shown.row(facts, i);
        let last = shown.rows() - 1;
        // Where all of it is in sight there is nowhere to go.
        if !places.rows.is_whole() && self.cursor.unwrap_or(last).min(last) == i {
            put(buf, at, at.x, at.y, theme.glyphs.cursor, theme.style(Role::Accent));
        }
        let tells = shown.tells(i);
        if places.no.as_ref().is_some_and(|no| no.sentence == Some(i)) {
            put(buf, at, at.x + 1, at.y, theme.glyphs.failed, theme.style(Role::Bad));
        }
        if tells {
            put(buf, at, at.x + 1, at.y, theme.glyphs.bullet, theme.style(Role::Accent));
        }
        let role = if i < shown.sentences.len() { Role::Text } else { Role::Muted };
        let words = clip(&words, places.text, theme.glyphs.ellipsis);
        let style = theme.style(if tells { Role::Accent } else { role });
        put(buf, at, at.x + SIGNS as u16, at.y, &words, style);
        for place in 0..places.ways.shown {
            let (way, x) = (places.ways.first + place, places.way(at, place));
            let style = theme.ghost(way);
            let weight = shown.weight(way, range);
            let x = put(buf, at, x + 1, at.y, &percent(weight), style);
            put(buf, at, x, at.y, &bar(weight, places.bar, &theme.glyphs), style);
        }
    }

    /// `says hall 0.982 ✓`, or `says hall 0.512 ✗ right: attic 0.433`.
    fn answer(facts: &Facts, shown: &Shown, no: Option<&Unanswered>, at: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
        let of = |[name, p]: [&str; 2]| Some((shown.figure(name)? as u32, shown.figure(p)?));
        let Some((answer, top)) = of(LIKELIEST) else { return };
        let write = |(id, p): (u32, f64)| format!("{} {}", facts.label(id), probability(p));
        let (right, glyphs) = (of(RIGHT), &theme.glyphs);
        let (verdict, role) = match right {
            Some((id, _)) if id == answer && is_own(facts) => {
                (format!(" {} the story tells it", glyphs.done), Role::Good)
            }
            Some((id, _)) if id == answer => (format!(" {} right", glyphs.done), Role::Good),
            Some(right) if is_own(facts) => {
                (format!(" {} the story tells {}", glyphs.failed, write(right)), Role::Bad)
            }
            Some(right) => (format!(" {} right: {}", glyphs.failed, write(right)), Role::Bad),
            None => match no.and_then(|no| no.sentence) {
                Some(_) => (" the story cannot be".to_owned(), Role::Warning),
                None => (" the story does not tell".to_owned(), Role::Muted),
            },
        };
        // From what matters most to what matters least; what does not fit is dropped whole.
        let said = write((answer, top));
        let room = usize::from(at.width);
        let mut x = at.x;
        let short = clip(&said, room, glyphs.ellipsis);
        if said.width() + verdict.width() + 5 <= room {
            x = put(buf, at, x, at.y, "says ", muted);
        }
        x = put(buf, at, x, at.y, &short, text);
        if usize::from(at.right().saturating_sub(x)) >= verdict.width() {
            put(buf, at, x, at.y, &verdict, theme.style(role));
        }
    }
}

impl Places {
    /// The column where a shown hop or head begins.
    fn way(&self, area: Rect, place: usize) -> u16 {
        area.x + (SIGNS + self.text + place * (NUMBER + self.bar)) as u16
    }
}

/// Whether what is measured is what somebody typed: the story before it may still be on the screen.
fn is_own(facts: &Facts) -> bool {
    Shown::of(facts).is_some_and(|shown| !shown.measured.arguments.question.is_empty())
}

/// Whether the run's examples are sentences.
fn reads_sentences(facts: &Facts) -> bool {
    facts.run.is_some_and(|run| run.config.model.sentences.is_some())
}

impl Pane for Story {
    fn title(&self) -> &'static str {
        "Story"
    }

    fn detail(&self, facts: &Facts) -> String {
        let Some(shown) = Shown::of(facts) else { return String::new() };
        if self.error.is_some() {
            return "not read".to_owned();
        }
        if !shown.measured.arguments.question.is_empty() {
            return "your own".to_owned();
        }
        let of = shown.figure("of").unwrap_or(0.0) as u64;
        format!("{} of {} held out", count(shown.measured.arguments.row as u64 + 1), count(of))
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        let Some(shown) = Shown::of(facts) else { return "no sentences".to_owned() };
        let ways = self.places(facts, &shown, seat.room).ways;
        let more = if ways.is_whole() || ways.shown == 0 { "" } else { "; v: more" };
        match (shown.ways.is_empty(), shown.looks_at_tokens()) {
            (true, _) => "what it answers; left, right: other stories".to_owned(),
            (_, true) => format!("% of each head, summed over a sentence{more}"),
            (_, false) => format!("% that each hop takes; left, right: others{more}"),
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, seat.room);
        if !reads_sentences(facts) {
            let text = "This run reads no stories: its examples are no sentences.";
            return sentence(theme, text, area, buf);
        }
        if let Some(error) = &self.error {
            return sentence(theme, error, area, buf);
        }
        let Some(shown) = Shown::of(facts) else {
            return sentence(theme, "A story is seen with the first step.", area, buf);
        };
        let places = self.places(facts, &shown, area);
        if places.headed {
            Self::head(facts, &shown, &places, area, buf);
        }
        let top = area.y + u16::from(places.headed);
        for i in 0..places.rows.shown {
            let at = Rect { y: top + i as u16, height: 1, ..area };
            self.row(facts, &shown, &places, places.rows.first + i, at, buf);
        }
        let below = top + places.rows.shown as u16;
        let question = shown.words(facts, shown.question.clone()).replace(" ?", "?");
        let question = clip(&question, usize::from(area.width), theme.glyphs.ellipsis);
        let answered = area.height >= 2;
        if answered {
            put(buf, area, area.x, below, &question, theme.style(Role::Heading));
        }
        let at = Rect { y: below + u16::from(answered), height: 1, ..area };
        Self::answer(facts, &shown, places.no.as_ref(), at.intersection(area), buf);
        if let Some(no) = places.no.filter(|_| places.why > 0) {
            let at = Rect { y: at.y + 1, height: places.why, ..area };
            let paragraph = Paragraph::new(no.why).wrap(Wrap { trim: true });
            paragraph.style(theme.style(Role::Warning)).render(at.intersection(area), buf);
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        if !reads_sentences(facts) {
            return Vec::new();
        }
        if action == Action::TypeValue {
            let example = facts.run.and_then(|run| task::example(&run.config.task));
            let text = match self.last.as_str() {
                "" => example.unwrap_or_default().to_owned(),
                last => last.to_owned(),
            };
            return vec![Wish::Line { pane: NAME, label: "story".to_owned(), text }];
        }
        let Some(shown) = Shown::of(facts) else { return Vec::new() };
        let last = shown.rows().saturating_sub(1);
        let cursor = self.cursor.unwrap_or(last).min(last);
        let stories = (shown.figure("of").unwrap_or(1.0) as usize).max(1);
        match action {
            Action::Left | Action::Right => {
                // From one's own, back to where one was.
                if self.own.take().is_none() {
                    let step = if action == Action::Left { stories - 1 } else { 1 };
                    self.which = (self.which + step) % stories;
                }
                (self.cursor, self.error) = (None, None);
            }
            Action::End => self.cursor = None,
            Action::CycleView => {
                let ways = self.places(facts, &shown, seat.room).ways;
                let next = ways.first + ways.shown;
                self.first = if next < ways.total { next } else { 0 };
            }
            _ => self.cursor = to(action, cursor, PAGE, last).or(self.cursor),
        }
        Vec::new()
    }

    /// From what was typed back to what is held out.
    fn back(&mut self) -> bool {
        let typed = self.own.take().is_some() | self.error.take().is_some();
        if typed {
            self.cursor = None;
        }
        typed
    }

    fn asks_questions(&self) -> bool {
        true
    }

    fn typed(&mut self, facts: &Facts, text: &str) -> Vec<Wish> {
        (self.own, self.error, self.cursor) = (None, None, None);
        // An empty line goes back to what is held out.
        let text = text.trim();
        text.clone_into(&mut self.last);
        self.run = facts.run.map(|run| run.id);
        let read = facts.run.filter(|_| !text.is_empty());
        match read.and_then(|run| task::typed(&run.config.task, text)) {
            Some(Ok(ids)) => self.own = Some((text.to_owned(), ids)),
            Some(Err(why)) => {
                self.error = Some(format!("{why}. Left or right: back to what is held out."));
            }
            None => {}
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if let Some(shown) = Shown::of(facts).filter(|_| self.error.is_none()) {
            let places = self.places(facts, &shown, seat.room);
            let top = seat.room.y + u16::from(places.headed);
            let row = at.y.checked_sub(top).map(usize::from);
            if let Some(row) = row.filter(|row| *row < places.rows.shown) {
                self.cursor = Some(places.rows.first + row);
            }
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if reads_sentences(facts) {
            let question = self.own.as_ref().map(|(_, ids)| ids.clone()).unwrap_or_default();
            let told = Arguments { row: self.which, question, ..Arguments::default() };
            wanted.instruments.push((INSTRUMENT.name, told));
        }
    }

    /// What was wrong with a line is no longer said in another run.
    fn refresh(&mut self, facts: &Facts) {
        if self.run != facts.run.map(|run| run.id) {
            self.error = None;
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView, Action::TypeValue]
    }
}
