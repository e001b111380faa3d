//! Reading a story that somebody typed: what it tells, in whatever order it does, or the sentence that cannot be.
//!
//! The maker of stories says where somebody is before they touch anything. Whoever types one need not: where everybody is
//! stands open here until some sentence tells it, and then it is known of all who were there together.

use super::question::{Question, Whose};
use super::words::{self, HAS, IN, IS, NO, NONE, OBJECTS, PEOPLE, PLACES, STOP, THE, YES};
use super::world::Sentence;

/// What comes of a story with its question. Sentences are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The answer's id, and the sentences that tell it, in their order.
    Answer { id: u32, facts: Vec<usize> },
    /// It has no answer.
    Nothing,
    /// One of its sentences cannot be true after those before it.
    Broken { sentence: usize, why: String },
    /// Its question is none that is asked here.
    Unasked,
}

/// What a sentence says: one of the maker's, or how things stand.
enum Says {
    Happened(Sentence),
    PersonIn(usize, usize),
    ThingIn(usize, usize),
    Has(usize, usize),
}

/// Where something is, as far as it is told, and the sentences that tell it.
#[derive(Clone, Debug, Default)]
struct Spot {
    place: Option<usize>,
    facts: Vec<usize>,
}

/// A thing that was carried from a spot to another, by whoever took it in a sentence.
#[derive(Clone, Copy)]
struct Move {
    taken: usize,
    from: usize,
    to: usize,
}

#[derive(Default)]
struct Thing {
    /// Who has it, and the sentence that says so.
    holder: Option<(usize, usize)>,
    /// Its spot.
    at: usize,
    /// The last sentence in which it was taken or dropped.
    touched: Option<usize>,
    moves: Vec<Move>,
}

struct Reader {
    spots: Vec<Spot>,
    /// Everybody's spot.
    people: [usize; PEOPLE.count],
    /// The last sentence in which somebody dropped something.
    dropped: [Option<usize>; PEOPLE.count],
    things: [Thing; OBJECTS.count],
}

impl Says {
    /// Of ids that end with their full stop.
    fn read(ids: &[u32]) -> Option<Self> {
        if let Some(sentence) = Sentence::read(ids) {
            return Some(Self::Happened(sentence));
        }
        Some(match *ids {
            [who, IS, IN, THE, place, STOP] => {
                Self::PersonIn(PEOPLE.number(who)?, PLACES.number(place)?)
            }
            [THE, thing, IS, IN, THE, place, STOP] => {
                Self::ThingIn(OBJECTS.number(thing)?, PLACES.number(place)?)
            }
            [who, HAS, THE, thing, STOP] => Self::Has(PEOPLE.number(who)?, OBJECTS.number(thing)?),
            _ => return None,
        })
    }
}

fn person(who: usize) -> &'static str {
    words::word(PEOPLE.id(who)).unwrap_or_default()
}

fn thing(thing: usize) -> &'static str {
    words::word(OBJECTS.id(thing)).unwrap_or_default()
}

fn place(place: usize) -> &'static str {
    words::word(PLACES.id(place)).unwrap_or_default()
}

/// Sentences in their order, each once.
fn joined(facts: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut facts: Vec<usize> = facts.into_iter().collect();
    facts.sort_unstable();
    facts.dedup();
    facts
}

impl Reader {
    /// Nothing is told of anything yet.
    fn new() -> Self {
        let things = std::array::from_fn(|i| Thing { at: PEOPLE.count + i, ..Thing::default() });
        Self {
            spots: vec![Spot::default(); PEOPLE.count + OBJECTS.count],
            people: std::array::from_fn(|i| i),
            dropped: [None; PEOPLE.count],
            things,
        }
    }

    /// `of` is in a place, as a sentence says, with those that it needs to say so.
    fn stands(
        &mut self,
        of: &str,
        at: usize,
        in_place: usize,
        facts: Vec<usize>,
    ) -> Result<(), String> {
        match self.spots[at].place {
            Some(known) if known != in_place => Err(format!("{of} is in the {}", place(known))),
            Some(_) => Ok(()),
            None => {
                self.spots[at] = Spot { place: Some(in_place), facts };
                Ok(())
            }
        }
    }

    /// Two spots are one; what is known of either is known of both.
    fn meet(&mut self, one: usize, other: usize, facts: &[usize]) {
        let of = |spot: &Spot| joined(spot.facts.iter().chain(facts).copied());
        match (self.spots[one].place, self.spots[other].place) {
            (Some(known), None) => {
                let facts = of(&self.spots[one]);
                self.spots[other] = Spot { place: Some(known), facts };
            }
            (None, Some(known)) => {
                let facts = of(&self.spots[other]);
                self.spots[one] = Spot { place: Some(known), facts };
            }
            (Some(_), Some(_)) => {}
            (None, None) => {
                let things = self.things.iter_mut();
                let of_things = things.flat_map(|thing| {
                    let moves = thing.moves.iter_mut();
                    let ends = moves.flat_map(|Move { from, to, .. }| [from, to]);
                    std::iter::once(&mut thing.at).chain(ends)
                });
                let all = self.people.iter_mut().chain(of_things);
                all.filter(|spot| **spot == other).for_each(|spot| *spot = one);
            }
        }
    }

