//! A safetensors file, read and written whole: 8 bytes of length, a JSON header, the numbers.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Map, json};

use super::{CheckpointError, FAMILY};
use crate::file;
use crate::math::Real;
use crate::nn::parameters::Parameter;

/// The longest header that a safetensors file may have, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// Metadata and tensors, sorted by name: the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    pub metadata: BTreeMap<String, String>,
    pub tensors: BTreeMap<String, Tensor>,
}

impl Tensor {
    /// A parameter's part of an arena.
    #[allow(clippy::unnecessary_cast)]
    pub fn of(parameter: &Parameter, arena: &[Real]) -> Self {
        let values = parameter.positions().map(|at| arena[at] as f32).collect();
        Self { shape: parameter.shape.clone(), values }
    }
}

impl Contents {
    /// Reads every tensor of floating-point numbers; whole numbers and truth values (PyTorch's buffers) count by their
    /// shape alone.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = std::fs::read(path)
            .map_err(|source| CheckpointError::Unreadable { path: path.to_owned(), source })?;
        let refuse = |error: SafeTensorError| explain(path, bytes.len(), &error);
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(refuse)?;
        let file = SafeTensors::deserialize(&bytes).map_err(refuse)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let values = numbers(view.dtype(), view.data()).ok_or_else(|| {
                let found = format!("{name} has the type {:?}, not F32", view.dtype());
                CheckpointError::Foreign { path: path.to_owned(), found }
            })?;
            tensors.insert(name, Tensor { shape: view.shape().to_vec(), values });
        }
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { metadata, tensors })
    }

    /// Writes to `path`, whole or not at all. Nothing but a checkpoint of ours, or an empty file, is replaced.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        file::require(path, &[], is_checkpoint).map_err(io::Error::other)?;
        file::replace(path, &mut |out| self.write_to(out))
    }

    /// Writes to `path`, or beside it where that name is taken.
    pub fn write_new(&self, path: &Path) -> io::Result<PathBuf> {
        file::create(path, &mut |out| self.write_to(out))
    }

    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut header = Map::new();
        if !self.metadata.is_empty() {
            header.insert("__metadata__".to_owned(), json!(self.metadata));
        }
        let mut at = 0;
        for (name, tensor) in &self.tensors {
            let end = at + 4 * tensor.values.len();
            let entry = json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [at, end]});
            header.insert(name.clone(), entry);
            at = end;
        }
        let mut header = serde_json::to_vec(&header)?;
        // The numbers start at a multiple of 8.
        header.resize(header.len().next_multiple_of(8), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for value in self.tensors.values().flat_map(|tensor| &tensor.values) {
            out.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    }
}

/// Whether a file begins as those that this program writes; the rest of it may be damaged.
pub fn is_checkpoint(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: BTreeMap<String, String>,
    }
    let Ok(mut file) = std::fs::File::open(path) else { return false };
    let mut length = [0; 8];
    if file.read_exact(&mut length).is_err() || u64::from_le_bytes(length) > LONGEST_HEADER {
        return false;
    }
    let mut header = Vec::new();
    if file.take(u64::from_le_bytes(length)).read_to_end(&mut header).is_err() {
        return false;
    }
    let header: Option<Header> = serde_json::from_slice(&header).ok();
    header.is_some_and(|header| {
        header.metadata.get("format").is_some_and(|format| format.starts_with(FAMILY))
    })
}

/// Finds out before the training, not after it, whether a file can be written.
///
/// # Errors
/// If it names no file, or if its folder does not exist or cannot be written in.
pub fn require_folder(path: &Path) -> Result<(), CheckpointError> {
    let unwritable = |source| CheckpointError::Unwritable { path: path.to_owned(), source };
    if path.file_name().is_none() {
        return Err(unwritable(io::ErrorKind::InvalidFilename.into()));
    }
    let folder = file::folder(path);
    if !folder.is_dir() {
        let missing = format!("there is no folder {}", folder.display());
        return Err(unwritable(io::Error::new(io::ErrorKind::NotFound, missing)));
    }
    file::probe(folder).map_err(unwritable)
}

fn numbers(kind: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match kind {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::BF16 => {
            let wide = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
            bytes.as_chunks().0.iter().map(wide).collect()
        }
        Dtype::BOOL | Dtype::U8 | Dtype::I32 | Dtype::I64 => Vec::new(),
        _ => return None,
    })
}

/// What is wrong with a file that the format's own reader refuses.
fn explain(path: &Path, len: usize, error: &SafeTensorError) -> CheckpointError {
    let path = path.to_owned();
    match error {
        SafeTensorError::MetadataIncompleteBuffer => CheckpointError::Damaged {
            path,
            found: format!("its {len} bytes are not as many as its header promises"),
        },
        SafeTensorError::HeaderTooSmall if len == 0 => {
            CheckpointError::Foreign { path, found: "it is empty".to_owned() }
        }
        error => {
            let detail = error.to_string().replace('\n', " ");
            CheckpointError::Foreign {
                path,
                found: format!("it is no safetensors file ({detail})"),
            }
        }
    }
}
