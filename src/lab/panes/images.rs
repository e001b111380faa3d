//! The images pane: held-out images over what the model gives back of them, and images that it draws from noise alone.

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::Scale;
use crate::lab::widgets::miniature::Miniature;
use crate::model::Form;
use crate::probe::reconstructions::{INSTRUMENT, SQUARED_ERROR, class};
use crate::probe::{Arguments, Reading};
use crate::train::Subscription;

/// Images of each row that the trainer is asked for.
const IMAGES: usize = 24;

/// The rows of the reading, in its order.
const NAMES: [&str; 3] = ["held out", "given back", "from noise"];
const NOISE: usize = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    /// Originals over reconstructions; below them, where there is room, a row from noise.
    #[default]
    Pairs,
    /// As many from noise as fit.
    Noise,
}

#[derive(Debug, Default)]
pub struct Images {
    view: View,
    /// The first image shown.
    first: usize,
}

/// The reading as images.
struct Shown<'a> {
    reading: &'a Reading,
    count: usize,
    rows: usize,
    columns: usize,
}

impl<'a> Shown<'a> {
    fn of(facts: &Facts<'a>) -> Option<Self> {
        let reading = facts.snapshot?.reading(INSTRUMENT.name)?;
        let &[3, count, rows, columns] = reading.shape.as_slice() else { return None };
        let whole =
            reading.values.len() == 3 * count * rows * columns && count * rows * columns > 0;
        whole.then_some(Self { reading, count, rows, columns })
    }

    /// The pixels of image `i` of a row.
    fn image(&self, row: usize, i: usize) -> &'a [f32] {
        let size = self.rows * self.columns;
        &self.reading.values[(row * self.count + i) * size..][..size]
    }

    /// Columns and rows of the screen that an image takes: two pixels stand in a cell, one above the other.
    fn size(&self) -> (u16, u16) {
        (self.columns as u16, self.rows.max(self.columns).div_ceil(2) as u16)
    }

    fn draw(&self, facts: &Facts, row: usize, i: usize, area: Rect, buf: &mut Buffer) {
        let image = self.image(row, i);
        let value = |row: usize, column: usize| image.get(row * self.columns + column).copied();
        let miniature = Miniature {
            theme: facts.theme,
            scale: Scale::Probability,
            value: &value,
            rows: self.rows,
            columns: self.columns,
            size: self.columns,
        };
        (&miniature).render(area, buf);
    }
}

/// How many images fit beside each other, and one below the other, with a heading of `above` rows each.
fn fits(area: Rect, (width, height): (u16, u16), above: u16) -> [usize; 2] {
    // One column between two.
    [(area.width + 1) / (width + 1), area.height / (height + above)].map(usize::from)
}

fn makes_images(facts: &Facts) -> bool {
    facts.task().form == Form::Image
}

/// The line above the images is left out where it would take the last one's room.
fn body(shown: &Shown, area: Rect) -> Rect {
    let above = u16::from(area.height > 2 * shown.size().1 + 2);
    Rect { y: area.y + above, height: area.height - above, ..area }
}

impl Images {
    /// How many are shown of a row.
    fn shown(&self, shown: &Shown, area: Rect) -> usize {
        let body = body(shown, area);
        match self.view {
            View::Pairs => fits(body, shown.size(), 1)[0],
            View::Noise => fits(body, shown.size(), 1).iter().product(),
        }
    }

    fn pairs(&self, facts: &Facts, shown: &Shown, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
        let (width, height) = shown.size();
        let count = fits(area, (width, height), 1)[0].min(shown.count);
        let first = self.first.min(shown.count - count);
        let mut y = area.y;
        for (row, name) in NAMES.iter().enumerate() {
            if y + 1 + height > area.bottom() || count == 0 {
                break;
            }
            let end = put(buf, area, area.x, y, name, muted);
            for i in 0..count {
                let x = area.x + i as u16 * (width + 1);
                let image = first + i;
                // What it is of stands over its middle, where the row's name leaves room.
                let middle = x + width / 2;
                if let Some(name) = what_it_is(facts, shown, image).filter(|_| row == 0)
                    && middle > end
                {
                    put(buf, area, middle, y, &name, text);
                }
                let at = Rect { x, y: y + 1, width, height };
                shown.draw(facts, row, image, at, buf);
            }
            y += 1 + height;
        }
    }

