//! The cone of connections over the bars of what was measured, each token's column under the other.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::Shown;
use crate::lab::facts::Facts;
use crate::lab::number::value;
use crate::lab::pen::{clip, put};
use crate::lab::theme::{Role, dimension};
use crate::lab::widgets::bar::column;
use crate::lab::widgets::dots::{ACROSS, DOWN, Dots, Pen};
use crate::lab::widgets::heat_map::Window;
use crate::model::sight::{Sight, path};

/// Columns of a position, from the widest on.
const WIDTHS: [u16; 4] = [4, 3, 2, 1];
/// Rows of the bars at most; a third of the room.
const BARS: u16 = 6;
/// Rows from one layer's row of positions to the next at most.
const STEP: u16 = 5;

/// Where everything stands.
pub struct Drawing {
    area: Rect,
    gutter: u16,
    width: u16,
    columns: Window,
    /// Of layers; the topmost is the one whose field it is.
    layers: Window,
    /// Rows from one layer to the next.
    step: u16,
    bars: u16,
}

impl Drawing {
    pub fn new(shown: &Shown, area: Rect) -> Self {
        let layers = shown.layer + 1;
        let gutter = (layers.to_string().width() as u16 + 1).min(area.width);
        let across = area.width - gutter;
        let fits = |width: &&u16| shown.time * usize::from(**width) <= usize::from(across);
        let width = WIDTHS.iter().find(fits).copied().unwrap_or(1);
        let columns = Window::around(shown.at, shown.time, usize::from(across / width));
        // A line of words, the layers, the inputs with their tokens, the bars.
        let bars = (area.height / 3).min(BARS);
        let height = area.height.saturating_sub(1 + 1 + bars);
        let mut window = Window::around(layers - 1, layers, usize::from(height.saturating_sub(1)));
        window.first = layers - window.shown;
        let step = (height.saturating_sub(1) / (window.shown.max(1) as u16)).clamp(1, STEP);
        Self { area, gutter, width, columns, layers: window, step, bars }
    }

    /// The row of the inputs, below those of the layers.
    fn inputs(&self) -> u16 {
        self.area.y + 1 + self.layers.shown as u16 * self.step
    }

    /// The row of a layer's positions, which are made from those one row of positions below; 0 are the inputs.
    pub fn row(&self, level: usize) -> Option<u16> {
        if level == 0 {
            return Some(self.inputs());
        }
        let above = level.checked_sub(self.layers.first + 1)?;
        Some(self.inputs() - (above as u16 + 1) * self.step)
    }

    /// The column in which a position's sign stands.
    pub fn x(&self, at: usize) -> Option<u16> {
        let place = at.checked_sub(self.columns.first).filter(|at| *at < self.columns.shown)?;
        Some(self.area.x + self.gutter + place as u16 * self.width + (self.width - 1) / 2)
    }

    /// The position under a place of the screen.
    pub fn column(&self, at: Position) -> Option<usize> {
        let place = usize::from(at.x.checked_sub(self.area.x + self.gutter)? / self.width);
        (place < self.columns.shown).then_some(self.columns.first + place)
    }

    /// The row in which bars begin.
    pub fn foot(&self) -> u16 {
        self.inputs() + 1 + self.bars
    }

    pub fn draw(&self, facts: &Facts, shown: &Shown, met: Option<usize>, buf: &mut Buffer) {
        let theme = facts.theme;
        self.heading(facts, shown, met, buf);
        self.edges(facts, shown, buf);
        let (muted, faint) = (theme.style(Role::Muted), theme.style(Role::Faint));
        let area = self.area;
        let bottom = |y: u16| y < area.bottom();
        for level in 0..=shown.layer + 1 {
            let Some(y) = self.row(level).filter(|y| bottom(*y)) else { continue };
            if level > 0 && area.width > self.gutter {
                put(buf, area, area.x, y, &level.to_string(), muted);
            }
            for at in self.columns.first..self.columns.first + self.columns.shown {
                let Some(x) = self.x(at) else { continue };
                let chosen = level == shown.layer + 1 && at == shown.at;
                let (sign, style) = match shown.cone[level][at] {
                    true if chosen => (theme.glyphs.guess, theme.style(Role::Accent)),
                    true => (theme.glyphs.knob, theme.style(Role::Time)),
                    false => (theme.glyphs.dotted, faint),
                };
                put(buf, area, x, y, sign, style);
            }
        }
        self.measured(facts, shown, buf);
    }

