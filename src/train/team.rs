//! The threads that share a step.

use std::sync::Arc;

/// More threads than this bring nothing to the models of this course.
const MOST_BY_DEFAULT: usize = 8;
/// More than this is surely a slip of the finger.
const MOST: usize = 256;

/// A pool of threads. Everything that steps a model runs inside it, so that a fork-join is between threads that are
/// already awake; sessions share it.
#[derive(Clone, Debug)]
pub struct Team {
    pool: Arc<rayon::ThreadPool>,
}

#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    #[error("threads must be a whole number from 1 to {MOST} (found {0})")]
    Size(usize),
    #[error("{threads} threads could not be started: {source}; ask for fewer with --threads")]
    Start { threads: usize, source: rayon::ThreadPoolBuildError },
}

/// Reads a number of threads from the command line.
///
/// # Errors
/// If it is none that a team can have.
pub fn threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| (1..=MOST).contains(threads));
    threads.ok_or_else(|| format!("threads must be a whole number from 1 to {MOST}"))
}

impl Team {
    /// # Errors
    /// If there are none or too many, or the system refuses them.
    pub fn new(threads: usize) -> Result<Self, TeamError> {
        Self::named("trainer", threads)
    }

    /// A team whose threads go by another name, so that a profiler can tell what they do from training.
    ///
    /// # Errors
    /// If there are none or too many, or the system refuses them.
    pub fn named(name: &'static str, threads: usize) -> Result<Self, TeamError> {
        if !(1..=MOST).contains(&threads) {
            return Err(TeamError::Size(threads));
        }
        crate::math::gemm::single_threaded();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(move |i| format!("{name}-{i}"))
            .build()
            .map_err(|source| TeamError::Start { threads, source })?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// As many as the machine has cores, up to 8.
    pub fn default_threads() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).min(MOST_BY_DEFAULT)
    }

    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` on one of the threads; at once, if the caller is one of them.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}
