//! Keys while an overlay is open.

use ratatui::crossterm::event::KeyCode;
use tui_input::{Input, InputRequest};

use super::super::action::Action;
use super::super::key::Key;
use super::super::model::{Effect, Model, ToastKind};
use super::super::number;
use super::super::overlays::{
    Answer, Confirm, InputLine, LINE_BREAK, ListKind, Overlay, Purpose, on_one_line,
};
use super::{changes, course, experiment, keys, leaving, panes, runs, sampling, say, table};
use crate::stage::Value;
use crate::stage::hyperparameter::hyperparameter;

/// Characters of an input line at most: far more than any model's context.
const LONGEST: usize = 4096;
/// Of a list's filter.
const LONGEST_FILTER: usize = 64;
/// Rows of a page in a list.
const PAGE: usize = 10;

pub fn press(model: &mut Model, key: Key, action: Option<Action>) -> Vec<Effect> {
    match action {
        Some(Action::Interrupt) => return leaving::interrupt(model),
        Some(Action::Suspend) => return vec![Effect::Suspend],
        Some(Action::Redraw) => return vec![Effect::Redraw],
        _ => {}
    }
    match model.overlays.last_mut() {
        Some(Overlay::List(list)) => {
            match action {
                Some(Action::Cancel) => _ = model.overlays.pop(),
                Some(Action::Accept) => return choose(model),
                Some(Action::ListUp) => list.selected = list.selected.saturating_sub(1),
                Some(Action::ListDown) => list.selected += 1,
                Some(Action::ListPageUp) => list.selected = list.selected.saturating_sub(PAGE),
                Some(Action::ListPageDown) => list.selected += PAGE,
                _ => {
                    let full = list.filter.value().chars().count() >= LONGEST_FILTER;
                    if let Some(request) = edit(key).filter(|_| !full || !is_letter(key)) {
                        let before = list.filter.value().to_owned();
                        list.filter.handle(request);
                        if list.filter.value() != before {
                            list.selected = 0;
                        }
                    }
                }
            }
            hold(model);
            Vec::new()
        }
        Some(Overlay::Confirm(_)) => match action {
            Some(Action::Yes) => yes(model),
            Some(Action::No) => no(model),
            Some(Action::More) => more(model),
            // It may have come into sight after the key was pressed.
            _ => say::warn(model, "the question waits for an answer: that key did nothing"),
        },
        Some(Overlay::Input(line)) => match action {
            Some(Action::Accept) => accept(model),
            Some(Action::Cancel) => cancel(model),
            _ => {
                if let Some(request) = edit(key) {
                    type_into(line, request);
                    edited(model);
                }
                Vec::new()
            }
        },
        Some(Overlay::Answer(_)) => match action {
            Some(Action::Cancel) => course::cancel(model),
            _ => answer(model, key, action == Some(Action::Accept)),
        },
        Some(Overlay::Review) => match action {
            Some(Action::Answer) => course::reveal(model),
            Some(Action::Known) => course::grade(model, true),
            Some(Action::NotKnown) => course::grade(model, false),
            Some(Action::Cancel) => {
                model.overlays.pop();
                Vec::new()
            }
            _ => Vec::new(),
        },
        None => Vec::new(),
    }
}

/// A key in the answer line: the answer, then how sure.
fn answer(model: &mut Model, key: Key, accepts: bool) -> Vec<Effect> {
    let Some(Overlay::Answer(line)) = model.overlays.last_mut() else { return Vec::new() };
    let typed = match edit(key) {
        Some(InputRequest::InsertChar(c)) => Some(c),
        _ => None,
    };
    if line.answer.is_some() {
        let sure = typed.and_then(|c| c.to_digit(10)).map(|digit| digit as u8);
        return match sure.filter(|sure| course::SURE.contains(sure)) {
            Some(sure) => course::commit(model, sure),
            None => Vec::new(),
        };
    }
    if !line.is_typed() {
        let choices = line.item.question().map_or(0, |question| question.choices.len());
        let place = |c: char| match c {
            '1'..='9' => Some(c as usize - '1' as usize),
            _ => (c as usize).checked_sub('a' as usize),
        };
        let lettered = typed.and_then(place);
        match (key.code, lettered.filter(|place| *place < choices)) {
            (_, Some(place)) => {
                line.choice = place;
                line.answer = Some(place as f64);
            }
            (KeyCode::Up | KeyCode::Left, _) => line.choice = line.choice.saturating_sub(1),
            (KeyCode::Down | KeyCode::Right, _) => line.choice = (line.choice + 1).min(choices - 1),
            _ if accepts => line.answer = Some(line.choice as f64),
            _ => {}
        }
        return Vec::new();
    }
    if accepts {
        match number::read(line.input.value()) {
            Some(value) => (line.answer, line.error) = (Some(value), None),
            None => line.error = Some("a number, like 4.17, 1e-3 or 25%".to_owned()),
        }
    } else if let Some(request) = edit(key) {
        line.error = None;
        if line.input.value().len() < LONGEST_FILTER || typed.is_none() {
            line.input.handle(request);
        }
    }
    Vec::new()
}

