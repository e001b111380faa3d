//! What stands where something is to be written, and whether it may be replaced.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Links that are followed one after the other, as many as Linux does.
const MOST_LINKS: usize = 40;

/// A file that is read, and what it is for: `the text (--data)`.
pub type Input<'a> = (&'a Path, &'a str);

/// Something stands in the way of what is to be written.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} {found}; give another name for what is to be written")]
pub struct Taken {
    path: PathBuf,
    found: String,
}

/// Finds out, before the work, whether `path` may be written: nothing stands there, or an empty file, or one that `ours`
/// knows; and it is none of `inputs`, by whatever name or link.
///
/// # Errors
/// If something stands there that would be lost.
pub fn require(path: &Path, inputs: &[Input], ours: fn(&Path) -> bool) -> Result<(), Taken> {
    let taken = |found: String| Err(Taken { path: path.to_owned(), found });
    let target = match target(path) {
        Ok(target) => target,
        Err(error) => return taken(format!("cannot be followed: {error}")),
    };
    // What is not there, or not to be seen, is for the writing to say.
    let Ok(there) = fs::symlink_metadata(&target) else { return Ok(()) };
    if !there.is_file() {
        return taken(format!("is {}, not a file", kind(&there)));
    }
    if let Some((_, what)) = inputs.iter().find(|(input, _)| is_same(input, &target)) {
        return taken(format!("is {what}, which is read and never replaced"));
    }
    if there.len() > 0 && !ours(&target) {
        return taken("is no checkpoint of this program and is not replaced".to_owned());
    }
    Ok(())
}

/// Where a path leads through symbolic links; the last one may point to nothing yet.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !fs::symlink_metadata(&path).is_ok_and(|there| there.is_symlink()) {
            return Ok(path);
        }
        path = super::folder(&path).join(fs::read_link(&path)?);
    }
    Err(io::Error::other("its symbolic links lead nowhere"))
}

/// What it is, where it is no regular file.
pub fn kind(there: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = there.file_type();
        if kind.is_fifo() {
            return "a pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if there.is_dir() { "a directory" } else { "something else" }
}

/// Whether two paths are the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) {
        use std::os::unix::fs::MetadataExt;
        // Hard links are one file under several names.
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether a file belongs to whoever runs this program.
pub fn is_ours(there: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        there.uid() == rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        _ = there;
        true
    }
}
