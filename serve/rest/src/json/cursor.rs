//! Where a reader stands in a text: jiter counts from where it began, and begins anew behind what
//! was read without it.

use jiter::Jiter;

/// A text, and what reads on in it.
pub(crate) struct Cursor<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) json: Jiter<'a>,
    /// Where `json` began, from where it counts.
    pub(crate) base: usize,
}

impl<'a> Cursor<'a> {
    /// At the value at `base`, or at what follows it.
    pub(crate) fn at(text: &'a [u8], base: usize) -> Cursor<'a> {
        let json = Jiter::new(text.get(base..).unwrap_or_default()).with_allow_inf_nan();
        Cursor { text, json, base }
    }

    /// Goes on behind what ends at `end`.
    pub(crate) fn move_to(&mut self, end: usize) {
        *self = Cursor::at(self.text, end);
    }

    /// Where it stands: at the next value, once that was looked at.
    pub(crate) fn index(&self) -> usize {
        self.base + self.json.current_index()
    }
}
