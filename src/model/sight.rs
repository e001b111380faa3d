//! What a position can know of others: how layers connect positions, and how many steps a signal makes between two of them.
//!
//! All of it is of the structure alone, whatever the weights are; the instrument `influence` measures the same.

/// The positions that a layer's output at one position is made from, of those that the layer reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// Its own.
    #[default]
    Own,
    /// So far before its own (below 0) or after it, in order.
    Places(Vec<isize>),
    /// Its own; and every earlier one through the layer's own output one position before.
    State,
    /// Its own and every earlier one, each directly.
    Earlier,
    /// Every one, directly.
    All,
}

impl Sight {
    /// From places in any order; its own is always among them.
    pub fn places(places: impl IntoIterator<Item = isize>) -> Self {
        let mut places: Vec<isize> = places.into_iter().chain([0]).collect();
        places.sort_unstable();
        places.dedup();
        Self::Places(places)
    }

    /// What the position `at` reads directly of the row below, of `time` positions.
    pub fn read(&self, at: usize, time: usize) -> Vec<usize> {
        match self {
            Self::Own | Self::State => vec![at],
            Self::Places(places) => {
                let read = places.iter().filter_map(|place| at.checked_add_signed(*place));
                read.filter(|other| *other < time).collect()
            }
            Self::Earlier => (0..=at).collect(),
            Self::All => (0..time).collect(),
        }
    }

    /// What has to be computed one after another over so many positions; the rest of a layer is done at once.
    pub fn in_a_row(&self, time: usize) -> usize {
        if *self == Self::State { time } else { 1 }
    }

    /// How its products grow with n positions of d channels, as Vaswani et al. (2017) have it in table 1.
    pub fn order(&self) -> &'static str {
        match self {
            Self::Places(_) => "k n d d",
            Self::Own | Self::State => "n d d",
            Self::Earlier | Self::All => "n n d",
        }
    }
}

/// Which positions the output of the last of these layers at `at` is made from: the inputs first, then those of each layer.
pub fn cone(layers: &[&Sight], at: usize, time: usize) -> Vec<Vec<bool>> {
    let mut row = vec![false; time];
    row[at] = true;
    let mut rows = Vec::with_capacity(layers.len() + 1);
    for sight in layers.iter().rev() {
        if **sight == Sight::State
            && let Some(last) = row.iter().rposition(|inside| *inside)
        {
            row[..last].fill(true);
        }
        let mut below = vec![false; time];
        for at in (0..time).filter(|at| row[*at]) {
            for other in sight.read(at, time) {
                below[other] = true;
            }
        }
        rows.push(std::mem::replace(&mut row, below));
    }
    rows.push(row);
    rows.reverse();
    rows
}

/// The fewest steps in which what stands at the input `from` comes to the position `to` of a layer, in the first one in which
/// it does: one for each layer, and in a layer with a state one more for each position. `None`: in none of them.
pub fn path(layers: &[&Sight], from: usize, to: usize, time: usize) -> Option<usize> {
    let mut steps = vec![None; time];
    steps[from] = Some(0);
    for sight in layers {
        let mut after: Vec<Option<usize>> = Vec::with_capacity(time);
        for at in 0..time {
            let read = sight.read(at, time).into_iter().filter_map(|other| steps[other]);
            let carried = after.last().copied().flatten().filter(|_| **sight == Sight::State);
            after.push(read.chain(carried).min().map(|steps| steps + 1));
        }
        steps = after;
        if steps[to].is_some() {
            break;
        }
    }
    steps[to]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(layers: &[&Sight], at: usize, time: usize) -> Vec<usize> {
        let rows = cone(layers, at, time);
        (0..time).filter(|other| rows[0][*other]).collect()
    }

    #[test]
    fn dilated_layers_see_twice_as_far_with_each_of_them() {
        let layers: Vec<_> = (0..4).map(|i| Sight::places([-2 << i, -1 << i])).collect();
        let layers: Vec<_> = layers.iter().collect();
        for (depth, reach) in [(1, 2), (2, 6), (3, 14), (4, 30)] {
            assert_eq!(seen(&layers[..depth], 40, 50), (40 - reach..=40).collect::<Vec<_>>());
            assert_eq!(path(&layers, 40 - reach, 40, 50), Some(depth));
        }
        assert_eq!(path(&layers, 9, 40, 50), None);
        assert_eq!(path(&layers, 41, 40, 50), None, "the future");
        let rows = cone(&layers[..2], 10, 12);
        let inside = |row: &Vec<bool>| (0..12).filter(|i| row[*i]).collect::<Vec<_>>();
        assert_eq!(inside(&rows[2]), [10]);
        assert_eq!(inside(&rows[1]), [6, 8, 10]);
        assert_eq!(inside(&rows[0]), (4..=10).collect::<Vec<_>>());
    }

    #[test]
    fn a_state_takes_a_step_for_each_position_and_attention_one_for_all() {
        let (state, earlier, all) = (Sight::State, Sight::Earlier, Sight::All);
        for distance in [0, 1, 7, 63] {
            assert_eq!(path(&[&state], 0, distance, 64), Some(distance + 1));
            assert_eq!(path(&[&state, &state], 0, distance, 64), Some(distance + 1));
            assert_eq!(path(&[&earlier], 0, distance, 64), Some(1));
        }
        assert_eq!(path(&[&earlier], 5, 2, 64), None);
        assert_eq!(path(&[&all], 5, 2, 64), Some(1));
        assert_eq!(seen(&[&state], 3, 6), [0, 1, 2, 3]);
        assert_eq!(cone(&[&state], 3, 5)[1], [true, true, true, true, false]);
        assert_eq!((state.in_a_row(64), earlier.in_a_row(64)), (64, 1));
    }

    #[test]
    fn places_beyond_the_ends_are_not_read() {
        let sight = Sight::places([2, -1, 2]);
        assert_eq!(sight, Sight::Places(vec![-1, 0, 2]));
        assert_eq!((sight.read(0, 4), sight.read(2, 4)), (vec![0, 2], vec![1, 2]));
        assert_eq!(Sight::Own.read(3, 4), [3]);
        assert_eq!(path(&[&sight, &sight], 4, 0, 6), Some(2));
    }
}
