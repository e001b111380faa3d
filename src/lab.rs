//! The terminal: model, update and effects (pure), view, panes, overlays, theme, keys, terminal guard.
//!
//! A key's way: bytes -> crossterm event ([`input`]) -> [`key::Key`] -> [`action::Action`] by the context it was pressed in ->
//! [`update::update`] changes the [`model::Model`] and returns [`model::Effect`]s -> the driver carries them out. The view
//! draws the model and never changes it.
//!
//! Panes are values with one form ([`pane::Pane`]): they are drawn from [`facts::Facts`], and what they wish, `update`
//! carries out.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod action;
pub mod asked;
pub mod border;
pub mod corpus;
pub mod course;
pub mod cursor;
mod drawn_batch;
pub mod driver;
pub mod experiment;
pub mod experimenter;
pub mod facts;
#[cfg(test)]
pub mod fixture;
pub mod flow;
pub mod folder;
pub mod frame_cost;
pub mod ghost;
pub mod host;
pub mod input;
pub mod key;
pub mod layout;
pub mod markdown;
pub mod model;
mod next_table;
pub mod notch;
pub mod number;
pub mod overlays;
pub mod pane;
pub mod panes;
pub mod past;
pub mod pen;
pub mod prompt;
pub mod provenance;
pub mod reader;
pub mod resume;
pub mod run;
pub mod screens;
#[cfg(unix)]
pub mod signals;
pub mod start;
pub mod summary;
pub mod svg;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod watchdog;
mod whole_rows;
pub mod widgets;

pub use start::{Options, Refusal, start};
