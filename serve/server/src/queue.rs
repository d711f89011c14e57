//! The bounded queue before the workers: one lane for each version of a model, served in turn,
//! so that a model under heavy load neither starves the others nor fills their room. In a lane the
//! more urgent go first, and those of one priority in the order of their arrival. Several requests
//! of one lane are taken together when its model gains by it.
//!
//! A job may be read before it is its turn: by threads that have nothing else to do while every
//! worker is busy, or by a worker when only the request itself says how urgent it is. It keeps its
//! place meanwhile.

use crate::batching::{is_full, take};
use crate::{Refusal, Servable};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Jobs that wait, bounded in number for each lane.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    /// There may be something for a worker.
    changed: Condvar,
    /// There may be something for a reader.
    unread: Condvar,
    limit: usize,
}

struct State<J> {
    /// Only lanes with jobs; the first that is due is served next and then goes to the end.
    lanes: VecDeque<Lane<J>>,
    /// Workers and readers that wait for something to do. A woken one counts until it runs.
    idle_workers: usize,
    idle_readers: usize,
    next_ticket: u64,
    is_closed: bool,
}

struct Lane<J> {
    model: Arc<Servable>,
    /// By level, then by ticket.
    slots: VecDeque<Slot<J>>,
}

/// The place of a job.
struct Slot<J> {
    /// Its priority: 1 goes first.
    level: u64,
    /// Later jobs have higher ones.
    ticket: u64,
    queued: Instant,
    is_read: bool,
    /// `None` while somebody reads it.
    job: Option<J>,
}

/// What a worker is to do.
pub(crate) enum Work<J> {
    /// Read a job and put it back.
    Read(Unread<J>),
    /// Answer these.
    Run(Taken<J>),
}

/// A job that was taken to be read.
pub(crate) struct Unread<J> {
    pub(crate) model: Arc<Servable>,
    pub(crate) job: J,
    ticket: u64,
}

/// Jobs that were taken to run together, and whose they are.
pub(crate) struct Taken<J> {
    pub(crate) model: Arc<Servable>,
    pub(crate) jobs: Vec<J>,
}

impl<J> Queue<J> {
    pub(crate) fn new(limit: usize) -> Queue<J> {
        let state = State {
            lanes: VecDeque::new(),
            idle_workers: 0,
            idle_readers: 0,
            next_ticket: 0,
            is_closed: false,
        };
        Queue { state: Mutex::new(state), changed: Condvar::new(), unread: Condvar::new(), limit }
    }

