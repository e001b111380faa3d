//! Stories: people go to places, take things and drop them; then something is asked that up to three sentences tell.
//!
//! Token ids are words ([`words`]), a full stop ends a sentence. `x` is the story and the question, filled up with padding;
//! `y` asks for the answer, one word, at the question mark. After bAbI's tasks 1 to 3, 6 and 7 (Weston et al. 2015), made
//! here: half the questions ask for a place, a quarter is answered with yes or no, a quarter with a number.

mod question;
mod reading;
#[cfg(test)]
mod tests;
mod words;
mod world;

use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use super::judged::Share;
use super::split::held_out;
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, Examples, IGNORED, Output, PAD, Sentences, Sizes, Split};
use question::{Answer, MOST_FACTS, Question, Sort, Whose};
use words::{ASKED, NONE, OBJECTS, PEOPLE, PLACES, STOP, WORDS};
use world::{Sentence, World};

pub use reading::Told;

/// Sentences of a story.
const SHORTEST: usize = 8;
const LONGEST: usize = 20;
/// T
const TIME: usize = LONGEST * Sentence::LONGEST + Question::LONGEST;
/// Answers that an estimate judges.
const JUDGED: usize = 1000;

/// What answers are worth: of all questions, and of those for a place, for yes or no, and for a number.
pub const EXACT_MATCH: &str = "exact_match";
pub const EXACT_PLACE: &str = "exact_place";
pub const EXACT_YES_NO: &str = "exact_yes_no";
pub const EXACT_COUNT: &str = "exact_count";

/// The task with questions that need so many facts.
#[derive(Clone, Copy, Debug)]
pub struct Stories {
    /// 1 to 3
    facts: usize,
}

/// What can be typed.
pub const EXAMPLE: &str = "Anna went to the hall. Where is Anna?";

/// A text that is no story with a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found}: type sentences and a question, such as \"{EXAMPLE}\"")]
pub struct NotUnderstood {
    found: String,
}

/// A number below `count`.
fn below(count: usize, rng: &mut ChaCha8Rng) -> usize {
    ((u64::from(rng.next_u32()) * count as u64) >> 32) as usize
}

/// One of some values that differs from others.
fn other(count: usize, than: impl Fn(usize) -> bool, rng: &mut ChaCha8Rng) -> usize {
    loop {
        let value = below(count, rng);
        if !than(value) {
            return value;
        }
    }
}

/// What is to be asked, before there is a story.
#[derive(Clone, Copy)]
enum Kind {
    Where,
    /// Whether it is there, and whether that is so.
    Is(bool),
    Count(usize),
}

impl Stories {
    pub fn new(facts: usize) -> Self {
        Self { facts: facts.clamp(1, MOST_FACTS) }
    }

    /// The ids of a story and its question.
    ///
    /// # Errors
    /// If it holds other words, is too long, or is not sentences with a question behind them. It need not be a story that can
    /// be: a model answers anything.
    pub fn encode(self, text: &str) -> Result<Vec<u32>, NotUnderstood> {
        let wrong = |found: String| NotUnderstood { found };
        let mut ids = Vec::new();
        let spaced = text.replace('.', " . ").replace('?', " ? ");
        for word in spaced.split_whitespace() {
            let unknown = || wrong(format!("{word:?} is no word of these stories"));
            ids.push(words::id(word).ok_or_else(unknown)?);
        }
        let sentences = ids.iter().filter(|id| **id == STOP).count();
        if ids.len() > TIME || sentences > LONGEST {
            let found = format!("{sentences} sentences and {} words", ids.len());
            return Err(wrong(format!("{found} are more than {LONGEST} and {TIME}")));
        }
        let mut each = ids.split(|id| *id == STOP);
        let question = each.next_back().unwrap_or_default();
        let empty = each.position(<[u32]>::is_empty);
        let asked = ids.iter().position(|id| *id == ASKED);
        let found = match (empty, asked) {
            _ if ids.iter().all(|id| *id == STOP) => "there is no question".to_owned(),
            (Some(empty), _) => format!("sentence {} has no words", empty + 1),
            (_, None) => "there is no ? at the end".to_owned(),
            (_, Some(at)) if at + 1 < ids.len() => "the question does not come last".to_owned(),
            _ if sentences == 0 && Question::read(question).is_some() => {
                "there is no story before the question".to_owned()
            }
            _ => {
                let mut ends = (1..question.len()).map(|from| &question[from..]);
                let inner = ends.rfind(|end| Question::read(end).is_some());
                match inner.filter(|_| Question::read(question).is_none()) {
                    Some(end) => {
                        format!("a full stop is missing before {:?}", Self::decode(end))
                    }
                    None if sentences == 0 => "there is no full stop".to_owned(),
                    None => return Ok(ids),
                }
            }
        };
        Err(wrong(found))
    }

