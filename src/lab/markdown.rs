//! A lesson's Markdown as styled lines of a given width.
//!
//! Paragraphs and lists are wrapped by the width of their characters; code in a sentence is not broken if it fits a line.
//! A block of code stays as it is written; where it is too wide, its longest runs of spaces give way first (columns stay
//! columns), what is still too wide goes on in the next line at a space outside of brackets, and what is wider than a line
//! ends in an ellipsis.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::pen::clip;
use super::theme::{self, Role, Theme};

/// A text that has been parsed.
#[derive(Clone, Debug, Default)]
pub struct Markdown(Vec<Event<'static>>);

impl Markdown {
    pub fn read(text: &str) -> Self {
        Self(Parser::new(text).map(Event::into_static).collect())
    }

    /// Its lines, at most `width` columns wide.
    pub fn lines(&self, theme: &Theme, width: u16) -> Vec<Line<'static>> {
        let mut writer = Writer::new(theme, usize::from(width.max(1)));
        for event in &self.0 {
            writer.event(event);
        }
        writer.finish()
    }
}

/// A piece of a line that is not broken.
struct Word {
    /// Spans without spaces at the ends.
    spans: Vec<Span<'static>>,
    width: usize,
    /// Whether a space (or a line's end) stands before it.
    spaced: bool,
}

struct Writer<'a> {
    theme: &'a Theme,
    width: usize,
    lines: Vec<Line<'static>>,
    words: Vec<Word>,
    /// Whether the last text ended in a space.
    space: bool,
    emphasis: Modifier,
    heading: bool,
    /// What somebody says: it is to be refuted.
    quoted: bool,
    code: Option<String>,
    /// One entry a list that is open: the next number, or a bullet.
    lists: Vec<Option<u64>>,
    /// What stands before the item's first line.
    marker: Option<String>,
}

