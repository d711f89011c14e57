//! The objects, tensors and source of a model, as its archive holds them.

use super::parse::{Expr, File, parse};
use crate::build::{Builder, Operand};
use crate::error::Reason;
use crate::pytorch::folder::Folder;
use crate::pytorch::pickle::{Item, Pickle, Stored};
use crate::pytorch::script::{CODE, DATA};
use crate::pytorch::unpickle;
use crate::replace::{Own, Replacement};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use tensor::Tensor;

/// What an archive holds.
pub(super) struct Source {
    folder: Folder,
    files: HashMap<String, Result<Rc<File>, String>>,
    /// The model.
    pub(super) data: Pickle,
    /// The constants of the source.
    pub(super) constants: Option<Pickle>,
    tensors: HashMap<String, Arc<Tensor>>,
    /// Weights that stand in the place of the model's own.
    pub(super) replacement: Option<Replacement>,
    /// Tensors of the model that a state dict may lack, by their paths.
    kept: HashSet<String>,
}

impl Source {
    /// Reads the objects.
    pub(super) fn open(mut folder: Folder) -> Result<Source, String> {
        let data = folder.read(DATA)?.ok_or_else(|| format!("it holds no {DATA}"))?;
        let data = unpickle::read(&data)?;
        let constants = folder.read("constants.pkl")?;
        let constants = constants.map(|bytes| unpickle::read(&bytes)).transpose()?;
        let (files, tensors, kept) = (HashMap::new(), HashMap::new(), HashSet::new());
        Ok(Source { folder, files, data, constants, tensors, replacement: None, kept })
    }

    /// The inputs of a trace, where the model is one: of each its type and sizes.
    pub(super) fn traced(&mut self) -> Option<Vec<Rc<Stored>>> {
        let bytes = self.folder.read("traced_inputs.pkl").ok()??;
        let pickle = unpickle::read(&bytes).ok()?;
        let (_, inputs) = pickle
            .entries(&pickle.root)?
            .iter()
            .find(|(name, _)| matches!(name, Item::Text(name) if &**name == "forward"))?;
        let mut found = Vec::new();
        for item in pickle.items(inputs)? {
            match item {
                Item::Tensor(stored) => found.push(stored.clone()),
                _ => return None,
            }
        }
        Some(found)
    }

    /// The file that a name lies in, and its last part.
    pub(super) fn file<'n>(&mut self, name: &'n str) -> Result<(Rc<File>, &'n str), String> {
        let (module, last) = name.rsplit_once('.').ok_or_else(|| format!("there is no {name}"))?;
        if !self.files.contains_key(module) {
            let path = format!("{CODE}{}.py", module.replace('.', "/"));
            let text = self.folder.text(&path)?;
            let file = match text {
                Some(text) => parse(&text).map(Rc::new).map_err(|error| format!("{path}: {error}")),
                None => Err(format!("there is no {path}")),
            };
            self.files.insert(module.to_string(), file);
        }
        let file = self.files.get(module).cloned().unwrap_or_else(|| Err(String::new()))?;
        Ok((file, last))
    }

    /// The fields of a class that are tensors and no parameters, where that matters.
    pub(super) fn buffers(&mut self, class: &str) -> Vec<Rc<str>> {
        if self.replacement.is_none() {
            return Vec::new();
        }
        let Ok((file, last)) = self.file(class) else { return Vec::new() };
        let text = |item: &Expr| match item {
            Expr::Text(text) => Some(text.clone()),
            _ => None,
        };
        match file.classes.get(last).and_then(|class| class.buffers.as_ref()) {
            Some(Expr::List(items)) => items.iter().filter_map(text).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// Notes that a state dict may lack the buffer at this path: those that are not persistent are
    /// not in one. Statistics of a normalization always are.
    pub(super) fn keep(&mut self, path: &str) {
        let last = path.rsplit('.').next().unwrap_or_default();
        if !last.starts_with("running_") {
            self.kept.insert(path.to_string());
        }
    }

    /// A tensor of the model, or of the source's constants.
    pub(super) fn tensor(
        &mut self,
        name: &str,
        stored: &Stored,
        is_constant: bool,
        build: &mut Builder,
    ) -> Result<Operand, Reason> {
        let place = if is_constant { "constants/" } else { "data/" };
        if let (Some(replacement), false) = (&mut self.replacement, is_constant) {
            let Stored { dtype, sizes: shape, .. } = stored;
            let is_trained = self.kept.contains(name).then_some(false);
            let own = Own { name, dtype: *dtype, shape, is_trained };
            if let Some(operand) = replacement.operand(build, &own)? {
                return Ok(operand);
            }
        }
        let key = format!(
            "{place}{} {} {} {:?} {:?}",
            stored.key, stored.dtype, stored.offset, stored.sizes, stored.strides
        );
        if let Some(known) = self.tensors.get(&key) {
            return Ok(Operand::constant(name, known.clone()));
        }
        let made = Arc::new(self.folder.tensor(name, place, stored, &build.budget)?);
        self.tensors.insert(key, made.clone());
        Ok(Operand::constant(name, made))
    }
}
