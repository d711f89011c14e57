//! What was read, and questions about it.

use super::TextError;
use std::borrow::Cow;

/// Fields in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// Repeated fields and lists are several fields of one name.
    pub fields: Vec<Field<'a>>,
}

/// One field with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name; that of an extension keeps its brackets.
    pub name: Cow<'a, str>,
    /// Where it begins, counted from 1.
    pub line: usize,
    /// Its value.
    pub value: Value<'a>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, `true`, or a name of an enumeration.
    Word {
        /// Does a minus stand before it?
        is_negative: bool,
        /// As it was written.
        word: &'a str,
    },
    /// A string.
    Text(Vec<u8>),
    /// Fields in braces.
    Message(Message<'a>),
}

impl<'a> Message<'a> {
    /// All fields of a name.
    pub fn all<'m>(&'m self, name: &str) -> impl Iterator<Item = &'m Field<'a>> {
        self.fields.iter().filter(move |field| field.name == name)
    }

    /// The field of a name that may stand once.
    ///
    /// # Errors
    /// When it stands twice.
    pub fn one(&self, name: &str) -> Result<Option<&Field<'a>>, TextError> {
        let mut fields = self.all(name);
        let first = fields.next();
        match fields.next() {
            None => Ok(first),
            Some(second) => {
                let reason = format!("the field {name} is given twice");
                Err(TextError::new(second.line, reason))
            }
        }
    }

    /// The fields that are none of `known`.
    pub fn others<'m>(&'m self, known: &'m [&str]) -> impl Iterator<Item = &'m Field<'a>> {
        self.fields.iter().filter(|field| !known.contains(&&*field.name))
    }

    /// A string.
    ///
    /// # Errors
    /// When it stands twice or is of another kind.
    pub fn string(&self, name: &str) -> Result<Option<String>, TextError> {
        self.one(name)?.map(Field::string).transpose()
    }

    /// A number that is not negative.
    ///
    /// # Errors
    /// When it stands twice or is of another kind.
    pub fn number(&self, name: &str) -> Result<Option<u64>, TextError> {
        self.one(name)?.map(Field::number).transpose()
    }

    /// All numbers of a name.
    ///
    /// # Errors
    /// When one is of another kind.
    pub fn numbers(&self, name: &str) -> Result<Vec<u64>, TextError> {
        self.all(name).map(Field::number).collect()
    }

    /// Is the field there and true?
    ///
    /// # Errors
    /// When it stands twice or is of another kind.
    pub fn flag(&self, name: &str) -> Result<bool, TextError> {
        self.one(name)?.map_or(Ok(false), Field::flag)
    }

    /// Fields in braces.
    ///
    /// # Errors
    /// When it stands twice or is of another kind.
    pub fn message(&self, name: &str) -> Result<Option<&Message<'a>>, TextError> {
        self.one(name)?.map(Field::message).transpose()
    }

    /// All messages of a name.
    ///
    /// # Errors
    /// When one is of another kind.
    pub fn messages(&self, name: &str) -> Result<Vec<&Message<'a>>, TextError> {
        self.all(name).map(Field::message).collect()
    }
}

impl<'a> Field<'a> {
    /// The string that it holds.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn string(&self) -> Result<String, TextError> {
        match &self.value {
            Value::Text(text) => String::from_utf8(text.clone()).map_err(|_| self.is_not("UTF-8")),
            Value::Word { .. } | Value::Message(_) => Err(self.is_not("a string in quotes")),
        }
    }

    /// The number that it holds, in the notation of C.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn number(&self) -> Result<u64, TextError> {
        let number = match &self.value {
            Value::Word { is_negative: false, word } => number(word),
            Value::Word { is_negative: true, word } => number(word).filter(|&n| n == 0),
            Value::Text(_) | Value::Message(_) => None,
        };
        number.ok_or_else(|| self.is_not("a number that is not negative"))
    }

    /// The truth value that it holds.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn flag(&self) -> Result<bool, TextError> {
        match &self.value {
            Value::Word { is_negative: false, word: "true" | "True" | "t" | "1" } => Ok(true),
            Value::Word { is_negative: false, word: "false" | "False" | "f" | "0" } => Ok(false),
            _ => Err(self.is_not("true or false")),
        }
    }

    /// The fields that it holds.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn message(&self) -> Result<&Message<'a>, TextError> {
        match &self.value {
            Value::Message(message) => Ok(message),
            Value::Word { .. } | Value::Text(_) => Err(self.is_not("fields in braces")),
        }
    }

    fn is_not(&self, expected: &str) -> TextError {
        let found = match &self.value {
            Value::Word { is_negative, word } => {
                format!("`{}{word:.40}`", if *is_negative { "-" } else { "" })
            }
            Value::Text(_) => "a string".to_string(),
            Value::Message(_) => "fields in braces".to_string(),
        };
        let name = &self.name;
        TextError::new(self.line, format!("the field {name}: expected {expected}, found {found}"))
    }
}

/// Decimal, `0x` hexadecimal or `0` octal.
fn number(word: &str) -> Option<u64> {
    let (digits, radix) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if word.len() > 1 && word.starts_with('0') => (&word[1..], 8),
        None => (word, 10),
    };
    let is_number = digits.starts_with(|c: char| c.is_digit(radix));
    is_number.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}
