//! What the learner has chosen to see of the curve.

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Everything, with the next yardstick on either side.
    #[default]
    Whole,
    /// The losses of the second half of the run so far.
    Close,
    /// The estimates in figures.
    Table,
}

/// The pane's state.
#[derive(Debug, Default)]
pub struct Loss {
    /// The step being read off.
    pub cursor: Option<u64>,
    pub log_steps: bool,
    pub log_losses: bool,
    pub view: View,
}
