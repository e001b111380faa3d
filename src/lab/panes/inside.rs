//! The inside pane: how large weights, gradients, updates and activations are, and how fast it all goes.

mod added;
mod figures;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put};
use crate::lab::run::Status;
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::scale::{Kind, Scale};
use crate::probe::{Arguments, sizes};
use crate::train::Subscription;
use added::Sum;
use figures::{Flow, Sizes};

/// Lines that a page key moves by.
const PAGE: usize = 8;
/// A healthy update changes a weight by about a thousandth of its size (Karpathy, makemore part 3; Goodfellow and others,
/// section 8.5, after Bottou); far from it a word says so.
const HEALTHY: f64 = 1e-3;
const HIGH: f64 = 3e-2;
const LOW: f64 = 1e-5;

#[derive(Debug, Default)]
pub struct Inside {
    /// Whether every parameter has its row, instead of every layer.
    each: bool,
    /// Lines left out at the top.
    scroll: usize,
    parameters: Vec<Sizes>,
    layers: Vec<Sizes>,
    blocks: Vec<Sizes>,
    flow: Vec<Flow>,
    sums: Vec<Sum>,
}

/// What a line of the pane holds.
enum Line<'a> {
    Text(String, Role),
    SizesHead,
    Sizes(&'a Sizes),
    /// Whether dead units are counted in some of what follows.
    FlowHead(bool),
    Flow(&'a Flow),
    /// And the columns of its title.
    Added(&'a added::Row, u16),
}

impl Inside {
    /// The pane's lines for a width: speed, sizes, activations.
    fn lines(&self, facts: &Facts, width: u16) -> Vec<Line<'_>> {
        let mut lines: Vec<Line> = speed(facts, width).map(|t| Line::Text(t, Role::Text)).collect();
        let sizes = match (self.each, width) {
            (true, _) => &self.parameters,
            (false, 0..30) => &self.blocks,
            (false, _) => &self.layers,
        };
        let space = || Line::Text(String::new(), Role::Text);
        let titles = added::names(&self.sums);
        for sum in &self.sums {
            lines.push(space());
            let head = format!("{}: rms of what is added", sum.name);
            lines.push(Line::Text(head, Role::Muted));
            lines.extend(sum.rows.iter().map(|row| Line::Added(row, titles)));
        }
        if sizes.is_empty() {
            let text = "Sizes of weights, gradients and updates come with the next step.";
            lines.extend([space(), Line::Text(text.to_owned(), Role::Muted)]);
        } else {
            lines.extend([space(), Line::SizesHead]);
            lines.extend(sizes.iter().map(Line::Sizes));
        }
        if !self.flow.is_empty() {
            let counted = self.flow.iter().any(|flow| flow.dead.is_some());
            lines.extend([space(), Line::FlowHead(counted)]);
            lines.extend(self.flow.iter().map(Line::Flow));
        }
        lines
    }

    /// Lines from the scroll position on.
    fn list(&self, facts: &Facts, lines: &[Line], area: Rect, buf: &mut Buffer) {
        let most = lines.len().saturating_sub(usize::from(area.height));
        let first = self.scroll.min(most);
        for (line, row) in lines[first..].iter().zip(area.rows()) {
            draw_line(facts, line, row, buf);
        }
    }
}

impl Pane for Inside {
    fn title(&self) -> &'static str {
        "Inside"
    }

    fn detail(&self, facts: &Facts) -> String {
        let rows = if self.each { "every parameter" } else { "by layer" };
        match facts.snapshot.filter(|snapshot| !snapshot.norms.is_empty()) {
            Some(snapshot) => format!("step {} · {rows}", number::count(snapshot.step)),
            None => String::new(),
        }
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        "rms sizes; healthy: upd/wgt ~ 1e-3".to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let lines = self.lines(facts, area.width);
        // On the whole screen activations stand beside the sizes.
        let beside = lines.iter().position(|line| matches!(line, Line::FlowHead(_)));
        if let Some(split) = beside.filter(|_| seat.zoomed && area.width >= 120) {
            let top = lines.iter().position(|line| matches!(line, Line::SizesHead)).unwrap_or(0);
            for (line, row) in lines[..top].iter().zip(area.rows()) {
                draw_line(facts, line, row, buf);
            }
            let top_row = (top as u16).min(area.height);
            let area = Rect { y: area.y + top_row, height: area.height - top_row, ..area };
            let width = area.width * 3 / 5;
            let left = Rect { width: width - 3, ..area };
            let right = Rect { x: area.x + width, width: area.width - width, ..area };
            self.list(facts, &lines[top..split.saturating_sub(1).max(top)], left, buf);
            for (line, row) in lines[split..].iter().zip(right.rows()) {
                draw_line(facts, line, row, buf);
            }
            return;
        }
        self.list(facts, &lines, area, buf);
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let lines = self.lines(facts, seat.room.width);
        let most = lines.len().saturating_sub(seat.room.height.into());
        let block = |line: &Line| match line {
            Line::Sizes(sizes) => figures::block(&sizes.name),
            _ => None,
        };
        // The first lines of blocks.
        let starts: Vec<usize> = (0..lines.len())
            .filter(|&i| {
                block(&lines[i]).is_some() && (i == 0 || block(&lines[i]) != block(&lines[i - 1]))
            })
            .collect();
        let scroll = self.scroll.min(most);
        let to = match action {
            Action::CycleView => {
                self.each = !self.each;
                0
            }
            Action::Up => scroll.saturating_sub(1),
            Action::Down => scroll + 1,
            Action::PageUp => scroll.saturating_sub(PAGE),
            Action::PageDown => scroll + PAGE,
            Action::Home => 0,
            Action::End => most,
            Action::NextLayer => starts.iter().find(|i| **i > scroll).copied().unwrap_or(scroll),
            Action::PreviousLayer => {
                starts.iter().rev().find(|i| **i < scroll).copied().unwrap_or(0)
            }
            _ => scroll,
        };
        self.scroll = to.min(most);
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        wanted.norms = true;
        let prompt = facts.prompt.tokens.clone();
        wanted
            .instruments
            .push((sizes::INSTRUMENT.name, Arguments { prompt, ..Arguments::default() }));
    }

    fn refresh(&mut self, facts: &Facts) {
        (self.parameters, self.layers, self.blocks) = Default::default();
        (self.flow, self.sums) = Default::default();
        if let Some((card, snapshot)) = facts.card().zip(facts.snapshot) {
            self.parameters = figures::parameters(&snapshot.norms, &card.learned);
            let norms = figures::norms(card);
            let layer = |name: &str| figures::layer_or_half_norm(&norms, name);
            let block = |name: &str| figures::block_or_layer(&norms, name);
            self.layers = figures::together(&self.parameters, layer);
            self.blocks = figures::together(&self.parameters, block);
            self.sums = added::sums(facts);
            self.flow = snapshot.reading(sizes::INSTRUMENT.name).map_or(Vec::new(), Flow::all);
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::CycleView, Action::PreviousLayer, Action::NextLayer]
    }
}

