//! A JSON text that is read once from front to back, with refusals in the words of Triton's own
//! reader, on which clients match.

use crate::json::Cursor;
use crate::json::list::{self, Fault};
use jiter::{JiterError, JiterErrorType, JsonErrorType, Peek};
use server::Refusal;
use tensor::{Tensor, TextRow};

/// Deepest nesting of lists of strings. 64: no model has tensors of as many dimensions.
const MAX_DEPTH: usize = 64;

/// A reader and where it stands.
pub(crate) struct Reader<'a>(Cursor<'a>);

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Reader<'a> {
        Reader::at(text, 0)
    }

    /// A reader of the value at `base`, or of what follows it.
    pub(crate) fn at(text: &'a [u8], base: usize) -> Reader<'a> {
        Reader(Cursor::at(text, base))
    }

    /// Reads the one object that the text is; `field` reads the value of each key.
    pub(crate) fn document(
        &mut self,
        field: impl FnMut(&mut Reader<'a>, &str) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if self.0.text.trim_ascii().is_empty() {
            return Err(self.refused("The document is empty.", 0));
        }
        self.object("", field)?;
        self.0.json.finish().map_err(|error| self.syntax(&error))
    }

    /// Reads an object; `field` reads the value of each key.
    pub(crate) fn object(
        &mut self,
        what: &str,
        mut field: impl FnMut(&mut Reader<'a>, &str) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if self.peek()? != Peek::Object {
            return Err(self.mistyped(what, "non-object as object"));
        }
        let mut key = owned(self.0.json.known_object());
        loop {
            match key {
                Err(error) => return Err(self.syntax(&error)),
                Ok(None) => return Ok(()),
                Ok(Some(name)) => field(self, &name)?,
            }
            key = owned(self.0.json.next_key());
        }
    }

    /// Reads a list; `element` reads each element.
    pub(crate) fn list(
        &mut self,
        what: &str,
        mut element: impl FnMut(&mut Reader<'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if self.peek()? != Peek::Array {
            return Err(self.mistyped(what, "non-array as array"));
        }
        let mut next = self.0.json.known_array().map_err(|error| self.syntax(&error))?;
        while next.is_some() {
            element(self)?;
            next = self.0.json.array_step().map_err(|error| self.syntax(&error))?;
        }
        Ok(())
    }

    pub(crate) fn string(&mut self, what: &str) -> Result<String, Refusal> {
        if self.peek()? != Peek::String {
            return Err(self.mistyped(what, "non-string as string"));
        }
        let text = self.0.json.known_str().map(str::to_string);
        text.map_err(|error| self.syntax(&error))
    }

    pub(crate) fn boolean(&mut self, what: &str) -> Result<bool, Refusal> {
        let peek = self.peek()?;
        if !matches!(peek, Peek::True | Peek::False) {
            return Err(self.mistyped(what, "non-boolean as boolean"));
        }
        self.0.json.known_bool(peek).map_err(|error| self.syntax(&error))
    }

    pub(crate) fn unsigned(&mut self, what: &str) -> Result<u64, Refusal> {
        const KINDS: &str = "non-unsigned-integer as unsigned-integer";
        match self.number()? {
            None => Err(self.mistyped(what, KINDS)),
            Some(token) => {
                let mistyped = || unparsable(what, &format!("attempt to access JSON {KINDS}"));
                token.parse().map_err(|_| mistyped())
            }
        }
    }

    /// Reads a string or a number, as text; `None` for `null`.
    pub(crate) fn setting(&mut self, what: &str) -> Result<Option<String>, Refusal> {
        match self.peek()? {
            Peek::Null => self.skip().map(|()| None),
            Peek::String => self.string(what).map(Some),
            _ => match self.number()? {
                Some(token) => Ok(Some(token)),
                None => Err(self.mistyped(what, "non-string as string")),
            },
        }
    }

    /// Is the next value `null`? It is read when it is.
    pub(crate) fn null(&mut self) -> Result<bool, Refusal> {
        let is_null = self.peek()? == Peek::Null;
        if is_null {
            self.skip()?;
        }
        Ok(is_null)
    }

    pub(crate) fn skip(&mut self) -> Result<(), Refusal> {
        self.0.json.next_skip().map_err(|error| self.syntax(&error))
    }

    /// Where the next value begins.
    pub(crate) fn index(&mut self) -> Result<usize, Refusal> {
        self.peek()?;
        Ok(self.0.index())
    }

    /// Bytes from the next value to the end.
    pub(crate) fn left(&mut self) -> Result<usize, Refusal> {
        Ok(self.0.text.len() - self.index()?)
    }

    /// Reads a list of numbers, nested in any way, into all elements of `tensor`.
    pub(crate) fn elements(&mut self, what: &str, tensor: &mut Tensor) -> Result<(), Refusal> {
        let start = self.index()?;
        match list::fill(self.0.text, start, tensor) {
            Ok(end) => {
                self.0.move_to(end);
                Ok(())
            }
            Err(fault) => Err(self.misfit(what, start, fault, tensor)),
        }
    }

    /// Reads a list of strings, nested in any way.
    pub(crate) fn strings(&mut self, what: &str) -> Result<TextRow, Refusal> {
        let mut row = TextRow::default();
        self.list(what, |reader| reader.nested_strings(&mut row, MAX_DEPTH))?;
        Ok(row)
    }

    fn nested_strings(&mut self, row: &mut TextRow, depth: usize) -> Result<(), Refusal> {
        match self.peek()? {
            Peek::String => {
                let text = self.0.json.known_str();
                let pushed = text.map(|text| row.push(text));
                pushed.map_err(|error| self.syntax(&error))
            }
            Peek::Array if depth == 0 => {
                let why = format!("expected at most {MAX_DEPTH} dimensions, found more");
                Err(unparsable("data", &why))
            }
            Peek::Array => self.list("data", |reader| reader.nested_strings(row, depth - 1)),
            _ => {
                self.skip()?;
                let why = "attempt to access JSON non-string as string";
                Err(unparsable("", &format!("Unable to parse JSON bytes array: {why}")))
            }
        }
    }

    /// Why the value at `start` does not fill `tensor`.
    fn misfit(&mut self, what: &str, start: usize, fault: Fault, tensor: &Tensor) -> Refusal {
        if let Fault::Infinite(at) = fault {
            return self.refused("Number too big to be stored in double.", at);
        }
        let is_list = self.0.text.get(start) == Some(&b'[');
        // The text itself may be at fault.
        if let Err(refusal) = self.skip() {
            return refusal;
        }
        let dtype = tensor.dtype();
        unparsable(
            what,
            &match fault {
                Fault::Count => "Shape does not match true shape of 'data' field".to_string(),
                Fault::Range(at) => {
                    let token = crate::json::quote(&self.0.text[at..end_of_token(self.0.text, at)]);
                    format!("{token} is out of the range of {}", ::oip::datatype::name(dtype))
                }
                Fault::Value(_) | Fault::Infinite(_) if !is_list => {
                    "attempt to access JSON non-array as array".to_string()
                }
                Fault::Value(_) | Fault::Infinite(_) => {
                    let kinds = match dtype {
                        tensor::DType::Bool => "non-boolean as boolean",
                        _ if dtype.is_float() => "non-number as double",
                        _ if ::oip::datatype::name(dtype).starts_with('U') => {
                            "non-unsigned-integer as unsigned-integer"
                        }
                        _ => "non-signed-integer as signed-integer",
                    };
                    format!("attempt to access JSON {kinds}")
                }
            },
        )
    }

    fn number(&mut self) -> Result<Option<String>, Refusal> {
        let peek = self.peek()?;
        if !peek.is_num() {
            return Ok(None);
        }
        let token = self.0.json.known_number_bytes(peek).map(|t| String::from_utf8_lossy(t).into());
        token.map(Some).map_err(|error| self.syntax(&error))
    }

    fn peek(&mut self) -> Result<Peek, Refusal> {
        self.0.json.peek().map_err(|error| self.syntax(&error))
    }

    /// A value of another kind, unless it is no value at all.
    fn mistyped(&mut self, what: &str, kinds: &str) -> Refusal {
        match self.skip() {
            Err(refusal) => refusal,
            Ok(()) => unparsable(what, &format!("attempt to access JSON {kinds}")),
        }
    }

    fn syntax(&self, error: &JiterError) -> Refusal {
        let reason = match &error.error_type {
            JiterErrorType::JsonError(error) => rapidjson(error),
            // Every value is looked at before it is read.
            JiterErrorType::WrongType { .. } => "Invalid value.",
        };
        self.refused(reason, self.0.base + error.index)
    }

    fn refused(&self, reason: &str, at: usize) -> Refusal {
        let text = format!("failed to parse the request JSON buffer: {reason} at {at}");
        Refusal::Unparsable(text)
    }
}

