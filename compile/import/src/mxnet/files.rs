//! Files beside the symbol file: the parameters of its model.

use super::damaged;
use crate::{ImportError, beside};
use std::io::Read;
use std::path::Path;

/// What the name of a symbol file ends in.
const SYMBOL: &str = "-symbol.json";

/// What the names of files of parameters end in.
const PARAMETERS: &str = ".params";

/// What the names of a symbol file and of its parameters have in common.
pub(super) fn stem(name: &str) -> &str {
    name.strip_suffix(SYMBOL).or_else(|| name.strip_suffix(".json")).unwrap_or(name)
}

/// The name of the parameters of a symbol file: those of the latest epoch, or of none.
pub(super) fn parameters(folder: &Path, name: &str) -> Option<String> {
    let stem = stem(name);
    let mut found: Option<(Option<u64>, String)> = None;
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let own = entry.file_name();
        let Some(own) = own.to_str() else { continue };
        let Some(rest) = own.strip_prefix(stem) else { continue };
        let Some(rest) = rest.strip_suffix(PARAMETERS) else { continue };
        let epoch = match rest.strip_prefix('-') {
            Some(epoch) if epoch.bytes().all(|b| b.is_ascii_digit()) => epoch.parse().ok(),
            None if rest.is_empty() => None,
            _ => continue,
        };
        if found.as_ref().is_none_or(|(best, _)| epoch >= *best) {
            found = Some((epoch, own.to_string()));
        }
    }
    found.map(|(_, name)| name)
}

/// The bytes of a file of a folder, at most so many.
pub(super) fn read(folder: &Path, name: &str, limit: usize) -> Result<Vec<u8>, ImportError> {
    let file = beside::open(Some(folder), name);
    let file = file.map_err(|reason| damaged(format!("its parameters are {reason}")))?;
    let failed = |error| damaged(format!("its parameters are in `{name}`: {error}"));
    let length = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    file.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() <= limit {
        true => Ok(bytes),
        false => Err(ImportError::TooLarge { bytes: length, limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_epoch_of_the_same_model_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str| parameters(folder.path(), name);
        assert_eq!(named("net-symbol.json"), None);
        for name in ["net.params", "net-0000.params", "net-0010.params", "net-0009.params"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for name in ["net-other-0099.params", "net2-0099.params", "net-best.params"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(named("net-symbol.json").as_deref(), Some("net-0010.params"));
        assert_eq!(named("net-best-symbol.json").as_deref(), Some("net-best.params"));
        assert!(read(folder.path(), "net.params", 0).is_ok());
    }
}
