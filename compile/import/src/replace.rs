//! Weights from a file of weights alone, in the place of those that a model file holds: the model
//! is a skeleton, exported once, and what was trained since is a state dict of PyTorch.
//!
//! Everything has to meet: names, types, shapes, and that neither side has what the other lacks.
//! What does not is collected, so that one error names it.

use crate::build::{Builder, Operand};
use crate::error::{ImportError, Reason};
use crate::pytorch::State;
use crate::{Options, pytorch, read_file};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use tensor::{DType, Tensor, element_count};

/// The weights that are to be taken.
pub(crate) struct Replacement {
    path: PathBuf,
    state: State,
    read: HashMap<String, Arc<Tensor>>,
    /// What the model takes and the file does not have.
    missing: BTreeSet<String>,
    /// What is not of the type or shape that the model takes: expected and found.
    unfit: BTreeMap<String, String>,
}

/// A weight of the model.
pub(crate) struct Own<'n> {
    pub(crate) name: &'n str,
    pub(crate) dtype: DType,
    pub(crate) shape: &'n [usize],
    /// Is it certain that it was trained, or certain that it was not?
    pub(crate) is_trained: Option<bool>,
}

impl Own<'_> {
    /// Must the file have it? Where a format does not tell what was trained, numbers that are not
    /// single ones were.
    fn is_needed(&self) -> bool {
        let is_single = element_count(self.shape).is_some_and(|count| count <= 1);
        self.dtype.is_float() && self.is_trained.unwrap_or(!is_single)
    }
}

/// What is said of a few and counted of the rest.
const LISTED_MAX: usize = 3;

impl Replacement {
    /// The weights that an import is to take, where it is to take others than the model's.
    pub(crate) fn open(options: &Options) -> Result<Option<Replacement>, ImportError> {
        let Some(path) = options.weights.clone() else { return Ok(None) };
        let refused = |error: ImportError| match error {
            io @ ImportError::Io { .. } => io,
            error => ImportError::Weights {
                path: path.clone(),
                reason: error.to_string(),
                hint: "expected a state dict: torch.save(model.state_dict(), \"model.pth\"), or \
                       .safetensors"
                    .to_string(),
            },
        };
        let bytes = read_file(&path, options.memory).map_err(refused)?;
        let state = pytorch::state(bytes.into(), options).map_err(refused)?;
        let (read, missing, unfit) = (HashMap::new(), BTreeSet::new(), BTreeMap::new());
        Ok(Some(Replacement { path, state, read, missing, unfit }))
    }

    /// What stands in the place of a weight; `None` where that stays.
    pub(crate) fn operand(
        &mut self,
        build: &mut Builder,
        own: &Own<'_>,
    ) -> Result<Option<Operand>, Reason> {
        let Some(name) = self.state.meeting(own.name).map(str::to_string) else {
            if own.is_needed() {
                self.missing.insert(own.name.to_string());
            }
            return Ok(None);
        };
        let Some((dtype, shape)) = self.state.fact(&name) else { return Ok(None) };
        let is_short = own.dtype == DType::F32 && matches!(dtype, DType::F16 | DType::BF16);
        if shape != own.shape || dtype != own.dtype && !is_short {
            let text = format!("expected {}{:?}, found {dtype}{shape:?}", own.dtype, own.shape);
            self.unfit.insert(own.name.to_string(), text);
            return Ok(None);
        }
        let tensor = match self.read.get(&name) {
            Some(tensor) => tensor.clone(),
            None => {
                let tensor = Arc::new(self.state.read(&name, &build.budget)?);
                self.read.insert(name, tensor.clone());
                tensor
            }
        };
        let operand = Operand::constant(own.name, tensor);
        build.cast(&operand, own.dtype).map(Some)
    }

    /// Whether all that both sides have was met.
    pub(crate) fn finish(&self) -> Result<(), ImportError> {
        let mut parts = Vec::new();
        if !self.unfit.is_empty() {
            let each = |(name, text): (&String, &String)| format!("`{name}`: {text}");
            parts.push(listed(self.unfit.iter().map(each)));
        }
        if !self.missing.is_empty() {
            let names = listed(self.missing.iter().map(|name| format!("`{name}`")));
            parts.push(format!("the model has {names}, which the file does not have"));
        }
        let unread: Vec<String> = self.state.unused().map(|name| format!("`{name}`")).collect();
        // What does not fit was not read either.
        if !unread.is_empty() && self.unfit.is_empty() {
            let names = listed(unread.into_iter());
            parts.push(format!("the file has {names}, which the model does not have"));
        }
        if parts.is_empty() {
            return Ok(());
        }
        let is_folded = |name: &String| FOLDED.iter().any(|start| name.starts_with(start));
        let is_renamed = self.missing.iter().any(is_folded);
        let hint = match is_renamed {
            true => KEEP_NAMES,
            false if self.missing.is_empty() && self.unfit.is_empty() => MERGED,
            false => SAME_MODEL,
        };
        let (path, reason) = (self.path.clone(), parts.join("; "));
        Err(ImportError::Weights { path, reason, hint: hint.to_string() })
    }
}

/// How exporters to ONNX begin the names of what they computed from weights.
const FOLDED: [&str; 2] = ["onnx::", "val_"];

const KEEP_NAMES: &str = "the export computed weights and gave them names of its own: export the \
     skeleton with torch.export.save(torch.export.export(model, (example,)), \"model.pt2\"), or to \
     ONNX with dynamo=False, do_constant_folding=False, training=TrainingMode.PRESERVE";

const SAME_MODEL: &str = "give the state_dict() of the very module that the skeleton was exported \
     from";

const MERGED: &str = "give the state_dict() of the very module that the skeleton was exported \
     from; an export to ONNX leaves out what it does not use, and holds equal weights once, as \
     those of a fresh module are: export it as .pt2";

/// The first of these, and how many there are beside them.
fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let rest = items.len().saturating_sub(LISTED_MAX);
    let first: Vec<String> = items.take(LISTED_MAX).collect();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}
