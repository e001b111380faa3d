//! The guard of the real terminal: takes it, and gives it back on every way out.
//!
//! Raw mode, the alternate screen, bracketed paste and the mouse are on between [`Screen::open`] and [`restore`]. The panic
//! hook is one for the whole process: only the thread that draws may restore and print. A panic of the trainer is silent
//! here; it arrives as an event.

use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};

use super::input;

/// The exit code of a lab that has lost its terminal and could not save: as if by SIGHUP.
pub const LOST: u8 = 129;

/// Whether the terminal is ours at the moment.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether a SIGTSTP of our own is on its way to ourselves.
static SENT: AtomicBool = AtomicBool::new(false);
/// The thread that draws.
static DRAWS: OnceLock<ThreadId> = OnceLock::new();

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen(());

/// Whether both ends of the conversation are a terminal.
pub fn is_there() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If the terminal refuses.
    pub fn open() -> io::Result<Self> {
        _ = DRAWS.set(thread::current().id());
        // Without this, crossterm answers NO_COLOR with resets that eat bold and reverse; our theme has no colours then.
        force_color_output(true);
        let screen = Self(());
        take(true)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, and stops until the shell wakes us up.
///
/// # Errors
/// If the system refuses.
#[cfg(unix)]
pub fn stop() -> io::Result<()> {
    restore();
    SENT.store(true, Ordering::SeqCst);
    // The whole group stops, so that the shell gets the prompt back also from under `make run`.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    // We have a handler for that signal, so we stop ourselves.
    signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)
}

/// Whether the SIGTSTP that has just arrived came from [`stop`]; asks once.
#[cfg(unix)]
pub fn sent_by_us() -> bool {
    SENT.swap(false, Ordering::SeqCst)
}

/// Takes the terminal, and with it the mouse or not.
///
/// # Errors
/// If the terminal refuses.
pub fn take(mouse: bool) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    // A shell may have changed the mode while we were stopped, and a mode that is thought to be on is not set again.
    _ = disable_raw_mode();
    enable_raw_mode()?;
    // Cleared, for a program that was killed may have left the other screen up, and full.
    execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste, Hide)?;
    set_mouse(mouse)
}

/// Gives the terminal back, once; nothing that fails on the way stops the rest.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        _ = set_mouse(false);
        _ = execute!(
            stdout(),
            EndSynchronizedUpdate,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        _ = disable_raw_mode();
        _ = stdout().flush();
    }
}

/// Leaves raw mode without a word to the terminal, which may have stopped reading.
pub fn calm() {
    _ = disable_raw_mode();
}

/// Asks the terminal whether it is light or dark.
///
/// # Errors
/// If the terminal is gone.
pub fn ask() -> io::Result<()> {
    let mut out = stdout();
    out.write_all(input::QUERY)?;
    out.flush()
}

/// Clicks and the wheel, but not every movement, which crossterm's own switch would report as well.
///
/// # Errors
/// If the terminal is gone.
#[cfg(not(windows))]
pub fn set_mouse(on: bool) -> io::Result<()> {
    let switch = if on { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" };
    let mut out = stdout();
    out.write_all(switch.as_bytes())?;
    out.flush()
}

#[cfg(windows)]
pub fn set_mouse(on: bool) -> io::Result<()> {
    use ratatui::crossterm::event::{DisableMouseCapture, EnableMouseCapture};
    if on {
        execute!(stdout(), EnableMouseCapture)
    } else {
        execute!(stdout(), DisableMouseCapture)
    }
}

/// Lets a panic of the drawing thread restore the terminal before it is printed, and silences those of other threads
/// while the screen is up.
pub fn install_panic_hook() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if TAKEN.load(Ordering::SeqCst) {
            if DRAWS.get() != Some(&thread::current().id()) {
                return;
            }
            restore();
        }
        previous(info);
    }));
}
