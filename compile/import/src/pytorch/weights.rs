//! Where the tensors of a model lie: in files of their own beside a list, or in a dictionary that
//! was saved as a whole.

use super::element;
use super::folder::Folder;
use super::pickle::{Item, RANK_MAX, Stored};
use super::unpickle;
use crate::build::{Budget, Operand};
use crate::error::Reason;
use crate::json;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::rc::Rc;
use tensor::{DType, Tensor};

/// Tensors by their names.
#[derive(Default)]
pub(super) struct Weights {
    archives: Vec<Folder>,
    places: HashMap<String, Place>,
}

/// Where a tensor lies.
struct Place {
    archive: usize,
    folder: String,
    stored: Rc<Stored>,
}

impl Weights {
    /// Adds an archive that the places of others are in.
    pub(super) fn archive(&mut self, folder: Folder) -> usize {
        self.archives.push(folder);
        self.archives.len() - 1
    }

    /// Adds the tensors of a list, `<place><model>_<kind>_config.json`.
    pub(super) fn listed(&mut self, at: usize, place: &str, file: &str) -> Result<(), String> {
        let Some(text) = self.archives[at].text(&format!("{place}{file}"))? else { return Ok(()) };
        let list = json::parse(&text)?;
        for (name, entry) in list.get("config").and_then(Json::as_object).into_iter().flatten() {
            let Some(stored) = listed(entry) else { continue };
            let (folder, stored) = (place.to_string(), Rc::new(stored));
            self.places.insert(name.clone(), Place { archive: at, folder, stored });
        }
        Ok(())
    }

    /// Adds the tensors of a dictionary that was saved as a whole.
    pub(super) fn saved(&mut self, bytes: Vec<u8>, limit: usize) -> Result<(), String> {
        let mut folder = Folder::open(bytes, limit)?;
        let Some(bytes) = folder.read("data.pkl")? else {
            return Err("a dictionary of tensors holds no data.pkl".to_string());
        };
        let pickle = unpickle::read(&bytes)?;
        let at = self.archive(folder);
        for (name, item) in pickle.entries(&pickle.root).unwrap_or(&[]) {
            if let (Item::Text(name), Item::Tensor(stored)) = (name, item) {
                let (folder, stored) = ("data/".to_string(), stored.clone());
                self.places.insert(name.to_string(), Place { archive: at, folder, stored });
            }
        }
        Ok(())
    }

    /// The type and sizes of a tensor.
    pub(super) fn fact(&self, name: &str) -> Option<(DType, &[usize])> {
        let stored = &self.places.get(name)?.stored;
        Some((stored.dtype, &stored.sizes))
    }

    /// The tensor with this name.
    pub(super) fn read(&mut self, name: &str, budget: &Budget) -> Result<Operand, Reason> {
        let place = self.places.get(name).ok_or_else(|| Reason::Tensor {
            name: name.to_string(),
            reason: "is not among the weights of the file".to_string(),
        })?;
        let folder = &mut self.archives[place.archive];
        let tensor: Tensor = folder.tensor(name, &place.folder, &place.stored, budget)?;
        Ok(Operand::constant(name, tensor))
    }
}

/// The tensor that an entry of a list describes.
fn listed(entry: &Json) -> Option<Stored> {
    if entry.get("use_pickle").and_then(Json::as_bool) == Some(true) {
        return None;
    }
    let meta = entry.get("tensor_meta")?;
    let number = |value: &Json| {
        let value = value.get("as_int").unwrap_or(value).as_u64()?;
        usize::try_from(value).ok()
    };
    let numbers = |name: &str| -> Option<Vec<usize>> {
        meta.get(name)?.as_array()?.iter().map(number).collect()
    };
    let (sizes, strides) = (numbers("sizes")?, numbers("strides")?);
    let dtype = element::exported(meta.get("dtype")?.as_i64()?)?.0;
    let offset = meta.get("storage_offset").map_or(Some(0), number)?;
    let key = entry.get("path_name")?.as_str()?.into();
    (sizes.len() == strides.len() && sizes.len() <= RANK_MAX).then_some(Stored {
        key,
        dtype,
        offset,
        sizes,
        strides,
    })
}
