//! The last line: the keys that count right now, or the line that is being typed. For a while, a word to the learner stands
//! before the keys; while something is typed, above it.

mod answer;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::{ACTIONS, Action, Section};
use crate::lab::course::doable;
use crate::lab::model::{Model, ToastKind};
use crate::lab::overlays::{InputLine, ListKind, Overlay, Purpose};
use crate::lab::pen::{clip, put};
use crate::lab::run::Status;
use crate::lab::theme::Role;
use crate::lab::update;
use crate::lesson::Kind;

/// Draws the line; returns where the text cursor stands, if something is being typed.
pub fn draw(model: &Model, area: Rect, buf: &mut Buffer) -> Option<Position> {
    if let Some(Overlay::Input(line)) = model.overlays.last() {
        return Some(input(model, line, area, buf));
    }
    if let Some(Overlay::Answer(line)) = model.overlays.last() {
        return answer::draw(model, line, area, buf);
    }
    let gap = if area.width < 110 { 2 } else { 3 };
    let said = said(model, area, buf);
    let area = Rect { x: area.x + said, width: area.width - said, ..area };
    let prompt = prompt(model);
    let mut hints = hints(model);
    let room = usize::from(area.width).saturating_sub(2);
    let wanted =
        |hints: &[Hint]| hints.iter().map(|h| h.width() + gap).sum::<usize>().saturating_sub(gap);
    let hidden = hidden(model);
    if model.overlays.is_empty() && !hidden.is_empty() {
        let after = hints.iter().position(|hint| hint.action == Action::FocusNext);
        let at = after.map_or(hints.len(), |at| at + 1);
        let named: usize = hidden.iter().map(|hint| hint.width() + gap).sum();
        let (short, wanted) = (together(&hidden), wanted(&hints));
        // Their names may take the place of the prompt only where it has none anyway.
        let fits = |more: usize| wanted + more + gap + prompt.width() <= room;
        if wanted + named <= room && (fits(named) || !fits(short.width() + gap)) {
            hints.splice(at..at, hidden);
        } else {
            hints.insert(at, short);
        }
    }
    while wanted(&hints) > room && !hints.is_empty() {
        let least = (0..hints.len()).max_by_key(|&i| hints[i].rank).unwrap_or(0);
        hints.remove(least);
    }
    let mut x = area.x + 1;
    for Hint { keys, word, .. } in hints {
        x = put(buf, area, x, area.y, &keys, model.theme.style(Role::Key)) + 1;
        x = put(buf, area, x, area.y, &word, model.theme.style(Role::Muted)) + gap as u16;
    }
    let width = prompt.width() as u16 + 1;
    if x + width < area.right() {
        prompt.render(Rect { x: area.right() - width, width, ..area }, buf);
    }
    None
}

/// The lesson's panes that have no place on this screen, with the numbers that call them.
fn hidden(model: &Model) -> Vec<Hint> {
    let layout = model.layout();
    let panes = (0..).zip(model.lesson_panes()).filter(|(_, pane)| !layout.shows(*pane));
    let hint = |(i, pane): (u8, _)| Hint {
        action: Action::Focus(i),
        keys: (i + 1).to_string(),
        word: model.panes.get(pane).title().to_owned(),
        rank: MORE,
    };
    panes.map(hint).collect()
}

/// Hidden panes in little room: their numbers alone, neighbours as `3-7`.
fn together(hidden: &[Hint]) -> Hint {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in hidden.iter().filter_map(|hint| hint.keys.parse().ok()) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let keys = runs.iter().map(run).collect::<Vec<_>>().join(" ");
    // It stands beside `tab pane`.
    Hint { action: Action::FocusNext, keys, word: "more panes".to_owned(), rank: MORE }
}

/// Keys and what they do, in a word.
struct Hint {
    action: Action,
    keys: String,
    word: String,
    /// Where there is not room for all, those of the highest rank go first.
    rank: usize,
}

impl Hint {
    fn width(&self) -> usize {
        self.keys.width() + 1 + self.word.width()
    }
}

/// What a learner must find even on the smallest screen, the most important first; all others come after.
const IMPORTANT: [Action; 10] = [
    Action::Quit,
    Action::PauseResume,
    Action::Extend,
    Action::Restart,
    Action::NextPage,
    Action::FocusNext,
    Action::EditPrompt,
    Action::Palette,
    Action::Zoom,
    Action::Slower,
];

