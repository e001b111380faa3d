//! Single layers; the loss of a case is sum(y * dy).

use anyhow::bail;
use ndarray::Array2;

use super::golden::{Golden, Worst};
use super::limits;
use super::stages::{FORWARD, GRADIENT};
use crate::math::attention::Shape;
use crate::math::attention::scores::{softmax_rows, softmax_rows_backward};
use crate::math::gemm::{matrix, matrix_mut};
use crate::math::{LANES, Real, attention};
use crate::nn::activation::Activation;
use crate::nn::before_attention::convolution::{self, Convolution, Settings};
use crate::nn::layer_norm::{self, LayerNorm};
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;

/// # Errors
/// If the file lacks something, or the case is unknown.
pub fn verify(golden: &Golden) -> anyhow::Result<Worst> {
    match golden.case.as_str() {
        "layer_linear" => linear(golden),
        "layer_layer_norm" => layer_norm(golden),
        "layer_softmax" => softmax(golden),
        "layer_gelu" => activation(golden, Activation::Gelu),
        "layer_gelu_tanh" => activation(golden, Activation::GeluTanh),
        case if case.starts_with("layer_attention_") => attention(golden),
        "causal_conv" => causal_convolution(golden),
        case => bail!("{case:?} is not a case that this program knows"),
    }
}

/// Rows, columns and values of a matrix.
fn rows(golden: &Golden, name: &str) -> anyhow::Result<(usize, usize, Vec<Real>)> {
    let tensor = golden.tensor(name)?;
    match *tensor.shape {
        [rows, columns] => Ok((rows, columns, tensor.reals())),
        _ => bail!("{name} is no matrix: {:?}", tensor.shape),
    }
}

/// Writes the case's parameters into an arena; `at` is the layer's name in the registry.
fn weights(golden: &Golden, registry: &Registry, at: &str) -> anyhow::Result<Vec<Real>> {
    let mut weights = vec![0.0; registry.len()];
    for name in golden.names("param.") {
        if let Some(parameter) = registry.get(&format!("{at}.{name}")) {
            parameter.write(&mut weights, &golden.tensor(&format!("param.{name}"))?.reals());
        }
    }
    Ok(weights)
}

fn compare_gradients(
    golden: &Golden,
    worst: &mut Worst,
    registry: &Registry,
    gradients: &[Real],
) -> anyhow::Result<()> {
    for parameter in registry.parameters() {
        let name = parameter.name.rsplit('.').next().unwrap_or_default();
        golden.compare(worst, &format!("grad.{name}"), &parameter.read(gradients), GRADIENT)?;
    }
    Ok(())
}

fn linear(golden: &Golden) -> anyhow::Result<Worst> {
    let (n, n_in, x) = rows(golden, "in.x")?;
    let (_, n_out, dy) = rows(golden, "in.dy")?;
    limits::numbers(&[n, n_out])?;
    limits::numbers(&[n_in, n_out])?;
    let mut registry = Registry::default();
    let layer = Linear::new(&mut registry, "layer", n_in, n_out, true);
    let weights = weights(golden, &registry, "layer")?;
    let (mut y, mut dx) = (Array2::zeros((n, n_out)), Array2::zeros((n, n_in)));
    let mut gradients = vec![0.0; registry.len()];
    layer.forward(&mut y, &matrix(&x, n, n_in), &weights);
    let (dy, x) = (matrix(&dy, n, n_out), matrix(&x, n, n_in));
    layer.backward(&mut dx, &mut gradients, &dy, &x, &weights);
    let mut worst = Worst::default();
    golden.compare(&mut worst, "out.y", y.as_slice().unwrap_or_default(), FORWARD)?;
    golden.compare(&mut worst, "grad.x", dx.as_slice().unwrap_or_default(), GRADIENT)?;
    compare_gradients(golden, &mut worst, &registry, &gradients)?;
    Ok(worst)
}

