//! `gpt-lab bench --products`: matrix products at the shapes that the stages' layers and heads have, by our own tiles and by
//! the BLAS at hand, beside this processor's peak.
//!
//! A layer of k inputs and n outputs multiplies three times: forward (rows, k) by (k, n), with or without a bias; `dx` (rows, n) by
//! the weights turned; and `dw` the input turned by (rows, n), added to what is there. Every thread multiplies numbers of its
//! own at the same time, as the shards of a step do. Warm operands are the same ones again and again; cold ones are taken in turn
//! from more memory than a core's second cache has.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::math::Real;
use crate::math::gemm::{self, By, Onto};
use crate::math::tiles::Operand;
use crate::model;
use crate::stage::STAGES;
use crate::train::machine_rate;
use crate::train::team::Team;

/// Rows of a micro-batch.
const ROWS: [usize; 3] = [256, 512, 768];
/// Different characters of Tiny Shakespeare: the last layer's outputs.
const VOCABULARY: usize = 65;
/// Inputs and outputs that are timed, where a layer of a stage has them.
const SIDES: [usize; 11] = [8, 16, 32, 64, 65, 96, 128, 256, 384, 512, 1536];
/// Positions of a window, where heads are matrix products.
const TIMES: [usize; 3] = [32, 64, 256];
const HEAD_SIZES: [usize; 4] = [8, 16, 32, 64];
/// The whole table takes about so many times `--seconds`.
const WHOLE: f64 = 10.0;
/// Times that each way is measured at a shape, the two in turns; the median counts.
const ROUNDS: usize = 3;
/// Numbers that cold operands are taken from, of a and b together and of c: 32 and 16 MiB.
const READ: usize = 1 << 23;
const WRITTEN: usize = 1 << 22;
/// Shapes between two measurements of the peak, which moves with the machine.
const SHAPES_A_PEAK: usize = 16;
/// Operations between two looks at the clock, at least.
const BETWEEN: usize = 1 << 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Forward,
    /// Forward with a bias.
    Bias,
    /// The gradient of the input.
    Dx,
    /// The gradient of the weights.
    Dw,
    /// A head's queries by its keys turned.
    Scores,
    /// A head's weights by its values.
    Values,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Bias => "bias",
            Self::Dx => "dx",
            Self::Dw => "dw",
            Self::Scores => "scores",
            Self::Values => "values",
        }
    }
}

/// A layer's rows, inputs and outputs, or of a head's product (m, k) by (k, n).
#[derive(Clone, Copy, Debug)]
struct Shape {
    kind: Kind,
    rows: usize,
    k: usize,
    n: usize,
}

impl Shape {
    fn operations(&self) -> usize {
        2 * self.rows * self.k * self.n
    }

    /// Rows and columns of a, b and c as they stand in memory.
    fn sides(&self) -> [(usize, usize); 3] {
        let Self { kind, rows, k, n } = *self;
        match kind {
            Kind::Forward | Kind::Bias | Kind::Values => [(rows, k), (k, n), (rows, n)],
            Kind::Dx => [(rows, n), (k, n), (rows, k)],
            Kind::Dw => [(rows, k), (rows, n), (k, n)],
            Kind::Scores => [(rows, k), (n, k), (rows, n)],
        }
    }
}

/// What is multiplied, in turn from one place of the memory and another.
struct Operands {
    read: Vec<Real>,
    written: Vec<Real>,
    turn: usize,
}

impl Operands {
    fn new() -> Self {
        // Irregular numbers of order 1.
        let value = |i: usize| ((i % 4099) as Real * 0.618_034).fract() - 0.5;
        Self { read: (0..READ).map(value).collect(), written: vec![0.0; WRITTEN], turn: 0 }
    }