/// `Unable to parse 'what': why`.
pub(crate) fn unparsable(what: &str, why: &str) -> Refusal {
    Refusal::Unparsable(match what {
        "" => why.to_string(),
        _ => format!("Unable to parse '{what}': {why}"),
    })
}

/// The text for a member that is not there.
pub(crate) fn missing(what: &str) -> Refusal {
    unparsable(what, &format!("attempt to access non-existing object member '{what}'"))
}

fn owned(key: Result<Option<&str>, JiterError>) -> Result<Option<String>, JiterError> {
    key.map(|name| name.map(str::to_string))
}

fn end_of_token(text: &[u8], at: usize) -> usize {
    let is_end = |b: &u8| matches!(b, b',' | b']' | b' ' | b'\n' | b'\r' | b'\t');
    text[at..].iter().position(is_end).map_or(text.len(), |length| at + length)
}

/// The name that RapidJSON has for a fault.
fn rapidjson(error: &JsonErrorType) -> &'static str {
    use JsonErrorType as E;
    match error {
        E::KeyMustBeAString => "Missing a name for object member.",
        E::ExpectedColon => "Missing a colon after a name of object member.",
        E::ExpectedObjectCommaOrEnd | E::EofWhileParsingObject => {
            "Missing a comma or } after an object member."
        }
        E::ExpectedListCommaOrEnd | E::EofWhileParsingList => {
            "Missing a comma or ] after an array element."
        }
        E::EofWhileParsingString => "Missing a closing quotation mark in string.",
        E::InvalidEscape => "Invalid escape character in string.",
        E::UnexpectedEndOfHexEscape => "Incorrect hex digit after \\u escape in string.",
        E::LoneLeadingSurrogateInHexEscape => "The surrogate pair in string is invalid.",
        E::InvalidUnicodeCodePoint | E::ControlCharacterWhileParsingString => {
            "Invalid encoding in string."
        }
        E::NumberOutOfRange => "Number too big to be stored in double.",
        E::TrailingCharacters => "The document root must not be followed by other values.",
        E::EofWhileParsingValue
        | E::ExpectedSomeIdent
        | E::ExpectedSomeValue
        | E::InvalidNumber
        | E::TrailingComma => "Invalid value.",
        E::RecursionLimitExceeded => "The document is nested too deeply.",
        E::FloatExpectingInt | E::DuplicateKey(_) | E::InternalError(_) => {
            "Unspecific syntax error."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::DType;

    fn check(text: &str, expected: &str) {
        let mut reader = Reader::new(text.as_bytes());
        let refusal = reader
            .document(|reader, key| match key {
                "n" => reader.unsigned("n").map(drop),
                "s" => reader.string("s").map(drop),
                "l" => reader.list("l", Reader::skip),
                "d" => reader.elements("d", &mut Tensor::zeros(DType::F32, &[2]).unwrap()),
                _ => reader.skip(),
            })
            .unwrap_err();
        assert_eq!(refusal.to_string(), expected, "{text}");
    }

    #[test]
    fn faults_have_triton_s_words() {
        let syntax =
            |reason, at| format!("failed to parse the request JSON buffer: {reason} at {at}");
        check("{bad", &syntax("Missing a name for object member.", 1));
        check("", &syntax("The document is empty.", 0));
        check("{} x", &syntax("The document root must not be followed by other values.", 3));
        check(r#"{"d":[1e400,2]}"#, &syntax("Number too big to be stored in double.", 6));
        check(
            r#"{"d":[1,2],"x" 1}"#,
            &syntax("Missing a colon after a name of object member.", 15),
        );
        check(r#"{"d":[1,2"#, &syntax("Missing a comma or ] after an array element.", 9));
        check("[]", "attempt to access JSON non-object as object");
        let typed =
            |what, kinds| format!("Unable to parse '{what}': attempt to access JSON {kinds}");
        check(r#"{"n":-1}"#, &typed("n", "non-unsigned-integer as unsigned-integer"));
        check(r#"{"n":1.5}"#, &typed("n", "non-unsigned-integer as unsigned-integer"));
        check(r#"{"s":1}"#, &typed("s", "non-string as string"));
        check(r#"{"l":{}}"#, &typed("l", "non-array as array"));
        check(r#"{"d":7}"#, &typed("d", "non-array as array"));
        check(r#"{"d":[1,"x"]}"#, &typed("d", "non-number as double"));
        let count = "Unable to parse 'd': Shape does not match true shape of 'data' field";
        check(r#"{"d":[1]}"#, count);
        check(r#"{"d":[1,2,3]}"#, count);
    }

    #[test]
    fn what_follows_a_list_of_numbers_is_read() {
        let text = br#"{"d": [[1], [2]] , "s": "x", "n": 7}"#;
        let (mut string, mut number) = (String::new(), 0);
        let mut tensor = Tensor::zeros(DType::F32, &[2]).unwrap();
        Reader::new(text)
            .document(|reader, key| {
                match key {
                    "d" => reader.elements("d", &mut tensor)?,
                    "s" => string = reader.string("s")?,
                    _ => number = reader.unsigned("n")?,
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((string.as_str(), number), ("x", 7));
        assert_eq!(tensor.as_slice::<f32>().unwrap(), [1.0, 2.0]);
    }
}
