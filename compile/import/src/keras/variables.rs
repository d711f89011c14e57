//! Where the weights of each layer lie in a file.
//!
//! Three orders are read. In the tree of Keras 3 each layer has a group of its own, called after
//! its class, and in it the groups of the layers that it wraps. In the files before, each layer of
//! the model has a flat list, of what is trained first and of the rest behind, in which those of a
//! whole model lie that is one of the layers. Where there is but one list, names of weights begin
//! with those of their layers.

use super::config::Config;
use super::hdf5::Hdf5;
use super::layers;
use super::net::{Layer, Net};
use crate::build::Budget;
use crate::error::Reason;
use std::collections::HashMap;
use tensor::Tensor;

/// A weight that a layer has.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// The part of the layer that holds it; empty for the layer itself.
    pub(super) part: &'static str,
    /// What it is called here, once in a layer.
    pub(super) name: &'static str,
    /// Is it there, by the layer's configuration?
    pub(super) is_there: fn(Config<'_>) -> bool,
    /// Is it trained, unless the layer is not?
    pub(super) is_trained: bool,
}

/// A weight that is always there.
pub(super) const fn slot(name: &'static str) -> Slot {
    Slot { part: "", name, is_there: |_| true, is_trained: true }
}

/// A weight that is there when the configuration says so.
pub(super) const fn slot_if(name: &'static str, is_there: fn(Config<'_>) -> bool) -> Slot {
    Slot { is_there, ..slot(name) }
}

impl Slot {
    /// The same in a part of the layer.
    pub(super) const fn of(self, part: &'static str) -> Slot {
        Slot { part, ..self }
    }

    /// The same, which training only counts.
    pub(super) const fn untrained(self) -> Slot {
        Slot { is_trained: false, ..self }
    }
}

/// One weight of a model: where it lies, and whether it is trained.
struct Variable {
    path: String,
    index: usize,
    is_trained: bool,
}

/// Weights that lie in one list, by their names.
pub(crate) trait Weights {
    /// The names, in order.
    fn names(&self) -> &[String];

    /// The weight of a name.
    fn tensor(&self, name: &str, budget: &Budget) -> Result<Tensor, Reason>;
}

/// The weights of a model.
pub(super) struct Variables {
    source: Source,
    /// What a model calls the group of its layers.
    container: &'static str,
}

enum Source {
    Tree(Hdf5),
    Flat(Hdf5, Lists),
    Named(Box<dyn Weights>, Lists),
}

/// The lists of a file in which each layer has one.
#[derive(Default)]
struct Lists {
    /// Datasets by layer and number.
    places: HashMap<(String, usize), String>,
    /// Layers whose lists hold weights of classes that are not known, in an unknown order.
    mixed: Vec<String>,
}

impl Lists {
    /// Lets the weights of a layer be these below `root`, of what is trained first.
    fn assign(
        &mut self,
        layer: &Layer<'_>,
        path: &str,
        root: &str,
        mut expected: Vec<Variable>,
        mut names: Vec<String>,
    ) -> Result<(), String> {
        if names.len() > expected.len() {
            names.retain(|name| !STATES.iter().any(|state| name.contains(state)));
        }
        if names.len() != expected.len() && holds_unknown(layer) {
            // The class is refused by its name, which says more than the number of weights.
            self.mixed.push(path.to_string());
            return Ok(());
        }
        if names.len() != expected.len() {
            return Err(format!(
                "layer `{}` ({}) has {} weights, expected {}",
                layer.name,
                layer.class,
                names.len(),
                expected.len()
            ));
        }
        expected.sort_by_key(|variable| !variable.is_trained);
        for (variable, name) in expected.into_iter().zip(names) {
            self.places.insert((variable.path, variable.index), format!("{root}{name}"));
        }
        Ok(())
    }

    /// Finds the weights of a layer, and of those in it, by the name that theirs begin with.
    fn named(
        &mut self,
        layer: &Layer<'_>,
        path: &str,
        is_trained: bool,
        by_layer: &HashMap<&str, Vec<&str>>,
    ) -> Result<(), String> {
        if let Some(net) = &layer.net {
            let is_trained = is_trained && layer.config.flag("trainable", true);
            for inner in &net.layers {
                let path = part(path, &format!("{}/{}", CONTAINERS[0], inner.key));
                self.named(inner, &path, is_trained, by_layer)?;
            }
            return Ok(());
        }
        let mut expected = Vec::new();
        collect(layer, path, CONTAINERS[0], is_trained, &mut expected);
        if expected.is_empty() {
            return Ok(());
        }
        let names = by_layer.get(layer.name).map_or(&[][..], Vec::as_slice);
        let own: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| name.split('/').next() == Some(layer.name))
            .collect();
        let names = if own.is_empty() { names.to_vec() } else { own };
        let names = names.into_iter().map(str::to_string).collect();
        self.assign(layer, path, "", expected, names)
    }
}

/// What models call the group of their layers, the newest first.
const CONTAINERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// Weights that are states of random numbers, by a part of their names.
const STATES: [&str; 3] = ["StateVar", "seed_generator", "/state:0"];

