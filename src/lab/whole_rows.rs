//! Rows that terminals disagree about are drawn whole.
//!
//! How many columns a combining mark, a joined letter or an emoji takes is not the same everywhere. Where the terminal draws
//! more or fewer than we count, what was there before shines through, or what stands to the right is pushed aside, and a
//! frame that draws only what has changed leaves it so. So a row that holds such a cell, or held one, is emptied and drawn
//! again when anything in it changes, and every such cell and what follows it is put where it belongs.

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect, Size};
use unicode_width::UnicodeWidthStr;

/// A backend that keeps what it has drawn.
pub struct WholeRows<B> {
    inner: B,
    /// What the terminal should show.
    shown: Buffer,
}

impl<B: Backend> WholeRows<B> {
    pub fn new(inner: B) -> Self {
        Self { inner, shown: Buffer::empty(Rect::ZERO) }
    }

    /// Empties a row, then draws it: a run of cells of one column each at a time, and each doubtful one by itself.
    fn draw_row(&mut self, y: u16) -> Result<(), B::Error> {
        let row = Rect { y, height: 1, ..self.shown.area };
        let blank = Cell::new(" ");
        self.inner.draw((row.left()..row.right()).map(|x| (x, y, &blank)))?;
        let mut run: Vec<(u16, u16, &Cell)> = Vec::new();
        let mut x = row.left();
        while x < row.right() {
            let cell = &self.shown[(x, y)];
            let alone = is_doubtful(cell);
            if alone && !run.is_empty() {
                self.inner.draw(run.drain(..))?;
            }
            run.push((x, y, cell));
            if alone {
                self.inner.draw(run.drain(..))?;
            }
            // What a wide one covers is no cell of its own.
            x += (cell.symbol().width() as u16).max(1);
        }
        self.inner.draw(run.into_iter())
    }

    fn has_doubtful(&self, y: u16) -> bool {
        (self.shown.area.left()..self.shown.area.right()).any(|x| is_doubtful(&self.shown[(x, y)]))
    }
}

