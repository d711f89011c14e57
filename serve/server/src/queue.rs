//! The bounded queue before the workers: one lane for each model, served in turn, so that a
//! model under heavy load does not starve the others. A batcher will take several jobs of one
//! lane at once.

use crate::Refusal;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Work for one worker thread.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Jobs that wait, bounded in number over all lanes.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    /// Only lanes with jobs; the first is served next and then goes to the end.
    lanes: VecDeque<Lane>,
    depth: usize,
    is_closed: bool,
}

struct Lane {
    model: String,
    jobs: VecDeque<Job>,
}

/// A job that was taken, and whose it is.
pub(crate) struct Taken {
    pub(crate) model: String,
    pub(crate) job: Job,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Queue {
        Queue { state: Mutex::default(), changed: Condvar::new(), limit }
    }

    /// Adds a job to the end of the model's lane.
    pub(crate) fn push(&self, model: &str, job: Job) -> Result<(), Refusal> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(Refusal::Draining);
        }
        if state.depth >= self.limit {
            return Err(Refusal::QueueFull { limit: self.limit });
        }
        state.depth += 1;
        state.append(model, job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The next job; waits for one. `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<Taken> {
        let mut state = self.lock();
        loop {
            if let Some(taken) = state.take() {
                return Some(taken);
            }
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Refuses further jobs; those that wait are still handed out.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// No code that can panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, model: &str, job: Job) {
        match self.lanes.iter_mut().find(|lane| lane.model == model) {
            Some(lane) => lane.jobs.push_back(job),
            None => {
                let jobs = VecDeque::from([job]);
                self.lanes.push_back(Lane { model: model.to_string(), jobs });
            }
        }
    }

    fn take(&mut self) -> Option<Taken> {
        let mut lane = self.lanes.pop_front()?;
        let job = lane.jobs.pop_front()?;
        self.depth -= 1;
        let model = lane.model.clone();
        if !lane.jobs.is_empty() {
            self.lanes.push_back(lane);
        }
        Some(Taken { model, job })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(queue: &Queue) -> Vec<String> {
        queue.close();
        std::iter::from_fn(|| queue.pop()).map(|taken| taken.model).collect()
    }

    #[test]
    fn lanes_are_served_in_turn() {
        let queue = Queue::new(10);
        for model in ["a", "a", "a", "b", "c", "b"] {
            queue.push(model, Box::new(|| ())).unwrap();
        }
        assert_eq!(order(&queue), ["a", "b", "c", "a", "b", "a"]);
    }

    #[test]
    fn the_limit_counts_over_all_lanes() {
        let queue = Queue::new(2);
        queue.push("a", Box::new(|| ())).unwrap();
        queue.push("b", Box::new(|| ())).unwrap();
        assert_eq!(queue.push("c", Box::new(|| ())), Err(Refusal::QueueFull { limit: 2 }));
        queue.pop().unwrap();
        assert_eq!(queue.push("c", Box::new(|| ())), Ok(()));
    }

    #[test]
    fn a_closed_queue_takes_nothing_and_gives_the_rest() {
        let queue = Queue::new(2);
        queue.push("a", Box::new(|| ())).unwrap();
        queue.close();
        assert_eq!(queue.push("a", Box::new(|| ())), Err(Refusal::Draining));
        assert!(queue.pop().is_some());
        assert!(queue.pop().is_none());
    }
}
