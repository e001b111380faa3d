//! Principal components of a table: the plane in which its rows vary most, held still from one moment to the next.
//!
//! Subspace iteration on the rows' Gram matrix X Xᵀ (its leading eigenvectors, times the singular values, are the rows'
//! coordinates), warm from the last result, with a Rayleigh-Ritz step a round. The plane is then turned or mirrored to lie
//! as close as it can to the last one (orthogonal Procrustes): components have no sign of their own and change places
//! when their variances cross, and neither may make the picture jump.

/// Vectors iterated on: more than the two that are wanted, for the rate is that of the first one left out.
const BLOCK: usize = 6;
/// The residual of the two leading vectors, as a part of the largest eigenvalue.
const TOLERANCE: f64 = 1e-5;
/// Up to so many rows the Gram matrix is written out.
const GRAM_ROWS: usize = 192;
/// Multiplications spent on rounds at most: about a millisecond. What is not reached goes on at the next moment.
const OPERATIONS: usize = 4_000_000;

/// Where the rows of a table lie in the plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Coordinates of each row, from the mean.
    pub points: Vec<[f64; 2]>,
    /// The share of the whole variance along each axis.
    pub shares: [f64; 2],
    /// Orthonormal columns, for the next time.
    block: Vec<[f64; BLOCK]>,
}

/// Projects the rows of a (rows, columns) table, close to where they lay `before`. `None` if it is empty or not finite.
pub fn project(values: &[f32], columns: usize, before: Option<&Projection>) -> Option<Projection> {
    if columns == 0 || values.len() < columns || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let centred = centred(values, columns);
    let rows = centred.len() / columns;
    let total: f64 = centred.iter().map(|x| x * x).sum();
    let before = before.filter(|before| before.points.len() == rows);
    let squares: f64 = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    // Nothing but the rounding of the mean.
    if total <= 1e-24 * squares || total < 1e-300 {
        let points = vec![[0.0; 2]; rows];
        return Some(Projection { points, shares: [0.0; 2], block: noise(rows) });
    }
    let gram = Gram::new(&centred, columns);
    let mut block = before.map_or_else(|| noise(rows), |before| before.block.clone());
    orthonormalise(&mut block);
    let mut eigenvalues = [0.0; BLOCK];
    for _ in 0..(OPERATIONS / gram.operations()).clamp(2, 300) {
        let mut image = gram.times(&block);
        let ritz = jacobi(products(&block, &image));
        eigenvalues = ritz.0;
        turn(&mut block, &ritz.1);
        turn(&mut image, &ritz.1);
        let residual = residual(&block, &image, &eigenvalues);
        if residual <= TOLERANCE * eigenvalues[0] {
            break;
        }
        block = image;
        orthonormalise(&mut block);
    }
    let sizes = [eigenvalues[0], eigenvalues[1]].map(|l| l.max(0.0).sqrt());
    let mut points: Vec<_> =
        block.iter().map(|row| [row[0] * sizes[0], row[1] * sizes[1]]).collect();
    match before {
        Some(before) => align(&mut points, &before.points),
        None => give_signs(&mut points),
    }
    let share = |axis: usize| points.iter().map(|p| p[axis] * p[axis]).sum::<f64>() / total;
    Some(Projection { shares: [share(0), share(1)], points, block })
}

/// The table without its mean row.
fn centred(values: &[f32], columns: usize) -> Vec<f64> {
    let rows = values.len() / columns;
    let mut mean = vec![0.0; columns];
    for row in values.chunks_exact(columns) {
        for (mean, &x) in mean.iter_mut().zip(row) {
            *mean += f64::from(x) / rows as f64;
        }
    }
    let rows = values.chunks_exact(columns);
    rows.flat_map(|row| row.iter().zip(&mean).map(|(&x, mean)| f64::from(x) - mean)).collect()
}

/// X Xᵀ, written out or not.
enum Gram<'a> {
    Dense { values: Vec<f64>, rows: usize },
    Factor { x: &'a [f64], columns: usize },
}

impl<'a> Gram<'a> {
    fn new(x: &'a [f64], columns: usize) -> Self {
        let rows = x.len() / columns;
        if rows > GRAM_ROWS {
            return Self::Factor { x, columns };
        }
        let mut values = vec![0.0; rows * rows];
        for i in 0..rows {
            for j in 0..=i {
                let [a, b] = [i, j].map(|row| &x[row * columns..(row + 1) * columns]);
                let product = dot(a, b);
                values[i * rows + j] = product;
                values[j * rows + i] = product;
            }
        }
        Self::Dense { values, rows }
    }

