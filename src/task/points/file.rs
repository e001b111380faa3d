//! A file of points.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Point;
use crate::text::corpus::sha256;
use crate::text::reading::{self, Unread};
use crate::text::shown;

/// Of fewer points none could be held out that says anything.
const FEWEST: usize = 20;

/// Of a file, so many bytes and points are read at most: no picture of them tells more apart.
const MOST_BYTES: u64 = 64 << 20;
const MOST: usize = 1_000_000;

/// Why a file of points is no good.
#[derive(Debug, thiserror::Error)]
pub enum PointsError {
    #[error("cannot read the points in {file}: {error}")]
    Read { file: String, error: std::io::Error },
    #[error(
        "{file}, line {line}: expected two numbers, x and y, found \"{found}\": write a point a line, as in 0.5, -1.25"
    )]
    Line { file: String, line: usize, found: String },
    #[error(
        "cannot read the points in {file}: byte {offset} is not UTF-8; expected a text with a point a line"
    )]
    Bytes { file: String, offset: usize },
    #[error(
        "{file} is too long: expected at most {MOST} points in {} MB; give a part of them",
        MOST_BYTES >> 20
    )]
    Long { file: String },
    #[error("{file} has {found} points: give at least {FEWEST}")]
    Few { file: String, found: usize },
    #[error("the points of {file} are all the same, or too far apart to be scaled: give others")]
    Same { file: String },
}

/// Which points a model has learned, and the way back to the file's own coordinates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standard {
    /// Of the file.
    pub sha256: String,
    /// What was taken from every point …
    pub mean: Point,
    /// … and what the rest was divided by.
    pub scale: f64,
}

impl Standard {
    /// A standardised point in the file's own coordinates.
    pub fn undo(&self, point: Point) -> Point {
        [0, 1].map(|axis| point[axis] * self.scale + self.mean[axis])
    }
}

/// Reads, centres and scales the points of a file.
pub(super) fn read(path: &Path) -> Result<(Vec<Point>, Standard), PointsError> {
    let file = shown::escaped(&path.display().to_string());
    let bytes = match reading::read(path, MOST_BYTES, &mut |_| ()) {
        Ok(bytes) => bytes,
        Err(Unread::Failed(error)) => return Err(PointsError::Read { file, error }),
        Err(Unread::Long) => return Err(PointsError::Long { file }),
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            return Err(PointsError::Bytes { file, offset });
        }
    };
    let mut points = parse(&text, &file)?;
    let (mean, scale) = standardise(&mut points).ok_or(PointsError::Same { file })?;
    Ok((points, Standard { sha256: sha256(text.as_bytes()), mean, scale }))
}

/// As many as a file must have.
fn parse(text: &str, file: &str) -> Result<Vec<Point>, PointsError> {
    let points = lines(text, file)?;
    if points.len() < FEWEST {
        return Err(PointsError::Few { file: file.to_owned(), found: points.len() });
    }
    Ok(points)
}

/// Empty lines, and lines that begin with #, are passed over; so is a first line without any number: a table's heading.
pub(super) fn lines(text: &str, file: &str) -> Result<Vec<Point>, PointsError> {
    let file = || file.to_owned();
    let mut points: Vec<Point> = Vec::new();
    let mut heading = true;
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
        let fields: Vec<&str> = line.split(separator).filter(|field| !field.is_empty()).collect();
        let number = |field: &&str| field.parse::<f64>().ok().filter(|x| x.is_finite());
        let first = std::mem::take(&mut heading);
        match &fields[..] {
            [x, y] if number(x).is_some() && number(y).is_some() => {
                if points.len() == MOST {
                    return Err(PointsError::Long { file: file() });
                }
                points.push([x, y].map(|field| number(field).unwrap_or_default()));
            }
            _ if first && !fields.iter().any(|field| field.parse::<f64>().is_ok()) => {}
            _ => {
                let found = shown::excerpt(&line.chars().take(40).collect::<String>());
                return Err(PointsError::Line { file: file(), line: i + 1, found });
            }
        }
    }
    Ok(points)
}

