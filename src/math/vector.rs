//! Sums and scaled additions over contiguous numbers.

use super::vectorised::{apply, vectorised};
use super::{LANES, Real};

/// All lanes joined by `join`, half with half: a chain of 16 additions would wait for each of them.
#[inline(always)]
pub fn fold<const N: usize>(mut lanes: [Real; N], join: impl Fn(Real, Real) -> Real) -> Real {
    const { assert!(N.is_power_of_two()) };
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of all lanes.
#[inline(always)]
pub fn sum<const N: usize>(lanes: [Real; N]) -> Real {
    fold(lanes, |a, b| a + b)
}

/// The larger of two numbers, one instruction; the second if one is not a number.
#[inline(always)]
pub fn larger(a: Real, b: Real) -> Real {
    if a > b { a } else { b }
}

/// f, from each running result and the number that meets it to the next, for a row in [`LANES`] of them. What is left at the end
/// comes in parts of a known size: an index that is not known would keep all of the results in memory.
#[inline(always)]
pub fn in_lanes(
    row: &[Real],
    lanes: [Real; LANES],
    f: impl Fn(Real, Real) -> Real,
) -> [Real; LANES] {
    #[inline(always)]
    fn parts<const N: usize>(
        parts: &[[Real; N]],
        mut lanes: [Real; LANES],
        f: &impl Fn(Real, Real) -> Real,
    ) -> [Real; LANES] {
        for part in parts {
            for lane in 0..N {
                lanes[lane] = f(lanes[lane], part[lane]);
            }
        }
        lanes
    }
    let (chunks, rest) = row.as_chunks::<LANES>();
    let (eight, rest) = rest.as_chunks::<8>();
    let (four, rest) = rest.as_chunks::<4>();
    let (two, rest) = rest.as_chunks::<2>();
    let lanes = parts(two, parts(four, parts(eight, parts(chunks, lanes, &f), &f), &f), &f);
    parts(rest.as_chunks::<1>().0, lanes, &f)
}

/// [`in_lanes`] of numbers that f may change.
#[inline(always)]
pub fn in_lanes_mut(
    row: &mut [Real],
    lanes: [Real; LANES],
    f: impl Fn(Real, &mut Real) -> Real,
) -> [Real; LANES] {
    #[inline(always)]
    fn parts<const N: usize>(
        parts: &mut [[Real; N]],
        mut lanes: [Real; LANES],
        f: &impl Fn(Real, &mut Real) -> Real,
    ) -> [Real; LANES] {
        for part in parts {
            for lane in 0..N {
                lanes[lane] = f(lanes[lane], &mut part[lane]);
            }
        }
        lanes
    }
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    let (eight, rest) = rest.as_chunks_mut::<8>();
    let (four, rest) = rest.as_chunks_mut::<4>();
    let (two, rest) = rest.as_chunks_mut::<2>();
    let lanes = parts(two, parts(four, parts(eight, parts(chunks, lanes, &f), &f), &f), &f);
    parts(rest.as_chunks_mut::<1>().0, lanes, &f)
}

/// x = f(x)
#[inline(always)]
pub fn change(row: &mut [Real], f: impl Fn(Real) -> Real) {
    in_lanes_mut(row, [0.0; LANES], |lane, x| {
        *x = f(*x);
        lane
    });
}

/// Sum of x[i] * y[i] in [`LANES`] running sums.
#[inline(always)]
pub fn dot(x: &[Real], y: &[Real]) -> Real {
    let mut sums = [0.0; LANES];
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let (y_chunks, y_rest) = y.as_chunks::<LANES>();
    for (a, b) in x_chunks.iter().zip(y_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sum(sums) + x_rest.iter().zip(y_rest).map(|(a, b)| a * b).sum::<Real>()
}

/// y = x, of one length; eight by eight, because for a few numbers a call to copy them costs more than the copy.
#[inline(always)]
pub fn copy_short(y: &mut [Real], x: &[Real]) {
    debug_assert_eq!(y.len(), x.len());
    let (y_chunks, y_rest) = y.as_chunks_mut::<8>();
    let (x_chunks, x_rest) = x.as_chunks::<8>();
    for (y, x) in y_chunks.iter_mut().zip(x_chunks) {
        *y = *x;
    }
    for (y, x) in y_rest.iter_mut().zip(x_rest) {
        *y = *x;
    }
}

/// y += a x
#[inline(always)]
pub fn axpy(y: &mut [Real], a: Real, x: &[Real]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// y = a + b, both read once
#[apply(vectorised)]
pub fn added(y: &mut [Real], a: &[Real], b: &[Real]) {
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        *y = a + b;
    }
}

/// y += x
#[apply(vectorised)]
pub fn add(y: &mut [Real], x: &[Real]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}

/// sums[j] += x[i, j] over all rows i of x (n, columns): the gradient of a bias. Four rows go together, in their order, so
/// that a sum is read and written once for four.
#[apply(vectorised)]
pub fn add_rows(sums: &mut [Real], x: &[Real]) {
    let n = sums.len();
    let mut fours = x.chunks_exact(4 * n);
    for rows in &mut fours {
        let (first, rows) = rows.split_at(n);
        let (second, rows) = rows.split_at(n);
        let (third, fourth) = rows.split_at(n);
        let rows = first.iter().zip(second).zip(third).zip(fourth);
        for (sum, (((a, b), c), d)) in sums.iter_mut().zip(rows) {
            *sum = *sum + a + b + c + d;
        }
    }
    for row in fours.remainder().chunks_exact(n) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
}

/// Adds `row` to every row of y (n, columns).
#[apply(vectorised)]
pub fn add_to_rows(y: &mut [Real], row: &[Real]) {
    for y in y.chunks_exact_mut(row.len()) {
        for (y, x) in y.iter_mut().zip(row) {
            *y += x;
        }
    }
}

/// y (n) += x (m) W (m, n), of [`plain::linear`](super::plain::linear) one row: generation's matrix product. It reads every weight once, so four rows go together and y
/// stays in the first cache.
#[apply(vectorised)]
pub fn add_row_times_matrix(y: &mut [Real], x: &[Real], w: &[Real]) {
    let n = y.len();
    let (fours, rest) = x.as_chunks::<4>();
    for (x, rows) in fours.iter().zip(w.chunks_exact(4 * n)) {
        let (first, rows) = rows.split_at(n);
        let (second, rows) = rows.split_at(n);
        let (third, fourth) = rows.split_at(n);
        let rows = first.iter().zip(second).zip(third).zip(fourth);
        for (y, (((a, b), c), d)) in y.iter_mut().zip(rows) {
            *y += (x[0] * a + x[1] * b) + (x[2] * c + x[3] * d);
        }
    }
    for (x, row) in rest.iter().zip(w[fours.len() * 4 * n..].chunks_exact(n)) {
        axpy(y, *x, row);
    }
}

/// Sum of squares in [`LANES`] running sums, which are then added in f64: a part of the square of a gradient's norm.
#[apply(vectorised)]
pub fn sum_of_squares(x: &[Real]) -> f64 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane] * chunk[lane];
        }
    }
    sums[0] += rest.iter().map(|x| x * x).sum::<Real>();
    sums.iter().map(|sum: &Real| *sum as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::agreement::{assert_near, real};

    #[test]
    fn reductions_count_every_element_once() {
        for n in [0, 1, 15, 16, 17, 40] {
            let x: Vec<Real> = (0..n).map(|i| i as Real).collect();
            let expected: usize = (0..n).map(|i| i * i).sum();
            assert_eq!(dot(&x, &x), expected as Real);
            assert_eq!(sum(in_lanes(&x, [0.0; LANES], |sum, x| sum + x * x)), expected as Real);
            assert_eq!(sum_of_squares(&x), expected as f64);
        }
        for rows in [0, 1, 3, 4, 9] {
            let mut sums = vec![1.0; 3];
            let x: Vec<Real> = (0..rows * 3).map(|i| i as Real).collect();
            add_rows(&mut sums, &x);
            let expected = [0, 1, 2].map(|j| (0..rows).map(|i| (3 * i + j) as Real).sum::<Real>());
            assert_eq!(sums, expected.map(|sum| sum + 1.0));
        }
        let mut rows = vec![1.0, 2.0, 3.0, 4.0];
        add_to_rows(&mut rows, &[10.0, 20.0]);
        assert_eq!(rows, [11.0, 22.0, 13.0, 24.0]);
    }

    #[test]
    fn a_row_times_a_matrix_is_the_plain_linear_layer() {
        for (m, n) in [(1, 1), (3, 16), (4, 5), (7, 5), (33, 17)] {
            let (x, w, b) = (values(m, 1), values(m * n, 2), values(n, 3));
            let mut y = real(&b);
            add_row_times_matrix(&mut y, &real(&x), &real(&w));
            assert_near("y", &y, &plain::linear::forward(&x, &w, &b), 32.0);
        }
    }
}
