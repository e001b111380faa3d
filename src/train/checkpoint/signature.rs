//! What a file is that is no safetensors file, by its first bytes, and what to do about it.

/// Bytes that are looked at.
pub const LOOKED_AT: usize = 4096;

/// Kinds of files that people take for a checkpoint, by what they begin with.
const BEGINNINGS: [(&[u8], &str); 10] = [
    (b"GGUF", "it is a GGUF file, of llama.cpp"),
    (b"\x93NUMPY", "it is a NumPy array (.npy)"),
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, of Keras"),
    (
        b"version https://git-lfs",
        "it is a git-LFS pointer in the place of the file: bring the file itself with `git lfs pull`",
    ),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it first"),
    (b"\xfd7zXZ\0", "it is compressed with xz: unpack it first"),
    (b"BZh", "it is compressed with bzip2: unpack it first"),
    (b"\x7fELF", "it is a program"),
    (b"%PDF", "it is a PDF document"),
];
const PICKLE: &str =
    "it is a pickle of torch.save: in Python, save its state_dict with safetensors.torch.save_file";

/// What the file that begins with these bytes is, as a clause; `None` where they tell nothing.
pub fn of(start: &[u8]) -> Option<&'static str> {
    let start = &start[..start.len().min(LOOKED_AT)];
    let holds = |what: &[u8]| start.windows(what.len()).any(|window| window == what);
    if start.is_empty() {
        return Some("it is empty");
    }
    if let Some((_, what)) = BEGINNINGS.iter().find(|(beginning, _)| start.starts_with(beginning)) {
        return Some(what);
    }
    if start.starts_with(b"PK\x03\x04") {
        return Some(if holds(b"data.pkl") || holds(b"/version") {
            PICKLE
        } else if holds(b".npy") {
            "it is an archive of NumPy arrays (.npz)"
        } else {
            "it is a zip archive"
        });
    }
    // Protocols 2 to 5.
    if matches!(start, [0x80, 2..=5, ..]) {
        return Some(PICKLE);
    }
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.valid_up_to() + 4 > LOOKED_AT => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    // The length that a safetensors file begins with has bytes of 0.
    if text.contains('\0') {
        return None;
    }
    let beginning = text.get(..text.len().min(9)).unwrap_or(text).to_ascii_lowercase();
    Some(if beginning.starts_with("<!doctype") || beginning.starts_with("<html") {
        "it is a page of HTML: the download brought a web page instead of the file"
    } else if text.starts_with(['{', '[']) {
        "it is JSON"
    } else {
        "it is a text"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_it_is() {
        let says = |bytes: &[u8]| of(bytes).unwrap_or("nothing");
        assert_eq!(says(b""), "it is empty");
        assert!(says(b"PK\x03\x04\x00\x00\x08\x08archive/data.pkl").contains("torch.save"));
        assert!(says(b"PK\x03\x04\x14\x00arr_0.npy").contains(".npz"));
        assert!(says(b"PK\x03\x04\x14\x00letter.docx").contains("zip"));
        assert!(says(b"\x80\x02}q\x00(X").contains("torch.save"));
        assert!(says(b"GGUF\x03\x00\x00\x00").contains("GGUF"));
        assert!(says(b"version https://git-lfs.github.com/spec/v1\n").contains("git lfs pull"));
        assert!(says(b"\n<!DOCTYPE html>").contains("HTML") && says(b"<HTML>").contains("HTML"));
        assert!(says(b"\x1f\x8b\x08").contains("gzip"));
        assert_eq!(says(b"{\"a\": 1}"), "it is JSON");
        assert_eq!(says("First Citizen:\né".as_bytes()), "it is a text");
        assert_eq!(says(&"é".repeat(4000).into_bytes()[..4097]), "it is a text");
        // A safetensors file begins with its header's length.
        assert_eq!(says(b"\x40\0\0\0\0\0\0\0{\"w\":"), "nothing");
        assert_eq!(says(&[0xff; 100]), "nothing");
    }
}
