//! The walk over a model's layers. A layer that cannot be imported is noted and the walk goes on,
//! so that one run names everything that stands in the way.

use super::call::{Call, Flow, Given};
use super::layers::{self, Row};
use super::net::{Argument, Inbound, Layer, Net, Place};
use super::variables::{Variables, part};
use super::{DOMAIN, refusal};
use crate::build::{Budget, Builder, Operand};
use crate::decompose::Turned;
use crate::error::{Reason, Refusal};
use crate::{Options, Origin};

use ir::ValueId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tensor::DType;

/// Models inside of each other; nobody builds more than three.
const DEPTH_MAX: usize = 16;

/// Calls of layers in one model and what they take, those inside of shared models counted each
/// time.
const CALLS_MAX: usize = 1 << 17;

/// Bytes of names that count as one call: every node of the graph bears the name of its layer.
const NAME_BYTES: usize = 128;

/// The state of the walk.
pub(super) struct Walk<'a> {
    /// The graph under construction.
    pub(super) build: Builder,
    /// The first number of the version of Keras that wrote the file.
    pub(super) dialect: u32,
    /// What could not be imported, in the model's order.
    pub(super) refusals: Vec<Refusal>,
    /// Layers of which nothing more is known than that they take what is refused.
    pub(super) unjudged: Vec<String>,
    /// What the layers are, by their names.
    pub(super) origins: BTreeMap<String, Origin>,
    /// What refused layers take.
    pub(super) taken: Vec<ValueId>,
    variables: &'a Variables,
    turned: Turned,
    weights: HashMap<(String, usize), Operand>,
    depth: usize,
    calls: usize,
}

/// What a call of a layer makes; `None` where that is not known.
type Outcome = Option<Vec<Flow>>;

