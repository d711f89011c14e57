//! FlatBuffers, read in place: each offset is held to the bytes before it is followed.
//!
//! Written here since readers that are generated from a schema need a schema of some thousand lines
//! for the twenty tables that are read, and read without one only by unchecked access.

use std::cell::Cell;

/// How often the bytes of a file may be read, on average: lists may be shared, but no honest file
/// has more than a few that are.
const READ_MAX: usize = 8;

/// The bytes of a file.
pub(super) struct File<'b> {
    bytes: &'b [u8],
    /// Bytes of lists that may still be read.
    left: Cell<usize>,
    is_damaged: Cell<bool>,
}

/// A table: its fields lie at offsets that another table lists.
#[derive(Clone, Copy)]
pub(super) struct Table<'f> {
    file: &'f File<'f>,
    at: usize,
}

impl<'b> File<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> File<'b> {
        let left = Cell::new(bytes.len().saturating_mul(READ_MAX));
        File { bytes, left, is_damaged: Cell::new(false) }
    }

    /// Did something that was asked for lie outside of the bytes?
    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged.get()
    }

    /// The table that the others hang on.
    pub(super) fn root(&'b self) -> Option<Table<'b>> {
        Some(Table { file: self, at: self.follow(0)? })
    }

    fn held<T>(&self, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.is_damaged.set(true);
        }
        found
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let range = at.checked_add(N).and_then(|end| self.bytes.get(at..end));
        self.held(range.and_then(|bytes| bytes.try_into().ok()))
    }

    fn u32_at(&self, at: usize) -> Option<usize> {
        Some(u32::from_le_bytes(self.array(at)?) as usize)
    }

    /// The place that an offset at a place leads to.
    fn follow(&self, at: usize) -> Option<usize> {
        let to = at.checked_add(self.u32_at(at)?).filter(|&to| to < self.bytes.len());
        self.held(to)
    }

    /// Bytes between two places.
    pub(super) fn part(&self, start: usize, length: usize) -> Option<&[u8]> {
        let end = start.checked_add(length);
        self.held(end.and_then(|end| self.bytes.get(start..end)))
    }
}

impl<'f> Table<'f> {
    /// Where a field lies, if the table has it.
    fn place(&self, field: usize) -> Option<usize> {
        let back = i32::from_le_bytes(self.file.array(self.at)?);
        let list = i64::try_from(self.at).ok().map(|at| at - i64::from(back));
        let list = self.file.held(list.and_then(|list| usize::try_from(list).ok()))?;
        let size = usize::from(u16::from_le_bytes(self.file.array(list)?));
        let entry = 4 + 2 * field;
        if entry + 2 > size {
            return None;
        }
        let offset = usize::from(u16::from_le_bytes(self.file.array(list + entry)?));
        (offset != 0).then(|| self.at + offset)
    }

    /// A number of one byte; 0 where it is left out.
    pub(super) fn byte(&self, field: usize) -> i64 {
        let byte = self.place(field).and_then(|at| self.file.array(at));
        byte.map_or(0, |byte| i64::from(i8::from_le_bytes(byte)))
    }

    /// A number of four bytes.
    pub(super) fn int(&self, field: usize) -> Option<i64> {
        let bytes = self.file.array(self.place(field)?)?;
        Some(i64::from(i32::from_le_bytes(bytes)))
    }

    /// A number of four bytes that counts; 0 where it is left out.
    pub(super) fn index(&self, field: usize) -> usize {
        self.place(field).and_then(|at| self.file.u32_at(at)).unwrap_or(0)
    }

    /// A number of eight bytes that counts.
    pub(super) fn long(&self, field: usize) -> Option<usize> {
        let bytes = self.file.array(self.place(field)?)?;
        self.file.held(usize::try_from(u64::from_le_bytes(bytes)).ok())
    }

    /// A number with a fraction.
    pub(super) fn float(&self, field: usize) -> Option<f32> {
        Some(f32::from_le_bytes(self.file.array(self.place(field)?)?))
    }

