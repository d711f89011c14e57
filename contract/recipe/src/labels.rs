//! Class names.

use crate::RecipeError;
use serde_json::Value;
use std::collections::HashSet;

/// Short names of the 1000 ImageNet-1k classes, a name a line, in the order of the class index.
/// Origin: the category list of torchvision 0.29 (`models/_meta.py`, BSD-3-Clause).
const IMAGENET_1K: &str = include_str!("../labels/imagenet1k.txt");

/// Most labels that a list may hold: ImageNet-21k and Open Images have 20 thousand, the largest
/// vocabularies 260 thousand.
const COUNT_MAX: usize = 1 << 20;

/// The 1000 ImageNet-1k class names.
pub fn imagenet1k() -> Vec<String> {
    IMAGENET_1K.lines().map(str::to_string).collect()
}

/// Reads a list of labels: one a line, or JSON.
///
/// JSON is a list of names (`["cat", "dog"]`), or an object from index to name as Hugging Face
/// (`{"0": "cat"}`) and Keras (`{"0": ["n02123045", "tabby"]}`) write it, indices complete from 0,
/// or from name to index (`{"cat": 0}`). In text, an index or a WordNet id before each name is left
/// out, and a blank line is an error unless it is at the end: it would shift or unname a class.
///
/// Give `classes` when the number of the model's scores is known: another number of labels is
/// then refused.
pub fn parse(text: &str, classes: Option<usize>) -> Result<Vec<String>, RecipeError> {
    let text = text.trim_start_matches('\u{feff}');
    let labels = match text.trim_start().chars().next() {
        Some('[' | '{') => from_json(text)?,
        Some(_) | None => from_lines(text)?,
    };
    if labels.is_empty() || labels.len() > COUNT_MAX {
        let found = format!("{}", labels.len());
        return Err(refuse(format!("1 to {COUNT_MAX} labels"), found, "write one label a line"));
    }
    match classes {
        Some(classes) if classes != labels.len() => {
            Err(RecipeError::LabelCount { classes, labels: labels.len() })
        }
        Some(_) | None => Ok(labels),
    }
}

fn from_lines(text: &str) -> Result<Vec<String>, RecipeError> {
    let labels: Vec<String> = text.trim_end().lines().map(|l| l.trim().to_string()).collect();
    match labels.iter().position(String::is_empty) {
        None => Ok(cleaned(labels)),
        Some(_) if labels.iter().all(String::is_empty) => Ok(Vec::new()),
        Some(line) => {
            let found = format!("a blank line {}", line + 1);
            Err(refuse("a label on every line", found, "name that class or remove the line"))
        }
    }
}

/// The names without what other tools write before each of them: its index (Teachable Machine:
/// `0 cat`), or its WordNet id (`n02123045 tabby`).
fn cleaned(labels: Vec<String>) -> Vec<String> {
    let rest = |(index, label): (usize, &String)| {
        let (first, rest) = label.split_once(|c: char| c.is_whitespace())?;
        let id = first.strip_prefix('n').filter(|id| id.len() == 8);
        let is_id = id.is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit()));
        (is_id || first == index.to_string()).then(|| rest.trim().to_string())
    };
    let bare: Option<Vec<String>> = labels.iter().enumerate().map(rest).collect();
    // `0 stars`, `1 stars` are names as they are.
    let is_distinct =
        |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    bare.filter(|names| is_distinct(names) || !is_distinct(&labels)).unwrap_or(labels)
}

fn from_json(text: &str) -> Result<Vec<String>, RecipeError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|e| refuse("labels in JSON", format!("text that is not JSON: {e}"), FIX))?;
    of_json(&value)
}

const FIX: &str = "write a JSON list of names, or one name a line";

/// The names in a list, in an object by their indices, or in one of indices by name.
pub(crate) fn of_json(value: &Value) -> Result<Vec<String>, RecipeError> {
    let map = match value {
        Value::Array(names) => return names.iter().map(name_of).collect(),
        Value::Object(map) => map,
        other => return Err(refuse("a list or an object of names", other, FIX)),
    };
    let missing = |index: usize| {
        let found = format!("none for index {index} of {}", map.len());
        refuse("a name for every index from 0", found, FIX)
    };
    if !map.is_empty() && map.values().all(Value::is_u64) {
        let mut names = vec![None; map.len()];
        for (name, index) in map {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            if let Some(place) = index.and_then(|index| names.get_mut(index)) {
                *place = Some(name.trim().to_string());
            }
        }
        let names = names.into_iter().enumerate();
        return names.map(|(index, name)| name.ok_or_else(|| missing(index))).collect();
    }
    let name = |index: usize| match map.get(&index.to_string()) {
        Some(name) => name_of(name),
        None => Err(missing(index)),
    };
    (0..map.len()).map(name).collect()
}

/// A name by itself, or the last of a list: Keras puts the WordNet id before it.
fn name_of(value: &Value) -> Result<String, RecipeError> {
    let name = match value {
        Value::Array(parts) => parts.last().and_then(|v| v.as_str()),
        other => other.as_str(),
    };
    name.map(|name| name.trim().to_string())
        .ok_or_else(|| refuse("a name as a string", value, "put every name in quotes"))
}

fn refuse(expected: impl ToString, found: impl ToString, fix: &str) -> RecipeError {
    // A whole file must not land in a message.
    let found: String = found.to_string().chars().take(200).collect();
    RecipeError::Labels { expected: expected.to_string(), found, fix: fix.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_imagenet_names_are_a_thousand_and_in_order() {
        let names = imagenet1k();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|n| !n.trim().is_empty()));
        assert_eq!((names[0].as_str(), names[999].as_str()), ("tench", "toilet tissue"));
    }

    #[test]
    fn every_notation_gives_the_same_labels() {
        for text in [
            "cat\ndog\n",
            "\u{feff}cat\r\n dog \r\n\r\n",
            r#"["cat", "dog"]"#,
            r#"{"1": "dog", "0": "cat"}"#,
            r#"{"0": ["n1", "cat"], "1": ["n2", "dog"]}"#,
            r#"{"dog": 1, "cat": 0}"#,
            "0 cat\n1 dog\n",
            "n02123045 cat\nn02084071\tdog\n",
        ] {
            assert_eq!(parse(text, Some(2)).unwrap(), ["cat", "dog"], "{text}");
        }
    }

    #[test]
    fn names_that_only_begin_like_an_index_are_kept() {
        for text in ["0 stars\n1 stars", "0\n1", "1 cat\n2 dog", "0 cat\ndog", "n0212 cat\nn2 dog"]
        {
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(parse(text, None).unwrap(), lines, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_labels_is_refused() {
        for (text, expected) in [
            ("", "found 0"),
            ("\n\n", "found 0"),
            ("cat\n\ndog", "a blank line 2"),
            ("[1, 2]", "expected a name as a string"),
            ("{\"0\": \"cat\", \"2\": \"dog\"}", "none for index 1 of 2"),
            ("{\"cat\": 0, \"dog\": 2}", "none for index 1 of 2"),
            ("{\"cat\": 0, \"dog\": 0}", "none for index 1 of 2"),
            ("[\"cat\"", "not JSON"),
            ("cat", "expected one label for each of the model's 2 classes, found 1"),
        ] {
            let error = parse(text, Some(2)).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