    /// One product. Where it is cold, the next one has other operands.
    fn multiply(&mut self, shape: &Shape, by: By, cold: bool) {
        let [a, b, c] = shape.sides();
        // Sets begin at a line of the cache.
        let [of_a, of_b, of_c] =
            [a, b, c].map(|(rows, columns)| (rows * columns).next_multiple_of(16));
        let sets = if cold { (READ / (of_a + of_b)).min(WRITTEN / of_c).max(1) } else { 1 };
        self.turn = (self.turn + 1) % sets;
        let values = &self.read[self.turn * (of_a + of_b)..];
        let bias = &self.read[..shape.n];
        let (a, b) = (whole(values, a), whole(&values[of_a..], b));
        let (a, b, onto) = match shape.kind {
            Kind::Forward | Kind::Values => (a, b, Onto::Nothing),
            Kind::Bias => (a, b, Onto::Row(bias)),
            Kind::Dx | Kind::Scores => (a, b.turned(), Onto::Nothing),
            Kind::Dw => (a.turned(), b, Onto::Itself),
        };
        let c = &mut self.written[self.turn * of_c..][..c.0 * c.1];
        gemm::product_by(by, c, b.columns, a, b, onto);
        black_box(c);
    }

    /// GFLOP/s of this thread, in about this time.
    fn rate(&mut self, shape: &Shape, by: By, cold: bool, time: Duration) -> f64 {
        let at_once = (BETWEEN / shape.operations()).max(1);
        self.multiply(shape, by, cold);
        let (started, mut products) = (Instant::now(), 0);
        while products == 0 || started.elapsed() < time {
            for _ in 0..at_once {
                self.multiply(shape, by, cold);
            }
            products += at_once;
        }
        (products * shape.operations()) as f64 / started.elapsed().as_secs_f64() / 1e9
    }
}

fn whole(values: &[Real], (rows, columns): (usize, usize)) -> Operand<'_> {
    Operand::rows(&values[..rows * columns], rows, columns, columns)
}

/// One way of multiplying at one shape.
#[derive(Clone, Copy, Debug, Serialize)]
struct Rate {
    /// A thread's, the mean of all.
    gflops: f64,
    peak_share: f64,
    cold_gflops: f64,
    cold_peak_share: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    kind: Kind,
    rows: usize,
    k: usize,
    n: usize,
    threads: usize,
    /// A thread's, of multiply-adds between registers.
    peak_gflops: f64,
    tiles: Rate,
    /// None where the program was built without one.
    blas: Option<Rate>,
    /// Who multiplies in this program, on this machine.
    used: &'static str,
}

/// Inputs and outputs of the stages' layers, those that read the same input side by side.
fn layers() -> anyhow::Result<BTreeSet<(usize, usize)>> {
    let mut pairs = BTreeSet::new();
    for stage in STAGES {
        let model = model::build(&stage.config(VOCABULARY, 1).model)?;
        for parameter in model.registry().parameters() {
            // A linear layer's weights stand (in, out) in memory and are named (out, in).
            if let ([_, k], [1, n]) = (&parameter.shape[..], &parameter.strides[..]) {
                pairs.insert((*k, *n));
            }
        }
    }
    pairs.retain(|(k, n)| SIDES.contains(k) && SIDES.contains(n));
    Ok(pairs)
}

fn shapes() -> anyhow::Result<Vec<Shape>> {
    let mut shapes = Vec::new();
    for (k, n) in layers()? {
        for rows in ROWS {
            let kinds = [Kind::Forward, Kind::Bias, Kind::Dx, Kind::Dw];
            shapes.extend(kinds.map(|kind| Shape { kind, rows, k, n }));
        }
    }
    for time in TIMES {
        for size in HEAD_SIZES {
            shapes.push(Shape { kind: Kind::Scores, rows: time, k: size, n: time });
            shapes.push(Shape { kind: Kind::Values, rows: time, k: time, n: size });
        }
    }
    Ok(shapes)
}