    /// The words of ids, without what fills up.
    pub fn decode(ids: &[u32]) -> String {
        let mut text = String::new();
        for (id, word) in ids.iter().filter_map(|id| Some((*id, words::word(*id)?))) {
            if !text.is_empty() && ![STOP, ASKED].contains(&id) {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// The words of all ids, in their order.
    pub fn words() -> &'static [&'static str] {
        &WORDS
    }

    /// The sentences of some ids up to their question, each with its full stop, and the question.
    fn parts(ids: &[u32]) -> (impl Iterator<Item = &[u32]>, &[u32]) {
        let end = ids.iter().rposition(|id| *id == STOP).map_or(0, |at| at + 1);
        let (story, rest) = ids.split_at(end);
        let question = rest.iter().position(|id| *id == ASKED).map_or(rest, |at| &rest[..=at]);
        (story.split_inclusive(|id| *id == STOP), question)
    }

    /// What comes of a story and its question.
    pub fn read(ids: &[u32]) -> Told {
        let (sentences, question) = Self::parts(ids);
        reading::read(sentences, question)
    }

    /// The id of the answer, where the story tells it.
    pub fn answer(ids: &[u32]) -> Option<u32> {
        match Self::read(ids) {
            Told::Answer { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Why a story has no answer, and the sentence, counted from 0, that cannot be.
    pub fn unanswered(ids: &[u32]) -> Option<(Option<usize>, String)> {
        match Self::read(ids) {
            Told::Answer { .. } => None,
            Told::Nothing => Some((None, "the story does not tell".to_owned())),
            Told::Broken { sentence, why } => {
                let said = format!("sentence {} breaks a rule of this world: {why}", sentence + 1);
                Some((Some(sentence), said))
            }
            Told::Unasked => {
                let asks = "where is ..., is ... in the ..., how many things has ...";
                Some((None, format!("no such question is asked here, but {asks}")))
            }
        }
    }

    /// What happens next: half of the time somebody goes elsewhere, else they take or drop something where they can. Nobody
    /// has more things than a question may have facts.
    fn next(self, world: &World, rng: &mut ChaCha8Rng) -> Sentence {
        let who = below(PEOPLE.count, rng);
        if below(2, rng) == 0 {
            let held = world.held(who).count();
            let drops = held >= self.facts || (held > 0 && below(2, rng) == 0);
            let first = below(OBJECTS.count, rng);
            let things = (0..OBJECTS.count).map(|i| (first + i) % OBJECTS.count);
            let touch = if drops { Sentence::Dropped } else { Sentence::Took };
            let mut possible = things.map(|thing| touch(who, thing));
            if let Some(sentence) = possible.find(|sentence| world.allows(*sentence)) {
                return sentence;
            }
        }
        let here = world.people[who].now;
        let at = |place| here.is_some_and(|here| here.place == place);
        Sentence::Went(who, other(PLACES.count, at, rng))
    }

    /// Of whom such a question can be asked.
    fn subjects(self, world: &World) -> impl Iterator<Item = Whose> + '_ {
        let (people, things) = match self.facts {
            1 => (PEOPLE.count, 0),
            _ => (0, OBJECTS.count),
        };
        let of_thing = move |thing: usize| match self.facts {
            2 => Some(Whose::Thing(thing)),
            _ => Some(Whose::Before(thing, world.things[thing].carried?.to.place)),
        };
        (0..people).map(Whose::Person).chain((0..things).filter_map(of_thing))
    }

    /// A question of a kind whose first fact stands as near as can be to a place that is drawn, so that facts are found all
    /// over a story and not only at its end; `None` if the story tells of none.
    fn ask(self, kind: Kind, world: &World, rng: &mut ChaCha8Rng) -> Option<(Question, Answer)> {
        let wanted = below(world.sentences, rng);
        let far = |answer: &Answer| answer.facts()[0].abs_diff(wanted);
        if let Kind::Count(count) = kind {
            let questions = (0..PEOPLE.count).map(Question::Count);
            let answered = questions.filter_map(|q| Some((q, q.answer(world)?)));
            let right = answered.filter(|(_, answer)| answer.id == NONE + count as u32);
            return right.min_by_key(|(_, answer)| far(answer));
        }
        let whose =
            self.subjects(world).filter_map(|w| Some((w, Question::Where(w).answer(world)?)));
        let (whose, found) = whose.min_by_key(|(_, answer)| far(answer))?;
        let question = match kind {
            Kind::Is(so) => {
                let right = PLACES.number(found.id)?;
                let near = |place| match whose {
                    Whose::Before(_, to) => place == right || place == to,
                    Whose::Person(_) | Whose::Thing(_) => place == right,
                };
                Question::Is(whose, if so { right } else { other(PLACES.count, near, rng) })
            }
            Kind::Where | Kind::Count(_) => Question::Where(whose),
        };
        Some((question, question.answer(world)?))
    }

    /// Asks for the last example's answer, where there is one, and fills it up to `time`.
    fn append(batch: &mut Batch, answer: Option<u32>) {
        let end = batch.x.len();
        batch.sequences += 1;
        batch.y.resize(end - 1, IGNORED);
        batch.y.push(answer.unwrap_or(IGNORED));
        batch.x.resize(batch.sequences * batch.time, PAD);
        batch.y.resize(batch.sequences * batch.time, IGNORED);
    }
}

impl Examples for Stories {
    fn sizes(&self) -> Sizes {
        Sizes {
            vocab_size: WORDS.len(),
            block_size: Some(TIME),
            sentences: Some(Sentences { end: STOP, most: LONGEST }),
            ..Sizes::default()
        }
    }

    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        batch.clear();
        batch.time = TIME;
        while batch.sequences < count {
            // Drawn before the story, so that no kind is rarer for being answered by fewer stories.
            let kind = match below(4, rng) {
                0 => Kind::Is(below(2, rng) == 0),
                1 => Kind::Count(below(self.facts + 1, rng)),
                _ => Kind::Where,
            };
            let start = batch.x.len();
            loop {
                batch.x.truncate(start);
                let sentences = SHORTEST + below(LONGEST + 1 - SHORTEST, rng);
                let mut world = World::default();
                while world.sentences < sentences {
                    let sentence = self.next(&world, rng);
                    sentence.write(&mut batch.x);
                    world.tell(sentence);
                }
                let story = batch.x[start..].iter().map(|&id| u64::from(id));
                if held_out(story) != (split == Split::Val) {
                    continue;
                }
                if let Some((question, answer)) = self.ask(kind, &world, rng) {
                    question.write(&mut batch.x);
                    Self::append(batch, Some(answer.id));
                    break;
                }
            }
        }
    }

    /// `prompt` is a story with its question; one that has no answer is not asked.
    fn subject(&self, prompt: &[u32], batch: &mut Batch) {
        if prompt.is_empty() {
            self.draw(Split::Val, 1, &mut stream(0, Purpose::Evaluation, 0), batch);
        } else {
            batch.clear();
            batch.x.extend_from_slice(&prompt[..prompt.len().min(TIME)]);
            batch.time = batch.x.len();
            let answer = Self::answer(&batch.x);
            Self::append(batch, answer);
        }
        // What is looked at is not filled up.
        let end = batch.x.iter().position(|id| *id == PAD).unwrap_or(batch.time);
        batch.x.truncate(end);
        batch.y.truncate(end);
        batch.time = end;
    }

    fn told_by(&self, example: &[u32]) -> Vec<usize> {
        match Self::read(example) {
            Told::Answer { facts, .. } => facts,
            _ => Vec::new(),
        }
    }

    fn provenance(&self) -> &'static str {
        "held-out stories (a tenth of them is never trained on)"
    }

    fn judged(&self) -> usize {
        JUDGED
    }

    /// `exact_match`: the share of questions that are answered right; and the same of each sort of question.
    fn judge(&self, batch: &Batch, output: &Output) -> Vec<(&'static str, f64)> {
        let judged = |i: usize| {
            let right = batch.targets_of(i).iter().find(|id| **id != IGNORED);
            let (_, question) = Self::parts(batch.tokens(i));
            (Question::sort(question), output.tokens[i].last() == right)
        };
        let judged: Vec<_> = (0..output.tokens.len()).map(judged).collect();
        let of = |sort| judged.iter().filter(move |(of, _)| *of == sort).map(|(_, right)| *right);
        vec![
            (EXACT_MATCH, judged.iter().map(|(_, right)| *right).share()),
            (EXACT_PLACE, of(Sort::Place).share()),
            (EXACT_YES_NO, of(Sort::YesNo).share()),
            (EXACT_COUNT, of(Sort::Count).share()),
        ]
    }
}
