//! How often each place of an answer is right: with the right answer so far given, and where the model reads its own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::lab::facts::Facts;
use crate::lab::number::probability;
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::probe::Reading;
use crate::probe::answers::{ASKED, EXACT, FIRST_ERROR, FORCED, FREE, at};

/// Columns of a place's number, of a share, and of a count.
const PLACE: u16 = 6;
const SHARE: u16 = 7;
const COUNT: u16 = 6;
/// The shortest bar.
const BAR: u16 = 3;

/// How many places answers have.
pub fn count(reading: &Reading) -> usize {
    (0..reading.figures.len()).take_while(|i| reading.figure(&at(ASKED, *i)).is_some()).count()
}

/// What stands above: the most important first, as much as fits.
fn summary(facts: &Facts, reading: &Reading, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let mut x = area.x;
    for (name, figure) in
        [("given ", FORCED), ("own ", FREE), ("exact ", EXACT), ("first error at ", FIRST_ERROR)]
    {
        let Some(value) = reading.figure(figure) else { continue };
        let text = if figure == FIRST_ERROR { format!("{value:.1}") } else { probability(value) };
        if usize::from(area.right().saturating_sub(x)) < name.len() + text.len() {
            return;
        }
        x = put(buf, area, x, area.y, name, theme.style(Role::Muted));
        x = put(buf, area, x, area.y, &text, theme.style(Role::Text)) + 2;
    }
}

pub fn draw(facts: &Facts, reading: &Reading, first: usize, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let Some(room) = area.width.checked_sub(PLACE + 2 * (SHARE + BAR + 1)) else {
        return sentence(theme, "The places need a wider pane: z zooms.", area, buf);
    };
    let mut area = area;
    if area.height > 4 {
        summary(facts, reading, area, buf);
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    // How many have it, and how many are wrong there first, where there is room for both.
    let counts = room >= 2 * COUNT;
    let wide = BAR + (room - if counts { 2 * COUNT } else { 0 }) / 2;
    let [forced, free] = [area.x + PLACE, area.x + PLACE + SHARE + wide + 1];
    let [asked, errors] = [free + SHARE + wide + 1, free + SHARE + wide + 1 + COUNT];
    let head = theme.style(Role::Heading);
    if area.height > 2 {
        put(buf, area, area.x, area.y, "place", head);
        put(buf, area, forced, area.y, "given", head);
        put(buf, area, free, area.y, "on its own", head);
        if counts {
            put(buf, area, asked, area.y, "   of", head);
            put(buf, area, errors, area.y, "error", head);
        }
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let places = count(reading);
    let first = first.min(places.saturating_sub(usize::from(area.height)));
    for (i, y) in (first..places).zip(area.y..area.bottom()) {
        let number = format!("{:>5}", i + 1);
        put(buf, area, area.x, y, &number, theme.style(Role::Time));
        for (x, name, role) in [(forced, FORCED, Role::Train), (free, FREE, Role::Validation)] {
            let Some(share) = reading.figure(&at(name, i)) else { continue };
            let x =
                put(buf, area, x, y, &probability(share), theme.style(Role::Text)).max(x + SHARE);
            put(buf, area, x, y, &bar(share, usize::from(wide), &theme.glyphs), theme.style(role));
        }
        for (x, name) in [(asked, ASKED), (errors, FIRST_ERROR)] {
            let Some(number) = reading.figure(&at(name, i)).filter(|_| counts) else { continue };
            put(buf, area, x, y, &format!("{number:>5}"), theme.style(Role::Muted));
        }
    }
}
