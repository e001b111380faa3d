//! A safetensors file, read and written whole: 8 bytes of length, a JSON header, the numbers.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Map, json};

use super::{CheckpointError, FAMILY, signature};
use crate::file;
use crate::math::Real;
use crate::nn::parameters::Parameter;
use crate::text::shown::excerpt;

/// No checkpoint is larger: three arenas of the largest model, in f64.
const MOST_BYTES: u64 = 6 << 30;
/// Nor has it a longer header: a vocabulary of all of Unicode fits in.
const MOST_HEADER: u64 = 32 << 20;
const MOST_TENSORS: usize = 100_000;

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
    pub fn of(parameter: &Parameter, arena: &[Real]) -> Self {
        let values = parameter.positions().map(|at| arena[at] as f32).collect();
        Self { shape: parameter.shape.clone(), values }
    }
}

impl Contents {
    /// Reads every tensor of floating-point numbers; whole numbers and truth values (PyTorch's buffers) count by their
    /// shape alone.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let foreign = |found: String| CheckpointError::Foreign { path: path.to_owned(), found };
        let bytes = bytes(path)?;
        if let Some(what) = signature::of(&bytes[..bytes.len().min(signature::LOOKED_AT)]) {
            return Err(foreign(what.to_owned()));
        }
        let refuse = |error: SafeTensorError| explain(path, bytes.len(), &error);
        let header = header_length(&bytes);
        if header > MOST_HEADER && header <= bytes.len() as u64 {
            return Err(foreign(format!(
                "its header of {header} bytes is longer than any model's"
            )));
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(refuse)?;
        if header.tensors().len() > MOST_TENSORS {
            let count = header.tensors().len();
            return Err(foreign(format!("it holds {count} tensors, more than any model")));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(refuse)?;
        let mut views = file.tensors();
        // In an order of their own, so that one file always gives one message.
        views.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut tensors = BTreeMap::new();
        for (name, view) in views {
            let values = numbers(view.dtype(), view.data()).ok_or_else(|| {
                foreign(format!(
                    "{} has the type {:?}; F32, F16, BF16 and F64 are read",
                    excerpt(&name),
                    view.dtype()
                ))
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

    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
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
    if file.read_exact(&mut length).is_err() || u64::from_le_bytes(length) > MOST_HEADER {
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

/// The whole of a file, if it is one.
fn bytes(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let unreadable = |source| CheckpointError::Unreadable { path: path.to_owned(), source };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    let foreign =
        |found: &str| CheckpointError::Foreign { path: path.to_owned(), found: found.to_owned() };
    if about.is_dir() {
        return Err(foreign("it is a folder"));
    }
    // A pipe or a device may never end.
    if !about.is_file() {
        return Err(foreign("it is a pipe or a device"));
    }
    if about.len() > MOST_BYTES {
        return Err(foreign("it is larger than any model that fits here"));
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(about.len()).map_err(|_| foreign("it is too large"))?;
    bytes.try_reserve_exact(room).map_err(|_| foreign("it is larger than the memory at hand"))?;
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(about.len()).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The length of the header that a safetensors file promises first.
fn header_length(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

fn numbers(kind: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match kind {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|b| half(u16::from_le_bytes(*b))).collect(),
        Dtype::BF16 => {
            let wide = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
            bytes.as_chunks().0.iter().map(wide).collect()
        }
        Dtype::BOOL | Dtype::U8 | Dtype::I32 | Dtype::I64 => Vec::new(),
        _ => return None,
    })
}

/// A number of IEEE 754's binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

/// What is wrong with a file that the format's own reader refuses.
fn explain(path: &Path, len: usize, error: &SafeTensorError) -> CheckpointError {
    let path = path.to_owned();
    match error {
        SafeTensorError::MetadataIncompleteBuffer => CheckpointError::Damaged {
            path,
            found: format!("its {len} bytes are not as many as its header promises"),
        },
        error => {
            let detail = excerpt(&error.to_string());
            CheckpointError::Foreign {
                path,
                found: format!("it is no safetensors file ({detail})"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_to_the_bit() {
        // numpy.array([...], numpy.float16).view(numpy.uint16)
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7BFF, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x8000, 0.0),
            (0x7C00, f32::INFINITY),
            (0xFC00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7E00).is_nan());
    }
}