    /// Who reads whom of what the chosen position is made from.
    fn edges(&self, facts: &Facts, shown: &Shown, buf: &mut Buffer) {
        let theme = facts.theme;
        let height = (self.inputs() + 1).min(self.area.bottom()).saturating_sub(self.area.y);
        let mut dots = Dots::new(self.area.width, height, theme.glyphs.ascii);
        let pen = Pen::solid(
            1,
            theme.style(Role::Faint),
            theme.glyphs.dotted.chars().next().unwrap_or('.'),
        );
        let place = |level: usize, at: usize| {
            let (x, y) = (self.x(at)? - self.area.x, self.row(level)? - self.area.y);
            let middle = |cells: u16, dots: u16| f64::from(cells * dots) + f64::from(dots) / 2.0;
            Some((middle(x, ACROSS), middle(y, DOWN)))
        };
        for (below, sight) in shown.sights().iter().enumerate() {
            let level = below + 1;
            // The row below may be left out: then it is not the inputs' that is read.
            if below > 0 && below <= self.layers.first {
                continue;
            }
            for at in (0..shown.time).filter(|at| shown.cone[level][*at]) {
                let mut read: Vec<_> =
                    sight.read(at, shown.time).into_iter().map(|other| (below, other)).collect();
                if **sight == Sight::State && at > 0 {
                    read.push((level, at - 1));
                }
                for (other_level, other) in read {
                    if let (Some(from), Some(to)) = (place(level, at), place(other_level, other)) {
                        dots.line(from, to, &pen);
                    }
                }
            }
        }
        (&dots).render(Rect { height, ..self.area }, buf);
    }

    /// The tokens, and below each a bar: how far it moves the chosen position, as a share of what moves it most.
    fn measured(&self, facts: &Facts, shown: &Shown, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, self.area);
        let finite = shown.moved.iter().copied().filter(|moved| moved.is_finite());
        let most = f64::from(finite.fold(0.0, f32::max));
        let tokens = self.inputs() + 1;
        if self.foot() >= area.bottom() {
            return;
        }
        for at in self.columns.first..self.columns.first + self.columns.shown {
            let Some(x) = self.x(at) else { continue };
            let token = facts.snapshot.and_then(|snapshot| snapshot.prompt.get(at).copied());
            let label = token.map_or_else(|| "?".to_owned(), |token| facts.label(token));
            let room = self.width - (self.width - 1) / 2;
            let label = clip(&label, room.into(), theme.glyphs.ellipsis);
            let role = if at == shown.at { Role::Accent } else { Role::Muted };
            put(buf, area, x, tokens, &label, theme.style(role));
            let moved = f64::from(shown.moved[at]);
            if moved.is_nan() {
                put(buf, area, x, tokens + 1, "?", theme.style(Role::Bad));
                continue;
            }
            let share = if most > 0.0 { moved / most } else { 0.0 };
            let signs = column(share, self.bars.into(), &theme.glyphs);
            for (y, sign) in (tokens + 1..).zip(signs) {
                put(buf, area, x, y, sign, theme.style(Role::Accent));
            }
        }
    }

    /// `made from 31 tokens, 31 move it; the farthest 30 away, 4 steps, met in layer 4`
    fn heading(&self, facts: &Facts, shown: &Shown, met: Option<usize>, buf: &mut Buffer) {
        let theme = facts.theme;
        let farthest = shown.farthest();
        let distance = farthest.abs_diff(shown.at);
        let steps = path(&shown.sights(), farthest, shown.at, shown.time);
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let seen = shown.seen();
        let mut said = vec![
            (format!("made from {seen} token{}", plural(seen)), Role::Text),
            (shown.moves(), Role::Accent),
        ];
        if let Some(steps) = steps {
            said.push((format!("; the farthest {distance} away"), Role::Text));
            said.push((format!(", {steps} step{}", plural(steps)), Role::Text));
        }
        if let Some(met) = met {
            said.push((format!(", felt in layer {met}"), Role::Accent));
        }
        let most =
            shown.moved.iter().copied().filter(|moved| moved.is_finite()).fold(0.0, f32::max);
        said.push((format!("  longest bar {}", value(f64::from(most))), Role::Muted));
        if !self.columns.is_whole() {
            let role = dimension("T").unwrap_or(Role::Muted);
            said.push((format!("  tokens {}", self.columns.describe()), role));
        }
        if !self.layers.is_whole() {
            said.push((format!("  layers {}", self.layers.describe()), Role::Muted));
        }
        // What does not fit is dropped whole.
        let (mut used, room) = (0, usize::from(self.area.width));
        let mut spans = Vec::new();
        for (text, role) in said {
            if used + text.width() <= room {
                used += text.width();
                spans.push(Span::styled(text, theme.style(role)));
            }
        }
        Line::from(spans).render(Rect { height: 1.min(self.area.height), ..self.area }, buf);
    }
}
