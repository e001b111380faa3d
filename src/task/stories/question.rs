//! What can be asked of a story, and the answer with the sentences that tell it.

use super::words::{
    ASKED, BEFORE, HAS, HOW, IN, IS, MANY, NO, NONE, OBJECTS, PEOPLE, PLACES, THE, THINGS, WAS,
    WHERE, YES,
};
use super::world::World;

/// Most sentences that an answer needs.
pub const MOST_FACTS: usize = 3;

/// Who or what is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Where somebody is: one fact, the last move.
    Person(usize),
    /// Where a thing is: two, who touched it last, and that person's move.
    Thing(usize),
    /// Where a thing was before it came to a place: three, who took it, and the moves to both places.
    Before(usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Where(Whose),
    /// Whether that is the place.
    Is(Whose, usize),
    /// How many things somebody has: as many facts as there are things, or the last one dropped.
    Count(usize),
}

/// What a question's answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Place,
    YesNo,
    Count,
}

/// An answer, and the sentences, counted from 0, that tell it, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub id: u32,
    facts: [usize; MOST_FACTS],
    count: usize,
}

impl Answer {
    fn new(id: u32, told: impl IntoIterator<Item = usize>) -> Self {
        let (mut facts, mut count) = ([0; MOST_FACTS], 0);
        for (fact, told) in facts.iter_mut().zip(told) {
            *fact = told;
            count += 1;
        }
        facts[..count].sort_unstable();
        Self { id, facts, count }
    }

    /// The sentences that tell it.
    pub fn facts(&self) -> &[usize] {
        &self.facts[..self.count]
    }
}

impl Whose {
    /// The place and the facts; `None` if the story does not tell.
    fn find(self, world: &World) -> Option<(usize, Answer)> {
        let of = |place: usize, told: &[usize]| {
            Some((place, Answer::new(PLACES.id(place), told.iter().copied())))
        };
        match self {
            Self::Person(who) => {
                let now = world.people[who].now?;
                of(now.place, &[now.told])
            }
            Self::Thing(thing) => {
                let thing = &world.things[thing];
                let now = thing.now?;
                of(now.place, &[thing.touched, now.told])
            }
            Self::Before(thing, place) => {
                let carried = world.things[thing].carried?;
                let told = [carried.taken, carried.from.told, carried.to.told];
                of(carried.from.place, &told).filter(|_| carried.to.place == place)
            }
        }
    }
}

impl Question {
    /// Token ids of the longest: was the ball in the hall before the attic?
    pub const LONGEST: usize = 10;

    pub fn answer(self, world: &World) -> Option<Answer> {
        match self {
            Self::Where(whose) => whose.find(world).map(|(_, answer)| answer),
            Self::Is(whose, place) => {
                let (found, answer) = whose.find(world)?;
                Some(Answer { id: if found == place { YES } else { NO }, ..answer })
            }
            Self::Count(who) => {
                let held = world.held(who);
                let taken = held.filter_map(|(_, thing)| thing.holder.map(|(_, taken)| taken));
                let answer = Answer::new(NONE, taken);
                if answer.count == 0 {
                    return world.people[who].dropped.map(|told| Answer::new(NONE, [told]));
                }
                Some(Answer { id: NONE + answer.count as u32, ..answer })
            }
        }
    }

    pub fn write(self, ids: &mut Vec<u32>) {
        match self {
            Self::Where(Whose::Person(who)) => ids.extend([WHERE, IS, PEOPLE.id(who)]),
            Self::Where(Whose::Thing(thing)) => ids.extend([WHERE, IS, THE, OBJECTS.id(thing)]),
            Self::Where(Whose::Before(thing, to)) => {
                ids.extend([WHERE, WAS, THE, OBJECTS.id(thing), BEFORE, THE, PLACES.id(to)]);
            }
            Self::Is(Whose::Person(who), at) => {
                ids.extend([IS, PEOPLE.id(who), IN, THE, PLACES.id(at)]);
            }
            Self::Is(Whose::Thing(thing), at) => {
                ids.extend([IS, THE, OBJECTS.id(thing), IN, THE, PLACES.id(at)]);
            }
            Self::Is(Whose::Before(thing, to), at) => {
                let (thing, at, to) = (OBJECTS.id(thing), PLACES.id(at), PLACES.id(to));
                ids.extend([WAS, THE, thing, IN, THE, at, BEFORE, THE, to]);
            }
            Self::Count(who) => ids.extend([HOW, MANY, THINGS, HAS, PEOPLE.id(who)]),
        }
        ids.push(ASKED);
    }

    /// What is asked for by some ids.
    pub fn sort(ids: &[u32]) -> Sort {
        match ids.first() {
            Some(&WHERE) => Sort::Place,
            Some(&HOW) => Sort::Count,
            _ => Sort::YesNo,
        }
    }

    /// Of ids that end with their question mark.
    pub fn read(ids: &[u32]) -> Option<Self> {
        Some(match *ids {
            [WHERE, IS, who, ASKED] => Self::Where(Whose::Person(PEOPLE.number(who)?)),
            [WHERE, IS, THE, thing, ASKED] => Self::Where(Whose::Thing(OBJECTS.number(thing)?)),
            [WHERE, WAS, THE, thing, BEFORE, THE, to, ASKED] => {
                Self::Where(Whose::Before(OBJECTS.number(thing)?, PLACES.number(to)?))
            }
            [IS, who, IN, THE, at, ASKED] => {
                Self::Is(Whose::Person(PEOPLE.number(who)?), PLACES.number(at)?)
            }
            [IS, THE, thing, IN, THE, at, ASKED] => {
                Self::Is(Whose::Thing(OBJECTS.number(thing)?), PLACES.number(at)?)
            }
            [WAS, THE, thing, IN, THE, at, BEFORE, THE, to, ASKED] => {
                let whose = Whose::Before(OBJECTS.number(thing)?, PLACES.number(to)?);
                Self::Is(whose, PLACES.number(at)?)
            }
            [HOW, MANY, THINGS, HAS, who, ASKED] => Self::Count(PEOPLE.number(who)?),
            _ => return None,
        })
    }
}
