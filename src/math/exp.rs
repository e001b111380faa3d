//! exp and tanh that the compiler can vectorise.
//!
//! The standard library's `f32::exp` is a call for every number. This one is a branch-free polynomial:
//! exp(x) = 2^n exp(r) with n = round(x / ln 2), so |r| <= ln 2 / 2, where a polynomial of degree 6 is exact to 1 ulp.

use super::Real;

/// exp(x), within 2 ulp; 0 below -87.33, infinity above 88.37, NaN for NaN.
#[cfg(not(feature = "f64"))]
#[inline(always)]
#[allow(clippy::excessive_precision)]
pub fn exp(x: Real) -> Real {
    /// Below it the result is not a normal number.
    const LOWEST: f32 = -87.33;
    /// Above it n would be 128, which an exponent does not hold.
    const HIGHEST: f32 = 88.37;
    /// Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two pieces; the product of the first with n is exact.
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x > HIGHEST { HIGHEST } else { x };
    let clamped = if clamped < LOWEST { LOWEST } else { clamped };
    let rounded = clamped * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    p = p * r * r + r + 1.0;
    let scaled = f32::from_bits(p.to_bits().wrapping_add(rounded.to_bits() << 23));
    let result = if x < LOWEST { 0.0 } else { scaled };
    let result = if x > HIGHEST { f32::INFINITY } else { result };
    if x.is_nan() { x } else { result }
}

/// exp(x) of the standard library.
#[cfg(feature = "f64")]
#[inline(always)]
pub fn exp(x: Real) -> Real {
    x.exp()
}

/// exp(x) for x between -87 and 87, and the nearer of the two for others: half the instructions, for what is near 0 or 1 beyond
/// them anyway. NaN for NaN. With `FUSED` for processors that multiply and add in one instruction.
#[cfg(not(feature = "f64"))]
#[inline(always)]
#[allow(clippy::excessive_precision)]
pub fn exp_within<const FUSED: bool>(x: Real) -> Real {
    const BOUND: f32 = 87.0;
    /// As in [`exp`], with the exponent's bias: the low bits are an exponent then.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    let add = |a: f32, b: f32, c: f32| if FUSED { a.mul_add(b, c) } else { a * b + c };
    let x = if x > BOUND { BOUND } else { x };
    let x = if x < -BOUND { -BOUND } else { x };
    let rounded = add(x, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = add(n, 2.121_944_4e-4, add(n, -0.693_359_375, x));
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5, 1.0, 1.0] {
        p = add(p, r, coefficient);
    }
    p * f32::from_bits(rounded.to_bits() << 23)
}

/// exp(x) of the standard library.
#[cfg(feature = "f64")]
#[inline(always)]
pub fn exp_within<const FUSED: bool>(x: Real) -> Real {
    x.exp()
}

/// exp(x) for x of at most 0, within 2 ulp down to -87, and 0 below -87.7: what a softmax needs, half the instructions of [`exp`]
/// and no long chain of them. NaN for NaN. With `FUSED` for processors that multiply and add in one instruction.
#[cfg(not(feature = "f64"))]
#[inline(always)]
#[allow(clippy::excessive_precision)]
pub fn exp_down<const FUSED: bool>(x: Real) -> Real {
    /// Here the exponent of 2^n is all zeros, and so is 2^n.
    const LOWEST: f32 = -88.0;
    /// As in [`exp_within`].
    const ROUND: f32 = 12_582_912.0 + 127.0;
    let add = |a: f32, b: f32, c: f32| if FUSED { a.mul_add(b, c) } else { a * b + c };
    let x = if x < LOWEST { LOWEST } else { x };
    let rounded = add(x, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = add(n, 2.121_944_4e-4, add(n, -0.693_359_375, x));
    // 1 + r + r² (...), fitted so that the largest relative error is the least: 3e-9.
    let square = r * r;
    let low = add(r, 0.166_665_2, 0.499_999_93);
    let high = add(square, 1.381_453_8e-3, add(r, 8.368_745e-3, 4.166_839e-2));
    let p = add(square, add(square, high, low), 1.0 + r);
    p * f32::from_bits(rounded.to_bits() << 23)
}

/// exp(x) of the standard library.
#[cfg(feature = "f64")]
#[inline(always)]
pub fn exp_down<const FUSED: bool>(x: Real) -> Real {
    x.exp()
}

/// [`tanh`] with the shorter exp.
#[inline(always)]
pub fn tanh_within<const FUSED: bool>(x: Real) -> Real {
    1.0 - 2.0 / (exp_within::<FUSED>(2.0 * x) + 1.0)
}

/// tanh(x) = 1 - 2 / (exp(2x) + 1), absolute error under 2e-7.
#[inline(always)]
pub fn tanh(x: Real) -> Real {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "f64"))]
    fn exp_is_within_two_ulp_of_the_exact_value_everywhere() {
        let mut x = -87.329_f32;
        while x < 88.37 {
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "exp({x}) = {} not {exact}", exp(x));
            x += 0.001_37;
        }
    }

    #[test]
    #[cfg(not(feature = "f64"))]
    fn exp_of_what_is_below_zero_is_within_two_ulp_too() {
        let mut x = -87.0_f32;
        while x <= 0.0 {
            let exact = f64::from(x).exp();
            for exp in [exp_down::<false>, exp_down::<true>] {
                let error = (f64::from(exp(x)) - exact).abs() / exact;
                assert!(error < 2.0 * f64::from(f32::EPSILON), "exp({x}) = {} not {exact}", exp(x));
            }
            x += 0.001_37;
        }
    }

    #[test]
    fn exp_keeps_the_edges() {
        for exp in [exp_down::<false>, exp_down::<true>] {
            assert_eq!((exp(0.0), exp(-1000.0), exp(Real::NEG_INFINITY)), (1.0, 0.0, 0.0));
            assert!(exp(Real::NAN).is_nan());
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(Real::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1000.0), 0.0);
        assert_eq!(exp(1000.0), Real::INFINITY);
        assert!(exp(Real::NAN).is_nan());
    }

    #[test]
    fn tanh_is_close_and_saturates() {
        for i in -2000..=2000 {
            let x = i as Real * 0.01;
            for tanh in [tanh, tanh_within::<false>, tanh_within::<true>] {
                assert!((tanh(x) as f64 - (x as f64).tanh()).abs() < 2e-7, "tanh({x})");
            }
        }
        for tanh in [tanh_within::<false>, tanh_within::<true>] {
            assert_eq!((tanh(100.0), tanh(-100.0), tanh(Real::NEG_INFINITY)), (1.0, -1.0, -1.0));
            assert!(tanh(Real::NAN).is_nan());
        }
        assert_eq!(tanh(100.0), 1.0);
        assert_eq!(tanh(-100.0), -1.0);
    }
}
