//! The layers of a model and what each call of them takes, as the description says it: one form
//! for Sequential and Functional models of every version.

use super::config::Config;
use super::layers;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A model, or a model inside of one.
#[derive(Debug)]
pub(super) struct Net<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its layers, as the file lists them.
    pub(super) layers: Vec<Layer<'a>>,
    /// What it takes: the tensors of its input layers.
    pub(super) inputs: Vec<Place>,
    /// What it makes, each with the name that it has if it has one of its own.
    pub(super) outputs: Vec<(Option<&'a str>, Place)>,
}

/// A layer, or an operation that stands among them.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    /// Its class.
    pub(super) class: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Its configuration.
    pub(super) config: Config<'a>,
    /// Where its weights lie among those of what holds it.
    pub(super) key: String,
    /// Is it a function of `keras.ops` or TensorFlow rather than a layer?
    pub(super) is_operation: bool,
    /// Does it run the other way than its configuration says?
    pub(super) is_flipped: bool,
    /// The model that it is.
    pub(super) net: Option<Box<Net<'a>>>,
    /// The layers that it wraps.
    pub(super) inner: Vec<Layer<'a>>,
    /// What each call of it takes.
    pub(super) calls: Vec<Inbound<'a>>,
}

/// What a call takes.
#[derive(Debug, Default)]
pub(super) struct Inbound<'a> {
    /// By position.
    pub(super) args: Vec<Argument<'a>>,
    /// By name.
    pub(super) named: Vec<(&'a str, Argument<'a>)>,
}

/// One argument.
#[derive(Debug, Clone)]
pub(super) enum Argument<'a> {
    /// What a call of a layer makes.
    Tensor(Place),
    /// A value of the description.
    Constant(&'a Value),
    /// Several.
    List(Vec<Argument<'a>>),
}

/// What a call of a layer makes: the layer's number, that of its call and that of the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// The layer's number.
    pub(super) layer: usize,
    /// The number of its call.
    pub(super) call: usize,
    /// Which of the tensors that the call makes.
    pub(super) tensor: usize,
}

/// Why a description is no model.
pub(super) type Malformed = String;

/// Classes that are models.
const NETS: [&str; 4] = ["Sequential", "Functional", "Model", "Graph"];

/// What stands for the first axis of an array in a reference to a constant.
const CONSTANT: &str = "_CONSTANT_VALUE";

