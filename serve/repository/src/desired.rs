//! The plain description.

use crate::Priorities;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is to be served, as far as it lies there complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// By name.
    pub models: Vec<Model>,
    /// What cannot be served, and why.
    pub refused: Vec<Refused>,
    /// What was read and means nothing here.
    pub ignored: Vec<Ignored>,
    /// Versions whose files still change; they come when they have settled.
    pub unsettled: Vec<PathBuf>,
}

/// One model and how it is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// What requests call it.
    pub name: String,
    /// Those that the policy chooses, oldest first.
    pub versions: Vec<Version>,
    /// Older ones, oldest first: better than nothing when those of `versions` turn out to be bad.
    pub spare: Vec<Version>,
    /// Which of the versions that lie there are chosen.
    pub policy: Policy,
    /// The version of requests that name none, when it is not the newest.
    pub default_version: Option<u64>,
    /// Names of versions.
    pub labels: BTreeMap<String, u64>,
    /// How requests are joined, when they are.
    pub batching: Option<Batching>,
    /// Which requests go before others.
    pub priorities: Priorities,
    /// The names of the classes.
    pub classes: Classes,
    /// How many requests of it run at one time, when something is said about it.
    pub instance_count: Option<usize>,
    /// Names of requests that are to be run before a version answers others.
    pub warmups: Vec<String>,
}

/// One version of a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// Where its model lies.
    pub file: ModelFile,
    /// Another number when the files are other ones: the version is to be loaded again.
    pub revision: u64,
}

/// Where a model lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelFile {
    /// In a file of its own.
    Plain(PathBuf),
    /// In an archive: open it with [`crate::Archive::open`] and unpack it.
    Archived {
        /// The archive, or the folder that holds what an archive would.
        archive: PathBuf,
        /// The model's name inside of it.
        member: String,
    },
}

/// Which of the versions that lie there are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// So many of the newest.
    Latest(usize),
    /// Every one.
    All,
    /// These.
    Specific(Vec<u64>),
}

/// How many rows of different requests run at once, and how long the first one waits for others.
///
/// Rows are never padded: a batch has the size that there are rows. An answer does not depend on
/// who else is in the batch, because the engine's does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batching {
    /// Most rows of several requests that run together. 1 runs each request alone.
    pub max_rows: usize,
    /// Sizes that are run at once when they are reached, ascending; empty when all are alike.
    pub preferred: Vec<usize>,
    /// How long a request may wait for others although a worker is idle.
    pub max_delay: Duration,
}

impl Batching {
    /// Each request alone.
    pub const OFF: Batching =
        Batching { max_rows: 1, preferred: Vec::new(), max_delay: Duration::ZERO };
}

/// The names of a model's classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Classes {
    /// Nothing is said about them.
    #[default]
    Unknown,
    /// They stand in a file, one a line.
    File(PathBuf),
    /// By the position in the model's output.
    Names(Vec<String>),
}

/// Something that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The model.
    pub model: String,
    /// The version, when others of the model can be served.
    pub version: Option<u64>,
    /// Where it lies.
    pub path: PathBuf,
    /// What was expected, what was found, what to do.
    pub reason: String,
}

/// A setting that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The file that it stands in.
    pub path: PathBuf,
    /// Where, counted from 1.
    pub line: usize,
    /// Its name.
    pub setting: String,
}

impl Policy {
    /// Those of `numbers`, ascending, that are chosen.
    ///
    /// ```
    /// use repository::Policy;
    /// assert_eq!(Policy::Latest(2).choose(&[1, 5, 9]), [5, 9]);
    /// assert_eq!(Policy::Specific(vec![9, 4]).choose(&[1, 5, 9]), [9]);
    /// ```
    pub fn choose(&self, numbers: &[u64]) -> Vec<u64> {
        match self {
            Policy::All => numbers.to_vec(),
            Policy::Latest(count) => numbers[numbers.len() - numbers.len().min(*count)..].to_vec(),
            Policy::Specific(wanted) => {
                numbers.iter().copied().filter(|number| wanted.contains(number)).collect()
            }
        }
    }
}

impl ModelFile {
    /// The file in the file system.
    pub fn path(&self) -> &Path {
        match self {
            ModelFile::Plain(path) | ModelFile::Archived { archive: path, .. } => path,
        }
    }
}
