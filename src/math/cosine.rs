//! Which vectors point the same way: cos(a, b) = a·b / (|a| |b|).

/// All other rows of a matrix, (rows, `width`) row-major, with their cosines to one row, the nearest first; those without
/// a cosine (a row of zeros, or of what is no number) last.
///
/// # Panics
/// If there is no such row.
pub fn by_cosine(values: &[f32], width: usize, row: usize) -> Vec<(usize, f64)> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let this = &values[row * width..(row + 1) * width];
    let size = dot(this, this);
    let others = values.chunks_exact(width).enumerate().filter(|(other, _)| *other != row);
    let mut all: Vec<(usize, f64)> = others
        .map(|(other, that)| (other, dot(this, that) / (size * dot(that, that)).sqrt()))
        .collect();
    let key = |cosine: f64| if cosine.is_nan() { f64::NEG_INFINITY } else { cosine };
    all.sort_by(|a, b| key(b.1).total_cmp(&key(a.1)).then(a.0.cmp(&b.0)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_row_points_the_same_way() {
        let rows = [1.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 2.0, 5.0, 5.0];
        let near = by_cosine(&rows, 2, 0);
        let order: Vec<_> = near.iter().map(|(row, _)| *row).collect();
        assert_eq!(order, [4, 3, 1, 2]);
        assert!((near[0].1 - 0.5_f64.sqrt()).abs() < 1e-9 && near[1].1 == 0.0 && near[2].1 == -1.0);
        assert!(near[3].1.is_nan());
    }
}