/// The rank of the focused pane's own keys: among the first few.
const OWN: usize = 2;
/// The rank of the panes that are not shown: after the first key that goes from pane to pane.
const MORE: usize = 5;

/// The keys that count now, the nearest context first; neighbours with the same word share it.
fn hints(model: &Model) -> Vec<Hint> {
    let ascii = model.theme.glyphs.ascii;
    let mut hints: Vec<Hint> = Vec::new();
    let scope = model.scope();
    for (depth, contexts) in scope.nearness.iter().enumerate() {
        let from = hints.len();
        for (at, row) in ACTIONS.iter().filter(|row| !row.short.is_empty()).enumerate() {
            let here = contexts.iter().find_map(|context| scope.keys(row, *context));
            let Some(key) = here.and_then(<[_]>::first) else { continue };
            if depth == 0 && scope.nearness.len() > 1 && row.action == Action::Zoom {
                // `z` does the same everywhere and is named with the global keys.
                continue;
            }
            if !is_of_use(model, row.action) {
                continue;
            }
            let keys = key.label(ascii);
            let word = word(model, row.action, row.short);
            let rank = match IMPORTANT.iter().position(|action| *action == row.action) {
                Some(at) => at,
                // What only this pane can do.
                None if depth == 0 && row.section != Section::Cursor => OWN,
                None => IMPORTANT.len() + at,
            };
            match hints[from..].last_mut() {
                Some(last) if last.word == word => {
                    let arrows = "↑↓←→<>".contains(&keys);
                    last.keys.push_str(if arrows { "" } else { " " });
                    last.keys.push_str(&keys);
                }
                _ => hints.push(Hint { action: row.action, keys, word, rank }),
            }
        }
    }
    // Leaving comes last, as people expect it.
    hints.sort_by_key(|hint| hint.action == Action::Quit);
    hints
}

/// Whether a key is worth its place in the line at this moment.
fn is_of_use(model: &Model, action: Action) -> bool {
    let status = model.run.as_ref().map(|run| &run.status);
    let finished = status == Some(&Status::Finished);
    let diverged = matches!(status, Some(Status::Diverged(_)));
    match action {
        // A run that waits for a prediction is not set going by it.
        Action::PauseResume => !finished && !diverged && !model.course.held,
        Action::StepOnce => !diverged,
        Action::EditPrompt => model.facts().reads_prompt(),
        Action::Extend => finished,
        Action::Restart => finished || diverged,
        Action::Answer => super::asks(model),
        Action::PreviousItem | Action::NextItem => doable(model.page()).len() > 1,
        Action::Known | Action::NotKnown => super::answer_is_shown(model),
        Action::More => match model.overlays.last() {
            Some(Overlay::Confirm(confirm)) => update::can_collect(model, &confirm.yes),
            _ => false,
        },
        // Help is for reading: there is nothing to choose.
        Action::Accept => {
            !matches!(model.overlays.last(), Some(Overlay::List(list)) if list.kind == ListKind::Help)
        }
        _ => true,
    }
}

/// What a key does right now.
fn word(model: &Model, action: Action, short: &str) -> String {
    let training = model.run.as_ref().is_some_and(|run| match run.status {
        // It trains as soon as it is open, or the experiment has ended, if that is the learner's wish.
        Status::Opening => model.playing,
        Status::Training | Status::Paused if update::experiment::is_running(model) => model.playing,
        _ => run.is_training(),
    });
    match action {
        Action::PauseResume if !training => "resume".to_owned(),
        Action::Zoom if model.zoomed => "unzoom".to_owned(),
        Action::Answer => does(model).unwrap_or(short).to_owned(),
        _ => short.to_owned(),
    }
}

