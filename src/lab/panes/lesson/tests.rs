//! The lesson pane, drawn.