impl<'a> Walk<'a> {
    pub(super) fn new(
        name: &str,
        dialect: u32,
        variables: &'a Variables,
        options: &Options,
    ) -> Walk<'a> {
        Walk {
            build: Builder::new(name, Budget::new(options.memory)),
            dialect,
            refusals: Vec::new(),
            unjudged: Vec::new(),
            origins: BTreeMap::new(),
            taken: Vec::new(),
            variables,
            turned: Turned::default(),
            weights: HashMap::new(),
            depth: 0,
            calls: 0,
        }
    }

    /// Notes the layers whose classes are not known, wherever in the model they are.
    pub(super) fn note_unknown(&mut self, net: &Net<'a>, prefix: &str) {
        for layer in &net.layers {
            let name = format!("{prefix}{}", layer.name);
            self.note_unknown_layer(layer, &name);
        }
    }

    fn note_unknown_layer(&mut self, layer: &Layer<'a>, name: &str) {
        self.charge(name.len() / NAME_BYTES, layer.name);
        if self.is_over() {
            return;
        }
        match &layer.net {
            Some(net) => self.note_unknown(net, &format!("{name}/")),
            None if layers::find(layer).is_none() => {
                self.refusals.push(refusal::unknown(layer, name));
            }
            None => {}
        }
        for inner in &layer.inner {
            self.note_unknown_layer(inner, &format!("{name}/{}", inner.name));
        }
    }

    /// What a model makes of values; `None` for each that is not known, one for all where the
    /// walk ends.
    pub(super) fn net(
        &mut self,
        net: &Net<'a>,
        path: &str,
        prefix: &str,
        given: &[Option<Flow>],
    ) -> Vec<Option<Flow>> {
        if self.is_over() {
            return vec![None];
        }
        // A model costs what the walk over it takes, also where it calls nothing but models.
        self.charge(cost(net, path.len() + prefix.len()), net.name);
        if self.is_over() {
            return vec![None];
        }
        if self.depth == DEPTH_MAX {
            self.refusals.push(refusal::of_part("model", net.name, Reason::Expansion));
            return vec![None];
        }
        self.depth += 1;
        let mut values: HashMap<Place, Option<Flow>> =
            net.inputs.iter().copied().zip(given.iter().cloned()).collect();
        for (layer, call) in order(net) {
            if self.is_over() {
                break;
            }
            let name = format!("{prefix}{}", net.layers[layer].name);
            let path =
                part(path, &format!("{}/{}", self.variables.container(), net.layers[layer].key));
            let made = self.node(&net.layers[layer], call, (&path, &name), &values);
            for (tensor, flow) in made.into_iter().flatten().enumerate() {
                values.insert(Place { layer, call, tensor }, Some(flow));
            }
        }
        self.depth -= 1;
        let outputs = net.outputs.iter();
        outputs.map(|(_, place)| values.get(place).cloned().flatten()).collect()
    }

    /// Counts calls. What has more than any model is refused once, and the walk ends.
    fn charge(&mut self, calls: usize, name: &str) {
        let was_over = self.is_over();
        self.calls = self.calls.saturating_add(calls);
        if self.is_over() && !was_over {
            self.refusals.push(refusal::of_part("model", name, Reason::Expansion));
        }
    }

    fn is_over(&self) -> bool {
        self.calls > CALLS_MAX
    }

    /// What a call of a layer of a model makes.
    fn node(
        &mut self,
        layer: &Layer<'a>,
        call: usize,
        (path, name): (&str, &str),
        values: &HashMap<Place, Option<Flow>>,
    ) -> Outcome {
        let origin =
            Origin { op: layer.operator().to_string(), domain: DOMAIN.to_string(), opset: None };
        self.origins.insert(name.to_string(), origin);
        let inbound = layer.calls.get(call)?;
        if let Some(net) = &layer.net {
            let mut given: Vec<Option<Flow>> =
                inbound.places().iter().map(|place| values.get(place).cloned().flatten()).collect();
            given.truncate(net.inputs.len());
            let made = self.net(net, path, &format!("{name}/"), &given);
            // A model is taken for what its outputs are, even where some are not known.
            return made.into_iter().collect();
        }
        let mut known = true;
        let mut resolve = |argument: &Argument<'a>| resolve(argument, values, &mut known);
        let args: Vec<Given<'a>> = inbound.args.iter().map(&mut resolve).collect();
        let named: Vec<(&'a str, Given<'a>)> =
            inbound.named.iter().map(|(name, argument)| (*name, resolve(argument))).collect();
        let mut inputs = Vec::new();
        args.iter().for_each(|given| given.flatten(&mut inputs));
        let row = layers::find(layer);
        if !known || row.is_none() {
            if row.is_some() {
                self.unjudged.push(name.to_string());
            }
            self.keep(&inputs);
            return None;
        }
        match self.call(layer, path, name, args, named) {
            Ok(made) => Some(made),
            Err(reason) => {
                let takes = inputs.iter().map(|flow| self.build.fact(&flow.operand)).collect();
                self.refusals.push(refusal::of_layer(layer, name, reason, takes));
                self.keep(&inputs);
                None
            }
        }
    }

    /// Keeps what a refused layer takes in use.
    fn keep(&mut self, inputs: &[Flow]) {
        let values = inputs.iter().filter_map(|flow| match flow.operand {
            Operand::Value(id) => Some(id),
            Operand::Constant(_) | Operand::Sizes(_) => None,
        });
        self.taken.extend(values);
    }

    /// A value whose channels are second, with them last.
    pub(super) fn channels_last(&mut self, x: Operand) -> Result<Operand, Reason> {
        self.turned.channels_last(&mut self.build, x)
    }

    /// A value whose channels are last, with them second.
    pub(super) fn channels_second(&mut self, x: &Operand) -> Result<Operand, Reason> {
        self.turned.channels_second(&mut self.build, x)
    }

    /// A value whose channels were moved to the end, as it was before.
    pub(super) fn before_turn(&self, x: &Operand) -> Option<Operand> {
        self.turned.before(x)
    }

    /// Takes all values as they were before their channels were moved, if all were and have the
    /// same axes.
    fn turn_back(&self, inputs: &mut [Flow]) -> bool {
        let before: Option<Vec<Operand>> =
            inputs.iter().map(|flow| self.before_turn(&flow.operand)).collect();
        let Some(before) = before else { return false };
        let mut ranks = before.iter().map(|x| self.build.fact(x).rank());
        let first = ranks.next();
        if first.is_none() || !ranks.all(|rank| Some(rank) == first) {
            return false;
        }
        inputs.iter_mut().zip(before).for_each(|(flow, before)| flow.operand = before);
        true
    }

    /// What a layer inside of another makes of values.
    pub(super) fn apply(
        &mut self,
        layer: &Layer<'a>,
        path: &str,
        inputs: Vec<Flow>,
        named: Vec<(&'a str, Given<'a>)>,
    ) -> Result<Vec<Flow>, Reason> {
        let path = part(path, &layer.key);
        let name = self.build.node.clone();
        if let Some(net) = &layer.net {
            let given: Vec<Option<Flow>> = inputs.into_iter().map(Some).collect();
            let made = self.net(net, &path, &format!("{name}/"), &given);
            self.build.node = name;
            let made: Option<Vec<Flow>> = made.into_iter().collect();
            return made.ok_or_else(|| refused_inside(layer));
        }
        let args = inputs.into_iter().map(Given::Tensor).collect();
        self.call(layer, &path, &name, args, named)
    }

    /// What a layer makes of what it is given.
    fn call(
        &mut self,
        layer: &Layer<'a>,
        path: &str,
        name: &str,
        args: Vec<Given<'a>>,
        named: Vec<(&'a str, Given<'a>)>,
    ) -> Result<Vec<Flow>, Reason> {
        let row = layers::find(layer).ok_or_else(|| refused_inside(layer))?;
        self.calls += 1;
        if self.is_over() {
            return Err(Reason::Expansion);
        }
        self.build.node = name.to_string();
        let mut inputs = Vec::new();
        args.iter().for_each(|given| given.flatten(&mut inputs));
        if let Some(dtype) = row.is_autocast.then(|| layer.config.compute_type()) {
            for flow in &mut inputs {
                if self.build.fact(&flow.operand).dtype.is_float() {
                    flow.operand = self.build.cast(&flow.operand, dtype)?;
                }
            }
        }
        let is_turned = (row.is_of_elements)(layer.config) && self.turn_back(&mut inputs);
        let weights = self.weights(layer, row, path)?;
        let mask = match row.passes_mask {
            true => inputs.first().and_then(|flow| flow.mask.clone()),
            false => None,
        };
        let mut call = Call { layer, path, walk: self, args, named, inputs, weights, mask };
        let mut made = (row.import)(&mut call)?;
        let mask = call.mask;
        if is_turned {
            made = made.into_iter().map(|x| self.channels_last(x)).collect::<Result<_, _>>()?;
        }
        if let [Operand::Value(id)] = made.as_slice() {
            self.build.graph.values[id.0 as usize].name = name.to_string();
        }
        // States that come behind the values have no steps.
        let each = made
            .into_iter()
            .enumerate()
            .map(|(at, operand)| Flow { operand, mask: mask.clone().filter(|_| at == 0) });
        Ok(each.collect())
    }

    /// The weights of a layer inside of another.
    pub(super) fn weights_of(
        &mut self,
        layer: &Layer<'_>,
        path: &str,
    ) -> Result<Vec<(&'static str, Operand)>, Reason> {
        let row = layers::find(layer).ok_or_else(|| refused_inside(layer))?;
        self.weights(layer, row, path)
    }

    /// The weights of a layer, each read once however often the layer is called.
    fn weights(
        &mut self,
        layer: &Layer<'_>,
        row: &Row,
        path: &str,
    ) -> Result<Vec<(&'static str, Operand)>, Reason> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut found = Vec::new();
        for slot in row.weights.iter().filter(|slot| (slot.is_there)(layer.config)) {
            let index = counts.entry(slot.part).or_insert(0);
            let key = (part(path, slot.part), *index);
            *index += 1;
            let weight = match self.weights.get(&key) {
                Some(weight) => weight.clone(),
                None => {
                    let tensor = self.variables.read(&key.0, key.1, &self.build.budget)?;
                    let name = format!("{}/{}", self.build.node, slot.name);
                    let weight = Operand::constant(&name, tensor);
                    let weight = self.in_type(&weight, layer.config.compute_type())?;
                    self.weights.insert(key, weight.clone());
                    weight
                }
            };
            found.push((slot.name, weight));
        }
        Ok(found)
    }

    /// A weight of a layer that was called, by its number.
    pub(super) fn weight_of(&self, layer: &Layer<'_>, index: usize) -> Option<&Operand> {
        let is_its = |path: &str| path.rsplit('/').next() == Some(layer.key.as_str());
        let found = self.weights.iter().filter(|((path, at), _)| *at == index && is_its(path));
        found.min_by_key(|(key, _)| *key).map(|(_, weight)| weight)
    }

    fn in_type(&mut self, weight: &Operand, dtype: DType) -> Result<Operand, Reason> {
        match self.build.fact(weight).dtype.is_float() {
            true => self.build.cast(weight, dtype),
            false => Ok(weight.clone()),
        }
    }
}

