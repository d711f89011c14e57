//! The memory that constants may take.

use crate::error::Reason;
use std::cell::Cell;
use tensor::{DType, element_count};

/// Bytes of a name that count as much as a node or a value, where these are counted.
pub(crate) const NAME_BYTES: usize = 64;

/// Bytes of constants that one import may read or compute, results that are dropped again
/// included.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    taken: Cell<usize>,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(limit: usize) -> Budget {
        Budget { limit, taken: Cell::new(0) }
    }

    /// How many bytes are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.get()
    }

    /// Goes back to as many bytes taken as there were.
    pub(crate) fn set_taken(&self, taken: usize) {
        self.taken.set(taken);
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.limit - self.taken.get()
    }

    /// Takes the bytes of a tensor that is about to be made. `None` stands for more than can be
    /// counted.
    pub(crate) fn take(&self, bytes: Option<usize>) -> Result<(), Reason> {
        let taken = bytes.and_then(|bytes| self.taken.get().checked_add(bytes));
        match taken {
            Some(taken) if taken <= self.limit => {
                self.taken.set(taken);
                Ok(())
            }
            _ => Err(self.exceeded(bytes)),
        }
    }

    fn exceeded(&self, bytes: Option<usize>) -> Reason {
        let left = self.limit - self.taken.get();
        Reason::TooLarge { bytes, left, limit: self.limit }
    }

    /// Requires that so many bytes are left, which are given back at once.
    pub(crate) fn require(&self, bytes: Option<usize>) -> Result<(), Reason> {
        let taken = self.taken.get();
        self.take(bytes)?;
        self.taken.set(taken);
        Ok(())
    }
}

/// The bytes of a tensor; `None` when they cannot be counted.
pub(crate) fn byte_count(dtype: DType, shape: &[usize]) -> Option<usize> {
    element_count(shape)?.checked_mul(dtype.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_budget_is_not_taken_from_it() {
        let budget = Budget::new(100);
        budget.take(Some(60)).unwrap();
        assert!(budget.take(Some(41)).is_err());
        assert!(budget.take(None).is_err());
        assert!(budget.take(Some(usize::MAX)).is_err());
        budget.require(Some(40)).unwrap();
        budget.take(Some(40)).unwrap();
        let error = budget.take(Some(1)).unwrap_err().to_string();
        assert_eq!(error, "takes 1 bytes; of the memory budget of 100 bytes 0 are left");
    }
}