/// What the key of answers does on what is chosen.
fn does(model: &Model) -> Option<&'static str> {
    let chosen = doable(model.page()).get(model.course.chosen).copied()?;
    let lesson = &model.lesson().id;
    Some(match &chosen.item.kind {
        Kind::Predict(_) if model.course.answer(lesson, chosen.id()).is_none() => "predicts",
        // Made it is, and the key goes on to another question of the page, where there is one.
        Kind::Predict(_) if model.course.next_question(lesson, model.page()).is_some() => "answers",
        Kind::Predict(_) => "answers anew",
        Kind::Goal(goal) if model.course.progress.is_met(lesson, &goal.id) => "shows one way",
        Kind::Goal(_) => "a hint",
        Kind::Claim(_) | Kind::Race(_) => "runs it",
        Kind::Review(_) => "shows the answer",
        _ => return None,
    })
}

/// What the models look at: the prompt, or the task that has examples of its own.
fn prompt(model: &Model) -> Line<'static> {
    if let Some(run) = model.run.as_ref().filter(|run| !run.is_on_text()) {
        return Line::from(vec![
            Span::styled("task ", model.theme.style(Role::Muted)),
            Span::styled(run.config.task.to_string(), model.theme.style(Role::Accent)),
        ]);
    }
    let text = shown(model, &model.prompt.text);
    // Its end is what the models look at.
    let tail: String = text.chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect();
    let cut = if tail.len() < text.len() { model.theme.glyphs.ellipsis } else { "" };
    Line::from(vec![
        Span::styled("prompt ", model.theme.style(Role::Muted)),
        Span::styled(format!("{cut}{tail}"), model.theme.style(Role::Accent)),
    ])
}

/// A text with its line breaks, and what else cannot be seen, as signs: one for one.
fn shown(model: &Model, text: &str) -> String {
    let glyphs = &model.theme.glyphs;
    let newline = if glyphs.ascii { "|" } else { glyphs.newline };
    let sign = |c: char| match c {
        '\n' | '⏎' => newline.to_owned(),
        c if c.is_control() => crate::text::shown::sign(c, glyphs.ascii),
        c => c.to_string(),
    };
    text.chars().map(sign).collect()
}

/// The line being typed, what is wrong with it, and what its keys are.
fn input(model: &Model, line: &InputLine, area: Rect, buf: &mut Buffer) -> Position {
    let theme = &model.theme;
    let (label, hint) = match &line.purpose {
        Purpose::Prompt { .. } => ("prompt".to_owned(), "enter keep   esc undo   \\n line break"),
        Purpose::Line { label, .. } if line.selected => {
            (label.clone(), "typing replaces it   enter take   esc leave")
        }
        Purpose::Line { label, .. } => (label.clone(), "enter take   esc leave"),
        Purpose::Value { name } if line.selected => {
            ((*name).to_owned(), "typing replaces it   enter set   esc leave")
        }
        Purpose::Value { name } => ((*name).to_owned(), "enter set   esc leave"),
        Purpose::Compare { name } => {
            (format!("{name} of the other run"), "enter train both   esc leave")
        }
        Purpose::Seed => ("seed".to_owned(), "enter start again   esc leave"),
        Purpose::Sampling => {
            ("temperature, top-k, top-p".to_owned(), "all keeps all   enter set   esc leave")
        }
    };
    Clear.render(area, buf);
    let mut x = put(buf, area, area.x + 1, area.y, &label, theme.style(Role::Accent)) + 2;
    // A message needs its place; the text scrolls in what is left.
    let (note, role) = match &line.error {
        Some(error) => (error.as_str(), Role::Bad),
        None => (hint, Role::Muted),
    };
    let room = usize::from(area.right().saturating_sub(x + 3));
    let note = clip(note, room.saturating_sub(16).min(note.width()), theme.glyphs.ellipsis);
    let field = room.saturating_sub(note.width()).max(1);
    let value = shown(model, line.input.value());
    let skip = line.input.visual_scroll(field);
    let (mut passed, mut text) = (0, String::new());
    for c in value.chars() {
        if passed >= skip {
            text.push(c);
        }
        passed += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
    }
    let style = if line.error.is_some() { theme.style(Role::Bad) } else { theme.style(Role::Text) };
    let style = if line.selected { style.reversed() } else { style.underlined() };
    buf.set_stringn(x, area.y, &text, field, style);
    let cursor = x + (line.input.visual_cursor().max(skip) - skip) as u16;
    x = area.right().saturating_sub(note.width() as u16 + 1);
    put(buf, area, x, area.y, &note, theme.style(role));
    Position::new(cursor.min(area.right().saturating_sub(1)), area.y)
}

