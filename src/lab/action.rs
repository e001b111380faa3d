//! The one action table: every action with its keys, where they count, its section and its line of help.
//!
//! The keymap, the footer, the help overlay, the palette and the README's key table are all read from [`ACTIONS`].

use std::fmt::Write as _;

use ratatui::crossterm::event::KeyCode;

use super::key::{Key, char, ctrl, named};

/// Everything a key can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    // Training
    PauseResume,
    StepOnce,
    Slower,
    Faster,
    FullSpeed,
    Restart,
    NextSeed,
    TypeSeed,
    Runs,
    OpenCheckpoint,
    Extend,
    EvaluateNow,
    CancelExperiment,
    WriteCheckpoint,
    // Lesson
    NextPage,
    PreviousPage,
    NextLesson,
    PreviousLesson,
    LessonList,
    EditPrompt,
    Answer,
    PreviousItem,
    NextItem,
    Hint,
    RunClaim,
    Review,
    Known,
    NotKnown,
    // Screen
    FocusNext,
    FocusPrevious,
    /// The pane with this number in the lesson, from 0.
    Focus(u8),
    Zoom,
    Back,
    Help,
    Palette,
    MouseSwitch,
    // Cursor, in the focused pane
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    // What a pane shows
    CycleView,
    NextHead,
    PreviousHead,
    NextLayer,
    PreviousLayer,
    LogAxes,
    LogLosses,
    SampleAnew,
    TemperatureUp,
    TemperatureDown,
    TopKUp,
    TopKDown,
    TopPUp,
    TopPDown,
    TypeSampling,
    Follow,
    Find,
    Mark,
    ShiftDown,
    ShiftUp,
    Clock,
    DrawOne,
    StepFirst,
    StepSecond,
    DrawPoints,
    RemovePoint,
    ClearPoints,
    LearnPoints,
    Narrower,
    Wider,
    Origin,
    // Hyperparameters
    NudgeUp,
    NudgeDown,
    TypeValue,
    CompareFromHere,
    Collect,
    Undo,
    // Leaving
    Quit,
    Interrupt,
    Suspend,
    Redraw,
    // In an overlay
    Accept,
    Cancel,
    ListUp,
    ListDown,
    ListPageUp,
    ListPageDown,
    Yes,
    No,
    More,
}

/// Where a key counts. With an overlay open only the overlay's own context does; else what the focused pane understands,
/// what every pane does, and `Global`, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    Global,
    EveryPane,
    /// The panes that understand the action.
    Pane,
    /// Help, the palette and the lesson list.
    List,
    /// A question with yes and no.
    Confirm,
    /// The input line: a prompt or a value. Other keys are text.
    Input,
    /// Questions of earlier sessions.
    Review,
}

/// Headings of the help overlay, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    Training,
    Lesson,
    Screen,
    Cursor,
    Pane,
    Hyperparameters,
    Leaving,
    Dialog,
}

impl Section {
    pub const ALL: [Self; 8] = [
        Self::Training,
        Self::Lesson,
        Self::Screen,
        Self::Cursor,
        Self::Pane,
        Self::Hyperparameters,
        Self::Leaving,
        Self::Dialog,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Training => "Training",
            Self::Lesson => "Lesson",
            Self::Screen => "Screen",
            Self::Cursor => "Moving in a pane",
            Self::Pane => "What a pane shows",
            Self::Hyperparameters => "Hyperparameters",
            Self::Leaving => "Leaving",
            Self::Dialog => "In lists, questions and input lines",
        }
    }
}

/// Keys and the contexts they count in.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub contexts: &'static [Context],
    pub keys: &'static [Key],
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub action: Action,
    pub id: &'static str,
    pub places: &'static [Place],
    pub section: Section,
    /// The footer's word for it; neighbours with the same word share it (`< > speed`). Empty: not in the footer.
    pub short: &'static str,
    /// One line, without a full stop.
    pub doc: &'static str,
}

