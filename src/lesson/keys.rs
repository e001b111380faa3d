//! Keys in the text are never typed either: `{key:pause}` is the first key of the action of that id, and so stays true when
//! the table of actions changes. Who knows the table gives it; this folder does not.

/// An action that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no action {id:?} whose key could stand here: gpt-lab's help and README list them"
)]
pub struct UnknownAction {
    pub id: String,
}

const START: &str = "{key:";

/// A text with every `{key:ID}` as the key itself, of a list of ids and keys.
///
/// # Errors
/// If there is no action of an id.
pub fn fill<I: AsRef<str>>(markdown: &str, known: &[(I, String)]) -> Result<String, UnknownAction> {
    let mut filled = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once(START) {
        filled.push_str(before);
        if let Some(id) = id(after) {
            let key = known.iter().find(|(known, _)| known.as_ref() == id);
            let (_, key) = key.ok_or_else(|| UnknownAction { id: id.to_owned() })?;
            filled.push_str(key);
            rest = &after[id.len() + 1..];
        } else {
            filled.push_str(START);
            rest = after;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Every id that stands in a text.
pub fn ids(markdown: &str) -> Vec<&str> {
    markdown.match_indices(START).filter_map(|(at, _)| id(&markdown[at + START.len()..])).collect()
}

/// The id at a text's start, if a brace ends it: code has braces too (`{key:?}`).
fn id(text: &str) -> Option<&str> {
    let (id, _) = text.split_once('}')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!id.is_empty() && id.chars().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_list() {
        let known = [("pause", "space".to_owned()), ("step-once", ".".to_owned())];
        let filled = fill("`{key:pause}`, then `{key:step-once}`; {key:?} {key:", &known).unwrap();
        assert_eq!(filled, "`space`, then `.`; {key:?} {key:");
        let error = fill("{key:pausse}", &known).unwrap_err();
        assert_eq!(error.id, "pausse");
        assert_eq!(ids("{key:a} {key:?} {key:b-1}"), ["a", "b-1"]);
    }
}
