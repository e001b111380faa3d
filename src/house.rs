//! How the house stands, read off its own source: which folder may know which, which files know each other, and who names
//! kinds of networks and tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that only tests are made of.
const TESTS: [&str; 6] = ["tests", "testing", "fixture", "late", "turns", "house"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of `src/` that is no test's, by its module path, without comments and tests.
fn modules() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(root().join("src")).unwrap().with_extension("");
            let names: Vec<_> = inside.iter().map(|name| name.to_str().unwrap()).collect();
            let is_test = names.iter().any(|name| TESTS.contains(name));
            if path.extension().is_none_or(|extension| extension != "rs") || is_test {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
            found.insert(names.join("::"), code.collect::<Vec<_>>().join("\n"));
        }
    }
    assert!(found.len() > 150, "the source is where it was built: {}", found.len());
    found
}

/// The folders in ARCHITECTURE.md's order.
fn order() -> Vec<String> {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("/` |"));
    rows.map(|(folder, _)| folder.to_owned()).collect()
}

/// What is imported or named by its path, `crate::` in front where it stands there.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for item in code.split("use ").skip(1) {
        spread("", item.split(';').next().unwrap_or_default(), &mut found);
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            found.push(code[at..].chars().take_while(|c| path(*c)).collect());
        }
    }
    found
}

/// `a::{b, c::{d, e}}` is a::b, a::c::d and a::c::e.
fn spread(before: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return found.push(format!("{before}{path}").trim_end_matches("::self").to_owned());
    };
    let body = rest.rsplit_once('}').map_or(rest, |(body, _)| body);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = &body[start..at];
                if !branch.trim().is_empty() {
                    spread(&format!("{before}{head}"), branch, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The file that a path leads to, as seen from a module.
fn target(path: &str, from: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let mut at: Vec<&str> = from.split("::").collect();
    let mut names = path.split("::").peekable();
    if names.next_if_eq(&"crate").is_some() {
        at.clear();
    } else {
        while names.next_if_eq(&"super").is_some() {
            at.pop();
        }
        names.next_if_eq(&"self");
    }
    at.extend(names);
    while !at.is_empty() {
        let name = at.join("::");
        if modules.contains_key(&name) {
            return Some(name);
        }
        at.pop();
    }
    None
}

#[test]
fn a_folder_imports_only_from_those_above_it() {
    let order = order();
    let place = |folder: &str| order.iter().position(|known| known == folder);
    let modules = modules();
    for (module, code) in &modules {
        let Some(own) = place(module.split("::").next().unwrap()) else { continue };
        for path in paths(code) {
            let Some(folder) =
                path.strip_prefix("crate::").and_then(|path| path.split("::").next())
            else {
                continue;
            };
            if let Some(other) = place(folder) {
                assert!(other <= own, "{module} uses {path}, which stands below it");
            }
        }
    }
    let folders: BTreeSet<_> = modules.keys().filter_map(|m| m.split("::").next()).collect();
    let listed: BTreeSet<_> = order.iter().map(String::as_str).chain(["lib", "main"]).collect();
    assert_eq!(folders, listed, "ARCHITECTURE.md lists every folder");
}

#[test]
fn the_library_lists_its_folders_in_the_same_order() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split_once('`'));
    assert_eq!(rows.map(|(folder, _)| folder).collect::<Vec<_>>(), order());
}

/// Files that import each other, directly or round a corner. A file and the parts in its own folder are one.
#[test]
fn no_files_of_a_folder_go_round_in_a_circle() {
    let modules = modules();
    let kin = |a: &str, b: &str| {
        a == b || a.starts_with(&format!("{b}::")) || b.starts_with(&format!("{a}::"))
    };
    let knows: BTreeMap<&str, BTreeSet<String>> = modules
        .iter()
        .map(|(module, code)| {
            let found = paths(code).into_iter().filter_map(|path| target(&path, module, &modules));
            let others = found.filter(|other| !kin(module, other));
            let folder = |name: &str| name.split("::").next().map(str::to_owned);
            let own = others.filter(|other| folder(other) == folder(module));
            (module.as_str(), own.collect())
        })
        .collect();
    for start in knows.keys() {
        let (mut seen, mut next) = (BTreeSet::new(), vec![*start]);
        while let Some(module) = next.pop() {
            for other in &knows[module] {
                assert_ne!(other, start, "{start} is known to {module}, which it leads to");
                if seen.insert(other.as_str()) {
                    next.push(other);
                }
            }
        }
    }
}

#[test]
fn only_models_tasks_and_stages_name_kinds() {
    let kinds: Vec<_> = crate::model::KINDS
        .iter()
        .map(|kind| format!("{:?}", kind.architecture))
        .map(|name| format!("Architecture::{name}"))
        .collect();
    for (module, code) in modules() {
        let folder = module.split("::").next().unwrap();
        if !["lab", "train", "cli", "probe", "lesson"].contains(&folder)
            || module.starts_with("cli::verify")
        {
            continue;
        }
        for word in
            ["Architecture", "Task::", "::Task;"].into_iter().chain(kinds.iter().map(|k| &**k))
        {
            assert!(!code.contains(word), "{module} names {word}");
        }
        for model in ["gpt", "bigram", "encoder_decoder", "vae", "gan", "before_attention"] {
            let path = format!("crate::model::{model}");
            assert!(!code.contains(&path), "{module} names {path}");
        }
    }
}

/// Activations are named by cards alone; a word that means something else as well does not count.
#[test]
fn nobody_who_draws_or_trains_names_an_activation() {
    const WORDS: [&str; 5] = ["answer", "target", "image", "memory", "real"];
    let mut names = BTreeSet::new();
    for stage in crate::stage::STAGES.iter().filter(|stage| stage.name != "scaled-up") {
        let card = crate::model::build(&stage.config(65, 1).model).unwrap().card();
        names.extend(card.flow.into_iter().filter(|part| part.seen).map(|part| part.name));
    }
    assert!(names.len() > 40, "{names:?}");
    for (module, code) in modules() {
        if !["lab", "train"].contains(&module.split("::").next().unwrap()) {
            continue;
        }
        for name in names.iter().filter(|name| !WORDS.contains(&name.as_str())) {
            assert!(!code.contains(&format!("\"{name}\"")), "{module} names {name}");
        }
    }
}
