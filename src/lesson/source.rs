//! This program's own source, to be shown beside a lesson: whole items, found by their names.
//!
//! A region is called as Rust calls it, without the crate: `math::plain::softmax::forward`, `nn::linear::Linear::forward`.
//! There are no markers, so that none can be left behind when code moves; a name that is gone is an error that says what
//! there is instead. The source is rustfmt's, and that is all that is known of its grammar: an item ends where a line closes
//! it at its own depth.

use std::ops::Range;

macro_rules! files {
    ($($file:literal),+ $(,)?) => {
        /// What can be shown: the name of each file, without `.rs`, and its text.
        const FILES: &[(&str, &str)] = &[$(
            ($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/", $file, ".rs")))
        ),+];
    };
}

files![
    "math/plain/activation",
    "math/plain/adamw",
    "math/plain/attention",
    "math/plain/averages",
    "math/plain/cross_entropy",
    "math/plain/fault",
    "math/plain/gru",
    "math/plain/layer_norm",
    "math/plain/linear",
    "math/plain/lstm",
    "math/plain/masking",
    "math/plain/overflow",
    "math/plain/softmax",
    "math/activation",
    "math/attention",
    "math/attention/scores",
    "math/averages",
    "math/cosine",
    "math/cross_entropy",
    "math/gate",
    "math/gemm",
    "math/logistic",
    "math/norm",
    "math/random",
    "math/softmax",
    "math/vector",
    "nn/activation",
    "nn/attention",
    "nn/attention/cache",
    "nn/attention/query_key",
    "nn/block",
    "nn/dropout",
    "nn/embedding",
    "nn/faulty_attention",
    "nn/feed_forward",
    "nn/init",
    "nn/layer_norm",
    "nn/linear",
    "nn/mlp",
    "nn/parameters",
    "nn/pass",
    "nn/position",
    "nn/residual",
    "nn/rows",
    "nn/before_attention/conv_block",
    "nn/before_attention/conv_gru",
    "nn/before_attention/convolution",
    "nn/before_attention/hops",
    "nn/before_attention/recurrent",
    "nn/before_attention/recurrent/gru",
    "nn/before_attention/recurrent/lstm",
    "nn/before_attention/recurrent/rnn",
    "model/bigram",
    "model/gpt",
    "model/gan",
    "model/sampling",
    "model/token_shard",
    "model/vae",
    "model/vae/inference",
    "model/encoder_decoder/decoding",
    "model/encoder_decoder/layers",
    "model/encoder_decoder/stacks",
    "model/before_attention/conv",
    "model/before_attention/memory",
    "model/before_attention/neural_gpu",
    "model/before_attention/recurrent",
    "text/batches",
    "text/ngram",
    "text/tokenizer/characters",
    "text/tokenizer/words",
    "text/windows",
    "task/points/judge",
    "train/adamw",
    "train/generation",
    "train/schedule",
];

/// A formula in its plainest form, and the function that training calls for it.
const KERNELS: &[(&str, &str)] = &[
    ("math::plain::activation::relu", "math::activation::relu"),
    ("math::plain::activation::relu_derivative", "math::activation::relu_backward"),
    ("math::plain::activation::gelu", "math::activation::gelu"),
    ("math::plain::activation::gelu_derivative", "math::activation::gelu_backward"),
    ("math::plain::activation::gelu_tanh", "math::activation::gelu_tanh"),
    ("math::plain::activation::gelu_tanh_derivative", "math::activation::gelu_tanh_backward"),
    ("math::plain::adamw::update", "train::adamw::update"),
    ("math::plain::attention::forward", "math::attention::forward"),
    ("math::plain::attention::backward", "math::attention::backward"),
    ("math::plain::cross_entropy::forward", "math::cross_entropy::losses"),
    ("math::plain::cross_entropy::backward", "math::cross_entropy::cross_entropy_backward"),
    ("math::plain::gru::forward", "nn::before_attention::recurrent::gru::forward"),
    ("math::plain::gru::backward", "nn::before_attention::recurrent::gru::backward"),
    ("math::plain::layer_norm::forward", "math::norm::forward"),
    ("math::plain::layer_norm::backward", "math::norm::backward"),
    ("math::plain::linear::forward", "math::vector::add_row_times_matrix"),
    ("math::plain::lstm::forward", "nn::before_attention::recurrent::lstm::forward"),
    ("math::plain::lstm::backward", "nn::before_attention::recurrent::lstm::backward"),
    ("math::plain::softmax::forward", "math::attention::scores::softmax_rows"),
    ("math::plain::softmax::backward", "math::attention::scores::softmax_rows_backward"),
];

/// An item of the source, with what is written above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// As it was asked for.
    pub name: String,
    /// `src/math/plain/softmax.rs`
    pub file: String,
    /// Number of its first line in the file, from 1.
    pub first_line: usize,
    pub text: &'static str,
    /// What the file says of itself first: its formula, where it has one.
    pub formula: String,
    /// The region that computes the same as training does, if this is a plain form that has such.
    pub kernel: Option<&'static str>,
}

