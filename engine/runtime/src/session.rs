//! A plan bound to the sizes of its inputs: one arena, concrete parameters for every step.

use crate::bound::{Bound, Operands};
use crate::pool::Team;
use crate::program::Observe;
use crate::{Constants, Pool, RunError};
use kernels::{SharedMut, Task};
use plan::{BindError, Place, Plan};
use simd::Isa;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tensor::{AlignedBytes, Bindings, DType, Dim, Tensor};

/// How long one step took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The model's node that the step came from.
    pub name: String,
    /// What the step does.
    pub operation: &'static str,
    /// The kernel that does it, when one is needed.
    pub kernel: Option<&'static kernels::Row>,
    /// How long it took.
    pub elapsed: Duration,
}

/// One run at a time on inputs of one shape.
pub(crate) struct Session {
    isa: Isa,
    inputs: Vec<(DType, Vec<usize>)>,
    /// Of every symbol that was known when it was bound.
    sizes: Bindings,
    steps: Vec<BoundStep>,
    outputs: Vec<(DType, Vec<usize>, Range<usize>)>,
    arena: AlignedBytes,
    /// For each thread a part of the same length, grown by the first run.
    scratch: AlignedBytes,
}

struct BoundStep {
    bound: Bound,
    inputs: Vec<Located>,
    output: Range<usize>,
    further: Vec<Range<usize>>,
}

/// Where the bytes of a buffer are.
#[derive(Debug, Clone)]
enum Located {
    Arena(Range<usize>),
    Constant(Range<usize>),
    Input(usize),
}

/// The place of every buffer for some sizes.
pub(crate) struct LocatedBuffers {
    shapes: Vec<Vec<usize>>,
    located: Vec<Located>,
    pub(crate) arena_bytes: usize,
    pub(crate) live_bytes: usize,
}

impl Session {
    pub(crate) fn bind(
        plan: &Plan,
        inputs: &[&Tensor],
        sizes: &Bindings,
        isa: Isa,
        arena_bytes_max: usize,
    ) -> Result<Session, RunError> {
        let buffers = locate(plan, sizes, arena_bytes_max)?;
        check_inputs(plan, inputs, sizes)?;
        let bind = |step| BoundStep::bind(plan, step, &buffers, sizes, arena_bytes_max);
        let steps = plan.steps.iter().map(bind);
        let steps = steps.collect::<Result<_, _>>()?;
        let outputs = plan.outputs.iter().zip(&plan.signature.outputs).map(|(id, port)| {
            let index = id.0 as usize;
            match &buffers.located[index] {
                Located::Arena(range) => {
                    Ok((port.dtype, buffers.shapes[index].clone(), range.clone()))
                }
                Located::Constant(_) | Located::Input(_) => Err(RunError::Size {
                    step: port.name.clone(),
                    reason: "an output lies outside of the arena".to_string(),
                }),
            }
        });
        Ok(Session {
            isa,
            inputs: inputs.iter().map(|t| (t.dtype(), t.shape().to_vec())).collect(),
            sizes: sizes.clone(),
            steps,
            outputs: outputs.collect::<Result<_, _>>()?,
            arena: AlignedBytes::zeroed(buffers.arena_bytes),
            scratch: AlignedBytes::zeroed(0),
        })
    }

    /// Is it bound to inputs like these, and to these sizes of symbols?
    fn fits(&self, inputs: &[&Tensor], sizes: &Bindings) -> bool {
        let is_same = |((dtype, shape), t): (&(DType, Vec<usize>), &&Tensor)| {
            *dtype == t.dtype() && shape == t.shape()
        };
        self.inputs.len() == inputs.len()
            && self.inputs.iter().zip(inputs).all(is_same)
            && self.sizes == *sizes
    }

    pub(crate) fn run(
        &mut self,
        constants: &Constants,
        inputs: &[&Tensor],
        pool: &Pool,
        observe: Observe<'_>,
    ) -> Result<Vec<Tensor>, RunError> {
        let team = pool.team();
        for index in 0..self.steps.len() {
            let start = Instant::now();
            self.step(index, constants, inputs, &team, pool.threads())?;
            observe(index, start.elapsed());
        }
        let outputs = self.outputs.iter().map(|(dtype, shape, range)| {
            Tensor::from_bytes(*dtype, shape, &self.arena.as_slice()[range.clone()])
        });
        Ok(outputs.collect::<Result<_, _>>().expect("lengths were computed from these shapes"))
    }

