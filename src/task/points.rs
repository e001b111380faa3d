//! Points in the plane: what the generative adversarial network learns.
//!
//! The ring and the grid are mixtures of equally likely Gaussians, whose modes a generator may miss; they are the usual
//! test for that (Metz et al. 2017, "Unrolled Generative Adversarial Networks"). A file's points are centred and scaled;
//! those that a learner draws stay where they are, and none of them is held out: they are few, and each may be a mode of its
//! own. Of both, a batch is drawn with replacement, and no noise is added.

mod drawn;
mod file;
pub mod judge;

use std::path::Path;

use ndarray_rand::rand_distr::{Distribution, StandardNormal};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Target, split};
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, Examples, Output, Place, Sizes, Split};
pub use drawn::{Drawn, NoDrawing, NotDrawn, Spot};
pub use file::{PointsError, Standard};
use judge::{Histogram, Modes};

/// x and y.
pub type Point = [f64; 2];

/// Held-out points that are looked at, and that an estimate compares generated ones with.
const LOOKED_AT: usize = 256;
const JUDGED: usize = 4096;

/// Draws that the floor of the divergence is the mean of.
const FLOORS: u64 = 8;

/// Of the stream that the points which are looked at come from.
const SEED: u64 = 0x706f_696e_7473;

/// How far the Gaussians of the ring stand from the origin, and how wide each is.
pub const RING_RADIUS: f64 = 2.0;
pub const RING_STD: f64 = 0.1;
const RING_MODES: usize = 8;
/// How far the Gaussians of the grid stand from each other, and how wide each is.
const GRID_STEP: f64 = 1.0;
const GRID_STD: f64 = 0.05;
const GRID_SIDE: usize = 5;
/// The moons' half circles have this radius and noise.
const MOON_RADIUS: f64 = 1.5;
const MOON_STD: f64 = 0.1;

/// A distribution of points.
#[derive(Clone, Debug)]
pub struct Points {
    source: Source,
    /// The box that histograms divide: least and most of x and of y.
    bounds: [Point; 2],
    /// Of a file.
    standard: Option<Standard>,
}

#[derive(Clone, Debug)]
enum Source {
    Gaussians(Modes),
    Moons,
    /// A tenth of the file's points is held out.
    Sample {
        train: Vec<Point>,
        val: Vec<Point>,
    },
    /// All of them are trained on, and all are what generated ones are compared with.
    Drawn(Vec<Point>),
}

impl Points {
    /// A distribution that needs nothing more; `None` for [`Target::File`] and [`Target::Own`].
    pub fn of(target: Target) -> Option<Self> {
        match target {
            Target::Ring => Some(Self::ring()),
            Target::Grid => Some(Self::grid()),
            Target::Moons => Some(Self::moons()),
            Target::File | Target::Own => None,
        }
    }

    /// Points that were drawn; `None` of fewer than can be learned.
    pub fn drawn(drawn: &Drawn) -> Option<Self> {
        let points: Vec<Point> = drawn.points().collect();
        (drawn.missing() == 0).then(|| Self {
            bounds: Self::around(&points),
            source: Source::Drawn(points),
            standard: None,
        })
    }

    /// Eight Gaussians on a circle.
    pub fn ring() -> Self {
        let center = |i| {
            let (sin, cos) = (std::f64::consts::TAU * i as f64 / RING_MODES as f64).sin_cos();
            [RING_RADIUS * cos, RING_RADIUS * sin]
        };
        Self::gaussians((0..RING_MODES).map(center).collect(), RING_STD)
    }

    /// 25 Gaussians on a square grid.
    pub fn grid() -> Self {
        let along = |i: usize| GRID_STEP * (i as f64 - (GRID_SIDE - 1) as f64 / 2.0);
        let center = |i| [along(i % GRID_SIDE), along(i / GRID_SIDE)];
        Self::gaussians((0..GRID_SIDE * GRID_SIDE).map(center).collect(), GRID_STD)
    }

