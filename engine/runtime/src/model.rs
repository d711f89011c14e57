//! A plan with its constants, ready to answer.

use crate::program::{Program, Run};
use crate::session::{Session, Sessions, Timing};
use crate::{Constants, LoadError, Pool, RunError};
use plan::{Plan, Signature};
use recipe::{Answer, Recipe};
use simd::{Isa, Token};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tensor::{Bindings, DType, Tensor, Text, Value};

/// Working memory that one run may take in bytes when the model is not told. Far above what the
/// largest vision models take for one image, far below what would make the machine swap.
const ARENA_BYTES_MAX: usize = 4 << 30;

/// A model that runs. Cheap to clone; may be run from many threads at once.
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
    recipe: Option<Arc<Recipe>>,
    pool: Arc<Pool>,
    arena_bytes_max: usize,
}

struct Inner {
    plan: Plan,
    constants: Constants,
    isa: Isa,
    /// Of a plan whose steps run in one go.
    idle: Sessions,
    /// The stages of any other plan.
    program: Option<Program>,
}

impl Model {
    /// A model of a plan and the constants that its buffers lie in, on the instruction set that
    /// [`crate::isa`] names.
    pub fn new(plan: Plan, constants: Constants) -> Result<Model, LoadError> {
        Model::on(crate::isa()?, plan, constants)
    }

    /// As [`Model::new`], on this instruction set.
    pub fn for_isa(isa: Token, plan: Plan, constants: Constants) -> Result<Model, LoadError> {
        Model::on(isa.isa(), plan, constants)
    }

    fn on(isa: Isa, plan: Plan, constants: Constants) -> Result<Model, LoadError> {
        plan.verify(constants.as_slice().len() as u64)?;
        let program = (!plan.is_single_stage()).then(|| Program::new(plan.clone()));
        let idle = Sessions::default();
        let inner = Arc::new(Inner { plan, constants, isa, idle, program });
        let arena_bytes_max = ARENA_BYTES_MAX;
        Ok(Model { inner, recipe: None, pool: Pool::global().clone(), arena_bytes_max })
    }

    /// The same model with this recipe for encoded inputs.
    pub fn with_recipe(self, recipe: Option<Recipe>) -> Model {
        Model { recipe: recipe.map(Arc::new), ..self }
    }

    /// The same model on threads of its own.
    pub fn with_pool(self, pool: Arc<Pool>) -> Model {
        Model { pool, ..self }
    }

    /// The same model, each run of which may take this much working memory in bytes.
    pub fn with_arena_bytes_max(self, arena_bytes_max: usize) -> Model {
        Model { arena_bytes_max, ..self }
    }

