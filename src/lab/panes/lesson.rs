//! The lesson pane: the page's text with its questions, goals and claims, what became of them, and where it goes on.

mod items;
mod reading;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget};

use crate::lab::action::Action;
use crate::lab::course::{Doable, doable};
use crate::lab::facts::Facts;
use crate::lab::pane::{Column, Pane, Seat, Wish};
use crate::lab::theme::{Role, Theme};
use crate::lesson::experiment::{FIRST_SEED, of_page};
use crate::lesson::{Kind, Piece};
use crate::model::{self, Card};
use reading::Reading;

/// Wider than this, a line is hard to read.
const READABLE: u16 = 84;

#[derive(Debug, Default)]
pub struct Lesson {
    scroll: u16,
    /// Whether the view follows the thing that is chosen, until the learner scrolls.
    follows: bool,
    /// The lesson and the page that were read, and what was chosen on it.
    page: Option<(String, usize)>,
    chosen: usize,
    /// What has become of each thing to do: when it was told last, and what.
    told: Vec<Told>,
    /// The place of what was told last, until it has been in sight.
    news: Option<usize>,
    /// What its numbers were filled in from: a text's tokens, and how many of its yardsticks were counted.
    filled: Option<(usize, usize)>,
    /// What the model of the page's stage says of itself, where the page draws it.
    card: Option<Arc<Card>>,
    reading: Reading,
}

/// When something was told, and the bits of its number; `None`: not yet.
type Told = Option<(u64, Option<u64>)>;

/// A page as lines.
struct Laid {
    lines: Vec<Line<'static>>,
    /// Where each thing to do begins and ends.
    blocks: Vec<(u16, u16)>,
    /// The place of the chosen one.
    chosen: usize,
}

impl Lesson {
    /// The page's lines at this width, heading first.
    fn laid(&self, facts: &Facts, width: u16) -> Laid {
        let width = width.min(READABLE);
        let page = items::Page { facts, card: self.card(facts), reading: &self.reading, width };
        let mut lines = page.read(&format!("# {}", facts.page().heading), width);
        lines.push(Line::default());
        let mut blocks = Vec::new();
        // What stands below a prediction was written for whoever has made it.
        let (mut open, mut folded) = (false, false);
        for piece in &facts.page().pieces {
            match piece {
                Piece::Text { .. } if open => {
                    if !folded {
                        let style = facts.theme.style(Role::Muted);
                        lines.push(Line::styled("The text goes on after your guess.", style));
                    }
                    folded = true;
                }
                Piece::Text { text, .. } => lines.extend(page.read(text, width)),
                Piece::Item(item) => {
                    open |= matches!(item.kind, Kind::Predict(_))
                        && facts.course.answer(&facts.lesson.id, &item.id).is_none();
                    for (of_it, block) in page.blocks(item, blocks.len()) {
                        let from = lines.len() as u16;
                        lines.extend(block);
                        if of_it.is_some() {
                            blocks.push((from, lines.len() as u16));
                        }
                    }
                }
            }
            if lines.last().is_some_and(|line| line.width() > 0) {
                lines.push(Line::default());
            }
        }
        while lines.last().is_some_and(|line| line.width() == 0) {
            lines.pop();
        }
        Laid { lines, blocks, chosen: facts.course.chosen }
    }

    /// What figures are drawn from: the model on the screen, if it is of the page's stage.
    fn card<'a>(&'a self, facts: &Facts<'a>) -> Option<&'a Card> {
        let stage = facts.lesson.stage_of(facts.page);
        let run = facts.run.filter(|run| run.config.stage == stage);
        run.and_then(|run| run.card.as_deref()).or(self.card.as_deref())
    }

    /// Lines above the first one shown, and at most.
    fn scrolled(&self, laid: &Laid, room: Rect) -> (u16, u16) {
        let most = (laid.lines.len() as u16).saturating_sub(room.height);
        let mut scroll = self.scroll;
        let told = self.told.get(laid.chosen).copied().flatten().is_some();
        match laid.blocks.get(laid.chosen).filter(|_| self.follows) {
            // The whole of it, or its end, where the verdict is.
            Some(&(from, to)) if told => {
                scroll = scroll.min(from).max(to.saturating_sub(room.height));
            }
            // The whole of it, or its beginning.
            Some(&(from, to)) => scroll = scroll.max(to.saturating_sub(room.height)).min(from),
            None => {}
        }
        (scroll.min(most), most)
    }

    /// On which side of what is in sight the end of the last news is: a sign for it.
    fn news_are(
        &self,
        facts: &Facts,
        laid: &Laid,
        scroll: u16,
        height: u16,
    ) -> Option<&'static str> {
        let (_, to) = *laid.blocks.get(self.news?)?;
        let glyphs = &facts.theme.glyphs;
        match to {
            to if to <= scroll => Some(if glyphs.ascii { "^" } else { "↑" }),
            to if to > scroll + height => Some(if glyphs.ascii { "v" } else { "↓" }),
            _ => None,
        }
    }
}

