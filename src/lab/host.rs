//! The terminal as the driver sees it, besides cells.

use std::io::{self, stdout};

use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::crossterm::{execute, queue};

use super::terminal::Screen;
use super::{terminal, watchdog};

/// What the driver needs of the terminal besides cells; tests drive it with [`NoHost`].
pub trait Host {
    /// Called around the drawing of a frame, so that the terminal shows it whole.
    fn begin_frame(&mut self) {}
    fn end_frame(&mut self) {}
    /// Takes the mouse, or leaves it to the terminal.
    fn mouse(&mut self, _on: bool) {}
    /// Gives the terminal back, stops until the shell wakes us up, and takes it again.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn suspend(&mut self, _mouse: bool) -> io::Result<()> {
        Ok(())
    }
    /// What is drawn reaches nobody any more.
    fn lost(&mut self) {}
    /// Takes the terminal again after someone else may have changed it.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn retake(&mut self, _mouse: bool) -> io::Result<()> {
        Ok(())
    }
}

/// Does nothing.
#[derive(Debug, Default)]
pub struct NoHost;

impl Host for NoHost {}

impl Host for Screen {
    fn begin_frame(&mut self) {
        _ = queue!(stdout(), BeginSynchronizedUpdate);
    }

    fn end_frame(&mut self) {
        _ = execute!(stdout(), EndSynchronizedUpdate);
    }

    fn mouse(&mut self, on: bool) {
        _ = terminal::set_mouse(on);
    }

    #[cfg(unix)]
    fn suspend(&mut self, mouse: bool) -> io::Result<()> {
        terminal::stop()?;
        terminal::take(mouse)
    }

    fn lost(&mut self) {
        watchdog::arm(terminal::LOST);
    }

    fn retake(&mut self, mouse: bool) -> io::Result<()> {
        terminal::take(mouse)
    }
}