/// Whether terminals may disagree on the columns of a cell: all of them agree on Latin, Greek and Cyrillic letters, on signs
/// and lines, and on the ideographs, if they stand alone.
fn is_doubtful(cell: &Cell) -> bool {
    let mut characters = cell.symbol().chars();
    match (characters.next(), characters.next()) {
        (None, _) => false,
        (Some(c), None) => !matches!(c,
            '\0'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{52f}'
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{2070}'..='\u{20bf}'
            | '\u{2100}'..='\u{2319}' | '\u{231c}'..='\u{23e8}' | '\u{2400}'..='\u{25fc}'
            | '\u{2800}'..='\u{28ff}' | '\u{3001}'..='\u{3029}' | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'),
        _ => true,
    }
}

impl<B: Backend> Backend for WholeRows<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), B::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let content: Vec<_> = content.collect();
        let Size { width, height } = self.inner.size()?;
        let area = Rect::new(0, 0, width, height);
        if self.shown.area != area {
            self.shown = Buffer::empty(area);
        }
        let mut changed = vec![false; usize::from(height)];
        let mut whole = vec![false; usize::from(height)];
        for (_, y, _) in content.iter().filter(|(x, y, _)| area.contains((*x, *y).into())) {
            changed[usize::from(*y)] = true;
        }
        for y in (0..height).filter(|y| changed[usize::from(*y)]) {
            whole[usize::from(y)] = self.has_doubtful(y);
        }
        for (x, y, cell) in &content {
            if let Some(shown) = self.shown.cell_mut((*x, *y)) {
                shown.clone_from(cell);
            }
            // What it covers is gone, though nobody says so.
            for covered in 1..cell.symbol().width() as u16 {
                if let Some(shown) = self.shown.cell_mut((x + covered, *y)) {
                    shown.reset();
                }
            }
        }
        for y in (0..height).filter(|y| changed[usize::from(*y)]) {
            whole[usize::from(y)] |= self.has_doubtful(y);
        }
        let part = |y: u16| !whole.get(usize::from(y)).copied().unwrap_or_default();
        self.inner.draw(content.iter().filter(|(_, y, _)| part(*y)).copied())?;
        for y in (0..height).filter(|y| !part(*y)) {
            self.draw_row(y)?;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), B::Error> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), B::Error> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, B::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), B::Error> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), B::Error> {
        self.shown.reset();
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), B::Error> {
        self.shown.reset();
        self.inner.clear_region(region)
    }

    fn size(&self) -> Result<Size, B::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, B::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), B::Error> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io;
    use std::rc::Rc;

    use rand::Rng;
    use ratatui::Terminal;
    use ratatui::text::Text;

    use super::*;
    use crate::math::random::{Purpose, stream};

    const WIDTH: usize = 12;

    /// A terminal that draws every cluster in one column, or each of its characters in one, whatever we count.
    struct Other {
        each: bool,
        screen: Rc<RefCell<Vec<Vec<String>>>>,
        writes: Rc<RefCell<usize>>,
    }

    impl Backend for Other {
        type Error = io::Error;

        fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
        where
            I: Iterator<Item = (u16, u16, &'a Cell)>,
        {
            // It moves where a cell is not the one after the last, as crossterm's does.
            let (mut last, mut at) = (None, 0);
            for (x, y, cell) in content {
                if last != Some((x.wrapping_sub(1), y)) {
                    at = usize::from(x);
                }
                last = Some((x, y));
                *self.writes.borrow_mut() += 1;
                let row = &mut self.screen.borrow_mut()[usize::from(y)];
                let pieces: Vec<String> = if self.each {
                    cell.symbol().chars().map(String::from).collect()
                } else {
                    vec![cell.symbol().to_owned()]
                };
                for piece in pieces {
                    if let Some(place) = row.get_mut(at) {
                        *place = piece;
                    }
                    at += 1;
                }
            }
            Ok(())
        }

        fn hide_cursor(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn show_cursor(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn get_cursor_position(&mut self) -> io::Result<Position> {
            Ok(Position::ORIGIN)
        }
        fn set_cursor_position<P: Into<Position>>(&mut self, _: P) -> io::Result<()> {
            Ok(())
        }
        fn clear(&mut self) -> io::Result<()> {
            self.screen.borrow_mut().iter_mut().flatten().for_each(|cell| " ".clone_into(cell));
            Ok(())
        }
        fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
            self.clear()
        }
        fn size(&self) -> io::Result<Size> {
            Ok(Size::new(WIDTH as u16, 2))
        }
        fn window_size(&mut self) -> io::Result<WindowSize> {
            Ok(WindowSize { columns_rows: self.size()?, pixels: Size::ZERO })
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What such a terminal shows after these frames, and the writes that the last one took.
    fn shows(each: bool, frames: &[&str]) -> (Vec<Vec<String>>, usize) {
        let screen = Rc::new(RefCell::new(vec![vec![" ".to_owned(); WIDTH]; 2]));
        let writes = Rc::new(RefCell::new(0));
        let other = Other { each, screen: screen.clone(), writes: writes.clone() };
        let mut terminal = Terminal::new(WholeRows::new(other)).unwrap();
        for text in frames {
            *writes.borrow_mut() = 0;
            terminal.draw(|frame| frame.render_widget(Text::from(*text), frame.area())).unwrap();
        }
        let shown = screen.borrow().clone();
        let writes = *writes.borrow();
        (shown, writes)
    }

    #[test]
    fn nothing_of_an_earlier_frame_is_left_however_wide_the_terminal_draws() {
        let texts = [
            "नदी बहुत।",
            "abcdefghijkl",
            "हरा a 👩‍🔬 b",
            "🇫🇷👍🏽 ok",
            "e\u{301}a\u{302}x",
            "日本 ◌ा.",
            "",
        ];
        for each in [false, true] {
            for before in texts {
                for after in texts {
                    let (found, _) = shows(each, &[before, after]);
                    assert_eq!(found, shows(each, &[after]).0, "{each} {before:?} {after:?}");
                }
            }
        }
    }

    #[test]
    fn however_many_frames_came_before_the_last_one_stands_alone() {
        let pieces = ["a", " ", "  ", "मि", "◌ु", "◌ा", "ह", "日", "🇫🇷", "👩‍🔬", "e\u{301}", "─"];
        for seed in 0..300 {
            let mut rng = stream(seed, Purpose::Sampling, 0);
            let mut line = || -> String {
                (0..rng.random_range(0..9))
                    .map(|_| pieces[rng.random_range(0..pieces.len())])
                    .collect()
            };
            let frames: Vec<String> = (0..5).map(|_| format!("{}\n{}", line(), line())).collect();
            let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
            for each in [false, true] {
                let (found, _) = shows(each, &frames);
                assert_eq!(found, shows(each, &frames[4..]).0, "{each} {frames:?}");
            }
        }
    }

    #[test]
    fn a_row_that_all_agree_on_is_drawn_where_it_has_changed() {
        let (_, writes) = shows(false, &["─▏█ ⠋ é д", "─▏█ ⠋ é ж"]);
        assert_eq!(writes, 1);
    }
}