fn layer_norm(golden: &Golden) -> anyhow::Result<Worst> {
    let (n, width, x) = rows(golden, "in.x")?;
    let (_, _, dy) = rows(golden, "in.dy")?;
    let mut registry = Registry::default();
    let layer = LayerNorm::new(&mut registry, "layer", width);
    let weights = weights(golden, &registry, "layer")?;
    let mut a = layer_norm::Activations::new(n, width);
    let mut dx = Array2::zeros((n, width));
    let mut gradients = vec![0.0; registry.len()];
    let (x, dy) = (matrix(&x, n, width), matrix(&dy, n, width));
    layer.forward(&mut a, &x, &weights);
    layer.backward(&mut dx, &mut gradients, &dy, &x, &a, &weights);
    let mut worst = Worst::default();
    golden.compare(&mut worst, "out.y", a.out.as_slice().unwrap_or_default(), FORWARD)?;
    golden.compare(&mut worst, "grad.x", dx.as_slice().unwrap_or_default(), GRADIENT)?;
    compare_gradients(golden, &mut worst, &registry, &gradients)?;
    Ok(worst)
}

/// By the rows of scores that attention makes weights of.
fn softmax(golden: &Golden) -> anyhow::Result<Worst> {
    let (n, columns, x) = rows(golden, "in.x")?;
    let (_, _, dy) = rows(golden, "in.dy")?;
    let lanes = columns.next_multiple_of(LANES);
    let filled = |x: &[Real]| {
        let mut filled = vec![0.0; n * lanes];
        let pairs = filled.chunks_exact_mut(lanes).zip(x.chunks_exact(columns));
        pairs.for_each(|(filled, x)| filled[..columns].copy_from_slice(x));
        filled
    };
    let shape =
        Shape { queries: n, keys: columns, width: 1, value_width: 1, scale: 1.0, causal: false };
    let (mut scores, mut d, mut y) = (filled(&x), filled(&dy), vec![0.0; x.len()]);
    softmax_rows(&mut scores, &mut y, 0, &shape, None);
    softmax_rows_backward(&mut d, &mut scores, &y, 0, &shape, None);
    let d: Vec<Real> = d.chunks_exact(lanes).flat_map(|row| &row[..columns]).copied().collect();
    let mut worst = Worst::default();
    golden.compare(&mut worst, "out.y", &y, FORWARD)?;
    golden.compare(&mut worst, "grad.x", &d, GRADIENT)?;
    Ok(worst)
}

fn activation(golden: &Golden, activation: Activation) -> anyhow::Result<Worst> {
    let (n, columns, x) = rows(golden, "in.x")?;
    let (_, _, mut d) = rows(golden, "in.dy")?;
    let mut y = vec![0.0; x.len()];
    activation.forward(&mut matrix_mut(&mut y, n, columns), &matrix(&x, n, columns));
    activation.backward(&mut matrix_mut(&mut d, n, columns), &matrix(&x, n, columns));
    let mut worst = Worst::default();
    golden.compare(&mut worst, "out.y", &y, FORWARD)?;
    golden.compare(&mut worst, "grad.x", &d, GRADIENT)?;
    Ok(worst)
}

