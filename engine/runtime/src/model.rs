//! A plan with its constants, ready to answer.

use crate::session::{Session, Timing};
use crate::{Constants, LoadError, Pool, RunError};
use plan::{Plan, Signature};
use recipe::{Answer, Recipe};
use simd::Isa;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tensor::{Bindings, Tensor};

/// Idle sessions that a model keeps. Each holds an arena; more than this many at once come from
/// more concurrent runs than any machine has threads for, or from ever new shapes.
const IDLE_SESSIONS_MAX: usize = 16;

/// Working memory that one run may take, in bytes. Far above what the largest vision models
/// take for one image, far below what would make the machine swap.
const ARENA_BYTES_MAX: usize = 4 << 30;

/// A model that runs. Cheap to clone; may be run from many threads at once.
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
    recipe: Option<Arc<Recipe>>,
    pool: Arc<Pool>,
}

struct Inner {
    plan: Plan,
    constants: Constants,
    isa: Isa,
    /// Sessions that no run is using, the last used at the end.
    idle: Mutex<Vec<Session>>,
}

impl Model {
    /// A model of a plan and the constants that its buffers lie in.
    pub fn new(plan: Plan, constants: Constants) -> Result<Model, LoadError> {
        plan.verify(constants.as_slice().len() as u64)?;
        let isa = crate::isa()?;
        let inner = Arc::new(Inner { plan, constants, isa, idle: Mutex::new(Vec::new()) });
        Ok(Model { inner, recipe: None, pool: Pool::global().clone() })
    }

    /// The same model with this recipe for encoded inputs.
    pub fn with_recipe(self, recipe: Option<Recipe>) -> Model {
        Model { recipe: recipe.map(Arc::new), ..self }
    }

    /// The same model on threads of its own.
    pub fn with_pool(self, pool: Arc<Pool>) -> Model {
        Model { pool, ..self }
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
        self.with_session(inputs, |session| session.run(&self.inner.constants, inputs, &self.pool))
    }

    /// One run with the time that each step took.
    pub fn profile(&self, inputs: &[&Tensor]) -> Result<Vec<Timing>, RunError> {
        self.with_session(inputs, |session| {
            session.profile(&self.inner.plan, &self.inner.constants, inputs, &self.pool)
        })
    }

    /// Working memory of a run on these sizes, in bytes, beside inputs, outputs and constants.
    pub fn arena_bytes(&self, sizes: &Bindings) -> Result<usize, RunError> {
        let located = crate::session::locate(&self.inner.plan, sizes, ARENA_BYTES_MAX)?;
        Ok(located.arena_bytes)
    }

    /// Inputs of the default sizes, filled with zeros.
    pub fn default_inputs(&self) -> Result<Vec<Tensor>, RunError> {
        let plan = self.plan();
        let (mut needed, limit) = (0usize, ARENA_BYTES_MAX);
        let inputs = plan.signature.inputs.iter().map(|port| {
            let shape = crate::session::sizes_of(&port.shape, &plan.defaults)
                .map_err(|reason| RunError::Size { step: port.name.clone(), reason })?;
            // The sizes are a file's claim: nothing is allocated before it is held to the limit.
            let elements = tensor::element_count(&shape).unwrap_or(usize::MAX);
            needed = needed.saturating_add(elements.saturating_mul(port.dtype.size()));
            if needed > limit {
                return Err(RunError::Memory { needed, limit });
            }
            Tensor::zeros(port.dtype, &shape)
                .map_err(|e| RunError::Size { step: port.name.clone(), reason: e.to_string() })
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

    fn with_session<T>(
        &self,
        inputs: &[&Tensor],
        act: impl FnOnce(&mut Session) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let mut session = match self.take_idle(inputs) {
            Some(session) => session,
            None => Session::bind(&self.inner.plan, inputs, self.inner.isa, ARENA_BYTES_MAX)?,
        };
        let result = act(&mut session);
        let mut idle = self.idle();
        if idle.len() >= IDLE_SESSIONS_MAX {
            idle.remove(0);
        }
        idle.push(session);
        result
    }

    fn take_idle(&self, inputs: &[&Tensor]) -> Option<Session> {
        let mut idle = self.idle();
        let at = idle.iter().rposition(|session| session.fits(inputs))?;
        Some(idle.remove(at))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({}, {} steps)", self.name(), self.plan().steps.len())
    }
}
