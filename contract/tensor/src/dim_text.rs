//! Dimensions as text, `2*h - 1`, `((n + 1) / (2))`, `min(a, b)`: printed, read back and
//! serialised.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = factor (("*" | "/") factor)*          a / b is rounded towards minus infinity
//! factor  = "-" factor | integer | symbol | "(" sum ")" | ("min" | "max") "(" sum "," sum ")"
//! symbol  = a letter or "_", then letters, digits, "_", "." or ":"; any other name stands
//!           between single quotes, with "\" before a quote or backslash, and `\u{a}` for the
//!           control character with that hexadecimal number
//! ```

use crate::Dim;
use crate::dim::{Atom, Term};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How deep parentheses may lie in each other, so that hostile text cannot exhaust the stack.
/// Deeper than any printed dimension: [`Dim`] bounds its own complexity to less.
const DEPTH_MAX: usize = 600;

/// Why text is not a dimension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dimension, byte {at}: expected {expected}, found `{found}`")]
pub struct DimTextError {
    /// Where in the text, in bytes.
    pub at: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What stands there: a few characters of the text, none at its end.
    pub found: String,
}

impl FromStr for Dim {
    type Err = DimTextError;

    /// ```
    /// use tensor::Dim;
    /// let half: Dim = "(2*n + 1) / 2".parse().unwrap();
    /// assert_eq!(half, (Dim::symbol("n") * Dim::from(2) + Dim::from(1)).floor_div(&Dim::from(2)));
    /// assert!("2*(n".parse::<Dim>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Dim, DimTextError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let dim = parser.sum()?;
        if parser.peek().is_some() {
            return Err(parser.expected("an operator or the end"));
        }
        Ok(dim)
    }
}

impl Dim {
    /// The dimension at the start of the text, as long as it goes on, and what follows it.
    ///
    /// ```
    /// use tensor::Dim;
    /// assert_eq!(Dim::parse_prefix("2*n, 3]"), Ok((Dim::symbol("n") * Dim::from(2), ", 3]")));
    /// ```
    pub fn parse_prefix(text: &str) -> Result<(Dim, &str), DimTextError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let dim = parser.sum()?;
        Ok((dim, &text[parser.at..]))
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return f.write_str("0");
        }
        // The constant term sorts first, but reads better at the end: `2*h + 1`.
        let constants = self.terms.iter().filter(|t| t.atoms.is_empty());
        let others = self.terms.iter().filter(|t| !t.atoms.is_empty());
        for (i, term) in others.chain(constants).enumerate() {
            write_term(f, term, i == 0)?;
        }
        Ok(())
    }
}

fn write_term(f: &mut fmt::Formatter<'_>, term: &Term, is_first: bool) -> fmt::Result {
    f.write_str(match (is_first, term.coefficient < 0) {
        (true, false) => "",
        (true, true) => "-",
        (false, false) => " + ",
        (false, true) => " - ",
    })?;
    let magnitude = term.coefficient.unsigned_abs();
    if magnitude != 1 || term.atoms.is_empty() {
        write!(f, "{magnitude}")?;
    }
    for (i, atom) in term.atoms.iter().enumerate() {
        let is_after = i > 0 || magnitude != 1;
        write!(f, "{}{atom}", if is_after { "*" } else { "" })?;
    }
    Ok(())
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Symbol(name) if is_plain(name) => f.write_str(name),
            Atom::Symbol(name) => {
                f.write_str("'")?;
                for c in name.chars() {
                    match c {
                        '\'' | '\\' => write!(f, "\\{c}")?,
                        _ if c.is_control() => write!(f, "{}", c.escape_unicode())?,
                        _ => write!(f, "{c}")?,
                    }
                }
                f.write_str("'")
            }
            Atom::FloorDiv(a, b) => write!(f, "(({a}) / ({b}))"),
            Atom::Min(a, b) => write!(f, "min({a}, {b})"),
            Atom::Max(a, b) => write!(f, "max({a}, {b})"),
        }
    }
}

impl fmt::Debug for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*{:?}", self.coefficient, self.atoms)
    }
}

fn is_plain(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_start) && name.chars().all(is_name) && name != "min" && name != "max"
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')
}

// === Serialisation ===

