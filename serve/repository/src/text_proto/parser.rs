//! Tokens to messages.

use super::lexer::{Lexer, Token};
use super::message::{Field, Message, Value};
use super::{DEPTH_MAX, TEXT_BYTES_MAX, TextError};
use std::borrow::Cow;

/// Reads a text.
///
/// ```
/// let message = repository::text_proto::parse("name: 'm' dims: [1, 2] # and so on")?;
/// assert_eq!(message.string("name")?.as_deref(), Some("m"));
/// assert_eq!(message.numbers("dims")?, [1, 2]);
/// # Ok::<(), repository::text_proto::TextError>(())
/// ```
///
/// # Errors
/// With the line where the text stops to make sense.
pub fn parse(text: &str) -> Result<Message<'_>, TextError> {
    if text.len() > TEXT_BYTES_MAX {
        let found = text.len();
        let reason = format!("expected at most {TEXT_BYTES_MAX} bytes, found {found}");
        return Err(TextError::new(1, reason));
    }
    let mut parser = Parser { lexer: Lexer::new(text), next: None };
    parser.advance()?;
    parser.message(1, None, 0)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that was read and not yet used; `None` at the end.
    next: Option<Token<'a>>,
}

impl<'a> Parser<'a> {
    /// The token that is next, in whose place the one behind it comes.
    fn advance(&mut self) -> Result<Option<Token<'a>>, TextError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Takes the next token when it is `mark`.
    fn take(&mut self, mark: u8) -> Result<bool, TextError> {
        let is_next = self.next == Some(Token::Mark(mark));
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    /// Fields up to `end`, which is taken, or up to the end of the text.
    fn message(
        &mut self,
        line: usize,
        end: Option<u8>,
        depth: usize,
    ) -> Result<Message<'a>, TextError> {
        if depth > DEPTH_MAX {
            let reason = format!("messages are nested deeper than {DEPTH_MAX} levels");
            return Err(TextError::new(line, reason));
        }
        let mut fields = Vec::new();
        loop {
            match (end, &self.next) {
                (None, None) => break,
                (Some(end), None) => {
                    let end = char::from(end);
                    let reason = format!("the message that begins here has no closing `{end}`");
                    return Err(TextError::new(line, reason));
                }
                (Some(end), Some(Token::Mark(mark))) if *mark == end => {
                    self.advance()?;
                    break;
                }
                _ => self.field(depth, &mut fields)?,
            }
        }
        Ok(Message { line, fields })
    }

    /// One field; a list makes as many as it has elements.
    fn field(&mut self, depth: usize, fields: &mut Vec<Field<'a>>) -> Result<(), TextError> {
        let line = self.lexer.line;
        let name = self.name()?;
        let has_colon = self.take(b':')?;
        if self.take(b'[')? {
            while !self.take(b']')? {
                let value = self.value(&name, has_colon, depth)?;
                fields.push(Field { name: name.clone(), line, value });
                if !self.take(b',')? && self.next != Some(Token::Mark(b']')) {
                    return Err(self.unexpected("`,` or `]` in the list"));
                }
            }
        } else {
            let value = self.value(&name, has_colon, depth)?;
            fields.push(Field { name, line, value });
        }
        if !self.take(b',')? {
            self.take(b';')?;
        }
        Ok(())
    }

    /// `name`, or the name of an extension in brackets.
    fn name(&mut self) -> Result<Cow<'a, str>, TextError> {
        match &self.next {
            Some(Token::Word(word)) if !word.starts_with(|c: char| c.is_ascii_digit()) => {
                let name = Cow::Borrowed(*word);
                self.advance()?;
                return Ok(name);
            }
            Some(Token::Mark(b'[')) => self.advance()?,
            _ => return Err(self.unexpected("the name of a field")),
        };
        let mut name = "[".to_string();
        while !self.take(b']')? {
            match &self.next {
                Some(Token::Word(word)) => name.push_str(word),
                Some(Token::Mark(mark @ (b'/' | b'-'))) => name.push(char::from(*mark)),
                _ => return Err(self.unexpected("the name of an extension")),
            }
            self.advance()?;
        }
        name.push(']');
        Ok(Cow::Owned(name))
    }

    fn value(&mut self, name: &str, has_colon: bool, depth: usize) -> Result<Value<'a>, TextError> {
        let line = self.lexer.line;
        let end = match self.next {
            Some(Token::Mark(b'{')) => Some(b'}'),
            Some(Token::Mark(b'<')) => Some(b'>'),
            _ => None,
        };
        if end.is_some() {
            self.advance()?;
            return Ok(Value::Message(self.message(line, end, depth + 1)?));
        }
        if !has_colon {
            return Err(self.unexpected(&format!("`:` or `{{` after the field {name}")));
        }
        let is_negative = self.take(b'-')?;
        match self.advance()? {
            Some(Token::Word(word)) => Ok(Value::Word { is_negative, word }),
            Some(Token::Text(mut text)) if !is_negative => {
                while let Some(Token::Text(more)) = &self.next {
                    text.extend_from_slice(more);
                    self.advance()?;
                }
                Ok(Value::Text(text))
            }
            found => {
                self.next = found;
                Err(TextError::new(line, format!("expected a value of the field {name}")))
            }
        }
    }

    fn unexpected(&self, expected: &str) -> TextError {
        let found = match &self.next {
            None => "the end of the text".to_string(),
            Some(Token::Word(word)) => format!("`{}`", short(word)),
            Some(Token::Text(_)) => "a string".to_string(),
            Some(Token::Mark(mark)) => format!("`{}`", char::from(*mark)),
        };
        TextError::new(self.lexer.line, format!("expected {expected}, found {found}"))
    }
}

/// The beginning of a word, which has only ASCII characters.
fn short(word: &str) -> &str {
    const LENGTH_MAX: usize = 40;
    &word[..word.len().min(LENGTH_MAX)]
}
