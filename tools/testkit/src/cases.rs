//! Cases of a suite that lie together in one file.

use ruzstd::decoding::StreamingDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use zip::ZipArchive;

/// The files of each case, by name, of an archive `<case>/<file>` in the format of zip under that
/// of Zstandard.
///
/// # Panics
/// When it cannot be read.
pub fn cases(path: &Path) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut packed = StreamingDecoder::new(File::open(path).unwrap()).unwrap();
    packed.read_to_end(&mut bytes).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut cases: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().to_string();
        let (case, part) = name.rsplit_once('/').expect("`<case>/<file>`");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        cases.entry(case.to_string()).or_default().insert(part.to_string(), bytes);
    }
    cases
}