/// How fast it trains.
fn speed(facts: &Facts, width: u16) -> impl Iterator<Item = String> {
    let Some(run) = facts.run else {
        return vec!["The trainer is opening its first run.".to_owned()].into_iter();
    };
    let speed = run.speed;
    let mut parts = Vec::new();
    if speed.steps_per_second > 0.0 {
        parts.push(format!("{} steps/s", number::short(speed.steps_per_second)));
        let unit = if run.has_tokens() { "tokens" } else { "examples" };
        parts.push(format!("{} {unit}/s", number::short(speed.tokens_per_second)));
        if speed.gflops > 0.0 {
            parts.push(format!("{:.1} GFLOP/s", speed.gflops));
        }
        if let Some(share) = facts.peak_share() {
            parts.push(format!("{:.0} % of this processor's peak", share * 100.0));
        }
    }
    if let Some(last) = run.last {
        parts.push(format!("gradient norm {}", number::value(last.grad_norm)));
    }
    if run.status == Status::Opening {
        return vec![format!("The trainer is opening {}.", run.stage())].into_iter();
    }
    parts.push(format!("{} parameters", number::count(run.parameters as u64)));
    parts.push(format!("{} {}", run.threads, if run.threads == 1 { "thread" } else { "threads" }));
    if let Some((mean, worst)) = facts.frame_cost.mean().zip(facts.frame_cost.worst()) {
        let [mean, worst] = [mean, worst].map(|cost| cost.as_secs_f64() * 1e3);
        parts.push(format!("frame {mean:.1} ms, worst {worst:.1}"));
    }
    // As many to a line as fit.
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + part.chars().count() <= width.into() => {
                *line = format!("{line} · {part}");
            }
            _ => lines.push(part),
        }
    }
    lines.into_iter()
}

