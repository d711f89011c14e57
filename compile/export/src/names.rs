//! Names, each given once.

use std::collections::{HashMap, HashSet};

/// The names that are taken.
#[derive(Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
    /// Of each name that was wished for twice, the number that is tried next.
    next: HashMap<String, usize>,
}

impl Names {
    /// Takes a name; was it free?
    pub(crate) fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_string())
    }

    /// A name that nothing else has: the wish, or the wish with a number.
    pub(crate) fn fresh(&mut self, wish: &str) -> String {
        let wish = if wish.is_empty() { "value" } else { wish };
        if self.take(wish) {
            return wish.to_string();
        }
        loop {
            let number = self.next.entry(wish.to_string()).or_insert(1);
            let name = format!("{wish}_{number}");
            *number += 1;
            if self.take(&name) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        let given = ["a", "a", "a_1", "a", "", ""].map(|wish| names.fresh(wish));
        assert_eq!(given, ["a", "a_1", "a_1_1", "a_2", "value", "value_1"]);
    }
}
