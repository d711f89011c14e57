//! The walk through the source.

use super::Name;
use super::given::{Assumption, Input};
use super::object::Source;
use super::parse::Function;
use crate::Options;
use crate::build::NAME_BYTES;
use crate::error::Reason;
use crate::pytorch::pickle::{Item, Pickle};
use crate::pytorch::refusal;
use crate::pytorch::value::{Content, Slot, Value};
use crate::pytorch::walk::Walk;
use std::collections::HashMap;
use std::rc::Rc;
use tensor::Dim;

/// Statements and expressions that one model may take: the largest take some hundred thousand, and
/// loops over steps of a sequence that many times.
pub(super) const STEPS_MAX: usize = 1 << 21;

/// Calls, blocks and expressions inside of each other. Models have some sixty.
pub(super) const DEPTH_MAX: usize = 256;

/// An object.
pub(super) struct Object {
    pub(super) class: Name,
    /// Where it lies in the model.
    pub(super) path: String,
    pub(super) fields: HashMap<Name, Value>,
}

/// The state of the walk.
pub(super) struct Interpreter<'s> {
    pub(super) walk: Walk,
    pub(super) source: &'s mut Source,
    pub(super) options: &'s Options,
    pub(super) assumption: &'s Assumption,
    pub(super) inputs: Vec<Input>,
    pub(super) objects: Vec<Object>,
    pub(super) constants: Vec<Value>,
    pub(super) steps: usize,
    pub(super) depth: usize,
    pub(super) nodes: usize,
}

/// Names of a call.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) names: HashMap<Name, Value>,
    /// Where the object lies whose method it is.
    pub(super) path: String,
}

/// How a statement ends.
pub(super) enum End {
    Next,
    Return(Value),
}

/// Why the walk does not go on: it was noted.
pub(super) struct Stopped;

pub(super) type Outcome<T> = Result<T, Stopped>;

impl<'s> Interpreter<'s> {
    pub(super) fn new(
        walk: Walk,
        source: &'s mut Source,
        options: &'s Options,
        assumption: &'s Assumption,
    ) -> Interpreter<'s> {
        Interpreter {
            walk,
            source,
            options,
            assumption,
            inputs: Vec::new(),
            objects: Vec::new(),
            constants: Vec::new(),
            steps: 0,
            depth: 0,
            nodes: 0,
        }
    }

    /// What the model makes of its inputs.
    pub(super) fn model(&mut self) -> Result<Value, String> {
        let constants = self.source.constants.take();
        if let Some(constants) = &constants {
            let items = constants.items(&constants.root).unwrap_or(&[]).to_vec();
            for (at, item) in items.iter().enumerate() {
                let value = self.value(constants, item, &format!("c{at}"), true);
                self.constants.push(value);
            }
        }
        self.source.constants = constants;
        let data = std::mem::replace(&mut self.source.data, Pickle::empty());
        let root = self.value(&data, &data.root.clone(), "", false);
        self.source.data = data;
        let Value::Object(model) = root else { return Err("it holds no module".to_string()) };
        let class = self.objects[model].class.clone();
        // A method with several forms has a number behind its name.
        let function = match self.method(&class, "forward")? {
            None => self.method(&class, "forward__0")?,
            found => found,
        };
        let function = function.ok_or_else(|| format!("{class} has no method `forward`"))?;
        let mut frame = Frame::default();
        for (at, parameter) in function.parameters.iter().enumerate() {
            let value = match (at, &*parameter.kind, &parameter.default) {
                (0, _, _) => Value::Object(model),
                (_, "Tensor", None) => self.input(&parameter.name),
                (_, "Tensor", Some(_)) if self.is_told(&parameter.name) => {
                    self.input(&parameter.name)
                }
                (_, "int", _) if self.options.sizes.contains_key(&*parameter.name) => {
                    let size = self.options.sizes[&*parameter.name];
                    Value::Int(Dim::from(size))
                }
                (_, "Optional", None) => Value::None,
                (_, _, Some(default)) => self.expr(&mut frame, default).unwrap_or(Value::Unknown),
                (_, "int", None) => {
                    Value::Int(Dim::symbol(&crate::pytorch::export::symbol(&parameter.name)))
                }
                (_, other, None) => {
                    let reason = Reason::Signature(format!("is a {other}, not a tensor"));
                    let refused = refusal::of_part("input", &parameter.name, reason);
                    self.walk.refusals.push(refused);
                    Value::Unknown
                }
            };
            frame.names.insert(parameter.name.clone(), value);
        }
        Ok(match self.body(&mut frame, &function.body) {
            Ok(End::Return(Value::Object(at))) => {
                let pairs =
                    self.parts(at).into_iter().flat_map(|(name, value)| [Value::Text(name), value]);
                Value::Dict(self.walk.pool.items(pairs.collect()))
            }
            Ok(End::Return(value)) => value,
            Ok(End::Next) => Value::None,
            Err(Stopped) => Value::Unknown,
        })
    }

    /// The parts of a named tuple, in order.
    pub(super) fn parts(&mut self, object: usize) -> Vec<(Name, Value)> {
        let class = self.objects[object].class.clone();
        let Ok((file, last)) = self.source.file(&class) else { return Vec::new() };
        let fields = file.classes.get(last).filter(|class| class.is_named_tuple);
        let fields = fields.map_or(&[][..], |class| &class.fields);
        let own = &self.objects[object].fields;
        fields.iter().filter_map(|name| Some((name.clone(), own.get(name)?.clone()))).collect()
    }

    fn is_told(&self, name: &str) -> bool {
        self.options
            .sizes
            .keys()
            .any(|symbol| symbol.strip_prefix(name).is_some_and(|rest| rest.starts_with('_')))
    }

    /// The inputs of the graph in the order of the signature; how many there are.
    pub(super) fn in_order(&mut self) -> usize {
        let own: Vec<_> = self.inputs.iter().filter_map(|input| input.id).collect();
        let graph = &mut self.walk.build.graph;
        let others = graph.inputs.iter().copied().filter(|id| !own.contains(id));
        graph.inputs = own.iter().copied().chain(others.collect::<Vec<_>>()).collect();
        own.len()
    }

    /// The class and sizes of the first weights that have at least two axes.
    pub(super) fn first_weights(&self) -> Option<(Name, Vec<usize>)> {
        self.source.data.weights()
    }
}

