//! Numbers as the screen prints them.

use unicode_width::UnicodeWidthStr;

use crate::model::card::Unit;

/// With separators: `1,240`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 step`, `1,240 steps`.
pub fn steps(n: u64) -> String {
    format!("{} step{}", count(n), if n == 1 { "" } else { "s" })
}

/// Large figures in little room: `476k`, `10.8M`.
pub fn short(x: f64) -> String {
    match x.abs() {
        a if !a.is_finite() => "–".to_owned(),
        a if a >= 1e9 => format!("{:.1}G", x / 1e9),
        a if a >= 1e7 => format!("{:.0}M", x / 1e6),
        a if a >= 1e6 => format!("{:.1}M", x / 1e6),
        a if a >= 1e4 => format!("{:.0}k", x / 1e3),
        a if a >= 1e3 => count(x.round() as u64),
        a if a >= 10.0 => format!("{x:.0}"),
        _ => format!("{x:.1}"),
    }
}

/// A hyperparameter's value: `3e-4`, `0.99`, `1e-2`, `0`.
pub fn setting(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    if !x.is_finite() {
        return x.to_string();
    }
    if x.abs() < 0.05 || x.abs() >= 1e5 {
        let text = format!("{x:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trim(mantissa));
    }
    trim(&format!("{x:.4}")).to_owned()
}

fn trim(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A loss in nats: `2.312`; `not finite` where it is none.
pub fn loss(x: f64) -> String {
    if x.is_finite() { format!("{x:.3}") } else { "not finite".to_owned() }
}

/// A probability as what it is: `0.412`, `3.1e-7`, `0`.
pub fn probability(p: f64) -> String {
    match p {
        p if p.is_nan() => "?".to_owned(),
        0.0 => "0".to_owned(),
        p if p.abs() < 5e-4 => format!("{p:.1e}"),
        p => format!("{p:.3}"),
    }
}

/// A number that may be of any size: a weight, a score, a logit: `1.83`, `-4.1e-3`, `-∞`, `?` where it is none.
pub fn value(x: f64) -> String {
    match x {
        x if x.is_nan() => "?".to_owned(),
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        0.0 => "0.00".to_owned(),
        x if x.abs() < 5e-3 || x.abs() >= 1e4 => format!("{x:.1e}"),
        x if x.abs() >= 100.0 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    }
}

/// A number in at most `width` columns: as `full` writes it, else with fewer digits, but never as 0 if it is none; empty
/// where there is not room even for one digit.
pub fn within(x: f64, width: usize, full: impl Fn(f64) -> String) -> String {
    let decimals = [2, 1, 0].into_iter().filter(|&digits| {
        let least = 10_f64.powi(-(digits as i32));
        x == 0.0 || x.abs() >= least
    });
    let shorter = decimals.map(|digits| format!("{x:.digits$}"));
    std::iter::once(full(x))
        .chain(shorter)
        .chain([format!("{x:.0e}")])
        .find(|text| text.width() <= width)
        .unwrap_or_default()
}

/// A number that was typed, as `within` and `value` would write it: `4.17`, `4,225`, `1e-3`, `25 %`.
pub fn read(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', "");
    let (digits, over) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 100.0),
        None => (text.as_str(), 1.0),
    };
    let value = digits.parse::<f64>().ok()?;
    value.is_finite().then_some(value / over)
}

/// A number as it can be typed again.
pub fn plain(x: f64) -> String {
    x.to_string()
}

/// A number of any kind in an answer: whole ones with separators, others with the digits that matter.
pub fn answer(x: f64) -> String {
    match x {
        x if x.fract() == 0.0 && x.abs() < 1e15 => {
            let sign = if x < 0.0 { "-" } else { "" };
            format!("{sign}{}", count(x.abs() as u64))
        }
        x if x.abs() >= 0.1 && x.abs() < 100.0 => format!("{x:.3}"),
        // Three digits, however small: 0.0750.
        x if x.abs() >= 1e-4 && x.abs() < 0.1 => {
            let places = (2.0 - x.abs().log10().floor()) as usize;
            format!("{x:.places$}")
        }
        x => value(x),
    }
}

pub const ALMOST_0: &str = "almost 0";

/// An answer in its unit: `35.2 %`, `yes`, `4,225`, `2.412`; `almost 0` where it is a hundredth or less of what counts
/// there, and would be a power of ten.
pub fn measured(unit: Unit, x: f64, scale: f64) -> String {
    // Without a scale, beside a thousandth.
    let scale = if scale > 0.0 { scale } else { 1e-3 };
    match unit {
        Unit::Share | Unit::Verdict => unit.write(x).replace(".0 %", " %"),
        _ if x != 0.0 && x.abs() < 1e-4 && x.abs() <= 0.01 * scale => ALMOST_0.to_owned(),
        _ => answer(x),
    }
}

