//! StringSplit and StringNGrams of TensorFlow: the parts of texts in a row.

use super::Room;
use crate::ComputeError;
use crate::dynamic::refused;
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Text, TextRow, Value};

/// `(x[N])`: the parts of all elements in a row, `[M]`, behind their places, `i64[M, 2]`: the
/// element and the part. The third result is the shape `i64[2]` of a table of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Where parts end.
    pub at: Ends,
    /// Are empty parts left out?
    pub skips_empty: bool,
}

/// Where parts of a text end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Behind each byte. One that is no character of its own becomes one of private use.
    Bytes,
    /// At each of these characters.
    AnyOf(String),
    /// At this text.
    Text(String),
    /// At whitespace, of which any length is one.
    Whitespace,
}

/// The first of the characters, of private use, that stand for the bytes from 0x80 on.
const BYTES: u32 = 0xf780;

/// The character that a byte is: itself where it is one in ASCII.
fn byte(byte: u8) -> char {
    match byte {
        ..0x80 => char::from(byte),
        _ => char::from_u32(BYTES + u32::from(byte - 0x80)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// The bytes of a text, where characters that stand for bytes are these.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(BYTES) {
            Some(own @ 0..0x80) => made.push(0x80 + own as u8),
            _ => made.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    made
}

impl Cut {
    fn parts<'x>(&self, x: &'x str) -> Vec<std::borrow::Cow<'x, str>> {
        match &self.at {
            Ends::Bytes => x.bytes().map(|own| byte(own).to_string().into()).collect(),
            Ends::AnyOf(any) => x.split(|c| any.contains(c)).map(Into::into).collect(),
            Ends::Text(text) => x.split(text.as_str()).map(Into::into).collect(),
            Ends::Whitespace => x.split_whitespace().map(Into::into).collect(),
        }
    }

    pub(super) fn of(&self, x: &Text, bytes_max: usize) -> Result<Vec<Value>, ComputeError> {
        let mut room = Room { left: bytes_max };
        let (mut places, mut row, mut widest) = (Vec::new(), TextRow::default(), 0);
        for (at, element) in x.elements().enumerate() {
            // A part of a byte takes more memory than its byte.
            room.take(element.len().saturating_mul(size_of::<String>()))?;
            let parts = self.parts(element).into_iter();
            let kept = parts.filter(|part| !(self.skips_empty && part.is_empty()));
            let mut count = 0;
            for part in kept {
                room.take(part.len() + 2 * size_of::<i64>())?;
                places.extend([at as i64, count]);
                row.push(&part);
                count += 1;
            }
            widest = widest.max(count);
        }
        let count = row.len();
        Ok(vec![
            Tensor::from_slice(&[count, 2], &places)?.into(),
            row.shaped(&[count])?.into(),
            Tensor::from_slice(&[2], &[x.len() as i64, widest])?.into(),
        ])
    }
}

/// `(x[N], splits[R + 1])`: of each row of texts, which begins and ends at its splits, all runs of
/// some lengths, each joined; and where the rows of these begin and end, `i64[R + 1]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grams {
    /// The lengths of runs.
    pub widths: Vec<usize>,
    /// What stands between the texts of a run.
    pub separator: String,
    /// What stands before the first text and behind the last one.
    pub pads: [String; 2],
    /// How often it stands there; `None` for one less than the run is long.
    pub pad_width: Option<usize>,
    /// Is a row that is shorter than each run one of its own?
    pub keeps_short: bool,
}

impl Grams {
    pub(super) fn of(
        &self,
        x: &Text,
        splits: &[i64],
        bytes_max: usize,
    ) -> Result<Vec<Value>, ComputeError> {
        let mut room = Room { left: bytes_max };
        let (mut row, mut ends) = (TextRow::default(), vec![0i64]);
        for pair in splits.windows(2) {
            let range = usize::try_from(pair[0]).ok().zip(usize::try_from(pair[1]).ok());
            let range = range.filter(|(start, end)| start <= end && *end <= x.len());
            let (start, end) = range
                .ok_or_else(|| refused("a row", format!("{pair:?}"), "one within the texts"))?;
            let before = row.len();
            for &width in &self.widths {
                self.runs(x, [start, end], width, &mut room, &mut row)?;
            }
            if row.len() == before && self.keeps_short && start < end {
                let width = end - start + 2 * self.pad_width.unwrap_or(0);
                self.runs(x, [start, end], width, &mut room, &mut row)?;
            }
            ends.push(row.len() as i64);
        }
        let count = row.len();
        let ends = Tensor::from_slice(&[ends.len()], &ends)?;
        Ok(vec![row.shaped(&[count])?.into(), ends.into()])
    }

    /// Adds all runs of a length.
    fn runs(
        &self,
        x: &Text,
        [start, end]: [usize; 2],
        width: usize,
        room: &mut Room,
        row: &mut TextRow,
    ) -> Result<(), ComputeError> {
        let pad = self.pad_width.unwrap_or(usize::MAX).min(width.saturating_sub(1));
        let length = end - start;
        let count = (length + 2 * pad + 1).saturating_sub(width);
        for first in 0..count {
            let text = |at: usize| match at {
                at if at < pad => self.pads[0].as_str(),
                at if at < pad + length => x.element(start + at - pad),
                _ => self.pads[1].as_str(),
            };
            let parts: Vec<&str> = (first..first + width).map(text).collect();
            let bytes: usize = parts.iter().map(|part| part.len() + self.separator.len()).sum();
            room.take(bytes)?;
            row.push(&parts.join(&self.separator));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let text = "aß€";
        let cut = Cut { at: Ends::Bytes, skips_empty: false };
        let parts = cut.parts(text);
        assert_eq!(parts.len(), text.len());
        let again: Vec<u8> = parts.iter().flat_map(|part| bytes(part)).collect();
        assert_eq!(again, text.as_bytes());
        assert_eq!(bytes(text), text.as_bytes());
    }
}
