//! Exported programs: `torch.export.save` writes a list of operators in JSON, with what each takes
//! and makes, and the tensors beside it.

use super::element;
use super::folder::Folder;
use super::ops::{self, Argument};
use super::pickle::RANK_MAX;
use super::value::{Content, Slot, Value};
use super::walk::Walk;
use super::weights::Weights;
use super::{FORMAT, damaged, refusal};
use crate::build::Operand;
use crate::error::{ImportError, Reason};
use crate::replace::{Own, Replacement};
use crate::{ModelMetadata, Options, Survey, json};
use ir::Fact;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap, HashSet};
use tensor::Dim;

/// The description in archives of versions before 2.8.
pub(super) const PREVIOUS: &str = "serialized_exported_program.json";

/// Where descriptions lie in today's archives.
pub(super) const MODELS: &str = "models/";

/// What the program in an archive is, as far as it can be expressed.
pub(super) fn survey(mut folder: Folder, options: &Options) -> Result<Survey, ImportError> {
    let file = folder.names().find(|name| is_description(name)).map(str::to_string);
    let file = file.ok_or_else(|| damaged("the archive holds no description of a model"))?;
    let text = folder.text(&file).map_err(damaged)?.unwrap_or_default();
    let bytes = json::bytes(&text);
    if bytes > options.memory as u64 {
        return Err(ImportError::TooLarge { bytes, limit: options.memory });
    }
    let program = json::parse(&text).map_err(damaged)?;
    drop(text);
    let weights = weights(folder, &file, options.memory).map_err(damaged)?;
    let graph = program.pointer("/graph_module/graph").unwrap_or(&Json::Null);
    let signature = program.pointer("/graph_module/signature").unwrap_or(&Json::Null);
    if list(graph, "nodes").is_none() || list(signature, "input_specs").is_none() {
        return Err(damaged("its description holds no graph"));
    }
    let (walk, replacement) = (Walk::new(options), Replacement::open(options)?);
    let (values, symbols, taken) = (HashMap::new(), HashMap::new(), HashSet::new());
    let mut program_walk =
        Program { walk, weights, replacement, graph, options, values, symbols, taken };
    program_walk.inputs(signature);
    if let Some(replacement) = &program_walk.replacement {
        replacement.finish()?;
    }
    let inputs = program_walk.walk.build.graph.inputs.len();
    for (at, node) in list(graph, "nodes").into_iter().flatten().enumerate() {
        program_walk.node(at, node);
    }
    program_walk.outputs(signature);
    let metadata = metadata(&program);
    Ok(program_walk.walk.survey(inputs, metadata))
}

/// Is it the name of a file that describes a model?
pub(super) fn is_description(name: &str) -> bool {
    name == PREVIOUS || name.starts_with(MODELS) && name.ends_with(".json")
}

/// The tensors beside a description, in the places of each version.
fn weights(mut folder: Folder, file: &str, limit: usize) -> Result<Weights, String> {
    let mut weights = Weights::default();
    let model = file.strip_prefix(MODELS).and_then(|file| file.strip_suffix(".json"));
    let mut saved = Vec::new();
    let names = match model {
        Some(model) => [format!("data/weights/{model}.pt"), format!("data/constants/{model}.pt")],
        None => ["serialized_state_dict.pt".to_string(), "serialized_constants.pt".to_string()],
    };
    for name in names {
        saved.extend(folder.whole(&name)?);
    }
    let at = weights.archive(folder);
    for bytes in saved {
        weights.saved(bytes, limit)?;
    }
    if let Some(model) = model {
        weights.listed(at, "data/weights/", &format!("{model}_weights_config.json"))?;
        weights.listed(at, "data/constants/", &format!("{model}_constants_config.json"))?;
    }
    Ok(weights)
}

