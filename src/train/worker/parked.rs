//! Runs that were left, to come back to: in memory as long as they fit, longest parked first in a file of the program's
//! own, and read back to the bit.

use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::file;
use crate::train::checkpoint::{Checkpoint, CheckpointError};
use crate::train::event::RunId;
use crate::train::material::Material;
use crate::train::session::{RestoreError, Session};
use crate::train::team::Team;

/// Bytes of weights and moments that all parked runs together keep in memory. The lecture's largest model has about
/// 130 MB of them. A file holds f32: with the private feature f64 it would be another run that came back.
const MOST_BYTES: usize = if cfg!(feature = "f64") { usize::MAX } else { 512 << 20 };
/// Weights and AdamW's two moments.
const ARENAS: usize = 3;

/// A session and what the worker has to know of it.
pub(super) struct Run {
    pub session: Session,
    /// The step of its last estimate.
    pub evaluated: Option<u64>,
    /// Steps and live changes when it was last saved or loaded.
    saved: (u64, usize),
}

/// What can be saved with all others, wherever it is kept.
pub(super) trait Saves {
    fn id(&self) -> RunId;
    fn stage(&self) -> &str;
    fn is_saved(&self) -> bool;
    fn was_saved(&mut self);
    fn save_new(&self, path: &Path) -> Result<PathBuf, CheckpointError>;
}

/// The runs, longest parked first.
pub(super) struct Parked {
    places: Vec<Place>,
    most_bytes: usize,
    /// Where files go.
    folder: PathBuf,
}

enum Place {
    Here(Box<Run>),
    Out(WrittenOut),
}

/// A run in a file, which goes when this does.
struct WrittenOut {
    id: RunId,
    stage: String,
    evaluated: Option<u64>,
    saved: (u64, usize),
    mark: (u64, usize),
    material: Material,
    file: NamedTempFile,
}

impl Run {
    pub fn new(session: Session) -> Self {
        let evaluated = session.history().evaluations.last().map(|e| e.step);
        let mut run = Self { session, evaluated, saved: (0, 0) };
        run.saved = run.mark();
        run
    }

    fn mark(&self) -> (u64, usize) {
        (self.session.step_count(), self.session.history().edits.len())
    }

    /// Whether an estimate belongs to this step and is not made yet.
    pub fn is_due(&self) -> bool {
        let step = self.session.step_count();
        step.is_multiple_of(self.session.config().training.eval_interval)
            && self.evaluated != Some(step)
    }

    fn bytes(&self) -> usize {
        ARENAS * size_of_val(self.session.weights())
    }

    fn write_out(&self, folder: &Path) -> io::Result<WrittenOut> {
        Ok(WrittenOut {
            id: self.id(),
            stage: self.stage().to_owned(),
            evaluated: self.evaluated,
            saved: self.saved,
            mark: self.mark(),
            material: self.session.material().clone(),
            file: file::scratch(folder, &mut |out| self.session.write_to(out))?,
        })
    }
}

impl Saves for Run {
    fn id(&self) -> RunId {
        self.session.run()
    }

    fn stage(&self) -> &str {
        &self.session.config().stage
    }

    fn is_saved(&self) -> bool {
        self.saved == self.mark()
    }

    fn was_saved(&mut self) {
        self.saved = self.mark();
    }

    fn save_new(&self, path: &Path) -> Result<PathBuf, CheckpointError> {
        self.session.save_new(path)
    }
}

impl WrittenOut {
    fn read_back(&self, team: &Team) -> Result<Run, RestoreError> {
        let checkpoint = Checkpoint::read_back(self.file.path())?;
        let session = Session::restore(checkpoint, self.material.clone(), team)?;
        Ok(Run { session, evaluated: self.evaluated, saved: self.saved })
    }
}

impl Saves for WrittenOut {
    fn id(&self) -> RunId {
        self.id
    }

    fn stage(&self) -> &str {
        &self.stage
    }

    fn is_saved(&self) -> bool {
        self.saved == self.mark
    }

    fn was_saved(&mut self) {
        self.saved = self.mark;
    }

    fn save_new(&self, path: &Path) -> Result<PathBuf, CheckpointError> {
        let copy = file::create(path, &mut |out| {
            let mut file = self.file.as_file();
            file.rewind()?;
            io::copy(&mut file, out).map(drop)
        });
        copy.map_err(|source| CheckpointError::Unwritable { path: path.to_owned(), source })
    }
}

impl Place {
    fn saves(&self) -> &dyn Saves {
        match self {
            Self::Here(run) => &**run,
            Self::Out(out) => out,
        }
    }

    fn saves_mut(&mut self) -> &mut dyn Saves {
        match self {
            Self::Here(run) => &mut **run,
            Self::Out(out) => out,
        }
    }

    /// Bytes in memory.
    fn bytes(&self) -> usize {
        match self {
            Self::Here(run) => run.bytes(),
            Self::Out(_) => 0,
        }
    }
}

impl Default for Parked {
    fn default() -> Self {
        Self::new(MOST_BYTES, std::env::temp_dir())
    }
}

