//! Files that others wrote: the names that a wrapper put before every name, and what a model leaves out that shares or
//! lacks it.

use std::collections::BTreeMap;

use super::file::{Contents, Tensor};
use crate::model::KINDS;

type Tensors = BTreeMap<String, Tensor>;

const HEAD: &str = "lm_head.weight";
const HEAD_BIAS: &str = "lm_head.bias";
const TABLE: &str = "token_embedding_table.weight";
/// What wrappers put before every name: torch.compile, DataParallel, and modules that hold the model.
const WRAPPERS: [&str; 3] = ["_orig_mod.", "module.", "model."];

impl Contents {
    /// What is in a file of others: no moments, no metadata, no wrappers' names.
    pub fn adopted(self) -> Self {
        Self { metadata: BTreeMap::new(), tensors: peel(self.tensors) }
    }
}

/// Takes wrappers' prefixes off, as long as every name has one.
pub fn peel(mut tensors: Tensors) -> Tensors {
    let common = |tensors: &Tensors| {
        WRAPPERS.into_iter().find(|prefix| tensors.keys().all(|name| name.starts_with(prefix)))
    };
    while let Some(prefix) = common(&tensors).filter(|_| !tensors.is_empty()) {
        tensors =
            tensors.into_iter().map(|(name, t)| (name[prefix.len()..].to_owned(), t)).collect();
    }
    tensors
}

/// Adds what the file leaves out of the head; a sentence for each.
pub fn complete(tensors: &mut Tensors) -> Vec<String> {
    let mut notes = Vec::new();
    // A bigram's table gives the logits itself.
    let modules = || KINDS.iter().flat_map(|kind| kind.modules);
    let has_layers = tensors.keys().any(|name| modules().any(|module| name.starts_with(*module)));
    if !has_layers {
        return notes;
    }
    if let Some(table) = tensors.get(TABLE).filter(|_| !tensors.contains_key(HEAD)).cloned() {
        tensors.insert(HEAD.to_owned(), table);
        notes.push(format!("the file has no {HEAD}: the head is a copy of {TABLE}"));
    }
    let head = tensors.get(HEAD).and_then(|head| head.shape.first().copied());
    if let Some(rows) = head.filter(|_| !tensors.contains_key(HEAD_BIAS)) {
        tensors.insert(HEAD_BIAS.to_owned(), Tensor { shape: vec![rows], values: vec![0.0; rows] });
        notes.push(format!("the file has no {HEAD_BIAS}: it is 0"));
    }
    notes
}

/// The layout of another program, as a clause, if the names are its.
pub fn layout(tensors: &Tensors) -> Option<String> {
    let (name, attention) =
        tensors.iter().find(|(name, _)| name.ends_with("attn.c_attn.weight"))?;
    // GPT-2's layers hold (in, out), nanoGPT's (out, in).
    let whose = match attention.shape[..] {
        [rows, columns] if rows == 3 * columns => "nanoGPT's",
        _ => "GPT-2's",
    };
    Some(format!("it has {whose} layout ({name}), which this program does not read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(names: &[(&str, &[usize])]) -> Tensors {
        let tensor = |shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|i| i as f32).collect();
            Tensor { shape: shape.to_vec(), values }
        };
        names.iter().map(|(name, shape)| ((*name).to_owned(), tensor(shape))).collect()
    }

    fn names(tensors: &Tensors) -> Vec<&str> {
        tensors.keys().map(String::as_str).collect()
    }

    #[test]
    fn wrappers_are_peeled_where_every_name_has_them() {
        let peeled = |of: &[&str]| {
            let of: Vec<(&str, &[usize])> = of.iter().map(|name| (*name, &[1][..])).collect();
            names(&peel(tensors(&of))).join(" ")
        };
        assert_eq!(peeled(&["_orig_mod.a.b", "_orig_mod.c"]), "a.b c");
        assert_eq!(peeled(&["module._orig_mod.model.a", "module._orig_mod.model.b"]), "a b");
        assert_eq!(peeled(&["model.a", "lm_head.weight"]), "lm_head.weight model.a");
        assert_eq!(peeled(&[]), "");
    }

    #[test]
    fn a_head_is_completed_and_said() {
        let mut file = tensors(&[(TABLE, &[5, 3]), ("blocks.0.x", &[1])]);
        assert_eq!(complete(&mut file).len(), 2);
        assert_eq!(file[HEAD], file[TABLE]);
        assert_eq!(file[HEAD_BIAS], Tensor { shape: vec![5], values: vec![0.0; 5] });
        assert!(complete(&mut file).is_empty());
        let mut bigram = tensors(&[(TABLE, &[5, 5])]);
        assert!(complete(&mut bigram).is_empty());
        assert_eq!(names(&bigram), [TABLE]);
    }

    #[test]
    fn other_layouts_are_named() {
        let says = |shape: &[usize]| {
            layout(&tensors(&[("transformer.h.0.attn.c_attn.weight", shape)])).unwrap()
        };
        assert!(says(&[96, 32]).contains("nanoGPT's") && says(&[32, 96]).contains("GPT-2's"));
        assert_eq!(layout(&tensors(&[(TABLE, &[5, 5])])), None);
    }
}
