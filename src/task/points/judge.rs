//! What generated points are worth.
//!
//! - A **mode is covered** if at least a fifth of its fair share of the generated points lies within three standard
//!   deviations of its centre: of 8 modes, a fortieth of all points.
//! - The **high-quality share** is that of the generated points within three standard deviations of any centre. A perfect
//!   generator has 1 - exp(-9/2) = 0.989.
//! - The **divergence** is Jensen-Shannon's between two histograms of the plane. Two samples of one distribution differ a
//!   little: by about (occupied bins) / (4 times the points of each).
//! - A generator has **collapsed** if the fewest places that hold 90 % of its points hold under 40 % of the real ones.
//!   Places are the modes, a point belonging to the nearest, or the histogram's bins where there are no modes. So on the
//!   ring it has collapsed if 90 % of its points are in three modes or fewer, on the grid in nine. And it has collapsed if
//!   90 % of its points are on one spot, wherever that is: the origin is as near to all modes of the ring.

use super::Point;
use crate::model::Place;

/// Standard deviations from its centre that a mode reaches.
const REACH: f64 = 3.0;
/// The share of its fair share with which a mode is covered.
const COVERED: f64 = 0.2;
/// The share of the generated points that is looked for, and the share of the real ones in the same places below which a
/// generator has collapsed.
const MOST: f64 = 0.9;
const COLLAPSED: f64 = 0.4;
/// One spot: so much of the reach of the real points from their median.
const SPOT: f64 = 0.2;
/// The histogram has so many bins by so many.
const BINS: usize = 20;

/// Equally likely Gaussians of one width.
#[derive(Clone, Debug)]
pub struct Modes {
    pub centers: Vec<Point>,
    pub std: f64,
}

impl Modes {
    /// The nearest mode and the distance to its centre; `None` for what is not a number.
    fn find(&self, point: &Point) -> Option<(usize, f64)> {
        let distance = |center: &Point| (point[0] - center[0]).hypot(point[1] - center[1]);
        let all = self.centers.iter().map(distance).enumerate().filter(|(_, d)| d.is_finite());
        all.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The centres, and how many of the points are within their reach.
    pub fn places(&self, points: &[Point]) -> Vec<Place> {
        let enough = COVERED * points.len() as f64 / self.centers.len() as f64;
        let place = |at: &Point| Place { at: *at, answers: 0, enough };
        let mut places: Vec<Place> = self.centers.iter().map(place).collect();
        for (mode, distance) in points.iter().filter_map(|point| self.find(point)) {
            places[mode].answers += usize::from(distance <= REACH * self.std);
        }
        places
    }

    /// How many modes are covered, and the high-quality share.
    pub fn coverage(&self, points: &[Point]) -> (usize, f64) {
        let places = self.places(points);
        let covered = places.iter().filter(|place| place.is_covered()).count();
        let good: usize = places.iter().map(|place| place.answers).sum();
        (covered, good as f64 / points.len() as f64)
    }

    /// The share of the points that is nearest to each mode.
    pub fn nearest(&self, points: &[Point]) -> Vec<f64> {
        let mut shares = vec![0.0; self.centers.len()];
        for (mode, _) in points.iter().filter_map(|point| self.find(point)) {
            shares[mode] += 1.0 / points.len() as f64;
        }
        shares
    }
}

/// The shares of points in the bins of a box; they sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Bin by bin, and last what is outside the box.
    pub shares: Vec<f64>,
}

impl Histogram {
    /// `bounds`: least and most of x and of y.
    pub fn of(points: &[Point], bounds: [Point; 2]) -> Self {
        let mut shares = vec![0.0; BINS * BINS + 1];
        let bin = |axis: usize, point: &Point| {
            let [least, most] = bounds[axis];
            let at = (point[axis] - least) / (most - least) * BINS as f64;
            (0.0..BINS as f64).contains(&at).then_some(at as usize)
        };
        for point in points {
            let at = bin(0, point).zip(bin(1, point));
            shares[at.map_or(BINS * BINS, |(x, y)| y * BINS + x)] += 1.0 / points.len() as f64;
        }
        Self { shares }
    }
}

/// KL(p || m) / 2 + KL(q || m) / 2 with m the mean of the two, in nats: 0 for equal ones, ln 2 for disjoint ones
/// (Lin 1991).
pub fn jensen_shannon(p: &Histogram, q: &Histogram) -> f64 {
    let part = |p: f64, m: f64| if p > 0.0 { p * (p / m).ln() } else { 0.0 };
    let parts = p.shares.iter().zip(&q.shares).map(|(&p, &q)| {
        let m = 0.5 * (p + q);
        0.5 * (part(p, m) + part(q, m))
    });
    parts.sum::<f64>().max(0.0)
}

/// Whether the fewest places that hold most of the generated points hold too few of the real ones; shares by place.
pub fn collapsed(generated: &[f64], real: &[f64]) -> bool {
    let mut places: Vec<usize> = (0..generated.len()).collect();
    places.sort_by(|a, b| generated[*b].total_cmp(&generated[*a]));
    let (mut held, mut of_real) = (0.0, 0.0);
    for place in places {
        if held >= MOST - 1e-9 || generated[place] == 0.0 {
            break;
        }
        held += generated[place];
        of_real += real[place];
    }
    of_real < COLLAPSED - 1e-9
}

