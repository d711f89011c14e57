//! Loops: a function that is run again and again while another one says so.

use super::call::{Call, Flow, List};
use super::counters::{Role, refused, role, trips};
use super::graph::called;
use super::inside::{Given, given, inside, materialized};
use super::ops::unnamed;
use super::walk::Walk;
use crate::build::{Kind, Operand, Rank, State};
use crate::decompose::arithmetic::{slice, with};
use crate::error::Reason;
use ir::{Fact, Loop, Op, ValueId};
use operators::dynamic::Sequence;
use operators::dynamic::control::Iteration;
use std::rc::Rc;
use tensor::scalar::Binary;
use tensor::{DType, Dim};

/// How often a body is imported anew because sizes of its states turn out to differ from one
/// iteration to the next. Each time at least one more size is taken as unknown.
const ATTEMPTS_MAX: usize = 8;

/// A loop that is being imported.
struct Repeat<'n> {
    condition: &'n str,
    body: &'n str,
    args: Vec<Flow>,
    roles: Vec<Role>,
    /// The number of iterations as sizes, and as what the graph makes of it.
    trips: Option<(Option<Dim>, Operand)>,
}

/// `(state…)`: `while condition(state…) { state… = body(state…) }`.
pub(super) fn repeat(call: &mut Call<'_, '_>) -> Result<Option<Vec<Flow>>, Reason> {
    let condition = called(call.node, "cond").ok_or_else(|| unnamed(call, "cond"))?;
    let body = called(call.node, "body").ok_or_else(|| unnamed(call, "body"))?;
    let args = call.inputs.clone();
    let walk = &mut *call.walk;
    let undefined = |name: &str| Reason::Undefined(name.to_string());
    let model = walk.model;
    let scope = model.functions.get(body).ok_or_else(|| undefined(body))?;
    let tests = model.functions.get(condition).ok_or_else(|| undefined(condition))?;
    let roles: Vec<Role> = args
        .iter()
        .enumerate()
        .map(|(at, flow)| role(scope, at, flow))
        .collect::<Result<_, _>>()?;
    let trips = trips(walk, tests, &args, &roles)?;
    // A counter counts iterations only where nothing else ends the loop.
    Repeat { condition, body, args, roles, trips }.import(walk)
}

/// What an iteration makes.
struct Iterated {
    states: Vec<(Fact, Kind)>,
    /// What fills the places of lists, of numbers, and whether it is only the last that counts.
    filled: Vec<(Fact, bool)>,
    /// Axes of what fills the places of lists of text.
    ranks: Vec<usize>,
}