/// What a walk over a model takes: each layer, and for each call the layers in it, what it takes
/// and its names, which lie behind those of what holds the model.
fn cost(net: &Net<'_>, names: usize) -> usize {
    let each = net.layers.iter().map(|layer| {
        let args = layer.calls.iter().flat_map(|call| {
            call.args.iter().chain(call.named.iter().map(|(_, argument)| argument))
        });
        let names = names + layer.name.len() + layer.key.len();
        let one = held(layer) + names / NAME_BYTES;
        1 + args.map(parts).sum::<usize>() + layer.calls.len().saturating_mul(one)
    });
    let ends = 1 + net.inputs.len() + net.outputs.len();
    each.fold(ends, usize::saturating_add)
}

/// A layer and those that it wraps.
fn held(layer: &Layer<'_>) -> usize {
    1 + layer.inner.iter().map(held).sum::<usize>()
}

/// An argument and those in it.
fn parts(argument: &Argument<'_>) -> usize {
    match argument {
        Argument::Tensor(_) | Argument::Constant(_) => 1,
        Argument::List(list) => 1 + list.iter().map(parts).sum::<usize>(),
    }
}

fn refused_inside(layer: &Layer<'_>) -> Reason {
    Reason::Evaluation(format!("`{}` inside of it cannot be imported", layer.name))
}