    fn gaussians(centers: Vec<Point>, std: f64) -> Self {
        let most = centers.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs())) + 5.0 * std;
        let source = Source::Gaussians(Modes { centers, std });
        Self { bounds: [[-most, most]; 2], source, standard: None }
    }

    /// Two half circles that reach into each other.
    pub fn moons() -> Self {
        let (wide, high) = (1.5 * MOON_RADIUS + 5.0 * MOON_STD, MOON_RADIUS + 5.0 * MOON_STD);
        let bounds = [[-wide, wide], [-high, high]];
        Self { bounds, source: Source::Moons, standard: None }
    }

    /// The points of a file, one a line: x and y, with a comma, a semicolon or blanks between them. They are moved and
    /// scaled, both coordinates by the same factor, to mean 0 and a variance of 1 on the average of the two.
    ///
    /// `rule` is the number of the rule that they are held out by.
    ///
    /// # Errors
    /// If the file cannot be read, a line does not hold two numbers, or there are too few different points.
    pub fn read(path: &Path, rule: u8) -> Result<Self, PointsError> {
        let (points, standard) = file::read(path)?;
        Ok(Self { standard: Some(standard), ..Self::sample(points, rule) })
    }

    /// Which file's points they are, and the way back to its coordinates.
    pub fn standard(&self) -> Option<&Standard> {
        self.standard.as_ref()
    }

    /// A box with a margin around some points.
    fn around(points: &[Point]) -> [Point; 2] {
        [0, 1].map(|axis| {
            let column = points.iter().map(|point| point[axis]);
            let least = column.clone().fold(f64::INFINITY, f64::min);
            let most = column.fold(f64::NEG_INFINITY, f64::max);
            let margin = 0.1 * (most - least).max(1e-3);
            [least - margin, most + margin]
        })
    }

    /// By the first rule every tenth line is held out, which of a file in some order may be a mode; by the second a tenth of
    /// the lines, shuffled.
    fn sample(mut points: Vec<Point>, rule: u8) -> Self {
        let bounds = Self::around(&points);
        if rule != split::FIRST_RULE {
            points.shuffle(&mut stream(SEED, Purpose::Examples, 1));
        }
        let held_out = |i: usize| i % 10 == 9;
        let (mut train, mut val) = (Vec::new(), Vec::new());
        for (i, point) in points.into_iter().enumerate() {
            if held_out(i) { val.push(point) } else { train.push(point) }
        }
        Self { bounds, source: Source::Sample { train, val }, standard: None }
    }

    fn generated(output: &Output) -> Vec<Point> {
        output.values.as_chunks().0.iter().map(|pair: &[f32; 2]| pair.map(f64::from)).collect()
    }

    /// Places of some points, as `judge` wants them.
    fn places(batch: &Batch) -> Vec<Point> {
        batch.values.as_chunks().0.iter().map(|pair: &[Real; 2]| pair.map(|x| x as f64)).collect()
    }

    fn point(&self, split: Split, rng: &mut ChaCha8Rng) -> Point {
        let normal = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
        match &self.source {
            Source::Gaussians(Modes { centers, std }) => {
                let center = centers[rng.random_range(0..centers.len())];
                center.map(|x| x + std * normal(rng))
            }
            Source::Moons => {
                let upper: bool = rng.random();
                let (sin, cos) = (std::f64::consts::PI * rng.random::<f64>()).sin_cos();
                let half = if upper { [cos - 0.5, sin - 0.25] } else { [0.5 - cos, 0.25 - sin] };
                half.map(|x| MOON_RADIUS * x + MOON_STD * normal(rng))
            }
            Source::Sample { train, val } => {
                let points = if split == Split::Train { train } else { val };
                points[rng.random_range(0..points.len())]
            }
            Source::Drawn(points) => points[rng.random_range(0..points.len())],
        }
    }
}

impl Examples for Points {
    fn sizes(&self) -> Sizes {
        Sizes { n_input: 2, block_size: Some(1), ..Sizes::default() }
    }

