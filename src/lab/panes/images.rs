//! The images pane: held-out images over what the model gives back of them, images that it draws from noise alone, and the
//! latent space between the two: where images lie in it, what its places decode to, what each dimension carries.

mod dimensions;
mod latents;
mod map;
mod plane;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::Scale;
use crate::lab::widgets::miniature::Miniature;
use crate::model::Form;
use crate::probe::reconstructions::{INSTRUMENT, SQUARED_ERROR, class};
use crate::probe::{Arguments, Reading, latent, latent_plane, picture};
use crate::train::Subscription;
use latents::{Latents, Verdict};
use map::Cursor;

/// Images of each row that the trainer is asked for, and that stand on the map of the latents.
const IMAGES: usize = 24;
const MAPPED: usize = 128;

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
    /// Where images lie in the latent space, and what the place under the cursor decodes to.
    Map,
    /// What a grid of the latent space decodes to.
    Plane,
    /// How much each dimension carries.
    Dimensions,
}

impl View {
    fn next(self) -> Self {
        match self {
            Self::Pairs => Self::Noise,
            Self::Noise => Self::Map,
            Self::Map => Self::Plane,
            Self::Plane => Self::Dimensions,
            Self::Dimensions => Self::Pairs,
        }
    }
}

#[derive(Debug, Default)]
pub struct Images {
    view: View,
    /// The first image shown.
    first: usize,
    /// On the map.
    cursor: Cursor,
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
        let shape = [self.rows, self.columns];
        draw_image(facts, self.image(row, i), shape, self.columns, area, buf);
    }
}

/// An image of (rows, columns) pixels in `size` columns.
fn draw_image(
    facts: &Facts,
    image: &[f32],
    [rows, columns]: [usize; 2],
    size: usize,
    area: Rect,
    buf: &mut Buffer,
) {
    let value = |row: usize, column: usize| image.get(row * columns + column).copied();
    let (theme, scale) = (facts.theme, Scale::Probability);
    (&Miniature { theme, scale, value: &value, rows, columns, size }).render(area, buf);
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
            // They have places of their own for all.
            View::Map | View::Plane | View::Dimensions => shown.count,
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
        let Some(snapshot) = facts.snapshot.filter(|_| Shown::of(facts).is_some()) else {
            return String::new();
        };
        let step = format!("step {}", count(snapshot.step));
        match Latents::of(facts).map(|latents| latents.verdict(facts)) {
            Some(Verdict::Collapsed) => format!("{step} · posterior collapse"),
            _ => step,
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        match (makes_images(facts), self.view) {
            (false, _) => "no images",
            (true, View::Pairs) => "what it gives back; v: from noise",
            (true, View::Noise) => "decoded from noise; v: the latents",
            (true, View::Map) => "each image at its mu; z = mu + sigma eps",
            (true, View::Plane) => "what each place of the latents decodes to",
            (true, View::Dimensions) => "what each latent tells the decoder",
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
        match self.view {
            View::Map => return self.cursor.draw(facts, &shown, area, buf),
            View::Plane => return plane::draw(facts, area, buf),
            View::Dimensions => return dimensions::draw(facts, area, buf),
            View::Pairs | View::Noise => {}
        }
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
            _ => self.noise(facts, &shown, body, buf),
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let Some(shown) = Shown::of(facts) else { return Vec::new() };
        if self.view == View::Map && action != Action::CycleView {
            self.cursor.act(facts, seat.room, action);
            return Vec::new();
        }
        let page = self.shown(&shown, seat.room).max(1);
        let most = shown.count.saturating_sub(page);
        let first = self.first.min(most);
        self.first = match (action, cursor::sideways(action)) {
            (_, Some(along)) => cursor::moved(along, first, page, most),
            (Action::CycleView, _) => {
                self.view = self.view.next();
                0
            }
            // They stand side by side.
            (Action::Up | Action::Down, _) => first,
            _ => cursor::moved(action, first, page, most),
        };
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if self.view == View::Map {
            self.cursor.click(facts, seat.room, at);
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if !makes_images(facts) {
            return;
        }
        let mut want = |name, told| wanted.instruments.push((name, told));
        let of = |examples| Arguments { examples, ..Arguments::default() };
        want(INSTRUMENT.name, of(if self.view == View::Map { MAPPED } else { IMAGES }));
        // A collapse is told in every view.
        want(latent::INSTRUMENT.name, of(MAPPED));
        match self.view {
            View::Map => {
                let latents = facts.run.map_or(0, |run| run.config.model.n_latent);
                let point = self.cursor.point(latents);
                want(picture::INSTRUMENT.name, Arguments { point, ..Arguments::default() });
            }
            View::Plane => want(latent_plane::INSTRUMENT.name, Arguments::default()),
            View::Pairs | View::Noise | View::Dimensions => {}
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
