//! One request on its way through a worker, with the type of its exchange forgotten: the queue
//! and the workers serve all protocols alike.

use crate::{Exchange, Outcome, Refusal, Request, Servable, Times};
use std::time::Instant;
use tensor::Tensor;
use tokio::sync::oneshot;

/// What came of a request: the reply, or why there is none, and how long each stage took.
pub(crate) type Answered<R> = (Result<R, Refusal>, Times);

/// A request that waits for a worker.
pub(crate) trait Job: Send {
    /// Ends the wait.
    fn begin(&mut self, now: Instant);

    /// Would its answer come too late, or reach nobody?
    fn is_moot(&self, now: Instant) -> bool;

    /// Where its times are counted.
    fn times(&mut self) -> &mut Times;

    /// What the model is asked: what was kept, or else what is read now.
    fn decode(&mut self, model: &Servable) -> Result<Read, Refusal>;

    /// Keeps what was read before its turn.
    fn keep(&mut self, read: Result<Read, Refusal>);

    /// How urgent it is, once it was read, see [`Exchange::priority`].
    fn priority(&self) -> u64;

    /// Writes the reply and sends it on its way, or the refusal. Gives the times, of which the last
    /// stage has begun at `since`, and when it has ended.
    fn finish(
        self: Box<Self>,
        model: &Servable,
        outcome: Result<Outcome, Refusal>,
        since: Instant,
    ) -> (Times, Instant);
}

/// What a model is asked, as far as it was read.
pub(crate) struct Read {
    pub(crate) request: Request,
    /// The input that the only image of the request is, when it was decoded ahead.
    pub(crate) prepared: Option<Tensor>,
}

impl Read {
    /// Decodes the image of a request that has no other: several would take the memory of a batch.
    pub(crate) fn prepare(&mut self, model: &Servable) -> Result<(), Refusal> {
        if let Request::Images(images) = &self.request
            && let [only] = images.as_slice()
        {
            self.prepared = Some(model.prepare(only, None)?);
        }
        Ok(())
    }
}

/// A job of one protocol's exchange.
pub(crate) struct Waiting<E: Exchange> {
    exchange: E,
    reply: oneshot::Sender<Answered<E::Reply>>,
    queued: Instant,
    /// After this nobody waits any more.
    deadline: Option<Instant>,
    times: Times,
    /// What it asks, when that was read before its turn.
    kept: Option<Result<Read, Refusal>>,
}

impl<E: Exchange> Waiting<E> {
    pub(crate) fn new(
        exchange: E,
        queued: Instant,
        deadline: Option<Instant>,
    ) -> (Waiting<E>, oneshot::Receiver<Answered<E::Reply>>) {
        let (reply, answered) = oneshot::channel();
        let times = Times::default();
        (Waiting { exchange, reply, queued, deadline, times, kept: None }, answered)
    }
}

impl<E: Exchange> Job for Waiting<E> {
    fn begin(&mut self, now: Instant) {
        // What was read ahead was read while it waited.
        let waited = now.saturating_duration_since(self.queued);
        self.times.queue = waited.saturating_sub(self.times.decode);
    }

    fn is_moot(&self, now: Instant) -> bool {
        self.reply.is_closed() || self.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn times(&mut self) -> &mut Times {
        &mut self.times
    }

    fn decode(&mut self, model: &Servable) -> Result<Read, Refusal> {
        let read = self.kept.take().unwrap_or_else(|| {
            let request = self.exchange.decode(model);
            request.map(|request| Read { request, prepared: None })
        });
        let configured = model.priorities().max_wait(self.exchange.priority());
        match self.exchange.max_wait().into_iter().chain(configured).min() {
            Some(max) if self.times.queue > max => Err(Refusal::WaitTimeout),
            _ => read,
        }
    }

    fn keep(&mut self, read: Result<Read, Refusal>) {
        self.kept = Some(read);
    }

    fn priority(&self) -> u64 {
        self.exchange.priority()
    }

    fn finish(
        self: Box<Self>,
        model: &Servable,
        outcome: Result<Outcome, Refusal>,
        since: Instant,
    ) -> (Times, Instant) {
        let Waiting { exchange, reply, mut times, .. } = *self;
        let made = outcome.and_then(|outcome| exchange.encode(model, outcome));
        let now = Instant::now();
        times.encode += now - since;
        // Sending fails when nobody waits any more, and then nobody needs the reply.
        let _ = reply.send((made, times));
        (times, now)
    }
}