/// A duration in seconds as people say it: `42 s`, `3 min`, `2 h 10 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..90 => format!("{whole} s"),
        90..5400 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1240), "1,240");
        assert_eq!(count(10_788_929), "10,788,929");
        assert_eq!([steps(0), steps(1), steps(1240)], ["0 steps", "1 step", "1,240 steps"]);
    }

    #[test]
    fn settings_are_written_as_in_the_field() {
        assert_eq!(setting(3e-4), "3e-4");
        assert_eq!(setting(1e-3), "1e-3");
        assert_eq!(setting(1.25e-3), "1.25e-3");
        assert_eq!(setting(0.99), "0.99");
        assert_eq!(setting(0.1), "0.1");
        assert_eq!(setting(1.0), "1");
        assert_eq!(setting(0.0), "0");
    }

    #[test]
    fn probabilities_and_values_are_printed_as_what_they_are() {
        assert_eq!(probability(0.4117), "0.412");
        assert_eq!(probability(3.14e-7), "3.1e-7");
        assert_eq!(probability(0.0), "0");
        assert_eq!(probability(f64::NAN), "?");
        assert_eq!(value(-1.834), "-1.83");
        assert_eq!(value(-0.0041), "-4.1e-3");
        assert_eq!(value(1234.5), "1234.5");
        assert_eq!(value(f64::NEG_INFINITY), "-∞");
    }

    #[test]
    fn no_number_is_cut_inside_or_becomes_0() {
        let shown = |x| (0..8).rev().map(|width| within(x, width, value)).collect::<Vec<_>>();
        assert_eq!(shown(5.84e-6), ["5.8e-6", "5.8e-6", "6e-6", "6e-6", "", "", "", ""]);
        assert_eq!(shown(0.0), ["0.00", "0.00", "0.00", "0.00", "0.0", "0", "0", ""]);
        assert_eq!(shown(-1.834), ["-1.83", "-1.83", "-1.83", "-1.8", "-2", "-2", "", ""]);
        assert_eq!(within(3.14e-10, 6, probability), "3e-10");
        assert_eq!(within(0.0412, 4, probability), "0.04");
        assert_eq!(within(f64::NEG_INFINITY, 1, value), "");
        for x in [1e-300, 5e-324, 3e-7, 0.004, 0.06, 0.94, 0.996, 7.5, 99.97, 12345.6, 1e12] {
            for (x, width) in [x, -x].into_iter().flat_map(|x| (0..12).map(move |w| (x, w))) {
                for text in [within(x, width, value), within(x, width, probability)] {
                    assert!(text.len() <= width);
                    let read: Option<f64> = text.parse().ok();
                    assert!(
                        text.is_empty() || (read.unwrap() / x - 1.0).abs() < 0.51,
                        "{text} {x}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_answer_has_three_digits_however_small_it_is() {
        assert_eq!(answer(0.075), "0.0750");
        assert_eq!(answer(-0.00123), "-0.00123");
        assert_eq!((answer(4225.0), answer(4.561)), ("4,225".to_owned(), "4.561".to_owned()));
    }

    #[test]
    fn what_is_measured_is_said_in_its_unit_and_almost_nothing_in_words() {
        assert_eq!(measured(Unit::Share, 0.3521, 1.0), "35.2 %");
        assert_eq!(measured(Unit::Share, 1.0, 1.0), "100 %");
        assert_eq!(measured(Unit::Verdict, 1.0, 1.0), "yes");
        assert_eq!(measured(Unit::Count(None), 4225.0, 1.0), "4,225");
        assert_eq!(measured(Unit::Plain, 2.2e-8, 1e-4), "almost 0");
        assert_eq!(measured(Unit::Nats, -3.9e-6, 0.5), "almost 0");
        assert_eq!(measured(Unit::Plain, 0.0, 1.0), "0");
        // Beside numbers of its own size it is itself.
        assert_eq!(measured(Unit::Plain, 2.2e-8, 1e-7), "2.2e-8");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(short(476_000.0), "476k");
        assert_eq!(short(1861.0), "1,861");
        assert_eq!(short(10_788_929.0), "11M");
        assert_eq!(short(0.25), "0.2");
        assert_eq!(short(f64::NAN), "–");
        assert_eq!(duration(200.0), "3 min");
        assert_eq!(duration(7800.0), "2 h 10 min");
    }
}
