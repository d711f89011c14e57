//! Labeled images on disk.

use crate::error::Error;
use crate::model::read_text;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// An image and the classes that are right for it.
#[derive(Debug, PartialEq)]
pub(crate) struct Item {
    /// The file.
    pub(crate) path: PathBuf,
    /// The file as the data set names it.
    pub(crate) name: String,
    /// Indices of the classes; any of them is right.
    pub(crate) labels: Vec<usize>,
}

/// One entry of `labels.json`; other fields are left alone.
#[derive(Deserialize)]
struct Entry {
    file: String,
    labels: Vec<usize>,
}

const LIST: &str = "labels.json";

/// The images at `data`, sorted by name or in the order of the list. `names` are the model's
/// classes.
pub(crate) fn read(data: &Path, names: &[String]) -> Result<Vec<Item>, Error> {
    let metadata = std::fs::metadata(data).map_err(|e| Error::of_file(data, e))?;
    let list = data.join(LIST);
    let items = if metadata.is_file() {
        from_list(data)?
    } else if list.exists() {
        from_list(&list)?
    } else {
        from_folders(data, names)?
    };
    if items.is_empty() {
        let shown = data.display();
        return Err(Error::Failure(format!(
            "{shown}: expected images in folders named as their classes, or {LIST}; found none"
        )));
    }
    Ok(items)
}

/// As [`read`]; of a folder of images alone they have no labels.
pub(crate) fn read_any(data: &Path, names: &[String]) -> Result<Vec<Item>, Error> {
    let is_plain = data.is_dir() && !data.join(LIST).exists();
    let images: Vec<PathBuf> = match is_plain {
        true => sorted(data)?.into_iter().filter(|path| is_image(path)).collect(),
        false => Vec::new(),
    };
    if images.is_empty() {
        return read(data, names);
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(images
        .into_iter()
        .map(|path| Item { name: name(&path), path, labels: Vec::new() })
        .collect())
}

fn from_list(list: &Path) -> Result<Vec<Item>, Error> {
    let entries: Vec<Entry> = serde_json::from_str(&read_text(list)?).map_err(|e| {
        let expected = r#"[{"file": "x.png", "labels": [243]}, …]"#;
        Error::Failure(format!("{}: expected {expected}: {e}", list.display()))
    })?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let find = |entry: Entry| {
        let beside = folder.join(&entry.file);
        let path = if beside.exists() { beside } else { folder.join("images").join(&entry.file) };
        Item { path, name: entry.file, labels: entry.labels }
    };
    Ok(entries.into_iter().map(find).collect())
}

fn from_folders(data: &Path, names: &[String]) -> Result<Vec<Item>, Error> {
    let folders: Vec<PathBuf> = sorted(data)?.into_iter().filter(|path| path.is_dir()).collect();
    let mut items = Vec::new();
    for (position, folder) in folders.iter().enumerate() {
        let class = folder.file_name().unwrap_or_default().to_string_lossy();
        let is_complete = folders.len() == names.len() || names.is_empty();
        let label = index_of(&class, names).or(is_complete.then_some(position)).ok_or_else(|| {
            Error::Failure(format!(
                "{}: expected the name or number of one of the model's {} classes ({}, …), found \
                 `{class}`; give --labels",
                folder.display(),
                names.len(),
                names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
            ))
        })?;
        for path in sorted(folder)?.into_iter().filter(|path| is_image(path)) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{class}/{file}");
            items.push(Item { path, name, labels: vec![label] });
        }
    }
    Ok(items)
}

/// The class that a folder's name means: a name, compared without case and with `_` and `-` as
/// spaces, or a number.
fn index_of(folder: &str, names: &[String]) -> Option<usize> {
    let plain = |s: &str| s.to_lowercase().replace(['_', '-'], " ");
    let by_name = names.iter().position(|name| plain(name) == plain(folder));
    by_name.or_else(|| folder.parse().ok().filter(|&n| n < names.len() || names.is_empty()))
}

fn is_image(path: &Path) -> bool {
    let suffix = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ["jpg", "jpeg", "png", "webp"].contains(&suffix.as_str())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::of_file(folder, e))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_classes_by_name_or_number() {
        let names = ["T-shirt", "Ankle boot"].map(str::to_string);
        for (folder, expected) in [
            ("Ankle boot", Some(1)),
            ("ankle_boot", Some(1)),
            ("t-shirt", Some(0)),
            ("1", Some(1)),
            ("2", None),
            ("Hat", None),
        ] {
            assert_eq!(index_of(folder, &names), expected, "{folder}");
        }
        assert_eq!(index_of("243", &[]), Some(243));
    }
}