impl Parked {
    pub fn new(most_bytes: usize, folder: PathBuf) -> Self {
        Self { places: Vec::new(), most_bytes, folder }
    }

    pub fn has(&self, id: RunId) -> bool {
        self.places.iter().any(|place| place.saves().id() == id)
    }

    /// All of them, longest parked first.
    pub fn all(&mut self) -> impl Iterator<Item = &mut dyn Saves> {
        self.places.iter_mut().map(Place::saves_mut)
    }

    /// Keeps a run. Those that should have been written out and could not be stay in memory; which, and why.
    pub fn park(&mut self, mut run: Run) -> Vec<(RunId, String)> {
        run.session.rest();
        self.places.push(Place::Here(Box::new(run)));
        let mut kept = Vec::new();
        let mut bytes: usize = self.places.iter().map(Place::bytes).sum();
        for place in &mut self.places {
            if bytes <= self.most_bytes {
                break;
            }
            let Place::Here(run) = place else { continue };
            match run.write_out(&self.folder) {
                Ok(out) => {
                    bytes -= run.bytes();
                    *place = Place::Out(out);
                }
                Err(error) => {
                    let (stage, folder) = (run.stage(), self.folder.display());
                    let why = format!(
                        "{stage} could not be written to {folder} and stays in memory: {error}"
                    );
                    kept.push((run.id(), why));
                }
            }
        }
        kept
    }

    /// Gives back a run, if it is there; one that cannot be read back stays.
    pub fn take(&mut self, id: RunId, team: &Team) -> Result<Option<Run>, RestoreError> {
        let Some(at) = self.places.iter().position(|place| place.saves().id() == id) else {
            return Ok(None);
        };
        if let Place::Out(out) = &self.places[at] {
            let run = out.read_back(team)?;
            self.places.remove(at);
            return Ok(Some(run));
        }
        match self.places.remove(at) {
            Place::Here(run) => Ok(Some(*run)),
            Place::Out(_) => Ok(None),
        }
    }
}

// With the private feature f64 what comes back from a file is rounded.
#[cfg(all(test, not(feature = "f64")))]
mod tests {
    use super::*;
    use crate::train::testing;

    fn run(id: u64, seed: u64) -> Run {
        let mut config = testing::gpt();
        config.seed = seed;
        let mut session = testing::open(config, 1);
        session.set_run(RunId(id));
        let mut run = Run::new(session);
        for _ in 0..3 {
            run.session.step().unwrap();
        }
        run
    }

    fn bytes(run: &dyn Saves, folder: &Path) -> Vec<u8> {
        let path = run.save_new(&folder.join("run.safetensors")).unwrap();
        std::fs::read(path).unwrap()
    }

    fn entries(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_does_not_fit_is_written_out_longest_parked_first_and_read_back_to_the_bit() {
        let (own, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = run(0, 1).bytes();
        let mut parked = Parked::new(2 * one, own.path().to_owned());
        for id in 0..4 {
            assert!(parked.park(run(id, id + 1)).is_empty());
            assert_eq!(entries(own.path()), (id as usize + 1).saturating_sub(2));
        }
        let out = |place: &Place| matches!(place, Place::Out(_));
        assert_eq!(parked.places.iter().map(out).collect::<Vec<_>>(), [true, true, false, false]);
        let team = Team::new(1).unwrap();
        for id in [1, 3, 0, 2] {
            let expected = bytes(&run(id, id + 1), folder.path());
            let copy = parked.all().find(|run| run.id() == RunId(id)).unwrap();
            assert!(!copy.is_saved());
            assert!(bytes(copy, folder.path()) == expected);
            let mut back = parked.take(RunId(id), &team).unwrap().unwrap();
            assert!(!back.is_saved() && back.id() == RunId(id));
            assert!(bytes(&back, folder.path()) == expected);
            // It goes on as if it had never been away.
            let mut stayed = run(id, id + 1);
            assert_eq!(back.session.step().unwrap(), stayed.session.step().unwrap());
            assert_eq!(back.session.weights(), stayed.session.weights());
            assert!(!parked.has(RunId(id)));
        }
        assert_eq!(entries(own.path()), 0);
        parked.most_bytes = 0;
        parked.park(run(9, 9));
        assert_eq!(entries(own.path()), 1);
        drop(parked);
        assert_eq!(entries(own.path()), 0);
    }

    #[test]
    fn what_cannot_be_written_stays_and_what_is_lost_is_said() {
        let own = tempfile::tempdir().unwrap();
        let mut parked = Parked::new(0, own.path().join("missing"));
        let kept = parked.park(run(4, 1));
        assert!(kept[0].0 == RunId(4) && kept[0].1.contains("stays in memory"), "{kept:?}");
        let team = Team::new(1).unwrap();
        assert_eq!(parked.take(RunId(4), &team).unwrap().unwrap().session.step_count(), 3);
        parked.folder = own.path().to_owned();
        parked.park(run(5, 1));
        for entry in std::fs::read_dir(own.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        assert!(parked.take(RunId(5), &team).is_err() && parked.has(RunId(5)));
    }
}
