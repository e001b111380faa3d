//! Files as they are written: whole or not at all, never in the place of what is not ours, and never over another's.
//!
//! What is written stands in a temporary file beside its place first, `.gpt-lab-` and six letters, under an advisory lock
//! that lasts as long as the file has that name. Whoever can take the lock of such a file knows that its writer is gone,
//! on whatever machine, and may remove it.

mod place;

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub use place::{Input, Taken, require};

const PREFIX: &str = ".gpt-lab-";
/// Random letters and digits after the prefix.
const RANDOM: usize = 6;
/// Names that are tried before the folder is given up.
const TRIES: usize = 16;

/// What may be written into.
pub type Fill<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// Writes a file at `path`, or in the place of the regular file there, whose permissions it keeps. A symbolic link stays,
/// and what it points to is written. A crash at any moment leaves what was there.
///
/// # Errors
/// If something else than a regular file stands there, or the system refuses.
pub fn replace(path: &Path, fill: Fill) -> io::Result<()> {
    let path = place::target(path)?;
    let permissions = match fs::symlink_metadata(&path) {
        Ok(there) if there.is_file() => Some(there.permissions()),
        Ok(there) => return Err(io::Error::other(format!("there is {}", place::kind(&there)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let temporary = filled(folder(&path), permissions, fill)?;
    temporary.persist(&path).map_err(|error| error.error)?;
    sync(folder(&path))
}

/// Writes a file at `path` or, where that name is taken, under the next one that is free: `x.txt`, `x-2.txt`, `x-3.txt`.
/// Gives the name.
///
/// # Errors
/// If the system refuses.
pub fn create(path: &Path, fill: Fill) -> io::Result<PathBuf> {
    let mut temporary = filled(folder(path), None, fill)?;
    for path in names(path) {
        match temporary.persist_noclobber(&path) {
            Ok(_) => {
                sync(folder(&path))?;
                return Ok(path);
            }
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                temporary = taken.file;
            }
            Err(error) => return Err(error.error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Writes a file that only this process needs. It goes when it is dropped; left by a process that was killed, with the
/// next [`clean`] of the folder.
///
/// # Errors
/// If the system refuses.
pub fn scratch(folder: &Path, fill: Fill) -> io::Result<NamedTempFile> {
    #[cfg(unix)]
    let private = Some(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    #[cfg(not(unix))]
    let private = None;
    let file = filled(folder, private, fill)?;
    // Elsewhere a lock keeps its own process from reading, too.
    if cfg!(not(unix)) {
        file.as_file().unlock()?;
    }
    Ok(file)
}

/// Makes a folder of that name or, where it is taken, of the next one that is free, and those that it stands in. Gives
/// its name.
///
/// # Errors
/// If the system refuses.
pub fn create_folder(path: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder(path))?;
    for path in names(path) {
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Finds out whether a file can be written into a folder.
///
/// # Errors
/// If the system refuses.
pub fn probe(folder: &Path) -> io::Result<()> {
    // The kind alone: the name of the temporary file would only puzzle.
    temporary(folder, None).map(drop).map_err(|error| error.kind().into())
}

/// Removes what writers that are gone have left behind in a folder: regular files of ours under temporary names whose
/// lock is free. What cannot be looked at stays.
pub fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| is_temporary(&entry.file_name())) {
        let path = entry.path();
        if fs::symlink_metadata(&path).is_ok_and(|there| there.is_file() && place::is_ours(&there))
            && let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            // One that is gone already has become what it was written for.
            _ = fs::remove_file(&path);
        }
    }
}

fn is_temporary(name: &std::ffi::OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|r| r.len() == RANDOM && r.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The folder that a file stands in.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A name, and those that are tried where it is taken.
fn names(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = move |n: u64| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{n}"));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    };
    std::iter::once(path.to_owned()).chain((2..).map(next))
}

/// A temporary file with its contents on disk.
fn filled(
    folder: &Path,
    permissions: Option<fs::Permissions>,
    fill: Fill,
) -> io::Result<NamedTempFile> {
    clean(folder);
    let temporary = temporary(folder, permissions)?;
    let mut out = BufWriter::new(temporary.as_file());
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// A temporary file under its lock. Without `permissions` it has those that the umask leaves of reading and writing.
fn temporary(folder: &Path, permissions: Option<fs::Permissions>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    builder.permissions(match &permissions {
        Some(permissions) => permissions.clone(),
        None => std::os::unix::fs::PermissionsExt::from_mode(0o666),
    });
    for _ in 0..TRIES {
        let temporary = builder.tempfile_in(folder)?;
        // Someone who cleans up may have come before the lock; a file system without locks keeps what is left behind.
        let lost = matches!(temporary.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if lost || !temporary.path().exists() {
            continue;
        }
        // The umask has taken its part of them.
        if let Some(permissions) = permissions {
            temporary.as_file().set_permissions(permissions)?;
        }
        return Ok(temporary);
    }
    Err(io::Error::other("its temporary file was taken away again and again"))
}

/// Makes a renaming last.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
