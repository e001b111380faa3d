//! The VAE in its own words.

use super::Vae;
use crate::model::card::{
    Axis, Better, Card, Figure, Glance, Loss, Op, Part, Structure, Unit, learned,
};
use crate::model::config::{Architecture, Reduction};
use crate::model::kind::{Form, Kind, unknown_to_others};
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::Vae,
    takes: &[Form::Image],
    hyperparameters: &["beta", "reduction", "n_hidden", "n_latent"],
    sizes: &["n_input", "n_hidden", "n_latent"],
    build: |config| Box::new(Vae::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

pub(super) fn card(model: &Vae) -> Card {
    let Config { n_input, n_hidden, n_latent, reduction, .. } = *model.config();
    let [x, h, z] = [("pixels", n_input), ("H", n_hidden), ("Z", n_latent)]
        .map(|(name, size)| Axis { name, size });
    Card {
        name: "A VAE",
        structure: Structure {
            reads: "pixels",
            tokens: false,
            instead_of_attention: Some("it reads an image as one row of numbers"),
            instead_of_tokens: Some("its decoder gives every pixel a probability of its own"),
            instead_of_table: Some("it reads pixels"),
            ..Structure::PREDICTS
        },
        flow: vec![
            Part::new("image", "image", Op::Input, &[x]),
            Part::new("encoder.hidden", "linear, ReLU", Op::FeedForward, &[h])
                .reads(&["image"])
                .weights("encoder."),
            Part::new("latent.mean", "mu", Op::Linear, &[z])
                .reads(&["encoder.hidden"])
                .glance(Glance::Rms),
            Part::new("latent.log_var", "log sigma^2", Op::Linear, &[z])
                .reads(&["encoder.hidden"])
                .glance(Glance::Rms),
            Part::new("latent.z", "z = mu + sigma eps", Op::Sample, &[z])
                .reads(&["latent.mean", "latent.log_var"])
                .glance(Glance::Rms),
            Part::new("decoder.hidden", "linear, ReLU", Op::FeedForward, &[h])
                .reads(&["latent.z"])
                .weights("decoder."),
            Part::new("logits", "linear", Op::Linear, &[x])
                .reads(&["decoder.hidden"])
                .glance(Glance::Rms),
            Part::new("reconstruction", "sigmoid", Op::Softmax, &[x]).reads(&["logits"]),
        ],
        maps: Vec::new(),
        tables: Vec::new(),
        loss: Loss {
            of: match reduction {
                Reduction::Sum => "negative ELBO: reconstruction and KL of an image",
                Reduction::Mean => "reconstruction of a pixel and KL of an image",
            },
            unit: Unit::Nats,
            better: Better::Lower,
        },
        parts: &[
            Figure { name: "reconstruction", unit: Unit::Nats, better: Better::Lower },
            Figure { name: "kl", unit: Unit::Nats, better: Better::Neither },
        ],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: Vec::new(),
    }
}
