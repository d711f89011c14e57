//! Graphs inside of nodes.

use crate::call::{Call, Written};
use crate::messages::graph;
use operators::dynamic::control::Iteration;

/// `(condition, captured…)`: the branches take what they need by its name.
pub(super) fn branch(call: &mut Call<'_, '_>) -> Written {
    let captured = call.inputs.split_off(1);
    let [then, otherwise] = call.node.bodies.as_slice() else {
        return Err(call.refuse("it has not two graphs"));
    };
    let then = call.writer.body(then, &captured)?;
    let otherwise = call.writer.body(otherwise, &captured)?;
    call.writer.node.clone_from(&call.node.name);
    call.same("If", vec![graph("then_branch", then), graph("else_branch", otherwise)])
}

/// `([trip count], [condition], state…, captured…)`
pub(super) fn repeat(call: &mut Call<'_, '_>, iteration: Iteration) -> Written {
    let [body] = call.node.bodies.as_slice() else {
        return Err(call.refuse("it has not one graph"));
    };
    let captured = call.inputs.split_off(iteration.own_inputs() + iteration.states);
    let states = call.inputs.split_off(iteration.own_inputs());
    let mut own = std::mem::take(&mut call.inputs).into_iter();
    let mut given = |is_given: bool| if is_given { own.next() } else { None }.unwrap_or_default();
    let trip_count = given(iteration.has_trip_count);
    let condition = given(iteration.has_condition);
    call.inputs = [vec![trip_count, condition], states].concat();
    let body = call.writer.body(body, &captured)?;
    call.writer.node.clone_from(&call.node.name);
    call.same("Loop", vec![graph("body", body)])
}