impl<'a> Writer<'a> {
    fn new(theme: &'a Theme, width: usize) -> Self {
        Self {
            theme,
            width,
            lines: Vec::new(),
            words: Vec::new(),
            space: false,
            emphasis: Modifier::empty(),
            heading: false,
            quoted: false,
            code: None,
            lists: Vec::new(),
            marker: None,
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(*tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(text),
                None => self.text(text),
            },
            Event::Code(text) => self.inline_code(text),
            Event::SoftBreak => self.space = true,
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.flush();
                let rule = self.theme.glyphs.horizontal.repeat(self.width);
                self.lines.push(Line::from(Span::styled(rule, self.theme.style(Role::Faint))));
                self.lines.push(Line::default());
            }
            Event::Html(text) | Event::InlineHtml(text) => self.text(text),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.heading = true,
            Tag::CodeBlock(_) => {
                self.flush();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(*first);
            }
            Tag::Item => {
                self.flush();
                self.marker = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => format!("{} ", self.theme.glyphs.bullet),
                });
            }
            // A misconception. It must not be taken for what the page itself says, nor told apart by its colour alone.
            Tag::BlockQuote(_) => {
                self.text("Often thought: \"");
                self.quoted = true;
            }
            // Where a term is explained.
            Tag::Link { .. } => self.emphasis |= Modifier::UNDERLINED,
            Tag::Strong => self.emphasis |= Modifier::BOLD,
            Tag::Emphasis => self.emphasis |= Modifier::ITALIC,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                if self.quoted {
                    self.text("\"");
                }
                self.flush();
                self.gap();
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.heading = false;
                self.gap();
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.code_block(&code);
                self.gap();
            }
            TagEnd::Item => self.flush(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                if self.lists.is_empty() {
                    self.gap();
                }
            }
            TagEnd::BlockQuote(_) => self.quoted = false,
            TagEnd::Link => self.emphasis -= Modifier::UNDERLINED,
            TagEnd::Strong => self.emphasis -= Modifier::BOLD,
            TagEnd::Emphasis => self.emphasis -= Modifier::ITALIC,
            _ => {}
        }
    }

    /// One empty line, never two.
    fn gap(&mut self) {
        if self.lists.is_empty() && self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    fn style(&self) -> Style {
        let style = match (self.heading, self.quoted) {
            (true, _) => self.theme.style(Role::Heading),
            (false, true) => self.theme.style(Role::Warning),
            (false, false) => Style::new(),
        };
        style.add_modifier(self.emphasis)
    }

    fn text(&mut self, text: &str) {
        let style = self.style();
        for (i, piece) in text.split(' ').enumerate() {
            self.space |= i > 0;
            if piece.is_empty() {
                continue;
            }
            let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
            let style = match theme::dimension(bare) {
                Some(role)
                    if bare
                        == piece.trim_end_matches([',', '.', ';', ')']).trim_start_matches('(') =>
                {
                    style.patch(self.theme.style(role))
                }
                _ => style,
            };
            self.word(vec![Span::styled(piece.to_owned(), style)]);
        }
    }

    /// A piece of code in a sentence: broken only if it is wider than a line, and then where a block is.
    fn inline_code(&mut self, text: &str) {
        let base = self.theme.style(Role::Code);
        let room = self.width.saturating_sub(self.hanging());
        if text.width() <= room {
            return self.word(code_spans(text, base, self.theme));
        }
        for (i, (_, piece)) in pieces(text, room).into_iter().enumerate() {
            self.space |= i > 0;
            self.word(code_spans(piece, base, self.theme));
        }
    }

    /// Columns before the open item's words.
    fn hanging(&self) -> usize {
        let depth = self.lists.len().saturating_sub(1) * 2;
        match (&self.marker, self.lists.is_empty()) {
            (Some(marker), _) => depth + marker.width(),
            (None, false) => depth + 2,
            (None, true) => 0,
        }
    }

    /// Adds a word; without a space before it, it sticks to the last one.
    fn word(&mut self, spans: Vec<Span<'static>>) {
        let width = spans.iter().map(Span::width).sum();
        let spaced = std::mem::take(&mut self.space);
        match self.words.last_mut() {
            Some(last) if !spaced => {
                last.spans.extend(spans);
                last.width += width;
            }
            _ => self.words.push(Word { spans, width, spaced }),
        }
    }

    /// Wraps the words gathered so far into lines.
    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        self.space = false;
        if words.is_empty() {
            return;
        }
        let hanging = self.hanging();
        let marker = self.marker.take();
        let mut line = Vec::new();
        match marker {
            Some(marker) => {
                line.push(Span::raw(" ".repeat(hanging - marker.width())));
                line.push(Span::styled(marker, self.theme.style(Role::Muted)));
            }
            None => line.push(Span::raw(" ".repeat(hanging))),
        }
        let mut used = hanging;
        let mut first = true;
        for word in words {
            if !first && used + 1 + word.width > self.width {
                self.lines.push(Line::from(std::mem::take(&mut line)));
                line.push(Span::raw(" ".repeat(hanging)));
                used = hanging;
                first = true;
            }
            if !first && word.spaced {
                // The space belongs to what is on both its sides.
                let before = line.last().map_or(Style::new(), |s| s.style);
                let style = if word.spans.first().is_some_and(|s| s.style == before) {
                    before
                } else {
                    Style::new()
                };
                line.push(Span::styled(" ", style));
                used += 1;
            }
            first = false;
            used += word.width;
            if used <= self.width {
                line.extend(word.spans);
                continue;
            }
            // Longer than a whole line: broken where the line ends.
            used -= word.width;
            for span in word.spans {
                for c in span.content.chars() {
                    let wide = c.width().unwrap_or(0);
                    if used + wide > self.width {
                        self.lines.push(Line::from(std::mem::take(&mut line)));
                        used = 0;
                    }
                    used += wide;
                    line.push(Span::styled(c.to_string(), span.style));
                }
            }
        }
        self.lines.push(Line::from(line));
    }

    fn code_block(&mut self, code: &str) {
        let base = self.theme.style(Role::Code);
        let indent = if self.width >= 44 { "  " } else { "" };
        let room = self.width - indent.len();
        let widest = code.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
        for line in code.lines() {
            let line = narrow(line, widest.saturating_sub(room));
            for piece in continued(&line, room) {
                let piece = clip(&piece, room, self.theme.glyphs.ellipsis);
                let mut spans = vec![Span::raw(indent)];
                spans.extend(code_spans(&piece, base, self.theme));
                self.lines.push(Line::from(spans));
            }
        }
    }

    fn finish(mut self) -> Vec<Line<'static>> {
        self.flush();
        while self.lines.last().is_some_and(|line| line.width() == 0) {
            self.lines.pop();
        }
        self.lines
    }
}

