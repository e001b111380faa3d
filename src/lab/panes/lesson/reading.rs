//! A page's texts as lines: each is filled in, read and wrapped once for a theme and a width, however often it is drawn.

use std::cell::RefCell;
use std::collections::HashMap;

use ratatui::text::Line;

use crate::lab::facts::Facts;
use crate::lab::markdown::Markdown;
use crate::lab::theme::Theme;

/// Of one page, and of the numbers that it was filled in with: whoever has another one forgets.
#[derive(Debug, Default)]
pub struct Reading(RefCell<Read>);

#[derive(Debug, Default)]
struct Read {
    /// For whom the lines are: signs and colours, and columns of the page.
    of: Option<(Theme, u16)>,
    /// By their columns and their Markdown. What hangs behind a bar is narrower than the page.
    lines: HashMap<(u16, String), Vec<Line<'static>>>,
}

impl Reading {
    /// The lines of a text with its numbers filled in; `page` columns is the page wide, `width` this text of it.
    pub fn lines(
        &self,
        facts: &Facts,
        markdown: &str,
        page: u16,
        width: u16,
    ) -> Vec<Line<'static>> {
        let mut read = self.0.borrow_mut();
        let of = Some((*facts.theme, page));
        if read.of != of {
            *read = Read { of, lines: HashMap::new() };
        }
        let lay = || Markdown::read(&facts.fill(markdown)).lines(facts.theme, width);
        read.lines.entry((width, markdown.to_owned())).or_insert_with(lay).clone()
    }

    /// How many texts are laid out.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.borrow().lines.len()
    }
}
