//! The characters of one side of a task as token ids.

/// ASCII characters with ids from `first` on, in the order in which they are given.
#[derive(Clone, Debug)]
pub struct Alphabet {
    characters: &'static str,
    first: u32,
    /// The id of each ASCII character, 0 where it has none.
    ids: [u32; 128],
}

impl Alphabet {
    /// `first` is at least 1: id 0 is padding on every side of every task.
    pub fn new(characters: &'static str, first: u32) -> Self {
        let mut ids = [0; 128];
        for (c, id) in characters.bytes().zip(first..) {
            ids[usize::from(c)] = id;
        }
        Self { characters, first, ids }
    }

    /// The number of ids, those before the characters included.
    pub fn size(&self) -> usize {
        self.first as usize + self.characters.len()
    }

    /// In the order of their ids.
    pub fn characters(&self) -> impl Iterator<Item = char> + use<> {
        self.characters.chars()
    }

    pub fn id(&self, c: char) -> Option<u32> {
        self.ids.get(c as usize).copied().filter(|&id| id != 0)
    }

    /// The ids of a text that holds no other characters.
    pub fn ids<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        text.iter().map(|&c| self.ids[usize::from(c)])
    }

    /// The character of an id; `None` for padding, marks and what is no id.
    pub fn character(&self, id: u32) -> Option<char> {
        let at = id.checked_sub(self.first)? as usize;
        self.characters.as_bytes().get(at).map(|&c| char::from(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_follow_the_marks() {
        let alphabet = Alphabet::new("abc", 3);
        assert_eq!(alphabet.size(), 6);
        assert_eq!(alphabet.ids(b"cab").collect::<Vec<_>>(), [5, 3, 4]);
        assert_eq!(
            [5, 3, 2, 0, 6].map(|id| alphabet.character(id)),
            [Some('c'), Some('a'), None, None, None]
        );
        assert_eq!(['b', 'd', 'é'].map(|c| alphabet.id(c)), [Some(4), None, None]);
    }
}
