//! Text to tokens.

use super::TextError;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, a number or a name of an enumeration: letters, digits, `_`, `.`, and the sign of
    /// an exponent.
    Word(&'a str),
    /// The bytes of a string, its escapes resolved.
    Text(Vec<u8>),
    /// One of `{}<>[]:,;-/`.
    Mark(u8),
}

/// Tokens of a text, one after the other.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// The line of the token that was read last, counted from 1.
    pub(super) line: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, line: 1 }
    }

    /// The next token, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, TextError> {
        self.skip_space();
        let Some(&byte) = self.text.as_bytes().get(self.at) else { return Ok(None) };
        let token = match byte {
            b'{' | b'}' | b'<' | b'>' | b'[' | b']' | b':' | b',' | b';' | b'-' | b'/' => {
                self.at += 1;
                Token::Mark(byte)
            }
            b'"' | b'\'' => {
                self.at += 1;
                Token::Text(self.string(byte)?)
            }
            _ if is_word(byte) => Token::Word(self.word()),
            _ => {
                let found = self.text[self.at..].chars().next().unwrap_or_default();
                let reason = format!("expected a field or a value, found {found:?}");
                return Err(TextError::new(self.line, reason));
            }
        };
        Ok(Some(token))
    }

    fn skip_space(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'\n' => self.line += 1,
                b'#' => {
                    let rest = &bytes[self.at..];
                    let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                    self.at += length;
                    continue;
                }
                // A byte order mark may stand before anything else.
                0xef if self.at == 0 && bytes.starts_with(b"\xef\xbb\xbf") => self.at += 2,
                _ if byte.is_ascii_whitespace() || byte == 0x0b => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn word(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let start = self.at;
        while let Some(&byte) = bytes.get(self.at) {
            let before = bytes[start..self.at].last();
            let is_number = bytes[start].is_ascii_digit() || bytes[start] == b'.';
            let is_exponent = matches!(byte, b'+' | b'-')
                && is_number
                && before.is_some_and(|b| b.eq_ignore_ascii_case(&b'e'))
                && !bytes[start..].starts_with(b"0x");
            if !is_word(byte) && !is_exponent {
                break;
            }
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// The rest of a string that began with `quote`.
    fn string(&mut self, quote: u8) -> Result<Vec<u8>, TextError> {
        let mut out = Vec::new();
        loop {
            let Some(byte) = self.byte() else {
                return Err(TextError::new(self.line, "the string has no closing quote"));
            };
            match byte {
                b'\n' => {
                    let reason = "the string does not end on its line; write \\n inside of it";
                    return Err(TextError::new(self.line, reason));
                }
                b'\\' => self.escape(&mut out)?,
                byte if byte == quote => return Ok(out),
                byte => out.push(byte),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let byte = self.byte().unwrap_or(b'\n');
        match byte {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' | b'\'' | b'"' | b'?' => out.push(byte),
            b'0'..=b'7' => {
                self.at -= 1;
                let code = self.digits(8, 1, 3)?;
                let code = u8::try_from(code);
                out.push(code.map_err(|_| self.bad_escape("an octal code up to \\377"))?);
            }
            b'x' | b'X' => {
                let code = self.digits(16, 1, 2)?;
                out.push(u8::try_from(code).unwrap_or_default());
            }
            b'u' | b'U' => {
                let count = if byte == b'u' { 4 } else { 8 };
                let code = self.digits(16, count, count)?;
                let character = char::from_u32(code);
                let character = character.ok_or_else(|| self.bad_escape("a Unicode character"))?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err(self.bad_escape("one of \\a \\b \\f \\n \\r \\t \\v \\x \\u \\0")),
        }
        Ok(())
    }

    /// The number that between `min` and `max` digits make.
    fn digits(&mut self, radix: u32, min: usize, max: usize) -> Result<u32, TextError> {
        let digits = self.text.as_bytes()[self.at..].iter().take(max);
        let count = digits.take_while(|&&b| char::from(b).is_digit(radix)).count();
        let number = u32::from_str_radix(&self.text[self.at..self.at + count], radix);
        self.at += count;
        match number {
            Ok(number) if count >= min => Ok(number),
            _ => Err(self.bad_escape("digits of the escaped character")),
        }
    }

    fn bad_escape(&self, expected: &str) -> TextError {
        TextError::new(self.line, format!("expected {expected} after a backslash"))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}