    fn takes(&mut self, who: usize, what: usize, told: usize) -> Result<(), String> {
        let Thing { holder, at, touched, .. } = self.things[what];
        match holder {
            Some((holder, _)) if holder == who => {
                return Err(format!("{} has the {} already", person(who), thing(what)));
            }
            Some((holder, _)) => return Err(format!("{} has the {}", person(holder), thing(what))),
            None => {}
        }
        let here = self.people[who];
        if let (Some(there), Some(here)) = (self.spots[at].place, self.spots[here].place)
            && there != here
        {
            let (who, what) = (person(who), thing(what));
            return Err(format!(
                "the {what} is in the {}, and {who} in the {}",
                place(there),
                place(here)
            ));
        }
        let facts = joined(touched.into_iter().chain([told]));
        self.meet(here, at, &facts);
        let taken = &mut self.things[what];
        (taken.holder, taken.at, taken.touched) = (Some((who, told)), here, Some(told));
        Ok(())
    }

    fn goes(&mut self, who: usize, in_place: usize, told: usize) {
        let to = self.spots.len();
        self.spots.push(Spot { place: Some(in_place), facts: vec![told] });
        let from = std::mem::replace(&mut self.people[who], to);
        for thing in &mut self.things {
            if let Some((_, taken)) = thing.holder.filter(|(holder, _)| *holder == who) {
                thing.moves.push(Move { taken, from, to });
                thing.at = to;
            }
        }
    }

    /// # Errors
    /// Why it cannot be.
    fn hear(&mut self, says: &Says, told: usize) -> Result<(), String> {
        match *says {
            Says::Happened(Sentence::Went(who, place)) => self.goes(who, place, told),
            Says::Happened(Sentence::Took(who, thing)) => self.takes(who, thing, told)?,
            Says::Happened(Sentence::Dropped(who, what)) => match self.things[what].holder {
                Some((holder, _)) if holder == who => {
                    let dropped = &mut self.things[what];
                    (dropped.holder, dropped.touched) = (None, Some(told));
                    self.dropped[who] = Some(told);
                }
                Some((holder, _)) => {
                    return Err(format!("{} has the {}", person(holder), thing(what)));
                }
                None => return Err(format!("{} has no {}", person(who), thing(what))),
            },
            Says::PersonIn(who, place) => {
                self.stands(person(who), self.people[who], place, vec![told])?;
            }
            Says::ThingIn(what, place) => {
                let Thing { at, touched, .. } = self.things[what];
                let facts = joined(touched.into_iter().chain([told]));
                self.stands(&format!("the {}", thing(what)), at, place, facts)?;
            }
            Says::Has(who, thing) => {
                if self.things[thing].holder.is_none_or(|(holder, _)| holder != who) {
                    self.takes(who, thing, told)?;
                }
            }
        }
        Ok(())
    }

    /// The place that is asked for, and what tells it.
    fn find(&self, whose: Whose) -> Option<(usize, Vec<usize>)> {
        match whose {
            Whose::Person(who) => {
                let spot = &self.spots[self.people[who]];
                Some((spot.place?, spot.facts.clone()))
            }
            Whose::Thing(thing) => {
                let thing = &self.things[thing];
                let spot = &self.spots[thing.at];
                Some((spot.place?, joined(spot.facts.iter().copied().chain(thing.touched))))
            }
            Whose::Before(thing, place) => {
                let came = |m: &&Move| {
                    self.spots[m.to].place == Some(place) && self.spots[m.from].place != Some(place)
                };
                // The last time that it came there.
                let Move { taken, from, to } = *self.things[thing].moves.iter().rev().find(came)?;
                let (from, to) = (&self.spots[from], &self.spots[to]);
                let facts = from.facts.iter().chain(&to.facts).copied();
                Some((from.place?, joined(facts.chain([taken]))))
            }
        }
    }

    fn answer(&self, question: Question) -> Option<(u32, Vec<usize>)> {
        match question {
            Question::Where(whose) => {
                let (place, facts) = self.find(whose)?;
                Some((PLACES.id(place), facts))
            }
            Question::Is(whose, at) => {
                let (place, facts) = self.find(whose)?;
                Some((if place == at { YES } else { NO }, facts))
            }
            // What nobody has taken nobody has: a story is all that happened.
            Question::Count(who) => {
                let held = self.things.iter().filter_map(|thing| thing.holder);
                let taken = joined(held.filter(|(holder, _)| *holder == who).map(|(_, told)| told));
                let id = NONE + taken.len() as u32;
                let none = taken.is_empty();
                Some((id, if none { self.dropped[who].into_iter().collect() } else { taken }))
            }
        }
    }
}

