//! The terminal: model, update and effects (pure), view, panes, widgets, overlays, theme, keys, terminal guard.
