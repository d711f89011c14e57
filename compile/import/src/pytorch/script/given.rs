//! The shapes of inputs, which TorchScript does not hold: what the caller says, what a trace was
//! made with, or what the first operator that looks at an input takes.

use super::object::Source;
use super::run::Interpreter;
use crate::build::Operand;
use crate::error::Reason;
use crate::pytorch::export::symbol;
use crate::pytorch::ops::Argument;
use crate::pytorch::refusal;
use crate::pytorch::value::{Content, Slot, Value};
use std::rc::Rc;
use tensor::{DType, Dim};

/// What is assumed of shapes that nothing tells.
#[derive(Debug, Clone)]
pub(super) enum Assumption {
    /// Sizes of images are open.
    Open,
    /// Images are squares of this size.
    Square(i64),
    /// The sizes that a trace was made with, the first of each open or not.
    Traced { shapes: Vec<(DType, Vec<usize>)>, is_open: bool },
}

/// Sizes of images that models are made for, the usual ones first.
const SQUARES: [i64; 20] = [
    224, 299, 32, 28, 64, 96, 128, 256, 384, 512, 160, 192, 240, 260, 288, 300, 320, 380, 448, 480,
];

/// What is assumed, in the order in which it is tried.
pub(super) fn assumptions(source: &mut Source) -> Vec<Assumption> {
    if let Some(traced) = source.traced() {
        let shapes: Vec<_> = traced.iter().map(|t| (t.dtype, t.sizes.clone())).collect();
        return [true, false]
            .map(|is_open| Assumption::Traced { shapes: shapes.clone(), is_open })
            .to_vec();
    }
    [Assumption::Open].into_iter().chain(SQUARES.map(Assumption::Square)).collect()
}

/// An input of the model.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) slot: Rc<Slot>,
    /// Its value in the graph, once there is one.
    pub(super) id: Option<ir::ValueId>,
    /// Was its shape guessed?
    pub(super) is_guess: bool,
}

/// One size of an input, where it is not open.
type Sizes = Vec<Option<Dim>>;

