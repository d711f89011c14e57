//! A plan of several stages: numbers are computed in sessions, what runs between them is done
//! here, on whole values.

use crate::session::{Session, Sessions};
use crate::{Constants, Pool, RunError};
use operators::ComputeError;
use operators::dynamic::control;
use plan::{BufferId, Operation, Place, Plan, Step, Work};
use simd::Isa;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tensor::rule::Fact;
use tensor::{Bindings, Tensor, Value, bind_shape};

/// A plan that is cut into stages.
pub(crate) struct Program {
    plan: Plan,
    stages: Vec<Stage>,
}

struct Stage {
    work: StageWork,
    dead: Vec<BufferId>,
}

enum StageWork {
    Compute {
        plan: Box<Plan>,
        inputs: Vec<BufferId>,
        outputs: Vec<BufferId>,
        first_step: usize,
        idle: Sessions,
    },
    /// A step, and the programs that it runs.
    Step { index: usize, bodies: Vec<Program> },
}

/// Why a loop gave nothing.
enum Failure {
    Run(RunError),
    Compute(ComputeError),
}

impl From<ComputeError> for Failure {
    fn from(error: ComputeError) -> Failure {
        Failure::Compute(error)
    }
}

/// What every stage of a run shares.
pub(crate) struct Run<'a> {
    pub(crate) constants: &'a Constants,
    pub(crate) isa: Isa,
    pub(crate) pool: &'a Pool,
    /// No arena and no tensor may be larger, in bytes.
    pub(crate) bytes_max: usize,
    /// Of all loops so far.
    pub(crate) iterations: Cell<i64>,
}

/// Is told how long each step took, by its place in the plan.
pub(crate) type Observe<'o> = &'o mut dyn FnMut(usize, Duration);

/// The values that there are, by the buffer that they lie in.
type Values = BTreeMap<BufferId, Value>;

impl Program {
    pub(crate) fn new(plan: Plan) -> Program {
        let stages = plan.stages().into_iter().map(|stage| {
            let work = match stage.work {
                Work::Compute { plan, inputs, outputs, first_step } => {
                    let idle = Sessions::default();
                    StageWork::Compute { plan, inputs, outputs, first_step, idle }
                }
                Work::Step(index) => {
                    let bodies = plan.steps[index].operation.bodies().iter();
                    let bodies = bodies.map(|body| Program::new(Plan::clone(&body.0)));
                    StageWork::Step { index, bodies: bodies.collect() }
                }
            };
            Stage { work, dead: stage.dead }
        });
        let stages = stages.collect();
        Program { plan, stages }
    }

    /// The outputs for these inputs. `sizes` are those of symbols that are known around it.
    pub(crate) fn run(
        &self,
        run: &Run<'_>,
        inputs: &[Value],
        mut sizes: Bindings,
        observe: Observe<'_>,
    ) -> Result<Vec<Value>, RunError> {
        let mut values = self.bind(inputs, &mut sizes)?;
        for stage in &self.stages {
            match &stage.work {
                StageWork::Compute { plan, inputs, outputs, first_step, idle } => {
                    let mut given = Vec::with_capacity(inputs.len());
                    for id in inputs {
                        given.push(self.number(&values, *id)?.clone());
                    }
                    let given: Vec<&Tensor> = given.iter().map(AsRef::as_ref).collect();
                    let bind = || Session::bind(plan, &given, &sizes, run.isa, run.bytes_max);
                    let mut session = idle.take(&given, &sizes).map_or_else(bind, Ok)?;
                    let observe = &mut |step, elapsed| observe(first_step + step, elapsed);
                    let made = session.run(run.constants, &given, run.pool, observe);
                    idle.give(session);
                    values.extend(outputs.iter().copied().zip(made?.into_iter().map(Value::from)));
                }
                StageWork::Step { index, bodies } => {
                    let step = &self.plan.steps[*index];
                    let start = Instant::now();
                    let made = self.step(run, step, bodies, &values, &sizes)?;
                    self.keep(step, made, &mut values, &mut sizes)?;
                    observe(*index, start.elapsed());
                }
            }
            stage.dead.iter().for_each(|id| drop(values.remove(id)));
        }
        let outputs = self.plan.outputs.iter();
        outputs.map(|&id| self.value(run, &values, &sizes, id)).collect()
    }

