//! The points pane: real points of the plane and generated ones, on the same axes; under them what the discriminator thinks
//! of each place, and which way it pushes the generated ones.

mod drawing;
mod modes;
mod surface;
#[cfg(test)]
mod tests;
mod turns;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::axis::{self, Look};
use crate::lab::widgets::dots::{Dots, Pen};
use crate::lab::widgets::plane::Plot;
use crate::model::Form;
use crate::probe::{Arguments, cloud, push};
use crate::train::Subscription;
use drawing::Drawing;
pub(super) use drawing::UNDERSTOOD;
use modes::Modes;
use surface::{Pushed, Surface};
use turns::Taken;

/// Points of each sort.
const POINTS: usize = 256;

/// The figure of an estimate that is 1 where nearly all points lie in a few places.
const COLLAPSED: &str = "collapsed";

/// What stands in a cell where points were generated, and where there are real ones as well.
const GENERATED: &str = "+";
const BOTH: &str = "#";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Both,
    /// Both over the discriminator's surface, the generated ones as arrows.
    Surface,
    /// The modes, with how many generated points each has.
    Modes,
    Real,
    Generated,
}

#[derive(Debug, Default)]
pub struct Points {
    view: View,
    drawing: Drawing,
}

/// The reading: x and y of each point.
struct Cloud<'a> {
    generated: &'a [[f32; 2]],
    real: &'a [[f32; 2]],
}

impl<'a> Cloud<'a> {
    fn of(facts: &Facts<'a>) -> Option<Self> {
        let reading = facts.snapshot?.reading(cloud::INSTRUMENT.name)?;
        let &[2, count, 2] = reading.shape.as_slice() else { return None };
        let points = reading.values.as_chunks::<2>().0;
        let (generated, real) = points.split_at_checked(count)?;
        (!real.is_empty()).then_some(Self { generated, real })
    }
}

/// Columns of the labels left of the plot, with the axis.
const LABELS: u16 = 6;

/// The lines of numbers above, and the plot with its axes below; what does not fit is left out whole.
fn places(area: Rect) -> (Rect, Rect, bool) {
    let above = match area.height {
        0..=4 => 0,
        5..=9 => 1,
        _ => 3,
    };
    let head = Rect { height: above, ..area };
    let below = Rect { y: area.y + above, height: area.height - above, ..area };
    let with_axes = below.height >= 6 && below.width >= 20;
    let plot = if with_axes {
        let (x, width) = (below.x + LABELS, below.width - LABELS);
        Rect { x, width, height: below.height - 2, ..below }
    } else {
        below
    };
    (head, plot, with_axes)
}

fn makes_points(facts: &Facts) -> bool {
    facts.task().form == Form::Point
}