fn metadata(program: &Json) -> ModelMetadata {
    let version = program.get("torch_version").and_then(Json::as_str).unwrap_or_default();
    let major = program.pointer("/schema_version/major").and_then(Json::as_i64).unwrap_or(0);
    let mut opset_imports = BTreeMap::new();
    if let Some(aten) = program.pointer("/opset_version/aten").and_then(Json::as_i64) {
        opset_imports.insert("aten".to_string(), aten);
    }
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: format!("PyTorch {version}").trim().to_string(),
        format_version: major,
        opset_imports,
        ..ModelMetadata::default()
    }
}

fn list<'j>(json: &'j Json, name: &str) -> Option<&'j Vec<Json>> {
    json.get(name).and_then(Json::as_array)
}

fn text<'j>(json: &'j Json, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Json::as_str)
}

/// The name of the tensor or number that an argument is, or the argument's own.
fn named(arg: &Json) -> Option<&str> {
    let inner = ["as_tensor", "as_sym_int", "as_sym_bool", "as_sym_float"]
        .iter()
        .find_map(|kind| arg.get(kind));
    let inner = inner.unwrap_or(arg);
    text(inner, "name").or_else(|| text(inner, "as_name"))
}

/// The one entry of an object, which says by its key what it is.
fn tagged(json: &Json) -> Option<(&str, &Json)> {
    let (tag, inner) = json.as_object()?.iter().find(|(_, inner)| !inner.is_null())?;
    Some((tag.as_str(), inner))
}

/// A program on its way to a graph.
struct Program<'p> {
    walk: Walk,
    weights: Weights,
    replacement: Option<Replacement>,
    graph: &'p Json,
    options: &'p Options,
    /// What names stand for.
    values: HashMap<&'p str, Value>,
    /// Sizes by the symbols of the program.
    symbols: HashMap<String, Dim>,
    /// The names that sizes have.
    taken: HashSet<String>,
}

// === Inputs and outputs ===

impl<'p> Program<'p> {
    /// Inputs of the model, parameters, buffers and constants.
    fn inputs(&mut self, signature: &'p Json) {
        for spec in list(signature, "input_specs").into_iter().flatten() {
            let Some((kind, inner)) = tagged(spec) else { continue };
            let arg = inner.get("arg").unwrap_or(&Json::Null);
            let Some(name) = named(arg) else { continue };
            let value = match kind {
                "user_input" => self.input(name, arg),
                "parameter" => self.trained(name, text(inner, "parameter_name")),
                "buffer" if inner.get("persistent").and_then(Json::as_bool) != Some(false) => {
                    self.trained(name, text(inner, "buffer_name"))
                }
                "buffer" => self.stored(name, text(inner, "buffer_name")),
                "tensor_constant" => self.stored(name, text(inner, "tensor_constant_name")),
                "constant_input" => continue,
                other => {
                    let reason = Reason::Signature(format!("is a {other}"));
                    self.walk.refusals.push(refusal::of_part("input", name, reason));
                    Value::Unknown
                }
            };
            self.values.insert(name, value);
        }
    }

    /// An input of the model.
    fn input(&mut self, name: &'p str, arg: &Json) -> Value {
        if arg.get("as_tensor").is_none() && arg.get("name").is_none() {
            let size = self.options.sizes.get(name).copied();
            return Value::Int(size.map_or_else(|| Dim::symbol(&symbol(name)), Dim::from));
        }
        match self.fact(name, true) {
            Ok(fact) => {
                let id = self.walk.build.graph.input(name, fact.dtype, fact.shape);
                Value::Tensor(Slot::new(Content::Known(Operand::Value(id))))
            }
            Err(found) => {
                let reason = Reason::Signature(found);
                self.walk.refusals.push(refusal::of_part("input", name, reason));
                Value::Unknown
            }
        }
    }

