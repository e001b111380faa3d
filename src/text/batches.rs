//! Batches as the lecture draws them: windows that start anywhere, uniformly, with replacement.

use rand::Rng;

use crate::model::Batch;

/// Fills `batch` with `sequences` windows of `time` tokens and, as targets, the same windows one token later:
/// `ix = torch.randint(len(data) - block_size, (batch_size,))` of the lecture. Allocates only when the sizes grow.
///
/// # Panics
/// If there are not more than `time` tokens ([`Dataset::require`](super::Dataset::require) says so beforehand).
pub fn draw(data: &[u32], sequences: usize, time: usize, rng: &mut impl Rng, batch: &mut Batch) {
    assert!(
        data.len() > time,
        "windows of {time} tokens need more than {time} tokens, found {}",
        data.len()
    );
    batch.clear();
    batch.sequences = sequences;
    batch.time = time;
    for _ in 0..sequences {
        let start = rng.random_range(0..data.len() - time);
        batch.x.extend_from_slice(&data[start..start + time]);
        batch.y.extend_from_slice(&data[start + 1..=start + time]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::{Purpose, stream};

    fn count_up(tokens: u32) -> Vec<u32> {
        (0..tokens).collect()
    }

    #[test]
    fn a_target_is_the_token_after_its_input() {
        let data = count_up(1000);
        let mut batch = Batch::default();
        draw(&data, 5, 8, &mut stream(1337, Purpose::Batches, 0), &mut batch);
        assert_eq!((batch.sequences, batch.time, batch.x.len(), batch.y.len()), (5, 8, 40, 40));
        for window in batch.x.chunks(8) {
            assert!(
                window.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "{window:?} is not one window"
            );
        }
        assert!(batch.x.iter().zip(&batch.y).all(|(x, y)| *y == x + 1));
    }

    #[test]
    fn every_start_is_as_likely_as_every_other() {
        // 12 tokens have 12 - 4 = 8 windows with a target: the last starts at 7 and ends with the last token as a target.
        let data = count_up(12);
        let mut batch = Batch::default();
        draw(&data, 16_000, 4, &mut stream(7, Purpose::Batches, 0), &mut batch);
        let mut starts = [0_i32; 12];
        for window in batch.x.chunks(4) {
            starts[window[0] as usize] += 1;
        }
        // 2,000 expected; their standard deviation is sqrt(16,000 * 1/8 * 7/8) = 42.
        assert!(starts[..8].iter().all(|count| (count - 2000).abs() < 210), "{starts:?}");
        assert_eq!(starts[8..], [0; 4]);
        assert_eq!(batch.y.iter().max(), Some(&11));
    }

    #[test]
    fn the_same_stream_draws_the_same_batch() {
        let data = count_up(500);
        let [mut first, mut again, mut other] =
            [Batch::default(), Batch::default(), Batch::default()];
        draw(&data, 4, 8, &mut stream(1, Purpose::Batches, 3), &mut first);
        draw(&data, 4, 8, &mut stream(1, Purpose::Batches, 3), &mut again);
        draw(&data, 4, 8, &mut stream(1, Purpose::Batches, 4), &mut other);
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn a_batch_is_reused_without_allocating() {
        let data = count_up(500);
        let mut batch = Batch::default();
        draw(&data, 8, 16, &mut stream(1, Purpose::Batches, 0), &mut batch);
        let places = (batch.x.as_ptr(), batch.y.as_ptr());
        draw(&data, 8, 16, &mut stream(1, Purpose::Batches, 1), &mut batch);
        draw(&data, 4, 8, &mut stream(1, Purpose::Batches, 2), &mut batch);
        assert_eq!((batch.x.as_ptr(), batch.y.as_ptr()), places);
        assert_eq!((batch.sequences, batch.time, batch.x.len()), (4, 8, 32));
    }

    #[test]
    fn the_only_window_of_a_short_text() {
        let mut batch = Batch::default();
        draw(&[4, 5, 6], 2, 2, &mut stream(1, Purpose::Batches, 0), &mut batch);
        assert_eq!((batch.x, batch.y), (vec![4, 5, 4, 5], vec![5, 6, 5, 6]));
    }

    #[test]
    #[should_panic(expected = "windows of 3 tokens need more than 3 tokens, found 3")]
    fn too_few_tokens() {
        draw(&[4, 5, 6], 1, 3, &mut stream(1, Purpose::Batches, 0), &mut Batch::default());
    }
}
