//! The objects, tensors and source of a model, as its archive holds them.

use super::Name;
use super::parse::{File, parse};
use crate::build::Budget;
use crate::error::Reason;
use crate::pytorch::folder::Folder;
use crate::pytorch::pickle::{Item, Pickle, Stored};
use crate::pytorch::script::{CODE, DATA};
use crate::pytorch::unpickle;
use std::collections::HashMap;
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
}

impl Source {
    /// Reads the objects.
    pub(super) fn open(mut folder: Folder) -> Result<Source, String> {
        let data = folder.read(DATA)?.ok_or_else(|| format!("it holds no {DATA}"))?;
        let data = unpickle::read(&data)?;
        let constants = folder.read("constants.pkl")?;
        let constants = constants.map(|bytes| unpickle::read(&bytes)).transpose()?;
        let (files, tensors) = (HashMap::new(), HashMap::new());
        Ok(Source { folder, files, data, constants, tensors })
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

    /// A tensor of the model, or of the source's constants.
    pub(super) fn tensor(
        &mut self,
        name: &Name,
        stored: &Stored,
        is_constant: bool,
        budget: &Budget,
    ) -> Result<Arc<Tensor>, Reason> {
        let place = if is_constant { "constants/" } else { "data/" };
        let key = format!(
            "{place}{} {} {} {:?} {:?}",
            stored.key, stored.dtype, stored.offset, stored.sizes, stored.strides
        );
        if let Some(known) = self.tensors.get(&key) {
            return Ok(known.clone());
        }
        let made = Arc::new(self.folder.tensor(name, place, stored, budget)?);
        self.tensors.insert(key, made.clone());
        Ok(made)
    }
}
