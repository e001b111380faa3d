//! What counting alone writes, for comparison with the model's text.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::page;
use super::page::Sign;
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::text::ngram::{self, Reference};

/// Characters of the text, where no model's is beside it.
const LENGTH: usize = 300;
/// The orders that there are: nothing before a character is looked at, or up to four.
const ORDERS: std::ops::RangeInclusive<usize> = 1..=5;

/// A text that was drawn from counts, and what it was drawn with.
#[derive(Clone, Debug)]
pub struct Counted {
    /// n of the n-gram.
    pub order: usize,
    /// What it goes on from, and what it was.
    pub prompt: Vec<u32>,
    pub tokens: Vec<u32>,
    /// Order, seed and tokens of the text that it was counted in.
    drawn: Option<(usize, u64, usize)>,
}

impl Default for Counted {
    fn default() -> Self {
        Self { order: *ORDERS.end(), prompt: Vec::new(), tokens: Vec::new(), drawn: None }
    }
}

impl Counted {
    /// Looks at one character more, or less.
    pub fn look(&mut self, further: bool) {
        let order = if further { self.order + 1 } else { self.order.saturating_sub(1) };
        self.order = order.clamp(*ORDERS.start(), *ORDERS.end());
    }

    /// Draws the text anew if anything of it is another one.
    pub fn follow(&mut self, facts: &Facts) {
        let counted = facts.corpus.filter(|_| facts.reads_prompt()).and_then(|c| c.counted());
        let Some(followers) = counted.and_then(|counted| counted.followers.as_ref()) else {
            (self.tokens, self.drawn) = (Vec::new(), None);
            return;
        };
        let seed = facts.requested.map_or(0, |request| request.seed);
        let train = facts.corpus.map_or(0, |corpus| corpus.train);
        let drawn = Some((self.order, seed, train));
        if self.drawn == drawn && self.prompt == facts.prompt.tokens {
            return;
        }
        self.drawn = drawn;
        self.prompt.clone_from(&facts.prompt.tokens);
        let length = facts.requested.map_or(LENGTH, |request| request.tokens);
        self.tokens = followers.write(self.order, &self.prompt, length, seed);
    }

    /// What counting that far back reaches on the validation text.
    fn reaches<'a>(&self, facts: &Facts<'a>) -> Option<&'a Reference> {
        facts.yardsticks().iter().find(|r| r.order == self.order && r.error.is_none())
    }

    /// `counted trigram · val 2.046`
    pub fn detail(&self, facts: &Facts) -> String {
        let loss = self.reaches(facts).map(|r| format!(" · val {}", number::loss(r.loss)));
        format!("counted {}{}", ngram::name(self.order), loss.unwrap_or_default())
    }

    /// `‹ 5-gram › looks at 4 characters before`, or its first words.
    fn head(&self, facts: &Facts, area: Rect, buf: &mut Buffer) {
        let glyphs = &facts.theme.glyphs;
        let looks = match self.order - 1 {
            0 => "looks at nothing before".to_owned(),
            1 => "looks at 1 character before".to_owned(),
            n => format!("looks at {n} characters before"),
        };
        let short = format!("{} {} {}", glyphs.left, ngram::name(self.order), glyphs.right);
        let long = format!("{short} {looks}");
        let words = if long.width() <= usize::from(area.width) { long } else { short };
        if words.width() <= usize::from(area.width) {
            put(buf, area, area.x, area.y, &words, facts.theme.style(Role::Accent));
        }
    }

    pub fn draw(&self, facts: &Facts, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        if self.tokens.is_empty() {
            return sentence(theme, why_none(facts), area, buf);
        }
        let head = u16::from(area.height > 3);
        if head > 0 {
            self.head(facts, area, buf);
        }
        let area = Rect { y: area.y + head, height: area.height - head, ..area };
        let page = page(facts, &self.prompt, &self.tokens, area.width);
        for (i, place) in page.places.iter().enumerate() {
            if place.row >= usize::from(area.height) {
                break;
            }
            let (x, y) = (area.x + place.column, area.y + place.row as u16);
            let style = if i < self.prompt.len() {
                theme.style(Role::Muted).add_modifier(Modifier::ITALIC)
            } else {
                theme.style(Role::Text)
            };
            match &place.sign {
                Sign::Shown { text, .. } => _ = put(buf, area, x, y, text, style),
                Sign::Unknown => _ = put(buf, area, x, y, "?", theme.style(Role::Warning)),
                Sign::Part(_) | Sign::Newline => {}
            }
        }
    }
}

/// Why counting writes nothing here.
fn why_none(facts: &Facts) -> &'static str {
    let counted = facts.corpus.filter(|_| facts.reads_prompt()).map(|corpus| &corpus.counted);
    match counted {
        None => "Only a text is counted, and this run is not trained on one.",
        Some(None) => "The text is being counted.",
        Some(Some(counted)) if counted.followers.is_none() => {
            "This text is too long for its counts to be drawn from here."
        }
        Some(Some(_)) => "Characters are counted, and this run reads other tokens.",
    }
}