/// There is no such region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownRegion {
    #[error(
        "there is no source of {0:?}: expected a path like \"math::plain::softmax::forward\", in a file that src/lesson/source.rs lists"
    )]
    File(String),
    #[error("there is no {item:?} in {file}: choose one of {}", known.join(", "))]
    Item { item: String, file: String, known: Vec<String> },
}

impl Region {
    /// Index of the first line, comments last, that has this part.
    pub fn line(&self, part: &str) -> Option<usize> {
        let at = |comments: bool| {
            let mut lines = self.text.lines();
            lines.position(|line| {
                line.contains(part) && line.trim_start().starts_with("//") == comments
            })
        };
        at(false).or_else(|| at(true))
    }
}

/// The region of this name.
///
/// # Errors
/// If there is none; the message names those of its file.
pub fn region(name: &str) -> Result<Region, UnknownRegion> {
    // The longest file name that fits: `nn/attention/cache` before `nn/attention`.
    let rest = |file: &str| {
        name.strip_prefix(&file.replace('/', "::"))?.strip_prefix("::").map(str::to_owned)
    };
    let fitting = FILES.iter().filter_map(|(file, text)| Some((rest(file)?, *file, *text)));
    let Some((wanted, file, text)) = fitting.max_by_key(|(_, file, _)| file.len()) else {
        return Err(UnknownRegion::File(name.to_owned()));
    };
    let file = format!("src/{file}.rs");
    let items = items(text);
    let Some(item) = items.iter().find(|item| item.path == wanted) else {
        let known = items.into_iter().map(|item| item.path).collect();
        return Err(UnknownRegion::Item { item: wanted, file, known });
    };
    let kernel = KERNELS.iter().find(|(plain, _)| *plain == name);
    Ok(Region {
        name: name.to_owned(),
        file,
        first_line: item.first_line,
        text: &text[item.bytes.clone()],
        formula: formula(text),
        kernel: kernel.map(|(_, kernel)| *kernel),
    })
}

/// Every region, file by file.
pub fn names() -> Vec<String> {
    let of = |(file, text): &(&str, &'static str)| {
        let file = file.replace('/', "::");
        items(text).into_iter().map(move |item| format!("{file}::{}", item.path))
    };
    FILES.iter().flat_map(of).collect()
}

/// The first paragraph of what a file says of itself.
fn formula(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    lines.collect::<Vec<_>>().join(" ")
}

struct Item {
    /// `forward`, `Linear::forward`
    path: String,
    first_line: usize,
    bytes: Range<usize>,
}

