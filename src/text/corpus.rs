//! The text that a model learns from: named on the command line, in the environment, fetched, or our own play.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::TextError;
use super::folder;
use super::reading::{self, Unread};
use super::shown;

/// The environment variable that names a text file.
pub const DATA_VARIABLE: &str = "GPT_LAB_DATA";

/// Tiny Shakespeare, the lecture's corpus: 1,115,394 characters, 65 different ones.
pub const TINY_SHAKESPEARE_URL: &str =
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt";
pub const TINY_SHAKESPEARE_SHA256: &str =
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed";
/// Its size in bytes, which is also its number of characters.
pub const TINY_SHAKESPEARE_BYTES: u64 = 1_115_394;

const TINY_SHAKESPEARE: &str = "Tiny Shakespeare";
const PLAY: &str = include_str!("../../data/play.txt");

/// Where a corpus came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file named on the command line.
    File(PathBuf),
    /// The file named by `GPT_LAB_DATA`.
    Environment(PathBuf),
    /// What `gpt-lab data fetch` downloaded.
    Fetched(PathBuf),
    /// The play in the binary.
    Bundled,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) if path == Path::new("-") => f.write_str("standard input (--data -)"),
            Self::File(path) => write!(f, "{} (--data)", printable(path)),
            Self::Environment(path) => write!(f, "{} ({DATA_VARIABLE})", printable(path)),
            Self::Fetched(path) => write!(f, "{} (fetched)", printable(path)),
            Self::Bundled => f.write_str("in this program"),
        }
    }
}

fn printable(path: &Path) -> String {
    shown::escaped(&path.to_string_lossy())
}

/// A text and where it came from. The text is exactly the file's: its line ends are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    pub text: String,
    /// What to call it on a screen.
    pub name: String,
    pub source: Source,
}

impl Corpus {
    /// The play that is part of the program.
    pub fn bundled() -> Self {
        Self { text: PLAY.to_owned(), name: "the bundled play".to_owned(), source: Source::Bundled }
    }

    /// A text from a file.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read, is too long, not UTF-8 or empty.
    pub fn read(source: Source) -> Result<Self, TextError> {
        Self::read_watched(source, &mut |_| ())
    }

    /// The same; `progress` hears how many bytes have been read.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_watched(source: Source, progress: &mut dyn FnMut(u64)) -> Result<Self, TextError> {
        let (path, given_by) = match &source {
            Source::File(path) => (path, "--data"),
            Source::Environment(path) => (path, DATA_VARIABLE),
            Source::Fetched(path) => (path, folder::HOME_VARIABLE),
            Source::Bundled => return Ok(Self::bundled()),
        };
        let text = read_text(path, given_by, progress)?;
        let file_name = || match path.file_name().unwrap_or(path.as_os_str()).to_string_lossy() {
            name if name == "-" => "standard input".to_owned(),
            name => shown::excerpt(&name),
        };
        let digest = sha256(text.as_bytes());
        let name = if digest == TINY_SHAKESPEARE_SHA256 {
            TINY_SHAKESPEARE.to_owned()
        } else {
            file_name()
        };
        if matches!(source, Source::Fetched(_)) && digest != TINY_SHAKESPEARE_SHA256 {
            return Err(TextError::Damaged {
                path: path.clone(),
                expected: TINY_SHAKESPEARE_SHA256,
                found: digest,
            });
        }
        if text.is_empty() {
            return Err(TextError::Empty { name });
        }
        Ok(Self { text, name, source })
    }
}

fn read_text(
    path: &Path,
    given_by: &'static str,
    progress: &mut dyn FnMut(u64),
) -> Result<String, TextError> {
    let most = reading::max_text().map_err(|found| TextError::Bound { found })?;
    let bytes = reading::read(path, most, progress).map_err(|error| match error {
        Unread::Long => TextError::Long { path: path.to_owned(), most: most >> 20 },
        Unread::Failed(source) => match source.kind() {
            std::io::ErrorKind::NotFound => TextError::Missing { path: path.to_owned(), given_by },
            _ if path.is_dir() => TextError::Directory { path: path.to_owned(), given_by },
            _ => TextError::Unreadable { path: path.to_owned(), source },
        },
    })?;
    text_of(bytes, path)
}

/// The text that some bytes of a file are.
fn text_of(bytes: Vec<u8>, path: &Path) -> Result<String, TextError> {
    if let Some(encoding) = reading::wide_encoding(&bytes) {
        return Err(TextError::Wide { path: path.to_owned(), encoding });
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        TextError::NotUtf8 { path: path.to_owned(), offset, found: error.as_bytes()[offset] }
    })
}

/// The corpus to train on: the file `explicit`, else the file in `GPT_LAB_DATA`, else the fetched Tiny Shakespeare, else
/// the bundled play.
///
/// # Errors
/// If the first of these that is there cannot be read, is not UTF-8 or is empty, or the fetched file is damaged. A file
/// that was asked for is never silently replaced by another.
pub fn resolve(explicit: Option<&Path>) -> Result<Corpus, TextError> {
    Corpus::read(source(explicit))
}

/// Where the corpus to train on is, as [`resolve`] looks for it.
pub fn source(explicit: Option<&Path>) -> Source {
    let environment = std::env::var_os(DATA_VARIABLE).map(PathBuf::from);
    source_among(explicit, environment, fetched_path())
}

fn source_among(
    explicit: Option<&Path>,
    environment: Option<PathBuf>,
    fetched: Option<PathBuf>,
) -> Source {
    if let Some(path) = explicit {
        Source::File(path.to_owned())
    } else if let Some(path) = environment.filter(|path| !path.as_os_str().is_empty()) {
        Source::Environment(path)
    } else if let Some(path) = fetched.filter(|path| path.exists()) {
        Source::Fetched(path)
    } else {
        Source::Bundled
    }
}

