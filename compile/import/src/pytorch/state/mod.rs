//! Weights alone, of architectures that are known: the names and shapes of the tensors tell which
//! it is. Each architecture has one file.

mod densenet;
mod efficientnet;
mod inverted;
mod mobilenet_v2;
mod mobilenet_v3;
mod net;
mod resnet;
mod safetensors;
mod timm;
mod vgg;
mod vit;

pub(super) use safetensors::is_safetensors;

use super::folder::{Folder, elements};
use super::pickle::{Item, Pickle, Stored};
use super::{FORMAT, damaged, no_graph, refusal, unpickle};
use crate::build::{Budget, byte_count};
use crate::error::{ImportError, Reason};
use crate::{ModelMetadata, Options, Survey, beside, json};
use bytes::Bytes;
use net::Net;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read;
use tensor::{DType, Tensor};

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
    Row { name: mobilenet_v3::name, build: mobilenet_v3::build },
    Row { name: efficientnet::name, build: efficientnet::build },
    Row { name: timm::name, build: timm::build },
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
pub(crate) struct State {
    tensors: HashMap<String, Stored>,
    place: Place,
    /// Those that were read.
    used: HashSet<String>,
    /// What the model is said to be, by a file beside it or its own name.
    said: String,
}

/// What words before names stand for nothing: of wrappers that train on several devices.
const WRAPPERS: [&str; 3] = ["module.", "model.", "_orig_mod."];

impl State {
    fn of(tensors: HashMap<String, Stored>, place: Place, options: &Options) -> State {
        let mut state = State { tensors, place, used: HashSet::new(), said: said(options) };
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

    /// Is one of these words, between others, in what the model is said to be?
    fn is_said_to_be(&self, words: &[&str]) -> bool {
        let said = format!("_{}_", self.said);
        words.iter().any(|word| said.contains(&format!("_{word}_")))
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// How many of `<before>0<after>`, `<before>1<after>`, … there are.
    fn count(&self, before: &str, first: usize, after: &str) -> usize {
        (first..).take_while(|at| self.has(&format!("{before}{at}{after}"))).count()
    }

    /// The name of these that stands for this one of a model, with what words lie before it there.
    pub(crate) fn meeting<'n>(&self, mut name: &'n str) -> Option<&'n str> {
        while !self.has(name) {
            name = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper))?;
        }
        Some(name)
    }

    /// The type and sizes of a tensor.
    pub(crate) fn fact(&self, name: &str) -> Option<(DType, &[usize])> {
        self.tensors.get(name).map(|stored| (stored.dtype, stored.sizes.as_slice()))
    }

    /// A tensor.
    pub(crate) fn read(&mut self, name: &str, budget: &Budget) -> Result<Tensor, Reason> {
        let refused = |reason: String| Reason::Tensor { name: name.to_string(), reason };
        let stored = self.tensors.get(name).cloned();
        let stored = stored.ok_or_else(|| refused("is not among the weights".to_string()))?;
        self.used.insert(name.to_string());
        match &mut self.place {
            Place::Folder(folder) => folder.tensor(name, "data/", &stored, budget),
            Place::Bytes(bytes) => {
                budget.take(byte_count(stored.dtype, &stored.sizes))?;
                elements(bytes, &stored).map_err(refused)
            }
        }
    }

    /// The names of what nobody read, in their order. A tensor with two names is read by one.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        let read: HashSet<&Stored> =
            self.used.iter().filter_map(|name| self.tensors.get(name)).collect();
        let is_left = |(name, stored): &(&String, &Stored)| {
            !read.contains(*stored) && !COUNTERS.iter().any(|end| name.ends_with(end))
        };
        let left = self.tensors.iter().filter(is_left).map(|(name, _)| name.as_str());
        left.collect::<BTreeSet<&str>>().into_iter()
    }
}

/// How the names of counters end that training and profilers leave among the weights.
const COUNTERS: [&str; 3] = ["num_batches_tracked", "total_ops", "total_params"];

/// Bytes of what timm writes beside weights: some hundreds.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// What the model is, as timm's `config.json` beside it says, else its file's name; words with `_`
/// between them.
fn said(options: &Options) -> String {
    let config = options.folder.as_deref().and_then(|folder| {
        let mut text = String::new();
        let file = beside::open(Some(folder), "config.json").ok()?;
        file.take(CONFIG_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(json::parse(&text).ok()?.get("architecture")?.as_str()?.to_string())
    });
    let said = config.or_else(|| options.name.clone()).unwrap_or_default();
    said.replace(|c: char| !c.is_alphanumeric(), "_")
}

/// The weights of an archive of `torch.save`.
pub(super) fn of_archive(mut folder: Folder, options: &Options) -> Result<State, ImportError> {
    let bytes = folder.read("data.pkl").map_err(damaged)?.unwrap_or_default();
    let pickle = unpickle::read(&bytes).map_err(damaged)?;
    let tensors = dictionary(&pickle).ok_or_else(no_graph)?;
    Ok(State::of(tensors, Place::Folder(Box::new(folder)), options))
}

/// The weights of a safetensors file.
pub(super) fn of_safetensors(bytes: Bytes, options: &Options) -> Result<State, ImportError> {
    let (tensors, data) = safetensors::read(bytes, options)?;
    Ok(State::of(tensors, Place::Bytes(data), options))
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

/// The architecture that weights are of.
pub(super) fn survey(mut state: State, options: &Options) -> Result<Survey, ImportError> {
    if let Some(path) = options.weights.clone() {
        return Err(ImportError::Weights {
            path,
            reason: "the model is a file of weights itself, which has no others".to_string(),
            hint: "give them with an export of the model (.pt2, .pt, .onnx)".to_string(),
        });
    }
    let found = ROWS.iter().find_map(|row| Some(((row.name)(&state)?, row)));
    let Some((name, row)) = found else { return Err(no_graph()) };
    let mut net = Net::new(&mut state, options);
    if let Err(reason) = (row.build)(&mut net) {
        net.walk.refusals.push(refusal::of_part("model", &name, reason));
    }
    let left: Vec<&str> = net.state.unused().collect();
    if let (Some(first), true) = (left.first(), net.walk.refusals.is_empty()) {
        let reason = Reason::Attribute {
            name: "weights".to_string(),
            expected: format!("those of {name} alone"),
            found: format!("{} more, the first `{first}`", left.len()),
        };
        net.walk.refusals.push(refusal::of_part("model", &name, reason));
    }
    let inputs = usize::from(!net.walk.build.graph.inputs.is_empty());
    let metadata = ModelMetadata {
        format: FORMAT.to_string(),
        producer: "PyTorch, weights".to_string(),
        properties: BTreeMap::from([("architecture".to_string(), name)]),
        ..ModelMetadata::default()
    };
    let Net { walk, remarks, .. } = net;
    Ok(Survey { remarks, ..walk.survey(inputs, metadata) })
}
