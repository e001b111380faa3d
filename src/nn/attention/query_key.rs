//! Where the keys of a sequence that reads itself come from: from a weight of their own, or from what there is already.
//!
//! Only q·k counts, and before it is scaled q·k = (x_i Wq)·(x_j Wk) = x_i (Wq Wk') x_j', one matrix between two inputs. Separate
//! learns that matrix as two thin ones, (C, hs) each. Tied learns Wq Wq', which is symmetric, and never negative for i = j.
//! Merged learns the whole matrix, (C, C), in Wq's place, and leaves the inputs as they are to be the keys. With one head hs = C:
//! then merged can say whatever separate can, with as many weights as tied.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

/// How queries and keys are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum QueryKey {
    /// q = x Wq and k = x Wk, as in the paper.
    #[default]
    Separate,
    /// k = q: Wk is Wq. Scores are symmetric before the mask.
    Tied,
    /// k = x, and Wq is C x C. Keys are as wide as the input, so there is one head; scores are divided as ever, for hs = C.
    Merged,
}

impl QueryKey {
    /// Whether it is what it was before there was a choice: files then say nothing of it.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub fn is_separate(&self) -> bool {
        *self == Self::Separate
    }

    /// What linear layers make of x, side by side.
    pub(super) fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Separate => &["query", "key", "value"],
            Self::Tied | Self::Merged => &["query", "value"],
        }
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use ndarray::Array2;

    use super::super::{AttentionScale, Keys, Memory, MultiHeadAttention, Scratch, Settings};
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::gemm::matrix;
    use crate::nn::parameters::Registry;
    use crate::nn::pass::{Pass, Span};
    use crate::nn::rows::contiguous;

    const C: usize = 6;
    const SPAN: Span = Span { sequences: 2, time: 5, first: 0 };

    struct Case {
        registry: Registry,
        weights: Vec<f64>,
        layer: MultiHeadAttention,
        settings: Settings,
    }

    fn case(query_key: QueryKey, n_head: usize) -> Case {
        let settings = Settings {
            n_embd: C,
            n_head,
            scale: AttentionScale::HeadSize,
            keys: Keys::Earlier,
            query_key,
            projection: true,
            drop_weights: true,
        };
        let mut registry = Registry::default();
        let layer = MultiHeadAttention::new(&mut registry, "sa", 0, &settings);
        Case { weights: values(registry.len(), 1), registry, layer, settings }
    }

    impl Case {
        fn get(&self, name: &str, arena: &[f64]) -> Vec<f64> {
            self.registry.get(&format!("sa.{name}.weight")).unwrap().read(arena)
        }

        fn set(&mut self, name: &str, values: &[f64]) {
            self.registry
                .get(&format!("sa.{name}.weight"))
                .unwrap()
                .write(&mut self.weights, values);
        }

        /// y, dx and the gradients of the weights.
        fn run(&self, x: &[f64], dy: &[f64]) -> [Vec<f64>; 3] {
            let (n, pass) = (SPAN.rows(), Pass::over(SPAN, &self.weights));
            let (mut a, mut scratch) =
                (self.layer.activations(2, 5, 5), Scratch::new(2, 5, &self.settings));
            let rows = matrix(x, n, C);
            let own = Memory::own(&rows, SPAN, None);
            self.layer.forward(&mut a, &rows, own, pass, &mut scratch);
            let mut dx = Array2::zeros((n, C));
            let mut gradients = vec![0.0; self.registry.len()];
            let mut d = Array2::from_shape_vec((n, C), dy.to_vec()).unwrap();
            self.layer.backward(
                &mut dx,
                None,
                &mut gradients,
                &mut d,
                &rows,
                own,
                &a,
                pass,
                &mut scratch,
            );
            [contiguous(&a.out(n)).to_vec(), contiguous(&dx).to_vec(), gradients]
        }
    }

    fn assert_near(name: &str, a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len(), "{name}");
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{name}: {a:?} {b:?}");
    }

    #[test]
    fn tied_is_separate_with_one_weight_for_both() {
        let tied = case(QueryKey::Tied, 3);
        let mut separate = case(QueryKey::Separate, 3);
        assert_eq!(separate.registry.len() - tied.registry.len(), C * C);
        for head in 0..3 {
            for (to, from) in [("query", "query"), ("key", "query"), ("value", "value")] {
                let from = tied.get(&format!("heads.{head}.{from}"), &tied.weights);
                separate.set(&format!("heads.{head}.{to}"), &from);
            }
        }
        separate.set("proj", &tied.get("proj", &tied.weights));
        let bias = tied.registry.get("sa.proj.bias").unwrap().read(&tied.weights);
        separate.registry.get("sa.proj.bias").unwrap().write(&mut separate.weights, &bias);
        let (x, dy) = (values(SPAN.rows() * C, 2), values(SPAN.rows() * C, 3));
        let [y, dx, d] = tied.run(&x, &dy);
        let [other_y, other_dx, other_d] = separate.run(&x, &dy);
        assert_near("y", &y, &other_y);
        assert_near("dx", &dx, &other_dx);
        for head in 0..3 {
            let part = |part: &str| separate.get(&format!("heads.{head}.{part}"), &other_d);
            let both: Vec<_> =
                part("query").iter().zip(part("key")).map(|(query, key)| query + key).collect();
            assert_near("query", &tied.get(&format!("heads.{head}.query"), &d), &both);
            assert_near("value", &tied.get(&format!("heads.{head}.value"), &d), &part("value"));
        }
    }

    #[test]
    fn merged_is_separate_with_keys_that_are_the_inputs() {
        let merged = case(QueryKey::Merged, 1);
        let mut separate = case(QueryKey::Separate, 1);
        let identity: Vec<_> = (0..C * C).map(|at| f64::from(u8::from(at / C == at % C))).collect();
        for name in ["heads.0.query", "heads.0.value", "proj"] {
            separate.set(name, &merged.get(name, &merged.weights));
        }
        separate.set("heads.0.key", &identity);
        let bias = merged.registry.get("sa.proj.bias").unwrap().read(&merged.weights);
        separate.registry.get("sa.proj.bias").unwrap().write(&mut separate.weights, &bias);
        let (x, dy) = (values(SPAN.rows() * C, 2), values(SPAN.rows() * C, 3));
        let [y, dx, d] = merged.run(&x, &dy);
        let [other_y, other_dx, other_d] = separate.run(&x, &dy);
        assert_near("y", &y, &other_y);
        assert_near("dx", &dx, &other_dx);
        for name in ["heads.0.query", "heads.0.value", "proj"] {
            assert_near(name, &merged.get(name, &d), &separate.get(name, &other_d));
        }
    }
}