const GLOBAL: &[Context] = &[Context::Global];
const EVERY_PANE: &[Context] = &[Context::EveryPane];
const PANE: &[Context] = &[Context::Pane];
const DIALOGS: &[Context] = &[Context::List, Context::Confirm, Context::Input, Context::Review];

const UP: Key = named(KeyCode::Up);
const DOWN: Key = named(KeyCode::Down);
const LEFT: Key = named(KeyCode::Left);
const RIGHT: Key = named(KeyCode::Right);
const ENTER: Key = named(KeyCode::Enter);
const ESC: Key = named(KeyCode::Esc);

macro_rules! rows {
    ($($section:ident: $action:expr, $id:literal, $short:literal, $doc:literal, [$($contexts:expr => $keys:expr),+ $(,)?];)+) => {
        &[$(Row {
            action: $action,
            id: $id,
            places: &[$(Place { contexts: $contexts, keys: &$keys }),+],
            section: Section::$section,
            short: $short,
            doc: $doc,
        }),+]
    };
}

/// Every action there is.
#[rustfmt::skip]
pub const ACTIONS: &[Row] = rows![
    Training: Action::PauseResume, "pause", "pause", "Pause training, or resume it", [GLOBAL => [char(' ')]];
    Training: Action::StepOnce, "step-once", "step", "Train one step, then pause", [GLOBAL => [char('.')]];
    Training: Action::Slower, "slower", "speed", "Slow down, as far as one step a second", [GLOBAL => [char('<')]];
    Training: Action::Faster, "faster", "speed", "Speed up, as far as full speed", [GLOBAL => [char('>')]];
    Training: Action::FullSpeed, "full-speed", "", "Train at full speed", [GLOBAL => [char('F')]];
    Training: Action::EvaluateNow, "evaluate", "", "Estimate both losses now", [GLOBAL => [char('e')]];
    Training: Action::Extend, "extend", "train on", "Train longer: add the length of the run once more", [GLOBAL => [char('+')]];
    Training: Action::Restart, "restart", "start again", "Start the run again from new weights; the present curve stays as a ghost", [GLOBAL => [char('r')]];
    Training: Action::NextSeed, "next-seed", "", "Start again with the next seed: other weights, other batches", [GLOBAL => [char('b')]];
    Training: Action::TypeSeed, "seed", "", "Start again with a seed that is typed", [GLOBAL => [char('B')]];
    Training: Action::Runs, "runs", "", "A table of the runs so far, to go back to any of them", [GLOBAL => [char('d')]];
    Training: Action::OpenCheckpoint, "open-checkpoint", "", "Open a checkpoint from the list of those that were saved", [GLOBAL => [ctrl('o')]];
    Training: Action::CancelExperiment, "cancel-experiment", "", "Cancel the experiment that is under way", [GLOBAL => [ctrl('x')]];
    Training: Action::WriteCheckpoint, "write-checkpoint", "", "Write a checkpoint of this run", [GLOBAL => [char('w')]];

    Lesson: Action::NextPage, "next-page", "page", "Next page of the lesson; after the last one, the next lesson", [GLOBAL => [char('n')]];
    Lesson: Action::PreviousPage, "previous-page", "page", "Previous page of the lesson", [GLOBAL => [char('p')]];
    Lesson: Action::NextLesson, "next-lesson", "", "Next lesson; this stage keeps its weights and its curve", [GLOBAL => [char('N'), char(']')]];
    Lesson: Action::PreviousLesson, "previous-lesson", "", "Previous lesson, with its weights and its curve as they were", [GLOBAL => [char('P'), char('[')]];
    Lesson: Action::LessonList, "lessons", "lessons", "Choose a lesson from the list", [GLOBAL => [char('L')]];
    Lesson: Action::EditPrompt, "prompt", "prompt", "Type the text that attention, softmax and embeddings look at; of a made task, a question of your own", [GLOBAL => [char('/')]];

    Lesson: Action::Answer, "answer-item", "answers", "Answer the question that is marked on the page; of a goal one more hint, of a claim a run", [PANE => [ENTER], GLOBAL => [char('i')], &[Context::Review] => [ENTER]];
    Lesson: Action::PreviousItem, "previous-item", "question", "The page's previous question, goal or claim", [PANE => [LEFT, char('h')]];
    Lesson: Action::NextItem, "next-item", "question", "The page's next question, goal or claim", [PANE => [RIGHT, char('l')]];
    Lesson: Action::Hint, "hint", "", "One more hint for the page's goal: there are three", [GLOBAL => [char('H')]];
    Lesson: Action::RunClaim, "run-claim", "", "Run the page's claim or race: several small runs, while this one waits", [GLOBAL => [char('!')]];
    Lesson: Action::Review, "review", "", "Questions from earlier sessions that are due", [GLOBAL => [char('R')]];
    Lesson: Action::Known, "known", "knew it", "The answer was known", [PANE => [char('y')], &[Context::Review] => [char('y')]];
    Lesson: Action::NotKnown, "not-known", "did not", "The answer was not known: it comes back sooner", [PANE => [char('x')], &[Context::Review] => [char('x')]];

    Screen: Action::FocusNext, "focus-next", "pane", "Next pane", [GLOBAL => [named(KeyCode::Tab)]];
    Screen: Action::FocusPrevious, "focus-previous", "", "Previous pane", [GLOBAL => [named(KeyCode::BackTab)]];
    Screen: Action::Focus(0), "focus-1", "", "The pane with this number", [GLOBAL => [char('1')]];
    Screen: Action::Focus(1), "focus-2", "", "The pane with this number", [GLOBAL => [char('2')]];
    Screen: Action::Focus(2), "focus-3", "", "The pane with this number", [GLOBAL => [char('3')]];
    Screen: Action::Focus(3), "focus-4", "", "The pane with this number", [GLOBAL => [char('4')]];
    Screen: Action::Focus(4), "focus-5", "", "The pane with this number", [GLOBAL => [char('5')]];
    Screen: Action::Focus(5), "focus-6", "", "The pane with this number", [GLOBAL => [char('6')]];
    Screen: Action::Focus(6), "focus-7", "", "The pane with this number", [GLOBAL => [char('7')]];
    Screen: Action::Focus(7), "focus-8", "", "The pane with this number", [GLOBAL => [char('8')]];
    Screen: Action::Focus(8), "focus-9", "", "The pane with this number", [GLOBAL => [char('9')]];
    Screen: Action::Zoom, "zoom", "zoom", "The focused pane on the whole screen, and back", [GLOBAL => [char('z')], EVERY_PANE => [ENTER]];
    Screen: Action::Back, "back", "", "A step back in a pane; else out of the zoom", [GLOBAL => [ESC]];
    Screen: Action::Palette, "palette", "palette", "Find any action by its name", [GLOBAL => [char(':'), ctrl('p')]];
    Screen: Action::Help, "help", "help", "Every key", [GLOBAL => [char('?')]];
    Screen: Action::MouseSwitch, "mouse", "", "Give the mouse to the terminal to select text, or take it back", [GLOBAL => [char('m')]];

    Cursor: Action::Up, "up", "move", "Up", [EVERY_PANE => [UP, char('k')]];
    Cursor: Action::Down, "down", "move", "Down", [EVERY_PANE => [DOWN, char('j')]];
    Cursor: Action::Left, "left", "move", "Left", [PANE => [LEFT, char('h')]];
    Cursor: Action::Right, "right", "move", "Right", [PANE => [RIGHT, char('l')]];
    Cursor: Action::PageUp, "page-up", "", "A page up", [EVERY_PANE => [named(KeyCode::PageUp), ctrl('u')]];
    Cursor: Action::PageDown, "page-down", "", "A page down", [EVERY_PANE => [named(KeyCode::PageDown), ctrl('d')]];
    Cursor: Action::Home, "home", "", "To the start", [EVERY_PANE => [named(KeyCode::Home), char('g')]];
    Cursor: Action::End, "end", "", "To the end", [EVERY_PANE => [named(KeyCode::End), char('G')]];

    Pane: Action::CycleView, "view", "view", "The pane's next view", [PANE => [char('v')]];
    Pane: Action::PreviousHead, "previous-head", "head", "Previous head", [PANE => [char('(')]];
    Pane: Action::NextHead, "next-head", "head", "Next head", [PANE => [char(')')]];
    Pane: Action::PreviousLayer, "previous-layer", "layer", "Previous layer", [PANE => [char('{')]];
    Pane: Action::NextLayer, "next-layer", "layer", "Next layer", [PANE => [char('}')]];
    Pane: Action::LogAxes, "log-axes", "log", "Steps on a linear axis, or on a logarithmic one", [PANE => [char('x')]];
    Pane: Action::LogLosses, "log-losses", "log", "Losses on a linear axis, or on a logarithmic one", [PANE => [char('y')]];
    Pane: Action::SampleAnew, "sample", "anew", "Generate again, with another seed", [PANE => [char('s')]];
    Pane: Action::TemperatureDown, "cooler", "temperature", "Lower temperature: surer, duller", [PANE => [char('t')]];
    Pane: Action::TemperatureUp, "warmer", "temperature", "Higher temperature: bolder, wilder", [PANE => [char('T')]];
    Pane: Action::TopKDown, "top-k-down", "top-k", "Keep fewer of the likeliest tokens", [PANE => [char('a')]];
    Pane: Action::TopKUp, "top-k-up", "top-k", "Keep more of the likeliest tokens, up to all", [PANE => [char('A')]];
    Pane: Action::TopPDown, "top-p-down", "top-p", "Keep less of the probability", [PANE => [char('o')]];
    Pane: Action::TopPUp, "top-p-up", "top-p", "Keep more of the probability, up to all", [PANE => [char('O')]];
    Pane: Action::TypeSampling, "sampling", "type", "Type temperature, top-k and top-p", [PANE => [char('=')]];
    Pane: Action::Follow, "follow", "follow", "To the pane that shows the part under the cursor", [PANE => [char('f')]];
    Pane: Action::Find, "find", "find", "Find a token by its first letters; a second one is compared with it", [PANE => [char('f')]];
    Pane: Action::Mark, "mark", "mark", "Mark what is under the cursor, or unmark it: a target, a masked score, a point of your own", [PANE => [char('x')]];
    Pane: Action::ShiftDown, "shift-down", "shift", "Take a constant off all logits", [PANE => [char('-')]];
    Pane: Action::ShiftUp, "shift-up", "shift", "Add a constant to all logits", [PANE => [char('=')]];
    Pane: Action::Clock, "clock", "clock", "Measure how long it takes, here and now", [PANE => [char('s')]];
    Pane: Action::DrawOne, "draw-one", "draw", "Draw the next token, or go on with the one that was drawn", [PANE => [char('s')]];
    Pane: Action::StepFirst, "step-first", "step D, G", "Of two networks that take turns: one step of the first (a discriminator) alone, whoever's turn it is, then pause", [PANE => [char('s')]];
    Pane: Action::StepSecond, "step-second", "step D, G", "Of two networks that take turns: one step of the second (a generator) alone, whoever's turn it is, then pause", [PANE => [char('S')]];
    Pane: Action::DrawPoints, "draw-points", "draw", "Draw points of your own, for the model to learn", [PANE => [char('o')]];
    Pane: Action::RemovePoint, "remove-point", "nearest off", "Take the point away that is nearest to the cursor", [PANE => [named(KeyCode::Backspace), named(KeyCode::Delete)]];
    Pane: Action::ClearPoints, "clear-points", "", "Take all drawn points away; pressed again, have them back", [PANE => [char('X')]];
    Pane: Action::LearnPoints, "learn-points", "train on them", "Train a new model on the drawn points", [PANE => [ENTER]];
    Pane: Action::Narrower, "narrower", "beam", "A search that goes on with one answer fewer", [PANE => [char('-')]];
    Pane: Action::Wider, "wider", "beam", "A search that goes on with one answer more", [PANE => [char('=')]];
    Pane: Action::Origin, "origin", "origin", "Where the number under the cursor comes from, in numbers; then, on an operand, where that does", [PANE => [ENTER]];

    Hyperparameters: Action::NudgeDown, "nudge-down", "nudge", "Lower the value a little", [PANE => [LEFT, char('h'), char('-')]];
    Hyperparameters: Action::NudgeUp, "nudge-up", "nudge", "Raise the value a little", [PANE => [RIGHT, char('l'), char('=')]];
    Hyperparameters: Action::TypeValue, "type-value", "type", "Type a value", [PANE => [ENTER]];
    Hyperparameters: Action::CompareFromHere, "compare-from-here", "", "Train on from this step twice, side by side: as it is, and with another value, which is typed", [PANE => [char('c')]];
    Hyperparameters: Action::Collect, "collect", "", "Collect changes that rebuild the model, and rebuild once with all of them", [GLOBAL => [char('M')]];
    Hyperparameters: Action::Undo, "undo", "undo", "Take back the last change of a hyperparameter", [GLOBAL => [char('u')]];

    Leaving: Action::Quit, "quit", "quit", "Save and leave", [GLOBAL => [char('q')]];
    Leaving: Action::Interrupt, "interrupt", "", "Ask to leave; pressed again: leave at once, unsaved", [GLOBAL => [ctrl('c')], DIALOGS => [ctrl('c')]];
    Screen: Action::Redraw, "redraw", "", "Draw the whole screen anew", [GLOBAL => [ctrl('l')], DIALOGS => [ctrl('l')]];
    Leaving: Action::Suspend, "suspend", "", "Back to the shell for a while (fg returns)", [GLOBAL => [ctrl('z')], DIALOGS => [ctrl('z')]];

    Dialog: Action::ListUp, "list-up", "move", "Up in a list", [&[Context::List] => [UP, ctrl('k')]];
    Dialog: Action::ListDown, "list-down", "move", "Down in a list", [&[Context::List] => [DOWN, ctrl('j')]];
    Dialog: Action::ListPageUp, "list-page-up", "", "A page up in a list", [&[Context::List] => [named(KeyCode::PageUp)]];
    Dialog: Action::ListPageDown, "list-page-down", "", "A page down in a list", [&[Context::List] => [named(KeyCode::PageDown)]];
    Dialog: Action::Accept, "accept", "choose", "Take it", [&[Context::List, Context::Input] => [ENTER]];
    Dialog: Action::Yes, "yes", "yes", "Yes", [&[Context::Confirm] => [char('y'), ENTER]];
    Dialog: Action::No, "no", "no", "No", [&[Context::Confirm] => [char('n'), ESC]];
    Dialog: Action::More, "more", "more", "More changes first: one rebuild takes them all", [&[Context::Confirm] => [char('m')]];
    Dialog: Action::Cancel, "cancel", "close", "Close it, and leave things as they were", [&[Context::List, Context::Input, Context::Review] => [ESC]];
];

