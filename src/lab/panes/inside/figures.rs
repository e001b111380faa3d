//! Root mean squares of parameters, alone and together, and of activations.

use crate::model::Card;
use crate::model::card::Op;
use crate::probe::{Reading, sizes};
use crate::train::snapshot::Norms;

/// Sizes of one parameter, or of several together.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    pub name: String,
    /// How many numbers it holds.
    pub count: usize,
    pub weight: f64,
    /// `None`: there has been no step yet, or the last one did not move it.
    pub gradient: Option<f64>,
    pub update: f64,
}

/// Every parameter by its name, without the `.weight` that nearly all end in; one whose shape is not among `learned` counts
/// as one number.
pub fn parameters(norms: &[Norms], learned: &[(String, Vec<usize>)]) -> Vec<Sizes> {
    let count = |name: &str| {
        let known = learned.iter().find(|(known, _)| known == name);
        known.map_or(1, |(_, shape)| shape.iter().product())
    };
    let sizes = norms.iter().map(|norms| Sizes {
        name: norms.name.strip_suffix(".weight").unwrap_or(&norms.name).to_owned(),
        count: count(&norms.name),
        weight: norms.weight,
        gradient: norms.gradient,
        update: norms.update,
    });
    sizes.collect()
}

/// Parameters of one group together, in the order of the first of each: the root of the mean of all their squares.
pub fn together(parameters: &[Sizes], group: impl Fn(&str) -> String) -> Vec<Sizes> {
    let mut groups: Vec<Sizes> = Vec::new();
    // First sums of squares, then their roots.
    for parameter in parameters {
        let name = group(&parameter.name);
        let squares = |rms: f64| rms * rms * parameter.count as f64;
        let added = Sizes {
            name,
            count: parameter.count,
            weight: squares(parameter.weight),
            gradient: parameter.gradient.map(squares),
            update: squares(parameter.update),
        };
        match groups.iter_mut().find(|group| group.name == added.name) {
            Some(group) => {
                group.count += added.count;
                group.weight += added.weight;
                group.gradient = group.gradient.zip(added.gradient).map(|(a, b)| a + b);
                group.update += added.update;
            }
            None => groups.push(added),
        }
    }
    for group in &mut groups {
        let count = group.count.max(1) as f64;
        let sizes = [&mut group.weight, &mut group.update].into_iter().chain(&mut group.gradient);
        for size in sizes {
            *size = (*size / count).sqrt();
        }
    }
    groups
}

/// The names of a card's norms.
pub fn norms(card: &Card) -> Vec<&str> {
    let norms = card.flow.iter().filter(|part| part.op == Op::Norm);
    norms.map(|part| part.weights.trim_end_matches('.')).filter(|name| !name.is_empty()).collect()
}

/// A parameter's layer, but gain and shift of a norm each for itself: they begin at 1 and at 0, and their common size is
/// neither.
pub fn layer_or_half_norm(norms: &[&str], name: &str) -> String {
    let shift = name.strip_suffix(".bias");
    match shift.unwrap_or(name) {
        norm if !norms.contains(&norm) => layer(name),
        norm if shift.is_some() => format!("{norm} shift"),
        norm => format!("{norm} gain"),
    }
}

/// `blocks.0.sa` of `blocks.0.sa.heads.1.key`; `lm_head` of `lm_head.bias`; `encoder.0` of `encoder.0.bias`.
pub fn layer(name: &str) -> String {
    let name = name.strip_suffix(".bias").unwrap_or(name);
    let depth = if block(name).is_some() { 3 } else { 1 };
    name.split('.').take(depth).collect::<Vec<_>>().join(".")
}

/// `blocks.0` of all that is in it; other layers as they are.
pub fn block_or_layer(norms: &[&str], name: &str) -> String {
    match (block(name), name.split('.').next()) {
        (Some(block), Some(stack)) => format!("{stack}.{block}"),
        _ => layer_or_half_norm(norms, name),
    }
}

/// Which of a row of blocks or layers a name belongs to: what has a number after its first part.
pub fn block(name: &str) -> Option<usize> {
    name.split('.').nth(1)?.parse().ok()
}

/// Units of a feed-forward that are 0 at every position of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead {
    pub dead: usize,
    pub units: usize,
}

/// Size of one activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    pub name: String,
    pub rms: f64,
    pub dead: Option<Dead>,
}

impl Flow {
    /// The activations of a reading of the instrument `sizes`, in its order.
    pub fn all(reading: &Reading) -> Vec<Self> {
        let of = |name: &str, what: &str| reading.figure(&format!("{name}{what}"));
        let counts = |name: &str| name.ends_with(sizes::DEAD) || name.ends_with(sizes::UNITS);
        let activations = reading.figures.iter().filter(|(name, _)| !counts(name));
        let flow = activations.map(|(name, rms)| Self {
            name: name.clone(),
            rms: *rms,
            dead: of(name, sizes::DEAD)
                .zip(of(name, sizes::UNITS))
                .map(|(dead, units)| Dead { dead: dead as usize, units: units as usize }),
        });
        flow.collect()
    }
}
