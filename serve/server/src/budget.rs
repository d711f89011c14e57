//! One budget of memory for the bodies of all requests.

use crate::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all bodies together may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    limit: usize,
}

/// The bytes that one body holds; dropping it gives them back.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Budget> {
        Arc::new(Budget { used: AtomicUsize::new(0), limit })
    }

    /// A charge of no bytes yet.
    pub(crate) fn open(self: &Arc<Budget>) -> Charge {
        Charge { budget: self.clone(), bytes: 0 }
    }
}

impl Charge {
    /// Takes `bytes` more, or refuses when they are not to be had now.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.budget.limit;
        let grown = |used: usize| used.checked_add(bytes).filter(|&sum| sum <= limit);
        self.budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| Refusal::BuffersFull { limit })?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_when_the_charge_is_dropped() {
        let budget = Budget::new(10);
        let mut first = budget.open();
        first.grow(6).unwrap();
        let mut second = budget.open();
        assert_eq!(second.grow(5), Err(Refusal::BuffersFull { limit: 10 }));
        assert_eq!(second.grow(usize::MAX), Err(Refusal::BuffersFull { limit: 10 }));
        second.grow(4).unwrap();
        drop(first);
        second.grow(6).unwrap();
    }
}