/// What comes of sentences, each with its full stop, and a question with its mark.
pub fn read<'a>(sentences: impl Iterator<Item = &'a [u32]>, question: &[u32]) -> Told {
    let mut reader = Reader::new();
    for (sentence, ids) in sentences.enumerate() {
        let none = || "it is none of these stories, as \"anna took the ball\" is".to_owned();
        let heard = Says::read(ids).ok_or_else(none);
        if let Err(why) = heard.and_then(|says| reader.hear(&says, sentence)) {
            return Told::Broken { sentence, why };
        }
    }
    let Some(question) = Question::read(question) else { return Told::Unasked };
    match reader.answer(question) {
        Some((id, facts)) => Told::Answer { id, facts },
        None => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stories;
    use super::*;

    fn told(text: &str) -> Told {
        Stories::read(&Stories::new(1).encode(text).unwrap())
    }

    #[test]
    fn a_story_tells_whatever_the_order_of_its_sentences() {
        for (text, answer, facts) in [
            (
                "ben took the book. ben went to the garden. where is the book?",
                "garden",
                &[0, 1][..],
            ),
            (
                "ben went to the hall. anna took the ball. ben went to the attic. where is ben?",
                "attic",
                &[2],
            ),
            (
                "ben went to the attic. anna took the ball. anna went to the hall. where is anna?",
                "hall",
                &[2],
            ),
            ("anna went to the hall. anna went to the hall. where is anna?", "hall", &[1]),
            ("anna is in the hall. where is anna?", "hall", &[0]),
            ("the ball is in the hall. where is the ball?", "hall", &[0]),
            ("the ball is in the hall. anna took the ball. where is anna?", "hall", &[0, 1]),
            ("anna has the ball. anna went to the hall. is the ball in the attic?", "no", &[0, 1]),
            ("anna took the ball. how many things has anna?", "one", &[0]),
            ("anna has the key. anna took the ball. how many things has anna?", "two", &[0, 1]),
            ("clara went to the garden. how many things has clara?", "none", &[]),
            ("clara took the key. clara dropped the key. how many things has clara?", "none", &[1]),
            // Whoever takes a thing is where it was dropped, and so is whoever has not moved since.
            (
                "ben went to the hall. ben took the ball. ben dropped the ball. anna took the ball. where is anna?",
                "hall",
                &[0, 2, 3],
            ),
            (
                "anna took the ball. anna dropped the ball. ben went to the attic. ben took the ball. where is anna?",
                "attic",
                &[1, 2, 3],
            ),
            (
                "anna took the ball. anna dropped the ball. ben took the ball. ben is in the cellar. where is anna?",
                "cellar",
                &[3],
            ),
            // Several carryings, and then one more.
            (
                "anna went to the hall. anna took the ball. ben went to the kitchen. anna went to the kitchen. anna dropped the ball. ben took the ball. ben went to the attic. where was the ball before the kitchen?",
                "hall",
                &[0, 1, 3],
            ),
            (
                "anna went to the hall. anna took the ball. anna went to the kitchen. anna went to the attic. where was the ball before the kitchen?",
                "hall",
                &[0, 1, 2],
            ),
            (
                "anna went to the hall. anna took the ball. anna went to the kitchen. anna went to the kitchen. was the ball in the hall before the kitchen?",
                "yes",
                &[0, 1, 2],
            ),
        ] {
            let id = words::id(answer).unwrap();
            assert_eq!(told(text), Told::Answer { id, facts: facts.to_vec() }, "{text}");
        }
    }

    #[test]
    fn what_it_does_not_tell_is_not_what_cannot_be() {
        for text in [
            "anna took the ball. where is the ball?",
            "anna went to the hall. where is ben?",
            "anna took the ball. anna went to the hall. where was the ball before the hall?",
            "anna went to the hall. where was the ball before the hall?",
        ] {
            assert_eq!(told(text), Told::Nothing, "{text}");
        }
        for (text, sentence, says) in [
            (
                "ben took the ball. anna took the ball. how many things has anna?",
                1,
                "ben has the ball",
            ),
            ("ben took the ball. ben took the ball. where is ben?", 1, "ben has the ball already"),
            ("ben went to the hall. ben dropped the ball. where is ben?", 1, "ben has no ball"),
            ("ben took the key. anna dropped the key. where is ben?", 1, "ben has the key"),
            ("ben went to the hall. ben is in the attic. where is ben?", 1, "ben is in the hall"),
            (
                "ben went to the hall. the key is in the attic. ben took the key. where is ben?",
                2,
                "the key is in the attic, and ben in the hall",
            ),
            ("the anna hall. where is ben?", 0, "none of these stories"),
        ] {
            let Told::Broken { sentence: found, why } = told(text) else { panic!("{text}") };
            assert!(found == sentence && why.contains(says), "{text}: {found} {why}");
        }
        assert_eq!(told("anna went to the hall. where is the anna?"), Told::Unasked);
    }
}