/// Code with the names of dimensions in their colours.
fn code_spans(code: &str, base: Style, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut rest = code;
    while !rest.is_empty() {
        let inside = rest.starts_with(is_name);
        let end = rest.find(|c| is_name(c) != inside).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let style = theme::dimension(piece).map_or(base, |role| base.patch(theme.style(role)));
        match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(piece),
            _ => spans.push(Span::styled(piece.to_owned(), style)),
        }
        rest = after;
    }
    spans
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Takes up to `by` columns out of a line's longest inner run of spaces, leaving two.
fn narrow(line: &str, by: usize) -> String {
    let start = line.len() - line.trim_start().len();
    let (indent, body) = line.split_at(start);
    let mut longest = (0, 0);
    let mut run = 0;
    for (i, c) in body.char_indices() {
        run = if c == ' ' { run + 1 } else { 0 };
        if run > longest.1 {
            longest = (i + 1 - run, run);
        }
    }
    let (at, length) = longest;
    let cut = by.min(length.saturating_sub(2));
    format!("{indent}{}{}", &body[..at], &body[at + cut..])
}

/// Pieces of code with the number of spaces before each: what stands between spaces, a bracket with all that is in it if
/// that is at most `width` columns wide.
fn pieces(code: &str, width: usize) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut rest = code;
    while !rest.trim_start().is_empty() {
        let body = rest.trim_start();
        let (mut depth, mut end) = (0_usize, body.len());
        for (i, c) in body.char_indices() {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                ' ' if depth == 0 => {
                    end = i;
                    break;
                }
                _ => {}
            }
        }
        if body[..end].width() > width {
            end = body.find(' ').unwrap_or(body.len());
        }
        pieces.push((rest.len() - body.len(), &body[..end]));
        rest = &body[end..];
    }
    pieces
}

