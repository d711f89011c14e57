//! A small thread pool for the pieces of one step after another.
//!
//! A run opens a [`Team`]: the workers wake once and then take pieces without a system call between
//! steps. Each thread has a part of the pieces, those of the same rows in one step after another,
//! so that it finds what it reads in its own cache; when it has done them it helps the others, from
//! the end of theirs. A run that finds the pool busy does all its pieces itself, so concurrent
//! requests use one thread each and a lone one uses them all.

use std::cell::UnsafeCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::JoinHandle;

/// How often a waiting thread looks before it lets others run. Steps of a small model are tens
/// of microseconds apart, which is about this many looks.
const LOOKS_BEFORE_YIELD: usize = 4096;

/// Threads that help with the steps of a run.
pub struct Pool {
    shared: Arc<Shared>,
    /// Held by the run that has the workers.
    team: Mutex<()>,
    workers: Vec<JoinHandle<()>>,
}

/// How many threads a run may use: `SCHOONER_THREADS`, or the processors that this process may
/// run on, which takes affinity and the cgroup's quota into account.
pub fn threads() -> usize {
    let asked = std::env::var("SCHOONER_THREADS").ok().and_then(|v| v.parse().ok());
    let available = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.filter(|&n| n > 0).unwrap_or_else(available)
}

/// A piece of work: called with the index of the piece and that of the thread.
type Job<'a> = &'a (dyn Fn(usize, usize) + Sync + 'a);

struct Shared {
    /// The pieces that nobody has taken yet, those of each thread.
    parts: Box<[Part]>,
    /// Pieces that are not done yet.
    pending: AtomicUsize,
    /// The job that the pieces are of. Written only while `pending` is 0 and no piece is left.
    job: UnsafeCell<Option<Job<'static>>>,
    /// Did a piece panic?
    has_panicked: AtomicBool,
    /// Is a team at work, so that looking for pieces is worth the time?
    is_open: AtomicBool,
    sleep: Mutex<State>,
    wake: Condvar,
}

/// The pieces of a thread that are left, on a cache line of their own: the first of them in the
/// upper half, what follows the last in the lower.
#[repr(align(128))]
#[derive(Default)]
struct Part(AtomicU64);

impl Part {
    fn set(&self, pieces: Range<usize>) {
        self.0.store((pieces.start as u64) << 32 | pieces.end as u64, Ordering::Release);
    }

    /// The first piece that is left, or the last.
    fn take(&self, is_first: bool) -> Option<usize> {
        let taken = self.0.fetch_update(Ordering::Acquire, Ordering::Acquire, |left| {
            let (first, end) = (left >> 32, left & u64::from(u32::MAX));
            let taken = if is_first { left + (1 << 32) } else { left.wrapping_sub(1) };
            (first < end).then_some(taken)
        });
        let left = taken.ok()?;
        let piece = if is_first { left >> 32 } else { (left & u64::from(u32::MAX)) - 1 };
        Some(piece as usize)
    }
}

#[derive(Default)]
struct State {
    has_stopped: bool,
}

// SAFETY: `job` is written only by the one thread that holds `Pool::team`, before it publishes
// the pieces, and read only by a thread that has taken one of them, which keeps the writer waiting
// in `Team::run` until the piece is done.
unsafe impl Sync for Shared {}

// SAFETY: the job that is sent along is `Sync`, so calling it from another thread is sound.
unsafe impl Send for Shared {}

impl Pool {
    /// A pool whose runs use `threads` threads, the caller's included.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared {
            parts: (0..threads.max(1)).map(|_| Part::default()).collect(),
            pending: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            has_panicked: AtomicBool::new(false),
            is_open: AtomicBool::new(false),
            sleep: Mutex::new(State::default()),
            wake: Condvar::new(),
        });
        let workers = (1..threads)
            .filter_map(|thread| {
                let shared = shared.clone();
                let name = format!("schooner-{thread}");
                // A thread that cannot be had is a thread less, not an error.
                std::thread::Builder::new().name(name).spawn(move || shared.work(thread)).ok()
            })
            .collect();
        Pool { shared, team: Mutex::new(()), workers }
    }

    /// The pool that models share unless they are given one of their own.
    pub fn global() -> &'static Arc<Pool> {
        static GLOBAL: OnceLock<Arc<Pool>> = OnceLock::new();
        GLOBAL.get_or_init(|| Arc::new(Pool::new(threads())))
    }

    /// Threads of a run, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Wakes the workers for one run; a team of one when they are busy with another.
    pub(crate) fn team(&self) -> Team<'_> {
        let guard = match self.team.try_lock() {
            Ok(guard) => Some(guard),
            // A run that panicked has left nothing behind: its pieces were all done.
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let guard = guard.filter(|_| !self.workers.is_empty());
        if guard.is_some() {
            let state = self.shared.state();
            self.shared.is_open.store(true, Ordering::Release);
            drop(state);
            self.shared.wake.notify_all();
        }
        Team { shared: &self.shared, guard }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state().has_stopped = true;
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // Pieces catch their panics, so a worker has none to report.
            let _ = worker.join();
        }
    }
}