// === Objects ===

impl Interpreter<'_> {
    /// The value that a pickle describes.
    fn value(&mut self, pickle: &Pickle, item: &Item, path: &str, is_constant: bool) -> Value {
        // What several places of a pickle share is met once for each of them.
        self.walk.pool.spend(1 + path.len() / NAME_BYTES);
        if self.depth == DEPTH_MAX || self.walk.pool.is_full() {
            return Value::Unknown;
        }
        self.depth += 1;
        let made = match item {
            Item::None => Value::None,
            Item::Bool(value) => Value::Bool(*value),
            Item::Int(value) => Value::int(*value),
            Item::Float(value) => Value::Float(*value),
            Item::Text(text) => Value::Text(text.clone()),
            Item::List(_) | Item::Tuple(_) => {
                let items = pickle.items(item).unwrap_or(&[]);
                let each = |(at, item): (usize, &Item)| {
                    self.value(pickle, item, &format!("{path}.{at}"), is_constant)
                };
                let values = items.iter().enumerate().map(each).collect();
                match item {
                    Item::List(_) => self.walk.pool.list(values),
                    _ => self.walk.pool.tuple(values),
                }
            }
            Item::Dict(_) => {
                let mut values = Vec::new();
                for (key, value) in pickle.entries(item).unwrap_or(&[]) {
                    values.push(self.value(pickle, key, path, is_constant));
                    values.push(self.value(pickle, value, path, is_constant));
                }
                Value::Dict(self.walk.pool.items(values))
            }
            Item::Tensor(stored) => {
                let build = &mut self.walk.build;
                match self.source.tensor(path, stored, is_constant, build) {
                    Ok(operand) => Value::Tensor(Slot::new(Content::Known(operand))),
                    Err(reason) => {
                        let refused = refusal::of_part("initializer", path, reason);
                        self.walk.refusals.push(refused);
                        Value::Unknown
                    }
                }
            }
            Item::Object(at) => self.object(pickle, *at, path, is_constant),
            Item::Global(_) | Item::Storage(_) | Item::Numbered(_) => Value::Unknown,
        };
        self.depth -= 1;
        made
    }

    fn object(&mut self, pickle: &Pickle, at: usize, path: &str, is_constant: bool) -> Value {
        let object = pickle.object(at);
        let made = self.new_object(object.class.clone(), path);
        let buffers = self.source.buffers(&object.class);
        for (name, item) in pickle.entries(&object.state).unwrap_or(&[]) {
            let Item::Text(name) = name else { continue };
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            if buffers.iter().any(|own| own == name) {
                self.source.keep(&inner);
            }
            let value = self.value(pickle, item, &inner, is_constant);
            self.objects[made].fields.insert(name.clone(), value);
        }
        Value::Object(made)
    }

    pub(super) fn new_object(&mut self, class: Name, path: &str) -> usize {
        self.objects.push(Object { class, path: path.to_string(), fields: HashMap::new() });
        self.objects.len() - 1
    }

    pub(super) fn method(
        &mut self,
        class: &str,
        name: &str,
    ) -> Result<Option<Rc<Function>>, String> {
        let (file, last) = self.source.file(class)?;
        Ok(file.classes.get(last).and_then(|class| class.methods.get(name)).cloned())
    }

    pub(super) fn field(&mut self, frame: &Frame, object: usize, name: &Name) -> Outcome<Value> {
        if let Some(value) = self.objects[object].fields.get(name) {
            return Ok(value.clone());
        }
        let class = self.objects[object].class.clone();
        let found = self.source.file(&class);
        let (file, last) = found.map_err(|text| self.stop(frame, &class, text))?;
        let class = file.classes.get(last);
        let value = class.and_then(|class| class.finals.iter().find(|(own, _)| own == name));
        match value {
            Some((_, value)) => self.expr(&mut Frame::default(), value),
            None => Err(self.stop(frame, name, format!("the object has no field `{name}`"))),
        }
    }
}