/// A known size is a number and any other is text, in JSON and the like as they are, in binary
/// formats with the variant before them. Reading goes through the parser, so that foreign bytes
/// give a dimension in normal form and of bounded depth, or an error.
#[derive(Serialize, Deserialize)]
enum Compact {
    Known(i64),
    Text(String),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Readable {
    Known(i64),
    Text(String),
}

impl Serialize for Dim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (serializer.is_human_readable(), self.known()) {
            (true, Some(size)) => Readable::Known(size).serialize(serializer),
            (true, None) => Readable::Text(self.to_string()).serialize(serializer),
            (false, Some(size)) => Compact::Known(size).serialize(serializer),
            (false, None) => Compact::Text(self.to_string()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Dim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dim, D::Error> {
        let text = if deserializer.is_human_readable() {
            match Readable::deserialize(deserializer)? {
                Readable::Known(size) => return Ok(Dim::from(size)),
                Readable::Text(text) => text,
            }
        } else {
            match Compact::deserialize(deserializer)? {
                Compact::Known(size) => return Ok(Dim::from(size)),
                Compact::Text(text) => text,
            }
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === Parser ===

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Dim, DimTextError> {
        let mut sum = self.product(false)?;
        loop {
            if self.take('+') {
                sum = sum + self.product(false)?;
            } else if self.take('-') {
                sum = sum + self.product(true)?;
            } else {
                return Ok(sum);
            }
        }
    }

    fn product(&mut self, is_negative: bool) -> Result<Dim, DimTextError> {
        let mut product = self.factor(is_negative)?;
        loop {
            if self.take('*') {
                product = product * self.factor(false)?;
            } else if self.take('/') {
                product = product.floor_div(&self.factor(false)?);
            } else {
                return Ok(product);
            }
        }
    }

    fn factor(&mut self, is_negative: bool) -> Result<Dim, DimTextError> {
        let mut is_negative = is_negative;
        while self.take('-') {
            is_negative = !is_negative;
        }
        const EXPECTED: &str = "an integer, a symbol, `(` or `-`";
        let next = self.peek().ok_or_else(|| self.expected(EXPECTED))?;
        if next.is_ascii_digit() {
            return self.integer(is_negative);
        }
        let factor = match next {
            '(' => self.group()?,
            '\'' => Dim::symbol(&self.quoted()?),
            c if is_name(c) => self.name()?,
            _ => return Err(self.expected(EXPECTED)),
        };
        Ok(if is_negative { factor * Dim::from(-1) } else { factor })
    }

    /// The sign is read with the digits, since the smallest integer has no positive twin.
    fn integer(&mut self, is_negative: bool) -> Result<Dim, DimTextError> {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let sign = if is_negative { -1 } else { 1 };
        let number = rest[..len].parse::<i128>().ok().and_then(|n| i64::try_from(sign * n).ok());
        let number = number.ok_or_else(|| self.expected("an integer of 64 bits"))?;
        self.at += len;
        Ok(Dim::from(number))
    }

    fn name(&mut self) -> Result<Dim, DimTextError> {
        let rest = &self.text[self.at..];
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        self.at += name.len();
        if !matches!(name, "min" | "max") {
            return Ok(Dim::symbol(name));
        }
        self.require('(', "`(`")?;
        self.enter()?;
        let left = self.sum()?;
        self.require(',', "`,`")?;
        let right = self.sum()?;
        self.leave()?;
        Ok(if name == "min" { left.minimum(&right) } else { left.maximum(&right) })
    }

    fn quoted(&mut self) -> Result<String, DimTextError> {
        let mut name = String::new();
        let mut chars = self.text[self.at..].char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    self.at += at + 1;
                    return Ok(name);
                }
                '\\' => match chars.next() {
                    Some((_, 'u')) => {
                        let digits = chars.by_ref().skip(1).map(|(_, c)| c);
                        let digits: String = digits.take_while(|&c| c != '}').take(7).collect();
                        let number = u32::from_str_radix(&digits, 16).ok();
                        name.extend(number.and_then(char::from_u32));
                    }
                    next => name.extend(next.map(|(_, c)| c)),
                },
                _ => name.push(c),
            }
        }
        Err(self.expected("a name between quotes"))
    }

    fn group(&mut self) -> Result<Dim, DimTextError> {
        self.require('(', "`(`")?;
        self.enter()?;
        let dim = self.sum()?;
        self.leave()?;
        Ok(dim)
    }

