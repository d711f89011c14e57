//! What importers read, for listings.

/// An operator that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// Its name.
    pub name: &'static str,
    /// The file under the format's `ops` that imports it.
    pub family: &'static str,
}

/// The operators of the rows of each family.
pub(crate) fn operators<R: 'static>(
    families: &'static [(&'static str, &'static [R])],
    name: fn(&R) -> &'static str,
) -> impl Iterator<Item = Operator> {
    let of = move |(family, rows): &'static (&'static str, &'static [R])| {
        rows.iter().map(move |row| Operator { name: name(row), family })
    };
    families.iter().flat_map(of)
}
