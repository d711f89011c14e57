//! Foreign names in C source.

use std::fmt::Write;

/// A C string literal with these bytes, whatever they are.
pub(crate) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for byte in text.bytes() {
        match byte {
            // A question mark may begin a trigraph.
            b'"' | b'\\' | b'?' => literal.extend(['\\', byte as char]),
            b' '..=b'~' => literal.push(byte as char),
            // Always three digits, so that a digit that follows is not taken for one of them.
            _ => write!(literal, "\\{byte:03o}").expect("a string can always grow"),
        }
    }
    literal.push('"');
    literal
}

/// The text in the middle of a comment: printable ASCII that cannot end it.
pub(crate) fn comment(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..=')' | '+'..='~') { c } else { '_' }).collect()
}

/// The text as the beginning of a macro's name: `libm-2` is `LIBM_2`.
pub(crate) fn macro_prefix(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let prefix: String = text.chars().map(letter).collect();
    // Names that begin with an underscore are reserved, and none begins with a digit.
    if prefix.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return prefix;
    }
    format!("MODEL_{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_literal() {
        assert_eq!(literal("a\"b\\c\n1é??/"), r#""a\"b\\c\0121\303\251\?\?/""#);
        assert_eq!(comment("a */ b\n/* c"), "a _/ b_/_ c");
        assert_eq!(macro_prefix("libm-2"), "LIBM_2");
        assert_eq!(macro_prefix("3d.v1"), "MODEL_3D_V1");
    }
}
