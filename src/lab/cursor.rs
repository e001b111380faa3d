//! Where a cursor goes in a list.

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
}