/// Times every shape on all threads at once and prints a line for each.
///
/// # Errors
/// If a line cannot be printed.
pub fn run(team: &Team, seconds: f64, json: bool) -> anyhow::Result<()> {
    gemm::single_threaded();
    let mut out = std::io::stdout().lock();
    if !json {
        writeln!(
            out,
            "{:8} {:>5} {:>5} {:>5} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}",
            "product",
            "rows",
            "k",
            "n",
            "tiles",
            "of peak",
            "cold",
            "BLAS",
            "of peak",
            "cold",
            "peak",
            "used"
        )?;
    }
    let operands: Vec<_> = (0..team.threads()).map(|_| Mutex::new(Operands::new())).collect();
    let ways: &[By] = if cfg!(feature = "blas") { &[By::Tiles, By::Blas] } else { &[By::Tiles] };
    let shapes = shapes()?;
    let measured = shapes.len() * ways.len() * 2 * ROUNDS;
    let time = Duration::from_secs_f64(seconds * WHOLE / measured as f64);
    let mut peak = 0.0;
    for (i, shape) in shapes.iter().enumerate() {
        if i % SHAPES_A_PEAK == 0 {
            peak = machine_rate::peak(team) / team.threads() as f64;
        }
        let row = measure(team, peak, &operands, shape, ways, time);
        if json {
            writeln!(out, "{}", serde_json::to_string(&row)?)?;
        } else {
            writeln!(out, "{}", line(&row))?;
        }
    }
    Ok(())
}

fn measure(
    team: &Team,
    peak: f64,
    operands: &[Mutex<Operands>],
    shape: &Shape,
    ways: &[By],
    time: Duration,
) -> Row {
    let threads = team.threads();
    let mut rates = vec![[const { Vec::new() }; 2]; ways.len()];
    for _ in 0..ROUNDS {
        for (&by, rates) in ways.iter().zip(&mut rates) {
            for (cold, rates) in [false, true].into_iter().zip(rates) {
                let each = team.run(|| {
                    rayon::broadcast(|thread| {
                        let operands = operands[thread.index()].lock();
                        operands.expect("no thread panics").rate(shape, by, cold, time)
                    })
                });
                rates.push(each.iter().sum::<f64>() / threads as f64);
            }
        }
    }
    let mut rates = rates.into_iter().map(|rates| {
        let [gflops, cold_gflops] = rates.map(|mut rates: Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        let [peak_share, cold_peak_share] = [gflops, cold_gflops].map(|rate| rate / peak);
        Rate { gflops, peak_share, cold_gflops, cold_peak_share }
    });
    Row {
        kind: shape.kind,
        rows: shape.rows,
        k: shape.k,
        n: shape.n,
        threads,
        peak_gflops: peak,
        tiles: rates.next().expect("tiles are always there"),
        blas: rates.next(),
        used: if gemm::by() == By::Tiles { "tiles" } else { "BLAS" },
    }
}

fn line(row: &Row) -> String {
    let rate = |rate: Option<Rate>| match rate {
        Some(Rate { gflops, peak_share, cold_gflops, .. }) => {
            format!("{gflops:>8.1} {:>6.0} % {cold_gflops:>8.1}", peak_share * 100.0)
        }
        None => format!("{:>8} {:>8} {:>8}", "-", "-", "-"),
    };
    format!(
        "{:8} {:>5} {:>5} {:>5} {} {} {:>8.1} {:>6}",
        row.kind.name(),
        row.rows,
        row.k,
        row.n,
        rate(Some(row.tiles)),
        rate(row.blas),
        row.peak_gflops,
        row.used
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_of_the_lectures_stages_are_among_them() {
        let layers = layers().unwrap();
        // Queries, keys and values, the output and the widest layer, of small stages and of the largest.
        for pair in [(32, 96), (32, 65), (128, 512), (384, 1536), (1536, 384)] {
            assert!(layers.contains(&pair), "{pair:?} is not in {layers:?}");
        }
    }

    #[test]
    fn tiles_and_blas_multiply_the_same() {
        let kinds = [Kind::Forward, Kind::Bias, Kind::Dx, Kind::Dw, Kind::Scores, Kind::Values];
        for kind in kinds {
            let shape = Shape { kind, rows: 24, k: 40, n: 9 };
            let [tiles, blas] = [By::Tiles, By::Blas].map(|by| {
                let mut operands = Operands::new();
                operands.multiply(&shape, by, true);
                operands.written
            });
            assert!(tiles.iter().any(|x| x.abs() > 0.1), "{kind:?} multiplied nothing");
            let apart = tiles.iter().zip(&blas).map(|(a, b)| (a - b).abs()).fold(0.0, Real::max);
            assert!(apart < 1e-4, "{kind:?}: {apart}");
        }
    }
}
