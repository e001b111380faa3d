//! What panes are drawn from: all that is known of the run on the screen, its text and the lesson. Facts know no pane.

use std::sync::Arc;

use super::action;
use super::asked::Asked;
use super::corpus::Corpus;
use super::course::Course;
use super::experiment::Shown;
use super::frame_cost::FrameCost;
use super::ghost::{self, Ghost};
use super::prompt::Prompt;
use super::run::Run;
use super::theme::Theme;
use crate::lesson::experiment::{FIRST_SEED, of_page};
use crate::lesson::{Item, Kind, Lesson, Page, keys, values};
use crate::model::Card;
use crate::model::sampling::Sampling;
use crate::task;
use crate::task::points::Drawn;
use crate::text::ngram::Reference;
use crate::text::{Tokenizer, shown};
use crate::train::command::SampleRequest;
use crate::train::measure::{Evidence, Other};
use crate::train::snapshot::{Sample, Snapshot};

/// The facts of this moment.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub theme: &'a Theme,
    pub lesson: &'a Lesson,
    /// The lesson after it.
    pub next_lesson: Option<&'a Lesson>,
    /// Index of the lesson's open page.
    pub page: usize,
    /// What the learner has answered.
    pub course: &'a Course,
    /// `None` while it loads.
    pub corpus: Option<&'a Corpus>,
    pub prompt: &'a Prompt,
    /// The run on the screen; `None` until the trainer is up.
    pub run: Option<&'a Run>,
    /// The hyperparameters that are on their way to it.
    pub asked: &'a Asked,
    /// Every earlier run's curve.
    pub ghosts: &'a [Ghost],
    /// The latest of the run on the screen.
    pub snapshot: Option<&'a Arc<Snapshot>>,
    /// The latest of the run on the screen.
    pub sample: Option<&'a Sample>,
    pub sampling: Sampling,
    /// What the trainer was last asked to generate.
    pub requested: Option<&'a SampleRequest>,
    /// What matrix products alone reach on this machine, GFLOP/s.
    pub peak_rate: Option<f64>,
    pub frame_cost: &'a FrameCost,
    /// The points that the learner has drawn.
    pub drawn: &'a Drawn,
    /// The last one, under way or ended.
    pub experiment: Option<&'a Shown>,
}

