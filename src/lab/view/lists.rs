//! Help, the palette and the lesson list.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::boxed::boxed;
use crate::lab::action;
use crate::lab::model::Model;
use crate::lab::number;
use crate::lab::overlays::{List, ListKind, Opens};
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;
use crate::lesson::progress::{Calibration, Standing};

/// A column of the help: its keys and the longest of its lines.
const HELP_COLUMN: u16 = 96;
/// Columns of a row's keys.
const KEYS: usize = 18;

/// Draws the list; returns where the cursor stands in its filter.
pub fn draw(model: &Model, list: &List, body: Rect, buf: &mut Buffer) -> Option<Position> {
    match list.kind {
        ListKind::Help => help(model, list, body, buf),
        ListKind::Palette => palette(model, list, body, buf),
        ListKind::Lessons => lessons(model, list, body, buf),
        ListKind::Runs => {
            let heads = ["stage", "differs", "seed", "steps", "train", "val", "best"];
            let columns = heads.into_iter().zip([13, 0, 7, 8, 6, 6, 6]).collect::<Vec<_>>();
            let none = "no run is like that";
            table(model, list, ("Runs", "enter goes back to a run", none), &columns, body, buf)
        }
        ListKind::Checkpoints => {
            let columns = [("file", 0), ("stage", 13), ("steps", 8), ("val", 6)];
            let none = if list.looking { "looking for files" } else { "there is no such file" };
            let titles = ("Checkpoints, newest first", "enter opens one as a new run", none);
            table(model, list, titles, &columns, body, buf)
        }
    }
}

/// The line to type in, at the top of a box; returns the cursor and what is left below.
fn filter(
    model: &Model,
    list: &List,
    hint: &str,
    inner: Rect,
    buf: &mut Buffer,
) -> (Option<Position>, Rect) {
    let theme = &model.theme;
    let x = put(buf, inner, inner.x, inner.y, "> ", theme.style(Role::Accent));
    let value = list.filter.value();
    if value.is_empty() {
        put(buf, inner, x + 1, inner.y, hint, theme.style(Role::Muted));
    } else {
        put(buf, inner, x, inner.y, value, Style::new());
    }
    let cursor =
        Position::new((x + list.filter.visual_cursor() as u16).min(inner.right()), inner.y);
    let rest = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    ((inner.height > 0).then_some(cursor), rest)
}

fn help(model: &Model, list: &List, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let columns = (body.width / HELP_COLUMN).max(1);
    let width = (columns * HELP_COLUMN + 2).min(body.width);
    let column = (width - 4) / columns;
    let lines = help_lines(model, list, usize::from(column.saturating_sub(2)));
    let wanted = (lines.len() as u16).div_ceil(columns) + 4;
    let inner = boxed(model, "Every key", width, wanted.max(8), body, buf);
    let (cursor, rest) = filter(
        model,
        list,
        "type to narrow down or to look up a word, arrows scroll, esc closes",
        inner,
        buf,
    );
    let height = usize::from(rest.height).max(1);
    let most = lines.len().saturating_sub(height * usize::from(columns));
    for (i, line) in
        lines.iter().skip(list.selected.min(most)).take(height * usize::from(columns)).enumerate()
    {
        let x = rest.x + column * (i / height) as u16;
        let y = rest.y + (i % height) as u16;
        line.render(Rect { x, y, width: column.saturating_sub(1), height: 1 }, buf);
    }
    let below = most.saturating_sub(list.selected);
    if below > 0 {
        let text = format!(" {below} more below ");
        let x = inner.right().saturating_sub(text.width() as u16);
        buf.set_string(x, inner.bottom(), text, model.theme.style(Role::Muted));
    }
    cursor
}

