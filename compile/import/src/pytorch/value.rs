//! What names stand for while a model is imported: tensors of the graph, and numbers, lists and
//! texts that are known ahead.

use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::slice;
use crate::error::Reason;
use ir::{Op, SliceAxis};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tensor::Dim;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing.
    None,
    /// A truth.
    Bool(bool),
    /// An integer, which may depend on the inputs' sizes.
    Int(Dim),
    /// A number.
    Float(f64),
    /// A text.
    Text(Rc<str>),
    /// A tensor.
    Tensor(Rc<Slot>),
    /// A list, which all who hold it see grow.
    List(Items),
    /// A tuple.
    Tuple(Items),
    /// Keys and values, one after another.
    Dict(Items),
    /// A module or another object, by its number.
    Object(usize),
    /// What a refused operator makes.
    Unknown,
}

/// What several values hold together.
pub(super) type Items = Rc<RefCell<Vec<Value>>>;

impl Value {
    /// What it is, in words.
    pub(super) fn kind(&self) -> String {
        match self {
            Value::None => "nothing".to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => format!("{value}"),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => format!("`{text}`"),
            Value::Tensor(_) => "a tensor".to_string(),
            Value::List(items) => format!("a list of {}", items.borrow().len()),
            Value::Tuple(items) => format!("a tuple of {}", items.borrow().len()),
            Value::Dict(_) => "a dictionary".to_string(),
            Value::Object(_) => "an object".to_string(),
            Value::Unknown => "what is not known".to_string(),
        }
    }

    /// An integer that is known.
    pub(super) fn int(value: i64) -> Value {
        Value::Int(Dim::from(value))
    }
}

/// All lists and tuples that there are. Each is held here as well, so that none is dropped inside
/// of another, however deep they lie in each other; at the end they are emptied one by one.
#[derive(Debug, Default)]
pub(super) struct Pool {
    all: RefCell<Vec<Items>>,
    /// How many values lists were given, and characters texts.
    spent: Cell<usize>,
}

/// Values that all lists may hold together: models have some ten thousand.
const VALUES_MAX: usize = 1 << 22;

impl Pool {
    /// A list or tuple of these.
    pub(super) fn items(&self, values: Vec<Value>) -> Items {
        self.spend(1 + values.len());
        let items = Rc::new(RefCell::new(values));
        self.all.borrow_mut().push(items.clone());
        items
    }

    /// Counts values that a list is given, or characters.
    pub(super) fn spend(&self, count: usize) {
        self.spent.set(self.spent.get().saturating_add(count));
    }

    /// Have lists more values than those of any model?
    pub(super) fn is_full(&self) -> bool {
        self.spent.get() > VALUES_MAX
    }

    /// A list of these.
    pub(super) fn list(&self, values: Vec<Value>) -> Value {
        Value::List(self.items(values))
    }

    /// A tuple of these.
    pub(super) fn tuple(&self, values: Vec<Value>) -> Value {
        Value::Tuple(self.items(values))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for items in self.all.borrow().iter() {
            items.take();
        }
    }
}

/// A tensor as PyTorch has it: operators may change it in place, and views of it see that.
#[derive(Debug)]
pub(super) struct Slot {
    operand: RefCell<Content>,
    /// How often it was changed.
    version: Cell<usize>,
    view: Option<View>,
}

/// What a slot holds.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A tensor.
    Known(Operand),
    /// An input of the model whose shape nobody has asked for yet, by its number.
    Given(usize),
}

/// What a view is of.
#[derive(Debug)]
struct View {
    base: Rc<Slot>,
    /// The version of the base that it shows.
    shown: Cell<usize>,
    undo: Undo,
    depth: usize,
}

/// How the elements of a view go back to where they came from.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    /// Under another shape.
    Reshape,
    /// The axes in this order.
    Transpose(Vec<usize>),
    /// A part of an axis, which is gone where it was one element.
    Part { axis: usize, start: Dim, len: Dim, is_gone: bool },
    /// In no way that is known.
    Never,
}

/// Views of views of views: models write two or three.
const VIEWS_MAX: usize = 64;

impl Slot {
    /// A tensor of its own.
    pub(super) fn new(content: Content) -> Rc<Slot> {
        let (operand, version) = (RefCell::new(content), Cell::new(0));
        Rc::new(Slot { operand, version, view: None })
    }

