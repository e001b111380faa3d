//! A block: attention, then feed-forward, each perhaps with a residual connection and a LayerNorm.
//!
//! With everything on and the norm first (pre): x = x + sa(ln1(x)); x = x + ffwd(ln2(x)). With the norm after (post), as in
//! the paper: x = ln1(x + sa(x)); x = ln2(x + ffwd(x)).

use ndarray::{Array2, ArrayRef2, ArrayView2};
use rand::Rng;

use super::Look;
use super::activation::Activation;
use super::attention::{self, Keys, Memory, MultiHeadAttention};
use super::faulty_attention::{self, FaultyAttention};
use super::feed_forward::{self, FeedForward};
use super::init::Init;
use super::parameters::Registry;
use super::pass::{Pass, Span};
use super::residual::{self, Norm, Residual};
use super::rows::contiguous;
use crate::math::plain::fault::Fault;
use crate::math::{Real, room};

/// Sizes and switches of a block.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub attention: attention::Settings,
    /// A mistake in attention, on purpose.
    pub fault: Fault,
    pub feed_forward: feed_forward::Kind,
    pub activation: Activation,
    pub residual: bool,
    pub norm: Norm,
}

/// Places of dropout masks a layer: the output of attention, the feed-forward's, then the heads' weights.
pub const PLACES: u64 = 1024;

/// The first sublayer: as it should be, or with a mistake in it.
#[derive(Clone, Debug)]
enum SelfAttention {
    Right(MultiHeadAttention),
    Faulty(FaultyAttention),
}

/// What the first sublayer keeps.
#[derive(Clone, Debug)]
enum Attended {
    Right(attention::Activations),
    Faulty(faulty_attention::Activations),
}

#[derive(Clone, Debug)]
pub struct Block {
    name: String,
    sa: SelfAttention,
    ln1: Residual,
    feed_forward: Option<(FeedForward, Residual)>,
}

/// What a block keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    sa: Attended,
    ln1: residual::Activations,
    feed_forward: Option<(feed_forward::Activations, residual::Activations)>,
}

/// What all blocks of a model share in forward and backward.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub attention: attention::Scratch,
    /// Where there is a fault.
    pub faulty: Option<faulty_attention::Scratch>,
    /// (N, C): the gradient of a sublayer's output
    pub dy: Array2<Real>,
    /// (N, C): the gradient of a sublayer's input
    pub dx: Array2<Real>,
    /// (N, hidden)
    pub d_hidden: Array2<Real>,
}

impl Scratch {
    /// `hidden` is the width of the feed-forward's inner layer.
    pub fn new(
        sequences: usize,
        time: usize,
        hidden: usize,
        settings: &attention::Settings,
    ) -> Self {
        let (rows, n_embd) = (sequences * time, settings.n_embd);
        Self {
            attention: attention::Scratch::new(sequences, time, settings),
            faulty: None,
            dy: room::matrix((rows, n_embd)),
            dx: room::matrix((rows, n_embd)),
            d_hidden: room::matrix((rows, hidden)),
        }
    }
}

const OF_THIS_BLOCK: &str = "activations and scratch are made for this block's attention";

impl Attended {
    /// The sublayer's output, (N, C).
    fn out(&self, n: usize) -> ArrayView2<'_, Real> {
        match self {
            Self::Right(a) => a.out(n),
            Self::Faulty(a) => a.out(n),
        }
    }
}

impl Block {
    /// Reserves `name.sa…`, `name.ffwd…`, `name.ln1…` and `name.ln2…` as the settings ask.
    pub fn new(registry: &mut Registry, number: usize, settings: &Settings) -> Self {
        let name = format!("blocks.{number}");
        let Settings { attention, fault, feed_forward, activation, residual, norm } = *settings;
        let (n_embd, place) = (attention.n_embd, number as u64 * PLACES);
        let sa = format!("{name}.sa");
        let sa = if fault.is_none() {
            SelfAttention::Right(MultiHeadAttention::new(registry, &sa, place, &attention))
        } else {
            let causal = attention.keys == Keys::Earlier;
            let layer = FaultyAttention::new(registry, &sa, place, &attention, causal, fault);
            SelfAttention::Faulty(layer)
        };
        let ffwd = format!("{name}.ffwd");
        let feed_forward =
            FeedForward::new(registry, &ffwd, place + 1, n_embd, feed_forward, activation);
        let mut ln =
            |which| Residual::new(registry, &format!("{name}.{which}"), n_embd, residual, norm);
        let ln1 = ln("ln1");
        let feed_forward = feed_forward.map(|layer| (layer, ln("ln2")));
        Self { name, sa, ln1, feed_forward }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        match &self.sa {
            SelfAttention::Right(sa) => sa.initialise(weights, init, rng),
            SelfAttention::Faulty(sa) => sa.initialise(weights, init, rng),
        }
        self.ln1.initialise(weights);
        if let Some((layer, ln2)) = &self.feed_forward {
            layer.initialise(weights, init, rng);
            ln2.initialise(weights);
        }
    }