impl<'a> Facts<'a> {
    /// The open page.
    pub fn page(&self) -> &'a Page {
        &self.lesson.pages[self.page]
    }

    /// Losses that the learner has predicted of the run on the screen, and the steps at which it answers them.
    pub fn guesses(&self) -> Vec<(u64, f64)> {
        let guess = |item: &Item| {
            let Kind::Predict(predict) = &item.kind else { return None };
            let plain = predict.choices.is_empty() && predict.arms.is_empty();
            let said =
                self.course.progress.last(&self.lesson.id, &item.id, &["predict", "skip"])?;
            let answer = said.answer.filter(|_| plain && predict.measure.is_a_loss())?;
            Some((predict.after.max(1), answer))
        };
        self.page().items().filter_map(guess).collect()
    }

    /// Whether what is said of that text alone is said of another than the one that is trained on.
    pub fn is_elsewhere(&self, on: Option<&str>) -> bool {
        on.is_some_and(|on| self.corpus.is_some_and(|corpus| !corpus.is(on)))
    }

    /// The earlier runs of this session, which a measure may compare with.
    pub fn others(&self) -> Vec<Other<'a>> {
        let ghosts = self.ghosts.iter();
        ghosts.map(|ghost| Other { stage: ghost.stage(), history: &ghost.history }).collect()
    }

    /// What measures are read off now.
    pub fn evidence(&self, others: &'a [Other<'a>]) -> Option<Evidence<'a>> {
        Some(Evidence {
            observed: &self.run?.observed,
            snapshot: self.snapshot.map(|snapshot| &**snapshot),
            tokenizer: self.tokenizer(),
            references: self.corpus.map_or(&[], |corpus| &corpus.references),
            others,
        })
    }

    /// A lesson's text with its keys and its numbers: those of the text that is trained on and of the page's stage.
    pub fn fill(&self, markdown: &str) -> String {
        // Most texts have neither, and this is asked with every frame.
        let corpus = self.corpus.filter(|_| markdown.contains('{'));
        let Some(corpus) = corpus else { return markdown.to_owned() };
        let text = values::Text {
            name: &corpus.name,
            vocab_size: corpus.characters,
            words: corpus.counted.as_ref().map(|counted| counted.different_words),
            train: corpus.train,
            val: corpus.val,
            references: &corpus.references,
        };
        // What is not known stays as it is written: `lessons check` finds it.
        let filled = of_page(self.lesson, self.page, corpus.characters, FIRST_SEED)
            .ok()
            .and_then(|spoken_of| values::fill(markdown, &spoken_of, &text).ok())
            .unwrap_or_else(|| markdown.to_owned());
        if !filled.contains("{key:") {
            return filled;
        }
        keys::fill(&filled, &action::first_keys(self.theme.glyphs.ascii)).unwrap_or(filled)
    }

    /// How near the run comes to this machine's arithmetic; `None` until both are measured. A run that is faster
    /// than what was measured is the better measurement: other things ran meanwhile.
    pub fn peak_share(&self) -> Option<f64> {
        let gflops = self.run.map(|run| run.speed.gflops).filter(|gflops| *gflops > 0.0)?;
        self.peak_rate.filter(|rate| *rate > 0.0).map(|rate| gflops / rate.max(gflops))
    }

    /// What the model on the screen says of itself; `None` until it is open.
    pub fn card(&self) -> Option<&'a Card> {
        self.run?.card.as_deref()
    }

    /// What the task of the run on the screen says of itself.
    pub fn task(&self) -> task::Card {
        self.run.map_or_else(|| task::Config::default().card(), |run| run.config.task.card())
    }

    /// Whether the run on the screen reads the learner's prompt; a made task has examples of its own.
    pub fn reads_prompt(&self) -> bool {
        self.run.is_none_or(Run::is_on_text)
    }

    /// The tokens that the run on the screen looks at: the prompt, or the example of a made task.
    pub fn subject(&self) -> &'a [u32] {
        if self.reads_prompt() {
            return &self.prompt.tokens;
        }
        self.snapshot.map_or(&[], |snapshot| &snapshot.prompt)
    }

    /// Losses to compare the run's with: what counting reaches on the text, where it is trained on one and cannot look up
    /// what comes next; none before a loss was guessed that the page waits for.
    pub fn yardsticks(&self) -> &'a [Reference] {
        let shown = self.predicts_text() && !self.withholds_yardsticks();
        self.corpus.filter(|_| shown).map_or(&[], Corpus::yardsticks)
    }

    /// Whether the run's loss is one of a prediction of the text.
    fn predicts_text(&self) -> bool {
        self.reads_prompt() && !self.run.is_some_and(|run| run.sees_future())
    }

    /// Whether what counting reaches would tell the learner the loss that is to be predicted.
    pub fn withholds_yardsticks(&self) -> bool {
        self.predicts_text() && self.awaits_a_loss()
    }

    /// Whether the run waits for the learner to predict one of its losses.
    fn awaits_a_loss(&self) -> bool {
        let open = |item: &Item| {
            let Kind::Predict(predict) = &item.kind else { return false };
            predict.arms.is_empty()
                && predict.measure.is_a_loss()
                && self.course.answer(&self.lesson.id, &item.id).is_none()
        };
        self.course.held && self.page().items().any(open)
    }

    pub fn tokenizer(&self) -> Option<&'a Tokenizer> {
        self.corpus.map(|corpus| &corpus.tokenizer)
    }

    /// The character of a token that the run on the screen predicts, if it is a single one.
    pub fn character(&self, token: u32) -> Option<char> {
        if let Some(run) = self.run.filter(|run| !run.is_on_text()) {
            return run.signs.as_ref()?.target(token);
        }
        match self.tokenizer()? {
            Tokenizer::Characters(tokenizer) => tokenizer.characters().get(token as usize).copied(),
            Tokenizer::Words(tokenizer) => {
                let mut characters = tokenizer.word(token).chars();
                characters.next().filter(|_| characters.next().is_none())
            }
        }
    }

    /// How a token looks on an axis or in a table: one visible sign (`␣` for a space, `⏎` for a line break), or a word.
    pub fn label(&self, token: u32) -> String {
        let ascii = self.theme.glyphs.ascii;
        match (self.character(token), self.tokenizer()) {
            (Some(c), _) => shown::sign(c, ascii),
            (None, Some(Tokenizer::Words(tokenizer))) if self.reads_prompt() => {
                shown::token(tokenizer.word(token), ascii)
            }
            _ => {
                let signs = self.run.and_then(|run| run.signs.as_ref());
                signs.and_then(|signs| signs.word(token)).unwrap_or("?").to_owned()
            }
        }
    }

    /// How a token looks that an encoder reads.
    pub fn source_label(&self, token: u32) -> String {
        let signs = self.run.and_then(|run| run.signs.as_ref());
        let sign = signs.and_then(|signs| signs.source(token));
        sign.map_or_else(|| "?".to_owned(), |c| shown::sign(c, self.theme.glyphs.ascii))
    }

    /// The ghosts to draw now; earlier runs of the stage would tell a loss that is to be predicted.
    pub fn visible_ghosts(&self) -> Vec<ghost::Named<'a>> {
        let Some(run) = self.run else { return Vec::new() };
        let mut beside = ghost::beside(run, self.ghosts);
        if self.awaits_a_loss() {
            beside.retain(|named| named.ghost.stage() != run.stage());
        }
        beside
    }
}
