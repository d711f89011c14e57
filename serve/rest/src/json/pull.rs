//! A JSON text that is read once from front to back, value by value or list by list.

use super::Cursor;
use super::list::{self, Even};
use jiter::{JiterError, Peek};
use server::Refusal;
use tensor::DType;

/// A reader and where it stands.
pub(crate) struct Pull<'a>(Cursor<'a>);

impl<'a> Pull<'a> {
    /// A reader of the value that `text` is.
    pub(crate) fn new(text: &'a [u8]) -> Pull<'a> {
        Pull(Cursor::at(text, 0))
    }

    /// What kind of value comes next.
    pub(crate) fn peek(&mut self) -> Result<Peek, Refusal> {
        self.0.json.peek().map_err(|e| fault(self.0.base, &e))
    }

    /// Enters a list; its first value, if it has any.
    pub(crate) fn array(&mut self) -> Result<Option<Peek>, Refusal> {
        self.0.json.known_array().map_err(|e| fault(self.0.base, &e))
    }

    /// Goes on to the next value of a list.
    pub(crate) fn array_step(&mut self) -> Result<Option<Peek>, Refusal> {
        self.0.json.array_step().map_err(|e| fault(self.0.base, &e))
    }

    /// Enters an object; its first key, if it has any.
    pub(crate) fn object(&mut self) -> Result<Option<String>, Refusal> {
        let key = self.0.json.known_object().map_err(|e| fault(self.0.base, &e))?;
        Ok(key.map(str::to_string))
    }

    /// Goes on to the next key of an object.
    pub(crate) fn next_key(&mut self) -> Result<Option<String>, Refusal> {
        let key = self.0.json.next_key().map_err(|e| fault(self.0.base, &e))?;
        Ok(key.map(str::to_string))
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<&str, Refusal> {
        self.0.json.next_str().map_err(|e| fault(self.0.base, &e))
    }

    /// Reads `true` or `false`, which `peek` has seen.
    pub(crate) fn boolean(&mut self, peek: Peek) -> Result<bool, Refusal> {
        self.0.json.known_bool(peek).map_err(|e| fault(self.0.base, &e))
    }

    /// Reads a number, which `peek` has seen; its text.
    pub(crate) fn number(&mut self, peek: Peek) -> Result<&str, Refusal> {
        let token = self.0.json.known_number_bytes(peek).map_err(|e| fault(self.0.base, &e))?;
        Ok(std::str::from_utf8(token).unwrap_or_default())
    }

    /// Reads the value that `peek` has seen; its text.
    pub(crate) fn skip(&mut self, peek: Peek) -> Result<&'a [u8], Refusal> {
        let start = self.index();
        self.0.json.known_skip(peek).map_err(|e| fault(self.0.base, &e))?;
        Ok(self.since(start))
    }

    /// Reads the next value, whatever it is; its text.
    pub(crate) fn skip_next(&mut self) -> Result<&'a [u8], Refusal> {
        let peek = self.peek()?;
        self.skip(peek)
    }

    /// Reads the object that comes next; its keys and the texts of their values.
    pub(crate) fn members(&mut self) -> Result<Vec<(String, &'a [u8])>, Refusal> {
        let mut members = Vec::new();
        let mut key = self.object()?;
        while let Some(name) = key {
            members.push((name, self.skip_next()?));
            key = self.next_key()?;
        }
        Ok(members)
    }

    /// Reads the list that comes next, when it nests evenly, see [`list::even`]; its sizes. What is
    /// left unread can be read value by value.
    pub(crate) fn even(
        &mut self,
        dtype: DType,
        rank_max: usize,
        elements: &mut Vec<u8>,
    ) -> Option<Vec<usize>> {
        let Even { shape, end } = list::even(self.0.text, self.index(), dtype, rank_max, elements)?;
        self.0.move_to(end);
        Some(shape)
    }

    /// Where it stands: at the next value, once that was looked at.
    pub(crate) fn index(&self) -> usize {
        self.0.index()
    }

    /// What was read since it stood at `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.0.text[start..self.index()]
    }
}

/// A fault of the JSON itself, found by what began at `base`.
fn fault(base: usize, error: &JiterError) -> Refusal {
    Refusal::JsonSyntax { reason: error.error_type.to_string(), offset: base + error.index }
}