    fn enter(&mut self) -> Result<(), DimTextError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.expected("at most 600 nested parentheses"));
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), DimTextError> {
        self.depth -= 1;
        self.require(')', "`)` or an operator")
    }

    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(' ').len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn require(&mut self, wanted: char, expected: &'static str) -> Result<(), DimTextError> {
        if self.take(wanted) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn expected(&self, expected: &'static str) -> DimTextError {
        let found = self.text[self.at..].chars().take(12).collect();
        DimTextError { at: self.at, expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dim: &Dim, text: &str) {
        assert_eq!(dim.to_string(), text);
        assert_eq!(text.parse().as_ref(), Ok(dim));
        let json = serde_json::to_string(dim).unwrap();
        assert_eq!(&serde_json::from_str::<Dim>(&json).unwrap(), dim, "{json}");
        let bytes = postcard::to_stdvec(dim).unwrap();
        assert_eq!(&postcard::from_bytes::<Dim>(&bytes).unwrap(), dim);
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let (n, h) = (Dim::symbol("n"), Dim::symbol("h"));
        let two = Dim::from(2);
        check(&Dim::from(0), "0");
        check(&Dim::from(-7), "-7");
        check(&Dim::from(i64::MIN), "-9223372036854775808");
        check(&(n.clone() + Dim::from(i64::MIN)), "n - 9223372036854775808");
        check(&(n.clone() * two.clone() + Dim::from(3)), "2*n + 3");
        check(&(n.clone() - h.clone() * two.clone() - Dim::from(1)), "-2*h + n - 1");
        check(&(n.clone() * n.clone() * h.clone()), "h*n*n");
        let half = (n.clone() + Dim::from(1)).floor_div(&two);
        check(&(half.clone() * h.clone()), "h*((n + 1) / (2))");
        check(&h.ceil_div(&two), "((h + 1) / (2))");
        check(&h.ceil_div(&n), "-((-h) / (n))");
        check(&half.minimum(&h), "min(h, ((n + 1) / (2)))");
        check(&(n.maximum(&Dim::from(1)) * two), "2*max(1, n)");
    }

    #[test]
    fn odd_names_are_quoted() {
        check(&Dim::symbol("batch size"), "'batch size'");
        check(&Dim::symbol("it's \\ é"), "'it\\'s \\\\ é'");
        check(&Dim::symbol("min"), "'min'");
        check(&Dim::symbol("4"), "'4'");
        check(&Dim::symbol(""), "''");
        check(&Dim::symbol("a\nb\u{1b}"), "'a\\u{a}b\\u{1b}'");
        check(&Dim::symbol("unk__1.x:0"), "unk__1.x:0");
    }

    #[test]
    fn known_sizes_are_numbers_in_json() {
        let dims = vec![Dim::from(3), Dim::symbol("n") + Dim::from(1)];
        assert_eq!(serde_json::to_string(&dims).unwrap(), r#"[3,"n + 1"]"#);
    }

    #[test]
    fn hostile_text_is_an_error() {
        let refused = |text: &str, message: &str| {
            assert_eq!(text.parse::<Dim>().unwrap_err().to_string(), message);
        };
        let factor = "an integer, a symbol, `(` or `-`";
        refused("", &format!("dimension, byte 0: expected {factor}, found ``"));
        refused("2*", &format!("dimension, byte 2: expected {factor}, found ``"));
        refused("n )", "dimension, byte 2: expected an operator or the end, found `)`");
        refused("min(n)", "dimension, byte 5: expected `,`, found `)`");
        refused("'n", "dimension, byte 0: expected a name between quotes, found `'n`");
        refused("'n\\", "dimension, byte 0: expected a name between quotes, found `'n\\`");
        let big = "99999999999999999999999999999999999999999";
        assert!(big.parse::<Dim>().is_err());
        assert!("(".repeat(100_000).parse::<Dim>().is_err());
        assert!("-".repeat(100_000).parse::<Dim>().is_err());
        // 2^400 terms when multiplied out, and a depth of 2000: refused or saturated, in time.
        let product: Vec<String> = (0..400).map(|i| format!("(a{i} + b{i})")).collect();
        let product: Dim = product.join("*").parse().unwrap();
        assert!(product.to_string().len() < 100, "{product}");
        let quotients = "(n / (m".to_string() + &" + n / (m".repeat(500);
        let text = quotients + &")".repeat(502);
        assert!(text.parse::<Dim>().is_ok());
    }
}
