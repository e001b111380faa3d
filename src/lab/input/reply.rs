//! The one question that the lab asks the terminal, and its answer.

use crate::lab::theme::Ground;

/// Asks for the background colour (OSC 11), then for the device attributes (DA1). Every terminal answers the second, and
/// answers in order: then there will be no answer to the first.
pub const QUERY: &[u8] = b"\x1b]11;?\x1b\\\x1b[c";

/// Light or dark, from the inside of an OSC reply: `11;rgb:1e1e/1e1e/1e1e`.
pub fn ground(reply: &[u8]) -> Option<Ground> {
    let colour = std::str::from_utf8(reply).ok()?.strip_prefix("11;")?;
    let channels = if let Some(digits) = colour.strip_prefix('#') {
        let width = digits.len() / 3;
        let at = |i: usize| digits.get(i * width..(i + 1) * width);
        [at(0)?, at(1)?, at(2)?]
    } else {
        let mut parts = colour.strip_prefix("rgb:").or(colour.strip_prefix("rgba:"))?.split('/');
        [parts.next()?, parts.next()?, parts.next()?]
    };
    let [red, green, blue] = channels.map(channel);
    // Rec. 709, on the gamma-encoded values: enough to tell day from night.
    let luma = 0.2126 * red? + 0.7152 * green? + 0.0722 * blue?;
    Some(if luma > 0.5 { Ground::Light } else { Ground::Dark })
}

/// One to four hexadecimal digits, as a share of the largest such number.
fn channel(digits: &str) -> Option<f64> {
    let width = digits.len();
    if !(1..=4).contains(&width) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some(f64::from(value) / f64::from((1_u32 << (4 * width)) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_every_form_that_terminals_write() {
        for dark in ["11;rgb:1e1e/1e1e/1e1e", "11;rgb:00/2b/36", "11;#002b36", "11;rgb:0/0/0"] {
            assert_eq!(ground(dark.as_bytes()), Some(Ground::Dark), "{dark}");
        }
        for light in ["11;rgb:fdfd/f6f6/e3e3", "11;rgba:ffff/ffff/ffff/ffff", "11;#ffffffffffff"] {
            assert_eq!(ground(light.as_bytes()), Some(Ground::Light), "{light}");
        }
        for other in [
            "",
            "11;",
            "11;?",
            "10;rgb:0/0/0",
            "11;rgb:0/0",
            "11;rgb:12345/0/0",
            "11;#+1+1+1",
            "11;#ü0ü",
        ] {
            assert_eq!(ground(other.as_bytes()), None, "{other}");
        }
    }
}