    /// Adds a job to the model's lane.
    pub(crate) fn push(&self, model: &Arc<Servable>, job: J) -> Result<(), Refusal> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let (priorities, lane) = (model.priorities(), state.lane(model));
        let level = priorities.level(0);
        let limit = match priorities.policy(level).max_length {
            // How many of a level wait is known when the requests have been read.
            most @ 1.. if !priorities.has_levels() => most.min(self.limit),
            _ => self.limit,
        };
        if lane.slots.len() >= limit {
            return Err(Refusal::QueueFull { limit });
        }
        let slot = Slot { level, ticket, queued: Instant::now(), is_read: false, job: Some(job) };
        lane.insert(slot);
        self.wake(&state);
        Ok(())
    }

    /// What a worker does next; waits for something. `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<Work<J>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if let Some(work) = state.work(now) {
                // Whoever was woken for the jobs that are left may have found them not due.
                self.wake(&state);
                return Some(work);
            }
            if state.is_closed && state.lanes.is_empty() {
                // The other workers may wait for what this one or a reader had.
                self.changed.notify_all();
                return None;
            }
            state.idle_workers += 1;
            state = match state.next_due() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let pause = due.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(state, pause);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.idle_workers -= 1;
        }
    }

    /// A job that will be taken soon and may be read meanwhile; waits until there is one and every
    /// worker is busy. `None` when the queue is closed.
    pub(crate) fn pop_unread(&self) -> Option<Unread<J>> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(unread) = state.unread() {
                return Some(unread);
            }
            state.idle_readers += 1;
            state = self.unread.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle_readers -= 1;
        }
    }

    /// Puts back a job that was read, which says how urgent it is; gives it back when its priority
    /// has as many as may wait.
    pub(crate) fn put_back(&self, unread: Unread<J>, priority: u64) -> Result<(), (J, Refusal)> {
        let Unread { model, job, ticket } = unread;
        let priorities = model.priorities();
        let level = priorities.level(priority);
        let limit = priorities.policy(level).max_length;
        let mut state = self.lock();
        let lane = state.lane(&model);
        let at = lane.slots.iter().position(|slot| slot.ticket == ticket);
        let place = at.and_then(|at| lane.slots.remove(at));
        let ahead = lane.slots.iter().filter(|slot| slot.is_read && slot.level == level).count();
        let result = if limit > 0 && ahead >= limit {
            if lane.slots.is_empty() {
                state.lanes.retain(|lane| !lane.slots.is_empty());
            }
            Err((job, Refusal::QueueFull { limit }))
        } else {
            let queued = place.map_or_else(Instant::now, |slot| slot.queued);
            lane.insert(Slot { level, ticket, queued, is_read: true, job: Some(job) });
            Ok(())
        };
        self.wake(&state);
        if state.is_closed {
            self.changed.notify_all();
        }
        result
    }

    /// There will be no further jobs; those that wait are still handed out, without further delay.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
        self.unread.notify_all();
    }

    /// Wakes one who is idle, when there are jobs: a worker if any, else a reader.
    fn wake(&self, state: &State<J>) {
        if state.lanes.is_empty() {
        } else if state.idle_workers > 0 {
            self.changed.notify_one();
        } else if state.idle_readers > 0 {
            self.unread.notify_one();
        }
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
            self.lanes.push_back(Lane { model: model.clone(), slots: VecDeque::new() });
            self.lanes.len() - 1
        });
        &mut self.lanes[at]
    }

    fn work(&mut self, now: Instant) -> Option<Work<J>> {
        let mut of_levels = self.lanes.iter_mut().filter(|lane| lane.has_levels());
        if let Some(unread) = of_levels.find_map(|lane| lane.unread(usize::MAX)) {
            return Some(Work::Read(unread));
        }
        let is_closed = self.is_closed;
        let is_due = |lane: &Lane<J>| lane.has_jobs() && (is_closed || lane.is_due(now));
        let at = self.lanes.iter().position(is_due)?;
        let mut lane = self.lanes.remove(at)?;
        let jobs = lane.take();
        let model = lane.model.clone();
        if !lane.slots.is_empty() {
            self.lanes.push_back(lane);
        }
        Some(Work::Run(Taken { model, jobs }))
    }

    /// What a worker takes next and has not been read, when no worker is about to take it.
    fn unread(&mut self) -> Option<Unread<J>> {
        if self.idle_workers > 0 {
            return None;
        }
        self.lanes.iter_mut().find_map(|lane| lane.unread(lane.model.batching().max_rows))
    }

    /// When the first lane becomes due if nothing else happens.
    fn next_due(&self) -> Option<Instant> {
        self.lanes.iter().filter(|lane| lane.has_jobs()).filter_map(Lane::due).min()
    }
}

impl<J> Lane<J> {
    fn insert(&mut self, slot: Slot<J>) {
        let place = |other: &Slot<J>| (other.level, other.ticket) < (slot.level, slot.ticket);
        let at = self.slots.partition_point(place);
        self.slots.insert(at, slot);
    }

    /// Do its requests say how urgent they are?
    fn has_levels(&self) -> bool {
        self.model.priorities().has_levels()
    }

    /// A job that nobody reads, is there?
    fn has_jobs(&self) -> bool {
        self.slots.iter().any(|slot| slot.job.is_some())
    }

    /// The first job that nobody has read, among so many.
    fn unread(&mut self, most: usize) -> Option<Unread<J>> {
        let slots = self.slots.iter_mut().take(most);
        let slot = slots.filter(|slot| !slot.is_read).find(|slot| slot.job.is_some())?;
        let (job, ticket) = (slot.job.take()?, slot.ticket);
        Some(Unread { model: self.model.clone(), job, ticket })
    }

    /// The jobs that run next, without those that somebody reads.
    fn take(&mut self) -> Vec<J> {
        let there = self.slots.iter().filter(|slot| slot.job.is_some()).count();
        let count = take(self.model.batching(), there);
        let mut jobs = Vec::with_capacity(count);
        let mut at = 0;
        while jobs.len() < count && at < self.slots.len() {
            match self.slots[at].job.take() {
                None => at += 1,
                Some(job) => {
                    jobs.push(job);
                    self.slots.remove(at);
                }
            }
        }
        jobs
    }

    fn is_due(&self, now: Instant) -> bool {
        is_full(self.model.batching(), self.slots.len()) || self.due().is_none_or(|due| due <= now)
    }

    /// When its oldest job has waited for others for long enough.
    fn due(&self) -> Option<Instant> {
        let oldest = self.slots.iter().map(|slot| slot.queued).min()?;
        oldest.checked_add(self.model.batching().max_delay)
    }
}

#[cfg(test)]
mod tests;