/// Words to the learner at the start of the last line, the latest first, as many as have room. How wide they are.
fn said(model: &Model, area: Rect, buf: &mut Buffer) -> u16 {
    let theme = &model.theme;
    let most = area.width.saturating_sub(2);
    let mut x = area.x;
    for (i, toast) in model.toasts.iter().rev().enumerate() {
        let left = usize::from((area.x + most).saturating_sub(x)).saturating_sub(3);
        // The latest is cut where it has to be; an earlier one is seen whole or not at all.
        if i > 0 && toast.text.width() > left {
            break;
        }
        let text = format!(" {} ", clip(&toast.text, left, theme.glyphs.ellipsis));
        x = put(buf, area, x + 1, area.y, &text, theme.style(role(toast.kind)).reversed());
    }
    x - area.x
}

fn role(kind: ToastKind) -> Role {
    if kind == ToastKind::Info { Role::Accent } else { Role::Warning }
}

/// Words to the learner while something is typed, above the footer on the right, the latest lowest.
pub fn toasts(model: &Model, footer: Rect, buf: &mut Buffer) {
    if !matches!(model.overlays.last(), Some(Overlay::Input(_) | Overlay::Answer(_))) {
        return;
    }
    let theme = &model.theme;
    for (i, toast) in model.toasts.iter().rev().enumerate() {
        let Some(y) = footer.y.checked_sub(1 + i as u16).filter(|y| *y > 1) else { return };
        let text =
            clip(&toast.text, usize::from(footer.width).saturating_sub(8), theme.glyphs.ellipsis);
        let text = format!(" {text} ");
        let width = text.width() as u16;
        let area = Rect { x: footer.right().saturating_sub(width + 2), y, width, height: 1 };
        Clear.render(area, buf);
        put(buf, area, area.x, y, &text, theme.style(role(toast.kind)).reversed());
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::*;
    use crate::lab::fixture;
    use crate::lab::model::Msg;
    use crate::lab::update::update;

    fn line(model: &Model) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, model.size.width, 1));
        draw(model, buf.area, &mut buf);
        fixture::text(&buf)
    }

    /// On every screen each pane of the lesson is seen, or the last line has its number.
    #[test]
    fn panes_without_a_place_are_named() {
        let (mut alone, mut named) = (0, 0);
        for (width, height) in [(80, 24), (100, 30), (110, 30), (120, 40), (160, 48), (250, 40)] {
            let mut model = fixture::model(width, height);
            for lesson in 0..model.lessons.len() {
                model.lesson = lesson;
                model.focus = model.lesson_panes()[0];
                let text = line(&model);
                let hidden = hidden(&model);
                let words: Vec<_> =
                    hidden.iter().map(|hint| format!("{} {}", hint.keys, hint.word)).collect();
                if hidden.is_empty() {
                    assert!(!text.contains(" more"), "{text}");
                } else if text.contains(" more") {
                    assert!(text.contains(&together(&hidden).keys), "{text}");
                    alone += 1;
                } else {
                    assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
                    named += 1;
                }
            }
        }
        assert!(alone > 20 && named > 5, "{alone} {named}");
    }

    #[test]
    fn numbers_that_follow_each_other_are_one_range() {
        let hint = |i: u8| Hint {
            action: Action::Focus(i - 1),
            keys: i.to_string(),
            word: String::new(),
            rank: MORE,
        };
        let keys =
            |numbers: &[u8]| together(&numbers.iter().map(|i| hint(*i)).collect::<Vec<_>>()).keys;
        assert_eq!(keys(&[3, 4, 5, 7]), "3-5 7");
        assert_eq!(keys(&[2]), "2");
    }

    #[test]
    fn a_number_without_a_pane_is_answered() {
        let mut model = fixture::model(80, 24);
        let panes = model.lesson_panes().len();
        let key = char::from_digit(panes as u32 + 1, 10).unwrap();
        update(&mut model, Msg::Key(KeyCode::Char(key).into()));
        let said = &model.toasts.last().unwrap().text;
        assert!(said.contains(&format!("1 to {panes}")), "{said}");
    }
}
