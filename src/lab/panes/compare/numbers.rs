//! What the runs say: the verdict, every arm's number, how the arms differ, and what each change brought.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use super::names::names;
use super::{drawn, letter, pen};
use crate::lab::experiment::{Shown, State};
use crate::lab::number;
use crate::lab::pen::{clip, put};
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::bar::bar;
use crate::train::experiment::{Compare, Share, Verdict, verdict::with_error};

/// Columns of the longest bar.
const BAR: usize = 16;
/// Columns of a curve's letter and its stroke.
const KEY: u16 = 5;
/// Columns of an arm's name at least.
const LEAST_NAME: usize = 4;
/// More arms than that stand in several columns where there is room.
const TALL: usize = 4;

/// Draws as many of the groups as have room, each whole or not at all, the most important first; the rows that they take.
/// Without a buffer it only counts.
pub fn draw(theme: &Theme, shown: &Shown, area: Rect, buf: Option<&mut Buffer>) -> u16 {
    let verdict = verdict(shown);
    let verdict = (signs(theme, &verdict.0), verdict.1);
    let wrapped = Paragraph::new(verdict.0).wrap(Wrap { trim: true }).style(theme.style(verdict.1));
    let said = wrapped.line_count(area.width) as u16;
    let (arms, differences, shares) = (arms(shown), differences(shown), shares(shown));
    let key = Key::of(&arms, area.width);
    let mut heights = [said, key.rows(arms.len()), differences.len() as u16, shares.len() as u16];
    let mut left = area.height;
    for height in &mut heights {
        if *height > left {
            *height = 0;
        }
        left -= *height;
    }
    let rows = heights.iter().sum();
    let Some(buf) = buf else { return rows };
    let [said, arm_rows, difference_rows, share_rows] = heights;
    let mut y = area.y;
    if arm_rows > 0 {
        for (i, arm) in arms.iter().enumerate() {
            let (row, column) = (i as u16 % arm_rows, i as u16 / arm_rows);
            let place = Rect { x: area.x + column * key.width, width: key.width, ..area };
            key.draw(theme, shown, arm, place.intersection(area), y + row, buf);
        }
        y += arm_rows;
    }
    for text in differences.iter().take(usize::from(difference_rows)) {
        whole(buf, area, area.x, y, &signs(theme, text), theme.style(Role::Muted));
        y += 1;
    }
    if said > 0 {
        wrapped.render(Rect { y, height: said, ..area }, buf);
        y += said;
    }
    if share_rows > 0 {
        draw_shares(theme, &shares, Rect { y, height: share_rows, ..area }, buf);
    }
    rows
}

/// Which letter is which arm, and its number: in one column, or in as many as it takes to have no more rows than [`TALL`].
struct Key {
    /// Of a column, with the gap behind it.
    width: u16,
    columns: u16,
    /// Of a name.
    label: usize,
}

impl Key {
    fn of(arms: &[Arm], width: u16) -> Self {
        let widest = |of: fn(&Arm) -> &str| arms.iter().map(|arm| of(arm).width()).max();
        let label = widest(|arm| &arm.label).unwrap_or(0);
        let number = widest(|arm| &arm.number).unwrap_or(0);
        let needed = usize::from(KEY) + label + 2 + number + 2;
        let fit = (usize::from(width) / needed.max(1)).clamp(1, arms.len().div_ceil(TALL).max(1));
        // What is said of an arm comes before the end of its name.
        let room = usize::from(width).saturating_sub(usize::from(KEY) + 2 + number);
        let column = if fit == 1 { width } else { width / fit as u16 };
        Self { width: column, columns: fit as u16, label: label.min(room.max(LEAST_NAME)) }
    }

    fn rows(&self, arms: usize) -> u16 {
        (arms as u16).div_ceil(self.columns)
    }

    fn draw(&self, theme: &Theme, shown: &Shown, arm: &Arm, area: Rect, y: u16, buf: &mut Buffer) {
        let pen = pen(theme, arm.place);
        // Without curves the letter alone says which it is.
        let stroke = if shown.experiment.watched {
            pen.stroke(theme.glyphs.ascii, 2)
        } else {
            String::new()
        };
        put(buf, area, area.x, y, &format!("{} {stroke}", letter(arm.place)), pen.style);
        let text = clip(&arm.label, self.label, theme.glyphs.ellipsis);
        put(buf, area, area.x + KEY, y, &text, Style::new());
        let x = area.x + KEY + self.label as u16 + 2;
        whole(buf, area, x, y, &signs(theme, &arm.number), Style::new());
    }
}

/// Where only ASCII shows, `±` is two signs.
fn signs(theme: &Theme, text: &str) -> String {
    if theme.glyphs.ascii { text.replace('±', "+-") } else { text.to_owned() }
}

/// Writes a text if all of it fits.
fn whole(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) {
    if usize::from(area.right().saturating_sub(x)) >= text.width() {
        put(buf, area, x, y, text, style);
    }
}

/// How far it is, or that it has ended: what is said of many lines, of which no two are compared.
pub fn state(theme: &Theme, shown: &Shown, area: Rect, buf: &mut Buffer) {
    let (text, role) = if shown.has_ended() {
        let one = shown.experiment.seeds.len() == 1;
        let of = if one { "one seed" } else { "the mean over seeds" };
        (format!("each number: {of}"), Role::Muted)
    } else {
        verdict(shown)
    };
    Paragraph::new(text).wrap(Wrap { trim: true }).style(theme.style(role)).render(area, buf);
}