/// What a pane understands that shows what is drawn from the model.
pub const DRAWING: &[Action] = &[
    Action::Left,
    Action::Right,
    Action::CycleView,
    Action::SampleAnew,
    Action::TemperatureDown,
    Action::TemperatureUp,
    Action::TopKDown,
    Action::TopKUp,
    Action::TopPDown,
    Action::TopPUp,
    Action::TypeSampling,
];

/// Where keys count at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The nearest first; those of one slice are equally near, and the first of them has a key.
    pub nearness: &'static [&'static [Context]],
    /// What the focused pane understands.
    pub understood: &'static [Action],
}

impl Scope {
    /// No overlay is open, and the focused pane understands these actions.
    pub fn pane(understood: &'static [Action]) -> Self {
        Self { nearness: &[&[Context::Pane, Context::EveryPane], GLOBAL], understood }
    }

    /// The keys that a row has in a context, if it counts there now.
    pub fn keys(&self, row: &Row, context: Context) -> Option<&'static [Key]> {
        let counts = context != Context::Pane || self.understood.contains(&row.action);
        let place = row.places.iter().find(|place| place.contexts.contains(&context));
        place.filter(|_| counts).map(|place| place.keys)
    }

    /// What a key asks for.
    pub fn lookup(&self, key: Key) -> Option<Action> {
        self.nearness.iter().copied().flatten().find_map(|context| {
            let known =
                |row: &&Row| self.keys(row, *context).is_some_and(|keys| keys.contains(&key));
            ACTIONS.iter().find(known).map(|row| row.action)
        })
    }
}

