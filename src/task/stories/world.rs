//! What happens in a story, and where everybody and everything is after each sentence.

use super::words::{DROPPED, OBJECTS, PEOPLE, PLACES, STOP, THE, TO, TOOK, WENT};

/// One sentence; numbers of people, places and things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sentence {
    Went(usize, usize),
    Took(usize, usize),
    Dropped(usize, usize),
}

impl Sentence {
    /// Token ids of the longest.
    pub const LONGEST: usize = 6;

    pub fn write(self, ids: &mut Vec<u32>) {
        match self {
            Self::Went(who, place) => {
                ids.extend([PEOPLE.id(who), WENT, TO, THE, PLACES.id(place), STOP]);
            }
            Self::Took(who, thing) => {
                ids.extend([PEOPLE.id(who), TOOK, THE, OBJECTS.id(thing), STOP]);
            }
            Self::Dropped(who, thing) => {
                ids.extend([PEOPLE.id(who), DROPPED, THE, OBJECTS.id(thing), STOP]);
            }
        }
    }

    /// Of ids that end with their full stop.
    pub fn read(ids: &[u32]) -> Option<Self> {
        match *ids {
            [who, WENT, TO, THE, place, STOP] => {
                Some(Self::Went(PEOPLE.number(who)?, PLACES.number(place)?))
            }
            [who, verb @ (TOOK | DROPPED), THE, thing, STOP] => {
                let (who, thing) = (PEOPLE.number(who)?, OBJECTS.number(thing)?);
                Some(if verb == TOOK { Self::Took(who, thing) } else { Self::Dropped(who, thing) })
            }
            _ => None,
        }
    }
}

/// A place, and the sentence that told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub place: usize,
    pub told: usize,
}

/// Somebody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person {
    pub now: Option<Place>,
    /// The last sentence in which something was dropped.
    pub dropped: Option<usize>,
}

/// A thing's last change of place, told by three sentences: who took it, and the moves to the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub taken: usize,
    pub from: Place,
    pub to: Place,
}

/// Something that can be taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thing {
    /// Who has it, and the sentence in which it was taken.
    pub holder: Option<(usize, usize)>,
    /// Where it is, by the carrier's last move.
    pub now: Option<Place>,
    /// The last sentence in which it was taken or dropped.
    pub touched: usize,
    pub carried: Option<Carried>,
}

/// Everything after some sentences.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Sentences so far.
    pub sentences: usize,
    pub people: [Person; PEOPLE.count],
    pub things: [Thing; OBJECTS.count],
}

impl World {
    /// Things that somebody has.
    pub fn held(&self, who: usize) -> impl Iterator<Item = (usize, &Thing)> {
        let held = move |thing: &Thing| thing.holder.is_some_and(|(holder, _)| holder == who);
        self.things.iter().enumerate().filter(move |(_, thing)| held(thing))
    }

    /// Whether a sentence can be true now: nobody goes where they are, takes what is elsewhere or with somebody, or drops
    /// what they have not.
    pub fn allows(&self, sentence: Sentence) -> bool {
        match sentence {
            Sentence::Went(who, place) => self.people[who].now.is_none_or(|now| now.place != place),
            Sentence::Took(who, thing) => {
                let thing = &self.things[thing];
                let here = self.people[who].now;
                let near = |here: Place| thing.now.is_none_or(|there| there.place == here.place);
                thing.holder.is_none() && here.is_some_and(near)
            }
            Sentence::Dropped(who, thing) => {
                self.things[thing].holder.is_some_and(|(holder, _)| holder == who)
            }
        }
    }

    /// What is so after one more sentence, which it [allows](Self::allows).
    pub fn tell(&mut self, sentence: Sentence) {
        let told = self.sentences;
        self.sentences += 1;
        match sentence {
            Sentence::Went(who, place) => {
                let to = Place { place, told };
                let from = self.people[who].now.replace(to);
                for thing in &mut self.things {
                    let Some((holder, taken)) = thing.holder else { continue };
                    if holder == who {
                        thing.now = Some(to);
                        thing.carried = from.map(|from| Carried { taken, from, to });
                    }
                }
            }
            Sentence::Took(who, thing) => {
                let now = self.people[who].now;
                let thing = &mut self.things[thing];
                (thing.holder, thing.now, thing.touched) = (Some((who, told)), now, told);
            }
            Sentence::Dropped(who, thing) => {
                let thing = &mut self.things[thing];
                (thing.holder, thing.touched) = (None, told);
                self.people[who].dropped = Some(told);
            }
        }
    }
}
