//! The standard normal distribution.

/// Phi(x): the probability of a number below x.
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The x with Phi(x) = p for 0 < p < 1, by bisection; to the last few bits.
pub fn quantile(p: f64) -> f64 {
    debug_assert!(p > 0.0 && p < 1.0);
    let (mut low, mut high) = (-39.0, 39.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if cdf(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables_and_turn_the_cdf_around() {
        for (p, x) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.05, -1.644_853_627)] {
            assert!((quantile(p) - x).abs() < 1e-8, "{p}");
        }
        for i in 1..100 {
            assert!((cdf(quantile(f64::from(i) / 100.0)) - f64::from(i) / 100.0).abs() < 1e-12);
        }
    }
}
