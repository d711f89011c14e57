//! Sequences and values that may be absent.

use crate::call::{Call, Written};
use crate::messages::{flag, int, size};
use ir::{Graph, Op, ValueId};
use operators::Dynamic;
use operators::dynamic::{Optional, Sequence};
use tensor::DType;

pub(super) fn sequence(call: &mut Call<'_, '_>, sequence: Sequence) -> Written {
    match sequence {
        Sequence::Make if call.inputs.is_empty() => empty(call),
        Sequence::Make => call.same("SequenceConstruct", vec![]),
        Sequence::At => call.same("SequenceAt", vec![]),
        Sequence::Insert => call.same("SequenceInsert", vec![]),
        Sequence::Erase => call.same("SequenceErase", vec![]),
        Sequence::Length => call.same("SequenceLength", vec![]),
        Sequence::Concat { axis, is_new } => {
            call.same("ConcatFromSequence", vec![size("axis", axis), flag("new_axis", is_new)])
        }
        Sequence::Split { axis, keepdims } => {
            call.same("SplitToSequence", vec![size("axis", axis), flag("keepdims", keepdims)])
        }
    }
}

/// An empty sequence has a type, which the graph does not know: that of what is put into it.
fn empty(call: &mut Call<'_, '_>) -> Written {
    let dtype = inserted(call.graph, call.node.output).unwrap_or(DType::F32);
    let dtype = call.element(dtype);
    call.last("SequenceEmpty", &[], vec![int("dtype", dtype)])
}

/// The type of the tensors that are put into a sequence, here or in the graphs of nodes.
fn inserted(graph: &Graph, sequence: ValueId) -> Option<DType> {
    graph.nodes.iter().find_map(|node| {
        let at = node.inputs.iter().position(|&input| input == sequence)?;
        match &node.op {
            Op::Dynamic(p) if p.operator == Dynamic::Sequence(Sequence::Insert) => {
                let dtype = graph.value(*node.inputs.get(1)?).dtype;
                (dtype != DType::Object).then_some(dtype)
            }
            Op::If { .. } | Op::Loop(_) => node.bodies.iter().find_map(|body| {
                let from_end = node.inputs.len() - at;
                inserted(body, body.inputs[body.inputs.len().checked_sub(from_end)?])
            }),
            _ => None,
        }
    })
}

pub(super) fn optional(call: &mut Call<'_, '_>, optional: Optional) -> Written {
    match optional {
        Optional::Make if call.inputs.is_empty() => {
            Err(call.refuse("nothing is known of a value that is never there"))
        }
        Optional::Make => call.same("Optional", vec![]),
        Optional::Has => call.same("OptionalHasElement", vec![]),
        Optional::Get => call.same("OptionalGetElement", vec![]),
    }
}
