//! What the arms make of noise, side by side: the points of each arm's first run over real ones, as of its last estimate.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::{drawn, letter, pen};
use crate::lab::experiment::Shown;
use crate::lab::number::count;
use crate::lab::pen::{put, sentence};
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::dots::{Dots, Pen};
use crate::lab::widgets::plane::Plot;

/// Smaller places have no cloud, with its heading.
pub const SMALLEST: (u16, u16) = (12, 6);

/// What stands in a cell where points were generated, and where there are real ones as well.
const GENERATED: &str = "+";
const BOTH: &str = "#";

/// A cloud and where it stands.
pub struct Placed {
    /// Among the arms that are drawn.
    pub place: usize,
    pub step: u64,
    pub generated: Vec<[f32; 2]>,
    pub real: Vec<[f32; 2]>,
    pub heading: Rect,
    pub plot: Plot,
}

/// Whether there is any.
pub fn are_known(shown: &Shown) -> bool {
    drawn(shown).iter().any(|arm| shown.cloud(*arm).is_some())
}

/// Those that have room beside each other, in the order of the arms, and how many have none.
pub fn placed(shown: &Shown, area: Rect) -> (Vec<Placed>, usize) {
    let known: Vec<_> = drawn(shown)
        .into_iter()
        .enumerate()
        .filter_map(|(place, arm)| Some((place, shown.cloud(arm)?)))
        .collect();
    let fit = usize::from((area.width + 1) / (SMALLEST.0 + 1)).min(known.len());
    if fit == 0 || area.height < SMALLEST.1 {
        return (Vec::new(), known.len());
    }
    let width = (area.width + 1) / fit as u16 - 1;
    let clouds = known.iter().take(fit).enumerate().filter_map(|(i, (place, measured))| {
        let &[2, count, 2] = measured.reading.shape.as_slice() else { return None };
        let points = measured.reading.values.as_chunks::<2>().0;
        let (generated, real) = points.split_at_checked(count)?;
        let at = Rect { x: area.x + i as u16 * (width + 1), width, ..area };
        let plot = Rect { y: at.y + 1, height: at.height - 1, ..at };
        Some(Placed {
            place: *place,
            step: measured.step,
            generated: generated.to_vec(),
            real: real.to_vec(),
            heading: Rect { height: 1, ..at },
            plot: Plot::of(real, plot),
        })
    });
    (clouds.collect(), known.len() - fit)
}

/// Under a line that says what the signs are.
pub fn draw(theme: &Theme, shown: &Shown, area: Rect, buf: &mut Buffer) {
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let (clouds, without) = placed(shown, body);
    if clouds.is_empty() {
        let text = "Points of the arms: z gives them room.";
        return sentence(theme, text, area, buf);
    }
    legend(theme, &clouds, without, area, buf);
    for cloud in &clouds {
        one(theme, cloud, buf);
    }
}

/// `⠶ 64 real  + 64 generated  # both   first seed`
fn legend(theme: &Theme, clouds: &[Placed], without: usize, area: Rect, buf: &mut Buffer) {
    let dots = if theme.glyphs.ascii { "." } else { "⠶" };
    let (real, generated) = (clouds[0].real.len(), clouds[0].generated.len());
    let left_out = if without > 0 { format!("{without} without room") } else { String::new() };
    let parts = [
        (dots, Role::Muted, format!(" {real} real")),
        (GENERATED, Role::Accent, format!(" {generated} generated")),
        (BOTH, Role::Accent, " both".to_owned()),
        ("", Role::Text, left_out),
        ("", Role::Text, "first seed".to_owned()),
    ];
    let mut x = area.x;
    for (sign, role, words) in parts.iter().filter(|(_, _, words)| !words.is_empty()) {
        if usize::from(area.right().saturating_sub(x)) < sign.width() + words.width() {
            break;
        }
        let next = put(buf, area, x, area.y, sign, theme.style(*role));
        x = put(buf, area, next, area.y, words, theme.style(Role::Text)) + 2;
    }
}

fn one(theme: &Theme, cloud: &Placed, buf: &mut Buffer) {
    let Placed { place, step, generated, real, heading, plot } = cloud;
    let style = pen(theme, *place).style.add_modifier(Modifier::BOLD);
    let x = put(buf, *heading, heading.x, heading.y, &letter(*place).to_string(), style);
    let text = format!(" step {}", count(*step));
    if text.width() < usize::from(heading.width) {
        put(buf, *heading, x, heading.y, &text, theme.style(Role::Muted));
    }
    let area = plot.area;
    let mut dots = Dots::new(area.width, area.height, theme.glyphs.ascii);
    for (x, y) in real.iter().filter_map(|point| plot.dot(*point)) {
        dots.dot(x, y, &Pen::solid(1, theme.style(Role::Muted), '.'));
    }
    (&dots).render(area, buf);
    for (column, row) in generated.iter().filter_map(|point| plot.cell(*point)) {
        let over = dots.drawn(column..column + 1, row, 1);
        let sign = if over { BOTH } else { GENERATED };
        put(buf, area, area.x + column, area.y + row, sign, theme.style(Role::Accent));
    }
}
