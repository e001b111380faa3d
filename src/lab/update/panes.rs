//! What panes are told, and carrying out what they wish.

use ratatui::layout::Position;
use tui_input::Input;

use super::super::action::Action;
use super::super::model::{Effect, Model};
use super::super::overlays::{InputLine, Overlay, Purpose, on_one_line};
use super::super::pane::Wish;
use super::super::panes::PaneId;
use super::super::prompt::Prompt;
use super::say::{waits, warn};
use super::{changes, experiment, records};
use crate::train::Command;

pub fn act(model: &mut Model, pane: PaneId, action: Action) -> Vec<Effect> {
    let seat = model.seat(pane);
    let wishes = model.with(pane, |pane, facts| pane.act(facts, seat, action));
    grant(model, wishes)
}

/// Whether the focused pane draws something of its own anew, and no generated text.
pub fn draws_anew(model: &Model) -> bool {
    let pane = model.panes.get(model.focus);
    pane.understands().contains(&Action::SampleAnew) && !pane.shows_samples()
}

/// A click on a cell of the screen that belongs to the pane.
pub fn click(model: &mut Model, pane: PaneId, at: Position) -> Vec<Effect> {
    let seat = model.seat(pane);
    if !seat.room.contains(at) {
        return Vec::new();
    }
    let wishes = model.with(pane, |pane, facts| pane.click(facts, seat, at));
    grant(model, wishes)
}

/// A question of a made task is typed where a pane on the screen answers it, the focused one first.
pub fn type_question(model: &mut Model) -> Vec<Effect> {
    let panes = std::iter::once(model.focus).chain(model.lesson_panes());
    let asks = |pane: &PaneId| model.panes.get(*pane).asks_questions();
    let mut asking = panes.filter(asks).filter(|pane| !model.seat(*pane).room.is_empty());
    let Some(pane) = asking.next() else {
        return warn(model, "this model reads examples of its own task, not the prompt");
    };
    let effects = act(model, pane, Action::TypeValue);
    if model.overlays.is_empty() {
        return warn(model, "nothing can be typed for this task");
    }
    effects
}

/// A line that a pane wished for has been typed.
pub fn typed(model: &mut Model, pane: &str, text: &str) -> Vec<Effect> {
    let Some(pane) = PaneId::named(pane) else { return Vec::new() };
    let wishes = model.with(pane, |pane, facts| pane.typed(facts, text));
    grant(model, wishes)
}

fn grant(model: &mut Model, wishes: Vec<Wish>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for wish in wishes {
        match wish {
            Wish::Set(hyperparameter, value) => {
                effects.extend(changes::request(model, hyperparameter, value));
            }
            Wish::Type(hyperparameter, value) => {
                model.overlays.push(Overlay::Input(InputLine {
                    purpose: Purpose::Value { name: hyperparameter.name },
                    input: Input::new(value.to_string()),
                    selected: true,
                    error: None,
                }));
            }
            Wish::Compare(hyperparameter, value) => {
                effects.extend(experiment::compare(model, hyperparameter, value));
            }
            Wish::Line { pane, label, text } => {
                model.overlays.push(Overlay::Input(InputLine {
                    purpose: Purpose::Line { pane, label },
                    selected: !text.is_empty(),
                    input: Input::new(on_one_line(&text)),
                    error: None,
                }));
            }
            Wish::Prompt(tokens) => {
                if let Some(corpus) = &model.corpus {
                    let text = corpus.tokenizer.decode(&tokens);
                    model.prompt = Prompt { text, tokens, error: None };
                    model.refresh();
                }
            }
            Wish::Yardstick { name, loss, error } => {
                if let Some(corpus) = &mut model.corpus {
                    corpus.reached(name, loss, error);
                }
            }
            Wish::StepAlone(_) if model.course.held => effects.extend(waits(model)),
            Wish::StepAlone(group) => {
                model.playing = false;
                effects.extend(records::set_aside(model));
                effects.push(Effect::Send(Command::StepAlone(group)));
            }
            Wish::Draw(drawn) => {
                model.drawn.clone_from(&drawn);
                effects.extend(model.keeps.then_some(Effect::KeepDrawn(drawn)));
            }
            Wish::LearnDrawn => effects.extend(changes::learn_drawn(model)),
            Wish::Dismiss => model.asked.error = None,
            Wish::Follow(part) => effects.extend(follow(model, &part)),
        }
    }
    effects
}

/// Offers a part to the lesson's panes, and goes to the first that shows it.
fn follow(model: &mut Model, part: &str) -> Vec<Effect> {
    let mut panes = model.lesson_panes().into_iter();
    match panes.find(|pane| model.with(*pane, |pane, facts| pane.follow(facts, part))) {
        Some(pane) => {
            model.focus_on(pane);
            // It shows something else now.
            model.with(pane, |pane, facts| pane.refresh(facts));
            Vec::new()
        }
        None => warn(model, "no pane of this lesson shows more of this part"),
    }
}