/// In words, and how they look.
fn verdict(shown: &Shown) -> (String, Role) {
    let all = shown.experiment.arms.len() * shown.experiment.seeds.len();
    match &shown.state {
        State::Running => {
            let left = shown.seconds_left.map(|s| format!(", {} left", number::duration(s)));
            let (ended, left) = (shown.runs.len(), left.unwrap_or_default());
            (format!("{ended} of {all} runs have ended{left}; ctrl-x cancels"), Role::Muted)
        }
        State::Cancelled => {
            (format!("cancelled when {} of {all} runs had ended", shown.runs.len()), Role::Warning)
        }
        State::Failed(why) => (why.clone(), Role::Bad),
        State::Ended => {
            let verdict = shown.experiment.verdict(&shown.runs);
            let role = match verdict.holds {
                None => Role::Text,
                Some(true) => Role::Good,
                Some(false) => Role::Bad,
            };
            (said(shown, &verdict), role)
        }
    }
}

/// Of two arms, what they differ by; of more, of which no two are compared unless something is expected of them, only what the
/// numbers above are.
fn said(shown: &Shown, verdict: &Verdict) -> String {
    let experiment = &shown.experiment;
    let (measured, last) = (experiment.measured(), experiment.arms.len() - 1);
    if verdict.holds.is_none() && last > 0 {
        let seeds = experiment.seeds.len();
        let plural = if seeds == 1 { "" } else { "s" };
        let failed = verdict.without_number();
        return format!("{measured}, {seeds} seed{plural}{failed}");
    }
    if last == 0 {
        return format!("{measured}: {verdict}");
    }
    let (sign, place) = (sign(experiment.compare), letter(drawn(shown).len() - 1));
    format!("{measured}, {} {sign} {place}: {verdict}", letter(0))
}

fn sign(compare: Compare) -> char {
    match compare {
        Compare::Difference => '-',
        Compare::Ratio => '/',
    }
}

/// A count with separators; another number as its error lets it be known.
fn as_counted(verdict: &Verdict) -> String {
    match verdict.mean {
        Some(mean) if verdict.is_exact() && mean.fract() == 0.0 && (1e4..1e15).contains(&mean) => {
            number::count(mean as u64)
        }
        _ => verdict.number(),
    }
}

struct Arm {
    place: usize,
    label: String,
    number: String,
}

fn arms(shown: &Shown) -> Vec<Arm> {
    let names = names(&shown.experiment, None);
    let arm = |(place, arm): (usize, usize)| {
        let alone = shown.experiment.alone(&shown.runs, arm);
        let there = alone.values.iter().flatten().count();
        let (step, steps) = shown.steps(arm);
        let mut number = if there > 0 {
            let seeds = if there == 1 { "seed" } else { "seeds" };
            format!("{}  {there} {seeds}", as_counted(&alone))
        } else if let (State::Running, Some(loss)) = (&shown.state, shown.batch_loss(arm)) {
            let (step, steps) = (number::count(step), number::count(steps));
            // Beside a figure it would be read as that.
            let what = if shown.experiment.measure.is_a_loss() { "batch" } else { "batch loss" };
            format!("{what} {}  step {step} of {steps}", number::loss(loss))
        } else {
            String::new()
        };
        let diverged = shown.diverged(arm);
        if diverged > 0 {
            let gap = if number.is_empty() { "" } else { "  " };
            number = format!("{number}{gap}{diverged} diverged");
        }
        Arm { place, label: names[arm].clone(), number }
    };
    drawn(shown).into_iter().enumerate().map(arm).collect()
}

/// The first arm against each other, as far as pairs of runs have ended.
fn differences(shown: &Shown) -> Vec<String> {
    let sign = sign(shown.experiment.compare);
    let against = |(place, arm): (usize, usize)| {
        let verdict = shown.experiment.against(&shown.runs, arm);
        verdict.mean?;
        Some(format!("{} {sign} {}  {}", letter(0), letter(place), as_counted(&verdict)))
    };
    drawn(shown).into_iter().enumerate().skip(1).filter_map(against).collect()
}

fn shares(shown: &Shown) -> Vec<Share> {
    let mut shares = shown.experiment.shares(&shown.runs);
    shares.retain(|share| share.mean.is_some());
    shares
}

/// Bars as long as the shares are large; one below 0 has its sign in front.
fn draw_shares(theme: &Theme, shares: &[Share], area: Rect, buf: &mut Buffer) {
    let of = |share: &Share| share.mean.unwrap_or(0.0);
    let largest = shares.iter().map(|share| of(share).abs()).fold(0.0, f64::max);
    let widest = shares.iter().map(|share| share.switch.width()).max().unwrap_or(0);
    let written = |share: &Share| signs(theme, &with_error(of(share), share.error));
    let numbers: Vec<_> = shares.iter().map(written).collect();
    let number = numbers.iter().map(|number| number.width()).max().unwrap_or(0);
    let room = usize::from(area.width).saturating_sub(widest + number + 5);
    for ((y, share), text) in (area.y..).zip(shares).zip(&numbers) {
        put(buf, area, area.x, y, &share.switch, Style::new());
        let x = area.x + widest as u16 + 1;
        let negative = of(share) < 0.0;
        if negative {
            put(buf, area, x, y, "-", theme.style(Role::Bad));
        }
        let length = room.min(BAR);
        let drawn = bar(of(share).abs() / largest, length, &theme.glyphs);
        let role = if negative { Role::Bad } else { Role::Good };
        put(buf, area, x + 1, y, &drawn, theme.style(role));
        whole(buf, area, x + 2 + length as u16, y, text, Style::new());
    }
}