impl Pane for Points {
    fn title(&self) -> &'static str {
        "Points"
    }

    fn detail(&self, facts: &Facts) -> String {
        if self.draws(facts) {
            return "your own".to_owned();
        }
        let view = match self.view {
            View::Both => "",
            View::Surface => " · over D",
            View::Modes => " · modes covered",
            View::Real => " · real only",
            View::Generated => " · generated only",
        };
        match facts.snapshot.filter(|_| Cloud::of(facts).is_some()) {
            Some(snapshot) => {
                let collapsed = if has_collapsed(facts) { " · mode collapse" } else { "" };
                format!("step {}{view}{collapsed}", count(snapshot.step))
            }
            None => String::new(),
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        if !makes_points(facts) {
            return "no points of the plane".to_owned();
        }
        if self.drawing.open {
            return "x: a point, or none more; X: clear; enter: train; esc: back".to_owned();
        }
        match self.view {
            View::Surface => "D of each place; arrows: which way D pushes points; v: view",
            View::Modes => "at each mode's centre: generated points that reach it; v: view",
            _ => "x and y: do generated points lie where real ones do? v: view, o: your own",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, seat.room);
        if self.draws(facts) {
            return self.drawing.draw(facts, area, buf);
        }
        let Some(cloud) = Cloud::of(facts) else {
            let name = facts.card().map_or("This run", |card| card.name);
            let text = if makes_points(facts) {
                "Points are drawn with the first step.".to_owned()
            } else {
                format!("{name} makes no points of the plane here.")
            };
            return sentence(theme, &text, area, buf);
        };
        let (head, room, with_axes) = places(area);
        let plot = Plot::of(cloud.real, room);
        let over = self.view == View::Surface;
        let pushed = Pushed::of(facts).filter(|_| over);
        let modes = Modes::of(facts).filter(|_| self.view == View::Modes);
        match &modes {
            Some(modes) => modes.legend(facts, &plot, cloud.generated.len(), head, buf),
            None if over => surface::legend(facts, pushed.as_ref(), head, buf),
            None => self.legend(facts, &cloud, &plot, head, buf),
        }
        if head.height > 1 {
            numbers(facts, Rect { y: head.y + 1, height: head.height - 1, ..head }, buf);
        }
        if with_axes {
            axes(facts, &plot, buf);
        }
        if let Some(modes) = modes {
            return modes.draw(facts, &cloud, &plot, buf);
        }
        self.cells(facts, &cloud, &plot, buf);
        if over {
            for ((column, row), sign) in
                pushed.iter().flat_map(|pushed| pushed.signs(&plot, theme.glyphs.ascii))
            {
                let (x, y) = (plot.area.x + column, plot.area.y + row);
                put(buf, plot.area, x, y, sign, theme.style(Role::Accent));
            }
            if let Some(surface) = Surface::of(facts) {
                surface.draw(facts, &plot, buf);
            }
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        if self.draws(facts) {
            return self.drawing.act(facts, seat.room, action);
        }
        let group = match action {
            Action::CycleView => {
                self.view = match self.view {
                    View::Both => View::Surface,
                    View::Surface => View::Modes,
                    View::Modes => View::Real,
                    View::Real => View::Generated,
                    View::Generated => View::Both,
                };
                return Vec::new();
            }
            Action::DrawPoints => {
                self.drawing.open = !self.drawing.open && makes_points(facts);
                return Vec::new();
            }
            Action::StepFirst => 0,
            Action::StepSecond => 1,
            _ => return Vec::new(),
        };
        turns::of(facts).map(|_| Wish::StepAlone(group)).into_iter().collect()
    }

    fn back(&mut self) -> bool {
        std::mem::take(&mut self.drawing.open)
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if self.draws(facts) { self.drawing.click(facts, seat.room, at) } else { Vec::new() }
    }

    /// Another run may make no points.
    fn refresh(&mut self, facts: &Facts) {
        self.drawing.open &= facts.run.is_none() || makes_points(facts);
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if makes_points(facts) {
            let told = Arguments { examples: POINTS, ..Arguments::default() };
            wanted.instruments.push((cloud::INSTRUMENT.name, told.clone()));
            if self.view == View::Surface {
                wanted.instruments.push((crate::probe::surface::INSTRUMENT.name, told.clone()));
                wanted.instruments.push((push::INSTRUMENT.name, told.clone()));
            }
            if self.view == View::Modes {
                wanted.instruments.push((crate::probe::modes::INSTRUMENT.name, told));
            }
        }
    }

    fn understands(&self) -> &'static [Action] {
        if self.drawing.open {
            return UNDERSTOOD;
        }
        &[Action::CycleView, Action::StepFirst, Action::StepSecond, Action::DrawPoints]
    }
}

impl Points {
    /// Whether the learner draws points now.
    fn draws(&self, facts: &Facts) -> bool {
        self.drawing.open && makes_points(facts)
    }

    /// `⠶ 256 real  + 256 generated (3 outside)  # both`
    fn legend(&self, facts: &Facts, cloud: &Cloud, plot: &Plot, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (real, generated) = (theme.style(Role::Muted), theme.style(Role::Accent));
        let outside = match plot.outside(cloud.generated) {
            0 => String::new(),
            n => format!(" ({n} outside)"),
        };
        let dots = if theme.glyphs.ascii { "." } else { "⠶" };
        let sign = if self.view == View::Both || theme.glyphs.ascii { GENERATED } else { dots };
        let mut parts = Vec::new();
        if self.view != View::Generated {
            parts.push((dots, real, format!(" {} real", cloud.real.len())));
        }
        if self.view != View::Real {
            let text = format!(" {} generated{outside}", cloud.generated.len());
            parts.push((sign, generated, text));
        }
        if self.view == View::Both {
            parts.push((BOTH, generated, " both".to_owned()));
        }
        let mut x = area.x;
        for (sign, style, text) in parts {
            let width = (sign.width() + text.width()) as u16;
            if x + width > area.right() {
                break;
            }
            let next = put(buf, area, x, area.y, sign, style);
            x = put(buf, area, next, area.y, &text, theme.style(Role::Text)) + 2;
        }
    }

    fn cells(&self, facts: &Facts, cloud: &Cloud, plot: &Plot, buf: &mut Buffer) {
        let theme = facts.theme;
        let area = plot.area;
        let mut dots = Dots::new(area.width, area.height, theme.glyphs.ascii);
        let mut scatter = |points: &[[f32; 2]], pen: Pen| {
            for (x, y) in points.iter().filter_map(|point| plot.dot(*point)) {
                dots.dot(x, y, &pen);
            }
        };
        if matches!(self.view, View::Generated | View::Modes) {
            scatter(cloud.generated, Pen::solid(1, theme.style(Role::Accent), '+'));
        } else {
            // On coloured ground what is muted would not be seen.
            let role = if self.view == View::Surface { Role::Text } else { Role::Muted };
            scatter(cloud.real, Pen::solid(1, theme.style(role), '.'));
        }
        (&dots).render(area, buf);
        if self.view == View::Both {
            for (column, row) in cloud.generated.iter().filter_map(|point| plot.cell(*point)) {
                let real = dots.drawn(column..column + 1, row, 1);
                let sign = if real { BOTH } else { GENERATED };
                put(buf, area, area.x + column, area.y + row, sign, theme.style(Role::Accent));
            }
        }
    }
}

