//! When a file or folder is complete: nobody says so, so it must have stopped to change.

use crate::candidate::Lying;
use crate::{Error, ModelFile, listing};
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// How long nothing may have changed. One second: copies write several times a second, and a
/// model that is a second late is missed by nobody.
pub const QUIET: Duration = Duration::from_secs(1);

/// Deepest folder in a version, and most files of one: SavedModels have two levels and some
/// dozens of files.
const DEPTH_MAX: usize = 8;
const FILES_MAX: usize = 10_000;

/// What a file, or all files of a folder, look like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The path below the folder, size in bytes, and time of the last change of each.
    files: Vec<(String, u64, Option<SystemTime>)>,
    /// The latest of those times.
    changed: Option<SystemTime>,
}

impl Fingerprint {
    /// The fingerprint of what lies there now.
    ///
    /// # Errors
    /// When it cannot be read, or is deeper or larger than a version of a model is.
    pub fn of(path: &Path) -> Result<Fingerprint, Error> {
        let mut fingerprint = Fingerprint { files: Vec::new(), changed: None };
        fingerprint.add(path, "", 0)?;
        Ok(fingerprint)
    }

    /// A number that stands for it in this process.
    pub fn revision(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files.hash(&mut hasher);
        hasher.finish()
    }

    fn add(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_MAX || self.files.len() >= FILES_MAX {
            let reason = format!("expected one model, found over {DEPTH_MAX} levels of folders or");
            return Err(Error::new(path, format!("{reason} {FILES_MAX} files")));
        }
        let metadata = fs::metadata(path).map_err(|e| Error::of_file(path, &e))?;
        let changed = changed(&metadata);
        self.changed = self.changed.max(changed);
        // A folder has a row too: it changes when a file comes or goes.
        let size = if metadata.is_dir() { 0 } else { metadata.len() };
        self.files.push((name.to_string(), size, changed));
        if metadata.is_dir() {
            for entry in listing::entries(path)? {
                self.add(&entry.path, &format!("{name}/{}", entry.name), depth + 1)?;
            }
        }
        Ok(())
    }
}

/// What is remembered of a version from one look to the next.
#[derive(Debug)]
pub(crate) struct Sight {
    fingerprint: Fingerprint,
    /// When it looked so for the first time.
    since: Instant,
    /// Does it look complete now?
    pub(crate) is_settled: bool,
    /// What lay there when it was complete last, if it was.
    pub(crate) complete: Option<Complete>,
}

/// A version that was complete.
#[derive(Debug, Clone)]
pub(crate) struct Complete {
    /// Stands for the fingerprint.
    pub(crate) revision: u64,
    /// Where its model is, or why there is none.
    pub(crate) file: Result<ModelFile, String>,
}

impl Sight {
    /// What is to be remembered of what looks so now. What is trusted counts as complete when it
    /// is seen for the first time. What is not complete now is as it was when it was: it is being
    /// written, and what was served goes on.
    pub(crate) fn of(
        lying: &Lying,
        fingerprint: Fingerprint,
        is_trusted: bool,
        before: Option<Sight>,
        (now, clock): (Instant, SystemTime),
    ) -> Sight {
        let seen = before.as_ref().map(|sight| (&sight.fingerprint, now - sight.since));
        let is_trusted = is_trusted && before.is_none();
        let is_settled = is_trusted || is_settled(&fingerprint, seen, clock);
        let since = match &before {
            Some(sight) if sight.fingerprint == fingerprint => sight.since,
            _ => now,
        };
        let complete = match is_settled {
            true => Some(Complete { revision: fingerprint.revision(), file: lying.file.clone() }),
            false => before.and_then(|sight| sight.complete),
        };
        Sight { fingerprint, since, is_settled, complete }
    }
}

/// Is what lies there complete? Names, sizes and times must be those of `previous`, which was seen
/// for the first time `since` ago, if anything was. That must be [`QUIET`] ago, or the last change
/// must be by the clock. A copy that pauses for longer is taken as it is, and the test at loading
/// must refuse it.
pub fn is_settled(
    now: &Fingerprint,
    previous: Option<(&Fingerprint, Duration)>,
    clock: SystemTime,
) -> bool {
    let is_old = || {
        let quiet = now.changed.and_then(|changed| clock.duration_since(changed).ok());
        quiet.is_some_and(|quiet| quiet >= QUIET)
    };
    match previous {
        Some((previous, since)) => now == previous && (since >= QUIET || is_old()),
        None => is_old(),
    }
}

/// When the file changed last: by the clock of the file system where there is one, since tools
/// that copy set the other time to that of the original.
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let modified = metadata.modified().ok();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(metadata.ctime()).ok();
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok();
        let since = seconds.zip(nanoseconds).map(|(s, n)| Duration::new(s, n));
        modified.max(since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)))
    }
    #[cfg(not(unix))]
    modified
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_folder_is_not_settled() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        fs::write(&file, b"half").unwrap();
        let half = Fingerprint::of(folder.path()).unwrap();
        let now = SystemTime::now();
        assert!(!is_settled(&half, None, now), "it was written just now");
        assert!(is_settled(&half, None, now + QUIET + QUIET));
        assert!(!is_settled(&half, Some((&half, QUIET / 2)), now), "too soon to tell");
        assert!(is_settled(&half, Some((&half, QUIET)), now));
        fs::write(&file, b"whole").unwrap();
        let whole = Fingerprint::of(folder.path()).unwrap();
        assert!(!is_settled(&whole, Some((&half, QUIET * 9)), now));
        fs::write(folder.path().join("weights.bin"), b"").unwrap();
        let more = Fingerprint::of(folder.path()).unwrap();
        assert!(!is_settled(&more, Some((&whole, QUIET)), now));
    }

    #[test]
    fn what_is_no_model_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b/c/d/e/f/g/h/i")).unwrap();
        let error = Fingerprint::of(folder.path()).unwrap_err();
        assert!(error.reason.starts_with("expected one model, found"), "{error}");
        assert!(Fingerprint::of(&folder.path().join("x")).is_err());
    }
}
