//! Points that a learner draws.
//!
//! They stand on a grid of hundredths, so that a run's configuration can hold them to the last digit, and each place once.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Point;
use super::file::{self, PointsError};

/// Units of the grid in 1.
const UNITS: i16 = 100;
/// How far from the origin a coordinate may be, in units: the ring and the grid have room in it.
const REACH: i16 = 3 * UNITS;

/// A place of the plane, in hundredths.
pub type Spot = [i16; 2];

/// Different places, in the order in which they were drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Spot>")]
pub struct Drawn(Vec<Spot>);

/// Why points are none that can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NotDrawn {
    #[error("there are {most} points: none more can be drawn", most = Drawn::MOST)]
    Full,
    #[error("{x}, {y} is outside: points are drawn from -{reach} to {reach}", x = .0[0], y = .0[1], reach = Drawn::REACH)]
    Outside(Point),
    #[error("a point stands at {x}, {y} already", x = .0[0], y = .0[1])]
    Taken(Point),
}

/// Why a text holds no drawn points.
#[derive(Debug, thiserror::Error)]
pub enum NoDrawing {
    #[error(transparent)]
    Lines(#[from] PointsError),
    #[error("{file}: {error}")]
    Point { file: String, error: NotDrawn },
}

impl Drawn {
    /// Of fewer points a triangle cannot be told from a line.
    pub const FEWEST: usize = 3;
    /// More than anybody draws by hand, and little in a checkpoint.
    pub const MOST: usize = 1000;
    /// Both coordinates are from minus this to this.
    pub const REACH: f64 = (REACH / UNITS) as f64;

    /// The nearest place of the grid, at the edge for what is beyond it.
    pub fn spot(point: Point) -> Spot {
        let most = f64::from(REACH);
        point.map(|x| (x * f64::from(UNITS)).round().clamp(-most, most) as i16)
    }

    pub fn point(spot: Spot) -> Point {
        spot.map(|x| f64::from(x) / f64::from(UNITS))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many more it takes until they can be learned.
    pub fn missing(&self) -> usize {
        Self::FEWEST.saturating_sub(self.len())
    }

    pub fn contains(&self, spot: Spot) -> bool {
        self.0.contains(&spot)
    }

    pub fn points(&self) -> impl Iterator<Item = Point> + '_ {
        self.0.iter().map(|spot| Self::point(*spot))
    }

    /// # Errors
    /// If it is outside, stands there already, or is one too many.
    pub fn add(&mut self, spot: Spot) -> Result<(), NotDrawn> {
        if spot.iter().any(|x| !(-REACH..=REACH).contains(x)) {
            return Err(NotDrawn::Outside(Self::point(spot)));
        }
        if self.contains(spot) {
            return Err(NotDrawn::Taken(Self::point(spot)));
        }
        if self.len() == Self::MOST {
            return Err(NotDrawn::Full);
        }
        self.0.push(spot);
        Ok(())
    }

    /// Takes the point away that is nearest to a place, of equally near ones the latest; where it stood.
    pub fn remove_nearest(&mut self, spot: Spot) -> Option<Spot> {
        let distance = |at: &Spot| {
            let [dx, dy] = [0, 1].map(|axis| i32::from(at[axis]) - i32::from(spot[axis]));
            dx * dx + dy * dy
        };
        let nearest = (0..self.len()).rev().min_by_key(|i| distance(&self.0[*i]))?;
        Some(self.0.remove(nearest))
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// As a file of points has them.
    pub fn text(&self) -> String {
        let mut text = "# x, y: points that were drawn in the lab\n".to_owned();
        for [x, y] in self.points() {
            _ = writeln!(text, "{x}, {y}");
        }
        text
    }

    /// The points of a text as [`text`](Self::text) writes them.
    ///
    /// # Errors
    /// If a line does not hold a point that can be drawn. `file` is what the text is called.
    pub fn parse(text: &str, file: &str) -> Result<Self, NoDrawing> {
        let mut drawn = Self::default();
        for point in file::lines(text, file)? {
            let [x, y] = point;
            let outside = x.abs().max(y.abs()) > Self::REACH;
            let added =
                if outside { Err(NotDrawn::Outside(point)) } else { drawn.add(Self::spot(point)) };
            added.map_err(|error| NoDrawing::Point { file: file.to_owned(), error })?;
        }
        Ok(drawn)
    }
}

impl TryFrom<Vec<Spot>> for Drawn {
    type Error = NotDrawn;

    fn try_from(spots: Vec<Spot>) -> Result<Self, NotDrawn> {
        let mut drawn = Self::default();
        for spot in spots {
            drawn.add(spot)?;
        }
        Ok(drawn)
    }
}

impl FromIterator<Point> for Drawn {
    /// What cannot be drawn is left out.
    fn from_iter<I: IntoIterator<Item = Point>>(points: I) -> Self {
        let mut drawn = Self::default();
        for point in points {
            _ = drawn.add(Self::spot(point));
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_once_each_inside_and_are_bounded() {
        let mut drawn = Drawn::default();
        assert_eq!(drawn.missing(), 3);
        assert_eq!(drawn.add([10, -300]), Ok(()));
        assert_eq!(drawn.add([10, -300]), Err(NotDrawn::Taken([0.1, -3.0])));
        assert_eq!(drawn.add([10, -301]), Err(NotDrawn::Outside([0.1, -3.01])));
        for i in 0..999 {
            drawn.add([i % 300, i / 300]).unwrap();
        }
        assert_eq!((drawn.len(), drawn.missing()), (Drawn::MOST, 0));
        assert_eq!(drawn.add([-5, -5]), Err(NotDrawn::Full));
        let spots: Vec<Spot> = (0..=1000).map(|i| [i % 300, i / 300]).collect();
        assert_eq!(Drawn::try_from(spots), Err(NotDrawn::Full));
        assert_eq!(Drawn::spot([7.0, -0.126]), [300, -13]);
    }

    #[test]
    fn the_nearest_point_goes_and_of_equally_near_ones_the_latest() {
        let mut drawn: Drawn = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]].into_iter().collect();
        assert_eq!(drawn.remove_nearest([50, 50]), Some([0, 100]));
        assert_eq!(drawn.remove_nearest([-300, -300]), Some([0, 0]));
        assert_eq!(drawn.remove_nearest([-300, -300]), Some([100, 0]));
        assert_eq!(drawn.remove_nearest([0, 0]), None);
    }

    #[test]
    fn a_text_of_them_is_read_back_and_another_is_refused() {
        let drawn: Drawn = [[0.25, -1.5], [3.0, -3.0], [0.0, 0.07]].into_iter().collect();
        assert_eq!(Drawn::parse(&drawn.text(), "f").unwrap(), drawn);
        assert_eq!(Drawn::parse("", "f").unwrap(), Drawn::default());
        for (text, said) in [
            ("0.5, 1\n0.5, 1\n", "f: a point stands at 0.5, 1 already"),
            ("0.5, 4\n", "f: 0.5, 4 is outside"),
            ("1 1\nno\n", "f, line 2: expected two numbers"),
        ] {
            let error = Drawn::parse(text, "f").unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        let json = serde_json::to_string(&drawn).unwrap();
        assert_eq!(json, "[[25,-150],[300,-300],[0,7]]");
        assert_eq!(serde_json::from_str::<Drawn>(&json).unwrap(), drawn);
        for wrong in ["[[0,0],[0,0]]", "[[0,301]]", "[[0]]"] {
            assert!(serde_json::from_str::<Drawn>(wrong).is_err(), "{wrong}");
        }
    }
}