impl Pane for Lesson {
    fn title(&self) -> &'static str {
        "Lesson"
    }

    fn detail(&self, facts: &Facts) -> String {
        format!("page {} of {}", facts.page + 1, facts.lesson.pages.len())
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        let laid = self.laid(facts, seat.room.width);
        let (scroll, most) = self.scrolled(&laid, seat.room);
        if facts.course.held {
            return "waits for your prediction: i answers".to_owned();
        }
        if let Some(sign) = self.news_are(facts, &laid, scroll, seat.room.height) {
            let side = if matches!(sign, "^" | "↑") { "above" } else { "below" };
            return format!("{sign} verdict {side}");
        }
        if most > scroll {
            return "more below".to_owned();
        }
        if facts.page + 1 < facts.lesson.pages.len() {
            "n reads on".to_owned()
        } else if let Some(next) = facts.next_lesson {
            format!("n opens {}", next.title)
        } else {
            "the end of the course".to_owned()
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let width = area.width.min(READABLE);
        let text = Rect { x: area.x + (area.width - width) / 2, width, ..area };
        let laid = self.laid(facts, width);
        let (scroll, most) = self.scrolled(&laid, area);
        Paragraph::new(laid.lines).scroll((scroll, 0)).render(text, buf);
        if most > 0 {
            scroll_mark(facts.theme, area, scroll, most, buf);
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let laid = self.laid(facts, seat.room.width);
        // After a resize the page may be shorter than it was scrolled.
        let (scroll, most) = self.scrolled(&laid, seat.room);
        let page = seat.room.height.saturating_sub(1).max(1);
        self.scroll = match action {
            Action::Up => scroll.saturating_sub(1),
            Action::Down => scroll + 1,
            Action::PageUp => scroll.saturating_sub(page),
            Action::PageDown => scroll + page,
            Action::Home => 0,
            Action::End => most,
            _ => return Vec::new(),
        }
        .min(most);
        self.follows = false;
        if self.news_are(facts, &laid, self.scroll, seat.room.height).is_none() {
            self.news = None;
        }
        Vec::new()
    }

    /// From now on it is in sight, until the learner scrolls.
    fn show_chosen(&mut self) {
        self.follows = true;
    }

    /// It knows by itself which page it is at.
    fn outlives_pages(&self) -> bool {
        true
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Answer, Action::PreviousItem, Action::NextItem, Action::Known, Action::NotKnown]
    }

    fn refresh(&mut self, facts: &Facts) {
        let page = (facts.lesson.id.as_str(), facts.page);
        let known = self.page.as_ref().map(|(lesson, page)| (lesson.as_str(), *page));
        if known != Some(page) {
            *self = Self {
                page: Some((page.0.to_owned(), page.1)),
                chosen: facts.course.chosen,
                told: told(facts),
                ..Self::default()
            };
        }
        let told = told(facts);
        let mut places = (0..told.len()).rev();
        let new = places.find(|at| told[*at].is_some() && self.told.get(*at) != Some(&told[*at]));
        self.news = new.or(self.news);
        self.told = told;
        if self.chosen != facts.course.chosen {
            (self.chosen, self.follows) = (facts.course.chosen, true);
        }
        // Its numbers may be known by now.
        let known = facts.corpus.map_or((0, 0), |c| {
            (c.tokenizer.vocab_size(), c.references.len() + usize::from(c.counted.is_some()))
        });
        if self.filled == Some(known) {
            return;
        }
        self.filled = Some(known);
        let page = facts.page();
        let draws = page.items().any(|item| matches!(item.kind, Kind::Figure(_)));
        self.card = facts.corpus.filter(|_| draws).and_then(|corpus| {
            let config = of_page(facts.lesson, facts.page, corpus.characters, FIRST_SEED).ok()?;
            Some(Arc::new(model::build(&config.model).ok()?.card()))
        });
        self.reading = Reading::default();
    }

    fn column(&self) -> Column {
        Column::Side
    }
}

/// What has become of each thing to do on the page.
fn told(facts: &Facts) -> Vec<Told> {
    let (progress, lesson) = (&facts.course.progress, &facts.lesson.id);
    let last = |doable: &Doable| {
        let last = progress.last(lesson, doable.id(), &["predict", "ask", "claim", "goal"])?;
        let known = last.truth.is_some() || last.right.is_some();
        known.then(|| (last.t, last.truth.map(f64::to_bits)))
    };
    doable(facts.page()).iter().map(last).collect()
}

/// Where in the page the lines are, on the right border.
fn scroll_mark(theme: &Theme, area: Rect, scroll: u16, most: u16, buf: &mut Buffer) {
    let size = (u32::from(area.height).pow(2) / u32::from(area.height + most)).max(1) as u16;
    let top = (u32::from(area.height - size) * u32::from(scroll) / u32::from(most)) as u16;
    let x = area.right() + 1;
    for y in area.y + top..area.y + top + size {
        if let Some(cell) = buf.cell_mut((x, y)) {
            let sign = if theme.glyphs.ascii { "#" } else { "┃" };
            cell.set_symbol(sign).set_style(theme.style(Role::Accent));
        }
    }
}
