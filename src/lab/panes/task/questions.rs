//! Questions in rows: what was asked, what the model answers, what is right, and below an answer where it is wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use super::{Question, answer_text, labels, question_text, without_end};
use crate::lab::facts::Facts;
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::model::Form;

/// Columns of the cursor and of the verdict.
const HEAD: u16 = 4;
/// Between two columns.
const GAP: u16 = 2;
/// The fewest columns of a question.
const LEAST: u16 = 4;
/// The fewest columns of an answer.
const LEAST_ANSWER: u16 = 6;
/// What stands below a wrong token.
pub const WRONG: &str = "^";

/// Widths of the columns; 0 where there is no room for one.
struct Columns {
    question: u16,
    answer: u16,
}

/// Each token of an answer as it is drawn, and whether it is wrong. Where the right answer is longer, what is missing is wrong.
pub fn marked(facts: &Facts, answer: &[u32], right: &[u32]) -> Vec<(String, bool)> {
    let (answer, right) = (without_end(facts, answer), without_end(facts, right));
    let (labels, apart) = labels(facts, answer);
    let token = |i: usize| {
        let label = labels.get(i).cloned().unwrap_or_else(|| " ".to_owned());
        (format!("{label}{apart}"), answer.get(i) != right.get(i))
    };
    (0..answer.len().max(right.len())).map(token).collect()
}

fn is_right(question: &Question) -> Option<bool> {
    (!question.right.is_empty()).then(|| question.answer == question.right)
}

/// The end of a text.
fn tail(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let mut kept = String::new();
    for c in text.chars().rev() {
        let longer = format!("{c}{kept}");
        if longer.width() > room {
            break;
        }
        kept = longer;
    }
    format!("{ellipsis}{kept}")
}

/// What stands for an answer that ends before it begins.
pub const EMPTY: &str = "(empty)";

/// The question first, in full where that leaves the answers their least: they are marked from their beginnings on.
fn columns(facts: &Facts, questions: &[Question], width: u16) -> Option<Columns> {
    let wide = |tokens: &[u32]| match without_end(facts, tokens) {
        [] if !tokens.is_empty() => EMPTY.len() as u16,
        tokens => answer_text(facts, tokens).width() as u16,
    };
    let most = |of: &dyn Fn(&Question) -> u16| questions.iter().map(of).max().unwrap_or(0);
    let right = most(&|q| wide(&q.right)).max(LEAST_ANSWER);
    // A model that never ends writes on and on: what is right is as long as it has to be.
    let written = most(&|q| wide(&q.answer)).max(LEAST_ANSWER);
    let asked = most(&|q| question_text(facts, &q.asked).width() as u16).max(8);
    let room = width.checked_sub(HEAD + GAP + right + LEAST_ANSWER)?;
    let answer = written.min(right.max((room + LEAST_ANSWER).saturating_sub(asked + GAP)));
    let left = (room + LEAST_ANSWER).checked_sub(answer)?;
    let question = asked.min(left.saturating_sub(GAP));
    Some(Columns { question: if question < LEAST { 0 } else { question }, answer })
}

/// Rows of the screen that a question takes.
fn height(question: &Question) -> u16 {
    if is_right(question) == Some(false) { 2 } else { 1 }
}

/// The first question that is shown, so that the one under the cursor is.
fn first(questions: &[Question], cursor: usize, rows: u16) -> usize {
    let mut used = 0;
    let fits = |question: &&Question| {
        used += height(question);
        used <= rows
    };
    let shown = questions.iter().take(cursor + 1).rev().take_while(fits).count();
    (cursor + 1).saturating_sub(shown.max(1))
}

pub fn draw(
    facts: &Facts,
    questions: &[Question],
    cursor: usize,
    note: Option<&str>,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    let Some(columns) = columns(facts, questions, area.width) else {
        return sentence(theme, "The answers need a wider pane: z zooms.", area, buf);
    };
    let mut area = area;
    if let Some(note) = note.filter(|_| area.height > 6) {
        let paragraph = Paragraph::new(note).wrap(Wrap { trim: true });
        let paragraph = paragraph.style(theme.style(Role::Warning));
        let lines = note.width().div_ceil(usize::from(area.width).max(1)) as u16 + 1;
        let height = lines.min(area.height - 4);
        paragraph.render(Rect { height, ..area }, buf);
        area = Rect { y: area.y + height, height: area.height - height, ..area };
    }
    let at_question = area.x + HEAD;
    let gap = if columns.question > 0 { columns.question + GAP } else { 0 };
    let at_answer = at_question + gap;
    let at_right = at_answer + columns.answer + GAP;
    if area.height > 2 {
        let head = theme.style(Role::Heading);
        if columns.question > 0 {
            let name = clip("question", usize::from(columns.question), theme.glyphs.ellipsis);
            put(buf, area, at_question, area.y, &name, head);
        }
        put(buf, area, at_answer, area.y, "model", head);
        put(buf, area, at_right, area.y, "right", head);
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let first = first(questions, cursor, area.height);
    let mut y = area.y;
    for (i, question) in questions.iter().enumerate().skip(first) {
        if y + height(question) > area.bottom() {
            break;
        }
        let here = if i == cursor { theme.glyphs.cursor } else { " " };
        put(buf, area, area.x, y, here, theme.style(Role::Accent));
        let (sign, role) = match is_right(question) {
            Some(true) => (theme.glyphs.done, Role::Good),
            Some(false) => (theme.glyphs.failed, Role::Bad),
            None => ("?", Role::Muted),
        };
        put(buf, area, area.x + 2, y, sign, theme.style(role));
        if columns.question > 0 {
            let text = question_text(facts, &question.asked);
            let room = usize::from(columns.question);
            let text = match facts.task().form {
                // What is asked stands at the end.
                Form::Question => tail(&text, room, theme.glyphs.ellipsis),
                _ => clip(&text, room, theme.glyphs.ellipsis),
            };
            let role = if question.own { Role::Accent } else { Role::Text };
            put(buf, area, at_question, y, &text, theme.style(role));
        }
        let mut x = at_answer;
        let known = !question.right.is_empty();
        for (token, wrong) in marked(facts, &question.answer, &question.right) {
            // A model that never ends writes more than there is room for.
            if x + token.width() as u16 > at_answer + columns.answer {
                let last = (at_answer + columns.answer).saturating_sub(1).min(x);
                put(buf, area, last, y, theme.glyphs.ellipsis, theme.style(Role::Muted));
                break;
            }
            let wrong = wrong && known;
            let style = theme.style(if wrong { Role::Bad } else { Role::Text });
            if wrong {
                put(buf, area, x, y + 1, WRONG, theme.style(Role::Bad));
            }
            x = put(buf, area, x, y, &token, style);
        }
        if !question.answer.is_empty() && without_end(facts, &question.answer).is_empty() {
            let role = if known { Role::Bad } else { Role::Muted };
            put(buf, area, at_answer, y, EMPTY, theme.style(role));
        }
        let right = match answer_text(facts, without_end(facts, &question.right)) {
            text if !known || text.is_empty() => "?".to_owned(),
            text => text,
        };
        put(buf, area, at_right, y, &right, theme.style(Role::Text));
        y += height(question);
    }
}