    fn noise(&self, facts: &Facts, shown: &Shown, area: Rect, buf: &mut Buffer) {
        let (width, height) = shown.size();
        let [across, down] = fits(area, (width, height), 1);
        let first = self.first.min(shown.count.saturating_sub(across * down));
        for i in 0..(across * down).min(shown.count) {
            let x = area.x + (i % across) as u16 * (width + 1);
            let y = area.y + (i / across) as u16 * (height + 1);
            shown.draw(facts, NOISE, first + i, Rect { x, y, width, height }, buf);
        }
    }
}

/// What image `i` is of, as its task says it.
fn what_it_is(facts: &Facts, shown: &Shown, i: usize) -> Option<String> {
    let label = shown.reading.figure(&class(i))?;
    facts.run?.config.task.class(label as u32).map(|c| c.to_string())
}

impl Pane for Images {
    fn title(&self) -> &'static str {
        "Images"
    }

    fn detail(&self, facts: &Facts) -> String {
        match facts.snapshot.filter(|_| Shown::of(facts).is_some()) {
            Some(snapshot) => format!("step {}", count(snapshot.step)),
            None => String::new(),
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        match (makes_images(facts), self.view) {
            (false, _) => "no images",
            (true, View::Pairs) => "what it gives back; v: from noise",
            (true, View::Noise) => "decoded from noise; v: given back",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, seat.room);
        let Some(shown) = Shown::of(facts) else {
            let name = facts.card().map_or("This run", |card| card.name);
            let text = if makes_images(facts) {
                "Images are drawn with the first step.".to_owned()
            } else {
                format!("{name} makes no images here.")
            };
            return sentence(theme, &text, area, buf);
        };
        let body = body(&shown, area);
        if self.shown(&shown, area) == 0 {
            let (width, height) = shown.size();
            let text = format!("An image takes {width} x {} cells: z gives it room.", height + 1);
            return sentence(theme, &text, area, buf);
        }
        if body.height < area.height {
            self.heading(facts, &shown, area, buf);
        }
        match self.view {
            View::Pairs => self.pairs(facts, &shown, body, buf),
            View::Noise => self.noise(facts, &shown, body, buf),
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let Some(shown) = Shown::of(facts) else { return Vec::new() };
        let page = self.shown(&shown, seat.room).max(1);
        let most = shown.count.saturating_sub(page);
        let first = self.first.min(most);
        self.first = match action {
            Action::Left => first.saturating_sub(1),
            Action::Right => (first + 1).min(most),
            Action::PageUp => first.saturating_sub(page),
            Action::PageDown => (first + page).min(most),
            Action::Home => 0,
            Action::End => most,
            Action::CycleView => {
                self.view = if self.view == View::Pairs { View::Noise } else { View::Pairs };
                0
            }
            _ => first,
        };
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if makes_images(facts) {
            let told = Arguments { examples: IMAGES, ..Arguments::default() };
            wanted.instruments.push((INSTRUMENT.name, told));
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView]
    }
}

impl Images {
    /// `mean squared error of a pixel 0.0231   images 1–8 of 24   ink 0 ░▒▓█ 1`
    fn heading(&self, facts: &Facts, shown: &Shown, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let muted = theme.style(Role::Muted);
        let page = self.shown(shown, area).min(shown.count);
        let first = self.first.min(shown.count - page);
        let mut x = area.x;
        if self.view == View::Pairs
            && let Some(error) = shown.reading.figure(SQUARED_ERROR)
        {
            x = put(buf, area, x, area.y, "mean squared error ", muted);
            let text = if error.is_finite() { format!("{error:.4}") } else { "?".to_owned() };
            x = put(buf, area, x, area.y, &text, theme.style(Role::Text)) + 3;
        }
        let which = format!("{}–{} of {}", first + 1, first + page, shown.count);
        if usize::from(area.right().saturating_sub(x)) >= which.chars().count() {
            x = put(buf, area, x, area.y, &which, muted) + 3;
        }
        let legend = Scale::Probability.legend(theme);
        if usize::from(area.right().saturating_sub(x)) >= legend.width() + 4 {
            let x = put(buf, area, x, area.y, "ink ", muted);
            let width = area.right() - x;
            (&legend).render(Rect { x, width, height: 1, ..area }, buf);
        }
    }
}