fn help_lines(model: &Model, list: &List, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let mut lines: Vec<Line<'static>> = Vec::new();
    let words = list.explained();
    if !words.is_empty() {
        let title = if list.filter.value().is_empty() { "Words of this page" } else { "Words" };
        lines.push(Line::from(Span::styled(title, theme.style(Role::Heading))));
    }
    for term in words {
        let mut word = clip(&term.word, KEYS - 1, theme.glyphs.ellipsis);
        for piece in wrap(&term.meaning, width.saturating_sub(KEYS)) {
            let pad = KEYS.saturating_sub(word.width());
            lines.push(Line::from(vec![
                Span::styled(std::mem::take(&mut word), theme.style(Role::Accent)),
                Span::raw(" ".repeat(pad)),
                Span::raw(piece),
            ]));
        }
    }
    for (section, rows) in list.help() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::from(Span::styled(section.title(), theme.style(Role::Heading))));
        let mut merged: Vec<(String, &'static str)> = Vec::new();
        for row in rows {
            let keys = action::keys(row, theme.glyphs.ascii).join(" ");
            match merged.last_mut() {
                // The panes' numbers are one line.
                Some((labels, doc)) if *doc == row.doc => {
                    labels.push(' ');
                    labels.push_str(&keys);
                }
                _ => merged.push((keys, row.doc)),
            }
        }
        for (keys, doc) in merged {
            let mut pad = KEYS.saturating_sub(keys.width()).max(1);
            let mut keys = keys;
            for piece in wrap(doc, width.saturating_sub(KEYS)) {
                let keys = std::mem::take(&mut keys);
                lines.push(Line::from(vec![
                    Span::styled(keys, theme.style(Role::Key)),
                    Span::raw(" ".repeat(pad)),
                    Span::raw(piece),
                ]));
                pad = KEYS;
            }
        }
    }
    lines
}

/// A text in lines of at most `width` columns, broken at spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The first row that shows.
fn top(selected: usize, rows: usize, height: usize) -> usize {
    selected.saturating_sub(height.saturating_sub(1) / 2).min(rows.saturating_sub(height))
}

fn palette(model: &Model, list: &List, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let rows = list.actions();
    let inner = boxed(model, "Actions", 76, (body.height * 3 / 4).max(12), body, buf);
    let (cursor, rest) = filter(model, list, "type an action's name", inner, buf);
    let height = usize::from(rest.height);
    let first = top(list.selected, rows.len(), height);
    for (i, row) in rows.iter().enumerate().skip(first).take(height) {
        let y = rest.y + (i - first) as u16;
        let here = i == list.selected;
        let mark = if here { theme.glyphs.cursor } else { " " };
        let style = if here { theme.style(Role::Accent) } else { Style::new() };
        put(buf, rest, rest.x, y, mark, style);
        put(buf, rest, rest.x + 2, y, row.id, style);
        let keys = action::keys(row, theme.glyphs.ascii).join(" ");
        let key_x = rest.right().saturating_sub(keys.width() as u16);
        let doc_x = rest.x + 20;
        let room = usize::from(key_x.saturating_sub(doc_x + 1));
        put(
            buf,
            rest,
            doc_x,
            y,
            &clip(row.doc, room, theme.glyphs.ellipsis),
            theme.style(Role::Muted),
        );
        put(buf, rest, key_x, y, &keys, theme.style(Role::Key));
    }
    if rows.is_empty() {
        put(buf, rest, rest.x + 2, rest.y, "no action is called that", theme.style(Role::Muted));
    }
    cursor
}