impl<'a> Net<'a> {
    /// The model that a description is; `None` when its class is none of a model with a graph.
    pub(super) fn parse(description: &'a Value) -> Result<Option<Net<'a>>, Malformed> {
        let class = description.get("class_name").and_then(Value::as_str).unwrap_or_default();
        let config = description.get("config").unwrap_or(&Value::Null);
        let layers = match config {
            Value::Array(layers) => Some(layers),
            other => other.get("layers").and_then(Value::as_array),
        };
        let has_graph = config.get("output_layers").is_some();
        // A class of one's own that is made like a model of layers is one.
        let is_sequential = class == "Sequential" || matches!(config, Value::Array(_));
        let Some(layers) = layers.filter(|_| is_sequential || has_graph) else { return Ok(None) };
        let name = config.get("name").and_then(Value::as_str).unwrap_or("sequential");
        if is_sequential && !has_graph {
            return Net::sequential(name, config, layers).map(Some);
        }
        let mut net = Net { name, layers: Vec::new(), inputs: vec![], outputs: vec![] };
        net.layers = each_layer(layers)?;
        let by_name: HashMap<&str, usize> =
            net.layers.iter().enumerate().map(|(at, layer)| (layer.name, at)).collect();
        for (layer, value) in net.layers.iter_mut().zip(layers) {
            let nodes = value.get("inbound_nodes").and_then(Value::as_array);
            for node in nodes.into_iter().flatten() {
                layer.calls.push(inbound(node, &by_name)?);
            }
        }
        let ends = |name: &str| {
            let mut found = Vec::new();
            places(config.get(name).unwrap_or(&Value::Null), None, &by_name, &mut found)?;
            Ok::<_, Malformed>(found)
        };
        net.inputs = ends("input_layers")?.into_iter().map(|(_, place)| place).collect();
        net.outputs = ends("output_layers")?;
        net.settle();
        Ok(Some(net))
    }

    /// Layers in a row. Where the first is no input layer, it says itself what it takes.
    fn sequential(
        name: &'a str,
        config: &'a Value,
        values: &'a [Value],
    ) -> Result<Net<'a>, Malformed> {
        let mut layers = each_layer(values)?;
        if layers.first().is_none_or(|first| first.class != "InputLayer") {
            let own = values.first().and_then(|first| first.get("config")?.as_object());
            let shape = |map: &'a Map<String, Value>| {
                let keys = ["batch_input_shape", "batch_shape", "build_input_shape"];
                keys.iter().any(|key| map.contains_key(*key)).then_some(map)
            };
            let given = own.and_then(shape).or_else(|| config.as_object().and_then(shape));
            let empty = own.or(config.as_object()).ok_or("it has no layers")?;
            let name = layers.first().map_or("input", |first| first.name);
            layers.insert(0, Layer::input(name, given.unwrap_or(empty)));
        }
        for (at, layer) in layers.iter_mut().enumerate().skip(1) {
            let place = Place { layer: at - 1, call: 0, tensor: 0 };
            layer.calls = vec![Inbound { args: vec![Argument::Tensor(place)], named: Vec::new() }];
        }
        let place = |layer| Place { layer, call: 0, tensor: 0 };
        let last = place(layers.len() - 1);
        Ok(Net { name, layers, inputs: vec![place(0)], outputs: vec![(None, last)] })
    }

    /// Some versions count the call that made a model of a model's layers, though it is none of
    /// the model around it: its calls then begin at 1.
    fn settle(&mut self) {
        let mut most: Vec<usize> = vec![0; self.layers.len()];
        let mut note = |place: &Place| most[place.layer] = most[place.layer].max(place.call);
        self.outputs.iter().for_each(|(_, place)| note(place));
        for call in self.layers.iter().flat_map(|layer| &layer.calls) {
            call.places().iter().for_each(&mut note);
        }
        let calls: Vec<usize> = self.layers.iter().map(|layer| layer.calls.len().max(1)).collect();
        let shift = |place: &mut Place| {
            if most[place.layer] >= calls[place.layer] {
                place.call = place.call.saturating_sub(1);
            }
        };
        self.outputs.iter_mut().for_each(|(_, place)| shift(place));
        for call in self.layers.iter_mut().flat_map(|layer| &mut layer.calls) {
            let args = call.args.iter_mut().chain(call.named.iter_mut().map(|(_, arg)| arg));
            args.for_each(|arg| arg.for_each_place(&shift));
        }
    }
}

impl<'a> Layer<'a> {
    /// The layer that a description is.
    pub(super) fn parse(value: &'a Value, key: String) -> Result<Layer<'a>, Malformed> {
        let class = value.get("class_name").and_then(Value::as_str);
        let class = class.ok_or("a layer has no class_name")?;
        // A class that was registered under a package's name bears that name before its own.
        let class = class.rsplit_once('>').map_or(class, |(_, own)| own);
        let name = value.get("name").or_else(|| value.get("config")?.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or(class);
        let module = value.get("module").and_then(Value::as_str).unwrap_or_default();
        let net = match NETS.contains(&class) || value.pointer("/config/output_layers").is_some() {
            true => Net::parse(value)?.map(Box::new),
            false => None,
        };
        let config = value.get("config").and_then(Value::as_object);
        let config = match config {
            Some(config) => config,
            // Early models of models in a row are lists without a name.
            None if net.is_some() => value.as_object().ok_or("a layer is no object")?,
            None => return Err(format!("layer `{name}` has no configuration")),
        };
        // Where modules are not named, operations are those that nobody can train.
        let is_of_3 = value.pointer("/inbound_nodes/0").is_some_and(Value::is_object);
        let is_bare = is_of_3 && module.is_empty() && !config.contains_key("trainable");
        let is_bare = is_bare && net.is_none();
        let is_operation = module.contains(".ops.") || class.ends_with("OpLambda") || is_bare;
        let (config, calls) = (Config(config), Vec::new());
        let inner = layers::wrapped(class, config)?;
        let is_flipped = false;
        Ok(Layer { class, name, config, key, is_operation, is_flipped, net, inner, calls })
    }

    /// The input of layers in a row that have no layer for it.
    fn input(name: &'a str, config: &'a Map<String, Value>) -> Layer<'a> {
        Layer {
            class: "InputLayer",
            name,
            config: Config(config),
            key: String::new(),
            is_operation: false,
            is_flipped: false,
            net: None,
            inner: Vec::new(),
            calls: Vec::new(),
        }
    }
}

impl Layer<'_> {
    /// What it is: its class, or the function that it stands for.
    pub(super) fn operator(&self) -> &str {
        let function = self.config.text("function").filter(|_| self.is_operation);
        function.unwrap_or(self.class)
    }
}