/// Mean 0 and variance 1, averaged over x and y. Gives the mean that they had and what they were divided by; `None` if all
/// points are the same, or too far apart for a number.
fn standardise(points: &mut [Point]) -> Option<(Point, f64)> {
    if points.iter().all(|point| *point == points[0]) {
        return None;
    }
    let n = points.len() as f64;
    let mean = [0, 1].map(|axis| points.iter().map(|point| point[axis] / n).sum::<f64>());
    for (x, mean) in points.iter_mut().flat_map(|point| point.iter_mut().zip(mean)) {
        *x -= mean;
    }
    let largest = points.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return None;
    }
    // The largest goes first, so that squares of very large or small numbers stay in range.
    let square: f64 = points.iter().flatten().map(|x| (x / largest).powi(2)).sum();
    let scale = largest * (square / (2.0 * n)).sqrt();
    // Nothing can be divided by what is next to nothing and keep its digits.
    if !scale.is_normal() {
        return None;
    }
    for x in points.iter_mut().flatten() {
        *x /= scale;
    }
    Some((mean, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(line: impl Fn(u32) -> String) -> String {
        (0..30).map(|i| line(i) + "\n").collect()
    }

    /// As [`read`] does it.
    fn parse(text: &str, file: &str) -> Result<Vec<Point>, PointsError> {
        let mut points = super::parse(text, file)?;
        let same = || PointsError::Same { file: file.to_owned() };
        standardise(&mut points).map(|_| points).ok_or_else(same)
    }

    #[test]
    fn the_way_back_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.csv");
        let text = many(|i| format!("{} {}", 1000 + i * i, 5 - 2 * i64::from(i)));
        std::fs::write(&path, &text).unwrap();
        let (points, standard) = read(&path).unwrap();
        for (point, own) in points.iter().zip(super::parse(&text, "f").unwrap()) {
            let back = standard.undo(*point);
            assert!((back[0] - own[0]).abs() < 1e-9 && (back[1] - own[1]).abs() < 1e-9);
        }
        assert_eq!(standard.sha256, sha256(text.as_bytes()));
    }

    #[test]
    fn commas_blanks_headings_and_comments() {
        let commas = parse(&format!("x,y\n{}", many(|i| format!("{i}.5, -{i}e-1"))), "f").unwrap();
        let blanks =
            parse(&format!("# a\n\n{}", many(|i| format!("  {i}.5\t-{i}e-1 "))), "f").unwrap();
        let semicolons = parse(&many(|i| format!("{i}.5;-{i}e-1\r")), "f").unwrap();
        assert_eq!(commas, blanks);
        assert_eq!(commas, semicolons);
        assert_eq!(commas.len(), 30);
        let square: f64 = commas.iter().flatten().map(|x| x * x).sum();
        assert!((square / 60.0 - 1.0).abs() < 1e-9, "variance 1 on the average");
        assert!(commas.iter().map(|point| point[0]).sum::<f64>().abs() < 1e-9);
        // One factor for both: y stays a tenth of x.
        assert!((commas[29][1] / commas[29][0] + 0.1).abs() < 1e-9);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let good = many(|i| format!("{i} {i}"));
        for (text, expected) in [
            (
                format!("{good}1 2 3\n"),
                "points.csv, line 31: expected two numbers, x and y, found \"1 2 3\"",
            ),
            (format!("{good}\n7,NaN\n"), "line 32"),
            (format!("{good}a,b\n"), "line 31"),
            ("1\n".to_owned(), "line 1"),
            ("1 2\n3 4\n".to_owned(), "has 2 points: give at least 20"),
            (String::new(), "has 0 points"),
            (many(|_| "3 3".to_owned()), "are all the same"),
        ] {
            let error = parse(&text, "points.csv").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = read(Path::new("/nowhere/points.csv")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the points in /nowhere/points.csv"), "{error}");
    }
}