/// x (B, T, in), dy (B, T, out).
fn causal_convolution(golden: &Golden) -> anyhow::Result<Worst> {
    let tensor = golden.tensor("in.x")?;
    let [sequences, time, n_in] = *tensor.shape else { bail!("in.x is {:?}", tensor.shape) };
    let (n, n_out) = (sequences * time, golden.setting("output")?);
    let settings = Settings {
        n_in,
        n_out,
        kernel: golden.setting("kernel")?,
        dilation: golden.setting("dilation")?,
        padding: convolution::Padding::Causal,
        bias: true,
    };
    let Settings { kernel, dilation, .. } = settings;
    for sizes in [[n, n_out, 1], [n, n_in, kernel], [n_in, n_out, kernel], [kernel, dilation, 1]] {
        limits::numbers(&sizes)?;
    }
    let mut registry = Registry::default();
    let layer = Convolution::new(&mut registry, &["layer"], &settings);
    let weights = weights(golden, &registry, "layer")?;
    let (x, dy) = (tensor.reals(), golden.tensor("in.dy")?.reals());
    let (x, dy) = (matrix(&x, n, n_in), matrix(&dy, n, n_out));
    let (mut y, mut dx) = (Array2::zeros((n, n_out)), Array2::zeros((n, n_in)));
    let mut gradients = vec![0.0; registry.len()];
    let mut scratch = convolution::Scratch::new(n, layer.width());
    layer.forward(&mut y, &x, time, &weights, &mut scratch);
    layer.backward(&mut dx, &mut gradients, &dy, &x, time, &weights, &mut scratch);
    let mut worst = Worst::default();
    golden.compare(&mut worst, "out.y", y.as_slice().unwrap_or_default(), FORWARD)?;
    golden.compare(&mut worst, "grad.x", dx.as_slice().unwrap_or_default(), GRADIENT)?;
    compare_gradients(golden, &mut worst, &registry, &gradients)?;
    Ok(worst)
}

/// q (B, Tq, width), k (B, Tk, width), v (B, Tk, value_width).
fn attention(golden: &Golden) -> anyhow::Result<Worst> {
    let shape = |name: &str| -> anyhow::Result<[usize; 3]> {
        let shape = &golden.tensor(name)?.shape;
        <[usize; 3]>::try_from(&**shape).map_err(|_| anyhow::anyhow!("{name} has shape {shape:?}"))
    };
    let ([batch, queries, width], [_, keys, value_width]) = (shape("in.q")?, shape("in.v")?);
    limits::numbers(&[batch, queries.max(width), keys])?;
    let scale: f64 = golden.setting("scale")?;
    let causal = golden.setting("causal")?;
    let shape = Shape { queries, keys, width, value_width, scale: scale as Real, causal };
    let [q, k, v, dy] = ["in.q", "in.k", "in.v", "in.dy"]
        .map(|name| golden.tensor(name).map(super::golden::Tensor::reals));
    let (q, k, v, dy) = (q?, k?, v?, dy?);
    let mut weights = vec![0.0; batch * queries * keys];
    let [mut y, mut dq, mut dk, mut dv] = [&dy, &q, &k, &v].map(|like| vec![0.0; like.len()]);
    let mut scratch = attention::Scratch::new(queries, keys, width.max(value_width));
    let (ask, find, get) = (queries * width, keys * width, keys * value_width);
    let (give, square) = (queries * value_width, queries * keys);
    for b in 0..batch {
        let part = |x: &[Real], n: usize| x[b * n..(b + 1) * n].to_vec();
        let (q, k, v, dy) = (part(&q, ask), part(&k, find), part(&v, get), part(&dy, give));
        let p = &mut weights[b * square..(b + 1) * square];
        let y = &mut y[b * give..(b + 1) * give];
        attention::forward(y, p, &q, &k, &v, &shape, None, &mut scratch);
        attention::backward(
            &mut dq[b * ask..(b + 1) * ask],
            &mut dk[b * find..(b + 1) * find],
            &mut dv[b * get..(b + 1) * get],
            &dy,
            p,
            &q,
            &k,
            &v,
            &shape,
            None,
            &mut scratch,
        );
    }
    let mut worst = Worst::default();
    golden.compare(&mut worst, "out.weights", &weights, FORWARD)?;
    golden.compare(&mut worst, "out.y", &y, FORWARD)?;
    golden.compare(&mut worst, "grad.q", &dq, GRADIENT)?;
    golden.compare(&mut worst, "grad.k", &dk, GRADIENT)?;
    golden.compare(&mut worst, "grad.v", &dv, GRADIENT)?;
    Ok(worst)
}
