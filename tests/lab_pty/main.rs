//! The lab as a learner starts it: the whole program in a terminal of its own.

#![cfg(unix)]

mod kept;

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A builder shared with others is slow; nothing waits this long where things are well.
const PATIENCE: Duration = Duration::from_secs(60);
const BINARY: &str = env!("CARGO_BIN_EXE_gpt-lab");

struct Lab {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything that the lab has written.
    written: Vec<u8>,
    master: Option<Box<dyn MasterPty + Send>>,
    /// The terminal's settings before, as the system shows them.
    settings: String,
    home: tempfile::TempDir,
}

fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

impl Lab {
    fn start(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::start_with(columns, rows, arguments, |command, _| {
            command.env("GPT_LAB_THEME", "dark");
        })
    }

    /// `change` may change what the lab is started with; it gets the folder that is the lab's home.
    fn start_with(
        columns: u16,
        rows: u16,
        arguments: &[&str],
        change: impl FnOnce(&mut CommandBuilder, &Path),
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::start_in(home, columns, rows, arguments, change)
    }

    fn start_in(
        home: tempfile::TempDir,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        change: impl FnOnce(&mut CommandBuilder, &Path),
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(BINARY);
        command.args(arguments);
        let a_command = arguments.first().is_some_and(|first| !first.starts_with('-'));
        if !a_command && !arguments.contains(&"--lessons") {
            // A small course that stays as it is, however the course's own lessons are rewritten.
            command.args(["--lessons", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/course")]);
        }
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("GPT_LAB_HOME", home.path());
        for name in
            ["GPT_LAB_DATA", "GPT_LAB_THEME", "NO_COLOR", "COLORTERM", "COLORFGBG", "GPT_LAB_ASCII"]
        {
            command.env_remove(name);
        }
        change(&mut command, home.path());
        let settings = settings(&*pair.master);
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
        let (written, master) = (Vec::new(), Some(pair.master));
        Self { child, keys, output, screen, written, master, settings, home }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads on until the screen is as wished.
    fn wait(&mut self, what: &str, mut done: impl FnMut(&str) -> bool) {
        self.wait_for(what, |lab| done(&lab.text()));
    }

    fn wait_for(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("waited for {what} ({error}); the screen is\n{}", self.text()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.written.extend_from_slice(bytes);
    }

    /// Waits until it has gone on training, which takes it longer than anything that is in the terminal already.
    fn wait_for_steps(&mut self) {
        let before = steps(&self.text());
        self.wait("more steps", |screen| steps(screen).is_some_and(|n| Some(n) > before));
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap().cast_signed()).unwrap()
    }

    fn resize(&mut self, rows: u16, cols: u16) {
        self.screen.screen_mut().set_size(cells(rows), cells(cols));
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().unwrap().resize(size).unwrap();
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
            self.take(&bytes);
        }
        let status = self.child.wait().unwrap();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(settings(&**self.master.as_ref().unwrap()), self.settings);
        status
    }

    /// Checkpoints in the lab's folder.
    fn saved(&self) -> Vec<String> {
        self.files("runs")
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        let folder = self.home.path().join(folder);
        let mut folders = Vec::from_iter(folder.is_dir().then_some(folder));
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

/// The lab's home, for the next lab.
fn home_of(lab: &mut Lab) -> tempfile::TempDir {
    std::mem::replace(&mut lab.home, tempfile::tempdir().unwrap())
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

/// The course itself: something learns at once, a prediction holds its page, and what was answered outlives a kill.
#[test]
fn the_course_asks_and_remembers() {
    let lessons = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");
    let course = ["--lessons", lessons];
    let mut lab = Lab::start(100, 30, &course);
    lab.wait("training", |screen| {
        screen.contains("Welcome") && steps(screen).is_some_and(|n| n > 0)
    });
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);

    let home = home_of(&mut lab);
    let bigram = ["--lessons", lessons, "--lesson", "bigram"];
    let mut lab = Lab::start_in(home, 100, 30, &bigram, |_, _| {});
    lab.wait("the wait for a prediction", |screen| {
        screen.contains("waits for your prediction") && steps(screen) == Some(0)
    });
    lab.press(" ");
    lab.wait("why it does not train", |screen| screen.contains("this run waits"));
    lab.press("i");
    lab.wait("the answer line", |screen| screen.contains("your number:"));
    lab.press("1\r");
    lab.wait("how sure", |screen| screen.contains("how sure?"));
    lab.press("5");
    lab.wait("the verdict", |screen| screen.contains("not quite") && screen.contains("sure 5"));
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    kill_process(lab.pid(), Signal::KILL).unwrap();
    lab.child.wait().unwrap();

    let home = home_of(&mut lab);
    let mut lab = Lab::start_in(home, 100, 30, &course, |_, _| {});
    lab.wait("the same page and the answer", |screen| {
        screen.contains("3 A bigram model") && !screen.contains("waits for your prediction")
    });
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
    let kept = std::fs::read_to_string(lab.home.path().join("progress.jsonl")).unwrap();
    let answers = kept.lines().filter(|line| line.contains("\"sure\":5")).count();
    // As it was given, and as the run answered it.
    assert_eq!(answers, 2, "{kept}");
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
    kill_process(lab.pid(), Signal::TERM).unwrap();
    assert_eq!(lab.end().exit_code(), 0);
    assert_eq!(lab.saved(), ["single-head.safetensors"]);
}

#[test]
fn every_signal_that_can_be_caught_gives_the_terminal_back() {
    // SIGQUIT asks for an end that is no success, whatever was saved.
    let signals = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::XCPU];
    for (signal, code) in signals.into_iter().zip([0, 0, 131, 0]) {
        let mut lab = Lab::start(100, 30, &["--lesson", "2"]);
        lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
        kill_process(lab.pid(), signal).unwrap();
        assert_eq!(lab.end().exit_code(), code, "{signal:?}");
        assert_eq!(lab.saved(), ["single-head.safetensors"], "{signal:?}");
    }
}

#[test]
fn signals_that_mean_nothing_change_nothing() {
    let mut lab = Lab::start(100, 30, &["--lesson", "2"]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    for signal in [
        Signal::USR1,
        Signal::USR2,
        Signal::XFSZ,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::PIPE,
    ] {
        kill_process(lab.pid(), signal).unwrap();
        lab.wait_for_steps();
    }
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
}

/// A home in which nothing can be saved, also by root.
fn unwritable(command: &mut CommandBuilder, home: &Path) {
    let file = home.join("file");
    std::fs::write(&file, "").unwrap();
    command.env("GPT_LAB_HOME", file.join("home"));
    command.env("GPT_LAB_THEME", "dark");
}

/// Starts a lab that cannot save, and asks it to leave: it asks back.
fn stuck() -> Lab {
    let mut lab = Lab::start_with(100, 30, &["--lesson", "2"], unwritable);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    lab.press("q");
    lab.wait("the question", |screen| screen.contains("Leave without saving?"));
    lab
}

#[test]
fn a_question_does_not_keep_it_from_leaving_on_a_signal() {
    let mut lab = stuck();
    kill_process(lab.pid(), Signal::TERM).unwrap();
    assert_eq!(lab.end().exit_code(), 143);
}

#[test]
fn a_question_does_not_outlive_the_terminal() {
    let mut lab = stuck();
    // What reads for us ends with the next bytes, and with it the last hand on the terminal.
    lab.output = channel().1;
    lab.resize(31, 101);
    lab.keys = Box::new(std::io::sink());
    lab.master = None;
    let (pid, (sender, ended)) = (lab.pid(), channel());
    std::thread::spawn(move || sender.send(waitpid(Some(pid), WaitOptions::empty())));
    let (_, status) = ended.recv_timeout(PATIENCE).expect("it lives on").unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(129));
}

#[test]
fn late_answers_of_the_terminal_are_no_keys() {
    let mut lab = Lab::start_with(100, 30, &["--lesson", "3"], |_, _| {});
    let query = b"\x1b]11;?\x1b\\\x1b[c";
    lab.wait_for("the question", |lab| lab.written.windows(query.len()).any(|w| w == query));
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    let prompt = lab.text().contains("First Ci");
    let ground =
        |lab: &Lab| format!("{:?}", lab.screen.screen().cell(1, 0).map(vt100::Cell::fgcolor));
    let dark = ground(&lab);
    // In pieces, each much later than a terminal at hand would send it.
    for piece in [
        "\x1b]1",
        "1;rgb:fdf",
        "d/f6f6/e3e3\x1b",
        "\\",
        "\x1b]",
        "10;rgb:0/0/0\x07",
        "\x1bP",
        ">|XTerm(390)",
        "\x1b\\",
        "\x1b[?6",
        "4;1;22c",
        "\x1b[24;",
        "80R",
        "\x1b[",
        "?1u",
        "\x1b_",
        "Gi=1;OK\x1b\\",
    ] {
        lab.press(piece);
        lab.wait_for_steps();
    }
    lab.wait_for("the colours for a light ground", |lab| ground(lab) != dark);
    // Alt with a key that would leave, or ask to start again.
    lab.press("\x1bq");
    lab.press("\x1br");
    lab.wait_for_steps();
    let text = lab.text();
    assert!(text.lines().next().unwrap().contains("3 Multi-head"), "{text}");
    assert!(!text.contains("again?") && text.contains("training"), "{text}");
    assert_eq!(text.contains("First Ci"), prompt, "{text}");
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
}

#[test]
fn keys_that_come_in_one_burst_are_all_taken_at_once() {
    let mut lab = Lab::start(100, 30, &["--lesson", "2"]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    // An even number of zooms, so that the last key meets the screen as it was.
    lab.press(&format!("{}?", "z".repeat(4094)));
    lab.wait("help", |screen| screen.contains("Every key"));
    lab.press("\x1b");
    lab.wait("no help", |screen| !screen.contains("Every key"));
    lab.press("q");
    assert_eq!(lab.end().exit_code(), 0);
}

#[test]
fn a_huge_paste_leaves_the_lab_alive() {
    let mut lab = Lab::start(100, 30, &["--lesson", "2"]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    lab.press("/");
    lab.wait("the prompt", |screen| screen.contains("enter keep"));
    lab.press(&format!("\x1b[200~{}\x1b[201~", "qr to be\r\n".repeat(100_000)));
    kill_process(lab.pid(), Signal::TERM).unwrap();
    assert_eq!(lab.end().exit_code(), 0);
    assert_eq!(lab.saved(), ["single-head.safetensors"]);
}

#[test]
#[cfg(target_os = "linux")] // It looks into /proc.
fn it_comes_back_whole_from_a_stop() {
    let mut lab = Lab::start(100, 30, &[]);
    lab.wait("training", |screen| steps(screen).is_some_and(|n| n > 0));
    let pid = lab.pid();
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
    lab.resize(20, 60);
    lab.wait("what it needs", |screen| {
        screen.contains("at least 80 x 24") && screen.contains("this is 60 x 20")
    });
    lab.resize(40, 120);
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