/// The items of a file before its tests, of each name the first: those at its own depth, and what its `impl` blocks hold.
fn items(text: &'static str) -> Vec<Item> {
    let lines: Vec<&'static str> = text.lines().collect();
    let start = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
    let mut found: Vec<Item> = Vec::new();
    let mut owner: Option<&str> = None;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let tests = line == "#[cfg(test)]" && lines.get(at + 1) == Some(&"mod tests {");
        if tests {
            break;
        }
        if line == "}" {
            owner = None;
        } else if line.starts_with("impl") && !line.ends_with('}') {
            owner = Some(implemented(line));
        }
        let depth = if owner.is_some() { 4 } else { 0 };
        let Some(name) = declared(line, depth) else {
            at += 1;
            continue;
        };
        let above = |line: &&&str| {
            line.get(depth..).is_some_and(|l| l.starts_with("///") || l.starts_with("#["))
        };
        let first = at - lines[..at].iter().rev().take_while(above).count();
        // A constant may go on in the next lines.
        let goes_on = line.ends_with('=');
        let is_last = |line: &&str| if goes_on { line.ends_with(';') } else { ends(line, depth) };
        let last = at + lines[at..].iter().position(is_last).unwrap_or(0);
        let path = owner.map_or_else(|| name.to_owned(), |owner| format!("{owner}::{name}"));
        if !found.iter().any(|item| item.path == path) {
            let bytes = start(lines[first])..start(lines[last]) + lines[last].len();
            found.push(Item { path, first_line: first + 1, bytes });
        }
        at = last + 1;
    }
    found
}

/// The type of an `impl` block's first line.
fn implemented(line: &str) -> &str {
    let mut rest = &line["impl".len()..];
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = &rest[end.map_or(0, |end| end + 1)..];
    }
    let rest = rest.split_once(" for ").map_or(rest, |(_, of)| of);
    let rest = rest.trim_start_matches(|c: char| !is_name(c));
    &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]
}

/// The name of the item whose declaration begins in a line at this depth.
fn declared(line: &str, depth: usize) -> Option<&str> {
    const KEYWORDS: [&str; 8] =
        ["fn ", "struct ", "enum ", "trait ", "static ", "type ", "macro_rules! ", "const "];
    const BEFORE: [&str; 3] = ["const ", "unsafe ", "async "];
    let (indent, mut rest) = line.split_at_checked(depth)?;
    if !indent.bytes().all(|b| b == b' ') {
        return None;
    }
    if let Some(public) = rest.strip_prefix("pub") {
        rest = public.strip_prefix('(').map_or(public, |of| of.split_once(')').map_or(of, |p| p.1));
        rest = rest.strip_prefix(' ')?;
    }
    for word in BEFORE {
        rest = rest.strip_prefix(word).filter(|after| after.contains("fn ")).unwrap_or(rest);
    }
    let rest = KEYWORDS.iter().find_map(|keyword| rest.strip_prefix(keyword))?;
    let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
    (!name.is_empty() && name != "_").then_some(name)
}