/// An argument with its tensors.
fn resolve<'a>(
    argument: &Argument<'a>,
    values: &HashMap<Place, Option<Flow>>,
    known: &mut bool,
) -> Given<'a> {
    match argument {
        Argument::Constant(value) => Given::Constant(value),
        Argument::Tensor(place) => match values.get(place) {
            Some(Some(flow)) => Given::Tensor(flow.clone()),
            Some(None) | None => {
                *known = false;
                Given::List(Vec::new())
            }
        },
        Argument::List(list) => {
            Given::List(list.iter().map(|item| resolve(item, values, known)).collect())
        }
    }
}

/// The calls of a model in an order in which they can run; those of a circle are left out.
fn order(net: &Net<'_>) -> Vec<(usize, usize)> {
    let given: BTreeSet<Place> = net.inputs.iter().copied().collect();
    let mut waits: HashMap<(usize, usize), usize> = HashMap::new();
    let mut takers: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
    let mut ready: BTreeSet<(usize, usize)> = BTreeSet::new();
    let each = net.layers.iter().enumerate();
    for (layer, (call, inbound)) in
        each.flat_map(|(at, layer)| layer.calls.iter().enumerate().map(move |call| (at, call)))
    {
        if given.contains(&Place { layer, call, tensor: 0 }) {
            continue;
        }
        let made: BTreeSet<(usize, usize)> = sources(inbound, &given, net);
        if made.is_empty() {
            ready.insert((layer, call));
            continue;
        }
        waits.insert((layer, call), made.len());
        for source in made {
            takers.entry(source).or_default().push((layer, call));
        }
    }
    let mut order = Vec::new();
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for taker in takers.remove(&next).unwrap_or_default() {
            let left = waits.entry(taker).or_insert(1);
            *left -= 1;
            if *left == 0 {
                ready.insert(taker);
            }
        }
    }
    order
}

/// The calls that make what a call takes.
fn sources(
    inbound: &Inbound<'_>,
    given: &BTreeSet<Place>,
    net: &Net<'_>,
) -> BTreeSet<(usize, usize)> {
    let places = inbound.places().into_iter();
    let made = places
        .filter(|place| !given.contains(place) && place.call < net.layers[place.layer].calls.len());
    made.map(|place| (place.layer, place.call)).collect()
}
