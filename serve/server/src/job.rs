//! One request on its way through a worker, with the type of its exchange forgotten: the queue
//! and the workers serve all protocols alike.

use crate::{Exchange, Outcome, Refusal, Request, Servable, Times};
use std::time::Instant;
use tokio::sync::oneshot;

/// What came of a request: the reply, or why there is none, and how long each stage took.
pub(crate) type Answered<R> = (Result<R, Refusal>, Times);

/// A request that waits for a worker.
pub(crate) trait Job: Send {
    /// How long it has waited; ends the wait.
    fn begin(&mut self);

    /// Would its answer come too late, or reach nobody?
    fn is_moot(&self) -> bool;

    /// Where its times are counted.
    fn times(&mut self) -> &mut Times;

    /// What the model is asked.
    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal>;

    /// Writes the reply and sends it on its way, or the refusal. Gives the times.
    fn finish(self: Box<Self>, model: &Servable, outcome: Result<Outcome, Refusal>) -> Times;
}

/// A job of one protocol's exchange.
pub(crate) struct Waiting<E: Exchange> {
    exchange: E,
    reply: oneshot::Sender<Answered<E::Reply>>,
    queued: Instant,
    /// After this nobody waits any more.
    deadline: Option<Instant>,
    times: Times,
}

impl<E: Exchange> Waiting<E> {
    pub(crate) fn new(
        exchange: E,
        queued: Instant,
        deadline: Option<Instant>,
    ) -> (Waiting<E>, oneshot::Receiver<Answered<E::Reply>>) {
        let (reply, answered) = oneshot::channel();
        let times = Times::default();
        (Waiting { exchange, reply, queued, deadline, times }, answered)
    }
}

impl<E: Exchange> Job for Waiting<E> {
    fn begin(&mut self) {
        self.times.queue = self.queued.elapsed();
    }

    fn is_moot(&self) -> bool {
        self.reply.is_closed() || self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    fn times(&mut self) -> &mut Times {
        &mut self.times
    }

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let start = Instant::now();
        let request = self.exchange.decode(model);
        self.times.decode += start.elapsed();
        match self.exchange.max_wait() {
            Some(max) if self.times.queue > max => Err(Refusal::WaitTimeout),
            _ => request,
        }
    }

    fn finish(self: Box<Self>, model: &Servable, outcome: Result<Outcome, Refusal>) -> Times {
        let Waiting { exchange, reply, mut times, .. } = *self;
        let start = Instant::now();
        let made = outcome.and_then(|outcome| exchange.encode(model, outcome));
        times.encode += start.elapsed();
        // Sending fails when nobody waits any more, and then nobody needs the reply.
        let _ = reply.send((made, times));
        times
    }
}
