//! The GAN in its own words.

use super::Gan;
use crate::model::card::{
    Axis, Better, Card, Figure, Glance, Loss, Op, Part, Structure, Unit, learned,
};
use crate::model::config::Architecture;
use crate::model::kind::{Form, Kind, unknown_to_others};
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::Gan,
    takes: &[Form::Point],
    hyperparameters: &[
        "generator_loss",
        "d_steps",
        "turns",
        "instance_noise",
        "n_hidden",
        "n_latent",
    ],
    sizes: &["n_input", "n_hidden", "n_latent"],
    build: |config| Box::new(Gan::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

pub(super) fn card(model: &Gan) -> Card {
    let Config { n_input, n_hidden, n_latent, .. } = *model.config();
    let [x, h, z] = [("x, y", n_input), ("H", n_hidden), ("Z", n_latent)]
        .map(|(name, size)| Axis { name, size });
    Card {
        name: "A GAN",
        structure: Structure {
            reads: "points",
            tokens: false,
            instead_of_attention: Some("it makes and reads single points"),
            instead_of_tokens: Some(
                "the generator makes points, the discriminator says real or not",
            ),
            instead_of_table: Some("it reads points"),
            ..Structure::PREDICTS
        },
        flow: vec![
            Part::new("noise", "noise", Op::Sample, &[z]).unseen(),
            Part::new("generator", "generator: two layers", Op::FeedForward, &[h])
                .unseen()
                .reads(&["noise"])
                .weights("generator."),
            Part::new("real", "real points", Op::Input, &[x]).glance(Glance::Rms).in_tower(1),
            Part::new("generated", "points", Op::Linear, &[x])
                .reads(&["generator"])
                .glance(Glance::Rms),
            Part::new("discriminator", "discriminator: two layers", Op::FeedForward, &[h])
                .unseen()
                .reads(&["generated", "real"])
                .weights("discriminator.")
                .in_tower(1),
            Part::new("real.score", "score: real or not", Op::Linear, &[])
                .reads(&["discriminator"])
                .glance(Glance::Rms)
                .in_tower(1),
        ],
        maps: Vec::new(),
        tables: Vec::new(),
        // Two play against each other: a low loss says who is winning, not how good the points are.
        loss: Loss { of: "loss of the discriminator", unit: Unit::Plain, better: Better::Neither },
        parts: &[
            Figure { name: "discriminator", unit: Unit::Plain, better: Better::Neither },
            Figure { name: "generator", unit: Unit::Plain, better: Better::Neither },
        ],
        learned: learned(model.registry()),
        groups: model.groups().iter().map(|group| group.name).collect(),
        constants: Vec::new(),
    }
}
