//! Horizontal bars made of signs.

use super::super::theme::Glyphs;

/// A bar for a share from 0 to 1 of `width` columns, to an eighth of a column; what is above 0 is always seen.
pub fn bar(share: f64, width: usize, glyphs: &Glyphs) -> String {
    if share.is_nan() || share <= 0.0 {
        return String::new();
    }
    let parts = glyphs.bar;
    let full = width * parts.len();
    let eighths = ((share.min(1.0) * full as f64).round() as usize).max(1).min(full);
    let last = parts.len() - 1;
    let mut out = parts[last].repeat(eighths / parts.len());
    if let Some(rest) = (eighths % parts.len()).checked_sub(1) {
        out.push_str(parts[rest]);
    }
    out
}

/// A column for a share from 0 to 1, `height` rows high: the sign of each row from the top down.
pub fn column(share: f64, height: usize, glyphs: &Glyphs) -> Vec<&'static str> {
    let parts = glyphs.columns;
    let full = height * parts.len();
    let mut eighths = if share > 0.0 {
        ((share.min(1.0) * full as f64).round() as usize).max(1).min(full)
    } else {
        0
    };
    let mut out = Vec::with_capacity(height);
    for _ in 0..height {
        let here = eighths.min(parts.len());
        out.push(here.checked_sub(1).map_or(" ", |i| parts[i]));
        eighths -= here;
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let g = Glyphs::UNICODE;
        assert_eq!(bar(1.0, 4, &g), "████");
        assert_eq!(bar(0.5, 4, &g), "██");
        assert_eq!(bar(0.5 + 1.0 / 32.0, 4, &g), "██▏");
        assert_eq!(bar(0.0, 4, &g), "");
        assert_eq!(bar(1e-9, 4, &g), "▏");
        assert_eq!(bar(7.0, 2, &g), "██");
        assert_eq!(bar(f64::NAN, 4, &g), "");
        assert_eq!(bar(0.5, 0, &g), "");
    }

    #[test]
    fn a_column_grows_from_the_bottom() {
        let g = Glyphs::UNICODE;
        assert_eq!(column(1.0, 2, &g), ["█", "█"]);
        assert_eq!(column(0.75, 2, &g), ["▄", "█"]);
        assert_eq!(column(0.25, 2, &g), [" ", "▄"]);
        assert_eq!(column(1e-9, 2, &g), [" ", "▁"]);
        assert_eq!(column(f64::NAN, 1, &g), [" "]);
    }
}