    /// A table in a field.
    pub(super) fn table(&self, field: usize) -> Option<Table<'f>> {
        let at = self.file.follow(self.place(field)?)?;
        Some(Table { file: self.file, at })
    }

    /// The elements of a list, each of so many bytes, and where they begin.
    fn span(&self, field: usize, width: usize) -> Option<(&'f [u8], usize)> {
        let at = self.file.follow(self.place(field)?)?;
        let length = self.file.u32_at(at)?.checked_mul(width);
        let start = at + 4;
        Some((self.file.part(start, length.unwrap_or(usize::MAX))?, start))
    }

    /// The same of a list that is about to be read.
    fn list(&self, field: usize, width: usize) -> Option<(&'f [u8], usize)> {
        let (bytes, start) = self.span(field, width)?;
        let left = self.file.left.get().checked_sub(bytes.len());
        self.file.left.set(self.file.held(left)?);
        Some((bytes, start))
    }

    /// A list of bytes, which is not read.
    pub(super) fn bytes(&self, field: usize) -> &'f [u8] {
        self.span(field, 1).map_or(&[], |(bytes, _)| bytes)
    }

    /// A text; empty where it is left out.
    pub(super) fn text(&self, field: usize) -> String {
        let list = self.list(field, 1);
        list.map_or_else(String::new, |(bytes, _)| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Numbers of four bytes.
    pub(super) fn ints(&self, field: usize) -> Vec<i64> {
        let Some((bytes, _)) = self.list(field, 4) else { return Vec::new() };
        let numbers = bytes.as_chunks::<4>().0.iter();
        numbers.map(|&bytes| i64::from(i32::from_le_bytes(bytes))).collect()
    }

    /// Numbers of eight bytes.
    pub(super) fn longs(&self, field: usize) -> Vec<i64> {
        let Some((bytes, _)) = self.list(field, 8) else { return Vec::new() };
        bytes.as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect()
    }

    /// Numbers with fractions.
    pub(super) fn floats(&self, field: usize) -> Vec<f32> {
        let Some((bytes, _)) = self.list(field, 4) else { return Vec::new() };
        bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    /// The tables of a list.
    pub(super) fn tables(&self, field: usize) -> Vec<Table<'f>> {
        let Some((bytes, start)) = self.list(field, 4) else { return Vec::new() };
        let each = (0..bytes.len() / 4).map_while(|index| {
            let at = self.file.follow(start + 4 * index)?;
            Some(Table { file: self.file, at })
        });
        each.collect()
    }

    /// Bytes of the file between two places.
    pub(super) fn part(&self, start: usize, length: usize) -> &'f [u8] {
        self.file.part(start, length).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table whose only field is the text `hi`.
    const HI: [u8; 26] = [
        12, 0, 0, 0, // where the table is
        6, 0, 8, 0, 4, 0, 0, 0, // where its fields are
        8, 0, 0, 0, 4, 0, 0, 0, // the table: how far back that is, and an offset
        2, 0, 0, 0, b'h', b'i',
    ];

    #[test]
    fn fields_are_found_or_left_out() {
        let file = File::new(&HI);
        let table = file.root().unwrap();
        assert_eq!((table.text(0), table.bytes(0)), ("hi".to_string(), &b"hi"[..]));
        assert_eq!((table.text(1), table.int(1), table.tables(1).len()), (String::new(), None, 0));
        assert!(!file.is_damaged());
    }

    #[test]
    fn what_lies_outside_is_noticed() {
        for (at, byte) in [(0, 200), (4, 255), (8, 200), (12, 200), (16, 200), (20, 3)] {
            let mut bytes = HI;
            bytes[at] = byte;
            let file = File::new(&bytes);
            let texts = file.root().map(|table| [table.text(0), table.text(100)]);
            assert!(texts.is_none_or(|texts| texts[0] != "hi") || at == 4, "{at}");
            assert!(file.is_damaged(), "{at}");
        }
    }

    #[test]
    fn lists_that_are_shared_are_read_so_often_only() {
        let file = File::new(&HI);
        let table = file.root().unwrap();
        let read = (0..HI.len() * READ_MAX).filter(|_| table.text(0) == "hi").count();
        assert_eq!(read, HI.len() * READ_MAX / 2);
        assert!(file.is_damaged());
    }
}