    /// A view of another one.
    pub(super) fn view(base: &Rc<Slot>, operand: Operand, undo: Undo) -> Rc<Slot> {
        let depth = base.view.as_ref().map_or(0, |view| view.depth) + 1;
        let (shown, base) = (Cell::new(base.version.get()), base.clone());
        let view = (depth < VIEWS_MAX).then_some(View { base, shown, undo, depth });
        let (operand, version) = (RefCell::new(Content::Known(operand)), Cell::new(0));
        Rc::new(Slot { operand, version, view })
    }

    /// What it holds.
    pub(super) fn content(&self) -> Content {
        self.operand.borrow().clone()
    }

    /// Gives an input its tensor.
    pub(super) fn settle(&self, operand: Operand) {
        *self.operand.borrow_mut() = Content::Known(operand);
    }

    /// Was what it is a view of changed since?
    fn is_stale(&self) -> bool {
        self.view
            .as_ref()
            .is_some_and(|view| view.base.version.get() != view.shown.get() || view.base.is_stale())
    }

    /// Shows anew what it is a view of, where that was changed.
    pub(super) fn refresh(&self, build: &mut Builder) -> Result<(), Reason> {
        let Some(View { base, shown, undo, .. }) = &self.view else { return Ok(()) };
        base.refresh(build)?;
        if base.version.get() == shown.get() {
            return Ok(());
        }
        let (Content::Known(whole), Content::Known(own)) = (base.content(), self.content()) else {
            return Ok(());
        };
        let shape = build.fact(&own).shape;
        let made = match undo {
            Undo::Reshape => build.reshape(&whole, shape)?,
            Undo::Transpose(perm) => build.transpose(&whole, perm.clone())?,
            Undo::Part { axis, start, len, .. } => {
                let part = slice(build, &whole, *axis, start.clone(), len.clone())?;
                build.reshape(&part, shape)?
            }
            // It stays as it was, and is refused where it is looked at.
            Undo::Never => return Ok(()),
        };
        self.settle(made);
        self.version.set(self.version.get() + 1);
        shown.set(base.version.get());
        Ok(())
    }

    /// Its tensor; `Err` where that is not known.
    pub(super) fn operand(&self) -> Result<Operand, String> {
        if self.is_stale() {
            return Err("a view of a tensor that was changed in place since".to_string());
        }
        match self.content() {
            Content::Known(operand) => Ok(operand),
            Content::Given(_) => Err("an input of unknown shape".to_string()),
        }
    }

    /// Changes it in place, and what it is a view of.
    pub(super) fn write(&self, build: &mut Builder, operand: &Operand) -> Result<(), Reason> {
        *self.operand.borrow_mut() = Content::Known(operand.clone());
        self.version.set(self.version.get() + 1);
        let Some(View { base, shown, undo, .. }) = &self.view else { return Ok(()) };
        let refused = |found: String| Reason::Input {
            input: 0,
            expected: "a tensor that can be changed in place".to_string(),
            found,
        };
        let whole = base.operand().map_err(refused)?;
        let shape = build.fact(&whole).shape;
        let made = match undo {
            Undo::Reshape => build.reshape(operand, shape)?,
            Undo::Transpose(perm) => {
                let mut back = vec![0; perm.len()];
                perm.iter().enumerate().for_each(|(to, &from)| back[from] = to);
                build.transpose(operand, back)?
            }
            Undo::Part { axis, start, len, is_gone } => {
                let mut own = operand.clone();
                if *is_gone {
                    let mut shape = shape.clone();
                    shape[*axis] = Dim::from(1);
                    own = build.reshape(&own, shape)?;
                }
                let part = |build: &mut Builder, start: Dim, len: Dim| {
                    let cut = SliceAxis { axis: *axis, start, len, step: 1 };
                    build.emit(Op::Slice { axes: vec![cut] }, &[&whole])
                };
                let end = start.clone() + len.clone();
                let rest = shape[*axis].clone() - end.clone();
                let mut parts = Vec::new();
                if start.known() != Some(0) {
                    parts.push(part(build, Dim::default(), start.clone())?);
                }
                parts.push(own);
                if rest.known() != Some(0) {
                    parts.push(part(build, end, rest)?);
                }
                match parts.as_slice() {
                    [own] => own.clone(),
                    _ => {
                        let parts: Vec<&Operand> = parts.iter().collect();
                        build.emit(Op::Concat { axis: *axis }, &parts)?
                    }
                }
            }
            Undo::Never => return Err(refused("a view of another one".to_string())),
        };
        base.write(build, &made)?;
        shown.set(base.version.get());
        Ok(())
    }
}
