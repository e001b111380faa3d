//! The lab as a learner starts it: the whole program in a terminal of its own.

#![cfg(unix)]

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// A builder shared with others is slow; nothing waits this long where things are well.
const PATIENCE: Duration = Duration::from_secs(60);
const BINARY: &str = env!("CARGO_BIN_EXE_gpt-lab");

struct Lab {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    master: Box<dyn MasterPty + Send>,
    home: tempfile::TempDir,
}

impl Lab {
    fn start(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(BINARY);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("GPT_LAB_THEME", "dark");
        command.env("GPT_LAB_HOME", home.path());
        for name in ["GPT_LAB_DATA", "NO_COLOR", "COLORTERM", "GPT_LAB_ASCII"] {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(cells(rows), cells(columns), 100);
        Self { child, keys, output, screen, master: pair.master, home }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads on until the screen is as wished.
    fn wait(&mut self, what: &str, mut done: impl FnMut(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.text()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("waited for {what} ({error}); the screen is\n{}", self.text()),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Reads to the end and checks that the terminal is as it was.
    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(bytes) =
            self.output.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.screen.process(&bytes);
        }
        let status = self.child.wait().unwrap();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        status
    }

    /// Checkpoints in the lab's folder.
    fn saved(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    names.push(entry.file_name().into_string().unwrap());
                }
            }
        }
        names.sort();
        names
    }
}

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

impl Drop for Lab {
    fn drop(&mut self) {
        _ = self.child.kill();
    }
}

/// The steps done, as the first line shows them: `1,240 / 5,000`.
fn steps(screen: &str) -> Option<u64> {
    let (before, _) = screen.lines().next()?.split_once(" / ")?;
    before.split_whitespace().last()?.replace(',', "").parse().ok()
}

#[test]
fn it_trains_at_once_helps_and_leaves_a_summary() {
    let mut lab = Lab::start(120, 40, &[]);
    lab.wait("training", |screen| {
        screen.contains("training") && steps(screen).is_some_and(|n| n > 0)
    });
    let first = steps(&lab.text()).unwrap();
    lab.wait("more steps", |screen| steps(screen).is_some_and(|n| n > first));
    assert!(lab.text().contains("A bigram model"));
    lab.press("?");
    lab.wait("help", |screen| screen.contains("Every key"));
    lab.press("\x1b");
    lab.wait("no help", |screen| !screen.contains("Every key"));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
    let text = lab.text();
    assert!(text.contains("gpt-lab: lesson 1, A bigram model"), "{text}");
    assert!(text.contains("best validation loss"), "{text}");
    assert_eq!(lab.saved(), ["bigram.safetensors"]);
}

#[test]
fn going_on_and_back_keeps_the_run() {
    let mut lab = Lab::start(80, 24, &["--lesson", "multi-head"]);
    lab.wait("training", |screen| {
        screen.contains("Multi-head") && steps(screen).is_some_and(|n| n > 0)
    });
    lab.press(" ");
    lab.wait("a pause", |screen| screen.contains("paused"));
    let held = steps(&lab.text()).unwrap();
    lab.press("]");
    lab.wait("the next lesson", |screen| screen.contains(" 4 ") && steps(screen) == Some(0));
    lab.press("[");
    lab.wait("the run as it was", |screen| {
        screen.contains("Multi-head") && steps(screen) == Some(held)
    });
    lab.press(".");
    lab.wait("one step", |screen| steps(screen) == Some(held + 1));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
}

#[test]
fn a_signal_saves_and_leaves() {
    let mut lab = Lab::start(100, 30, &["--lesson", "2"]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    let pid = Pid::from_raw(lab.child.process_id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(lab.end().exit_code(), 0);
    assert_eq!(lab.saved(), ["single-head.safetensors"]);
}

#[test]
#[cfg(target_os = "linux")] // It looks into /proc.
fn it_comes_back_whole_from_a_stop() {
    let mut lab = Lab::start(100, 30, &[]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    let pid = Pid::from_raw(lab.child.process_id().unwrap().cast_signed()).unwrap();
    lab.press("\x1a");
    let deadline = Instant::now() + PATIENCE;
    while lab.screen.screen().alternate_screen() {
        let bytes = lab.output.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        lab.screen.process(&bytes.expect("the terminal was not given back"));
    }
    // The stop follows the farewell at once, but not in the same instant: a CONT before it would be lost.
    let status = format!("/proc/{}/stat", lab.child.process_id().unwrap());
    while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") T ")) {
        assert!(Instant::now() < deadline, "it did not stop");
        std::thread::yield_now();
    }
    kill_process(pid, Signal::CONT).unwrap();
    lab.wait("the lab again", |screen| screen.contains("training") && screen.contains("quit"));
    assert!(lab.screen.screen().alternate_screen());
    let before = steps(&lab.text()).unwrap();
    lab.wait("more steps", |screen| steps(screen).is_some_and(|n| n > before));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
}

#[test]
fn a_screen_that_shrinks_says_so_and_comes_back() {
    let mut lab = Lab::start(100, 30, &[]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    let resize = |lab: &mut Lab, rows: u16, cols: u16| {
        lab.screen.screen_mut().set_size(cells(rows), cells(cols));
        lab.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    };
    resize(&mut lab, 20, 60);
    lab.wait("what it needs", |screen| {
        screen.contains("at least 80 x 24") && screen.contains("this is 60 x 20")
    });
    resize(&mut lab, 40, 120);
    lab.wait("the lab again", |screen| {
        screen.contains("Hyperparameters") && screen.contains("quit")
    });
    lab.press("\x03");
    lab.wait("the question", |screen| screen.contains("Leave?"));
    lab.press("\x03");
    assert_eq!(lab.end().exit_code(), 0);
    assert!(lab.text().contains("not saved"));
}

#[test]
fn without_a_terminal_it_says_so_in_one_line() {
    let output = Command::new(BINARY).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("needs a terminal"), "{text}");
}

#[test]
fn bad_data_is_one_line_before_the_screen_opens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.txt");
    std::fs::write(&file, [0x61, 0xff, 0xfe]).unwrap();
    let mut lab = Lab::start(100, 30, &["--data", file.to_str().unwrap()]);
    assert_eq!(lab.end().exit_code(), 1);
    let text = lab.text();
    assert!(text.contains("error: ") && text.contains("UTF-8"), "{text}");
    assert_eq!(lab.saved(), Vec::<String>::new());
}

/// The prompt comes back as it is shown: the terminal does not obey it.
#[test]
fn a_sample_on_a_terminal_is_made_of_signs() {
    let folder = tempfile::tempdir().unwrap();
    let [text, model] = ["text.txt", "m.safetensors"].map(|name| folder.path().join(name));
    std::fs::write(&text, "\u{1b}[31mred\u{7}\n".repeat(40)).unwrap();
    let trained = Command::new(BINARY)
        .args(["train", "--stage", "bigram", "--steps", "1", "--eval-batches", "1", "--data"])
        .args([text.as_os_str(), "--out".as_ref(), model.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(trained.unwrap().success());
    let model = model.to_str().unwrap();
    let mut lab =
        Lab::start(80, 24, &["sample", model, "--prompt", "\u{1b}[31mred\u{7}", "--tokens", "1"]);
    lab.wait("the prompt in signs", |screen| screen.contains("␛[31mred␇"));
}
