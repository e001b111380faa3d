//! Recurrent layers; the loss of a case is sum(y * dy).

use anyhow::bail;
use ndarray::{Array2, ArrayView2};

use super::golden::{Golden, Worst};
use super::limits;
use super::stages::{FORWARD, GRADIENT};
use crate::math::Real;
use crate::math::gemm::matrix;
use crate::nn::before_attention::recurrent::{Cell, Input, Recurrent};
use crate::nn::parameters::Registry;
use crate::nn::pass::Span;

/// # Errors
/// If the file lacks something.
pub fn verify(golden: &Golden, cell: Cell) -> anyhow::Result<Worst> {
    let &[sequences, time, n_in] = &*golden.tensor("in.x")?.shape else {
        bail!("in.x is not (B, T, input)");
    };
    let n_hidden = golden.setting("hidden")?;
    let gates = 4 * usize::min(n_hidden, usize::MAX / 4);
    for sizes in [[sequences, time, gates], [n_in, gates, 1], [n_hidden, gates, 1]] {
        limits::numbers(&sizes)?;
    }
    let span = Span { sequences, time, first: 0 };
    let mut registry = Registry::default();
    let layer = Recurrent::new(&mut registry, "layer", 0, cell, n_in, n_hidden);
    let mut weights = vec![0.0; registry.len()];
    for parameter in registry.parameters() {
        let name = parameter.name.replacen("layer", "param", 1);
        parameter.write(&mut weights, &golden.tensor(&name)?.reals());
    }
    let x = exchanged(&golden.tensor("in.x")?.reals(), sequences, time);
    let mut d = exchanged(&golden.tensor("in.dy")?.reals(), sequences, time);
    let (mut dx, mut gradients) = (Array2::zeros(x.dim()), vec![0.0; registry.len()]);
    let mut a = layer.activations(sequences, time, 0);
    a.start(sequences);
    layer.forward(&mut a, Input::Rows(x.view()), span, &weights);
    let mut scratch = layer.scratch(sequences, time, 0);
    layer.backward(
        &mut dx,
        &mut gradients,
        &mut d,
        Input::Rows(x.view()),
        &a,
        span,
        &weights,
        &mut scratch,
    );

    let mut worst = Worst::default();
    let (y, dx) = (standard(&a.out(span), span), standard(&dx.view(), span));
    golden.compare(&mut worst, "out.y", &y, FORWARD)?;
    golden.compare(&mut worst, "grad.x", &dx, GRADIENT)?;
    for parameter in registry.parameters() {
        let name = parameter.name.replacen("layer", "grad", 1);
        golden.compare(&mut worst, &name, &parameter.read(&gradients), GRADIENT)?;
    }
    Ok(worst)
}

/// (first, second, width) as a matrix of rows (second, first): batch-major to time-major, or back.
fn exchanged(values: &[Real], first: usize, second: usize) -> Array2<Real> {
    let width = values.len() / (first * second);
    let rows = matrix(values, first * second, width);
    Array2::from_shape_fn(rows.dim(), |(row, j)| rows[[row % first * second + row / first, j]])
}

/// Time-major rows as the case has them, (B, T, width).
fn standard(rows: &ArrayView2<'_, Real>, span: Span) -> Vec<Real> {
    let values: Vec<Real> = rows.iter().copied().collect();
    exchanged(&values, span.time, span.sequences).into_raw_vec_and_offset().0
}