impl Repeat<'_> {
    /// The arguments with a role.
    fn with_role(&self, is_it: impl Fn(Role) -> bool) -> Vec<usize> {
        (0..self.roles.len()).filter(|&at| is_it(self.roles[at])).collect()
    }

    fn import(self, walk: &mut Walk<'_>) -> Result<Option<Vec<Flow>>, Reason> {
        let fills = |role| matches!(role, Role::Filled(dtype) if dtype != DType::String);
        let writes = |role| role == Role::Filled(DType::String);
        let states = self.with_role(|role| role == Role::State);
        let (filled, written) = (self.with_role(fills), self.with_role(writes));
        let constants = self.with_role(|role| role == Role::Constant);
        let lists = filled.len() + written.len();
        if self.trips.is_none() && lists + self.counters().len() > 0 {
            return self.without_counters().import_anew(walk);
        }
        let mut operands = Vec::with_capacity(states.len() + written.len());
        for &at in &states {
            let Flow::Tensor(operand) = &self.args[at] else {
                return Err(refused("tensors as states", self.args[at].kind()));
            };
            operands.push(operand.clone());
        }
        for _ in &written {
            let kind = Kind::Tensor { dtype: DType::String, rank: Rank::Unseen };
            let kind = Kind::Sequence(Box::new(kind));
            operands.push(walk.build.object(Sequence::Make, &[], kind)?);
        }
        let captured: Vec<Given> =
            constants.iter().map(|&at| given(walk, &self.args[at])).collect();
        let start = match self.trips {
            Some(_) => None,
            None => {
                let made = walk.function(self.condition, self.args.clone())?;
                let Some(made) = made else { return Ok(None) };
                Some(truth(walk, made.first())?)
            }
        };
        let since = walk.build.measured();
        let mut kinds: Vec<State> = operands.iter().map(|x| State::of(&walk.build, x)).collect();
        let places = Places { states, filled, written, constants };
        for _ in 0..ATTEMPTS_MAX {
            let taken = (walk.build.taken(), walk.refusals.len(), walk.unjudged.len());
            let (made, graph) =
                inside(walk, self.body, |walk| self.iteration(walk, &places, &kinds, &captured))?;
            let Some(made) = made else { return Ok(None) };
            let joined = kinds.iter().zip(&made.states);
            let joined: Vec<State> = joined
                .map(|(state, (fact, kind))| state.join(fact, kind))
                .collect::<Result<_, _>>()?;
            if joined == kinds {
                let mut inputs: Vec<Operand> = self.trips.iter().map(|(_, x)| x.clone()).collect();
                inputs.extend(start.clone());
                inputs.extend(operands);
                let inputs = inputs.iter().map(|operand| walk.build.materialize(operand));
                let mut inputs: Vec<ValueId> = inputs.collect::<Result<_, _>>()?;
                inputs.extend(captured.iter().filter_map(Given::captured));
                return self.emit(walk, &places, (&inputs, &kinds), made, graph, since).map(Some);
            }
            walk.build.give_back(taken.0);
            walk.refusals.truncate(taken.1);
            walk.unjudged.truncate(taken.2);
            kinds = joined;
        }
        let found = format!("others after {ATTEMPTS_MAX} attempts");
        Err(refused("states whose kinds settle", found))
    }

    fn counters(&self) -> Vec<usize> {
        self.with_role(|role| matches!(role, Role::Counter(_)))
    }

    /// The same with counters as states like others.
    fn without_counters(mut self) -> Self {
        for role in &mut self.roles {
            if matches!(role, Role::Counter(_)) {
                *role = Role::State;
            }
        }
        self
    }

    fn import_anew(self, walk: &mut Walk<'_>) -> Result<Option<Vec<Flow>>, Reason> {
        if self.roles.iter().any(|role| matches!(role, Role::Filled(_))) {
            let expected = "a loop with lists that runs as often as a counter says";
            return Err(refused(expected, "another condition"));
        }
        self.import(walk)
    }

    /// Builds one iteration: its inputs, what it makes, and whether another one follows.
    fn iteration(
        &self,
        walk: &mut Walk<'_>,
        places: &Places,
        states: &[State],
        captured: &[Given],
    ) -> Result<Option<Iterated>, Reason> {
        let number = Operand::Value(walk.build.graph.input("iteration", DType::I64, vec![]));
        let goes_on = Operand::Value(walk.build.graph.input("condition", DType::Bool, vec![]));
        let (args, sequences) = self.enter(walk, places, (states, captured), &number)?;
        let counters: Vec<Operand> = self
            .with_role(|role| role == Role::Counter(0))
            .into_iter()
            .filter_map(|at| match &args[at] {
                Flow::Tensor(operand) => Some(operand.clone()),
                _ => None,
            })
            .collect();
        let Some(made) = walk.function(self.body, args)? else { return Ok(None) };
        let next = match &self.trips {
            Some(_) => goes_on,
            None => {
                let Some(test) = walk.function(self.condition, made.clone())? else {
                    return Ok(None);
                };
                truth(walk, test.first())?
            }
        };
        let mut outputs = vec![Flow::Tensor(next)];
        outputs.extend(places.states.iter().map(|&at| made[at].clone()));
        let mut ranks = Vec::with_capacity(sequences.len());
        for (&at, sequence) in places.written.iter().zip(&sequences) {
            let (value, is_last) = placed(&made[at], &counters)?;
            if is_last {
                return Err(refused("a place that is the iteration's number", "always the first"));
            }
            let rank = walk.build.fact(&value).rank();
            let kind = Kind::Tensor { dtype: DType::String, rank: Rank::Is(rank) };
            let kind = Kind::Sequence(Box::new(kind));
            let longer = walk.build.object(Sequence::Insert, &[sequence, &value], kind)?;
            outputs.push(Flow::Tensor(longer));
            ranks.push(rank);
        }
        let mut are_last = Vec::with_capacity(places.filled.len());
        for &at in &places.filled {
            let (value, is_last) = placed(&made[at], &counters)?;
            outputs.push(Flow::Tensor(value));
            are_last.push(is_last);
        }
        let all = materialized(walk, &outputs)?;
        let (first, filled) = all.split_at(1 + states.len());
        let filled = filled.iter().map(|(fact, _)| fact.clone()).zip(are_last).collect();
        Ok(Some(Iterated { states: first[1..].to_vec(), filled, ranks }))
    }

    /// The arguments as an iteration has them, and the sequences that it makes longer.
    fn enter(
        &self,
        walk: &mut Walk<'_>,
        places: &Places,
        (states, captured): (&[State], &[Given]),
        number: &Operand,
    ) -> Result<(Vec<Flow>, Vec<Operand>), Reason> {
        let mut args: Vec<Option<Flow>> = vec![None; self.args.len()];
        let mut sequences = Vec::with_capacity(places.written.len());
        for (at, state) in states.iter().enumerate() {
            let Fact { dtype, shape } = state.fact(&mut walk.build);
            let id = walk.build.graph.input("state", dtype, shape);
            walk.build.note_kind(id, state.kind.clone());
            match places.states.get(at) {
                Some(&place) => args[place] = Some(Flow::Tensor(Operand::Value(id))),
                None => sequences.push(Operand::Value(id)),
            }
        }
        for (&at, given) in places.constants.iter().zip(captured) {
            args[at] = Some(given.enter(walk));
        }
        for (at, role) in self.roles.iter().enumerate() {
            if let Role::Counter(start) = *role {
                let Flow::Tensor(operand) = &self.args[at] else { continue };
                let dtype = walk.build.fact(operand).dtype;
                let own = with(&mut walk.build, Binary::Add, number, start as f64)?;
                args[at] = Some(Flow::Tensor(walk.build.cast(&own, dtype)?));
            }
        }
        let args = args.into_iter().enumerate();
        let args: Vec<Flow> =
            args.map(|(at, flow)| flow.unwrap_or_else(|| self.args[at].clone())).collect();
        Ok((args, sequences))
    }

    /// The node, and what each argument is behind it.
    fn emit(
        &self,
        walk: &mut Walk<'_>,
        places: &Places,
        (inputs, states): (&[ValueId], &[State]),
        iterated: Iterated,
        graph: ir::Graph,
        since: usize,
    ) -> Result<Vec<Flow>, Reason> {
        let mut made: Vec<Fact> = states.iter().map(|state| state.fact(&mut walk.build)).collect();
        let mut kinds: Vec<Kind> = states.iter().map(|state| state.kind.clone()).collect();
        let length = self.trips.as_ref().and_then(|(length, _)| length.clone());
        let are_last: Vec<bool> = iterated.filled.iter().map(|(_, is_last)| *is_last).collect();
        for (fact, _) in iterated.filled {
            let size =
                |size: Dim| if walk.build.is_new(&size, since) { walk.build.fresh() } else { size };
            let inner: Vec<Dim> = fact.shape.into_iter().map(size).collect();
            let first = length.clone().unwrap_or_else(|| walk.build.fresh());
            let fact =
                Fact { dtype: fact.dtype, shape: [first].into_iter().chain(inner).collect() };
            kinds.push(Kind::of(&fact));
            made.push(fact);
        }
        let iteration = Iteration {
            has_trip_count: self.trips.is_some(),
            has_condition: self.trips.is_none(),
            states: states.len(),
        };
        let made = match made.is_empty() {
            true => Vec::new(),
            false => {
                walk.build.run(Op::Loop(Loop { iteration, made }), inputs, vec![graph], kinds)?
            }
        };
        let mut results = self.args.clone();
        let mut made = made.into_iter();
        for (&at, operand) in places.states.iter().zip(&mut made) {
            results[at] = Flow::Tensor(operand);
        }
        for ((&at, values), rank) in places.written.iter().zip(&mut made).zip(iterated.ranks) {
            results[at] = Flow::List(Rc::new(List::Sequence { values, rank }));
        }
        for ((&at, mut operand), is_last) in places.filled.iter().zip(&mut made).zip(are_last) {
            if is_last {
                operand = last(walk, &operand)?;
            }
            results[at] = Flow::List(Rc::new(List::Stacked(operand)));
        }
        for (at, role) in self.roles.iter().enumerate() {
            if let (Role::Counter(_), Some((_, trips))) = (role, &self.trips)
                && let Flow::Tensor(start) = &self.args[at]
            {
                let trips = with(&mut walk.build, Binary::Max, trips, 0.0)?;
                let trips = walk.build.cast(&trips, walk.build.fact(start).dtype)?;
                results[at] = Flow::Tensor(walk.build.binary(Binary::Add, start, &trips)?);
            }
        }
        Ok(results)
    }
}

