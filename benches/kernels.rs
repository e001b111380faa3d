//! What one operation costs, at the sizes of the lecture's stages: `cargo bench --bench kernels`.
//!
//! A row is a position. 128 x 32 is one of two shards of the small stages, 512 x 384 a micro-batch of the largest.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use gpt_lab::math::gemm::{matrix, single_threaded};
use gpt_lab::math::random::{Purpose, stream};
use gpt_lab::math::{Real, attention, cross_entropy, exp, norm, softmax};
use gpt_lab::model::{Batch, Group, Split};
use gpt_lab::nn::linear::Linear;
use gpt_lab::nn::parameters::Registry;
use gpt_lab::stage::Training;
use gpt_lab::task::{self, Task};
use gpt_lab::train::adamw::AdamW;
use ndarray::Array2;

fn main() {
    single_threaded();
    divan::main();
}

/// Irregular numbers of order 1.
fn values(n: usize) -> Vec<Real> {
    (0..n).map(|i| ((i * 37) as Real * 0.618_034).fract() * 2.0 - 1.0).collect()
}

#[divan::bench]
fn exp_of_4096(bencher: Bencher) {
    let x = values(4096);
    let mut y = vec![0.0; 4096];
    bencher.counter(ItemsCount::new(4096_usize)).bench_local(|| {
        for (y, x) in y.iter_mut().zip(&x) {
            *y = exp::exp(*black_box(x));
        }
    });
}

#[divan::bench(args = [(128, 8), (512, 256)])]
fn softmax_rows(bencher: Bencher, (rows, columns): (usize, usize)) {
    let x = values(rows * columns);
    bencher
        .counter(ItemsCount::new(rows * columns))
        .with_inputs(|| x.clone())
        .bench_local_refs(|x| softmax::softmax(x, columns));
}

#[divan::bench(args = [128, 512])]
fn cross_entropy_of_65(bencher: Bencher, rows: usize) {
    let logits = values(rows * 65);
    let targets: Vec<u32> = (0..rows as u32).map(|i| i % 65).collect();
    bencher
        .counter(ItemsCount::new(rows))
        .with_inputs(|| logits.clone())
        .bench_local_refs(|x| cross_entropy::cross_entropy_backward(x, &targets, 65, 0.01));
}

#[divan::bench(args = [(128, 32), (512, 64), (512, 384)])]
fn layer_norm_forward(bencher: Bencher, (rows, width): (usize, usize)) {
    let (x, weight) = (values(rows * width), values(width));
    let (mut y, mut mean, mut rstd) = (vec![0.0; rows * width], vec![0.0; rows], vec![0.0; rows]);
    bencher.counter(BytesCount::of_many::<Real>(2 * rows * width)).bench_local(|| {
        norm::layer_norm(&mut y, &mut mean, &mut rstd, &x, &weight, &weight, 1e-5);
    });
}

#[divan::bench(args = [(128, 32), (512, 64), (512, 384)])]
fn layer_norm_backward(bencher: Bencher, (rows, width): (usize, usize)) {
    let (x, dy, weight) = (values(rows * width), values(rows * width), values(width));
    let (mean, rstd) = (vec![0.1; rows], vec![1.5; rows]);
    let (mut dx, mut dw, mut db) = (vec![0.0; rows * width], vec![0.0; width], vec![0.0; width]);
    bencher.counter(BytesCount::of_many::<Real>(3 * rows * width)).bench_local(|| {
        norm::layer_norm_backward(&mut dx, &mut dw, &mut db, &dy, &x, &mean, &rstd, &weight);
    });
}

/// One causal head: (positions, head size) of multi-head, colab, nano-cpu and scaled-up.
const HEADS: [(usize, usize); 4] = [(8, 8), (32, 16), (64, 32), (256, 64)];

