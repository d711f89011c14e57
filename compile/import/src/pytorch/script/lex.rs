//! The words of TorchScript's source, with the indentation of its lines.

use std::rc::Rc;

/// Words that one file may have: the largest have some hundred thousand.
const WORDS_MAX: usize = 1 << 22;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Name(Rc<str>),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    /// A bracket or another sign; of `->` only `>`.
    Sign(char),
    /// The end of a line.
    Line,
    /// Lines from here on stand further to the right.
    Indent,
    /// Lines from here on stand as those before the last indentation.
    Dedent,
}

/// The words of a source.
pub(super) fn words(source: &str) -> Result<Vec<Word>, String> {
    let mut lexer = Lexer { rest: source, depth: 0, indents: vec![0], words: Vec::new() };
    while !lexer.rest.is_empty() {
        lexer.line()?;
    }
    lexer.words.push(Word::Line);
    lexer.words.extend(lexer.indents[1..].iter().map(|_| Word::Dedent));
    Ok(lexer.words)
}

struct Lexer<'s> {
    rest: &'s str,
    /// Open brackets, inside of which lines do not end.
    depth: usize,
    indents: Vec<usize>,
    words: Vec<Word>,
}

impl Lexer<'_> {
    /// One line with its indentation, or one that is empty.
    fn line(&mut self) -> Result<(), String> {
        let width = self.rest.len() - self.rest.trim_start_matches(' ').len();
        self.rest = &self.rest[width..];
        let first = self.rest.chars().next();
        if matches!(first, None | Some('\n' | '\r' | '#')) {
            self.skip_line();
            return Ok(());
        }
        let last = self.indents.last().copied().unwrap_or(0);
        if width > last {
            self.indents.push(width);
            self.words.push(Word::Indent);
        }
        while self.indents.last().is_some_and(|&own| own > width) {
            self.indents.pop();
            self.words.push(Word::Dedent);
        }
        while let Some(first) = self.rest.chars().next() {
            if first == '\n' && self.depth == 0 {
                break;
            }
            self.word(first)?;
        }
        self.skip_line();
        self.words.push(Word::Line);
        Ok(())
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.rest = &self.rest[end..];
    }

    /// The beginning of the rest while a condition holds.
    fn take(&mut self, is_part: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn word(&mut self, first: char) -> Result<(), String> {
        if self.words.len() > WORDS_MAX {
            return Err(format!("it has more than {WORDS_MAX} words"));
        }
        if first == '#' {
            self.take(|c| c != '\n');
            return Ok(());
        }
        if first.is_ascii_whitespace() {
            self.rest = &self.rest[1..];
            return Ok(());
        }
        let word = if first.is_alphabetic() || first == '_' {
            Word::Name(self.take(|c| c.is_alphanumeric() || c == '_').into())
        } else if first.is_ascii_digit() || first == '.' && self.digit_at(1) {
            self.number()?
        } else if first == '"' || first == '\'' {
            Word::Text(self.text(first)?)
        } else {
            match first {
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.rest = &self.rest[first.len_utf8()..];
            match first == '-' && self.rest.starts_with('>') {
                true => return Ok(()),
                false => Word::Sign(first),
            }
        };
        self.words.push(word);
        Ok(())
    }

    fn digit_at(&self, at: usize) -> bool {
        self.rest.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
    }

    fn number(&mut self) -> Result<Word, String> {
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        let mut is_float = false;
        while let Some(&byte) = bytes.get(end) {
            match byte {
                b'0'..=b'9' => {}
                b'.' | b'e' | b'E' => is_float = true,
                b'+' | b'-' if matches!(bytes[end - 1], b'e' | b'E') => {}
                _ => break,
            }
            end += 1;
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let bad = || format!("it has the number {text}");
        match is_float {
            true => text.parse().map(Word::Float).map_err(|_| bad()),
            false => text.parse().map(Word::Int).map_err(|_| bad()),
        }
    }

    fn text(&mut self, quote: char) -> Result<Rc<str>, String> {
        let mut chars = self.rest.char_indices().skip(1);
        let mut made = String::new();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = &self.rest[at + 1..];
                return Ok(made.into());
            }
            if c != '\\' {
                made.push(c);
                continue;
            }
            match chars.next().map(|(_, c)| c) {
                Some('n') => made.push('\n'),
                Some('t') => made.push('\t'),
                Some('r') => made.push('\r'),
                Some(c) => made.push(c),
                None => {}
            }
        }
        Err("a text in it has no end".to_string())
    }
}
