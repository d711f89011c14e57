//! Reading folders and small files, bounded.

use crate::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most entries of one folder. 10 000: more models than one process serves, while a folder of
/// data that was named by mistake is refused at once.
const ENTRIES_MAX: usize = 10_000;

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) is_folder: bool,
}

/// The entries of a folder by name. Hidden ones are left out: `..data` of Kubernetes and
/// `.name.XXXX` of tools that copy are nobody's models. Names that are not UTF-8 cannot be asked
/// for by a request and are left out too.
pub(crate) fn entries(folder: &Path) -> Result<Vec<Entry>, Error> {
    let failed = |e: std::io::Error| Error::of_file(folder, &e);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if entries.len() == ENTRIES_MAX {
            let reason = format!("expected a folder of models, found over {ENTRIES_MAX} entries");
            return Err(Error::new(folder, reason));
        }
        let path = entry.path();
        // Follows links; what vanished since is no entry.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        entries.push(Entry { name, path, is_folder: metadata.is_dir() });
    }
    entries.sort_unstable();
    Ok(entries)
}

/// The bytes of a file of at most `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let failed = |e: std::io::Error| Error::of_file(path, &e);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(Error::new(path, format!("expected at most {limit} bytes, found more")));
    }
    Ok(bytes)
}

/// The text of a file of at most `limit` bytes.
pub(crate) fn text(path: &Path, limit: usize) -> Result<String, Error> {
    String::from_utf8(bytes(path, limit)?).map_err(|_| Error::new(path, "expected UTF-8 text"))
}

/// The number that a folder's name is: digits and nothing else, at most what is signed on the
/// wire of TensorFlow Serving.
pub(crate) fn version_number(name: &str) -> Option<u64> {
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| name.parse::<i64>().ok()).flatten()?;
    u64::try_from(number).ok()
}

/// Which file of `entries` is a model, by the ends of names that can be loaded: the only one, or
/// the one called `model`.
pub(crate) fn model_file(
    folder: &Path,
    entries: &[Entry],
    suffixes: &[String],
) -> Result<PathBuf, String> {
    let found: Vec<&Entry> = entries
        .iter()
        .filter(|entry| !entry.is_folder && is_model(&entry.name, suffixes))
        .collect();
    let stem = |entry: &&&Entry| entry.name.split('.').next() == Some("model");
    match found.as_slice() {
        [] => Err(no_model(folder, entries, suffixes)),
        [only] => Ok(only.path.clone()),
        several => match several.iter().filter(stem).collect::<Vec<_>>().as_slice() {
            [model] => Ok(model.path.clone()),
            _ => {
                let names: Vec<&str> = several.iter().map(|entry| &*entry.name).collect();
                let names = names.join(", ");
                Err(format!("expected one model file, found {names}; call one of them `model`"))
            }
        },
    }
}

/// Does the name end as those of files that can be loaded?
pub(crate) fn is_model(name: &str, suffixes: &[String]) -> bool {
    suffixes.iter().any(|suffix| {
        let start = name.len().checked_sub(suffix.len());
        start.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    })
}

fn no_model(folder: &Path, entries: &[Entry], suffixes: &[String]) -> String {
    /// Names that a message shows.
    const SHOWN: usize = 4;
    let names: Vec<&str> = entries.iter().take(SHOWN).map(|entry| &*entry.name).collect();
    let found = match names.is_empty() {
        true => "an empty folder".to_string(),
        false => format!("{}{}", names.join(", "), if entries.len() > SHOWN { ", …" } else { "" }),
    };
    format!(
        "{}: expected a model file ({}), found {found}; export the model to ONNX or build it",
        folder.display(),
        suffixes.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_plain_integers() {
        for (name, number) in [
            ("1", Some(1)),
            ("0", Some(0)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1.0", None),
            ("v1", None),
            ("1 ", None),
        ] {
            assert_eq!(version_number(name), number, "{name:?}");
        }
    }

    #[test]
    fn the_model_is_the_only_one_or_called_so() {
        let suffixes = [".onnx".to_string(), ".so".to_string()];
        let check = |names: &[&str]| {
            let entries: Vec<Entry> = names
                .iter()
                .map(|&name| Entry { name: name.into(), path: name.into(), is_folder: false })
                .collect();
            model_file(Path::new("1"), &entries, &suffixes)
        };
        assert_eq!(check(&["labels.txt", "net.ONNX"]), Ok("net.ONNX".into()));
        assert_eq!(check(&["model.onnx", "other.onnx"]), Ok("model.onnx".into()));
        let text = "expected one model file, found a.so, b.onnx; call one of them `model`";
        assert_eq!(check(&["a.so", "b.onnx"]), Err(text.to_string()));
        let text = "1: expected a model file (.onnx .so), found saved_model.pb; export the model \
                    to ONNX or build it";
        assert_eq!(check(&["saved_model.pb"]), Err(text.to_string()));
    }
}