    /// The threads that it runs on.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.inner.plan.name
    }

    /// What is run.
    pub fn plan(&self) -> &Plan {
        &self.inner.plan
    }

    /// The packed weights.
    pub fn constants(&self) -> &Constants {
        &self.inner.constants
    }

    /// What the model takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.inner.plan.signature
    }

    /// How encoded inputs become tensors and scores become classes.
    pub fn recipe(&self) -> Option<&Recipe> {
        self.recipe.as_deref()
    }

    /// The answers for `inputs`, in the order of the signature. Inputs of a shape that the model
    /// has not seen bind the plan first; runs at the same time do not wait for each other.
    pub fn run(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.observed(inputs, &mut |_, _| ())
    }

    /// The answers for inputs of any kind, as [`Model::run`].
    pub fn run_values(&self, inputs: &[Value]) -> Result<Vec<Value>, RunError> {
        self.observed_values(inputs, &mut |_, _| ())
    }

    /// One run with the time that each step took.
    pub fn profile(&self, inputs: &[Value]) -> Result<Vec<Timing>, RunError> {
        let plan = self.plan();
        let mut timings = Vec::with_capacity(plan.steps.len());
        self.observed_values(inputs, &mut |index, elapsed| {
            let step = &plan.steps[index];
            let (name, operation) = (step.name.clone(), step.operation.name());
            let kernel = crate::kernel::of_step(plan, step, self.inner.isa);
            timings.push(Timing { name, operation, kernel, elapsed });
        })?;
        Ok(timings)
    }

    /// Working memory of a run on these sizes, in bytes, beside inputs, outputs and constants. Of a
    /// plan of several stages it is what can be told before a run: sizes that only turn out while
    /// it runs count as one, text as empty.
    pub fn arena_bytes(&self, sizes: &Bindings) -> Result<usize, RunError> {
        if let Some(program) = &self.inner.program {
            return program.arena_bytes(sizes, self.arena_bytes_max);
        }
        let located = crate::session::locate(&self.inner.plan, sizes, self.arena_bytes_max)?;
        Ok(located.arena_bytes)
    }

    /// The most bytes of values between steps that are alive at once in such a run: the arena
    /// cannot be smaller.
    pub fn live_bytes(&self, sizes: &Bindings) -> Result<usize, RunError> {
        let located = crate::session::locate(&self.inner.plan, sizes, self.arena_bytes_max)?;
        Ok(located.live_bytes)
    }

    /// Inputs of the default sizes, filled with zeros; text is the digit.
    pub fn default_inputs(&self) -> Result<Vec<Value>, RunError> {
        let plan = self.plan();
        let (mut needed, limit) = (0usize, self.arena_bytes_max);
        let inputs = plan.signature.inputs.iter().map(|port| {
            if port.dtype == DType::Object {
                let (port, found) = (port.name.clone(), port.dtype);
                return Err(RunError::NotNumbers { port, found });
            }
            let shape = crate::session::sizes_of(&port.shape, &plan.defaults)
                .map_err(|reason| RunError::Size { step: port.name.clone(), reason })?;
            // The sizes are a file's claim: nothing is allocated before it is held to the limit.
            let elements = tensor::element_count(&shape).unwrap_or(usize::MAX);
            let size = match port.dtype {
                DType::String => size_of::<usize>() + 1,
                dtype => dtype.size(),
            };
            needed = needed.saturating_add(elements.saturating_mul(size));
            if needed > limit {
                return Err(RunError::Memory { needed, limit });
            }
            let made = match port.dtype {
                DType::String => {
                    Text::new(&shape, std::iter::repeat_n("0", elements)).map(Value::from)
                }
                dtype => Tensor::zeros(dtype, &shape).map(Value::from),
            };
            made.map_err(|e| RunError::Size { step: port.name.clone(), reason: e.to_string() })
        });
        inputs.collect()
    }

    /// The classes that the model sees in an encoded image.
    pub fn classify(&self, encoded: &[u8]) -> Result<Answer, RunError> {
        let recipe = self.recipe().ok_or_else(|| {
            let name = self.name();
            RunError::NotAClassifier(format!("model `{name}` has no recipe for encoded inputs"))
        })?;
        let input = recipe.prepare(encoded)?;
        let outputs = self.run(&[&input])?;
        let scores = outputs.first().and_then(|scores| scores.as_slice::<f32>().ok());
        let scores = scores.ok_or_else(|| {
            let name = self.name();
            RunError::NotAClassifier(format!("the first output of model `{name}` is not f32"))
        })?;
        Ok(recipe.answer(scores)?)
    }

    /// The answers for inputs of any kind, and how long each step took.
    fn observed_values(
        &self,
        inputs: &[Value],
        observe: &mut dyn FnMut(usize, Duration),
    ) -> Result<Vec<Value>, RunError> {
        match &self.inner.program {
            Some(program) => program.run(&self.context(), inputs, Bindings::new(), observe),
            None => {
                let (expected, found) = (self.signature().inputs.len(), inputs.len());
                if expected != found {
                    return Err(plan::BindError::Count { expected, found }.into());
                }
                let ports = self.signature().inputs.iter().zip(inputs);
                let numbers = ports.map(|(port, input)| {
                    input.tensor().map(AsRef::as_ref).ok_or_else(|| RunError::Type {
                        input: port.name.clone(),
                        expected: port.dtype,
                        found: input.dtype(),
                    })
                });
                let numbers: Vec<&Tensor> = numbers.collect::<Result<_, _>>()?;
                Ok(self.observed(&numbers, observe)?.into_iter().map(Value::from).collect())
            }
        }
    }

    /// The answers, and how long each step took.
    fn observed(
        &self,
        inputs: &[&Tensor],
        observe: &mut dyn FnMut(usize, Duration),
    ) -> Result<Vec<Tensor>, RunError> {
        let Inner { plan, constants, isa, idle, program } = &*self.inner;
        if let Some(program) = program {
            let inputs: Vec<Value> = inputs.iter().map(|&t| t.clone().into()).collect();
            let made = program.run(&self.context(), &inputs, Bindings::new(), observe)?;
            let ports = plan.signature.outputs.iter().zip(made);
            let numbers = ports.map(|(port, value)| match value {
                Value::Tensor(tensor) => Ok(Arc::unwrap_or_clone(tensor)),
                Value::Text(_) | Value::Sequence(_) | Value::Optional(_) => {
                    Err(RunError::NotNumbers { port: port.name.clone(), found: port.dtype })
                }
            });
            return numbers.collect();
        }
        let shapes: Vec<&[usize]> = inputs.iter().map(|t| t.shape()).collect();
        let sizes = plan::bind(&plan.signature, &shapes)?;
        let bind = || Session::bind(plan, inputs, &sizes, *isa, self.arena_bytes_max);
        let mut session = idle.take(inputs, &sizes).map_or_else(bind, Ok)?;
        let made = session.run(constants, inputs, &self.pool, observe);
        idle.give(session);
        made
    }

    fn context(&self) -> Run<'_> {
        Run {
            constants: &self.inner.constants,
            isa: self.inner.isa,
            pool: &self.pool,
            bytes_max: self.arena_bytes_max,
            iterations: Cell::new(0),
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({}, {} steps)", self.name(), self.plan().steps.len())
    }
}
