//! UBJSON, a binary form of JSON, as a format that serde reads: markers of one byte, numbers with
//! the high byte first, and arrays of one type whose elements have no markers.

use serde::Deserializer;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

/// Deepest nesting. Models nest some eight deep.
const DEPTH_MAX: usize = 64;

/// The value that the bytes are.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = Reader { rest: bytes, depth: 0 };
    let marker = reader.marker()?;
    T::deserialize(Item { reader: &mut reader, marker })
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            let there = self.rest.len();
            return Err(Error::custom(format!("it claims {count} bytes; {there} are there")));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut made = [0; N];
        made.copy_from_slice(self.take(N)?);
        Ok(made)
    }

    /// The next marker that means something.
    fn marker(&mut self) -> Result<u8, Error> {
        loop {
            match self.fixed::<1>()? {
                [b'N'] => {}
                [marker] => return Ok(marker),
            }
        }
    }

    fn integer(&mut self, marker: u8) -> Result<i64, Error> {
        Ok(match marker {
            b'i' => i8::from_be_bytes(self.fixed()?).into(),
            b'U' => u8::from_be_bytes(self.fixed()?).into(),
            b'I' => i16::from_be_bytes(self.fixed()?).into(),
            b'l' => i32::from_be_bytes(self.fixed()?).into(),
            b'L' => i64::from_be_bytes(self.fixed()?),
            other => return Err(unexpected("an integer", other)),
        })
    }

    /// A count of things, each of at least so many bytes that are there.
    fn count(&mut self, marker: u8, size: usize) -> Result<usize, Error> {
        let count = self.integer(marker)?;
        let fitting = usize::try_from(count)
            .ok()
            .filter(|count| count.checked_mul(size).is_some_and(|bytes| bytes <= self.rest.len()));
        let there = self.rest.len();
        let wrong = || Error::custom(format!("it claims {count} elements; {there} bytes are left"));
        fitting.ok_or_else(wrong)
    }

    fn text(&mut self, marker: u8) -> Result<&'a str, Error> {
        let count = self.count(marker, 1)?;
        std::str::from_utf8(self.take(count)?).map_err(Error::custom)
    }

    /// What a container says of its elements before the first one: their type, and how many there
    /// are.
    fn head(&mut self) -> Result<(Option<u8>, Option<usize>), Error> {
        let mut of = None;
        if self.rest.first() == Some(&b'$') {
            let [_, marker] = self.fixed()?;
            of = Some(marker);
        }
        if self.rest.first() != Some(&b'#') {
            return if of.is_none() { Ok((None, None)) } else { Err(Error::custom("no count")) };
        }
        let [_, marker] = self.fixed()?;
        let size = match of {
            Some(b'D' | b'L') => 8,
            Some(b'd' | b'l') => 4,
            Some(b'I') => 2,
            Some(b'i' | b'U' | b'C' | b'S' | b'[' | b'{') | None => 1,
            Some(other) => return Err(unexpected("a type of elements", other)),
        };
        Ok((of, Some(self.count(marker, size)?)))
    }
}

fn unexpected(expected: &str, found: u8) -> Error {
    Error::custom(format!("expected {expected}, found the marker {:?}", char::from(found)))
}

/// The value behind a marker.
struct Item<'r, 'a> {
    reader: &'r mut Reader<'a>,
    marker: u8,
}

impl<'de> Deserializer<'de> for Item<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Item { reader, marker } = self;
        match marker {
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'd' => visitor.visit_f32(f32::from_be_bytes(reader.fixed()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(reader.fixed()?)),
            b'C' => visitor.visit_char(char::from(reader.fixed::<1>()?[0])),
            b'S' => {
                let marker = reader.marker()?;
                visitor.visit_borrowed_str(reader.text(marker)?)
            }
            b'[' | b'{' => {
                reader.depth += 1;
                if reader.depth > DEPTH_MAX {
                    return Err(Error::custom(format!("values are nested over {DEPTH_MAX} deep")));
                }
                let (of, left) = reader.head()?;
                let end = if marker == b'[' { b']' } else { b'}' };
                let mut items = Items { reader, of, left, end };
                let made = match marker {
                    b'[' => visitor.visit_seq(&mut items)?,
                    _ => visitor.visit_map(&mut items)?,
                };
                items.reader.depth -= 1;
                Ok(made)
            }
            other => visitor.visit_i64(reader.integer(other)?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.marker == b'Z' { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The elements of a container.
struct Items<'r, 'a> {
    reader: &'r mut Reader<'a>,
    of: Option<u8>,
    left: Option<usize>,
    end: u8,
}

impl Items<'_, '_> {
    /// Is there another element?
    fn advance(&mut self) -> Result<bool, Error> {
        if let Some(left) = &mut self.left {
            let is_there = *left > 0;
            *left = left.saturating_sub(1);
            return Ok(is_there);
        }
        while self.reader.rest.first() == Some(&b'N') {
            self.reader.take(1)?;
        }
        if self.reader.rest.first() == Some(&self.end) {
            self.reader.take(1)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn item(&mut self) -> Result<u8, Error> {
        self.of.map_or_else(|| self.reader.marker(), Ok)
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        let marker = self.item()?;
        seed.deserialize(Item { reader: self.reader, marker }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        let marker = self.reader.marker()?;
        let key = self.reader.text(marker)?;
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let marker = self.item()?;
        seed.deserialize(Item { reader: self.reader, marker })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn values_of_each_kind_are_read() {
        let bytes =
            b"{U\x01a[$d#i\x02\x3f\x00\x00\x00\xbf\x80\x00\x00U\x01b[TFZNI\xff\xfeSU\x02hi]\
                      U\x01c{$U#i\x01U\x01d\x07U\x01e[#U\x01[]}";
        let expected = json!({
            "a": [0.5, -1.0], "b": [true, false, null, -2, "hi"], "c": {"d": 7}, "e": [[]],
        });
        assert_eq!(parse::<Value>(bytes).unwrap(), expected);
        for end in 0..bytes.len() {
            assert!(parse::<Value>(&bytes[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_claimed_is_held_to_the_bytes() {
        let error = |bytes: &[u8]| parse::<Value>(bytes).unwrap_err().to_string();
        assert!(error(b"[$d#l\x7f\xff\xff\xff").contains("claims 2147483647 elements"));
        assert!(error(b"[$Z#i\x7f").contains("expected a type of elements"));
        assert!(error(b"[#i\xff").contains("claims -1 elements"));
        assert!(error(&[b'['; 1000]).contains("nested over 64 deep"));
        assert!(error(b"?").contains("expected an integer, found the marker '?'"));
    }
}