/// A key in an input line; of a selected text, what writes or deletes leaves nothing.
fn type_into(line: &mut InputLine, request: InputRequest) {
    let selected = std::mem::take(&mut line.selected);
    let writes = matches!(request, InputRequest::InsertChar(_));
    let deletes = matches!(
        request,
        InputRequest::DeletePrevChar
            | InputRequest::DeleteNextChar
            | InputRequest::DeletePrevWord
            | InputRequest::DeleteFromStart
    );
    if selected && (writes || deletes) {
        line.input.reset();
    }
    let full = writes && line.input.value().chars().count() >= LONGEST;
    let done = selected && deletes;
    if !full && !done {
        line.input.handle(request);
    }
}

/// Pasted text goes into the open input line or filter, as far as a line has room for it.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let (input, longest) = match model.overlays.last_mut() {
        Some(Overlay::Input(line)) => {
            if std::mem::take(&mut line.selected) {
                line.input.reset();
            }
            (&mut line.input, LONGEST)
        }
        Some(Overlay::List(list)) => (&mut list.filter, LONGEST_FILTER),
        Some(Overlay::Answer(line)) if line.is_typed() => {
            line.error = None;
            (&mut line.input, LONGEST_FILTER)
        }
        _ => return Vec::new(),
    };
    let (value, cursor) = (input.value(), input.cursor());
    let room = longest.saturating_sub(value.chars().count());
    let mut pasted: String = text.chars().take(2 * room).collect();
    pasted = on_one_line(&pasted.replace("\r\n", "\n").replace('\r', "\n"));
    pasted = pasted.chars().take(room).collect();
    let at = value.char_indices().nth(cursor).map_or(value.len(), |(at, _)| at);
    let length = pasted.chars().count();
    let whole = format!("{}{pasted}{}", &value[..at], &value[at..]);
    *input = Input::new(whole).with_cursor(cursor + length);
    if length == room && text.chars().nth(room).is_some() {
        let count = number::count(longest as u64);
        model.say(ToastKind::Warning, format!("cut: a line has room for {count} characters"));
    }
    edited(model);
    hold(model);
    Vec::new()
}

/// Keeps the selection of the list on top among its rows.
pub fn hold(model: &mut Model) {
    let Some(Overlay::List(list)) = model.overlays.last() else { return };
    let last = list.len(&model.lessons).saturating_sub(1);
    if let Some(Overlay::List(list)) = model.overlays.last_mut() {
        list.selected = list.selected.min(last);
    }
}

fn is_letter(key: Key) -> bool {
    matches!(edit(key), Some(InputRequest::InsertChar(_)))
}