/// Which arguments are what.
struct Places {
    states: Vec<usize>,
    /// Lists of numbers.
    filled: Vec<usize>,
    /// Lists of text.
    written: Vec<usize>,
    constants: Vec<usize>,
}

/// What an iteration puts into the place of its own number, or always into the first one, so that
/// the last counts.
fn placed(flow: &Flow, counters: &[Operand]) -> Result<(Operand, bool), Reason> {
    let is_own = |index: &Operand| {
        counters.iter().any(|counter| match (counter, index) {
            (Operand::Value(a), Operand::Value(b)) => a == b,
            _ => false,
        })
    };
    let is_first = |index: &Operand| {
        index.sizes().is_some_and(|sizes| sizes.dims.iter().all(|dim| dim.known() == Some(0)))
    };
    match flow {
        Flow::List(list) => match &**list {
            List::Set { index, value } if is_own(index) => Ok((value.clone(), false)),
            List::Set { index, value } if is_first(index) => Ok((value.clone(), true)),
            _ => Err(refused("a place that is the iteration's number", "another one")),
        },
        other => Err(refused("a list", other.kind())),
    }
}

/// The last slice along the first axis, which stays.
fn last(walk: &mut Walk<'_>, x: &Operand) -> Result<Operand, Reason> {
    let size = walk.fact(x).shape.first().cloned().ok_or(Reason::UnknownRank)?;
    slice(&mut walk.build, x, 0, size - Dim::from(1), Dim::from(1))
}

/// A condition as one boolean.
fn truth(walk: &mut Walk<'_>, flow: Option<&Flow>) -> Result<Operand, Reason> {
    let Some(Flow::Tensor(operand)) = flow else {
        return Err(refused("a condition", "none"));
    };
    let operand = walk.build.cast(operand, DType::Bool)?;
    walk.build.reshape(&operand, vec![])
}
