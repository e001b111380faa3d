//! What a pane is. It owns its state and reads [`Facts`]; what it wants of the world comes back as [`Wish`]es.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::facts::Facts;
use crate::stage::Value;
use crate::stage::hyperparameter::Hyperparameter;
use crate::task::points::Drawn;
use crate::train::Subscription;

/// One pane. What most panes do not need has a default.
pub trait Pane {
    fn title(&self) -> &'static str;

    /// What stands beside the title: `layer 1 · head 3 of 4`. Short, or empty.
    fn detail(&self, _facts: &Facts) -> String {
        String::new()
    }

    /// The one line "what am I looking at", on the lower border.
    fn about(&self, facts: &Facts, seat: Seat) -> String;

    /// Draws inside the border, into the seat's room, which may be of any size but empty.
    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer);

    /// A key that every pane has, or one of an action that it understands; the palette may ask for any other, which does
    /// nothing.
    fn act(&mut self, _facts: &Facts, _seat: Seat, _action: Action) -> Vec<Wish> {
        Vec::new()
    }

    /// Esc: a step back inside the pane, if there is one.
    fn back(&mut self) -> bool {
        false
    }

    /// A click at `at`, inside the seat's room.
    fn click(&mut self, _facts: &Facts, _seat: Seat, _at: Position) -> Vec<Wish> {
        Vec::new()
    }

    /// The text of the line that it wished for with [`Wish::Line`], with its line breaks.
    fn typed(&mut self, _facts: &Facts, _text: &str) -> Vec<Wish> {
        Vec::new()
    }

    /// Adds the activations and parameters that the pane shows. Called for visible panes only.
    fn subscribe(&self, _facts: &Facts, _wanted: &mut Subscription) {}

    /// Goes to where it shows a part of the run's card, if it does.
    fn follow(&mut self, _facts: &Facts, _part: &str) -> bool {
        false
    }

    /// Whether it shows the lab's experiments: then it is among a page's panes once there is one.
    fn shows_experiments(&self) -> bool {
        false
    }

    /// Goes to what the learner has chosen on the page, if it shows the page.
    fn show_chosen(&mut self) {}

    /// Whether what it holds is more than a view of the page: then it stays as it is where a page is turned, and does not
    /// begin anew.
    fn outlives_pages(&self) -> bool {
        false
    }

    /// Whether it shows text that is generated: while it is visible the trainer is asked for some.
    fn shows_samples(&self) -> bool {
        false
    }

    /// Whether temperature, top-k and top-p are its own: then their keys go to it.
    fn samples_itself(&self) -> bool {
        false
    }

    /// Whether a question of a made task can be typed in it: then the prompt's key does what [`Action::TypeValue`] does.
    fn asks_questions(&self) -> bool {
        false
    }

    /// Something that the pane is drawn from is new: a snapshot, a sample, a run, the prompt, the page. What is dear to
    /// compute (a projection, a table) is computed here and kept, not in `draw`; cursors are brought back into range.
    fn refresh(&mut self, _facts: &Facts) {}

    /// The actions that it understands besides those of every pane: their keys count in it.
    fn understands(&self) -> &'static [Action] {
        &[]
    }

    fn column(&self) -> Column {
        Column::Main
    }
}

/// Where a pane stands on a screen that is wide enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// On the left, with what the learner reads and sets.
    Side,
    /// On the right, among what the lesson looks at.
    Main,
}

/// A pane's place on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Inside the border; empty where the pane is not visible.
    pub room: Rect,
    pub focused: bool,
    pub zoomed: bool,
}

/// What a pane wants of the world.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Another value of a hyperparameter.
    Set(&'static Hyperparameter, Value),
    /// A line to type a value of it in, which begins with this one.
    Type(&'static Hyperparameter, Value),
    /// A line to type another value of it in, for a run beside this one from this step on.
    Compare(&'static Hyperparameter, Value),
    /// A line to type in, which has this label and begins with this text. What is typed goes to [`Pane::typed`] of the pane
    /// that lesson files call so.
    Line { pane: &'static str, label: String, text: String },
    /// Another prompt, in the text's tokens.
    Prompt(Vec<u32>),
    /// A loss that the learner has reached, with its standard error: a line of this name on the loss chart from now on.
    Yardstick { name: &'static str, loss: f64, error: f64 },
    /// A step of this group of the model's parameters alone, then a pause.
    StepAlone(usize),
    /// These are the learner's own points from now on.
    Draw(Drawn),
    /// A new model, trained on them.
    LearnDrawn,
    /// No more word of the change that was not possible.
    Dismiss,
    /// The pane that shows this part of the run's card.
    Follow(String),
}
