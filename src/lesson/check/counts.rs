//! How much a lesson of the course has to ask, so that none only tells.

use std::ops::RangeInclusive;

use super::Faults;
use crate::lesson::{Kind, Lesson};

/// Lessons that are held to it; the others are still to be rebuilt.
const HELD: RangeInclusive<usize> = 0..=7;
/// The first lessons are about the keys and the map, and ask less.
const SHORT: RangeInclusive<usize> = 0..=1;

pub(super) fn check(lesson: &Lesson, faults: &mut Faults<'_>) {
    if !HELD.contains(&lesson.number) {
        return;
    }
    let count = |of: fn(&Kind) -> usize| lesson.items().map(|(_, item)| of(&item.kind)).sum();
    let found: [(usize, &str); 5] = [
        (count(|kind| usize::from(matches!(kind, Kind::Predict(_)))), "predictions"),
        (count(|kind| usize::from(matches!(kind, Kind::Ask(_)))), "questions (ask)"),
        (count(|kind| usize::from(matches!(kind, Kind::Goal(_)))), "goals"),
        (count(|kind| usize::from(matches!(kind, Kind::Claim(_)))), "claims"),
        (
            count(|kind| match kind {
                Kind::Review(prompts) => prompts.len(),
                _ => 0,
            }),
            "review prompts",
        ),
    ];
    let least = if SHORT.contains(&lesson.number) { [1, 1, 1, 0, 2] } else { [2, 3, 2, 3, 4] };
    for ((found, what), least) in found.into_iter().zip(least) {
        if found < least {
            let number = lesson.number;
            faults.at(
                1,
                format!("lesson {number} needs more {what}: {least} at least (found {found})"),
            );
        }
    }
}
