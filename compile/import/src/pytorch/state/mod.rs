//! Weights alone, of architectures that are known: the names and shapes of the tensors tell which
//! it is. Each architecture has one file.

mod densenet;
mod mobilenet_v2;
mod net;
mod resnet;
mod safetensors;
mod vgg;
mod vit;

pub(super) use safetensors::is_safetensors;

use super::folder::{Folder, elements};
use super::pickle::{Item, Pickle, Stored};
use super::{FORMAT, damaged, no_graph, refusal, unpickle};
use crate::build::{Budget, byte_count};
use crate::error::{ImportError, Reason};
use crate::{ModelMetadata, Options, Survey};
use bytes::Bytes;
use net::Net;
use std::collections::{BTreeMap, HashMap};
use tensor::Tensor;

/// An architecture that weights can be of.
struct Row {
    /// Its name, as torchvision and timm have it.
    name: fn(&State) -> Option<String>,
    /// What it computes.
    build: fn(&mut Net<'_>) -> Result<(), Reason>,
}

/// The architectures, each told by what no other one has.
const ROWS: &[Row] = &[
    Row { name: resnet::name, build: resnet::build },
    Row { name: mobilenet_v2::name, build: mobilenet_v2::build },
    Row { name: vgg::name, build: vgg::build },
    Row { name: densenet::name, build: densenet::build },
    Row { name: vit::name, build: vit::build },
];

/// Where the elements of all tensors lie.
enum Place {
    Folder(Box<Folder>),
    Bytes(Bytes),
}

/// Tensors by their names.
pub(super) struct State {
    tensors: HashMap<String, Stored>,
    place: Place,
}

/// What words before names stand for nothing: of wrappers that train on several devices.
const WRAPPERS: [&str; 3] = ["module.", "model.", "_orig_mod."];

impl State {
    fn of(tensors: HashMap<String, Stored>, place: Place) -> State {
        let mut state = State { tensors, place };
        for wrapper in WRAPPERS {
            let has_all = state.tensors.keys().all(|name| name.starts_with(wrapper));
            if has_all && !state.tensors.is_empty() {
                let names = std::mem::take(&mut state.tensors).into_iter();
                let names = names.map(|(name, own)| (name[wrapper.len()..].to_string(), own));
                state.tensors = names.collect();
            }
        }
        state
    }

    /// The sizes of a tensor, where there is one of this name.
    fn sizes(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.sizes.as_slice())
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// How many of `<before>0<after>`, `<before>1<after>`, … there are.
    fn count(&self, before: &str, first: usize, after: &str) -> usize {
        (first..).take_while(|at| self.has(&format!("{before}{at}{after}"))).count()
    }

    fn read(&mut self, name: &str, budget: &Budget) -> Result<Tensor, Reason> {
        let refused = |reason: String| Reason::Tensor { name: name.to_string(), reason };
        let stored = self.tensors.get(name).cloned();
        let stored = stored.ok_or_else(|| refused("is not among the weights".to_string()))?;
        match &mut self.place {
            Place::Folder(folder) => folder.tensor(name, "data/", &stored, budget),
            Place::Bytes(bytes) => {
                budget.take(byte_count(stored.dtype, &stored.sizes))?;
                elements(bytes, &stored).map_err(refused)
            }
        }
    }
}

/// The weights of an archive of `torch.save`.
pub(super) fn of_archive(mut folder: Folder, options: &Options) -> Result<Survey, ImportError> {
    let bytes = folder.read("data.pkl").map_err(damaged)?.unwrap_or_default();
    let pickle = unpickle::read(&bytes).map_err(damaged)?;
    let tensors = dictionary(&pickle).ok_or_else(no_graph)?;
    survey(State::of(tensors, Place::Folder(Box::new(folder))), options)
}

/// The weights of a safetensors file.
pub(super) fn of_safetensors(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let (tensors, data) = safetensors::read(bytes, options)?;
    survey(State::of(tensors, Place::Bytes(data)), options)
}

/// What checkpoints call the weights in them.
const INSIDE: [&str; 4] = ["state_dict", "model", "model_state_dict", "params"];

/// The dictionary of tensors that a pickle is or that a checkpoint holds.
fn dictionary(pickle: &Pickle) -> Option<HashMap<String, Stored>> {
    let mut entries = pickle.entries(&pickle.root)?;
    let inside = entries.iter().find(|(name, value)| {
        let is_named = matches!(name, Item::Text(name) if INSIDE.contains(&&**name));
        is_named && pickle.entries(value).is_some()
    });
    if let Some((_, value)) = inside {
        entries = pickle.entries(value)?;
    }
    let tensor = |(name, value): &(Item, Item)| match (name, value) {
        (Item::Text(name), Item::Tensor(stored)) => Some((name.to_string(), Stored::clone(stored))),
        _ => None,
    };
    Some(entries.iter().filter_map(tensor).collect())
}

fn survey(mut state: State, options: &Options) -> Result<Survey, ImportError> {
    let found = ROWS.iter().find_map(|row| Some(((row.name)(&state)?, row)));
    let Some((name, row)) = found else { return Err(no_graph()) };
    let mut net = Net::new(&mut state, options);
    if let Err(reason) = (row.build)(&mut net) {
        net.walk.refusals.push(refusal::of_part("model", &name, reason));
    }
    let inputs = usize::from(!net.walk.build.graph.inputs.is_empty());
    let metadata = ModelMetadata {
        format: FORMAT.to_string(),
        producer: "PyTorch, weights".to_string(),
        properties: BTreeMap::from([("architecture".to_string(), name)]),
        ..ModelMetadata::default()
    };
    Ok(net.walk.survey(inputs, metadata))
}