/// Whether most of the generated points lie together as no real ones do.
pub fn on_one_spot(generated: &[Point], real: &[Point]) -> bool {
    reach(generated) < SPOT * reach(real)
}

/// The distance from the points' median within which most of them lie.
fn reach(points: &[Point]) -> f64 {
    let median = [0, 1].map(|axis| {
        let mut column: Vec<f64> = points.iter().map(|point| point[axis]).collect();
        column.sort_by(f64::total_cmp);
        column.get(column.len() / 2).copied().unwrap_or_default()
    });
    let distance = |point: &Point| (point[0] - median[0]).hypot(point[1] - median[1]);
    let mut distances: Vec<f64> = points.iter().map(distance).collect();
    distances.sort_by(f64::total_cmp);
    distances.get((MOST * points.len() as f64) as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [Point; 2] = [[0.0, 20.0], [0.0, 20.0]];

    /// In the middle of a bin of [`SQUARE`].
    fn at(x: usize, y: usize, count: usize) -> Vec<Point> {
        vec![[x as f64 + 0.5, y as f64 + 0.5]; count]
    }

    #[test]
    fn histograms_sum_to_one_and_count_what_is_outside() {
        let mut points = at(0, 0, 3);
        points.extend([
            [-0.1, 5.0],
            [5.0, 20.0],
            [f64::NAN, 1.0],
            [f64::INFINITY, 1.0],
            [19.99, 0.0],
        ]);
        let Histogram { shares } = Histogram::of(&points, SQUARE);
        assert_eq!((shares[0], shares[19], shares[400]), (3.0 / 8.0, 1.0 / 8.0, 4.0 / 8.0));
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn divergence_of_equal_disjoint_and_hand_computed_histograms() {
        let histogram = |points: &[Point]| Histogram::of(points, SQUARE);
        let (a, b) = (histogram(&at(1, 2, 7)), histogram(&at(3, 3, 5)));
        assert_eq!(jensen_shannon(&a, &a), 0.0);
        assert!((jensen_shannon(&a, &b) - std::f64::consts::LN_2).abs() < 1e-12);
        // p = (1/2, 1/2, 0), q = (1/2, 0, 1/2): m = (1/2, 1/4, 1/4); each KL is ln 2 / 2.
        let p = histogram(&[at(0, 0, 2), at(1, 0, 2)].concat());
        let q = histogram(&[at(0, 0, 2), at(2, 0, 2)].concat());
        assert!((jensen_shannon(&p, &q) - 0.5 * std::f64::consts::LN_2).abs() < 1e-12);
        // p = (3/4, 1/4), q = (1/4, 3/4): m = 1/2 each; 3/4 ln 3/2 + 1/4 ln 1/2 = 0.130812.
        let p = histogram(&[at(0, 0, 3), at(1, 0, 1)].concat());
        let q = histogram(&[at(0, 0, 1), at(1, 0, 3)].concat());
        assert!((jensen_shannon(&p, &q) - 0.130_812_035_9).abs() < 1e-9);
        assert_eq!(jensen_shannon(&p, &q), jensen_shannon(&q, &p));
    }

    #[test]
    fn points_outside_diverge_from_points_inside() {
        let inside = Histogram::of(&at(4, 4, 10), SQUARE);
        let outside = Histogram::of(&[[99.0, 99.0]; 10], SQUARE);
        assert!((jensen_shannon(&inside, &outside) - std::f64::consts::LN_2).abs() < 1e-12);
    }

    fn modes() -> Modes {
        Modes { centers: (0..8).map(|i| [f64::from(i) * 10.0, 0.0]).collect(), std: 1.0 }
    }

    #[test]
    fn a_mode_is_covered_by_enough_points_near_enough() {
        // 400 points: a mode's fair share is 50, a fifth of it 10.
        let mut points = vec![[0.0, 2.99]; 200];
        points.extend(vec![[10.0, 0.5]; 10]);
        points.extend(vec![[20.0, 0.5]; 9]);
        points.extend(vec![[30.0, 3.01]; 100]);
        points.extend(vec![[f64::NAN, 0.0]; 81]);
        assert_eq!(modes().coverage(&points), (2, 219.0 / 400.0));
        let shares = modes().nearest(&points);
        assert_eq!(shares.len(), 8);
        assert!((shares[3] - 0.25).abs() < 1e-9 && (shares[0] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn three_of_eight_modes_are_a_collapse_four_are_none() {
        let real = [0.125; 8];
        let spread = |shares: &[f64]| {
            let mut all = shares.to_vec();
            all.resize(8, 0.0);
            collapsed(&all, &real)
        };
        assert!(spread(&[1.0]));
        assert!(spread(&[0.4, 0.3, 0.2, 0.02, 0.02, 0.02, 0.02, 0.02]));
        assert!(!spread(&[0.4, 0.3, 0.19, 0.03, 0.02, 0.02, 0.02, 0.02]));
        assert!(!spread(&[0.25; 4]));
        assert!(!collapsed(&real, &real));
        // Outside of everything real, or nowhere at all.
        assert!(collapsed(&[0.0, 0.0, 1.0], &[0.5, 0.5, 0.0]));
        assert!(collapsed(&[0.0; 8], &real));
    }
}
