//! Writes JSON with the white space of the servers whose clients we serve: four spaces and
//! one-line rows as RapidJSON's `PrettyWriter` has them, one space as protobuf's printer has, none
//! as RapidJSON's `Writer` has.

use super::number;
use tensor::DType;

/// Room that every text has from the start, in bytes. 256: most answers but lists fit.
const OUT_MIN: usize = 256;

/// A JSON text that grows.
#[derive(Debug)]
pub(crate) struct Pretty {
    out: Vec<u8>,
    /// Spaces a level; `None` for no white space at all.
    indent: Option<usize>,
    levels: Vec<Level>,
    /// Are arrays written on one line?
    pub(crate) is_single_line: bool,
}

#[derive(Debug)]
struct Level {
    is_array: bool,
    /// Values so far; in an object, keys count too.
    count: usize,
}

impl Pretty {
    /// An empty text, to be indented by `indent` spaces a level.
    pub(crate) fn new(indent: usize) -> Pretty {
        Pretty { indent: Some(indent), ..Pretty::compact() }
    }

    /// An empty text, to be without white space.
    pub(crate) fn compact() -> Pretty {
        Pretty {
            out: Vec::with_capacity(OUT_MIN),
            indent: None,
            levels: Vec::new(),
            is_single_line: false,
        }
    }

    /// The text.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn array(&mut self) {
        self.prefix();
        self.out.push(b'[');
        self.levels.push(Level { is_array: true, count: 0 });
    }

    pub(crate) fn end_array(&mut self) {
        let level = self.levels.pop();
        if level.is_some_and(|level| level.count > 0) && !self.is_single_line {
            self.new_line();
        }
        self.out.push(b']');
    }

    pub(crate) fn object(&mut self) {
        self.prefix();
        self.out.push(b'{');
        self.levels.push(Level { is_array: false, count: 0 });
    }

    pub(crate) fn end_object(&mut self) {
        if self.levels.pop().is_some_and(|level| level.count > 0) {
            self.new_line();
        }
        self.out.push(b'}');
    }

    /// A key, or a value that is a string.
    pub(crate) fn string(&mut self, text: &str) {
        self.prefix();
        self.out.push(b'"');
        // Most texts have nothing to escape.
        if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            text.bytes().for_each(|byte| self.escaped(byte));
        }
        self.out.push(b'"');
    }

    /// A value that is its own JSON text: a number, `true`, `NaN`.
    pub(crate) fn raw(&mut self, value: &str) {
        self.prefix();
        self.out.extend_from_slice(value.as_bytes());
    }

    /// A key and a string.
    pub(crate) fn field(&mut self, key: &str, value: &str) {
        self.string(key);
        self.string(value);
    }

    /// A key and a value that is its own JSON text.
    pub(crate) fn raw_field(&mut self, key: &str, value: &str) {
        self.string(key);
        self.raw(value);
    }

    /// A list of elements in one piece, which costs little more than their texts: compact.
    pub(crate) fn elements(&mut self, dtype: DType, bytes: &[u8]) {
        self.prefix();
        // An element's text and a comma take about this much.
        self.out.reserve(bytes.len().saturating_mul(3));
        let mut next = b'[';
        number::each(dtype, bytes, |text| {
            self.out.push(next);
            self.out.extend_from_slice(text.as_bytes());
            next = b',';
        });
        if next == b'[' {
            self.out.push(next);
        }
        self.out.push(b']');
    }

    fn escaped(&mut self, byte: u8) {
        match byte {
            b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            0..0x20 => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            0x20.. => self.out.push(byte),
        }
    }

    /// What stands between the value before and the one that comes.
    fn prefix(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        let count = level.count;
        level.count += 1;
        if level.is_array {
            if count > 0 {
                self.out.push(b',');
            }
            match (self.is_single_line, count) {
                (true, 0) => {}
                (true, _) => self.out.push(b' '),
                (false, _) => self.new_line(),
            }
        } else if count % 2 == 1 {
            let separator: &[u8] = if self.indent.is_some() { b": " } else { b":" };
            self.out.extend_from_slice(separator);
        } else {
            if count > 0 {
                self.out.push(b',');
            }
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        let Some(indent) = self.indent else { return };
        self.out.push(b'\n');
        self.out.resize(self.out.len() + self.levels.len() * indent, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_as_rapidjson_does() {
        let mut json = Pretty::new(4);
        json.object();
        json.string("predictions");
        json.array();
        json.is_single_line = true;
        json.raw("2.5");
        json.raw("3.0");
        json.is_single_line = false;
        json.end_array();
        json.string("empty");
        json.object();
        json.end_object();
        json.end_object();
        let text = String::from_utf8(json.finish()).unwrap();
        let expected = "{\n    \"predictions\": [2.5, 3.0\n    ],\n    \"empty\": {}\n}";
        assert_eq!(text, expected);
    }

    #[test]
    fn compact_text_has_no_white_space() {
        let mut json = Pretty::compact();
        json.object();
        json.field("name", "y");
        json.string("data");
        let floats: Vec<u8> = [1.0f32, 2.5].iter().flat_map(|v| v.to_le_bytes()).collect();
        json.elements(DType::F32, &floats);
        json.string("none");
        json.elements(DType::I8, &[]);
        json.string("list");
        json.array();
        json.raw("1");
        json.raw("2");
        json.end_array();
        json.end_object();
        let text = String::from_utf8(json.finish()).unwrap();
        assert_eq!(text, r#"{"name":"y","data":[1.0,2.5],"none":[],"list":[1,2]}"#);
    }

    #[test]
    fn strings_survive_a_round_trip() {
        for text in ["plain", "a\"b\\c", "line\nfeed\ttab\r", "\u{1}\u{1f}", "größer 🐈"] {
            let mut json = Pretty::new(0);
            json.string(text);
            let back: String = serde_json::from_slice(&json.finish()).unwrap();
            assert_eq!(back, text);
        }
    }
}