fn draw_line(facts: &Facts, line: &Line, row: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    match line {
        Line::Text(text, role) => {
            let text = clip(text, row.width.into(), theme.glyphs.ellipsis);
            put(buf, row, row.x, row.y, &text, theme.style(*role));
        }
        Line::SizesHead => {
            let columns = Columns::for_sizes(row);
            let gradient = if columns.figures[1] < 9 { "grad" } else { "gradient" };
            columns.figures(row, ["weight", gradient, "update", "upd/wgt"], muted, buf);
            if columns.bar > 10 {
                let x = columns.bar_start(row);
                // The guide of the bars, named; their start where the two names do not touch.
                let guide = x + columns.bar / 2 - 1;
                put(buf, row, guide, row.y, "1e-3", muted);
                if x + 4 < guide {
                    put(buf, row, x, row.y, "1e-6", muted);
                }
            }
        }
        Line::Sizes(sizes) => draw_sizes(facts, sizes, row, buf),
        Line::FlowHead(counted) => {
            let columns = Columns::for_flow(row);
            put(buf, row, row.x, row.y, "activation", muted);
            let dead = if *counted { "dead ReLUs" } else { "" };
            columns.figures(row, ["rms", dead, "", ""], muted, buf);
        }
        Line::Added(added, names) => added::draw(facts, added, *names, row, buf),
        Line::Flow(flow) => draw_flow(facts, flow, row, buf),
    }
}

/// Where figures and bar stand in a row.
struct Columns {
    name: u16,
    /// Widths of up to four figures; 0 leaves one out.
    figures: [u16; 4],
    bar: u16,
}

impl Columns {
    fn for_sizes(row: Rect) -> Self {
        let figures = match row.width {
            0..30 => [0, 0, 0, 9],
            30..48 => [7, 7, 0, 8],
            _ => [7, 9, 7, 8],
        };
        Self::new(row.width, figures, 33)
    }

    fn for_flow(row: Rect) -> Self {
        let dead = if row.width < 24 { 0 } else { 16 };
        Self::new(row.width, [8, dead, 0, 0], 33)
    }

    /// The figures first, then the name, then a bar if at least 8 columns are left.
    fn new(width: u16, figures: [u16; 4], longest: u16) -> Self {
        let left = width.saturating_sub(figures.iter().sum());
        let name = if left >= 24 + 10 { left.saturating_sub(10).min(longest) } else { left };
        let name =
            if name > 24 && left - name < 20 { left.saturating_sub(20).max(24) } else { name };
        Self { name, figures, bar: left.saturating_sub(name + 2).min(40) }
    }

    fn figures(&self, row: Rect, texts: [&str; 4], style: Style, buf: &mut Buffer) {
        let mut x = row.x + self.name;
        for (text, width) in texts.iter().zip(self.figures) {
            if width > 0 {
                // What does not fit is left out: half a number is another one.
                let text = if text.width() < usize::from(width) { text } else { "" };
                put(buf, row, x, row.y, &format!("{text:>width$}", width = width.into()), style);
                x += width;
            }
        }
    }