    /// The values are x and y of each point.
    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        batch.clear();
        (batch.sequences, batch.width) = (count, 2);
        for _ in 0..count {
            batch.values.extend(self.point(split, rng).map(|x| x as Real));
        }
    }

    /// Held-out points, always the same.
    fn subject(&self, _prompt: &[u32], batch: &mut Batch) {
        self.draw(Split::Val, LOOKED_AT, &mut stream(SEED, Purpose::Examples, 0), batch);
    }

    fn provenance(&self) -> &'static str {
        match self.source {
            Source::Gaussians(_) | Source::Moons => "fresh points of the same distribution",
            Source::Sample { .. } => "draws from the held-out tenth of the file's points",
            Source::Drawn(_) => "draws from the drawn points: all are trained on, none is held out",
        }
    }

    /// The modes' centres.
    fn places(&self, output: &Output) -> Vec<Place> {
        let Source::Gaussians(modes) = &self.source else { return Vec::new() };
        modes.places(&Self::generated(output))
    }

    fn judged(&self) -> usize {
        JUDGED
    }

    /// `divergence_floor`: the divergence of a perfect generator, one that draws the points of training anew. It is not 0,
    /// because samples of one distribution differ, and the held-out points of a small file more.
    fn floors(&self, count: usize) -> Vec<(&'static str, f64)> {
        let (mut real, mut perfect) = (Batch::default(), Batch::default());
        let divergence = |i: u64| {
            let draws = [2 * i, 2 * i + 1].map(|index| stream(SEED, Purpose::Evaluation, index));
            let [mut of_real, mut of_perfect] = draws;
            self.draw(Split::Val, count, &mut of_real, &mut real);
            self.draw(Split::Train, count, &mut of_perfect, &mut perfect);
            let [p, q] = [&perfect, &real].map(|b| Histogram::of(&Self::places(b), self.bounds));
            judge::jensen_shannon(&p, &q)
        };
        vec![("divergence_floor", (0..FLOORS).map(divergence).sum::<f64>() / FLOORS as f64)]
    }

    /// What the generated points are worth beside the real ones of the batch; the rules are in [`judge`].
    ///
    /// - `modes`: how many are covered, and `high_quality`: the share of points in one (ring and grid)
    /// - `divergence`: Jensen-Shannon, in nats: 0 to ln 2
    /// - `collapsed`: 1 or 0
    fn judge(&self, batch: &Batch, output: &Output) -> Vec<(&'static str, f64)> {
        let generated = Self::generated(output);
        let real = Self::places(batch);
        if generated.is_empty() || real.is_empty() {
            return Vec::new();
        }
        let histogram = |points: &[Point]| Histogram::of(points, self.bounds);
        let (of_generated, of_real) = (histogram(&generated), histogram(&real));
        let divergence = ("divergence", judge::jensen_shannon(&of_generated, &of_real));
        let one_spot = judge::on_one_spot(&generated, &real);
        let verdict = |collapsed| ("collapsed", f64::from(u8::from(collapsed || one_spot)));
        match &self.source {
            Source::Gaussians(modes) => {
                let (covered, high_quality) = modes.coverage(&generated);
                let equal = vec![1.0 / modes.centers.len() as f64; modes.centers.len()];
                let collapsed = judge::collapsed(&modes.nearest(&generated), &equal);
                vec![
                    ("modes", covered as f64),
                    ("high_quality", high_quality),
                    divergence,
                    verdict(collapsed),
                ]
            }
            Source::Moons | Source::Sample { .. } | Source::Drawn(_) => {
                let collapsed = judge::collapsed(&of_generated.shares, &of_real.shares);
                vec![divergence, verdict(collapsed)]
            }
        }
    }
}

#[cfg(test)]
// Needless in f32, not in f64.
mod tests {
    use super::*;

    fn draw(points: &Points, split: Split, count: usize, seed: u64) -> Batch {
        let mut batch = Batch::default();
        points.draw(split, count, &mut stream(seed, Purpose::Batches, 0), &mut batch);
        batch
    }

    /// A batch as a generator would have made it.
    fn made(batch: &Batch) -> Output {
        let values = batch.values.iter().map(|x| *x as f32).collect();
        Output { width: 2, values, ..Output::default() }
    }