/// Rows of runs or files under their heads; a column without a width takes what the others leave.
fn table(
    model: &Model,
    list: &List,
    (title, hint, none): (&str, &str, &str),
    columns: &[(&'static str, usize)],
    body: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let theme = &model.theme;
    let rows = list.found();
    let wanted = (rows.len() as u16).saturating_add(5).max(8);
    let inner = boxed(model, title, 118, wanted, body, buf);
    let (cursor, rest) = filter(model, list, hint, inner, buf);
    // Numbers are not cut: a column is as wide as the longest of them.
    let widest = |at: usize| rows.iter().filter_map(|row| Some(row.cells.get(at)?.width())).max();
    let wide = |(at, (head, least)): (usize, &(&'static str, usize))| match least {
        0 => (*head, 0),
        least => (*head, widest(at).unwrap_or(0).max(*least)),
    };
    let columns: Vec<_> = columns.iter().enumerate().map(wide).collect();
    let fixed: usize = columns.iter().map(|(_, width)| width + 1).sum();
    let free = usize::from(rest.width).saturating_sub(fixed + 2);
    let mut line = |y: u16, cells: &mut dyn Iterator<Item = &str>, style: Style| {
        let mut x = rest.x + 2;
        for ((_, width), cell) in columns.iter().zip(cells) {
            let width = if *width == 0 { free } else { *width };
            put(buf, rest, x, y, &clip(cell, width, theme.glyphs.ellipsis), style);
            x += width as u16 + 1;
        }
    };
    line(rest.y, &mut columns.iter().map(|(head, _)| *head), theme.style(Role::Muted));
    let height = usize::from(rest.height).saturating_sub(1);
    let first = top(list.selected, rows.len(), height);
    for (i, row) in rows.iter().enumerate().skip(first).take(height) {
        let y = rest.y + 1 + (i - first) as u16;
        let style = match &row.opens {
            _ if i == list.selected => theme.style(Role::Accent),
            Err(_) => theme.style(Role::Muted),
            Ok(_) => Style::new(),
        };
        line(y, &mut row.cells.iter().map(String::as_str), style);
    }
    for (i, row) in rows.iter().enumerate().skip(first).take(height) {
        let y = rest.y + 1 + (i - first) as u16;
        if i == list.selected {
            put(buf, rest, rest.x, y, theme.glyphs.cursor, theme.style(Role::Accent));
        } else if row.opens == Ok(Opens::Here) {
            put(buf, rest, rest.x, y, theme.glyphs.training, theme.style(Role::Good));
        }
    }
    if rows.is_empty() {
        put(buf, rest, rest.x + 2, rest.y + 1, none, theme.style(Role::Muted));
    }
    cursor
}

fn lessons(model: &Model, list: &List, body: Rect, buf: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let rows = list.lessons(&model.lessons);
    let inner = boxed(model, "Lessons", 104, rows.len() as u16 + 4, body, buf);
    let hint = sureness(model.course.progress.calibration());
    let hint = hint
        .map_or("enter opens a lesson".to_owned(), |sure| format!("enter opens a lesson   {sure}"));
    let (cursor, rest) = filter(model, list, &hint, inner, buf);
    let height = usize::from(rest.height);
    let first = top(list.selected, rows.len(), height);
    for (i, &index) in rows.iter().enumerate().skip(first).take(height) {
        let lesson = &model.lessons[index];
        let y = rest.y + (i - first) as u16;
        let here = i == list.selected;
        let mark = if here { theme.glyphs.cursor } else { " " };
        let style = if here { theme.style(Role::Accent) } else { Style::new() };
        put(buf, rest, rest.x, y, mark, style);
        put(buf, rest, rest.x + 2, y, &format!("{:>2}", lesson.number), theme.style(Role::Key));
        put(buf, rest, rest.x + 6, y, &clip(&lesson.title, 34, theme.glyphs.ellipsis), style);
        put(buf, rest, rest.x + 42, y, &lesson.stage, theme.style(Role::Muted));
        let trained = trained(model, &lesson.stage, index);
        let x = rest.right().saturating_sub(trained.width() as u16);
        put(buf, rest, x, y, &trained, theme.style(Role::Good));
        let stands = stands(&model.course.progress.standing(lesson));
        if x > rest.x + 58 + stands.width() as u16 {
            put(buf, rest, rest.x + 57, y, &stands, theme.style(Role::Accent));
        }
    }
    if rows.is_empty() {
        put(buf, rest, rest.x + 2, rest.y, "no lesson is called that", theme.style(Role::Muted));
    }
    cursor
}

/// Goals met, questions right and prompts kept of a lesson; nothing where nothing was done.
fn stands(standing: &Standing) -> String {
    let Standing { met, goals, answered, right, questions, kept, prompts } = *standing;
    let mut words = Vec::new();
    if met > 0 {
        words.push(format!("met {met}/{goals}"));
    }
    if answered > 0 {
        words.push(format!("right {right}/{questions}"));
    }
    if kept > 0 {
        words.push(format!("kept {kept}/{prompts}"));
    }
    words.join(" ")
}

/// How well the learner's sureness fits.
fn sureness(calibration: Calibration) -> Option<String> {
    let Calibration { sure, right } = calibration;
    (sure > 0).then(|| format!("of {sure} answers you were sure of, {right} right"))
}

/// How far the lesson's own runs of its stage have come.
fn trained(model: &Model, stage: &str, index: usize) -> String {
    let own = |home: &str| model.page_of(home).is_some_and(|(lesson, _)| lesson == index);
    let past = model.past.values().map(|past| (past.home.as_str(), &past.observed));
    let here = model.run.iter().map(|run| (run.home.as_str(), &run.observed));
    let runs = here.chain(past).filter(|(home, run)| run.config.stage == stage && own(home));
    let losses = runs.filter_map(|(_, run)| run.best()).map(|best| best.val_loss);
    let losses = losses.min_by(f64::total_cmp);
    let open = if index == model.lesson {
        format!("{} ", model.theme.glyphs.training)
    } else {
        String::new()
    };
    losses.map_or(open.clone(), |loss| format!("{open}val {}", number::loss(loss)))
}
