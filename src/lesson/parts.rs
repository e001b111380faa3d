//! What lessons call parts of a model: their names on its card, or what they are parts of. A star stands for anything.

use crate::model::card::Part;

/// Whether this is a part of that name.
pub fn is_called(part: &Part, name: &str) -> bool {
    let fits = |own: &str| match name.split_once('*') {
        Some((start, end)) => {
            own.len() >= start.len() + end.len() && own.starts_with(start) && own.ends_with(end)
        }
        None => own == name,
    };
    fits(&part.name) || fits(&part.of)
}

/// Whether any of the names is this part's.
pub fn is_among(part: &Part, names: &[String]) -> bool {
    names.iter().any(|name| is_called(part, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::card::Op;

    #[test]
    fn parts_have_names_stars_and_wholes() {
        let part = Part::new("blocks.1.sa", "head", Op::Attention, &[]).of("block 2");
        for (name, fits) in [
            ("blocks.1.sa", true),
            ("block 2", true),
            ("blocks.*.sa", true),
            ("*", true),
            ("blocks.1", false),
            ("blocks.*.ffwd", false),
            // Beginning and end do not share characters.
            ("blocks.1.sa*sa", false),
            ("", false),
        ] {
            assert_eq!(is_called(&part, name), fits, "{name}");
        }
        assert!(is_among(&part, &["logits".to_owned(), "block 2".to_owned()]));
        assert!(!is_among(&part, &[]));
    }
}