/// A line of code as lines of at most `width` columns, where its pieces allow it; all but the first are set in.
fn continued(code: &str, width: usize) -> Vec<String> {
    const SET_IN: usize = 2;
    let mut lines = vec![String::new()];
    let mut first = true;
    for (spaces, piece) in pieces(code, width.saturating_sub(SET_IN)) {
        let used = lines.last().map_or(0, |line| line.width());
        let spaces = match used + spaces + piece.width() > width {
            // What is set in gives way.
            true if first => width.saturating_sub(piece.width()),
            true => {
                lines.push(String::new());
                SET_IN
            }
            false => spaces,
        };
        if let Some(line) = lines.last_mut() {
            line.push_str(&" ".repeat(spaces));
            line.push_str(piece);
        }
        first = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::Piece;

    fn plain(markdown: &str, width: u16) -> Vec<String> {
        let lines = Markdown::read(markdown).lines(&Theme::plain(), width);
        lines.iter().map(|line| line.spans.iter().map(|s| s.content.as_ref()).collect()).collect()
    }

    #[test]
    fn paragraphs_wrap_at_words() {
        assert_eq!(
            plain("one two\nthree four\n\nfive", 9),
            ["one two", "three", "four", "", "five"]
        );
        assert_eq!(plain("a **bold** word, `code`.", 40), ["a bold word, code."]);
        assert_eq!(plain("日本語 日本語", 7), ["日本語", "日本語"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken() {
        assert_eq!(plain("abcdefgh xy", 5), ["abcde", "fgh", "xy"]);
    }

    #[test]
    fn lists_hang() {
        assert_eq!(plain("- one two three\n- four", 9), ["• one two", "  three", "• four"]);
        assert_eq!(
            plain("text\n\n1. one\n2. two\n\nmore", 20),
            ["text", "", "1. one", "2. two", "", "more"]
        );
    }

    #[test]
    fn code_gives_way_in_its_columns() {
        let code = "```text\nidx              (B, T)\nlogits = table   (B, T, V)\n```";
        assert_eq!(plain(code, 30), ["idx              (B, T)", "logits = table   (B, T, V)"]);
        assert_eq!(plain(code, 25), ["idx             (B, T)", "logits = table  (B, T, V)"]);
        assert_eq!(plain("```\nabcdefgh\n```", 5), ["abcd…"]);
    }

    /// `(B, T, hs)` and words stay whole, in sentences and in blocks, if a line has room for them.
    #[test]
    fn code_is_not_broken_inside() {
        assert_eq!(plain("see `(B, T, hs)`", 12), ["see", "(B, T, hs)"]);
        assert_eq!(plain("- `a (B, T)`, b", 9), ["• a", "  (B, T),", "  b"]);
        assert_eq!(plain("```\nq = x @ W (B, T, hs)\n```", 16), ["q = x @ W", "  (B, T, hs)"]);
        let lessons = crate::lesson::course().unwrap();
        let pages = lessons.iter().flat_map(|lesson| {
            lesson.pages.iter().flat_map(move |page| {
                page.pieces.iter().filter_map(move |piece| match piece {
                    Piece::Text { text, .. } => Some((&lesson.file, text)),
                    Piece::Item(_) => None,
                })
            })
        });
        for (name, text) in pages {
            for width in 20..=80_u16 {
                let lines = plain(text, width);
                let shown =
                    |code: &str| lines.iter().map(|l| l.matches(code).count()).sum::<usize>();
                let check = |code: &str, times: usize| {
                    let fits = code.width() + 6 <= usize::from(width);
                    assert!(!fits || shown(code) >= times, "{name}, {width}: {code}\n{lines:#?}");
                };
                let (mut spans, mut block) = (Vec::new(), false);
                for event in Parser::new(text) {
                    match event {
                        Event::Code(code) => spans.push(code.to_string()),
                        Event::Start(Tag::CodeBlock(_)) => block = true,
                        Event::End(TagEnd::CodeBlock) => block = false,
                        Event::Text(code) if block => {
                            code.split_whitespace().for_each(|word| check(word, 1));
                            // A bracket with the name before it.
                            for (at, _) in code.match_indices('(') {
                                let name = code[..at].rfind(char::is_whitespace);
                                let group = &code[name.map_or(0, |space| space + 1)..];
                                let end = group.find([')', '\n']).unwrap_or(0);
                                if group[..end].matches('(').count() == 1 {
                                    check(&group[..=end], 1);
                                }
                            }
                        }
                        _ => {}
                    }
                }
                for code in &spans {
                    check(code, spans.iter().filter(|other| *other == code).count());
                }
            }
        }
    }

    #[test]
    fn no_width_is_a_problem() {
        for (_, text) in crate::lesson::course::FILES {
            for width in 0..100 {
                for line in Markdown::read(text).lines(&Theme::plain(), width) {
                    assert!(width < 4 || line.width() <= usize::from(width), "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn dimensions_have_their_colours() {
        let theme = Theme::new(theme::Depth::Rgb, theme::Ground::Dark, theme::Glyphs::UNICODE);
        let lines = Markdown::read("A batch of B sequences: `(B, T)`.").lines(&theme, 60);
        let coloured: Vec<_> = lines[0]
            .spans
            .iter()
            .filter(|s| s.style.fg == theme.style(Role::Batch).fg)
            .map(|s| &*s.content)
            .collect();
        assert_eq!(coloured, ["B", "B"]);
    }
}