/// Whether an item that is open at this depth ends with a line.
fn ends(line: &str, depth: usize) -> bool {
    let Some((indent, rest)) = line.split_at_checked(depth) else { return false };
    if !indent.bytes().all(|b| b == b' ') {
        return false;
    }
    match rest.as_bytes().first() {
        Some(b'}' | b')' | b']') => matches!(rest, "}" | "};" | ")" | ");" | "]" | "];"),
        // All of it in one line.
        Some(first) => *first != b' ' && rest.ends_with([';', '}']),
        None => false,
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn a_region_is_the_whole_item_as_the_file_has_it() {
        let softmax = region("math::plain::softmax::forward").unwrap();
        assert_eq!(softmax.file, "src/math/plain/softmax.rs");
        assert!(softmax.text.starts_with("/// # Shapes\n"));
        assert!(softmax.text.ends_with("\n    }\n    p\n}"));
        assert!(softmax.formula.starts_with("p_i = exp(x_i) / sum_j exp(x_j): numbers"));
        assert!(softmax.formula.ends_with("(Bridle 1990)."));
        let method = region("nn::linear::Linear::forward").unwrap();
        assert!(method.text.lines().all(|line| line.is_empty() || line.starts_with("    ")));
        assert!(method.text.contains("pub fn forward(&self"));
        let cache = region("nn::attention::cache::Cache").unwrap();
        assert_eq!(cache.file, "src/nn/attention/cache.rs");
        let constant = region("model::gan::GENERATOR").unwrap();
        let lines: Vec<_> = constant.text.lines().collect();
        assert!(lines[0].starts_with("/// ") && lines[1..] == ["const GENERATOR: usize = 1;"]);
    }

    /// Of every region: its lines stand in the file at the numbers that it says, its brackets close, and nothing but it is in it.
    #[test]
    fn every_region_stands_where_it_says_and_is_whole() {
        let names = names();
        assert!(names.len() > 500, "{}", names.len());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        for name in &names {
            let region = region(name).unwrap();
            let file = fs::read_to_string(root().join(&region.file)).unwrap();
            let count = region.text.lines().count();
            let lines: Vec<_> = file.lines().skip(region.first_line - 1).take(count).collect();
            assert_eq!(lines.join("\n"), region.text, "{name}");
            let item = name.rsplit("::").next().unwrap();
            let code: Vec<_> =
                region.text.lines().filter(|l| !l.trim().starts_with("//")).collect();
            assert!(code.iter().any(|line| line.contains(item)), "{name}");
            let code = code.join("\n");
            let of = |c: char| code.matches(c).count();
            if !code.contains("b'") && !code.contains("'{") && !code.contains('"') {
                assert_eq!(of('{'), of('}'), "{name}\n{}", region.text);
                assert_eq!(of('('), of(')'), "{name}\n{}", region.text);
            }
            let depth = region.text.len() - region.text.trim_start().len();
            let open = |line: &str| declared(line, depth).is_some();
            assert_eq!(code.lines().filter(|line| open(line)).count(), 1, "{name}\n{code}");
        }
    }

    #[test]
    fn a_name_that_is_gone_says_what_there_is() {
        let error = |name| region(name).unwrap_err().to_string();
        assert!(error("math::plain::softmax::softmax").contains("choose one of forward, backward"));
        assert!(error("math::plain::hardmax::forward").contains("there is no source of"));
        assert!(error("").contains("expected a path"));
    }

    #[test]
    fn every_formula_and_every_layer_can_be_shown() {
        for folder in ["math/plain", "nn"] {
            for entry in fs::read_dir(root().join("src").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|end| end == "rs") {
                    let name = format!("{folder}/{}", path.file_stem().unwrap().to_str().unwrap());
                    let listed = FILES.iter().any(|(file, _)| *file == name);
                    assert!(listed || name == "nn/before_attention", "{name}");
                }
            }
        }
    }

    /// The file of a kernel says itself whose plain form it computes.
    #[test]
    fn a_kernel_is_that_of_its_plain_form() {
        for (plain, kernel) in KERNELS {
            let of = region(plain).unwrap();
            assert_eq!(of.kernel, Some(*kernel));
            let file = fs::read_to_string(root().join(region(kernel).unwrap().file)).unwrap();
            let (module, _) = plain.rsplit_once("::").unwrap();
            let link = format!("[`{}`]", module.strip_prefix("math::").unwrap());
            assert!(file.contains(&link), "{kernel}: {link}");
        }
    }

    #[test]
    fn the_line_that_a_text_speaks_of_is_code_before_it_is_comment() {
        let region = region("math::plain::softmax::forward").unwrap();
        let line = |part| region.text.lines().nth(region.line(part).unwrap()).unwrap();
        assert_eq!(line("sum"), "        let mut sum = 0.0;");
        assert_eq!(line("pass 2"), "        // pass 2: exponentials and their sum");
        assert_eq!(region.line("no such part"), None);
    }

    #[test]
    fn an_impl_block_is_its_types() {
        for (line, of) in [
            ("impl Linear {", "Linear"),
            ("impl<'a> Keys<'a> {", "Keys"),
            ("impl<T: Into<Vec<u8>>> Room<T> {", "Room"),
            ("impl Widget for &HeatMap<'_> {", "HeatMap"),
            ("impl fmt::Display for Axis {", "Axis"),
        ] {
            assert_eq!(implemented(line), of);
        }
    }
}