    fn step(
        &mut self,
        index: usize,
        constants: &Constants,
        inputs: &[&Tensor],
        team: &Team<'_>,
        threads: usize,
    ) -> Result<(), RunError> {
        let step = &self.steps[index];
        let arena = self.arena.as_mut_slice().as_mut_ptr();
        let read = |at: usize| match step.inputs.get(at) {
            // SAFETY: the range is within the arena, and `BoundStep::bind` has checked that it
            // does not meet the output's.
            Some(Located::Arena(range)) => unsafe {
                std::slice::from_raw_parts(arena.add(range.start), range.len())
            },
            Some(Located::Constant(range)) => &constants.as_slice()[range.clone()],
            Some(Located::Input(input)) => inputs[*input].bytes(),
            None => &[],
        };
        let output = step.output.clone();
        // SAFETY: the range is within the arena, which this call alone uses; no input meets it.
        let output = unsafe { SharedMut::from_raw_parts(arena.add(output.start), output.len()) };
        // SAFETY: as of the output.
        let shared = |range: &Range<usize>| unsafe {
            SharedMut::from_raw_parts(arena.add(range.start), range.len())
        };
        let further: Vec<_> = step.further.iter().map(shared).collect();
        let inputs = std::array::from_fn(read);
        let operands = Operands { inputs, output, further: &further, threads };
        let scratch = &mut self.scratch;
        step.bound.run(self.isa, &operands, &mut |task| execute(task, scratch, team, threads))
    }
}

/// Runs the pieces of one call, each thread with scratch of its own.
fn execute(task: &dyn Task, scratch: &mut AlignedBytes, team: &Team<'_>, threads: usize) {
    let each = task.scratch_bytes().next_multiple_of(tensor::ALIGNMENT);
    if scratch.len() < each * threads {
        *scratch = AlignedBytes::zeroed(each * threads);
    }
    let scratch: SharedMut<'_, u8> = SharedMut::from(scratch.as_mut_slice());
    team.run(task.tasks(), &|piece, thread| {
        // SAFETY: `thread` is below `threads`, so the part is within the scratch, and no other
        // thread has this part.
        let part = unsafe {
            std::slice::from_raw_parts_mut(scratch.as_mut_ptr().add(thread * each), each)
        };
        // SAFETY: the team calls each piece once; the operands outlive this call.
        unsafe { task.run(piece, part) };
    });
}

impl BoundStep {
    fn bind(
        plan: &Plan,
        step: &plan::Step,
        buffers: &LocatedBuffers,
        sizes: &Bindings,
        bytes_max: usize,
    ) -> Result<BoundStep, RunError> {
        let refused = |reason: String| RunError::Size { step: step.name.clone(), reason };
        let located = |id: plan::BufferId| buffers.located[id.0 as usize].clone();
        let mut outputs: Vec<Range<usize>> = Vec::with_capacity(1);
        for id in step.outputs() {
            let Located::Arena(range) = located(id) else {
                return Err(refused("the output lies outside of the arena".to_string()));
            };
            if outputs.iter().any(|other| meet(other, &range)) {
                return Err(refused("two outputs lie in the same place".to_string()));
            }
            outputs.push(range);
        }
        let inputs: Vec<Located> = step.inputs.iter().map(|&id| located(id)).collect();
        for input in &inputs {
            if let Located::Arena(range) = input
                && outputs.iter().any(|output| meet(output, range))
            {
                return Err(refused("an input lies where the output is written".to_string()));
            }
        }
        let shape = |id: plan::BufferId| buffers.shapes[id.0 as usize].as_slice();
        let shapes: Vec<&[usize]> = step.inputs.iter().map(|&id| shape(id)).collect();
        let dtypes: Vec<DType> = step.inputs.iter().map(|&id| plan.buffer(id).dtype).collect();
        let further = step.further.iter().map(|&id| (plan.buffer(id).dtype, shape(id)));
        let further: Vec<(DType, &[usize])> = further.collect();
        let facts = crate::bound::Facts {
            name: &step.name,
            shapes: &shapes,
            dtypes: &dtypes,
            output: shape(step.output),
            output_dtype: plan.buffer(step.output).dtype,
            further: &further,
            sizes,
            bytes_max,
        };
        let bound = Bound::bind(&step.operation, &facts)?;
        let output = outputs.remove(0);
        Ok(BoundStep { bound, inputs, output, further: outputs })
    }
}

