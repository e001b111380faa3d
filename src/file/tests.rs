use std::collections::BTreeSet;

use super::*;

fn text(text: &'static str) -> impl FnMut(&mut dyn Write) -> io::Result<()> {
    move |out| out.write_all(text.as_bytes())
}

fn listed(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_that_fails_half_way_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    replace(&path, &mut text("whole")).unwrap();
    let fails = replace(&path, &mut |out| {
        out.write_all(b"ha")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!(fails.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    assert_eq!(listed(folder.path()), ["x".to_owned()].into());
}

#[cfg(unix)]
#[test]
fn permissions_are_kept_and_new_ones_are_the_umasks() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode =
        |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    fs::write(folder.path().join("plain"), "").unwrap();
    for name in ["replaced", "created"] {
        let path = folder.path().join(name);
        if name == "created" {
            create(&path, &mut text("a")).unwrap();
        } else {
            replace(&path, &mut text("a")).unwrap();
        }
        assert_eq!(mode(name), mode("plain"));
    }
    for kept in [0o600, 0o640, 0o666, 0o444] {
        let path = folder.path().join("replaced");
        fs::set_permissions(&path, PermissionsExt::from_mode(kept)).unwrap();
        replace(&path, &mut text("b")).unwrap();
        assert_eq!(mode("replaced"), kept);
    }
}

#[cfg(unix)]
#[test]
fn links_stay_and_what_they_point_to_is_written() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("far")).unwrap();
    symlink("far/there", at("second")).unwrap();
    symlink("second", at("first")).unwrap();
    for written in ["new", "anew"] {
        // The first time the link points to nothing yet.
        replace(&at("first"), &mut text(written)).unwrap();
        assert_eq!(fs::read_to_string(at("far/there")).unwrap(), written);
        assert!(at("first").is_symlink() && at("second").is_symlink());
    }
    symlink("loop", at("loop")).unwrap();
    assert!(replace(&at("loop"), &mut text("")).is_err());
    assert!(require(&at("loop"), &[], |_| true).unwrap_err().to_string().contains("lead nowhere"));
    assert!(at("loop").is_symlink());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_of_ours_is_never_replaced() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    for (path, what) in [
        (PathBuf::from("/dev/null"), "a device"),
        (folder.path().to_owned(), "a directory"),
        (at("socket"), "a socket"),
    ] {
        let said = require(&path, &[], |_| true).unwrap_err().to_string();
        assert!(said.contains(what), "{said}");
        assert!(replace(&path, &mut text("lost")).is_err());
    }
    fs::write(at("notes"), "mine").unwrap();
    fs::write(at("empty"), "").unwrap();
    assert!(require(&at("notes"), &[], |_| false).is_err());
    for (name, ours) in [("empty", (|_| false) as fn(&Path) -> bool), ("notes", |_| true)] {
        require(&at(name), &[], ours).unwrap();
    }
    fs::hard_link(at("notes"), at("hard")).unwrap();
    symlink("notes", at("soft")).unwrap();
    for name in ["notes", "hard", "soft"] {
        let said = require(&at(name), &[(&at("notes"), "the text (--data)")], |_| true);
        assert!(said.unwrap_err().to_string().contains("the text (--data)"), "{name}");
    }
}

#[test]
fn only_what_dead_writers_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let alive = temporary(folder.path(), None).unwrap();
    let alive_name = alive.path().file_name().unwrap().to_str().unwrap().to_owned();
    let others = [".gpt-lab-short", ".gpt-lab-notours", ".gpt-lab-ab-def", "gpt-lab-abcdef", "x"];
    for name in others.iter().chain(&[".gpt-lab-abc123"]) {
        fs::write(at(name), "half").unwrap();
    }
    fs::create_dir(at(".gpt-lab-folder")).unwrap();
    replace(&at("new"), &mut text("whole")).unwrap();
    let left = others.map(str::to_owned).into_iter();
    let left = left.chain([alive_name, ".gpt-lab-folder".to_owned(), "new".to_owned()]);
    // Five letters are no name of ours, and neither are seven.
    assert_eq!(listed(folder.path()), left.collect());
}

#[test]
fn many_that_write_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = || {
        let file = create(&at("x.txt"), &mut text("whole")).unwrap();
        let folder = create_folder(&at("runs/now")).unwrap();
        (file, folder)
    };
    let written: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| [write(), write()])).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let files: BTreeSet<_> = written.iter().map(|(file, _)| file).collect();
    let folders: BTreeSet<_> = written.iter().map(|(_, folder)| folder).collect();
    assert_eq!((files.len(), folders.len()), (16, 16));
    assert!(files.contains(&at("x.txt")) && files.contains(&at("x-16.txt")), "{files:?}");
    assert!(files.iter().all(|file| fs::read(file).unwrap() == b"whole"));
}