    /// A tensor of the file that was trained: another one where weights are given.
    fn trained(&mut self, name: &str, path: Option<&str>) -> Value {
        let own = path.unwrap_or(name);
        let Some(replacement) = &mut self.replacement else { return self.stored(name, path) };
        let Some((dtype, shape)) = self.weights.fact(own) else { return self.stored(name, path) };
        let own = Own { name: own, dtype, shape, is_trained: Some(true) };
        match replacement.operand(&mut self.walk.build, &own) {
            Ok(Some(operand)) => Value::Tensor(Slot::new(Content::Known(operand))),
            Ok(None) => self.stored(name, path),
            Err(reason) => self.refused(name, reason),
        }
    }

    fn refused(&mut self, name: &str, reason: Reason) -> Value {
        self.walk.refusals.push(refusal::of_part("initializer", name, reason));
        Value::Unknown
    }

    /// A tensor of the file.
    fn stored(&mut self, name: &str, path: Option<&str>) -> Value {
        match self.weights.read(path.unwrap_or(name), &self.walk.build.budget) {
            Ok(operand) => Value::Tensor(Slot::new(Content::Known(operand))),
            Err(reason) => self.refused(name, reason),
        }
    }

    /// Type and shape that the program declares of a value. The symbols of an input get names.
    fn fact(&mut self, name: &str, is_input: bool) -> Result<Fact, String> {
        let meta = self.graph.get("tensor_values").and_then(|values| values.get(name));
        let meta = meta.ok_or("its type is not declared")?;
        // Versions before 2.3 wrap what they say of a tensor once more.
        let meta = meta.get("meta").unwrap_or(meta);
        let number = meta.get("dtype").and_then(Json::as_i64).unwrap_or(-1);
        let (dtype, _) = element::exported(number)
            .ok_or_else(|| format!("its elements are of type number {number}"))?;
        let sizes = list(meta, "sizes").ok_or("its shape is not declared")?;
        if sizes.len() > RANK_MAX {
            return Err(format!("expected at most {RANK_MAX} axes, found {}", sizes.len()));
        }
        let mut shape = Vec::with_capacity(sizes.len());
        for (axis, size) in sizes.iter().enumerate() {
            shape.push(match size.get("as_int").unwrap_or(size).as_i64() {
                Some(size) => Dim::from(size),
                None => self.size(name, axis, size, is_input)?,
            });
        }
        Ok(Fact { dtype, shape })
    }

    /// A size that depends on a symbol.
    fn size(
        &mut self,
        name: &str,
        axis: usize,
        size: &Json,
        is_input: bool,
    ) -> Result<Dim, String> {
        let expression = size.pointer("/as_expr/expr_str").and_then(Json::as_str);
        let expression = expression.ok_or("a size is neither a number nor an expression")?;
        if let Some(known) = self.symbols.get(expression) {
            return Ok(known.clone());
        }
        if !is_input {
            return Ok(self.walk.build.fresh());
        }
        let own = match axis {
            0 => "batch".to_string(),
            _ => format!("{}_{axis}", symbol(name)),
        };
        // Another open first axis is not of the same size.
        let own = if self.taken.contains(&own) { format!("{}_{axis}", symbol(name)) } else { own };
        let fixed = self.options.sizes.get(&own).copied();
        let dim = fixed.map_or_else(|| Dim::symbol(&own), Dim::from);
        self.taken.extend(dim.as_symbol().map(str::to_string));
        self.symbols.insert(expression.to_string(), dim.clone());
        Ok(dim)
    }

    fn outputs(&mut self, signature: &'p Json) {
        let (mut made, mut taken) = (0, HashSet::new());
        for spec in list(signature, "output_specs").into_iter().flatten() {
            let Some(("user_output", inner)) = tagged(spec) else { continue };
            let arg = inner.get("arg").unwrap_or(&Json::Null);
            if arg.get("as_none").is_some() {
                continue;
            }
            let value = match named(arg) {
                Some(name) => self.values.get(name).cloned().unwrap_or(Value::Unknown),
                None => self.argument(arg).unwrap_or(Value::Unknown),
            };
            let name = named(arg).map_or_else(|| format!("output_{made}"), str::to_string);
            let name = if taken.contains(&name) { format!("{name}_{made}") } else { name };
            made += 1;
            let asked = &self.options.outputs;
            if asked.is_empty() || asked.contains(&name) {
                let before = self.walk.build.graph.outputs.len();
                self.walk.output(&name, &value);
                let made = self.walk.build.graph.outputs[before..].iter();
                taken.extend(made.map(|output| output.name.clone()));
            }
        }
        if self.walk.build.graph.outputs.is_empty() && self.walk.refusals.is_empty() {
            let reason = Reason::Signature("has no outputs that are asked for".to_string());
            self.walk.refusals.push(refusal::of_part("model", "graph", reason));
        }
    }
}