    /// Of one product with a block.
    fn operations(&self) -> usize {
        BLOCK
            * match self {
                Self::Dense { rows, .. } => rows * rows,
                Self::Factor { x, .. } => 2 * x.len(),
            }
    }

    fn times(&self, block: &[[f64; BLOCK]]) -> Vec<[f64; BLOCK]> {
        match self {
            Self::Dense { values, rows } => {
                values.chunks_exact(*rows).map(|row| combine(row, block)).collect()
            }
            Self::Factor { x, columns } => {
                let mut inner = vec![[0.0; BLOCK]; *columns];
                for (row, y) in x.chunks_exact(*columns).zip(block) {
                    for (inner, &x) in inner.iter_mut().zip(row) {
                        add(inner, x, y);
                    }
                }
                x.chunks_exact(*columns).map(|row| combine(row, &inner)).collect()
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

fn add(to: &mut [f64; BLOCK], factor: f64, row: &[f64; BLOCK]) {
    for (to, x) in to.iter_mut().zip(row) {
        *to += factor * x;
    }
}

fn combine(weights: &[f64], block: &[[f64; BLOCK]]) -> [f64; BLOCK] {
    let mut sum = [0.0; BLOCK];
    for (&weight, row) in weights.iter().zip(block) {
        add(&mut sum, weight, row);
    }
    sum
}

/// A start that depends on nothing but the size.
fn noise(rows: usize) -> Vec<[f64; BLOCK]> {
    let one = |i: usize, j: usize| ((i * BLOCK + j + 1) as f64 * 12.9898).sin() * 43_758.545_3;
    (0..rows).map(|i| std::array::from_fn(|j| one(i, j).fract())).collect()
}

/// Modified Gram-Schmidt, twice for accuracy; a column that depends on those before it becomes 0.
fn orthonormalise(block: &mut [[f64; BLOCK]]) {
    for column in 0..BLOCK {
        let length = |block: &[[f64; BLOCK]]| {
            block.iter().map(|row| row[column] * row[column]).sum::<f64>().sqrt()
        };
        let first = length(block);
        for _ in 0..2 {
            for earlier in 0..column {
                let along: f64 = block.iter().map(|row| row[earlier] * row[column]).sum();
                for row in block.iter_mut() {
                    row[column] -= along * row[earlier];
                }
            }
        }
        let last = length(block);
        let scale = if last > 1e-12 * first { 1.0 / last } else { 0.0 };
        for row in block.iter_mut() {
            row[column] *= scale;
        }
    }
}

type Square = [[f64; BLOCK]; BLOCK];

/// Aᵀ B
fn products(a: &[[f64; BLOCK]], b: &[[f64; BLOCK]]) -> Square {
    let mut out = [[0.0; BLOCK]; BLOCK];
    for (a, b) in a.iter().zip(b) {
        for (out, &a) in out.iter_mut().zip(a) {
            add(out, a, b);
        }
    }
    out
}

/// Replaces every row by its product with the matrix.
fn turn(block: &mut [[f64; BLOCK]], matrix: &Square) {
    for row in block {
        *row = combine(row, matrix);
    }
}

/// How far the two leading vectors are from being eigenvectors.
fn residual(block: &[[f64; BLOCK]], image: &[[f64; BLOCK]], eigenvalues: &[f64; BLOCK]) -> f64 {
    let squares = (0..2).map(|column| {
        let difference =
            |(y, z): (&[f64; BLOCK], &[f64; BLOCK])| z[column] - eigenvalues[column] * y[column];
        block.iter().zip(image).map(difference).map(|d| d * d).sum::<f64>()
    });
    squares.fold(0.0, f64::max).sqrt()
}

/// Eigenvalues, the largest first, and eigenvectors (columns) of a symmetric matrix, by Jacobi rotations.
fn jacobi(mut a: Square) -> ([f64; BLOCK], Square) {
    let mut v: Square = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(i == j)));
    for _sweep in 0..12 {
        for p in 0..BLOCK {
            for q in p + 1..BLOCK {
                if a[p][q].abs() <= 1e-18 * (a[p][p].abs() + a[q][q].abs()) {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (before_p, before_q) = (a[p], a[q]);
                a[p] = std::array::from_fn(|k| c * before_p[k] - s * before_q[k]);
                a[q] = std::array::from_fn(|k| s * before_p[k] + c * before_q[k]);
                for row in &mut v {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
            }
        }
    }
    let mut order: [usize; BLOCK] = std::array::from_fn(|i| i);
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (order.map(|i| a[i][i]), v.map(|row| order.map(|i| row[i])))
}

/// Turns or mirrors the points to lie as close as they can to where they lay: orthogonal Procrustes in the plane.
fn align(points: &mut [[f64; 2]], before: &[[f64; 2]]) {
    let mut m = [[0.0; 2]; 2];
    for (p, b) in points.iter().zip(before) {
        for i in 0..2 {
            for j in 0..2 {
                m[i][j] += p[i] * b[j];
            }
        }
    }
    let turned = (m[0][0] + m[1][1], m[1][0] - m[0][1]);
    let mirrored = (m[0][0] - m[1][1], m[0][1] + m[1][0]);
    let (turn_size, mirror_size) = (turned.0.hypot(turned.1), mirrored.0.hypot(mirrored.1));
    if turn_size.max(mirror_size) < 1e-30 {
        return;
    }
    let by = if turn_size >= mirror_size {
        let (c, s) = (turned.0 / turn_size, turned.1 / turn_size);
        [[c, -s], [s, c]]
    } else {
        let (c, s) = (mirrored.0 / mirror_size, mirrored.1 / mirror_size);
        [[c, s], [s, -c]]
    };
    for p in points {
        *p = [p[0] * by[0][0] + p[1] * by[1][0], p[0] * by[0][1] + p[1] * by[1][1]];
    }
}

/// Without a picture before it: on each axis the point farthest out lies on the positive side.
fn give_signs(points: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let farthest = points
            .iter()
            .map(|p| p[axis])
            .fold(0.0, |far: f64, x| if x.abs() > far.abs() { x } else { far });
        if farthest < 0.0 {
            for p in points.iter_mut() {
                p[axis] = -p[axis];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(i: usize) -> f64 {
        ((i as f64 * 12.9898).sin() * 43_758.545_3).fract()
    }

    /// rows x columns: spread 5 along one direction, 2 along another, 0.1 along all.
    fn table(rows: usize, columns: usize, seed: usize) -> (Vec<f32>, Vec<[f64; 2]>) {
        let direction = |which: usize| -> Vec<f64> {
            (0..columns)
                .map(|c| f64::from(u8::from(c % 2 == which)) / (columns as f64 / 2.0).sqrt())
                .collect()
        };
        let (a, b) = (direction(0), direction(1));
        let mut truth: Vec<[f64; 2]> =
            (0..rows).map(|i| [5.0 * random(i + seed), 2.0 * random(i + seed + 991)]).collect();
        for axis in 0..2 {
            let mean = truth.iter().map(|p| p[axis]).sum::<f64>() / rows as f64;
            for p in &mut truth {
                p[axis] -= mean;
            }
        }
        let values = (0..rows * columns)
            .map(|n| {
                let (i, c) = (n / columns, n % columns);
                (truth[i][0] * a[c] + truth[i][1] * b[c] + 7.0 + 0.001 * random(n + seed)) as f32
            })
            .collect();
        (values, truth)
    }

    /// The largest distance between two pictures, up to nothing at all.
    fn distance(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).fold(0.0, f64::max)
    }

    #[test]
    fn known_axes_are_found() {
        // Both ways of multiplying by the Gram matrix.
        for (rows, columns) in [(65, 32), (65, 384), (12, 300), (400, 10)] {
            let (values, truth) = table(rows, columns, 1);
            let found = project(&values, columns, None).unwrap();
            let mut points = found.points.clone();
            align(&mut points, &truth);
            // The two true directions are not quite uncorrelated in a sample: the plane is what counts.
            assert!(
                distance(&points, &truth) < 0.02,
                "{rows} {columns} {}",
                distance(&points, &truth)
            );
            assert!((found.shares[0] + found.shares[1] - 1.0).abs() < 1e-3, "{:?}", found.shares);
            assert!(found.shares[0] > found.shares[1]);
        }
    }

    /// The components are those of the covariance matrix: uncorrelated, with its eigenvalues as variances.
    #[test]
    fn a_small_table_by_hand() {
        // Covariance (times 4) [[4, 0], [0, 16]] with means 3 and 1.
        let values = [4.0, 3.0, 2.0, 3.0, 4.0, -1.0, 2.0, -1.0];
        let found = project(&values, 2, None).unwrap();
        assert!((found.shares[0] - 0.8).abs() < 1e-9);
        assert!((found.shares[1] - 0.2).abs() < 1e-9);
        for point in &found.points {
            assert!((point[0].abs() - 2.0).abs() < 1e-6 && (point[1].abs() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn small_changes_move_the_picture_a_little() {
        let columns = 32;
        let mut values: Vec<f32> = (0..65 * columns).map(|i| random(i) as f32).collect();
        let mut last = project(&values, columns, None).unwrap();
        for step in 0..200 {
            for (i, value) in values.iter_mut().enumerate() {
                *value += 0.004 * random(i + 31 * step) as f32;
            }
            let next = project(&values, columns, Some(&last)).unwrap();
            let size = last.points.iter().map(|p| p[0].hypot(p[1])).fold(0.0, f64::max);
            assert!(distance(&next.points, &last.points) < 0.35 * size, "step {step}");
            last = next;
        }
    }

    /// The leading component becomes the second and the other way round; what was across stays across.
    #[test]
    fn components_that_change_places_do_not_turn_the_picture() {
        let columns = 16;
        let at = |wide: f64| -> Vec<f32> {
            (0..40 * columns)
                .map(|n| {
                    let (i, c) = (n / columns, n % columns);
                    let along = match c {
                        0 => wide * random(i),
                        1 => 2.0 * random(i + 500),
                        _ => 0.0,
                    };
                    along as f32
                })
                .collect()
        };
        let mut last = project(&at(2.5), columns, None).unwrap();
        let first = last.clone();
        for step in 1..=50 {
            let next = project(&at(2.5 - 0.02 * f64::from(step)), columns, Some(&last)).unwrap();
            assert!(distance(&next.points, &last.points) < 0.1, "step {step}");
            last = next;
        }
        assert!(first.shares[0] > first.shares[1] && last.shares[0] < last.shares[1]);
    }

    #[test]
    fn a_flip_of_every_sign_is_undone() {
        let (values, _) = table(30, 8, 3);
        let first = project(&values, 8, None).unwrap();
        let mut flipped = first.clone();
        for point in &mut flipped.points {
            *point = [-point[1], -point[0]];
        }
        let second = project(&values, 8, Some(&flipped)).unwrap();
        assert!(distance(&second.points, &flipped.points) < 1e-3);
        assert!((second.shares[0] - first.shares[1]).abs() < 1e-6);
    }

    #[test]
    fn tables_without_a_spread_are_a_point() {
        let constant = project(&[3.0; 20], 4, None).unwrap();
        assert_eq!(constant.points, vec![[0.0; 2]; 5]);
        assert_eq!(constant.shares, [0.0; 2]);
        assert_eq!(project(&[0.3; 65 * 32], 32, None).unwrap().shares, [0.0; 2]);
        assert_eq!(project(&[0.0; 20], 4, None).unwrap().shares, [0.0; 2]);
        let next = project(&[3.0; 20], 4, Some(&constant)).unwrap();
        assert_eq!(next.points, constant.points);
        // From a point to a cloud and to a line.
        let (values, _) = table(5, 4, 2);
        let cloud = project(&values, 4, Some(&constant)).unwrap();
        assert!(cloud.points.iter().flatten().all(|x| x.is_finite()));
        let line = project(&[0.0, 1.0, 2.0, 3.0], 1, None).unwrap();
        assert!((line.shares[0] - 1.0).abs() < 1e-9 && line.shares[1].abs() < 1e-9);
        let single = project(&[1.0, 2.0], 2, None).unwrap();
        assert_eq!(single.points, vec![[0.0; 2]]);
    }

    #[test]
    fn what_cannot_be_projected_is_not() {
        assert_eq!(project(&[], 4, None), None);
        assert_eq!(project(&[1.0], 0, None), None);
        assert_eq!(project(&[1.0, f32::NAN], 1, None), None);
        assert_eq!(project(&[1.0, f32::INFINITY], 1, None), None);
    }
}
