//! Which requests of a model go before others: Triton's levels of priority and what it allows each.

use crate::text_proto::{Message, TextError, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which requests of a model go before others that wait. The default: none do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Priorities {
    /// How many levels there are, of which 1 is the most urgent; 0 when all requests are alike.
    pub levels: u64,
    /// The level of requests that name none, or one that there is not.
    pub default_level: u64,
    /// What holds for the requests of levels that are not in `by_level`.
    pub queue: QueuePolicy,
    /// What holds for those of these levels.
    pub by_level: BTreeMap<u64, QueuePolicy>,
}

/// How many requests of one level may wait, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueuePolicy {
    /// Most that wait; 0 for no bound of the level's own.
    pub max_length: usize,
    /// A request that has waited for longer is refused when its turn comes.
    pub max_wait: Option<Duration>,
}

/// Fields of `dynamic_batching` that are read here.
pub(crate) const FIELDS: [&str; 4] =
    ["priority_levels", "default_priority_level", "default_queue_policy", "priority_queue_policy"];

impl Priorities {
    /// Does it matter which priority a request has?
    pub fn has_levels(&self) -> bool {
        self.levels > 0
    }

    /// The level of a request of this priority; 0 says nothing.
    ///
    /// ```
    /// use repository::Priorities;
    /// let priorities = Priorities { levels: 3, default_level: 2, ..Priorities::default() };
    /// assert_eq!([0, 1, 3, 4].map(|priority| priorities.level(priority)), [2, 1, 3, 2]);
    /// ```
    pub fn level(&self, priority: u64) -> u64 {
        if (1..=self.levels).contains(&priority) { priority } else { self.default_level }
    }

    /// What holds for the requests of a level.
    pub fn policy(&self, level: u64) -> QueuePolicy {
        self.by_level.get(&level).copied().unwrap_or(self.queue)
    }

    /// How long a request of this priority may wait, as far as the model says.
    pub fn max_wait(&self, priority: u64) -> Option<Duration> {
        self.policy(self.level(priority)).max_wait
    }
}

/// What a model's `dynamic_batching` says.
pub(crate) fn read(batching: &Message<'_>) -> Result<Priorities, TextError> {
    let levels = batching.number("priority_levels")?.unwrap_or(0);
    let default_level = batching.number("default_priority_level")?.unwrap_or(0);
    if levels > 0 && !(1..=levels).contains(&default_level) {
        let reason = format!(
            "expected a default_priority_level from 1 to {levels}, the priority_levels, \
             found {default_level}"
        );
        return Err(TextError { line: batching.line, reason });
    }
    let queue =
        batching.message("default_queue_policy")?.map_or(Ok(QueuePolicy::default()), policy)?;
    let mut by_level = BTreeMap::new();
    for entry in batching.messages("priority_queue_policy")? {
        let level = entry.number("key")?.unwrap_or(0);
        if !(1..=levels).contains(&level) {
            let reason = format!(
                "expected a level from 1 to {levels} in priority_queue_policy, found {level}"
            );
            return Err(TextError { line: entry.line, reason });
        }
        let value = entry.message("value")?.map_or(Ok(QueuePolicy::default()), policy)?;
        by_level.insert(level, value);
    }
    let default_level = if levels > 0 { default_level } else { 0 };
    Ok(Priorities { levels, default_level, queue, by_level })
}

/// A `ModelQueuePolicy`. What would be delayed rather than refused waits for its turn; a request
/// may always say that it waits for less.
fn policy(message: &Message<'_>) -> Result<QueuePolicy, TextError> {
    let max_length = message.number("max_queue_size")?.unwrap_or(0);
    let action = message.one("timeout_action")?.map(|action| &action.value);
    let is_delayed = matches!(action, Some(Value::Word { word: "DELAY" | "1", .. }));
    let timeout = message.number("default_timeout_microseconds")?.unwrap_or(0);
    Ok(QueuePolicy {
        max_length: usize::try_from(max_length).unwrap_or(usize::MAX),
        max_wait: (timeout > 0 && !is_delayed).then(|| Duration::from_micros(timeout)),
    })
}