/// A name that a size may have.
pub(super) fn symbol(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_';
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches(|c: char| !c.is_alphabetic());
    if name.is_empty() { "input".to_string() } else { name.to_string() }
}

// === Nodes ===

impl<'p> Program<'p> {
    fn node(&mut self, at: usize, node: &'p Json) {
        let outputs = list(node, "outputs").map_or(&[][..], Vec::as_slice);
        let first = outputs.iter().find_map(named).or_else(|| text(node, "name"));
        let name = first.map_or_else(|| format!("node_{at}"), str::to_string);
        let op = operator(text(node, "target").unwrap_or_default());
        let mut args: Vec<Argument<'p>> = Vec::new();
        for input in list(node, "inputs").into_iter().flatten() {
            let own = text(input, "name").filter(|name| !name.is_empty());
            match self.argument(input.get("arg").unwrap_or(&Json::Null)) {
                Ok(value) => args.push((own, value)),
                Err(reason) => {
                    let refused = refusal::of_node(&name, &op, reason, Vec::new());
                    self.walk.refusals.push(refused);
                    return self.unknown(outputs);
                }
            }
        }
        if ASSERTS.contains(&op.as_str()) {
            return;
        }
        let value = match COMPARISONS.contains(&op.as_str()) {
            // Of sizes that data decide it is only asked in order to assert.
            true if args.iter().any(|(_, value)| matches!(value, Value::Int(_))) => {
                let made = ops::apply(&mut self.walk.build, &self.walk.pool, &op, args);
                let value = made.unwrap_or(Value::Unknown);
                outputs.iter().for_each(|output| self.define(output, value.clone()));
                return;
            }
            _ => self.walk.apply(&name, &op, args),
        };
        if let Value::Unknown = value {
            return self.unknown(outputs);
        }
        let values = match (&value, outputs) {
            (Value::Tuple(items) | Value::List(items), [_, _, ..]) => items.borrow().clone(),
            // One list of tensors.
            (Value::List(items), [output]) if output.get("as_tensors").is_some() => {
                let places = list(output, "as_tensors").into_iter().flatten();
                for (place, value) in places.zip(items.borrow().iter()) {
                    self.define(place, value.clone());
                }
                return;
            }
            (Value::Tuple(items), [_]) => items.borrow().iter().take(1).cloned().collect(),
            _ => vec![value],
        };
        for (output, value) in outputs.iter().zip(values) {
            self.define(output, value);
        }
    }

    fn define(&mut self, place: &'p Json, value: Value) {
        if let Some(name) = named(place) {
            self.values.insert(name, value);
        }
    }

    /// Goes on from the types that are declared behind what could not be imported.
    fn unknown(&mut self, outputs: &'p [Json]) {
        for output in outputs {
            let many =
                list(output, "as_tensors").map_or(std::slice::from_ref(output), Vec::as_slice);
            for place in many {
                let Some(name) = named(place) else { continue };
                let value = match self.fact(name, false) {
                    Ok(fact) => {
                        let operand = self.walk.stand_in(name, fact);
                        Value::Tensor(Slot::new(Content::Known(operand)))
                    }
                    Err(_) => Value::Unknown,
                };
                self.values.insert(name, value);
            }
        }
    }