/// Whether the last estimate says so. While a run has hardly begun, its points lie on one spot without having collapsed.
fn has_collapsed(facts: &Facts) -> bool {
    facts.run.is_some_and(|run| {
        let found = run.evaluation().filter(|e| 10 * e.step >= run.config.training.steps);
        found.and_then(|e| e.figure(COLLAPSED)) == Some(1.0)
    })
}

/// As the keys call them: D, G.
fn initial(name: &str) -> String {
    name.chars().take(1).flat_map(char::to_uppercase).collect()
}

/// What the last step and the last estimate say of the two, and whose step is next.
fn numbers(facts: &Facts, area: Rect, buf: &mut Buffer) {
    let Some(run) = facts.run else { return };
    let theme = facts.theme;
    let mut line = |y: u16, of: &str, parts: Vec<(String, String)>| {
        let muted = theme.style(Role::Muted);
        // Numbers are never cut.
        let fitting = |room: usize| {
            let ends = parts.iter().scan(0, |end, (name, value)| {
                *end += name.width() + value.width() + 3;
                Some(*end)
            });
            ends.take_while(|end| *end <= room + 2).count()
        };
        let room = usize::from(area.width);
        let label = format!("{of}  ");
        // What the line is of goes before a number does.
        let labelled = fitting(room.saturating_sub(label.width()));
        let shown = fitting(room);
        let mut spans = Vec::new();
        if labelled == shown {
            spans.push(Span::styled(label, muted));
        }
        for (name, value) in parts.into_iter().take(shown) {
            spans.push(Span::styled(format!("{name} "), muted));
            spans.push(Span::raw(format!("{value}  ")));
        }
        if shown > 0 && y < area.bottom() {
            Line::from(spans).render(Rect { y, height: 1, ..area }, buf);
        }
    };
    if let Some(last) = &run.last {
        let parts = run.parts().iter().zip(last.parts);
        let parts = parts.map(|(part, loss)| (part.name.to_owned(), part.unit.write(loss)));
        // First, for it is what a key changes; the losses stand in other panes as well.
        let turns = turns::of(facts).into_iter().flat_map(|Taken { moved, next }| {
            let moved = moved.map(|name| ("moved".to_owned(), initial(name)));
            moved.into_iter().chain([("next".to_owned(), initial(next))])
        });
        line(area.y, "last step", turns.chain(parts).collect());
    }
    if let Some(evaluation) = run.evaluation() {
        let figures = run.config.task.card().figures.iter();
        let figures = figures.filter_map(|figure| {
            let value = evaluation.figure(figure.name)?;
            Some((figure.name.to_owned(), figure.unit.write(value)))
        });
        line(area.y + 1, &format!("at {}", count(evaluation.step)), figures.collect());
    }
}

fn axes(facts: &Facts, plot: &Plot, buf: &mut Buffer) {
    let theme = facts.theme;
    let area = plot.area;
    let (line, text) = (theme.style(Role::Faint), theme.style(Role::Muted));
    let look = Look { ascii: theme.glyphs.ascii, line, text };
    let rows = plot.up.ticks(usize::from(area.height / 2));
    let labels = axis::labels(&rows);
    let place = |tick: f64| plot.up.place(tick).map_or(0.0, |p| (1.0 - p) * f64::from(area.height));
    let marks = rows.iter().zip(&labels);
    let marks: Vec<_> = marks.map(|(tick, label)| (place(*tick) as u16, label.as_str())).collect();
    let left = Rect { x: area.x - LABELS, width: LABELS, ..area };
    axis::vertical(&marks, look, left, buf);
    let columns = plot.across.ticks(usize::from(area.width / 10));
    let labels = axis::labels(&columns);
    let place = |tick: f64| plot.across.place(tick).map_or(0.0, |p| p * f64::from(area.width));
    let marks: Vec<_> =
        columns.iter().zip(labels).map(|(tick, label)| (place(*tick) as u16, label)).collect();
    let below = Rect { y: area.bottom(), height: 2, ..area };
    axis::horizontal(&marks, "x", look, below, area.right(), buf);
    put(buf, left, left.x, left.y, "y", text);
}
