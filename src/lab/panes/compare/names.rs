//! What the arms are called on the screen: by what tells them apart, and by nothing that all of them share.

use crate::stage::hyperparameter::{Hyperparameter, hyperparameter};
use crate::train::experiment::Experiment;

/// Of every arm, in their order: `layer-norm, scale_embeddings false`. What no arm's own name speaks of is left out, and so is
/// `along`, the number that a table has columns for.
pub fn names(experiment: &Experiment, along: Option<&str>) -> Vec<String> {
    let own = || experiment.arms.iter().map(|(label, _)| label.clone()).collect::<Vec<_>>();
    if !experiment.switches.is_empty() {
        return own();
    }
    let configs = || experiment.arms.iter().map(|(_, config)| config);
    // In the order in which they are first spoken of.
    let mut spoken: Vec<&Hyperparameter> = Vec::new();
    for (label, _) in &experiment.arms {
        let of = label.split(", ").filter_map(|part| hyperparameter(part.split(' ').next()?));
        for known in of {
            if along != Some(known.name) && !spoken.iter().any(|other| other.name == known.name) {
                spoken.push(known);
            }
        }
    }
    let differs = |known: &&Hyperparameter| {
        let mut values =
            configs().filter(|config| known.applies(config)).map(|config| known.get(config));
        values.next().is_some_and(|first| values.any(|value| value != first))
    };
    spoken.retain(differs);
    let mut stages = configs().map(|config| &config.stage);
    let stage = stages.next().is_some_and(|first| stages.any(|stage| stage != first));
    let name = |config: &crate::stage::Config| {
        let stage = stage.then(|| config.stage.clone());
        let known = spoken.iter().filter(|known| known.applies(config));
        let values = known.map(|known| format!("{} {}", known.name, known.get(config)));
        stage.into_iter().chain(values).collect::<Vec<_>>().join(", ")
    };
    let names: Vec<String> = configs().map(name).collect();
    let apart = |(i, name): (usize, &String)| !name.is_empty() && !names[..i].contains(name);
    // Along a number, the arms of one line have one name.
    if along.is_some() || names.iter().enumerate().all(apart) { names } else { own() }
}
