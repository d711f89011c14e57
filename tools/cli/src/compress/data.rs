//! Samples from images, as the recipe prepares them, or from a file of arrays or a table.

use crate::error::Error;
use crate::eval::dataset::{self, Item};
use crate::{compare, tensors};
use compress::CompressError;
use compress::evaluate::{Data, hex};
use ir::Op;
use plan::Port;
use recipe::Recipe;
use runtime::Model;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tensor::{Bindings, DType, Tensor, Value};

/// Samples, and what they are known by.
pub(super) struct Samples {
    pub(super) data: Box<dyn Data>,
    /// Of all that the model's inputs are made of, and the labels.
    pub(super) sha256: String,
    /// Has every sample a label?
    pub(super) is_labeled: bool,
}

/// The name of the array that holds labels; tables mostly have one label in a column.
const LABELS: &str = "labels";
const LABEL: &str = "label";

/// Prepared images that are kept, in bytes: each is needed for every layer again.
const KEPT_BYTES_MAX: usize = 1 << 30;

/// The samples at `path`, at most so many.
pub(super) fn read(path: &Path, model: &Model, limit: Option<usize>) -> Result<Samples, Error> {
    let limit = limit.unwrap_or(usize::MAX);
    let is_arrays = ["npz", tensors::TABLE].contains(&tensors::suffix(path).as_str());
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

/// Arrays with their names.
type Named = Vec<(Option<String>, Value)>;

fn arrays(path: &Path, model: &Model, limit: usize) -> Result<Samples, Error> {
    let refused = |reason: String| Error::Usage(format!("{}: {reason}", path.display()));
    let is_table = tensors::suffix(path) == tensors::TABLE;
    let mut named = tensors::read(path)?;
    let is_label = |name: &str| name == LABELS || is_table && name == LABEL;
    let place = |(name, _): &(Option<String>, Value)| name.as_deref().is_some_and(is_label);
    let labels = named.iter().position(place).map(|at| named.remove(at).1);
    let ports = &model.signature().inputs;
    let columns = ports.iter().map(|port| column(&named, port, ports.len() == 1, is_table));
    let columns: Vec<Tensor> = columns.collect::<Result<_, _>>().map_err(&refused)?;
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
    let data = Arrays { columns, labels, rows: rows.min(limit) };
    Ok(Samples { data: Box::new(data), sha256: hex(&hash.finalize()), is_labeled })
}

/// What one of the inputs is given, one sample a row: the array of its name; for an only input also
/// the only array, or all columns of a table.
fn column(named: &Named, port: &Port, is_only: bool, is_table: bool) -> Result<Tensor, String> {
    let at = named.iter().position(|(name, _)| name.as_deref() == Some(port.name.as_str()));
    let column = match at.or((is_only && named.len() == 1).then_some(0)) {
        Some(at) => named[at].1.tensor().map(|tensor| Tensor::clone(tensor)),
        None if is_table && is_only => features(named),
        None => {
            let found: Vec<&str> = named.iter().filter_map(|(name, _)| name.as_deref()).collect();
            let (name, found) = (&port.name, found.join(", "));
            return Err(format!("expected an array `{name}`, one sample a row; found {found}"));
        }
    };
    let expected = || format!("`{}`: expected numbers, one sample a row", port.name);
    let column = column.ok_or_else(expected)?;
    // A table does not say how wide its numbers are meant to be.
    if is_table { converted(&column, port.dtype) } else { Ok(column) }
}

/// The columns of a table side by side.
fn features(named: &Named) -> Option<Tensor> {
    let columns: Vec<&[f64]> = named
        .iter()
        .map(|(_, value)| value.tensor().filter(|t| t.shape().len() == 1)?.as_slice::<f64>().ok())
        .collect::<Option<_>>()?;
    let rows = columns.first()?.len();
    let numbers: Vec<f64> =
        (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Tensor::from_slice(&[rows, columns.len()], &numbers).ok()
}

/// Numbers of a table as what a model takes.
fn converted(numbers: &Tensor, dtype: DType) -> Result<Tensor, String> {
    reference::evaluate(&Op::Cast(dtype), &[numbers], &Bindings::new()).map_err(|e| e.to_string())
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
