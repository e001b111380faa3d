//! The maps of attention that a model has, in the order in which it computes them.

use crate::model::Config;
use crate::model::config::Architecture;

/// Who looks at whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GPT: the prompt's tokens at each other.
    Own,
    /// The source's tokens at each other.
    Encoder,
    /// The target's tokens at those before them.
    Decoder,
    /// The target's tokens at the source's.
    Cross,
    /// A memory network's question at the tokens before it.
    Hop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    pub kind: Kind,
    pub layer: usize,
}

/// Every map of a model; none where there is no attention.
pub fn maps(config: &Config) -> Vec<Map> {
    let of = |kind: Kind, layers: usize| (0..layers).map(move |layer| Map { kind, layer });
    match config.model {
        Architecture::Gpt => of(Kind::Own, config.n_layer).collect(),
        Architecture::EncoderDecoder => {
            let decoder = (0..config.n_layer)
                .flat_map(|layer| [Kind::Decoder, Kind::Cross].map(|kind| Map { kind, layer }));
            of(Kind::Encoder, config.n_layer).chain(decoder).collect()
        }
        Architecture::Memory => of(Kind::Hop, config.hops).collect(),
        _ => Vec::new(),
    }
}

/// Why a model without maps has none.
pub fn why_none(config: &Config) -> &'static str {
    match config.model {
        Architecture::Rnn | Architecture::Gru | Architecture::Lstm => {
            "A recurrent network has no attention: all it knows of earlier tokens is its state."
        }
        Architecture::Conv => {
            "Convolutions have no attention: each reads fixed places before it, whatever stands there."
        }
        Architecture::NeuralGpu => {
            "The Neural GPU has no attention: neighbours on its tape pass on what they hold."
        }
        Architecture::Vae => "A VAE has no attention: it reads an image as one row of numbers.",
        Architecture::Gan => "A GAN has no attention: it makes and reads single points.",
        _ => {
            "A bigram looks at no other position: what comes next depends on the last character alone."
        }
    }
}

/// Numbers in all maps of weights together.
pub fn size(config: &Config, prompt: usize) -> usize {
    let (source, target) = (config.source_size, config.block_size);
    let of = |map: &Map| match map.kind {
        Kind::Own => prompt * prompt,
        Kind::Encoder => source * source,
        Kind::Decoder => target * target,
        Kind::Cross => target * source,
        Kind::Hop => prompt,
    };
    config.n_head.max(1) * maps(config).iter().map(of).sum::<usize>()
}

impl Map {
    /// What its activations' names begin with.
    pub fn name(self) -> String {
        self.pattern(&self.layer.to_string())
    }

    /// What those of all layers begin with.
    pub fn of_all_layers(self) -> String {
        self.pattern("*")
    }

    fn pattern(self, layer: &str) -> String {
        match self.kind {
            Kind::Own => format!("blocks.{layer}.sa"),
            Kind::Encoder => format!("encoder.{layer}.self_attn"),
            Kind::Decoder => format!("decoder.{layer}.self_attn"),
            Kind::Cross => format!("decoder.{layer}.cross_attn"),
            Kind::Hop => format!("hops.{layer}"),
        }
    }

    /// `L1`, or another letter: encoder, decoder, cross, hop.
    pub fn sign(self) -> String {
        let letter = match self.kind {
            Kind::Own => 'L',
            Kind::Encoder => 'E',
            Kind::Decoder => 'D',
            Kind::Cross => 'C',
            Kind::Hop => 'H',
        };
        format!("{letter}{}", self.layer + 1)
    }

    /// Which it is of so many; empty for the only one of its kind.
    pub fn title(self, config: &Config) -> String {
        let (name, count) = match self.kind {
            Kind::Own if config.n_layer == 1 => return String::new(),
            Kind::Own => ("layer", config.n_layer),
            Kind::Encoder => ("encoder", config.n_layer),
            Kind::Decoder => ("decoder", config.n_layer),
            Kind::Cross => ("cross", config.n_layer),
            Kind::Hop => ("hop", config.hops),
        };
        format!("{name} {} of {count} · ", self.layer + 1)
    }

    /// Who looks at whom, in a few words.
    pub fn about(self) -> &'static str {
        match self.kind {
            Kind::Own => "who looks at whom, and how much",
            Kind::Encoder => "the source looks at itself",
            Kind::Decoder => "the target looks at its past",
            Kind::Cross => "the target looks at the source",
            Kind::Hop => "what the question takes from each memory",
        }
    }
}