    /// The largest arena of a stage, and all that passes between stages, in bytes: as far as it can
    /// be told from these sizes.
    pub(crate) fn arena_bytes(&self, sizes: &Bindings, limit: usize) -> Result<usize, RunError> {
        let mut sizes = sizes.clone();
        for dim in self.plan.buffers.iter().flat_map(|buffer| &buffer.shape) {
            dim.for_each_symbol(&mut |symbol| {
                sizes.entry(symbol.to_string()).or_insert(1);
            });
        }
        let (mut arena, mut held) = (0, 0usize);
        for stage in &self.stages {
            let made: Vec<BufferId> = match &stage.work {
                StageWork::Compute { plan, outputs, .. } => {
                    arena = arena.max(match crate::session::locate(plan, &sizes, limit) {
                        Ok(located) => located.arena_bytes,
                        // These sizes need not be ones that the stage ever sees.
                        Err(RunError::Size { .. }) => 0,
                        Err(error) => return Err(error),
                    });
                    outputs.clone()
                }
                StageWork::Step { index, bodies } => {
                    for body in bodies {
                        arena = arena.max(body.arena_bytes(&sizes, limit)?);
                    }
                    self.plan.steps[*index].outputs().collect()
                }
            };
            held =
                made.into_iter().fold(held, |held, id| held.saturating_add(self.room(id, &sizes)));
        }
        let needed = held.saturating_add(arena);
        if needed > limit { Err(RunError::Memory { needed, limit }) } else { Ok(needed) }
    }

    /// Bytes that the value in a buffer takes: at least the place of each text.
    fn room(&self, id: BufferId, sizes: &Bindings) -> usize {
        let buffer = self.plan.buffer(id);
        let size = if buffer.dtype.is_dense() { buffer.dtype.size() } else { size_of::<usize>() };
        let shape = crate::session::sizes_of(&buffer.shape, sizes).unwrap_or_default();
        tensor::element_count(&shape).unwrap_or(usize::MAX).saturating_mul(size)
    }

    /// The values of the inputs; their symbols get their sizes.
    fn bind(&self, inputs: &[Value], sizes: &mut Bindings) -> Result<Values, RunError> {
        let ports = &self.plan.signature.inputs;
        let (expected, found) = (ports.len(), inputs.len());
        if expected != found {
            return Err(plan::BindError::Count { expected, found }.into());
        }
        for (port, input) in ports.iter().zip(inputs) {
            if port.dtype != input.dtype() {
                let (expected, found) = (port.dtype, input.dtype());
                return Err(RunError::Type { input: port.name.clone(), expected, found });
            }
            bind_shape(&port.shape, input.shape(), sizes).map_err(|error| {
                let (step, reason) = (format!("input {}", port.name), error.to_string());
                RunError::Size { step, reason }
            })?;
        }
        let buffers = self.plan.buffers.iter().enumerate();
        let given = buffers.filter_map(|(index, buffer)| match buffer.place {
            Place::Input(input) => {
                Some((BufferId(index as u32), inputs.get(input as usize)?.clone()))
            }
            Place::Arena | Place::Constant { .. } | Place::Alias(_) | Place::Held => None,
        });
        Ok(given.collect())
    }

    /// The value in a buffer, under the buffer's own shape.
    fn value(
        &self,
        run: &Run<'_>,
        values: &Values,
        sizes: &Bindings,
        id: BufferId,
    ) -> Result<Value, RunError> {
        let (buffer, storage) = (self.plan.buffer(id), self.plan.storage(id));
        let refused = |reason: String| RunError::Size { step: format!("buffer {}", id.0), reason };
        let shape = crate::session::sizes_of(&buffer.shape, sizes).map_err(refused)?;
        if let Place::Constant { offset, bytes } = self.plan.buffer(storage).place {
            let range = offset as usize..(offset + bytes) as usize;
            let bytes = &run.constants.as_slice()[range];
            let tensor = Tensor::from_bytes(buffer.dtype, &shape, bytes);
            return Ok(tensor.map_err(|e| refused(e.to_string()))?.into());
        }
        let value = values.get(&storage).ok_or_else(|| refused("nothing is in it".to_string()))?;
        match value {
            Value::Tensor(tensor) if tensor.shape() != shape => {
                let tensor = tensor.as_ref().clone().reshaped(&shape);
                Ok(tensor.map_err(|e| refused(e.to_string()))?.into())
            }
            value => Ok(value.clone()),
        }
    }

