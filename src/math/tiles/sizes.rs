//! How deep a panel is and how many rows it goes down: by the caches of the processor at hand, asked once.

use std::fs;
use std::sync::OnceLock;

use super::super::{LANES, Real};
use super::target;

/// A panel is at most so deep: from here on, starting a tile costs nothing beside going through it.
pub const DEEPEST: usize = 256;
/// And at least so deep, however small the cache says it is.
const SHALLOWEST: usize = 64;
/// What a processor of the last ten years has at least, in KiB, where the system doesn't say.
const FIRST_CACHE: usize = 32;
const SECOND_CACHE: usize = 256;

/// How a product is cut, in numbers of k and rows of a.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The most that a panel of b is deep: it fills three quarters of the first cache.
    pub depth: usize,
    /// The most rows of a that it goes down: as deep as the panel, they fill half of the second cache.
    pub rows: usize,
}

/// Those of this machine.
pub fn sizes() -> Sizes {
    static SIZES: OnceLock<Sizes> = OnceLock::new();
    *SIZES.get_or_init(|| {
        let ([first, second], (_, [vectors, _])) = (caches(), target());
        fitting(first, second, vectors)
    })
}

/// For caches of so many KiB and panels of so many vectors.
fn fitting(first: usize, second: usize, vectors: usize) -> Sizes {
    let number = size_of::<Real>();
    let depth = first * 1024 * 3 / 4 / (vectors * LANES * number) / LANES * LANES;
    let depth = depth.clamp(SHALLOWEST, DEEPEST);
    Sizes { depth, rows: (second * 1024 / 2 / (depth * number)).max(SHALLOWEST) }
}

/// Bytes of the second cache of a core.
pub fn second_cache() -> usize {
    caches()[1] * 1024
}

/// KiB of the data caches that a core has to itself, first and second.
pub fn caches() -> [usize; 2] {
    static CACHES: OnceLock<[usize; 2]> = OnceLock::new();
    *CACHES.get_or_init(|| {
        let mut found = [FIRST_CACHE, SECOND_CACHE];
        // Linux lists them a folder each; elsewhere there are none, and what every processor has must do.
        for index in 0..8 {
            let said = |what: &str| {
                let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}");
                fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
            };
            let level = said("level").and_then(|level| level.parse::<usize>().ok());
            let size = said("size").and_then(|size| size.strip_suffix('K')?.parse().ok());
            if let (Some(level @ 1..=2), Some(size)) = (level, size)
                && said("type").is_some_and(|kind| kind != "Instruction")
            {
                found[level - 1] = size;
            }
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_and_its_rows_fit_into_the_caches_they_are_meant_for() {
        for [first, second] in
            [[32, 256], [32, 512], [48, 1024], [48, 2048], [64, 1024], [128, 4096], [1, 1]]
        {
            for vectors in 1..=3 {
                let Sizes { depth, rows } = fitting(first, second, vectors);
                assert!((SHALLOWEST..=DEEPEST).contains(&depth) && rows >= SHALLOWEST);
                if first >= 32 {
                    let bytes = size_of::<Real>();
                    assert!(depth == SHALLOWEST || depth * vectors * LANES * bytes <= first * 1024);
                    assert!(rows == SHALLOWEST || rows * depth * bytes <= second * 1024);
                }
            }
        }
        let [first, second] = caches();
        assert!(first >= 8 && second >= first, "{first} and {second} KiB");
    }
}
