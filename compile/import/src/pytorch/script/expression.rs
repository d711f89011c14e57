//! Expressions: values, and calls of operators, functions and methods.

use super::Name;
use super::parse::{Expr, Function, first_word};
use super::run::{DEPTH_MAX, End, Frame, Interpreter, Object, Outcome, STEPS_MAX};
use crate::error::Reason;
use crate::pytorch::ops::Argument;
use crate::pytorch::value::Value;
use std::collections::HashMap;

impl Interpreter<'_> {
    /// The number of an operator on its way, for the name of what it makes.
    pub(super) fn applied(
        &mut self,
        frame: &Frame,
        op: &str,
        args: Vec<Argument<'_>>,
    ) -> Outcome<Value> {
        self.settle_all(op, &args);
        self.nodes += 1;
        let name = match frame.path.as_str() {
            "" => format!("{op}_{}", self.nodes),
            path => format!("{path}/{op}_{}", self.nodes),
        };
        Ok(self.walk.apply(&name, op, args))
    }

    pub(super) fn expr(&mut self, frame: &mut Frame, expr: &Expr) -> Outcome<Value> {
        self.steps += 1;
        if self.depth >= DEPTH_MAX || self.steps > STEPS_MAX {
            return Err(self.refuse(frame, "expression", Reason::Expansion));
        }
        self.depth += 1;
        let made = self.inner(frame, expr);
        self.depth -= 1;
        made
    }

    fn inner(&mut self, frame: &mut Frame, expr: &Expr) -> Outcome<Value> {
        Ok(match expr {
            Expr::Int(value) => Value::int(*value),
            Expr::Float(value) => Value::Float(*value),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Name(name) => return self.named(frame, name),
            Expr::List(parts) => {
                let values = self.each(frame, parts)?;
                self.walk.pool.list(values)
            }
            Expr::Tuple(parts) => {
                let values = self.each(frame, parts)?;
                self.walk.pool.tuple(values)
            }
            Expr::Dict(parts) => {
                let values = self.each(frame, parts)?;
                Value::Dict(self.walk.pool.items(values))
            }
            Expr::Negative(inner) => {
                let value = self.expr(frame, inner)?;
                return self.applied(frame, "neg", vec![(None, value)]);
            }
            Expr::Choice(parts) => {
                let condition = self.expr(frame, &parts[1])?;
                let is_true = self.truth(frame, &condition, "if")?;
                return self.expr(frame, &parts[if is_true { 0 } else { 2 }]);
            }
            Expr::Index(list, index) => {
                let (list, index) = (self.expr(frame, list)?, self.expr(frame, index)?);
                return self.applied(frame, "__getitem__", vec![(None, list), (None, index)]);
            }
            Expr::Attr(inner, name) => return self.attribute(frame, inner, name),
            Expr::Call(callee, args) => return self.call(frame, callee, args),
        })
    }

    fn each(&mut self, frame: &mut Frame, parts: &[Expr]) -> Outcome<Vec<Value>> {
        parts.iter().map(|part| self.expr(frame, part)).collect()
    }

    fn named(&mut self, frame: &Frame, name: &Name) -> Outcome<Value> {
        if let Some(value) = frame.names.get(name) {
            return Ok(value.clone());
        }
        Ok(match &**name {
            "None" => Value::None,
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "inf" => Value::Float(f64::INFINITY),
            "nan" => Value::Float(f64::NAN),
            _ => return Err(self.refuse(frame, "name", Reason::Undefined(name.to_string()))),
        })
    }

    fn attribute(&mut self, frame: &mut Frame, inner: &Expr, name: &Name) -> Outcome<Value> {
        if let Some(path) = path_of(inner)
            && !frame.names.contains_key(path.split('.').next().unwrap_or_default())
        {
            if path == "CONSTANTS" {
                let at = name.strip_prefix('c').and_then(|at| at.parse::<usize>().ok());
                let value = at.and_then(|at| self.constants.get(at).cloned());
                let undefined = || Reason::Undefined(format!("CONSTANTS.{name}"));
                return value.ok_or_else(|| self.refuse(frame, "constant", undefined()));
            }
            // A function that is given a name.
            return Ok(Value::Text(format!("{path}.{name}").into()));
        }
        match self.expr(frame, inner)? {
            Value::Object(at) => self.field(frame, at, name),
            Value::Unknown => Ok(Value::Unknown),
            value => self.applied(frame, name, vec![(None, value)]),
        }
    }

    fn call(
        &mut self,
        frame: &mut Frame,
        callee: &Expr,
        args: &[(Option<Name>, Expr)],
    ) -> Outcome<Value> {
        if let Expr::Name(name) = callee
            && !frame.names.contains_key(name)
        {
            return self.built_in(frame, name, args);
        }
        let path = path_of(callee);
        let path = path
            .filter(|path| !frame.names.contains_key(path.split('.').next().unwrap_or_default()));
        if let Some(path) = path {
            let args = self.arguments(frame, args)?;
            return self.called(frame, &path, args);
        }
        if let Expr::Attr(object, method) = callee {
            let value = self.expr(frame, object)?;
            let args = self.arguments(frame, args)?;
            return match value {
                Value::Object(at) => self.invoke(frame, at, method, args),
                Value::Unknown => Ok(Value::Unknown),
                value => {
                    let given = args.iter().map(|(name, value)| (name.as_deref(), value.clone()));
                    let all = [(None, value)].into_iter().chain(given).collect();
                    self.applied(frame, method, all)
                }
            };
        }
        match self.expr(frame, callee)? {
            Value::Text(path) => {
                let args = self.arguments(frame, args)?;
                self.called(frame, &path, args)
            }
            Value::Object(at) => {
                let args = self.arguments(frame, args)?;
                self.invoke(frame, at, &"forward".into(), args)
            }
            other => {
                let text = format!("{} is called", other.kind());
                Err(self.stop(frame, "call", text))
            }
        }
    }

    fn arguments(
        &mut self,
        frame: &mut Frame,
        args: &[(Option<Name>, Expr)],
    ) -> Outcome<Vec<(Option<Name>, Value)>> {
        args.iter().map(|(name, arg)| Ok((name.clone(), self.expr(frame, arg)?))).collect()
    }

    /// Words that look like functions.
    fn built_in(
        &mut self,
        frame: &mut Frame,
        name: &Name,
        args: &[(Option<Name>, Expr)],
    ) -> Outcome<Value> {
        match (&**name, args) {
            ("annotate" | "unchecked_cast", [_, (_, value)]) => self.expr(frame, value),
            ("uninitialized", _) => Ok(Value::Unknown),
            ("getattr", [(_, object), (_, Expr::Text(field))]) => {
                match self.expr(frame, object)? {
                    Value::Object(at) => self.field(frame, at, field),
                    _ => Ok(Value::Unknown),
                }
            }
            ("range", [(_, count)]) => self.expr(frame, count),
            ("isinstance", [(_, value), (_, kind)]) => {
                let value = self.expr(frame, value)?;
                Ok(Value::Bool(is_instance(&value, &first_word(kind))))
            }
            _ => {
                let args = self.arguments(frame, args)?;
                let op = match &**name {
                    "int" => "Int",
                    "float" => "Float",
                    "bool" => "Bool",
                    other => other,
                };
                let args = args.iter().map(|(name, value)| (name.as_deref(), value.clone()));
                self.applied(frame, op, args.collect())
            }
        }
    }

    /// A function with a whole name: of the source, or an operator.
    fn called(
        &mut self,
        frame: &mut Frame,
        path: &str,
        args: Vec<(Option<Name>, Value)>,
    ) -> Outcome<Value> {
        if path.starts_with("__torch__.") {
            return self.of_source(frame, path, args);
        }
        let op = match path.strip_prefix("torch.").or_else(|| path.strip_prefix("ops.aten.")) {
            Some(op) => op.to_string(),
            None => match path.strip_prefix("ops.prim.") {
                Some("RaiseException") => {
                    let text = args.first().map_or_else(String::new, |(_, value)| value.kind());
                    let text = format!("it refuses such inputs: {text}");
                    return Err(self.stop(frame, "raise", text));
                }
                Some(op) => op.to_string(),
                None => path.strip_prefix("ops.").unwrap_or(path).replace('.', "::"),
            },
        };
        if matches!(op.as_str(), "device" | "set_grad_enabled" | "warn") {
            return Ok(Value::Text("cpu".into()));
        }
        let args = args.iter().map(|(name, value)| (name.as_deref(), value.clone())).collect();
        self.applied(frame, &op, args)
    }

    /// A function or class of the source.
    fn of_source(
        &mut self,
        frame: &mut Frame,
        path: &str,
        args: Vec<(Option<Name>, Value)>,
    ) -> Outcome<Value> {
        let class = path.strip_suffix(".__new__");
        let found = self.source.file(class.unwrap_or(path));
        let (file, last) = found.map_err(|text| self.stop(frame, path, text))?;
        if class.is_some() {
            let name = class.unwrap_or(path).into();
            return Ok(Value::Object(self.new_object(name, &frame.path)));
        }
        if let Some(function) = file.functions.get(last) {
            let function = function.clone();
            return self.run(frame, &function, args, frame.path.clone());
        }
        match file.classes.get(last) {
            // A named tuple is an object with fields.
            Some(class) if class.is_named_tuple => {
                let made = self.new_object(path.into(), &frame.path);
                for (field, (_, value)) in class.fields.iter().zip(args) {
                    self.objects[made].fields.insert(field.clone(), value);
                }
                Ok(Value::Object(made))
            }
            _ => Err(self.refuse(frame, "call", Reason::Undefined(path.to_string()))),
        }
    }

    /// A method of an object.
    fn invoke(
        &mut self,
        frame: &mut Frame,
        object: usize,
        name: &Name,
        args: Vec<(Option<Name>, Value)>,
    ) -> Outcome<Value> {
        let Object { class, path, .. } = &self.objects[object];
        let (class, path) = (class.clone(), path.clone());
        let method = self.method(&class, name);
        match method.map_err(|text| self.stop(frame, &class, text))? {
            Some(function) => {
                let own = (None, Value::Object(object));
                let args = [own].into_iter().chain(args).collect();
                self.run(frame, &function, args, path)
            }
            None => Err(self.stop(frame, name, format!("{class} has no method `{name}`"))),
        }
    }

    fn run(
        &mut self,
        outer: &Frame,
        function: &Function,
        args: Vec<(Option<Name>, Value)>,
        path: String,
    ) -> Outcome<Value> {
        let mut frame = Frame { names: HashMap::new(), path };
        for (at, (name, value)) in args.into_iter().enumerate() {
            let name = name.or_else(|| function.parameters.get(at).map(|own| own.name.clone()));
            let Some(name) = name else {
                return Err(self.stop(outer, "call", "more arguments than parameters".to_string()));
            };
            frame.names.insert(name, value);
        }
        for parameter in &function.parameters {
            if frame.names.contains_key(&parameter.name) {
                continue;
            }
            let Some(default) = &parameter.default else {
                let text = format!("a call leaves out `{}`", parameter.name);
                return Err(self.stop(outer, "call", text));
            };
            let value = self.expr(&mut frame, default)?;
            frame.names.insert(parameter.name.clone(), value);
        }
        match self.body(&mut frame, &function.body)? {
            End::Return(value) => Ok(value),
            End::Next => Ok(Value::None),
        }
    }
}

/// Is a value of the type that begins with this word?
fn is_instance(value: &Value, kind: &str) -> bool {
    match value {
        Value::Tensor(_) => kind == "Tensor",
        Value::Int(_) => kind == "int",
        Value::Float(_) => kind == "float",
        Value::Bool(_) => kind == "bool",
        Value::Text(_) => kind == "str",
        Value::List(_) => kind == "List",
        Value::Tuple(_) => kind == "Tuple",
        Value::Dict(_) => kind == "Dict",
        Value::None | Value::Object(_) | Value::Unknown => false,
    }
}

/// The name with dots that an expression is, if it is one.
fn path_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.to_string()),
        Expr::Attr(inner, name) => Some(format!("{}.{name}", path_of(inner)?)),
        _ => None,
    }
}