#[divan::bench(args = HEADS)]
fn attention_forward(bencher: Bencher, (time, width): (usize, usize)) {
    let shape = attention::Shape {
        queries: time,
        keys: time,
        width,
        value_width: width,
        scale: 0.3,
        causal: true,
    };
    let (q, k, v) = (values(time * width), values(time * width), values(time * width));
    let (mut y, mut weights) = (vec![0.0; time * width], vec![0.0; time * time]);
    let mut scratch = attention::Scratch::new(time, time, width);
    bencher.bench_local(|| {
        attention::forward(&mut y, &mut weights, &q, &k, &v, &shape, None, &mut scratch);
    });
}

#[divan::bench(args = HEADS)]
fn attention_backward(bencher: Bencher, (time, width): (usize, usize)) {
    let shape = attention::Shape {
        queries: time,
        keys: time,
        width,
        value_width: width,
        scale: 0.3,
        causal: true,
    };
    let x = values(time * width);
    let weights = vec![1.0 / time as Real; time * time];
    let [mut dq, mut dk, mut dv] = [(); 3].map(|()| vec![0.0; time * width]);
    let mut scratch = attention::Scratch::new(time, time, width);
    bencher.bench_local(|| {
        attention::backward(
            &mut dq,
            &mut dk,
            &mut dv,
            &x,
            &weights,
            &x,
            &x,
            &x,
            &shape,
            None,
            &mut scratch,
        );
    });
}

/// (rows, in, out): queries, keys and values of a small stage; the widest layer of nano-cpu and of scaled-up.
const LAYERS: [(usize, usize, usize); 3] = [(128, 32, 96), (384, 128, 512), (512, 384, 1536)];

#[divan::bench(args = LAYERS)]
fn linear_forward(bencher: Bencher, (rows, n_in, n_out): (usize, usize, usize)) {
    let mut registry = Registry::default();
    let layer = Linear::new(&mut registry, "layer", n_in, n_out, true);
    let (weights, x) = (values(registry.len()), values(rows * n_in));
    let mut y = Array2::zeros((rows, n_out));
    bencher
        .counter(ItemsCount::new(2 * rows * n_in * n_out))
        .bench_local(|| layer.forward(&mut y, &matrix(&x, rows, n_in), &weights));
}

#[divan::bench(args = LAYERS)]
fn linear_backward(bencher: Bencher, (rows, n_in, n_out): (usize, usize, usize)) {
    let mut registry = Registry::default();
    let layer = Linear::new(&mut registry, "layer", n_in, n_out, true);
    let (weights, x, dy) = (values(registry.len()), values(rows * n_in), values(rows * n_out));
    let (mut dx, mut gradients) = (Array2::zeros((rows, n_in)), vec![0.0; registry.len()]);
    bencher.counter(ItemsCount::new(4 * rows * n_in * n_out)).bench_local(|| {
        let (dy, x) = (matrix(&dy, rows, n_out), matrix(&x, rows, n_in));
        layer.backward(&mut dx, &mut gradients, &dy, &x, &weights);
    });
}

#[divan::bench(args = [42_369, 1 << 22])]
fn adamw_step(bencher: Bencher, parameters: usize) {
    let mut registry = Registry::default();
    registry.reserve(parameters, true);
    let mut optimizer = AdamW::new(&registry, &[Group { name: "all", range: 0..parameters }]);
    let mut weights = values(parameters);
    let mut gradients = [values(parameters)];
    let training = Training::default();
    bencher.counter(BytesCount::of_many::<Real>(7 * parameters)).bench_local(|| {
        let norm = optimizer.gather(&mut gradients, 0);
        optimizer.step(&mut weights, &gradients[0], norm, &training, 1e-3, 0);
    });
}

/// A batch of 64 made examples, for training and held out.
#[divan::bench(args = [Task::Reverse, Task::Sort, Task::Dates, Task::Numbers, Task::Recall], consts = [false, true])]
fn draw_64_examples<const HELD_OUT: bool>(bencher: Bencher, task: Task) {
    let examples = task::open(&task::Config { task, ..task::Config::default() });
    let examples = examples.expect("these tasks need nothing else");
    let split = if HELD_OUT { Split::Val } else { Split::Train };
    let (mut rng, mut batch) = (stream(1, Purpose::Batches, 0), Batch::default());
    bencher.bench_local(|| examples.draw(split, 64, &mut rng, black_box(&mut batch)));
}