    fn number<'v>(
        &self,
        values: &'v Values,
        id: BufferId,
    ) -> Result<&'v std::sync::Arc<Tensor>, RunError> {
        let tensor = values.get(&id).and_then(Value::tensor);
        tensor.ok_or_else(|| RunError::Size {
            step: format!("buffer {}", id.0),
            reason: "no numbers are in it".to_string(),
        })
    }

    /// What a step between stages makes.
    fn step(
        &self,
        run: &Run<'_>,
        step: &Step,
        bodies: &[Program],
        values: &Values,
        sizes: &Bindings,
    ) -> Result<Vec<Value>, RunError> {
        let inputs = step.inputs.iter().map(|&id| self.value(run, values, sizes, id));
        let inputs: Vec<Value> = inputs.collect::<Result<_, _>>()?;
        match (&step.operation, bodies) {
            (Operation::Dynamic { operator, .. }, _) => {
                operator.evaluate(&inputs, run.bytes_max).map_err(|error| not_computed(step, error))
            }
            (Operation::If(_), [then, otherwise]) => {
                let (condition, captured) = inputs.split_first().expect("verified");
                let is_true =
                    control::condition(condition).map_err(|error| not_computed(step, error))?;
                let body = if is_true { then } else { otherwise };
                body.run(run, captured, sizes.clone(), &mut |_, _| ())
            }
            (Operation::Loop(p), [body]) => {
                let outputs = body.plan.signature.outputs.iter().skip(1 + p.iteration.states);
                let scanned: Vec<Fact> = outputs
                    .map(|port| Fact { dtype: port.dtype, shape: port.shape.clone() })
                    .collect();
                let once = |given: &[Value]| {
                    body.run(run, given, sizes.clone(), &mut |_, _| ()).map_err(Failure::Run)
                };
                let (bytes_max, done) = (run.bytes_max, &run.iterations);
                let made = p.iteration.run(&inputs, &scanned, sizes, bytes_max, done, once);
                made.map_err(|failure| match failure {
                    Failure::Run(error) => error,
                    Failure::Compute(error) => not_computed(step, error),
                })
            }
            (other, _) => {
                let reason = format!("{} does not run between stages", other.name());
                Err(RunError::Index { step: step.name.clone(), reason })
            }
        }
    }

    /// Holds what a step has made against what it should, and keeps it.
    fn keep(
        &self,
        step: &Step,
        made: Vec<Value>,
        values: &mut Values,
        sizes: &mut Bindings,
    ) -> Result<(), RunError> {
        let refused = |reason: String| RunError::Size { step: step.name.clone(), reason };
        let (expected, found) = (1 + step.further.len(), made.len());
        // An operator may make more than anybody takes.
        if found < expected {
            return Err(refused(format!("it makes {found} values, expected {expected}")));
        }
        if let Operation::Dynamic { elements, .. } = &step.operation
            && !elements.is_empty()
        {
            let first = made.first().and_then(Value::tensor);
            let found = first.and_then(|x| x.as_slice::<i64>().ok()).unwrap_or(&[]);
            if found.len() != elements.len() {
                let expected = elements.len();
                return Err(refused(format!("{} sizes, expected {expected}", found.len())));
            }
            sizes.extend(elements.iter().cloned().zip(found.iter().copied()));
        }
        for (id, made) in step.outputs().zip(made) {
            let buffer = self.plan.buffer(id);
            if buffer.dtype != made.dtype() {
                return Err(refused(format!(
                    "it makes {}, expected {}",
                    made.dtype(),
                    buffer.dtype
                )));
            }
            let error = bind_shape(&buffer.shape, made.shape(), sizes);
            error.map_err(|error| refused(error.to_string()))?;
            values.insert(self.plan.storage(id), made);
        }
        Ok(())
    }
}

/// The error of a run in which `step` could not be computed.
fn not_computed(step: &Step, error: ComputeError) -> RunError {
    match error {
        ComputeError::Memory { needed, limit } => RunError::Memory { needed, limit },
        error => RunError::Index { step: step.name.clone(), reason: error.to_string() },
    }
}
