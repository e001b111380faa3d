//! The one gradient check: every derivative that a backward computes, against central differences in f64.

/// The step: the error of a central difference falls with its square, rounding grows with its inverse.
const STEP: f64 = 1e-5;

/// Numbers that a test can use as inputs and weights: irregular, of order 1, never near 0 where ReLU bends.
pub fn values(n: usize, seed: usize) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let x = ((i * 37 + seed * 101) as f64 * 0.618_033_988_75).fract() * 2.0 - 1.0;
            x + 0.05 * x.signum()
        })
        .collect()
}

/// Compares `analytic` with the central differences of `f` at every element of `x`.
///
/// # Panics
/// If ‖analytic - numeric‖ / ‖numeric‖ is `tolerance` or more, or one element alone is far off.
pub fn check(
    name: &str,
    x: &[f64],
    analytic: &[f64],
    tolerance: f64,
    mut f: impl FnMut(&[f64]) -> f64,
) {
    assert_eq!(x.len(), analytic.len(), "{name}: one derivative for every number");
    let mut at = x.to_vec();
    let mut numeric = Vec::with_capacity(x.len());
    for i in 0..x.len() {
        at[i] = x[i] + STEP;
        let above = f(&at);
        at[i] = x[i] - STEP;
        let below = f(&at);
        at[i] = x[i];
        numeric.push((above - below) / (2.0 * STEP));
    }
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let size = norm(&mut numeric.iter().copied()).max(1e-3);
    let error = norm(&mut numeric.iter().zip(analytic).map(|(a, b)| a - b)) / size;
    assert!(
        error < tolerance,
        "{name}: relative error {error:.2e}\nnumeric  {numeric:?}\nanalytic {analytic:?}"
    );
}

/// The loss of a layer under test: its output weighted by fixed numbers.
pub fn weighted_sum(y: &[f64], dy: &[f64]) -> f64 {
    y.iter().zip(dy).map(|(y, dy)| y * dy).sum()
}
