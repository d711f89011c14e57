//! Texts by which others are looked up.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tensor::Text;

/// Keys in an order, and the places where they are, which are sought out once: with the first
/// lookup, for a plan that is only read needs none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keys {
    keys: Vec<Arc<str>>,
    #[serde(skip)]
    places: OnceLock<HashMap<Arc<str>, usize>>,
}

impl Keys {
    /// The keys, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keys.iter().map(Arc::as_ref)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The place of the first key that each element equals, if it equals one.
    pub(super) fn places(&self, x: &Text) -> impl Iterator<Item = Option<usize>> {
        let places = self.places.get_or_init(|| {
            let mut places = HashMap::with_capacity(self.keys.len());
            for (place, key) in self.keys.iter().enumerate() {
                places.entry(key.clone()).or_insert(place);
            }
            places
        });
        x.elements().map(move |x| places.get(x).copied())
    }
}

impl<T: Into<Arc<str>>> FromIterator<T> for Keys {
    fn from_iter<I: IntoIterator<Item = T>>(keys: I) -> Keys {
        Keys { keys: keys.into_iter().map(Into::into).collect(), places: OnceLock::new() }
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Keys) -> bool {
        self.keys == other.keys
    }
}

impl Eq for Keys {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_keys_is_found_each_time() {
        let keys: Keys = ["b", "a", "b", ""].into_iter().collect();
        let x = Text::new(&[5], ["a", "b", "c", "", "b"]).unwrap();
        for _ in 0..2 {
            let places: Vec<Option<usize>> = keys.places(&x).collect();
            assert_eq!(places, [Some(1), Some(0), None, Some(3), Some(0)]);
        }
        assert_eq!(keys, ["b", "a", "b", ""].into_iter().collect());
        assert_eq!(Keys::default().places(&x).flatten().count(), 0);
    }
}