impl<'a> Inbound<'a> {
    /// All tensors that it takes.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut found = Vec::new();
        let args = self.args.iter().chain(self.named.iter().map(|(_, arg)| arg));
        args.for_each(|arg| arg.places(&mut found));
        found
    }
}

impl Argument<'_> {
    fn places(&self, found: &mut Vec<Place>) {
        match self {
            Argument::Tensor(place) => found.push(*place),
            Argument::Constant(_) => {}
            Argument::List(list) => list.iter().for_each(|arg| arg.places(found)),
        }
    }

    fn for_each_place(&mut self, change: &impl Fn(&mut Place)) {
        match self {
            Argument::Tensor(place) => change(place),
            Argument::Constant(_) => {}
            Argument::List(list) => list.iter_mut().for_each(|arg| arg.for_each_place(change)),
        }
    }
}

/// Layers in the order of the file, each with its place among the weights: its class, counted.
pub(super) fn each_layer(values: &[Value]) -> Result<Vec<Layer<'_>>, Malformed> {
    let mut used: HashMap<String, usize> = HashMap::new();
    let mut made = Vec::with_capacity(values.len());
    for value in values {
        let mut layer = Layer::parse(value, String::new())?;
        if !layer.is_operation {
            let class = value.get("class_name").and_then(Value::as_str).unwrap_or_default();
            layer.key = counted(snake_case(class.rsplit('>').next().unwrap_or(class)), &mut used);
        }
        made.push(layer);
    }
    Ok(made)
}

/// A name, with a number behind it from its second use on.
fn counted(name: String, used: &mut HashMap<String, usize>) -> String {
    let count = used.entry(name.clone()).or_insert(0);
    let made = if *count == 0 { name } else { format!("{name}_{count}") };
    *count += 1;
    made
}

/// A class's name as Keras names what has none: `BatchNormalization` is `batch_normalization`.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> =
        class.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let mut made = String::with_capacity(letters.len() + 8);
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let is_behind_small = before.is_some_and(|c| c.is_ascii_lowercase());
        let starts_word = letters.get(at + 1).is_some_and(char::is_ascii_lowercase)
            && before.is_some_and(|c| c != '_');
        if letter.is_ascii_uppercase() && (is_behind_small || starts_word) {
            made.push('_');
        }
        made.push(letter.to_ascii_lowercase());
    }
    made
}

/// What one call takes, in the form of any version.
fn inbound<'a>(node: &'a Value, by_name: &HashMap<&str, usize>) -> Result<Inbound<'a>, Malformed> {
    let mut made = Inbound::default();
    match node {
        // Keras 3.
        Value::Object(node) => {
            let args = node.get("args").and_then(Value::as_array);
            for arg in args.into_iter().flatten() {
                made.args.push(argument(arg, by_name)?);
            }
            let named = node.get("kwargs").and_then(Value::as_object);
            for (name, arg) in named.into_iter().flatten() {
                made.named.push((name, argument(arg, by_name)?));
            }
        }
        // One reference that is not in a list.
        Value::Array(list) if list.first().is_some_and(Value::is_string) => {
            early(node, by_name, &mut made)?;
        }
        Value::Array(list) => {
            for reference in list {
                early(reference, by_name, &mut made)?;
            }
        }
        _ => return Err("what a layer takes is neither a list nor an object".to_string()),
    }
    Ok(made)
}