/// An action's row.
///
/// # Panics
/// Never: a test holds every action to its row.
pub fn row(action: Action) -> &'static Row {
    ACTIONS.iter().find(|row| row.action == action).expect("every action has a row")
}

/// All keys of a row, each once.
pub fn keys(row: &Row, ascii: bool) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for key in row.places.iter().flat_map(|place| place.keys) {
        let label = key.label(ascii);
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// Every action's id with its first key, as lessons name it: `{key:pause}`.
pub fn first_keys(ascii: bool) -> Vec<(&'static str, String)> {
    let first = |row: &Row| keys(row, ascii).into_iter().next();
    ACTIONS.iter().filter_map(|row| Some((row.id, first(row)?))).collect()
}

/// The README's table of keys, in Markdown.
pub fn markdown() -> String {
    let mut rows: Vec<(Section, Vec<String>, &str)> = Vec::new();
    for section in Section::ALL {
        for row in ACTIONS.iter().filter(|row| row.section == section) {
            let labels = keys(row, false).into_iter().map(|key| format!("`{key}`"));
            match rows.last_mut() {
                // The panes' numbers are one row.
                Some((_, all, doc)) if *doc == row.doc => all.extend(labels),
                _ => rows.push((section, labels.collect(), row.doc)),
            }
        }
    }
    let mut table = "| where | keys | what |\n|---|---|---|\n".to_owned();
    let mut last = None;
    for (section, keys, doc) in rows {
        let title = if last == Some(section) { "" } else { section.title() };
        last = Some(section);
        _ = writeln!(table, "| {title} | {} | {doc} |", keys.join(" "));
    }
    table
}

/// Whether the palette offers it: all but what only makes sense inside an overlay.
pub fn in_palette(row: &Row) -> bool {
    row.section != Section::Dialog && row.action != Action::Palette
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_means_one_thing_in_a_context() {
        let mut seen = HashSet::new();
        for row in ACTIONS {
            // What a pane has of its own depends on what it understands.
            for place in row.places.iter().filter(|place| place.contexts != PANE) {
                for context in place.contexts {
                    for key in place.keys {
                        let id = row.id;
                        assert!(seen.insert((context, key)), "{key} twice in {context:?} ({id})");
                    }
                }
            }
        }
        for (context, key) in &seen {
            let hides = **context == Context::EveryPane && seen.contains(&(&Context::Global, key));
            assert!(!hides, "{key} is global");
        }
    }

    /// Where this fails: copy the table from the message into README.md, between its two marks.
    #[test]
    fn the_readme_has_every_key() {
        let readme =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let (_, rest) = readme.split_once("<!-- keys -->\n").unwrap();
        let (table, _) = rest.split_once("<!-- /keys -->").unwrap();
        assert!(table == markdown(), "{}", markdown());
    }

    #[test]
    fn every_row_is_whole_and_stands_alone() {
        let mut ids = HashSet::new();
        let mut actions = HashSet::new();
        for row in ACTIONS {
            assert!(ids.insert(row.id), "{} twice", row.id);
            assert!(actions.insert(row.action), "{:?} twice", row.action);
            assert!(!row.doc.is_empty() && !row.doc.ends_with('.'), "{}", row.id);
            assert!(
                row.places.iter().all(|p| !p.contexts.is_empty() && !p.keys.is_empty()),
                "{}",
                row.id
            );
        }
    }
}