/// Where the fetched Tiny Shakespeare is or would be; `None` where the user has no home folder.
pub fn fetched_path() -> Option<PathBuf> {
    Some(folder::data()?.join("tinyshakespeare.txt"))
}

/// The SHA-256 of some bytes in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    fn resolve_among(
        explicit: Option<&Path>,
        environment: Option<PathBuf>,
        fetched: Option<PathBuf>,
    ) -> Result<Corpus, TextError> {
        Corpus::read(source_among(explicit, environment, fetched))
    }

    fn message(result: Result<Corpus, TextError>) -> String {
        let message = result.unwrap_err().to_string();
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    }

    #[test]
    fn the_first_source_that_is_named_counts() {
        let files = Files::new();
        let [explicit, environment] =
            ["explicit", "environment"].map(|name| files.write(name, name.as_bytes()));
        let corpus = resolve_among(Some(&explicit), Some(environment.clone()), None).unwrap();
        assert_eq!((corpus.text.as_str(), corpus.name.as_str()), ("explicit", "explicit"));
        assert_eq!(corpus.source, Source::File(explicit));
        let corpus = resolve_among(None, Some(environment.clone()), None).unwrap();
        assert_eq!(
            (corpus.text.as_str(), corpus.source),
            ("environment", Source::Environment(environment))
        );
        for nothing in [None, Some(PathBuf::new())] {
            let absent = files.0.path().join("not fetched");
            assert_eq!(resolve_among(None, nothing, Some(absent)).unwrap().source, Source::Bundled);
        }
    }

    #[test]
    fn a_named_file_that_is_missing_is_an_error() {
        let files = Files::new();
        let absent = files.0.path().join("absent.txt");
        let there = files.write("there", b"text");
        let said = message(resolve_among(Some(&absent), Some(there), None));
        assert!(
            said.contains("absent.txt")
                && said.contains("does not exist")
                && said.contains("--data"),
            "{said}"
        );
        let said = message(resolve_among(None, Some(absent), None));
        assert!(said.contains("GPT_LAB_DATA"), "{said}");
    }

    #[test]
    fn a_directory_is_named_as_one() {
        let files = Files::new();
        let said = message(resolve_among(Some(files.0.path()), None, None));
        assert!(said.contains("is a directory"), "{said}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_located() {
        let files = Files::new();
        let path = files.write(
            "latin1.txt",
            "é caf".bytes().chain([0xe9, b'!']).collect::<Vec<_>>().as_slice(),
        );
        let said = message(resolve_among(Some(&path), None, None));
        assert!(said.contains("not UTF-8: byte 0xe9 at offset 6"), "{said}");
        let path = files.write("cut.txt", &"日".as_bytes()[..2]);
        let said = message(resolve_among(Some(&path), None, None));
        assert!(said.contains("byte 0xe6 at offset 0"), "{said}");
    }

    #[test]
    fn a_text_in_utf16_is_called_so() {
        let files = Files::new();
        let bytes: Vec<u8> = "\u{feff}a text".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (from, encoding) in [(0, "UTF-16"), (2, "UTF-16LE")] {
            let path = files.write("wide.txt", &bytes[from..]);
            let said = message(resolve_among(Some(&path), None, None));
            assert!(said.contains(&format!("iconv -f {encoding} -t UTF-8")), "{said}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_no_part_of_a_name() {
        let files = Files::new();
        let path = files.write("a\u{1b}[31mb.txt", b"text");
        let corpus = resolve_among(Some(&path), None, None).unwrap();
        assert_eq!(corpus.name, r"a\u{1b}[31mb.txt");
        assert!(corpus.source.to_string().contains(r"a\u{1b}[31mb.txt"), "{}", corpus.source);
    }

    #[test]
    fn an_empty_file_is_an_error() {
        let files = Files::new();
        let said = message(resolve_among(Some(&files.write("empty.txt", b"")), None, None));
        assert!(said.contains("empty.txt is empty"), "{said}");
    }

    #[test]
    fn a_text_keeps_its_line_ends_and_its_mark() {
        let files = Files::new();
        let text = "\u{feff}one\r\ntwo\rthree\n";
        assert_eq!(
            resolve_among(Some(&files.write("dos", text.as_bytes())), None, None).unwrap().text,
            text
        );
    }

    #[test]
    fn a_fetched_file_is_checked() {
        let files = Files::new();
        let said = message(resolve_among(
            None,
            None,
            Some(files.write("tinyshakespeare.txt", b"First Citizen")),
        ));
        assert!(said.contains("damaged") && said.contains(TINY_SHAKESPEARE_SHA256), "{said}");
        assert!(
            said.contains(&sha256(b"First Citizen")) && said.contains("gpt-lab data fetch"),
            "{said}"
        );
    }

    #[test]
    fn sha256_of_abc() {
        // FIPS 180-2, appendix B.1
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_play_stands_in_the_layout_of_tiny_shakespeare() {
        let play = Corpus::bundled().text;
        assert!(play.len() >= 64 << 10, "the play has {} bytes", play.len());
        assert!(play.is_ascii() && !play.contains(['\r', '\t']));
        assert!(play.ends_with('\n') && !play.contains("\n\n\n"));
        for speech in play.trim_end().split("\n\n") {
            let mut lines = speech.lines();
            let speaker = lines.next().unwrap();
            assert!(speaker.ends_with(':'), "{speaker:?} is no speaker");
            assert!(
                lines.next().is_some_and(|line| !line.trim().is_empty()),
                "{speaker} says nothing"
            );
        }
    }
}
