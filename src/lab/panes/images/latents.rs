//! The latents of held-out images as a reading has them, and whether the decoder is told anything by them.

use crate::lab::facts::Facts;
use crate::probe::Reading;
use crate::probe::latent::{COLLAPSED, EPS, INSTRUMENT, KL, MU, SIGMA, UNUSED_BELOW, Z, kl_of};
use crate::probe::reconstructions::class;

/// Before this share of a run's steps no verdict is given: an encoder that has learnt nothing yet has not collapsed.
const EARLY: u64 = 10;

pub struct Latents<'a> {
    pub reading: &'a Reading,
    /// Images.
    pub count: usize,
    /// Dimensions.
    pub width: usize,
}

/// What the KL of the dimensions says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is given from this step on.
    Early(u64),
    /// All dimensions together carry next to nothing.
    Collapsed,
    /// How many of them do not.
    Unused(usize),
    InUse,
    /// The numbers are none.
    Unknown,
}

impl<'a> Latents<'a> {
    pub fn of(facts: &Facts<'a>) -> Option<Self> {
        let reading = facts.snapshot?.reading(INSTRUMENT.name)?;
        let &[4, count, width] = reading.shape.as_slice() else { return None };
        let whole = reading.values.len() == 4 * count * width && count * width > 0;
        whole.then_some(Self { reading, count, width })
    }

    /// A number of one of the reading's planes: of image `i` in dimension `j`.
    pub fn at(&self, plane: usize, i: usize, j: usize) -> f32 {
        self.reading.values[(plane * self.count + i) * self.width + j]
    }

    /// Where image `i` stands on the plane of the first two latents; of one latent, on a line.
    pub fn place(&self, i: usize) -> [f32; 2] {
        [self.at(MU, i, 0), if self.width > 1 { self.at(MU, i, 1) } else { 0.0 }]
    }

    /// What image `i` is of.
    pub fn class(&self, facts: &Facts, i: usize) -> Option<char> {
        let label = self.reading.figure(&class(i))?;
        facts.run?.config.task.class(label as u32)
    }

    pub fn kl(&self) -> f64 {
        self.reading.figure(KL).unwrap_or(f64::NAN)
    }

    pub fn kl_of(&self, dimension: usize) -> f64 {
        self.reading.figure(&kl_of(dimension)).unwrap_or(f64::NAN)
    }

    pub fn is_unused(&self, dimension: usize) -> bool {
        self.kl_of(dimension) < UNUSED_BELOW
    }

    pub fn verdict(&self, facts: &Facts) -> Verdict {
        let Some((run, snapshot)) = facts.run.zip(facts.snapshot) else { return Verdict::Unknown };
        let from = run.config.training.steps.div_ceil(EARLY);
        let unused = (0..self.width).filter(|i| self.is_unused(*i)).count();
        if !self.kl().is_finite() {
            Verdict::Unknown
        } else if snapshot.step < from {
            Verdict::Early(from)
        } else if self.reading.figure(COLLAPSED) == Some(1.0) {
            Verdict::Collapsed
        } else if unused > 0 {
            Verdict::Unused(unused)
        } else {
            Verdict::InUse
        }
    }

    /// The numbers of image `i` in a dimension: mu, sigma, eps, z.
    pub fn numbers(&self, i: usize, dimension: usize) -> [f32; 4] {
        [MU, SIGMA, EPS, Z].map(|plane| self.at(plane, i, dimension))
    }
}
