//! Loops, and what is expressed by them.

use super::{Body, Control, refused};
use crate::build::{Kind, Operand, Rank, Sizes, State};
use crate::error::Reason;
use crate::onnx::call;
use crate::onnx::decode::GraphProto;
use crate::onnx::walk::{Made, Walk};
use ir::{Fact, Loop, Op, SliceAxis, ValueId};
use operators::dynamic::Sequence;
use operators::dynamic::control::Iteration;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Tensor};

/// How often a body is imported anew because sizes of its states turn out to differ from one
/// iteration to the next. Each time at least one more size is taken as unknown.
const ATTEMPTS_MAX: usize = 8;

/// A loop that is being imported.
struct Repeat {
    trip_count: Option<Operand>,
    condition: Option<Operand>,
    states: Vec<Operand>,
    /// How many iterations there are, when nothing but the trip count ends the loop.
    length: Option<Dim>,
}

impl Repeat {
    /// What the loop makes. `body` is given the iteration and the states and makes the condition,
    /// states and scanned values; `None` when they cannot be judged.
    fn import(
        self,
        walk: &mut Walk<'_>,
        name: &str,
        body: impl Fn(&mut Walk<'_>, &Operand, &Operand, &[Operand]) -> Made,
    ) -> Made {
        let since = walk.build.measured();
        let mut states: Vec<State> =
            self.states.iter().map(|state| State::of(&walk.build, state)).collect();
        for _ in 0..ATTEMPTS_MAX {
            let mark = walk.mark();
            let inside = walk.inside(name, |walk| {
                let iteration = walk.build.graph.input("iteration", DType::I64, vec![]);
                let goes_on = walk.build.graph.input("condition", DType::Bool, vec![]);
                let mut given = Vec::with_capacity(states.len());
                for state in &states {
                    let Fact { dtype, shape } = state.fact(&mut walk.build);
                    let id = walk.build.graph.input("state", dtype, shape);
                    walk.build.note_kind(id, state.kind.clone());
                    given.push(Operand::Value(id));
                }
                body(walk, &Operand::Value(iteration), &Operand::Value(goes_on), &given)
            })?;
            let Some(inside) = inside else { return Ok(None) };
            let joined = joined(&states, &inside)?;
            if joined == states {
                return self.emit(walk, inside, &states, since).map(Some);
            }
            walk.forget(mark);
            states = joined;
        }
        Err(refused("states whose kinds settle", format!("others after {ATTEMPTS_MAX} attempts")))
    }

    /// The node for a body that fits.
    fn emit(
        self,
        walk: &mut Walk<'_>,
        inside: Body,
        states: &[State],
        since: usize,
    ) -> Result<Vec<Operand>, Reason> {
        let mut made: Vec<Fact> = states.iter().map(|state| state.fact(&mut walk.build)).collect();
        let mut kinds: Vec<Kind> = states.iter().map(|state| state.kind.clone()).collect();
        for (fact, kind) in inside.facts().into_iter().zip(&inside.kinds).skip(1 + states.len()) {
            if !fact.dtype.is_dense() {
                return Err(refused("scanned tensors of numbers", format!("{kind:?}")));
            }
            let first = self.length.clone().unwrap_or_else(|| walk.build.fresh());
            let size =
                |size: Dim| if walk.build.is_new(&size, since) { walk.build.fresh() } else { size };
            let inner: Vec<Dim> = fact.shape.into_iter().map(size).collect();
            let shape = std::iter::once(first).chain(inner).collect();
            let fact = Fact { dtype: fact.dtype, shape };
            kinds.push(Kind::of(&fact));
            made.push(fact);
        }
        if made.is_empty() {
            return Err(refused("a body that makes something", "nothing"));
        }
        let iteration = Iteration {
            has_trip_count: self.trip_count.is_some(),
            has_condition: self.condition.is_some(),
            states: states.len(),
        };
        let own = self.trip_count.iter().chain(&self.condition).chain(&self.states);
        let inputs = own.map(|operand| walk.build.materialize(operand));
        let mut inputs: Vec<ValueId> = inputs.collect::<Result<_, _>>()?;
        inputs.extend(&inside.captured);
        walk.build.run(Op::Loop(Loop { iteration, made }), &inputs, vec![inside.graph], kinds)
    }
}

/// The states as they are in all iterations.
fn joined(states: &[State], inside: &Body) -> Result<Vec<State>, Reason> {
    let facts = inside.facts();
    if facts.len() < 1 + states.len() {
        let expected = format!("a condition and {} states", states.len());
        return Err(refused(expected, format!("{} values", facts.len())));
    }
    let made = facts[1..].iter().zip(&inside.kinds[1..]);
    states.iter().zip(made).map(|(state, (fact, kind))| state.join(fact, kind)).collect()
}

/// Gives the inputs of a graph their operands.
fn define(walk: &mut Walk<'_>, graph: &GraphProto, given: Vec<Operand>) -> Result<(), Reason> {
    if graph.input.len() != given.len() {
        let found = format!("{} inputs", graph.input.len());
        return Err(refused(format!("a body of {} inputs", given.len()), found));
    }
    let names = graph.input.iter().map(|input| input.name.as_str());
    names.zip(given).for_each(|(name, operand)| walk.define(name, operand));
    Ok(())
}

/// ONNX Loop-1,11,13,16,19,21,23,24,25. Refused: states whose rank changes from one iteration to
/// the next, and scanned values that are no tensors of numbers.
pub(super) fn iterate(walk: &mut Walk<'_>, control: &Control<'_>) -> Made {
    let graph = control.graph("body")?;
    let states: Option<Vec<Operand>> = control.inputs.iter().skip(2).cloned().collect();
    let states = states.ok_or_else(|| refused("states", "one that is left out"))?;
    let given = |index: usize| control.inputs.get(index).cloned().flatten();
    let trip_count = match given(0) {
        Some(count) => {
            let count = walk.build.cast(&count, DType::I64)?;
            Some(walk.build.reshape(&count, vec![])?)
        }
        None => None,
    };
    let condition = match given(1) {
        Some(condition) => Some(walk.build.reshape(&condition, vec![])?),
        None => None,
    };
    let repeat = Repeat { trip_count, condition, states, length: None };
    repeat.import(walk, &graph.name, |walk, iteration, goes_on, states| {
        let own = [iteration.clone(), goes_on.clone()];
        define(walk, graph, own.into_iter().chain(states.iter().cloned()).collect())?;
        walk.graph(graph)
    })
}

/// One tensor that a scan takes or makes.
struct Scanned {
    axis: usize,
    is_backward: bool,
}

/// Axis and direction of each of `ranks.len()` tensors.
fn scanned(
    control: &Control<'_>,
    axes: &str,
    directions: &str,
    ranks: &[usize],
) -> Result<Vec<Scanned>, Reason> {
    let (axes, directions) = (control.ints(axes), control.ints(directions));
    let each = ranks.iter().enumerate().map(|(i, &rank)| {
        let named = axes.get(i).copied().unwrap_or(0);
        let axis = call::axis(named, rank);
        let axis = axis.ok_or_else(|| refused(format!("an axis of {rank}"), named))?;
        Ok(Scanned { axis, is_backward: directions.get(i).is_some_and(|&d| d != 0) })
    });
    each.collect()
}

/// ONNX Scan-9,11,16,19,21,23,24,25, as a loop over slices. Refused: Scan-8, which has a batch
/// axis.
pub(super) fn scan(walk: &mut Walk<'_>, control: &Control<'_>) -> Made {
    if control.opset < 9 {
        return Err(refused("a scan of operator set 9 or newer", control.opset));
    }
    let graph = control.graph("body")?;
    let attribute = control.node.attribute.iter().find(|a| a.name == "num_scan_inputs");
    let count = attribute.and_then(|a| usize::try_from(a.i).ok()).unwrap_or(0);
    let all: Option<Vec<Operand>> = control.inputs.iter().cloned().collect();
    let all = all.ok_or_else(|| refused("inputs", "one that is left out"))?;
    let Some(states) = all.len().checked_sub(count).filter(|_| count > 0) else {
        return Err(refused("inputs to scan", count));
    };
    let (states, sources) = all.split_at(states);
    let ranks: Vec<usize> = sources.iter().map(|x| walk.build.fact(x).rank()).collect();
    let taken = scanned(control, "scan_input_axes", "scan_input_directions", &ranks)?;
    let length = walk.build.fact(&sources[0]).shape[taken[0].axis].clone();
    for (source, scanned) in sources.iter().zip(&taken) {
        let own = &walk.build.fact(source).shape[scanned.axis];
        if (own.clone() - length.clone()).known().is_some_and(|differ| differ != 0) {
            return Err(refused(format!("inputs of {length} slices"), own));
        }
    }
    let size = walk.build.sizes(Sizes::scalar(length.clone()));
    let repeat = Repeat {
        trip_count: Some(size.clone()),
        condition: None,
        states: states.to_vec(),
        length: Some(length.clone()),
    };
    let made = repeat.import(walk, &graph.name, |walk, iteration, _, states| {
        let mut given = states.to_vec();
        for (source, scanned) in sources.iter().zip(&taken) {
            let index = if scanned.is_backward {
                let one = Operand::constant("one", Tensor::scalar(1i64));
                let last = walk.build.binary(Binary::Sub, &size.detached(), &one)?;
                walk.build.binary(Binary::Sub, &last, iteration)?
            } else {
                iteration.clone()
            };
            let source = walk.capture(source);
            given.push(walk.build.emit(Op::Gather { axis: scanned.axis }, &[&source, &index])?);
        }
        define(walk, graph, given)?;
        let running = Tensor::from_bytes(DType::Bool, &[], &[1]);
        let running = running.map_err(|error| Reason::Evaluation(error.to_string()))?;
        let made = walk.graph(graph)?;
        Ok(made.map(|mut made| {
            made.insert(0, Operand::constant("condition", running));
            made
        }))
    })?;
    let Some(mut made) = made else { return Ok(None) };
    let ranks: Vec<usize> =
        made[states.len()..].iter().map(|x| walk.build.fact(x).rank()).collect();
    let given = scanned(control, "scan_output_axes", "scan_output_directions", &ranks)?;
    for (x, scanned) in made[states.len()..].iter_mut().zip(given) {
        if scanned.is_backward {
            let start = length.clone() - Dim::from(1);
            let cut = SliceAxis { axis: 0, start, len: length.clone(), step: -1 };
            *x = walk.build.emit(Op::Slice { axes: vec![cut] }, &[x])?;
        }
        let rank = walk.build.fact(x).rank();
        let mut perm: Vec<usize> = (1..rank).collect();
        perm.insert(scanned.axis, 0);
        *x = walk.build.transpose(x, perm)?;
    }
    Ok(Some(made))
}

/// ONNX SequenceMap-17, as a loop over the first sequence.
pub(super) fn map(walk: &mut Walk<'_>, control: &Control<'_>) -> Made {
    let graph = control.graph("body")?;
    let sources: Option<Vec<Operand>> = control.inputs.iter().cloned().collect();
    let sources = sources.ok_or_else(|| refused("inputs", "one that is left out"))?;
    let first = control.input(0)?;
    // What an iteration makes of its slices, before it is put into sequences.
    let once = |walk: &mut Walk<'_>, iteration: &Operand| -> Made {
        let mut given = Vec::with_capacity(sources.len());
        for source in &sources {
            let inner = walk.capture(source);
            given.push(match walk.build.kind(&inner) {
                Kind::Sequence(element) => {
                    walk.build.object(Sequence::At, &[&inner, iteration], *element)?
                }
                Kind::Tensor { .. } | Kind::Optional(_) => inner,
            });
        }
        define(walk, graph, given)?;
        walk.graph(graph)
    };
    // Imported once to learn of what kinds the sequences are.
    let mark = walk.mark();
    let probe = walk.inside(&graph.name, |walk| {
        let iteration = walk.build.graph.input("iteration", DType::I64, vec![]);
        once(walk, &Operand::Value(iteration))
    })?;
    let Some(probe) = probe else { return Ok(None) };
    walk.forget(mark);
    let length = Kind::Tensor { dtype: DType::I64, rank: Rank::Is(0) };
    let trip_count = walk.build.object(Sequence::Length, &[&first], length)?;
    let mut states = Vec::with_capacity(probe.kinds.len());
    for kind in probe.kinds {
        let kind = Kind::Sequence(Box::new(kind));
        states.push(walk.build.object(Sequence::Make, &[], kind)?);
    }
    let repeat = Repeat { trip_count: Some(trip_count), condition: None, states, length: None };
    repeat.import(walk, &graph.name, |walk, iteration, goes_on, states| {
        let Some(made) = once(walk, iteration)? else { return Ok(None) };
        let mut outputs = vec![goes_on.clone()];
        for (state, one) in states.iter().zip(&made) {
            let kind = walk.build.kind(state);
            outputs.push(walk.build.object(Sequence::Insert, &[state, one], kind)?);
        }
        Ok(Some(outputs))
    })
}
