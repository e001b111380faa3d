//! Downloads Tiny Shakespeare: checked before it is kept, whole or not at all.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::corpus::{TINY_SHAKESPEARE_BYTES, TINY_SHAKESPEARE_SHA256, sha256};
use crate::file;

/// How long reaching the other side may take.
const CONNECT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(
        "could not download {url}: {reason}; check the network, or give any text with --data FILE"
    )]
    Download { url: String, reason: String },
    #[error(
        "{url} is not Tiny Shakespeare: expected {TINY_SHAKESPEARE_BYTES} bytes with SHA-256 {TINY_SHAKESPEARE_SHA256}, \
         found {found}; nothing was kept, try another --url"
    )]
    Different { url: String, found: String },
    #[error("could not write {path:?}: {source}; choose another folder with GPT_LAB_HOME")]
    Write { path: PathBuf, source: std::io::Error },
}

/// Downloads `url` within `timeout`, checks that it is Tiny Shakespeare, and only then puts it at `path` in one move.
/// `progress` hears the number of bytes so far.
///
/// # Errors
/// If the download fails or takes too long, is another text, or cannot be written. The file at `path` is then as it was,
/// and nothing else is left behind.
pub fn fetch(
    url: &str,
    path: &Path,
    timeout: Duration,
    mut progress: impl FnMut(u64),
) -> Result<(), FetchError> {
    let bytes = download(url, timeout, &mut progress)
        .map_err(|reason| FetchError::Download { url: url.to_owned(), reason })?;
    let digest = sha256(&bytes);
    if digest != TINY_SHAKESPEARE_SHA256 {
        let size = bytes.len() as u64;
        let found = if size > TINY_SHAKESPEARE_BYTES {
            format!("more than {TINY_SHAKESPEARE_BYTES} bytes")
        } else {
            format!("{size} bytes with {digest}")
        };
        return Err(FetchError::Different { url: url.to_owned(), found });
    }
    write(path, &bytes).map_err(|source| FetchError::Write { path: path.to_owned(), source })
}

/// The body in memory, cut one byte after the size it should have.
fn download(
    url: &str,
    timeout: Duration,
    progress: &mut impl FnMut(u64),
) -> Result<Vec<u8>, String> {
    let config = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT.min(timeout)))
        .timeout_connect(Some(CONNECT.min(timeout)))
        .timeout_global(Some(timeout))
        .build();
    let response = ureq::Agent::from(config).get(url).call().map_err(one_line)?;
    let mut body = response.into_body().into_reader().take(TINY_SHAKESPEARE_BYTES + 1);
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let read = body.read(&mut chunk).map_err(one_line)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&chunk[..read]);
        progress(bytes.len() as u64);
    }
}

fn one_line(error: impl std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(file::folder(path))?;
    file::replace(path, &mut |out| out.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with `answer` and hangs up; its address.
    fn serve(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/input.txt", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            let _ = stream.write_all(&answer); // the client may have heard enough
        });
        url
    }

    fn ok(length: usize, body: &[u8]) -> Vec<u8> {
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        answer.extend_from_slice(body);
        answer
    }

    /// Fetches over an earlier file, which must survive; the error.
    fn failure(answer: Vec<u8>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tinyshakespeare.txt");
        std::fs::write(&path, "earlier").unwrap();
        let error =
            fetch(&serve(answer), &path, Duration::from_secs(20), |_| ()).unwrap_err().to_string();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "earlier");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "something was left behind"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }

    #[test]
    fn another_text_is_not_kept() {
        let said = failure(ok(5, b"Hello"));
        assert!(said.contains("found 5 bytes with") && said.contains(&sha256(b"Hello")), "{said}");
    }

    #[test]
    fn an_endless_text_is_not_read_to_its_end() {
        let said = failure(ok(1 << 40, &vec![b'x'; TINY_SHAKESPEARE_BYTES as usize + 100]));
        assert!(said.contains("found more than 1115394 bytes"), "{said}");
    }

    #[test]
    fn a_broken_connection_is_an_error() {
        let said = failure(ok(1000, b"First Citizen:"));
        assert!(said.contains("could not download http://127.0.0.1"), "{said}");
    }

    #[test]
    fn a_refusal_names_its_status() {
        let said = failure(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
        assert!(said.contains("404"), "{said}");
    }

    #[test]
    fn silence_ends_with_the_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("tinyshakespeare.txt");
        let error = fetch(&url, &path, Duration::from_millis(200), |_| ()).unwrap_err().to_string();
        assert!(error.contains("timeout"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// Runs where `GPT_LAB_DATA` names Tiny Shakespeare.
    #[test]
    fn the_right_text_is_kept() {
        let Some(text) = std::env::var_os("GPT_LAB_DATA").and_then(|file| std::fs::read(file).ok())
        else {
            return;
        };
        if sha256(&text) != TINY_SHAKESPEARE_SHA256 {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("tinyshakespeare.txt");
        let mut heard = Vec::new();
        fetch(&serve(ok(text.len(), &text)), &path, Duration::from_secs(20), |bytes| {
            heard.push(bytes);
        })
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), text);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(heard.last(), Some(&TINY_SHAKESPEARE_BYTES));
    }
}