/// The threads of one run.
pub(crate) struct Team<'p> {
    shared: &'p Shared,
    /// `None` when the caller is alone.
    guard: Option<MutexGuard<'p, ()>>,
}

impl Team<'_> {
    /// Calls `job` once for each piece, on any thread, and returns when all are done. Panics
    /// when a piece has.
    pub(crate) fn run(&self, pieces: usize, job: Job<'_>) {
        let is_alone = self.guard.is_none() || pieces < 2;
        if is_alone || u32::try_from(pieces).is_err() {
            return (0..pieces).for_each(|piece| job(piece, 0));
        }
        let shared = self.shared;
        // SAFETY: only the lifetime is changed. The reference is read only by threads that have
        // taken a piece, and this call returns only when every piece is done.
        let job: Job<'static> = unsafe { std::mem::transmute(job) };
        // SAFETY: this thread holds the team, and the last job's pieces are all done, so nobody
        // reads the cell.
        unsafe { *shared.job.get() = Some(job) };
        shared.pending.store(pieces, Ordering::Relaxed);
        let count = shared.parts.len();
        for (at, part) in shared.parts.iter().enumerate() {
            part.set(pieces * at / count..pieces * (at + 1) / count);
        }
        while shared.take(0) {}
        let mut looks = 0;
        while shared.pending.load(Ordering::Acquire) != 0 {
            pause(&mut looks);
        }
        if shared.has_panicked.swap(false, Ordering::Relaxed) {
            panic!("a piece of a step panicked");
        }
    }
}

impl Drop for Team<'_> {
    fn drop(&mut self) {
        if self.guard.is_some() {
            self.shared.is_open.store(false, Ordering::Release);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.sleep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a worker: asleep until a team opens, then looking for pieces until it closes.
    fn work(&self, thread: usize) {
        loop {
            let mut state = self.state();
            while !state.has_stopped && !self.is_open.load(Ordering::Acquire) {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.has_stopped {
                return;
            }
            drop(state);
            let mut looks = 0;
            while self.is_open.load(Ordering::Acquire) {
                if self.take(thread) {
                    looks = 0;
                } else {
                    pause(&mut looks);
                }
            }
        }
    }

    /// Does one piece of the current job, if one is left.
    fn take(&self, thread: usize) -> bool {
        let count = self.parts.len();
        let others = (1..count).map(|step| &self.parts[(thread + step) % count]);
        let piece = self.parts[thread].take(true);
        let Some(piece) = piece.or_else(|| others.into_iter().find_map(|part| part.take(false)))
        else {
            return false;
        };
        // SAFETY: a piece of this job is taken and not done, so the cell is not written.
        let job = unsafe { *self.job.get() };
        if let Some(job) = job
            && catch_unwind(AssertUnwindSafe(|| job(piece, thread))).is_err()
        {
            self.has_panicked.store(true, Ordering::Relaxed);
        }
        self.pending.fetch_sub(1, Ordering::Release);
        true
    }
}

fn pause(looks: &mut usize) {
    *looks += 1;
    if (*looks).is_multiple_of(LOOKS_BEFORE_YIELD) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        let pool = Pool::new(4);
        for round in 0..200 {
            let team = pool.team();
            for pieces in [0, 1, 2, 7, round] {
                let counts: Vec<AtomicUsize> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
                team.run(pieces, &|piece, thread| {
                    assert!(thread < 4);
                    counts[piece].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1), "{counts:?}");
            }
        }
    }

    #[test]
    fn a_busy_pool_leaves_the_caller_alone_but_served() {
        let pool = Pool::new(2);
        let first = pool.team();
        let second = pool.team();
        assert!(first.guard.is_some() && second.guard.is_none());
        let count = AtomicUsize::new(0);
        second.run(5, &|_, thread| {
            assert_eq!(thread, 0);
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 5);
    }

    #[test]
    fn a_panic_of_a_piece_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(3);
        let run = |pieces| {
            let team = pool.team();
            catch_unwind(AssertUnwindSafe(|| {
                team.run(pieces, &|piece, _| assert!(piece != 99, "piece 99"));
            }))
        };
        assert!(run(100).is_err());
        assert!(run(50).is_ok());
    }
}
