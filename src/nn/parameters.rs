//! Weights live in one flat arena; the registry says what stands where.
//!
//! The optimizer, clipping, checkpoints and "the gradient of any weight by its name" are loops over the registry.
//! Gradients and AdamW's two moments have the same layout as the weights.
//!
//! Inside, a linear layer's matrix is stored (in, out), and the query, key and value of all heads stand side by side in
//! one (C, 3C) matrix, because that is what matrix products like best. In a file they have the lecture's names and
//! PyTorch's layout: (out, in), one tensor a head. A [`Parameter`] is such a named view: a shape and strides into the arena.

use std::ops::Range;

use crate::math::Real;

/// A named vector, matrix or (out, in, kernel) tensor as a checkpoint shows it: element (i, j) stands at
/// `offset + i * strides[0] + j * strides[1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub shape: Vec<usize>,
    pub offset: usize,
    pub strides: Vec<usize>,
}

impl Parameter {
    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Arena positions in the order a file holds the values (row-major over `shape`).
    ///
    /// # Panics
    /// If it has more than three dimensions.
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        // Missing dimensions come first and are of size 1.
        let (mut shape, mut strides) = ([1; 3], [0; 3]);
        let missing = 3 - self.shape.len();
        shape[missing..].copy_from_slice(&self.shape);
        strides[missing..].copy_from_slice(&self.strides);
        let along = move |dimension: usize, from: usize| {
            (0..shape[dimension]).map(move |i| from + i * strides[dimension])
        };
        along(0, self.offset)
            .flat_map(move |plane| along(1, plane).flat_map(move |row| along(2, row)))
    }

    /// Copies its values out of an arena (weights, gradients or a moment), in file order.
    pub fn read(&self, arena: &[Real]) -> Vec<Real> {
        self.positions().map(|at| arena[at]).collect()
    }

    /// Copies values in file order into an arena.
    ///
    /// # Panics
    /// If `values` does not hold exactly `self.len()` numbers.
    pub fn write(&self, arena: &mut [Real], values: &[Real]) {
        assert_eq!(values.len(), self.len(), "{} holds {:?}", self.name, self.shape);
        for (at, value) in self.positions().zip(values) {
            arena[at] = *value;
        }
    }
}

/// A contiguous piece of the arena that a layer uses as one matrix or vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub range: Range<usize>,
    /// Whether "matrices only" weight decay (nanoGPT's rule) applies.
    pub matrix: bool,
}

/// What stands where in the arena.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    regions: Vec<Region>,
    parameters: Vec<Parameter>,
    len: usize,
}

impl Registry {
    /// Number of weights: the model's parameter count.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The named tensors, in the lecture's order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// Reserves room for a matrix or vector of `len` numbers; the caller then names what it holds with [`Registry::name`].
    pub fn reserve(&mut self, len: usize, matrix: bool) -> Range<usize> {
        let range = self.len..self.len + len;
        self.len += len;
        self.regions.push(Region { range: range.clone(), matrix });
        range
    }

    /// Names a view of the arena.
    pub fn name(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        offset: usize,
        strides: &[usize],
    ) {
        self.parameters.push(Parameter {
            name: name.into(),
            shape: shape.to_vec(),
            offset,
            strides: strides.to_vec(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_of_the_file_for_one_two_and_three_dimensions() {
        let parameter = |shape: &[usize], strides: &[usize]| Parameter {
            name: String::new(),
            shape: shape.to_vec(),
            offset: 100,
            strides: strides.to_vec(),
        };
        let positions = |p: &Parameter| p.positions().collect::<Vec<_>>();
        assert_eq!(positions(&parameter(&[3], &[2])), [100, 102, 104]);
        assert_eq!(positions(&parameter(&[2, 3], &[1, 2])), [100, 102, 104, 101, 103, 105]);
        // (out 2, in 3, kernel 2), stored as (kernel, in, out).
        let convolution = parameter(&[2, 3, 2], &[1, 2, 6]);
        let expected = [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11].map(|at| 100 + at);
        assert_eq!(positions(&convolution), expected);
        let (mut arena, values) = (vec![0.0; 112], (0..12).map(|i| i as Real).collect::<Vec<_>>());
        convolution.write(&mut arena, &values);
        assert_eq!(convolution.read(&arena), values);
        assert_eq!(arena[106], 1.0, "element (0, 0, 1)");
    }
}