/// What a key does to a line of text.
fn edit(key: Key) -> Option<InputRequest> {
    Some(match (key.code, key.control) {
        (KeyCode::Char('a'), true) | (KeyCode::Home, _) => InputRequest::GoToStart,
        (KeyCode::Char('e'), true) | (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true) => InputRequest::DeleteFromStart,
        (KeyCode::Char('h'), true) | (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Left, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false) => InputRequest::GoToNextChar,
        (KeyCode::Left, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true) => InputRequest::GoToNextWord,
        (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
        _ => return None,
    })
}

/// The input line has a new text: the prompt follows it with every letter, a value is checked.
fn edited(model: &mut Model) {
    let Some(Overlay::Input(line)) = model.overlays.last_mut() else { return };
    match line.purpose {
        Purpose::Prompt { .. } => {
            break_lines(&mut line.input);
            let text = line.input.value().replace(LINE_BREAK, "\n");
            if let Some(corpus) = &model.corpus {
                model.prompt.set(&text, &corpus.tokenizer);
                line.error.clone_from(&model.prompt.error);
                model.refresh();
            } else {
                model.prompt.text = text;
            }
        }
        Purpose::Line { .. } => break_lines(&mut line.input),
        Purpose::Seed => {
            let text = line.input.value().trim();
            line.error = if text.is_empty() { None } else { seed(text).err() };
        }
        Purpose::Sampling => {
            line.error = sampling::parse(line.input.value()).err();
        }
        Purpose::Value { name } | Purpose::Compare { name } => {
            let known = hyperparameter(name).filter(|_| !line.input.value().trim().is_empty());
            let checked = known.map(|h| Value::parse(h, line.input.value()));
            line.error = checked.and_then(Result::err).map(|error| error.to_string());
        }
    }
}

/// `\n` as it is typed becomes the sign of a line break.
fn break_lines(input: &mut Input) {
    if input.value().contains("\\n") {
        let cursor = input.cursor().saturating_sub(1);
        let text = input.value().replace("\\n", &LINE_BREAK.to_string());
        *input = Input::new(text).with_cursor(cursor);
    }
}

fn accept(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Input(line)) = model.overlays.pop() else { return Vec::new() };
    let InputLine { purpose, input, error, .. } = &line;
    match *purpose {
        Purpose::Prompt { .. } => {
            let text = input.value().replace(LINE_BREAK, "\n");
            if model.facts().tokenizer().is_some_and(|tokenizer| tokenizer.encode(&text).is_err()) {
                // What cannot be read stays to be mended; the line names the characters.
                model.overlays.push(Overlay::Input(line));
                let text = "the text has no such letters: mend the line, or esc leaves it";
                model.say(ToastKind::Warning, text);
            } else {
                model.prompt.error = None;
            }
            Vec::new()
        }
        Purpose::Line { pane, .. } => {
            let text = input.value().replace(LINE_BREAK, "\n");
            panes::typed(model, pane, &text)
        }
        Purpose::Seed => match seed(input.value().trim()) {
            Ok(seed) => changes::start_again(model, seed),
            Err(why) => {
                model.overlays.push(Overlay::Input(InputLine { error: Some(why), ..line }));
                Vec::new()
            }
        },
        Purpose::Sampling => match sampling::parse(input.value()) {
            Ok(wanted) => {
                sampling::take(model, wanted);
                Vec::new()
            }
            Err(why) => {
                model.overlays.push(Overlay::Input(InputLine { error: Some(why), ..line }));
                Vec::new()
            }
        },
        Purpose::Value { name } | Purpose::Compare { name } => {
            let Some(hyperparameter) = hyperparameter(name) else { return Vec::new() };
            let compares = matches!(purpose, Purpose::Compare { .. });
            match Value::parse(hyperparameter, input.value()) {
                Ok(value) if compares => experiment::fork(model, hyperparameter, value),
                Ok(value) => changes::set_to(model, hyperparameter, value),
                Err(refused) => {
                    let error = error.clone().or_else(|| Some(refused.to_string()));
                    model.overlays.push(Overlay::Input(InputLine { error, ..line }));
                    Vec::new()
                }
            }
        }
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

fn cancel(model: &mut Model) -> Vec<Effect> {
    if let Some(Overlay::Input(InputLine { purpose: Purpose::Prompt { before }, .. })) =
        model.overlays.pop()
    {
        match &model.corpus {
            Some(corpus) => model.prompt.set_lossy(&before, &corpus.tokenizer),
            None => model.prompt.text = before,
        }
        model.refresh();
    }
    Vec::new()
}

fn yes(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(Confirm { yes, .. })) = model.overlays.pop() else {
        return Vec::new();
    };
    match yes {
        Answer::Rebuild { config } => changes::rebuild(model, *config),
        Answer::Quit => leaving::leave(model, false),
        Answer::QuitUnsaved => vec![Effect::Quit],
    }
}

/// A rebuild waits until there are more changes.
fn more(model: &mut Model) -> Vec<Effect> {
    if let Some(Overlay::Confirm(confirm)) = model.overlays.last()
        && changes::can_collect(model, &confirm.yes)
        && let Some(Overlay::Confirm(Confirm { yes: Answer::Rebuild { config }, .. })) =
            model.overlays.pop()
    {
        changes::more_first(model, &config);
    }
    Vec::new()
}

fn no(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(Confirm { yes, .. })) = model.overlays.pop() else {
        return Vec::new();
    };
    match (yes, &mut model.quitting) {
        // Some run could not be saved: stay. Still saving: wait on.
        (Answer::QuitUnsaved, Some(quitting)) if !quitting.refused.is_empty() => {
            model.quitting = None;
            // An experiment has ended meanwhile, and what stood still for it stands.
            return experiment::go_on(model);
        }
        (Answer::QuitUnsaved, Some(quitting)) => {
            quitting.since = model.now;
            quitting.asked = false;
        }
        (Answer::Rebuild { config }, _) => changes::not_now(model, &config),
        _ => {}
    }
    Vec::new()
}

/// Enter in a list.
fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::List(list)) = model.overlays.pop() else { return Vec::new() };
    match list.kind {
        ListKind::Help => Vec::new(),
        ListKind::Palette => match list.actions().get(list.selected) {
            Some(row) => keys::act(model, row.action),
            None => Vec::new(),
        },
        ListKind::Lessons => match list.lessons(&model.lessons).get(list.selected) {
            Some(&lesson) => runs::open_lesson(model, lesson),
            None => Vec::new(),
        },
        ListKind::Runs | ListKind::Checkpoints => table::open(model, list),
    }
}