    pub fn activations(&self, sequences: usize, time: usize, n_embd: usize) -> Activations {
        let rows = sequences * time;
        let feed_forward = self.feed_forward.as_ref();
        Activations {
            sa: match &self.sa {
                SelfAttention::Right(sa) => Attended::Right(sa.activations(sequences, time, time)),
                SelfAttention::Faulty(sa) => Attended::Faulty(sa.activations(sequences, time)),
            },
            ln1: self.ln1.activations(rows, n_embd),
            feed_forward: feed_forward
                .map(|(layer, ln2)| (layer.activations(rows), ln2.activations(rows, n_embd))),
        }
    }

    /// Weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        let sa = match &self.sa {
            SelfAttention::Right(sa) => sa.products(),
            SelfAttention::Faulty(sa) => sa.products(),
        };
        sa + self.feed_forward.as_ref().map_or(0, |(layer, _)| layer.products())
    }

    /// # Shapes
    /// - x (N, C); fills the first N rows of the activations
    ///
    /// # Panics
    /// If the activations or the scratch were made for a block with another attention.
    pub fn forward(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        self.run(a, x, pass, |a, x| match (&self.sa, a) {
            (SelfAttention::Right(sa), Attended::Right(a)) => {
                let own = Memory::own(x, pass.span, None);
                sa.forward(a, x, own, pass, &mut scratch.attention);
            }
            (SelfAttention::Faulty(sa), Attended::Faulty(a)) => {
                sa.forward(a, x, pass, scratch.faulty.as_mut().expect(OF_THIS_BLOCK));
            }
            _ => unreachable!("{OF_THIS_BLOCK}"),
        });
    }

    /// Forward of one more position of a sequence whose earlier positions are in the cache.
    ///
    /// # Shapes
    /// - x (1, C); fills the first row of the activations
    pub fn extend(
        &self,
        a: &mut Activations,
        cache: &mut attention::Cache,
        x: &ArrayRef2<Real>,
        position: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        self.run(a, x, Pass::over(Span::one(1), weights), |a, x| match (&self.sa, a) {
            (SelfAttention::Right(sa), Attended::Right(a)) => {
                sa.extend(a, cache, x, position, weights, &mut scratch.attention);
            }
            _ => unreachable!("there is a cache of right attention alone"),
        });
    }

    /// Room for the keys and values of `most` positions; none where a fault may change what an earlier position said.
    pub fn cache(&self, most: usize) -> Option<attention::Cache> {
        match &self.sa {
            SelfAttention::Right(sa) => Some(attention::Cache::new(sa, 1, most)),
            SelfAttention::Faulty(_) => None,
        }
    }

    /// Both sublayers; `attend` is the first, however it is computed.
    fn run(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        pass: Pass<'_>,
        attend: impl FnOnce(&mut Attended, &ArrayRef2<Real>),
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let Activations { sa, ln1, feed_forward } = a;
        self.ln1.forward(ln1, x, weights, |x| {
            attend(sa, x);
            sa.out(n)
        });
        if let (Some((layer, ln2)), Some((ffwd, kept))) = (&self.feed_forward, feed_forward) {
            ln2.forward(kept, &self.ln1.out(ln1, n), weights, |x| {
                layer.forward(ffwd, x, pass);
                ffwd.out(n)
            });
        }
    }

    /// In place: d loss / d output becomes d loss / d x; adds to the gradients.
    ///
    /// # Shapes
    /// - d, x (N, C)
    ///
    /// # Panics
    /// If the activations or the scratch were made for a block with another attention.
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        x: &ArrayRef2<Real>,
        a: &Activations,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let weights = pass.weights;
        let Scratch { attention, faulty, dy, dx, d_hidden } = scratch;
        if let (Some((layer, ln2)), Some((ffwd, kept))) = (&self.feed_forward, &a.feed_forward) {
            let x = self.ln1.out(&a.ln1, pass.span.rows());
            ln2.backward(d, gradients, &x, kept, weights, [dx, dy], |dx, gradients, dy, x| {
                layer.backward(dx, gradients, dy, x, ffwd, pass, d_hidden);
            });
        }
        self.ln1.backward(
            d,
            gradients,
            x,
            &a.ln1,
            weights,
            [dx, dy],
            |dx, gradients, dy, x| match (&self.sa, &a.sa) {
                (SelfAttention::Right(sa), Attended::Right(a)) => {
                    let own = Memory::own(x, pass.span, None);
                    sa.backward(dx, None, gradients, dy, x, own, a, pass, attention);
                }
                (SelfAttention::Faulty(sa), Attended::Faulty(a)) => {
                    let scratch = faulty.as_mut().expect(OF_THIS_BLOCK);
                    sa.backward(dx, gradients, dy, x, a, pass, scratch);
                }
                _ => unreachable!("{OF_THIS_BLOCK}"),
            },
        );
    }

    /// The block's output, (N, C).
    pub fn out<'a>(&self, a: &'a Activations, n: usize) -> ArrayView2<'a, Real> {
        match (&self.feed_forward, &a.feed_forward) {
            (Some((_, ln2)), Some((_, kept))) => ln2.out(kept, n),
            _ => self.ln1.out(&a.ln1, n),
        }
    }

    /// Hands the named values of the first sequence to `look`, see [`crate::model::Inference::visit`].
    pub fn visit(&self, a: &Activations, time: usize, look: &mut Look<'_>) {
        let name = &self.name;
        let mut rows = |name: String, values: ArrayView2<Real>| {
            look(&name, &[time, values.ncols()], contiguous(&values));
        };
        if let Some(ln1) = a.ln1.normed(time) {
            rows(format!("{name}.ln1"), ln1);
        }
        if let Some(ln2) = a.feed_forward.as_ref().and_then(|(_, ln2)| ln2.normed(time)) {
            rows(format!("{name}.ln2"), ln2);
        }
        rows(name.clone(), self.out(a, time));
        let sa = format!("{name}.sa");
        match (&self.sa, &a.sa) {
            (SelfAttention::Right(layer), Attended::Right(a)) => {
                a.visit(layer, &sa, [time; 3], look);
            }
            (SelfAttention::Faulty(layer), Attended::Faulty(a)) => a.visit(layer, &sa, time, look),
            _ => unreachable!("{OF_THIS_BLOCK}"),
        }
        if let Some((ffwd, _)) = &a.feed_forward {
            ffwd.visit(&format!("{name}.ffwd"), time, look);
        }
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::matrix;
    use crate::nn::attention::{AttentionScale, Keys, QueryKey};
    use crate::nn::dropout::Dropout;

    #[test]
    fn gradient_of_input_and_every_weight_under_every_switch() {
        use feed_forward::Kind;
        for (norm, residual, kind) in [
            (Norm::None, false, Kind::None),
            (Norm::None, false, Kind::Single),
            (Norm::None, true, Kind::Mlp4),
            (Norm::Pre, true, Kind::Mlp4),
            (Norm::Pre, false, Kind::None),
            (Norm::Post, true, Kind::Mlp4),
            (Norm::Post, false, Kind::Single),
        ] {
            let attention = attention::Settings {
                n_embd: 6,
                n_head: 2,
                scale: AttentionScale::NEmbd,
                keys: Keys::Earlier,
                query_key: QueryKey::Separate,
                projection: kind == Kind::Mlp4,
                drop_weights: true,
            };
            let activation = Activation::GeluTanh;
            let (fault, feed_forward) = (Fault::None, kind);
            let settings = Settings { attention, fault, feed_forward, activation, residual, norm };
            let mut registry = Registry::default();
            let block = Block::new(&mut registry, 0, &settings);
            let span = Span { sequences: 2, time: 4, first: 0 };
            let n = span.rows();
            let (weights, dy, x) = (values(registry.len(), 1), values(n * 6, 2), values(n * 6, 3));
            let pass =
                Pass { weights: &weights, span, dropout: Dropout { p: 0.2, seed: 5, step: 6 } };
            let (mut a, mut scratch) =
                (block.activations(2, 4, 6), Scratch::new(2, 4, 24, &attention));
            block.forward(&mut a, &matrix(&x, n, 6), pass, &mut scratch);
            let mut d = Array2::from_shape_vec((n, 6), dy.clone()).unwrap();
            let (rows, mut gradients) = (matrix(&x, n, 6), vec![0.0; registry.len()]);
            block.backward(&mut d, &mut gradients, &rows, &a, pass, &mut scratch);
            let mut loss = |x: &[f64], weights: &[f64]| {
                block.forward(&mut a, &matrix(x, n, 6), Pass { weights, ..pass }, &mut scratch);
                weighted_sum(contiguous(&block.out(&a, n)), &dy)
            };
            let name = format!("{norm:?} residual {residual} {kind:?}");
            check(&format!("{name}: x"), &x, contiguous(&d), 1e-6, |x| loss(x, &weights));
            check(&format!("{name}: weights"), &weights, &gradients, 1e-6, |weights| {
                loss(&x, weights)
            });
        }
    }
}