    /// The value of an argument.
    fn argument(&self, arg: &Json) -> Result<Value, Reason> {
        let Some((kind, inner)) = tagged(arg) else { return Ok(Value::None) };
        let several = |one: &dyn Fn(&Json) -> Result<Value, Reason>| {
            let items = inner.as_array().map_or(&[][..], Vec::as_slice);
            let items = items.iter().map(one).collect::<Result<Vec<_>, _>>()?;
            Ok(self.walk.pool.list(items))
        };
        let int = |json: &Json| json.as_i64().map(Value::int);
        let float = |json: &Json| match json {
            Json::String(text) => text.trim().parse().ok().map(Value::Float),
            json => json.as_f64().map(Value::Float),
        };
        let whole = |found: Option<Value>| {
            found.ok_or_else(|| Reason::Attribute {
                name: kind.to_string(),
                expected: "a value of that kind".to_string(),
                found: "another".to_string(),
            })
        };
        match kind {
            "as_none" => Ok(Value::None),
            "as_tensor" | "as_sym_int" | "as_sym_bool" | "as_sym_float" | "as_name" => {
                self.reference(inner)
            }
            "as_tensors" | "as_sym_ints" | "as_sym_floats" | "as_optional_tensors" => {
                several(&|json| self.reference(json))
            }
            "as_int" => whole(int(inner)),
            "as_ints" => several(&|json| whole(int(json))),
            "as_float" => whole(float(inner)),
            "as_floats" => several(&|json| whole(float(json))),
            "as_bool" => whole(inner.as_bool().map(Value::Bool)),
            "as_bools" => several(&|json| whole(json.as_bool().map(Value::Bool))),
            "as_string" => whole(inner.as_str().map(|text| Value::Text(text.into()))),
            "as_strings" => {
                several(&|json| whole(json.as_str().map(|text| Value::Text(text.into()))))
            }
            "as_scalar_type" => {
                let number = inner.as_i64().and_then(element::exported);
                whole(number.map(|(_, number)| Value::int(number)))
            }
            // What is told of devices, layouts and memory says nothing of numbers.
            "as_device" => Ok(Value::Text("cpu".into())),
            "as_memory_format" | "as_layout" => Ok(Value::None),
            other => Err(Reason::Attribute {
                name: other.to_string(),
                expected: "a tensor, a number, a text or a list of them".to_string(),
                found: "what is none of these".to_string(),
            }),
        }
    }

    /// What a name stands for; a number or nothing stands for itself.
    fn reference(&self, json: &Json) -> Result<Value, Reason> {
        if let Some(name) = named(json).or_else(|| json.as_str()) {
            let value = self.values.get(name).cloned();
            return value.ok_or_else(|| Reason::Undefined(name.to_string()));
        }
        if let Some(number) = json.get("as_int").and_then(Json::as_i64) {
            return Ok(Value::int(number));
        }
        match json.get("as_none").is_some() || json.is_null() {
            true => Ok(Value::None),
            false => match json.as_f64().or_else(|| json.get("as_float")?.as_f64()) {
                Some(number) => Ok(Value::Float(number)),
                None => Err(Reason::Undefined(json.to_string())),
            },
        }
    }
}

/// What holds a program to what it was exported for, and makes nothing.
const ASSERTS: [&str; 6] = [
    "_assert_scalar",
    "_assert_async",
    "_assert_tensor_metadata",
    "sym_constrain_range",
    "sym_constrain_range_for_size",
    "_check_is_size",
];

/// Comparisons of sizes.
const COMPARISONS: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

/// The operator that a target names: of `aten` and of Python by their own names, others with their
/// library before it.
fn operator(target: &str) -> String {
    let Some(rest) = target.strip_prefix("torch.ops.") else {
        return target.rsplit('.').next().unwrap_or(target).to_string();
    };
    let mut parts = rest.split('.');
    match (parts.next(), parts.next()) {
        (Some("aten" | "prims" | "prim"), Some(name)) => name.to_string(),
        (Some(library), Some(name)) => format!("{library}::{name}"),
        _ => rest.to_string(),
    }
}