impl Variables {
    /// Those of a file in which each layer has a group.
    pub(super) fn tree(file: Hdf5) -> Variables {
        let container = CONTAINERS.into_iter().find(|group| file.has(group));
        Variables { source: Source::Tree(file), container: container.unwrap_or(CONTAINERS[0]) }
    }

    /// Those of a file in which each layer has a list.
    pub(super) fn flat(file: Hdf5, net: &Net<'_>) -> Result<Variables, String> {
        let container = CONTAINERS[0];
        let root = if file.has("model_weights") { "model_weights/" } else { "" };
        let mut lists = Lists::default();
        for layer in &net.layers {
            let mut expected = Vec::new();
            let path = format!("{container}/{}", layer.key);
            collect(layer, &path, container, true, &mut expected);
            if expected.is_empty() {
                continue;
            }
            let group = format!("{root}{}", layer.name);
            let names = file.attributes(&group).and_then(|group| group.texts("weight_names"));
            let names = names.unwrap_or_default();
            lists.assign(layer, &path, &format!("{group}/"), expected, names)?;
        }
        Ok(Variables { source: Source::Flat(file, lists), container })
    }

    /// Those of one list.
    pub(super) fn named(weights: Box<dyn Weights>, net: &Net<'_>) -> Result<Variables, String> {
        let container = CONTAINERS[0];
        let mut by_layer: HashMap<&str, Vec<&str>> = HashMap::new();
        for name in weights.names() {
            let parts: Vec<&str> = name.split('/').collect();
            for part in &parts[..parts.len() - 1] {
                let names = by_layer.entry(*part).or_default();
                if names.last() != Some(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        let mut lists = Lists::default();
        for layer in &net.layers {
            lists.named(layer, &format!("{container}/{}", layer.key), true, &by_layer)?;
        }
        Ok(Variables { source: Source::Named(weights, lists), container })
    }

    /// What a model calls the group of its layers.
    pub(super) fn container(&self) -> &'static str {
        self.container
    }

    /// The weight with a number of what lies at a path.
    pub(super) fn read(&self, path: &str, index: usize, budget: &Budget) -> Result<Tensor, Reason> {
        let (place, is_mixed) = match &self.source {
            Source::Tree(file) => (in_tree(file, path, index), false),
            Source::Flat(_, lists) | Source::Named(_, lists) => {
                let is_mixed = lists.mixed.iter().any(|layer| {
                    path.strip_prefix(layer.as_str()).is_some_and(|left| left.starts_with('/'))
                });
                (lists.places.get(&(path.to_string(), index)).cloned(), is_mixed)
            }
        };
        let missing = || Reason::Tensor {
            name: format!("{path}/{index}"),
            reason: match is_mixed {
                true => "lies among those of a layer whose class is not known",
                false => "is not in the file",
            }
            .to_string(),
        };
        let place = place.ok_or_else(missing)?;
        match &self.source {
            Source::Tree(file) | Source::Flat(file, _) => file.tensor(&place, budget),
            Source::Named(weights, _) => weights.tensor(&place, budget),
        }
    }
}

/// Parts have names of their own or, before they had, the names of attributes.
fn in_tree(file: &Hdf5, path: &str, index: usize) -> Option<String> {
    let at = |path: &str| format!("{path}/vars/{index}");
    let hidden = path.rsplit_once('/').map(|(before, part)| at(&format!("{before}/_{part}")));
    [Some(at(path)), hidden].into_iter().flatten().find(|path| file.holds(path))
}

/// Is a layer of a class that is not known in a layer, or the layer itself?
fn holds_unknown(layer: &Layer<'_>) -> bool {
    let is_unknown = layer.net.is_none() && layers::find(layer).is_none();
    let inner = layer.net.iter().flat_map(|net| &net.layers).chain(&layer.inner);
    is_unknown || inner.into_iter().any(holds_unknown)
}

/// All weights of a layer, in its own order.
fn collect(
    layer: &Layer<'_>,
    path: &str,
    container: &str,
    is_trained: bool,
    found: &mut Vec<Variable>,
) {
    let is_trained = is_trained && layer.config.flag("trainable", true);
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for slot in layers::weights(layer.class).iter().filter(|slot| (slot.is_there)(layer.config)) {
        let index = counts.entry(slot.part).or_insert(0);
        let is_trained = is_trained && slot.is_trained;
        found.push(Variable { path: part(path, slot.part), index: *index, is_trained });
        *index += 1;
    }
    for inner in &layer.inner {
        collect(inner, &part(path, &inner.key), container, is_trained, found);
    }
    for inner in layer.net.iter().flat_map(|net| &net.layers) {
        let path = part(path, &format!("{container}/{}", inner.key));
        collect(inner, &path, container, is_trained, found);
    }
}

/// The path of a part.
pub(super) fn part(path: &str, part: &str) -> String {
    match (path, part) {
        ("", only) | (only, "") => only.to_string(),
        (path, part) => format!("{path}/{part}"),
    }
}