    fn figure(figures: &[(&'static str, f64)], name: &str) -> f64 {
        figures.iter().find(|(found, _)| *found == name).unwrap().1
    }

    #[test]
    fn a_perfect_generator_has_all_modes_and_nearly_no_divergence() {
        for (points, modes) in [(Points::ring(), 8.0), (Points::grid(), 25.0)] {
            let real = draw(&points, Split::Val, JUDGED, 1);
            let figures = points.judge(&real, &made(&draw(&points, Split::Train, JUDGED, 2)));
            assert_eq!(figure(&figures, "modes"), modes);
            // Within three standard deviations in the plane: 1 - exp(-9/2) = 0.989.
            assert!((figure(&figures, "high_quality") - 0.989).abs() < 0.008);
            assert!(figure(&figures, "divergence") < 0.02);
            assert_eq!(figure(&figures, "collapsed"), 0.0);
        }
        let moons = Points::moons();
        let real = draw(&moons, Split::Val, JUDGED, 1);
        let figures = moons.judge(&real, &made(&draw(&moons, Split::Train, JUDGED, 2)));
        assert!(figure(&figures, "divergence") < 0.02, "{figures:?}");
        assert_eq!(figure(&figures, "collapsed"), 0.0);
    }

    #[test]
    fn a_generator_of_one_place_has_collapsed() {
        for points in [Points::ring(), Points::grid(), Points::moons()] {
            let real = draw(&points, Split::Val, JUDGED, 1);
            let place: Vec<f32> = real.values[..2].iter().map(|x| *x as f32).collect();
            let output = Output { width: 2, values: place.repeat(500), ..Output::default() };
            let figures = points.judge(&real, &output);
            assert_eq!(figure(&figures, "collapsed"), 1.0);
            assert!(figure(&figures, "divergence") > 0.5);
            if !matches!(points.source, Source::Moons) {
                assert_eq!(figure(&figures, "modes"), 1.0);
            }
        }
    }

    #[test]
    fn distributions_are_centred_of_order_one_and_inside_their_bounds() {
        for points in [Points::ring(), Points::grid(), Points::moons()] {
            let batch = draw(&points, Split::Train, 20_000, 3);
            let n = batch.values.len() as Real;
            let mean = batch.values.iter().sum::<Real>() / n;
            let square = batch.values.iter().map(|x| x * x).sum::<Real>() / n;
            assert!(mean.abs() < 0.05 && (0.5..2.5).contains(&square), "{mean} {square}");
            let outside = batch.values.as_chunks::<2>().0.iter().filter(|p| {
                let inside = |axis: usize| {
                    let [least, most] = points.bounds[axis];
                    (least as Real..most as Real).contains(&p[axis])
                };
                !(inside(0) && inside(1))
            });
            assert_eq!(outside.count(), 0);
        }
    }

    #[test]
    fn a_files_points_are_split_and_looked_at() {
        let file: Vec<Point> = (0..100).map(|i| [f64::from(i), f64::from(i % 7)]).collect();
        for rule in [1, 2] {
            let points = Points::sample(file.clone(), rule);
            let Source::Sample { train, val } = &points.source else { panic!() };
            assert_eq!((train.len(), val.len()), (90, 10));
            assert!(val.iter().all(|point| !train.contains(point)));
            let mut batch = Batch::default();
            points.subject(&[], &mut batch);
            assert_eq!((batch.sequences, batch.width, batch.values.len()), (256, 2, 512));
            let held_out = |p: &[Real; 2]| val.contains(&p.map(|x| x as f64));
            assert!(batch.values.as_chunks::<2>().0.iter().all(held_out));
            assert!(points.judge(&batch, &Output::default()).is_empty());
        }
    }

    /// Ten modes in turn: every tenth line is one of them.
    #[test]
    fn an_ordered_file_keeps_its_modes_on_both_sides() {
        let file: Vec<Point> = (0..2000).map(|i| [f64::from(i % 10), 0.0]).collect();
        let modes = |points: &[Point]| {
            let places = points.iter().map(|p| p[0] as u32);
            places.collect::<std::collections::HashSet<_>>().len()
        };
        let sides = |rule| match Points::sample(file.clone(), rule).source {
            Source::Sample { train, val } => (modes(&train), modes(&val)),
            _ => panic!(),
        };
        assert_eq!((sides(1), sides(2)), ((9, 1), (10, 10)));
    }

    #[test]
    fn the_floor_is_high_where_points_are_few() {
        let floor = |points: &Points| figure(&points.floors(JUDGED), "divergence_floor");
        let on_circle = |n: i32| {
            let point = |i| [f64::from(i).cos(), f64::from(i).sin()];
            Points::sample((0..n).map(point).collect(), 2)
        };
        assert!((0.5..=0.6932).contains(&floor(&on_circle(20))), "{}", floor(&on_circle(20)));
        assert!((0.005..0.2).contains(&floor(&on_circle(2000))), "{}", floor(&on_circle(2000)));
        assert!((0.0..0.02).contains(&floor(&Points::ring())));
        assert_eq!(floor(&Points::ring()), floor(&Points::ring()));
    }

    /// Wherever the spot is, and whichever modes are nearest to it.
    #[test]
    fn all_on_one_spot_is_a_collapse() {
        let file = (0..200).map(|i| [f64::from(i).cos(), f64::from(i).sin()]).collect();
        for points in [Points::ring(), Points::grid(), Points::moons(), Points::sample(file, 2)] {
            let real = draw(&points, Split::Val, JUDGED, 1);
            let mode = [real.values[0] as f32, real.values[1] as f32];
            for spot in [[0.0, 0.0], mode, [1e3, -1e3]] {
                for width in [0.0, 1e-3] {
                    // A little ring around the spot, so that every mode around it is nearest to some.
                    let near = |i: u16| {
                        let (sin, cos) = f32::from(i).sin_cos();
                        [spot[0] + width * cos, spot[1] + width * sin]
                    };
                    let values: Vec<f32> = (0..1000).flat_map(near).collect();
                    let output = Output { width: 2, values, ..Output::default() };
                    let figures = points.judge(&real, &output);
                    assert_eq!(figure(&figures, "collapsed"), 1.0, "{spot:?} {width} {figures:?}");
                }
            }
            let perfect = points.judge(&real, &made(&draw(&points, Split::Train, JUDGED, 2)));
            assert_eq!(figure(&perfect, "collapsed"), 0.0);
        }
    }

    #[test]
    fn drawn_points_are_all_trained_on_and_compared_with() {
        let drawn: Drawn =
            [[0.0, 0.0], [2.0, 1.0], [-1.5, 2.5], [1.25, -3.0]].into_iter().collect();
        let points = Points::drawn(&drawn).unwrap();
        let mut seen = [Split::Train, Split::Val].map(|split| {
            let batch = draw(&points, split, 200, 1);
            let mut seen = Points::places(&batch);
            seen.sort_by(|a, b| a.partial_cmp(b).unwrap());
            seen.dedup();
            seen
        });
        let mut expected: Vec<Point> = drawn.points().collect();
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(seen, [expected.clone(), expected.clone()]);
        let mut batch = Batch::default();
        points.subject(&[], &mut batch);
        assert!(Points::places(&batch).iter().all(|point| expected.contains(point)));
        // One that draws the same is a perfect one; one that knows a single point of four has collapsed.
        let real = draw(&points, Split::Val, JUDGED, 1);
        let figures = points.judge(&real, &made(&draw(&points, Split::Train, JUDGED, 2)));
        assert!(figure(&figures, "divergence") < 0.01 && figure(&figures, "collapsed") == 0.0);
        let one = Output { width: 2, values: [2.0, 1.0].repeat(500), ..Output::default() };
        let figures = points.judge(&real, &one);
        assert!(figure(&figures, "divergence") > 0.3 && figure(&figures, "collapsed") == 1.0);
        assert!(!figures.iter().any(|(name, _)| *name == "modes"));
        assert!(Examples::places(&points, &one).is_empty() && points.standard().is_none());
        // Two are too few.
        seen[0].truncate(2);
        assert!(Points::drawn(&seen[0].iter().copied().collect()).is_none());
    }
}
