//! From graph to plan: physical layouts, fusion of what follows a product into its epilogue,
//! packing of weights, and one step for each computation that is left.
//!
//! Images are channels-last (`[N, H, W, C]`) wherever an operator gains from it; a value is
//! brought into the other order only when something asks for it, and at most once.
//!
//! ```
//! use ir::{Graph, Op};
//! use tensor::{DType, Dim, Tensor, scalar::Unary};
//! let mut graph = Graph::new("tiny");
//! let x = graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(2)]);
//! let w = graph.constant("w", Tensor::from_slice(&[2, 3], &[1.0f32; 6]).unwrap());
//! let y = graph.add("product", Op::MatMul, &[x, w]).unwrap();
//! let z = graph.add("act", Op::Unary(Unary::Relu), &[y]).unwrap();
//! graph.output("z", z);
//! let lowered = lower::lower(&graph).unwrap();
//! assert_eq!(lowered.plan.steps.len(), 1, "the activation is part of the product");
//! ```
#![forbid(unsafe_code)]

mod attention;
mod builder;
mod chain;
mod conv;
mod defaults;
mod elementwise;
mod forms;
mod fuse;
mod halves;
mod integers;
mod layout;
mod matmul;
mod movement;
mod norm;
mod pool;
mod quantize;
mod reduce;
mod resize;
mod staged;
mod sums;
mod trees;
mod weights;
mod whole;
mod winograd;

pub use chain::CHAIN_ARROW;
pub use defaults::sizes as default_sizes;
pub use forms::{Chains, ConvolutionForm, Forms};

use ir::{Graph, Node, Op, ValueId};
use plan::{Plan, Port, Precision, Signature};
use std::collections::BTreeMap;
use tensor::{AlignedBytes, Bindings, DType, Dim};

/// A plan and the constants that its buffers lie in.
#[derive(Debug)]
pub struct Lowered {
    /// What to do.
    pub plan: Plan,
    /// Packed weights and other constants; each begins at a multiple of [`plan::ALIGNMENT`].
    pub constants: AlignedBytes,
}

/// Why a graph has no plan yet: every node that cannot be lowered, in the order of the graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct LowerError(pub Vec<Refusal>);

/// A node that the engine has no kernel for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node `{node}` ({op}): {reason}")]
pub struct Refusal {
    /// The node of the model.
    pub node: String,
    /// Its operator.
    pub op: &'static str,
    /// What there is no kernel for.
    pub reason: String,
}

/// What is asked of a plan beside the graph's answers.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What products with constant weights, and those of attention, are computed in.
    pub precision: Precision,
    /// Which of several forms steps take.
    pub forms: Forms,
}

/// Makes a plan of a verified graph.
pub fn lower(graph: &Graph) -> Result<Lowered, LowerError> {
    lower_with(graph, &Options::default())
}

/// Makes a plan of a verified graph with other choices than the default ones.
pub fn lower_with(graph: &Graph, options: &Options) -> Result<Lowered, LowerError> {
    let signature = signature(graph);
    let mut lowering = Lowering::new(graph, defaults::sizes(&signature), options);
    lowering.find_attention();
    let mut refused = Vec::new();
    for index in 0..graph.nodes.len() {
        if !lowering.is_fused[index]
            && let Err(refusals) = lowering.node(index)
        {
            refused.extend(refusals);
            // There will be no plan, but what takes this value is looked at too.
            for id in graph.nodes[index].outputs() {
                lowering.make(id, layout::Layout::Plain);
            }
        }
    }
    if !refused.is_empty() {
        return Err(LowerError(refused));
    }
    let outputs = graph.outputs.iter().map(|o| lowering.output_buffer(o.value)).collect();
    let defaults = lowering.defaults;
    let (buffers, steps, constants) = lowering.builder.finish();
    let mut plan = Plan { name: graph.name.clone(), buffers, steps, signature, outputs, defaults };
    if options.precision == Precision::Bf16 {
        halves::narrow(&mut plan);
    }
    chain::fuse(&mut plan, &options.forms);
    Ok(Lowered { plan, constants })
}

/// What a graph takes and gives.
pub fn signature(graph: &Graph) -> Signature {
    let port = |name: &str, id: ValueId| {
        let ir::Fact { dtype, shape } = graph.fact(id);
        Port { name: name.to_string(), dtype, shape }
    };
    Signature {
        inputs: graph.inputs.iter().map(|&id| port(&graph.value(id).name, id)).collect(),
        outputs: graph.outputs.iter().map(|o| port(&o.name, o.value)).collect(),
    }
}