impl Interpreter<'_> {
    /// A tensor that the model takes. Its shape is settled now where it is told, else by the first
    /// operator that looks at it.
    pub(super) fn input(&mut self, name: &str) -> Value {
        let slot = Slot::new(Content::Given(self.inputs.len()));
        let at = self.inputs.len();
        let input = Input { name: name.to_string(), slot: slot.clone(), id: None, is_guess: false };
        self.inputs.push(input);
        if let Some((Some(dtype), sizes)) = self.told(at) {
            self.settle(at, dtype, sizes);
        }
        Value::Tensor(slot)
    }

    /// What the caller or a trace says of an input. A caller says no type.
    fn told(&self, at: usize) -> Option<(Option<DType>, Sizes)> {
        let name = symbol(&self.inputs[at].name);
        let own = |symbol: &str| {
            let axis = symbol.strip_prefix(&name)?.strip_prefix('_')?;
            axis.parse::<usize>().ok().filter(|&axis| axis < RANK_MAX)
        };
        let rank = self.options.sizes.keys().filter_map(|symbol| own(symbol)).max();
        let traced = match self.assumption {
            Assumption::Traced { shapes, is_open } => shapes.get(at).map(|shape| (shape, is_open)),
            Assumption::Open | Assumption::Square(_) => None,
        };
        match (rank, traced) {
            (_, Some(((dtype, sizes), is_open))) => {
                // Of several inputs those with the same first size are a batch together.
                let first = self.first_size();
                let is_batch = |size: usize| *is_open && first.is_none_or(|first| first == size);
                let size = |(axis, &size): (usize, &usize)| {
                    (axis > 0 || !is_batch(size)).then(|| Dim::from(size))
                };
                Some((Some(*dtype), sizes.iter().enumerate().map(size).collect()))
            }
            (Some(rank), None) => Some((None, vec![None; rank + 1])),
            (None, None) => None,
        }
    }

    /// The first size of the first input of a trace.
    fn first_size(&self) -> Option<usize> {
        match self.assumption {
            Assumption::Traced { shapes, .. } => shapes.first()?.1.first().copied(),
            Assumption::Open | Assumption::Square(_) => None,
        }
    }

    /// Gives an input its place in the graph.
    fn settle(&mut self, at: usize, dtype: DType, sizes: Sizes) {
        let name = self.inputs[at].name.clone();
        let fixed = |symbol: &str| self.options.sizes.get(symbol).copied().map(Dim::from);
        let shape = sizes.into_iter().enumerate().map(|(axis, size)| {
            let numbered = format!("{}_{axis}", symbol(&name));
            let own = if axis == 0 { "batch".to_string() } else { numbered.clone() };
            let told = fixed(&own).or_else(|| fixed(&numbered));
            told.or(size).unwrap_or_else(|| Dim::symbol(&own))
        });
        let shape = shape.collect();
        let id = self.walk.build.graph.input(&name, dtype, shape);
        self.inputs[at].id = Some(id);
        self.inputs[at].slot.settle(Operand::Value(id));
    }

    /// Settles inputs among arguments by what the operator takes.
    pub(super) fn settle_all(&mut self, op: &str, args: &[Argument<'_>]) {
        for index in 0..args.len() {
            let Value::Tensor(slot) = &args[index].1 else { continue };
            let Content::Given(at) = slot.content() else { continue };
            let taken = self.taken(op, args, index);
            let told = self.told(at);
            let is_told = told.is_some();
            let (dtype, sizes) = match (told, taken.or_else(|| self.default_shape())) {
                (Some((_, sizes)), taken) => (taken.map_or(DType::F32, |(dtype, _)| dtype), sizes),
                (None, Some(found)) => found,
                (None, None) => {
                    let name = self.inputs[at].name.clone();
                    let text = "does not say its shape".to_string();
                    let refused = refusal::of_part("input", &name, Reason::Signature(text));
                    self.walk.refusals.push(refused);
                    (DType::F32, vec![None])
                }
            };
            self.inputs[at].is_guess = !is_told;
            self.settle(at, dtype, sizes);
        }
    }

    /// The known shape of an argument.
    fn shape_of(&self, args: &[Argument<'_>], index: usize) -> Option<Vec<Dim>> {
        match &args.get(index)?.1 {
            Value::Tensor(slot) => Some(self.walk.build.fact(&slot.operand().ok()?).shape),
            _ => None,
        }
    }

    /// The axes of an image or a series behind its channels.
    fn spatial(&self, axes: usize) -> Sizes {
        let size = match self.assumption {
            Assumption::Square(size) => Some(Dim::from(*size)),
            Assumption::Open | Assumption::Traced { .. } => None,
        };
        vec![size; axes]
    }

    fn channels_first(&self, channels: Dim, axes: usize) -> Sizes {
        [None, Some(channels)].into_iter().chain(self.spatial(axes)).collect()
    }

    /// The shape that an operator takes in a place, as its weights say it.
    fn taken(&self, op: &str, args: &[Argument<'_>], index: usize) -> Option<(DType, Sizes)> {
        let weights = self.shape_of(args, 1);
        let float = |sizes: Sizes| Some((DType::F32, sizes));
        match (op, index) {
            ("conv1d" | "conv2d" | "conv3d" | "_convolution" | "convolution", 0) => {
                let (weights, groups) = (weights?, if op.ends_with("convolution") { 8 } else { 6 });
                let groups = match args.get(groups) {
                    Some((_, Value::Int(groups))) => groups.clone(),
                    _ => Dim::from(1),
                };
                let channels = weights.get(1)?.clone() * groups;
                float(self.channels_first(channels, weights.len() - 2))
            }
            ("conv_transpose1d" | "conv_transpose2d" | "conv_transpose3d", 0) => {
                let weights = weights?;
                float(self.channels_first(weights.first()?.clone(), weights.len().checked_sub(2)?))
            }
            ("linear", 0) => float(vec![None, weights?.last().cloned()]),
            ("matmul" | "mm", 0) => float(vec![None, weights?.first().cloned()]),
            ("addmm", 1) => float(vec![None, self.shape_of(args, 2)?.first().cloned()]),
            ("embedding", 1) => Some((DType::I64, vec![None, None])),
            ("lstm" | "gru" | "rnn_tanh" | "rnn_relu", 0) => {
                let Value::List(params) = &args.get(2)?.1 else { return None };
                let params = params.borrow();
                let Value::Tensor(slot) = params.first()? else { return None };
                let width = self.walk.build.fact(&slot.operand().ok()?).shape.last().cloned();
                float(vec![None, None, width])
            }
            ("lstm_cell" | "gru_cell" | "rnn_tanh_cell" | "rnn_relu_cell", 0) => {
                float(vec![None, self.shape_of(args, 2)?.last().cloned()])
            }
            ("layer_norm", 0) => {
                let Value::List(shape) = &args.get(1)?.1 else { return None };
                let own = shape
                    .borrow()
                    .iter()
                    .map(|value| match value {
                        Value::Int(size) => Some(size.clone()),
                        _ => None,
                    })
                    .collect::<Vec<_>>();
                float([None, None].into_iter().chain(own).collect())
            }
            ("permute", 0) => {
                let Value::List(perm) = &args.get(1)?.1 else { return None };
                let (dtype, sizes) = self.default_shape()?;
                let perm = perm.borrow();
                let mut moved = vec![None; perm.len()];
                for (size, from) in sizes.into_iter().zip(perm.iter()) {
                    let Value::Int(from) = from else { return None };
                    let at = usize::try_from(from.known()?).ok()?;
                    *moved.get_mut(at)? = size;
                }
                Some((dtype, moved))
            }
            _ => None,
        }
    }

    /// The shape that the model's first weights take.
    fn default_shape(&self) -> Option<(DType, Sizes)> {
        let (class, weights) = self.first_weights()?;
        let last = class.rsplit('.').next().unwrap_or_default();
        if last == "Embedding" {
            return Some((DType::I64, vec![None, None]));
        }
        let width = Some(Dim::from(*weights.get(1)?));
        let sizes = match (last, weights.len()) {
            ("LSTM" | "GRU" | "RNN", _) => vec![None, None, width],
            (_, 2) => vec![None, width],
            _ => self.channels_first(Dim::from(weights[1]), weights.len() - 2),
        };
        Some((DType::F32, sizes))
    }
}

/// Axes that an input may have.
const RANK_MAX: usize = 8;
