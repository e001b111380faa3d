//! A safetensors file, read and written whole: 8 bytes of length, a JSON header, the numbers.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Map, json};

use super::CheckpointError;
use crate::math::Real;
use crate::nn::parameters::Parameter;

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

    /// Writes to a temporary file beside `path`, syncs it and renames it: a crash at any moment leaves what was there.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = folder(path);
        let mut temporary = tempfile::Builder::new();
        temporary.prefix(".gpt-lab-");
        #[cfg(unix)]
        temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = temporary.tempfile_in(folder)?;
        let mut out = BufWriter::new(temporary.as_file());
        self.write_to(&mut out)?;
        out.flush()?;
        drop(out);
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        #[cfg(unix)]
        std::fs::File::open(folder)?.sync_all()?;
        Ok(())
    }

    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
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

/// The folder that a file stands in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Finds out before the training, not after it, whether a file can be written.
///
/// # Errors
/// If its folder does not exist or cannot be written in, or if it is a folder itself.
pub fn require_folder(path: &Path) -> Result<(), CheckpointError> {
    let unwritable = |source| CheckpointError::Unwritable { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(unwritable(io::ErrorKind::IsADirectory.into()));
    }
    if path.file_name().is_none() {
        return Err(unwritable(io::ErrorKind::InvalidFilename.into()));
    }
    let folder = folder(path);
    if !folder.is_dir() {
        let missing = format!("there is no folder {}", folder.display());
        return Err(unwritable(io::Error::new(io::ErrorKind::NotFound, missing)));
    }
    // The kind alone: the name of the temporary file would only puzzle.
    tempfile::Builder::new()
        .prefix(".gpt-lab-")
        .tempfile_in(folder)
        .map_err(|error| unwritable(error.kind().into()))?;
    Ok(())
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