/// `[layer, call, tensor, {named}]` of the versions before 3.
fn early<'a>(
    reference: &'a Value,
    by_name: &HashMap<&str, usize>,
    made: &mut Inbound<'a>,
) -> Result<(), Malformed> {
    made.args.push(early_argument(reference, by_name)?);
    let named = reference.get(3).and_then(Value::as_object);
    for (name, value) in named.into_iter().flatten() {
        if !made.named.iter().any(|(known, _)| known == name) {
            made.named.push((name, early_argument(value, by_name)?));
        }
    }
    Ok(())
}

fn early_argument<'a>(
    value: &'a Value,
    by_name: &HashMap<&str, usize>,
) -> Result<Argument<'a>, Malformed> {
    let Value::Array(list) = value else { return Ok(Argument::Constant(value)) };
    if list.first().and_then(Value::as_str) == Some(CONSTANT) {
        return Ok(Argument::Constant(list.get(2).unwrap_or(&Value::Null)));
    }
    if let Some(place) = place(list, by_name)? {
        return Ok(Argument::Tensor(place));
    }
    let holds_tensors = list
        .iter()
        .any(|item| item.as_array().is_some_and(|list| list.len() >= 3 && list[0].is_string()));
    if !holds_tensors {
        return Ok(Argument::Constant(value));
    }
    let items = list.iter().map(|item| early_argument(item, by_name));
    Ok(Argument::List(items.collect::<Result<_, _>>()?))
}

/// An argument of Keras 3.
fn argument<'a>(
    value: &'a Value,
    by_name: &HashMap<&str, usize>,
) -> Result<Argument<'a>, Malformed> {
    match value {
        Value::Object(object)
            if object.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") =>
        {
            let history = value.pointer("/config/keras_history").and_then(Value::as_array);
            let place = history.map(|history| place(history, by_name)).transpose()?.flatten();
            place.map(Argument::Tensor).ok_or_else(|| "a tensor has no history".to_string())
        }
        Value::Array(list) => {
            let items = list.iter().map(|item| argument(item, by_name));
            let items: Vec<Argument<'a>> = items.collect::<Result<_, _>>()?;
            let is_constant = items.iter().all(|item| matches!(item, Argument::Constant(_)));
            Ok(if is_constant { Argument::Constant(value) } else { Argument::List(items) })
        }
        // Several tensors by name: their order is that of the names.
        Value::Object(object) if !object.contains_key("class_name") => {
            let items = object.values().map(|item| argument(item, by_name));
            Ok(Argument::List(items.collect::<Result<_, _>>()?))
        }
        _ => Ok(Argument::Constant(value)),
    }
}

/// `[layer, call, tensor, …]`, when the list is that.
fn place(list: &[Value], by_name: &HashMap<&str, usize>) -> Result<Option<Place>, Malformed> {
    let [Value::String(name), call, tensor, ..] = list else { return Ok(None) };
    let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    let (Some(call), Some(tensor)) = (number(call), number(tensor)) else { return Ok(None) };
    let layer = by_name.get(name.as_str());
    let layer = *layer.ok_or_else(|| format!("layer `{name}` is taken from and not there"))?;
    Ok(Some(Place { layer, call, tensor }))
}

/// The references of a structure, with their names where it has names.
fn places<'a>(
    value: &'a Value,
    name: Option<&'a str>,
    by_name: &HashMap<&str, usize>,
    found: &mut Vec<(Option<&'a str>, Place)>,
) -> Result<(), Malformed> {
    match value {
        Value::Array(list) => match place(list, by_name)? {
            Some(place) => found.push((name, place)),
            None => {
                for item in list {
                    places(item, name, by_name, found)?;
                }
            }
        },
        Value::Object(object) => {
            for (key, item) in object {
                places(item, Some(key), by_name, found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_as_keras_names_them() {
        let cases = [
            ("BatchNormalization", "batch_normalization"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("LSTM", "lstm"),
            ("ReLU", "re_lu"),
            ("PReLU", "p_re_lu"),
            ("ConvLSTM2D", "conv_lstm2d"),
            ("ELU", "elu"),
            ("SimpleRNN", "simple_rnn"),
        ];
        for (class, expected) in cases {
            assert_eq!(snake_case(class), expected, "{class}");
        }
    }
}
