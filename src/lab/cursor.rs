//! Where a cursor goes in a list, and in a grid.

use super::action::Action;

/// From the place `at`, counted from 0, to where the action leads among places up to `last`; `None` if it leads nowhere.
pub fn to(action: Action, at: usize, page: usize, last: usize) -> Option<usize> {
    Some(match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => (at + 1).min(last),
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => (at + page).min(last),
        Action::Home => 0,
        Action::End => last,
        _ => return None,
    })
}

/// Likewise, and where it is if the action leads nowhere; a list may have become shorter.
pub fn moved(action: Action, at: usize, page: usize, last: usize) -> usize {
    let at = at.min(last);
    to(action, at, page, last).unwrap_or(at)
}

/// What leads along a list that runs from left to right: left is up, right is down.
pub fn sideways(action: Action) -> Option<Action> {
    Some(match action {
        Action::Left => Action::Up,
        Action::Right => Action::Down,
        _ => return None,
    })
}

/// From a row and a column to where the action leads in a grid up to `last`; `None` if it leads nowhere. Its beginning is the
/// first cell, its end the last.
pub fn in_grid(
    action: Action,
    (row, column): (usize, usize),
    page: usize,
    last: (usize, usize),
) -> Option<(usize, usize)> {
    Some(match action {
        Action::Home => (0, 0),
        Action::End => last,
        _ => match sideways(action) {
            Some(along) => (row.min(last.0), moved(along, column, page, last.1)),
            None => (to(action, row, page, last.0)?, column.min(last.1)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stays_in_its_list() {
        for (action, expected) in [
            (Action::Up, 3),
            (Action::Down, 5),
            (Action::PageUp, 1),
            (Action::PageDown, 6),
            (Action::Home, 0),
            (Action::End, 6),
            (Action::CycleView, 4),
        ] {
            assert_eq!(moved(action, 4, 3, 6), expected, "{action:?}");
        }
        assert_eq!((moved(Action::Up, 0, 3, 6), moved(Action::PageUp, 2, 3, 6)), (0, 0));
        assert_eq!((moved(Action::Down, 9, 3, 6), moved(Action::CycleView, 9, 3, 0)), (6, 0));
        assert_eq!(to(Action::CycleView, 4, 3, 6), None);
    }

    #[test]
    fn a_cursor_stays_in_its_grid() {
        for (action, expected) in [
            (Action::Up, Some((1, 4))),
            (Action::Down, Some((3, 4))),
            (Action::PageUp, Some((0, 4))),
            (Action::PageDown, Some((5, 4))),
            (Action::Left, Some((2, 3))),
            (Action::Right, Some((2, 4))),
            (Action::Home, Some((0, 0))),
            (Action::End, Some((5, 4))),
            (Action::CycleView, None),
        ] {
            assert_eq!(in_grid(action, (2, 4), 3, (5, 4)), expected, "{action:?}");
        }
        // It has become smaller.
        assert_eq!(in_grid(Action::Right, (9, 9), 3, (1, 0)), Some((1, 0)));
    }
}
