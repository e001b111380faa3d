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

/// A named tensor as a checkpoint shows it: element (i, j) stands at `offset + i * strides[0] + j * strides[1]`.
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
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        let (rows, columns) = match *self.shape {
            [n] => (1, n),
            [rows, columns] => (rows, columns),
            _ => unreachable!("parameters are vectors or matrices"),
        };
        let (down, across) = match *self.strides {
            [across] => (0, across),
            [down, across] => (down, across),
            _ => unreachable!("as many strides as dimensions"),
        };
        (0..rows).flat_map(move |i| (0..columns).map(move |j| self.offset + i * down + j * across))
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