/// The state of one lowering.
struct Lowering<'g> {
    graph: &'g Graph,
    options: &'g Options,
    builder: builder::Builder,
    /// What each symbol is likely to be: choices between forms of a step go by it.
    defaults: Bindings,
    /// Where each value is, by [`ValueId`].
    forms: Vec<layout::Forms>,
    /// How many nodes and outputs take each value, by [`ValueId`].
    uses: Vec<usize>,
    /// For each value, the node that makes it.
    producer: Vec<Option<usize>>,
    /// For each value, the node that takes it last.
    consumer: Vec<Option<usize>>,
    /// Is the node part of another one's step?
    is_fused: Vec<bool>,
    /// What is found of attention, by the node of its last product.
    attention: BTreeMap<usize, attention::Found>,
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, defaults: Bindings, options: &'g Options) -> Lowering<'g> {
        let mut consumer = vec![None; graph.values.len()];
        let mut producer = vec![None; graph.values.len()];
        for (index, node) in graph.nodes.iter().enumerate() {
            for id in node.outputs() {
                producer[id.0 as usize] = Some(index);
            }
            for id in &node.inputs {
                consumer[id.0 as usize] = Some(index);
            }
        }
        let mut builder = builder::Builder::with_room(constant_room(graph));
        let mut forms = vec![layout::Forms::default(); graph.values.len()];
        for (index, &id) in graph.inputs.iter().enumerate() {
            let ir::Fact { dtype, shape } = graph.fact(id);
            forms[id.0 as usize].plain = Some(builder.input(index, dtype, shape));
        }
        let is_fused = vec![false; graph.nodes.len()];
        let uses = graph.use_counts();
        let attention = BTreeMap::new();
        Lowering {
            graph,
            options,
            builder,
            defaults,
            forms,
            uses,
            producer,
            consumer,
            is_fused,
            attention,
        }
    }

    fn node(&mut self, index: usize) -> Result<(), Vec<Refusal>> {
        let node = &self.graph.nodes[index];
        if node.op.is_staged() {
            return self.staged(node);
        }
        self.single(index).map_err(|refusal| vec![refusal])
    }

    /// A node that runs within a stage.
    fn single(&mut self, index: usize) -> Result<(), Refusal> {
        let node = &self.graph.nodes[index];
        match &node.op {
            Op::Unary(function) => self.unary(node, *function),
            Op::Binary(function) => self.binary(node, *function),
            Op::Select => self.select(node),
            Op::Cast(_) => self.cast(node),
            Op::Quantize { axis, .. } => {
                self.quantize(node, *axis);
                Ok(())
            }
            // When somebody asks for the numbers, if ever.
            Op::Dequantize { .. } => Ok(()),
            Op::Conv(conv) => self.conv(index, conv),
            Op::MatMul => self.mat_mul(index),
            Op::Pool(pool) => self.pool(node, pool),
            Op::Reduce { reduction, axes, keepdims } => {
                self.reduce(node, *reduction, axes, *keepdims)
            }
            Op::Arg(arg) => self.arg(node, arg),
            Op::Softmax { axis } => self.softmax(node, *axis, false),
            Op::LogSoftmax { axis } => self.softmax(node, *axis, true),
            Op::LayerNorm { axis, epsilon } => self.layer_norm(node, *axis, *epsilon),
            Op::LocalResponseNorm { size, alpha, beta, bias } => {
                self.local_response_norm(node, *size, *alpha, *beta, *bias)
            }
            Op::Reshape { .. } => self.reshape(node),
            Op::Transpose { perm } => self.transpose(node, perm),
            Op::Slice { axes } => self.slice(node, axes),
            Op::Concat { axis } => self.concat(node, *axis),
            Op::Expand { shape } => self.expand(node, shape),
            Op::Gather { axis } => self.gather(node, *axis),
            Op::Pad { before, after, mode } => self.pad(node, before, after, *mode),
            Op::Dimensions(dims) => self.dimensions(node, dims),
            Op::TreeEnsemble { reduction } => {
                self.tree_ensemble(node, *reduction);
                Ok(())
            }
            Op::Whole(operator) => self.operator(node, operator),
            Op::Dynamic(_) | Op::If { .. } | Op::Loop(_) => {
                Err(refuse(node, "it does not run within a stage"))
            }
        }
    }

    fn dtype(&self, id: ValueId) -> DType {
        self.graph.value(id).dtype
    }

    fn shape(&self, id: ValueId) -> &'g [Dim] {
        &self.graph.value(id).shape
    }
}

/// Bytes that the constants of a plan take, about: those of the graph, in whole panels, and kernels
/// of 3x3 taps transformed, for the smaller tiles of which most are.
fn constant_room(graph: &Graph) -> usize {
    let room = |value: &ir::Value| {
        let constant = value.constant.as_ref()?;
        let factor = if constant.shape().ends_with(&[3, 3]) { 2 } else { 1 };
        let bytes = constant.bytes().len();
        Some((bytes + bytes / 16).saturating_mul(factor).saturating_add(tensor::ALIGNMENT))
    };
    graph.values.iter().filter_map(room).fold(0, usize::saturating_add)
}

/// Refusals in the message; the rest is counted. Every one is in the error's data.
const LISTED_MAX: usize = 20;

fn list(refusals: &[Refusal]) -> String {
    let nodes = if refusals.len() == 1 { "node" } else { "nodes" };
    let mut text = format!("{} {nodes} cannot be computed by the engine:", refusals.len());
    for refusal in refusals.iter().take(LISTED_MAX) {
        text += &format!("\n  {refusal}");
    }
    if refusals.len() > LISTED_MAX {
        text += &format!("\n  and {} more", refusals.len() - LISTED_MAX);
    }
    text
}

/// The refusal of a node.
fn refuse(node: &Node, reason: impl Into<String>) -> Refusal {
    Refusal { node: node.name.clone(), op: node.op.name(), reason: reason.into() }
}

/// Refuses a node whose elements the kernels do not compute with: floats of 16 bits, which the pass
/// `widen_halves` makes floats of 32.
fn require_number(node: &Node, dtype: DType) -> Result<(), Refusal> {
    if dtype == DType::F32 || kernels::is_number(dtype) {
        return Ok(());
    }
    Err(refuse(node, format!("no kernel for {dtype} elements")))
}
