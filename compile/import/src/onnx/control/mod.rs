//! Operators that run graphs: If, Loop, and what is expressed by a Loop.

mod levels;
mod repeat;

use super::decode::{GraphProto, NodeProto};
use super::ops::{Row, control};
use super::walk::{Made, Walk};
use crate::build::{Kind, Operand};
use crate::error::Reason;
use ir::{Fact, Graph, Op, ValueId};
use operators::require::Require;
use tensor::{DType, Dim};

pub(super) use levels::Level;

pub(super) const OPS: &[Row] = &[
    control("If", &["else_branch", "then_branch"], branch),
    control("Loop", &["body"], repeat::iterate),
    control(
        "Scan",
        &[
            "body",
            "num_scan_inputs",
            "scan_input_axes",
            "scan_input_directions",
            "scan_output_axes",
            "scan_output_directions",
        ],
        repeat::scan,
    ),
    control("SequenceMap", &["body"], repeat::map),
];

/// A node that runs graphs, its inputs resolved.
pub(super) struct Control<'n> {
    pub(super) node: &'n NodeProto,
    pub(super) opset: i64,
    pub(super) inputs: Vec<Option<Operand>>,
}

impl<'n> Control<'n> {
    fn input(&self, index: usize) -> Result<Operand, Reason> {
        let given = self.inputs.get(index).cloned().flatten();
        let (expected, found) = ("a value".to_string(), "nothing".to_string());
        given.ok_or(Reason::Input { input: index, expected, found })
    }

    /// An attribute that is a graph.
    fn graph(&self, name: &str) -> Result<&'n GraphProto, Reason> {
        let attribute = self.node.attribute.iter().find(|a| a.name == name);
        let graph = attribute.and_then(|a| a.g.as_deref());
        graph.ok_or_else(|| Reason::Attribute {
            name: name.to_string(),
            expected: "a graph".to_string(),
            found: "nothing".to_string(),
        })
    }

    /// An attribute that is a graph, which may be left out.
    pub(super) fn optional_graph(&self, name: &str) -> Result<Option<&'n GraphProto>, Reason> {
        let is_there = self.node.attribute.iter().any(|a| a.name == name);
        if is_there { self.graph(name).map(Some) } else { Ok(None) }
    }

    /// An attribute that is a list of integers, which may be left out.
    fn ints(&self, name: &str) -> &'n [i64] {
        let attribute = self.node.attribute.iter().find(|a| a.name == name);
        attribute.map_or(&[], |a| &a.ints)
    }
}

/// A graph inside a node, as it was imported.
struct Body {
    graph: Graph,
    /// Of its outputs.
    kinds: Vec<Kind>,
    /// Values of the graph around it that its last inputs are.
    captured: Vec<ValueId>,
}

impl Body {
    fn facts(&self) -> Vec<Fact> {
        self.graph.outputs.iter().map(|output| self.graph.fact(output.value)).collect()
    }

    /// Gives the body the captured values of `all` as its last inputs, in that order.
    fn capture_all(&mut self, all: &[ValueId], outer: &Graph) {
        let own = self.graph.inputs.len() - self.captured.len();
        let captured = self.graph.inputs.split_off(own);
        for id in all {
            let known = self.captured.iter().position(|own| own == id);
            match known {
                Some(at) => self.graph.inputs.push(captured[at]),
                None => {
                    let Fact { dtype, shape } = outer.fact(*id);
                    self.graph.input(&outer.value(*id).name, dtype, shape);
                }
            }
        }
    }
}

/// The mistake of a graph inside a node.
fn refused(expected: impl ToString, found: impl ToString) -> Reason {
    Reason::Body { expected: expected.to_string(), found: found.to_string() }
}

/// ONNX If-1,11,13,16,19,21,23,24,25. A branch that is known to be taken stands in place of the
/// node. So does the first one where branches make tensors of different ranks by whether two sizes
/// are equal, as exporters write `squeeze`; sizes that are not equal are then an error of the run.
/// Refused: branches that make tensors of different ranks by anything else.
fn branch(walk: &mut Walk<'_>, control: &Control<'_>) -> Made {
    let condition = control.input(0)?;
    let (then, otherwise) = (control.graph("then_branch")?, control.graph("else_branch")?);
    if let Some(known) = condition.known().filter(|known| known.dtype() == DType::Bool) {
        let is_true = known.bytes().first().is_some_and(|&b| b != 0);
        return walk.inline(if is_true { then } else { otherwise });
    }
    let (since, mark) = (walk.build.measured(), walk.mark());
    let mut bodies = Vec::with_capacity(2);
    for graph in [then, otherwise] {
        match walk.inside(&graph.name, |walk| walk.graph(graph))? {
            Some(body) => bodies.push(body),
            None => return Ok(None),
        }
    }
    let [a, b] = [&bodies[0], &bodies[1]];
    if a.kinds.len() != b.kinds.len() || a.kinds.is_empty() {
        return Err(refused(
            "branches that make as many values",
            format!("{} and {}", a.kinds.len(), b.kinds.len()),
        ));
    }
    let ranks = |body: &Body| body.facts().iter().map(Fact::rank).collect::<Vec<_>>();
    if ranks(a) != ranks(b)
        && let Some((size, expected)) = walk.build.size_equality(&condition)
    {
        walk.forget(mark);
        let name = walk.build.node.clone();
        let made = walk.inline(then)?;
        walk.build.node = name;
        let Some(made) = made else { return Ok(None) };
        let require = Op::Whole(Require { size, expected, is_equal: true }.into());
        let made = made.iter().map(|x| walk.build.emit(require.clone(), &[x]));
        return made.collect::<Result<_, _>>().map(Some);
    }
    let (mut made, mut kinds) = (Vec::new(), Vec::new());
    let pairs = a.facts().into_iter().zip(b.facts()).zip(a.kinds.iter().zip(&b.kinds));
    for ((a, b), (kind, other)) in pairs {
        let differ = || refused(format!("{kind:?} of both branches"), format!("{other:?}"));
        let kind = kind
            .join(other)
            .filter(|_| a.rank() == b.rank() && a.dtype == b.dtype)
            .ok_or_else(differ)?;
        let size = |(a, b): (Dim, Dim)| {
            if a == b && !walk.build.is_new(&a, since) { a } else { walk.build.fresh() }
        };
        let shape = a.shape.into_iter().zip(b.shape).map(size).collect();
        made.push(Fact { dtype: a.dtype, shape });
        kinds.push(kind);
    }
    let mut all: Vec<ValueId> = bodies.iter().flat_map(|body| body.captured.clone()).collect();
    all.sort_unstable();
    all.dedup();
    bodies.iter_mut().for_each(|body| body.capture_all(&all, &walk.build.graph));
    let bodies = bodies.into_iter().map(|body| body.graph).collect();
    let condition = walk.build.materialize(&condition)?;
    let inputs: Vec<ValueId> = std::iter::once(condition).chain(all).collect();
    let made = walk.build.run(Op::If { made }, &inputs, bodies, kinds)?;
    Ok(Some(made))
}
