//! JSON with words for what is no number, as Python and XGBoost write it.

use serde_json::Value;
use std::borrow::Cow;

/// The words, and what stands for them: infinity is a number that no `f32` reaches.
const WORDS: [(&str, &str); 3] = [("-Infinity", "-1e300"), ("Infinity", "1e300"), ("NaN", "null")];

/// Bytes of memory that a byte of text may take as a value: each `{"a":0},` is a map by itself.
const GROWTH: u64 = 80;

/// Bytes of memory that the value of a text may take, or a description of this shape.
pub(crate) fn bytes(text: impl AsRef<[u8]>) -> u64 {
    (text.as_ref().len() as u64).saturating_mul(GROWTH)
}

/// The value of a text, nested at most as deep as the reader allows, which is 128.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(&plain(text)).map_err(|error| error.to_string())
}

/// The text with other words for what is no number, outside of strings.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !WORDS.iter().any(|(word, _)| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len());
    let (mut rest, mut is_string) = (text, false);
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|(word, _)| !is_string && rest.starts_with(word));
        if let Some((word, replacement)) = word {
            made.push_str(replacement);
            rest = &rest[word.len()..];
            continue;
        }
        is_string ^= first == '"';
        made.push(first);
        rest = &rest[first.len_utf8()..];
        if is_string && first == '\\' {
            // What is escaped ends no string.
            let escaped = rest.chars().next();
            made.extend(escaped);
            rest = &rest[escaped.map_or(0, char::len_utf8)..];
        }
    }
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_what_is_no_number_are_read_outside_of_strings() {
        let found = parse(r#"{"a": [NaN, -Infinity, Infinity], "b": "NaN \" Infinity"}"#).unwrap();
        let expected = r#"{"a": [null, -1e300, 1e300], "b": "NaN \" Infinity"}"#;
        assert_eq!(found, serde_json::from_str::<Value>(expected).unwrap());
        assert!(parse(&"[".repeat(1000)).unwrap_err().contains("recursion limit"));
    }
}