/// Do two ranges share a place?
fn meet(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Finds the place of every buffer for these sizes.
pub(crate) fn locate(
    plan: &Plan,
    sizes: &Bindings,
    arena_bytes_max: usize,
) -> Result<LocatedBuffers, RunError> {
    let refused =
        |index: usize, reason: String| RunError::Size { step: format!("buffer {index}"), reason };
    let mut shapes = Vec::with_capacity(plan.buffers.len());
    let mut bytes = Vec::with_capacity(plan.buffers.len());
    for (index, buffer) in plan.buffers.iter().enumerate() {
        let shape = sizes_of(&buffer.shape, sizes).map_err(|reason| refused(index, reason))?;
        let length = length_of(&shape, buffer.dtype)
            .ok_or_else(|| refused(index, format!("shape {shape:?} is too large")))?;
        let expected = match buffer.place {
            Place::Arena | Place::Held | Place::Input(_) => length,
            Place::Constant { bytes, .. } => bytes as usize,
            Place::Alias(of) => bytes[of.0 as usize],
        };
        if length != expected {
            let reason = format!("shape {shape:?} is {length} bytes, its place has {expected}");
            return Err(refused(index, reason));
        }
        shapes.push(shape);
        bytes.push(length);
    }
    let limit = arena_bytes_max;
    if let Some(&needed) = bytes.iter().find(|&&n| n > limit) {
        return Err(RunError::Memory { needed, limit });
    }
    let memory = plan::assign(plan, &bytes);
    if memory.arena_bytes > limit {
        return Err(RunError::Memory { needed: memory.arena_bytes, limit });
    }
    let place = |index: usize| {
        let storage = plan.storage(plan::BufferId(index as u32));
        match plan.buffer(storage).place {
            Place::Constant { offset, bytes } => {
                Located::Constant(offset as usize..(offset + bytes) as usize)
            }
            Place::Input(input) => Located::Input(input as usize),
            Place::Arena | Place::Held | Place::Alias(_) => {
                let start = memory.offsets[index];
                Located::Arena(start..start + bytes[index])
            }
        }
    };
    let located = (0..plan.buffers.len()).map(place).collect();
    let plan::MemoryPlan { arena_bytes, live_bytes, .. } = memory;
    Ok(LocatedBuffers { shapes, located, arena_bytes, live_bytes })
}

/// The bytes of a tensor. `None` when some of its axes alone would span more than memory can hold,
/// also where another axis is zero: no product of sizes can overflow from here on.
fn length_of(shape: &[usize], dtype: DType) -> Option<usize> {
    let spans: Vec<usize> = shape.iter().map(|&size| size.max(1)).collect();
    let span = tensor::element_count(&spans)?.checked_mul(dtype.size())?;
    let is_bounded = span <= isize::MAX as usize / 2;
    is_bounded.then_some(if shape.contains(&0) { 0 } else { span })
}

/// A symbolic shape under `sizes`; the reason when one of them has no value as a size.
pub(crate) fn sizes_of(shape: &[Dim], sizes: &Bindings) -> Result<Vec<usize>, String> {
    let size = |dim: &Dim| {
        let value = dim.evaluate(sizes).map_err(|error| error.to_string())?;
        usize::try_from(value).map_err(|_| format!("dimension `{dim}` is {value}"))
    };
    shape.iter().map(size).collect()
}

/// Requires the inputs to be what the steps were bound to expect: kernels rely on it.
fn check_inputs(plan: &Plan, inputs: &[&Tensor], sizes: &Bindings) -> Result<(), RunError> {
    let ports = &plan.signature.inputs;
    if ports.len() != inputs.len() {
        let (expected, found) = (ports.len(), inputs.len());
        return Err(BindError::Count { expected, found }.into());
    }
    for (port, input) in ports.iter().zip(inputs) {
        let name = || port.name.clone();
        if port.dtype != input.dtype() {
            let (expected, found) = (port.dtype, input.dtype());
            return Err(RunError::Type { input: name(), expected, found });
        }
        let shape = sizes_of(&port.shape, sizes);
        if shape.as_deref() != Ok(input.shape()) {
            let (expected, found) = (port.shape.clone(), input.shape().to_vec());
            return Err(BindError::Shape { input: name(), expected, found }.into());
        }
    }
    Ok(())
}

/// Idle sessions that are kept for one plan. Each holds an arena; more than this many at once come
/// from more concurrent runs than any machine has threads for, or from ever new shapes.
const IDLE_MAX: usize = 16;

/// Sessions that no run is using, the last used at the end.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Vec<Session>>);

impl Sessions {
    /// One that is bound to inputs like these, and to these sizes of symbols.
    pub(crate) fn take(&self, inputs: &[&Tensor], sizes: &Bindings) -> Option<Session> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|session| session.fits(inputs, sizes))?;
        Some(idle.remove(at))
    }

    /// Keeps one for later.
    pub(crate) fn give(&self, session: Session) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push(session);
    }
}
