//! Samples from images, as the recipe prepares them, or from a file of arrays.

use crate::error::Error;
use crate::eval::dataset::{self, Item};
use crate::{compare, tensors};
use compress::CompressError;
use compress::evaluate::{Data, hex};
use recipe::Recipe;
use runtime::Model;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::{Tensor, Value};

/// Samples, and what they are known by.
pub(super) struct Samples {
    pub(super) data: Box<dyn Data>,
    /// Of all that the model's inputs are made of, and the labels.
    pub(super) sha256: String,
    /// Has every sample a label?
    pub(super) is_labeled: bool,
}

/// The name of the array that holds labels.
const LABELS: &str = "labels";

/// Prepared images that are kept, in bytes: each is needed for every layer again.
const KEPT_BYTES_MAX: usize = 1 << 30;

/// The samples at `path`, at most so many.
pub(super) fn read(path: &Path, model: &Model, limit: Option<usize>) -> Result<Samples, Error> {
    let limit = limit.unwrap_or(usize::MAX);
    let is_arrays = path.extension().is_some_and(|suffix| suffix == "npz");
    if is_arrays { arrays(path, model, limit) } else { images(path, model, limit) }
}

fn images(path: &Path, model: &Model, limit: usize) -> Result<Samples, Error> {
    let recipe = model.recipe().cloned().ok_or_else(|| {
        Error::Usage(
            "the model has no recipe for images; give --recipe, or --data FILE.npz with an array \
             for each input"
                .to_string(),
        )
    })?;
    let mut items = dataset::read_any(path, &recipe.post.labels)?;
    items.truncate(limit);
    let mut hash = Sha256::new();
    hash.update(recipe.to_json()?);
    for item in &items {
        let encoded = std::fs::read(&item.path).map_err(|e| Error::of_file(&item.path, e))?;
        hash.update(format!("{} {:?} {}\n", item.name, item.labels, encoded.len()));
        hash.update(encoded);
    }
    let is_labeled = items.iter().all(|item| !item.labels.is_empty());
    let kept = items.iter().map(|_| OnceLock::new()).collect();
    let data = Images { items, recipe, kept, kept_bytes: AtomicUsize::new(0) };
    Ok(Samples { data: Box::new(data), sha256: hex(&hash.finalize()), is_labeled })
}

/// Images, decoded when they are needed.
struct Images {
    items: Vec<Item>,
    recipe: Recipe,
    kept: Vec<OnceLock<Tensor>>,
    kept_bytes: AtomicUsize,
}

impl Data for Images {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn inputs(&self, sample: usize) -> Result<Vec<Tensor>, CompressError> {
        if let Some(kept) = self.kept[sample].get() {
            return Ok(vec![kept.clone()]);
        }
        let path = &self.items[sample].path;
        let failed =
            |e: &dyn std::fmt::Display| CompressError::Unfit(format!("{}: {e}", path.display()));
        let encoded = std::fs::read(path).map_err(|e| failed(&e))?;
        let prepared = self.recipe.prepare(&encoded).map_err(|e| failed(&e))?;
        let bytes = prepared.bytes().len();
        if self.kept_bytes.fetch_add(bytes, Ordering::Relaxed) < KEPT_BYTES_MAX {
            let _ = self.kept[sample].set(prepared.clone());
        }
        Ok(vec![prepared])
    }

    fn labels(&self, sample: usize) -> Option<&[usize]> {
        Some(self.items[sample].labels.as_slice()).filter(|labels| !labels.is_empty())
    }
}

fn arrays(path: &Path, model: &Model, limit: usize) -> Result<Samples, Error> {
    let refused = |reason: String| Error::Usage(format!("{}: {reason}", path.display()));
    let mut named = tensors::read(path)?;
    let place = |(name, _): &(Option<String>, Value)| name.as_deref() == Some(LABELS);
    let labels = named.iter().position(place).map(|at| named.swap_remove(at).1);
    let ports = &model.signature().inputs;
    let mut columns = Vec::new();
    for port in ports {
        let at = named.iter().position(|(name, _)| name.as_deref() == Some(port.name.as_str()));
        let at = at.or((ports.len() == 1 && named.len() == 1).then_some(0));
        let at = at.ok_or_else(|| {
            let found: Vec<&str> = named.iter().filter_map(|(name, _)| name.as_deref()).collect();
            let (name, found) = (&port.name, found.join(", "));
            refused(format!("expected an array `{name}`, one sample a row; found {found}"))
        })?;
        let column = named[at].1.tensor().cloned();
        columns.push(column.ok_or_else(|| refused(format!("`{}` is text", port.name)))?);
    }
    let rows = columns[0].shape().first().copied().unwrap_or(0);
    if let Some(other) = columns.iter().find(|column| column.shape().first() != Some(&rows)) {
        return Err(refused(format!("expected {rows} rows in each array, found {other:?}")));
    }
    let labels = labels.map(|labels| classes(&labels, rows)).transpose().map_err(&refused)?;
    let mut hash = Sha256::new();
    for column in &columns {
        hash.update(format!("{column:?}\n"));
        hash.update(column.bytes());
    }
    hash.update(format!("{labels:?}"));
    let is_labeled = labels.is_some();
    let columns = columns.iter().map(|column| Tensor::clone(column)).collect();
    let data = Arrays { columns, labels, rows: rows.min(limit) };
    Ok(Samples { data: Box::new(data), sha256: hex(&hash.finalize()), is_labeled })
}

/// One class a row.
fn classes(labels: &Value, rows: usize) -> Result<Vec<[usize; 1]>, String> {
    let numbers = compare::numbers(labels);
    let is_class = |&x: &f64| x >= 0.0 && x.fract() == 0.0;
    if numbers.len() != rows || !numbers.iter().all(is_class) {
        return Err(format!("expected `{LABELS}` to hold {rows} class numbers, found {labels:?}"));
    }
    Ok(numbers.into_iter().map(|x| [x as usize]).collect())
}

/// Arrays with one sample a row.
struct Arrays {
    columns: Vec<Tensor>,
    labels: Option<Vec<[usize; 1]>>,
    rows: usize,
}

impl Data for Arrays {
    fn len(&self) -> usize {
        self.rows
    }

    fn inputs(&self, sample: usize) -> Result<Vec<Tensor>, CompressError> {
        let row = |column: &Tensor| {
            let mut shape = column.shape().to_vec();
            let bytes = column.bytes().len() / shape[0].max(1);
            shape[0] = 1;
            let part = &column.bytes()[sample * bytes..(sample + 1) * bytes];
            Ok(Tensor::from_bytes(column.dtype(), &shape, part)?)
        };
        self.columns.iter().map(row).collect()
    }

    fn labels(&self, sample: usize) -> Option<&[usize]> {
        self.labels.as_ref().map(|labels| labels[sample].as_slice())
    }
}
