//! Pickles, read as data. A pickle is a program for a small stack machine; what it may call is a
//! list of functions that make tensors, ordered dictionaries and lists, and what any of these makes
//! is written down here, not called. Everything else is refused by its name.

use super::element;
use std::rc::Rc;
use tensor::DType;

/// Instructions and items that one pickle may have: the largest models have some hundred thousand
/// tensors of twenty instructions each.
pub(super) const STEPS_MAX: usize = 1 << 22;

/// Axes that a tensor may have, as in PyTorch.
pub(super) const RANK_MAX: usize = 64;

/// What a pickle holds. Lists, dictionaries and objects are numbers of places in [`Pickle`], so
/// that they may hold each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    List(usize),
    Tuple(usize),
    Dict(usize),
    /// A class or function that is on the list.
    Global(Rc<str>),
    Object(usize),
    Storage(Rc<Storage>),
    Tensor(Rc<Stored>),
    /// The tensor with this number of a list beside the pickle.
    Numbered(usize),
}

/// A file of elements.
#[derive(Debug, PartialEq)]
pub(super) struct Storage {
    /// Its file's name.
    pub(super) key: Rc<str>,
    /// The type that its elements are said to be of; `None` where the tensor says it.
    pub(super) dtype: Option<DType>,
}

/// A tensor whose elements lie in a storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    pub(super) key: Rc<str>,
    pub(super) dtype: DType,
    /// The first element.
    pub(super) offset: usize,
    pub(super) sizes: Vec<usize>,
    /// Elements from one to the next along each axis.
    pub(super) strides: Vec<usize>,
}

/// An instance of a class that the file describes.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) class: Rc<str>,
    pub(super) state: Item,
}

/// Everything in a pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) root: Item,
    /// Lists and tuples.
    pub(super) lists: Vec<Vec<Item>>,
    pub(super) dicts: Vec<Vec<(Item, Item)>>,
    pub(super) objects: Vec<Object>,
}

impl Pickle {
    /// Nothing.
    pub(super) fn empty() -> Pickle {
        Pickle { root: Item::None, lists: vec![], dicts: vec![], objects: vec![] }
    }

    /// The class of the first object that has a tensor of two axes or more, and its sizes.
    pub(super) fn weights(&self) -> Option<(Rc<str>, Vec<usize>)> {
        self.objects.iter().find_map(|object| {
            let fields = self.entries(&object.state)?;
            let sizes = fields.iter().find_map(|(_, item)| match item {
                Item::Tensor(stored) if stored.sizes.len() > 1 => Some(stored.sizes.clone()),
                _ => None,
            });
            Some((object.class.clone(), sizes?))
        })
    }

    /// The items of a list or tuple.
    pub(super) fn items(&self, item: &Item) -> Option<&[Item]> {
        match item {
            Item::List(at) | Item::Tuple(at) => Some(&self.lists[*at]),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub(super) fn entries(&self, item: &Item) -> Option<&[(Item, Item)]> {
        match item {
            Item::Dict(at) => Some(&self.dicts[*at]),
            _ => None,
        }
    }

    /// The object with this number.
    pub(super) fn object(&self, at: usize) -> &Object {
        &self.objects[at]
    }
}

/// Functions and classes that a pickle may name, with what they make.
pub(super) const ALLOWED: &[(&str, Makes)] = &[
    ("torch._utils._rebuild_tensor_v2", Makes::Tensor),
    ("torch._utils._rebuild_tensor", Makes::Tensor),
    ("torch._utils._rebuild_parameter", Makes::First),
    ("torch._utils._rebuild_parameter_with_state", Makes::First),
    ("torch.nn.parameter.Parameter", Makes::First),
    ("torch.nn.parameter.Buffer", Makes::First),
    ("torch.jit._pickle.build_intlist", Makes::First),
    ("torch.jit._pickle.build_doublelist", Makes::First),
    ("torch.jit._pickle.build_boollist", Makes::First),
    ("torch.jit._pickle.build_tensorlist", Makes::First),
    ("torch.jit._pickle.restore_type_tag", Makes::First),
    ("torch.jit._pickle.build_tensor_from_id", Makes::Numbered),
    ("torch.Size", Makes::First),
    ("torch.device", Makes::First),
    ("torch.serialization._get_layout", Makes::First),
    ("collections.OrderedDict", Makes::Dict),
];

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Makes {
    Tensor,
    /// What it is given first.
    First,
    Numbered,
    Dict,
}

/// What classes of models are called in the pickles of TorchScript.
pub(super) const SCRIPT: &str = "__torch__.";

/// What a name stands for, if it is on the list.
pub(super) fn global(module: &str, name: &str) -> Result<Rc<str>, String> {
    let whole = format!("{module}.{name}");
    let is_type =
        module == "torch" && (storage_type(name).is_some() || element::of(name).is_some());
    let is_storage = whole == "torch.storage.UntypedStorage";
    let is_allowed = ALLOWED.iter().any(|(known, _)| *known == whole);
    if is_allowed || is_type || is_storage || whole.starts_with(SCRIPT) {
        return Ok(whole.into());
    }
    Err(format!(
        "its pickle calls `{whole}`, and code that a file names is not run: save the model with \
         torch.export.save, or its state_dict()"
    ))
}

pub(super) fn storage_type(name: &str) -> Option<Option<DType>> {
    Some(match name {
        "FloatStorage" => Some(DType::F32),
        "DoubleStorage" => Some(DType::F64),
        "HalfStorage" => Some(DType::F16),
        "BFloat16Storage" => Some(DType::BF16),
        "LongStorage" => Some(DType::I64),
        "IntStorage" => Some(DType::I32),
        "ShortStorage" => Some(DType::I16),
        "CharStorage" => Some(DType::I8),
        "ByteStorage" => Some(DType::U8),
        "BoolStorage" => Some(DType::Bool),
        "UntypedStorage" => None,
        _ => return None,
    })
}