    fn bar_start(&self, row: Rect) -> u16 {
        row.x + self.name + self.figures.iter().sum::<u16>() + 2
    }
}

fn draw_sizes(facts: &Facts, sizes: &Sizes, row: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let columns = Columns::for_sizes(row);
    name(facts, &sizes.name, columns.name, row, buf);
    let ratio = sizes.update / sizes.weight;
    // Before a step, or where the last one did not move it, there is neither, which is not a gradient of 0.
    let moved = sizes.gradient.is_some();
    let figures = [Some(sizes.weight), sizes.gradient, Some(sizes.update), Some(ratio)];
    let texts: [String; 4] =
        std::array::from_fn(|i| match figures[i].filter(|_| moved || i == 0) {
            Some(figure) => {
                let room = usize::from(columns.figures[i]).saturating_sub(1);
                number::within(figure, room, number::value)
            }
            None => "-".to_owned(),
        });
    let text = theme.style(Role::Text);
    columns.figures(row, texts.each_ref().map(String::as_str), text, buf);
    if columns.bar < 8 || !moved {
        return;
    }
    let scale = Scale::new(1e-6, 1.0, Kind::Log);
    let width = columns.bar;
    let x = columns.bar_start(row);
    let guide = scale.place(HEALTHY).map(|share| (share * f64::from(width)) as u16);
    if let Some(guide) = guide {
        put(buf, row, x + guide, row.y, theme.glyphs.vertical, theme.style(Role::Faint));
    }
    let word = match ratio {
        r if r > HIGH => " high",
        r if r < LOW && sizes.update > 0.0 => " low",
        _ => "",
    };
    let role = if word.is_empty() { Role::Accent } else { Role::Warning };
    let bar = bar(scale.place(ratio).unwrap_or(0.0), width.into(), &theme.glyphs);
    let end = put(buf, row, x, row.y, &bar, theme.style(role));
    if usize::from(row.right().saturating_sub(end)) >= word.len() {
        put(buf, row, end, row.y, word, theme.style(Role::Warning));
    }
}

fn draw_flow(facts: &Facts, flow: &Flow, row: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let columns = Columns::for_flow(row);
    name(facts, &flow.name, columns.name, row, buf);
    let dead = flow.dead.map_or(String::new(), |dead| {
        let share = 100.0 * dead.dead as f64 / dead.units.max(1) as f64;
        format!("{}/{} {share:.0} %", dead.dead, dead.units)
    });
    let rms = number::within(flow.rms, usize::from(columns.figures[0]) - 1, number::value);
    columns.figures(row, [&rms, &dead, "", ""], theme.style(Role::Text), buf);
    if let Some(dead) = flow.dead.filter(|_| columns.bar >= 8) {
        let share = dead.dead as f64 / dead.units.max(1) as f64;
        let bar = bar(share, columns.bar.into(), &theme.glyphs);
        put(buf, row, columns.bar_start(row), row.y, &bar, theme.style(Role::Accent));
    }
}

/// A parameter's name; of a long one the end, which tells it from its neighbours.
fn name(facts: &Facts, name: &str, width: u16, row: Rect, buf: &mut Buffer) {
    let ellipsis = facts.theme.glyphs.ellipsis;
    let room = usize::from(width);
    let over = name.chars().count().saturating_sub(room);
    let text = if over == 0 {
        name.to_owned()
    } else if figures::block(name).is_some() {
        name.chars().skip(over + 1).fold(ellipsis.to_owned(), |mut text, c| {
            text.push(c);
            text
        })
    } else {
        clip(name, room, ellipsis)
    };
    put(buf, row, row.x, row.y, &text, facts.theme.style(Role::Text));
}
