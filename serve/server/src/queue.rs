//! The bounded queue before the workers: one lane for each version of a model, served in turn,
//! so that a model under heavy load neither starves the others nor fills their room. Several
//! requests of one lane are taken together when its model gains by it.

use crate::batching::{is_full, take};
use crate::{Refusal, Servable};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Jobs that wait, bounded in number for each lane.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    limit: usize,
}

struct State<J> {
    /// Only lanes with jobs; the first that is due is served next and then goes to the end.
    lanes: VecDeque<Lane<J>>,
    is_closed: bool,
}

struct Lane<J> {
    model: Arc<Servable>,
    jobs: VecDeque<(Instant, J)>,
}

/// Jobs that were taken to run together, and whose they are.
pub(crate) struct Taken<J> {
    pub(crate) model: Arc<Servable>,
    pub(crate) jobs: Vec<J>,
}

impl<J> Queue<J> {
    pub(crate) fn new(limit: usize) -> Queue<J> {
        let state = Mutex::new(State { lanes: VecDeque::new(), is_closed: false });
        Queue { state, changed: Condvar::new(), limit }
    }

    /// Adds a job to the end of the model's lane.
    pub(crate) fn push(&self, model: &Arc<Servable>, job: J) -> Result<(), Refusal> {
        let mut state = self.lock();
        let lane = state.lane(model);
        if lane.jobs.len() >= self.limit {
            return Err(Refusal::QueueFull { limit: self.limit });
        }
        lane.jobs.push_back((Instant::now(), job));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The next jobs; waits for some. `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<Taken<J>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if let Some(taken) = state.take(now) {
                // Whoever was woken for the jobs that are left may have found them not due.
                if !state.lanes.is_empty() {
                    self.changed.notify_one();
                }
                return Some(taken);
            }
            if state.is_closed {
                return None;
            }
            state = match state.next_due() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let pause = due.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(state, pause);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// There will be no further jobs; those that wait are still handed out, without further delay.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// No code that can panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> State<J> {
    /// The model's lane; a new one at the end when it has none.
    fn lane(&mut self, model: &Arc<Servable>) -> &mut Lane<J> {
        let found = self.lanes.iter().position(|lane| Arc::ptr_eq(&lane.model, model));
        let at = found.unwrap_or_else(|| {
            self.lanes.push_back(Lane { model: model.clone(), jobs: VecDeque::new() });
            self.lanes.len() - 1
        });
        &mut self.lanes[at]
    }

    fn take(&mut self, now: Instant) -> Option<Taken<J>> {
        let is_closed = self.is_closed;
        let at = self.lanes.iter().position(|lane| is_closed || lane.is_due(now))?;
        let mut lane = self.lanes.remove(at)?;
        let count = take(lane.model.batching(), lane.jobs.len());
        let jobs = lane.jobs.drain(..count).map(|(_, job)| job).collect();
        let model = lane.model.clone();
        if !lane.jobs.is_empty() {
            self.lanes.push_back(lane);
        }
        Some(Taken { model, jobs })
    }

    /// When the first lane becomes due if nothing else happens.
    fn next_due(&self) -> Option<Instant> {
        self.lanes.iter().filter_map(Lane::due).min()
    }
}

impl<J> Lane<J> {
    fn is_due(&self, now: Instant) -> bool {
        is_full(self.model.batching(), self.jobs.len()) || self.due().is_none_or(|due| due <= now)
    }

    fn due(&self) -> Option<Instant> {
        let (queued, _) = self.jobs.front()?;
        queued.checked_add(self.model.batching().max_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::echo;
    use repository::Batching;
    use std::time::Duration;

    fn models() -> [Arc<Servable>; 3] {
        ["a", "b", "c"].map(|name| Arc::new(echo(name)))
    }

    fn order(queue: &Queue<()>) -> Vec<String> {
        queue.close();
        std::iter::from_fn(|| queue.pop()).map(|taken| taken.model.name().to_string()).collect()
    }

    #[test]
    fn lanes_are_served_in_turn() {
        let queue = Queue::new(10);
        let [a, b, c] = models();
        for model in [&a, &a, &a, &b, &c, &b] {
            queue.push(model, ()).unwrap();
        }
        assert_eq!(order(&queue), ["a", "b", "c", "a", "b", "a"]);
    }

    #[test]
    fn a_full_lane_does_not_close_the_others() {
        let queue = Queue::new(2);
        let [a, b, _] = models();
        queue.push(&a, ()).unwrap();
        queue.push(&a, ()).unwrap();
        assert_eq!(queue.push(&a, ()), Err(Refusal::QueueFull { limit: 2 }));
        assert_eq!(queue.push(&b, ()), Ok(()));
        queue.pop().unwrap();
        assert_eq!(queue.push(&a, ()), Ok(()));
    }

    #[test]
    fn a_closed_queue_gives_the_rest() {
        let queue = Queue::new(2);
        let [a, ..] = models();
        queue.push(&a, ()).unwrap();
        queue.close();
        assert!(queue.pop().is_some());
        assert!(queue.pop().is_none());
    }

    fn batched(max_rows: usize, delay_ms: u64) -> Arc<Servable> {
        let max_delay = Duration::from_millis(delay_ms);
        let batching = Batching { max_rows, preferred: Vec::new(), max_delay };
        Arc::new(echo("batched").with_batching(batching))
    }

    #[test]
    fn what_waits_is_taken_together() {
        let (queue, model) = (Queue::new(10), batched(4, 0));
        for job in 0..6 {
            queue.push(&model, job).unwrap();
        }
        let sizes = [queue.pop(), queue.pop()].map(|taken| taken.unwrap().jobs);
        assert_eq!(sizes, [vec![0, 1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn a_lane_that_waits_for_more_does_not_hold_up_another() {
        let (queue, patient) = (Queue::new(10), batched(4, 60_000));
        let [a, ..] = models();
        queue.push(&patient, 0).unwrap();
        queue.push(&a, 1).unwrap();
        assert_eq!(queue.pop().unwrap().jobs, [1]);
        for job in [2, 3, 4] {
            queue.push(&patient, job).unwrap();
        }
        assert_eq!(queue.pop().unwrap().jobs, [0, 2, 3, 4], "a full batch does not wait");
    }

    #[test]
    fn the_delay_ends() {
        let (queue, patient) = (Queue::new(10), batched(4, 20));
        let start = Instant::now();
        queue.push(&patient, 0).unwrap();
        assert_eq!(queue.pop().unwrap().jobs, [0]);
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}
