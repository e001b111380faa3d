//! One reference case: its tensors, and the comparison with ours.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;

use crate::math::Real;

/// No reference case is a larger file.
const MOST_BYTES: u64 = 64 << 20;

/// A tensor of a case; token ids are numbers too, exact in f64.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Tensor {
    /// The values as the program computes with them; exact, since the file holds float32.
    pub fn reals(&self) -> Vec<Real> {
        self.values.iter().map(|x| *x as Real).collect()
    }

    /// The values as token ids.
    pub fn ids(&self) -> Vec<u32> {
        self.values.iter().map(|x| *x as u32).collect()
    }
}

#[derive(Debug)]
pub struct Golden {
    pub case: String,
    config: serde_json::Value,
    tensors: BTreeMap<String, Tensor>,
}

impl Golden {
    /// # Errors
    /// If it is not a file of `generate.py`.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let about = std::fs::metadata(path).context("cannot be read")?;
        ensure!(about.is_file(), "is no file");
        ensure!(about.len() <= MOST_BYTES, "is larger than any reference case");
        let bytes = std::fs::read(path).context("cannot be read")?;
        let file = SafeTensors::deserialize(&bytes).context("not a whole safetensors file")?;
        let (_, header) = SafeTensors::read_metadata(&bytes)?;
        let metadata = header.metadata().as_ref().context("no metadata: not a reference case")?;
        let entry =
            |key: &str| metadata.get(key).with_context(|| format!("no {key} in the metadata"));
        let mut tensors = BTreeMap::new();
        let mut views = file.tensors();
        // In an order of their own, so that one file always gives one message.
        views.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (name, view) in views {
            ensure!(!view.shape().contains(&0), "{name} is empty: {:?}", view.shape());
            let data = view.data();
            let values = match view.dtype() {
                Dtype::F32 => {
                    data.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
                }
                Dtype::I64 => {
                    data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect()
                }
                other => bail!("{name} is {other:?}: expected F32 or I64"),
            };
            tensors.insert(name, Tensor { shape: view.shape().to_vec(), values });
        }
        Ok(Self {
            case: entry("case")?.clone(),
            config: serde_json::from_str(entry("config")?)?,
            tensors,
        })
    }

    /// # Errors
    /// If the case has no such tensor.
    pub fn tensor(&self, name: &str) -> anyhow::Result<&Tensor> {
        self.tensors.get(name).with_context(|| format!("no tensor {name}"))
    }

    /// The names that start with a prefix, without it.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.tensors.keys().filter_map(move |name| name.strip_prefix(prefix))
    }

    /// The whole configuration as a type that takes what it knows.
    ///
    /// # Errors
    /// If a value does not fit.
    pub fn config<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        Ok(serde_json::from_value(self.config.clone())?)
    }

    /// One entry of the configuration.
    ///
    /// # Errors
    /// If it is missing or does not fit.
    pub fn setting<T: DeserializeOwned>(&self, key: &str) -> anyhow::Result<T> {
        let value =
            self.config.get(key).with_context(|| format!("no {key} in the configuration"))?;
        Ok(serde_json::from_value(value.clone())?)
    }

    /// Compares one tensor with ours and keeps the worst.
    ///
    /// # Errors
    /// If the case has no such tensor, or of another size.
    pub fn compare(
        &self,
        worst: &mut Worst,
        name: &str,
        ours: &[Real],
        limit: f64,
    ) -> anyhow::Result<()> {
        let reference = self.tensor(name)?;
        ensure!(
            ours.len() == reference.values.len(),
            "{name} has {} numbers of shape {:?}, ours has {}",
            reference.values.len(),
            reference.shape,
            ours.len()
        );
        let square = |(ours, reference): (&Real, &f64)| (*ours as f64 - reference).powi(2);
        let difference = ours.iter().zip(&reference.values).map(square).sum::<f64>().sqrt();
        let size = reference.values.iter().map(|x| x * x).sum::<f64>().sqrt();
        worst.take(name, difference / if size > 0.0 { size } else { 1.0 }, limit);
        Ok(())
    }

    /// Moves the first number of the first tensor of that prefix, to see whether a check notices.
    #[cfg(test)]
    pub fn disturb(&mut self, prefix: &str, by: f64) {
        let tensor = self.tensors.iter_mut().find(|(name, _)| name.starts_with(prefix)).unwrap().1;
        tensor.values[0] += by;
    }
}

/// The comparison that came nearest to its limit, or furthest beyond it.
#[derive(Clone, Debug, Default)]
pub struct Worst {
    name: String,
    error: f64,
    limit: f64,
}

impl Worst {
    fn take(&mut self, name: &str, error: f64, limit: f64) {
        // Not a number is worse than anything.
        if self.limit == 0.0 || error.is_nan() || error / limit > self.error / self.limit {
            *self = Self { name: name.to_owned(), error, limit };
        }
    }

    /// Whether something was compared and all of it was near enough.
    pub fn within(&self) -> bool {
        self.limit > 0.0 && self.error < self.limit
    }
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1e} of {:.0e} at {}", self.error, self.limit, self.name)
    }
}
