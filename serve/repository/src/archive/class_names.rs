//! `index_to_name.json`: the names of classes by index.

use serde_json::Value;
use std::collections::BTreeMap;

/// Largest index. A million: the largest sets of classes have some ten thousands.
const INDEX_MAX: usize = 1_000_000;

/// Reads `{"0": "cat"}`, `{"0": ["n01440764", "tench"]}` where the last name is for people, and
/// `{"object_type_names": ["cat"]}`. An index without a name is called by its number.
pub(super) fn parse(text: &[u8]) -> Result<Vec<String>, String> {
    let value: Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let names = match &value {
        Value::Object(names) => names,
        Value::Array(names) => return names.iter().map(name).collect(),
        _ => return Err("expected an object of names by index".to_string()),
    };
    if let Some(Value::Array(names)) = names.get("object_type_names") {
        return names.iter().map(name).collect();
    }
    let mut by_index = BTreeMap::new();
    for (key, value) in names {
        let index = key.parse().ok().filter(|&index: &usize| index <= INDEX_MAX);
        let index = index.ok_or_else(|| {
            format!("expected an index of at most {INDEX_MAX}, found {:?}", short(key))
        })?;
        by_index.insert(index, name(value)?);
    }
    let count = by_index.keys().next_back().map_or(0, |index| index + 1);
    let name = |index| by_index.remove(&index).unwrap_or_else(|| index.to_string());
    Ok((0..count).map(name).collect())
}

fn name(value: &Value) -> Result<String, String> {
    match value {
        Value::String(name) => Ok(name.clone()),
        Value::Array(names) => match names.last() {
            Some(Value::String(name)) => Ok(name.clone()),
            _ => Err("expected a name, found a list without one".to_string()),
        },
        _ => Err(format!("expected a name, found {}", short(&value.to_string()))),
    }
}

/// The beginning of a piece of the file.
fn short(text: &str) -> String {
    const LENGTH_MAX: usize = 40;
    text.chars().take(LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let check = |text: &str, expected: Result<&[&str], &str>| {
            let found = parse(text.as_bytes());
            let expected = expected.map_err(str::to_string);
            let expected = expected.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(found, expected, "{text}");
        };
        check(r#"{"0": "cat", "1": "dog"}"#, Ok(&["cat", "dog"]));
        check(r#"{"1": ["n1", "dog"]}"#, Ok(&["0", "dog"]));
        check(r#"{"object_type_names": ["a", "b"]}"#, Ok(&["a", "b"]));
        check(r#"["a"]"#, Ok(&["a"]));
        check("{}", Ok(&[]));
        let text = "expected an index of at most 1000000, found \"1000001\"";
        check(r#"{"1000001": "x"}"#, Err(text));
        check(r#"{"0": 7}"#, Err("expected a name, found 7"));
        check("7", Err("expected an object of names by index"));
    }
}
