//! Models of PyTorch. The checksums of an archive turn nearly all changes of it away, so that the
//! bytes may also be one file of an archive that is made here.

use crate::targets::import;
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An object of the class `M` in `__torch__/m.py` that is not in training.
const OBJECT: &[u8] = b"\x80\x02c__torch__.m\nM\nq\x00)\x81}(X\x08\x00\x00\x00trainingq\x01\x89ub.";

/// Source of that class.
const SOURCE: &[u8] = b"class M(Module):
  training : bool
  def forward(self: __torch__.m.M,
    x: Tensor) -> Tensor:
    return torch.relu(x)
";

/// The first byte says which file the others are.
const FILES: [(u8, &str); 4] = [
    (b'j', "m/models/m.json"),
    (b'p', "m/data.pkl"),
    (b's', "m/code/__torch__/m.py"),
    (b'w', "m/data/weights/m_weights_config.json"),
];

/// The bytes as the file of an archive that the name of the case says.
pub fn seed(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

/// Whatever the bytes are, importing them gives a graph that verifies, or an error.
pub fn import_pytorch(bytes: &[u8]) {
    let own = bytes.split_first().and_then(|(kind, rest)| {
        FILES.iter().find(|(own, _)| own == kind).map(|(_, name)| (*name, rest))
    });
    match own {
        Some((name, rest)) => import(&archive(name, rest)),
        None => import(bytes),
    }
}

fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let rest: [(&str, &[u8]); 2] = [("m/data.pkl", OBJECT), ("m/code/__torch__/m.py", SOURCE)];
    let others = rest.into_iter().filter(|(own, _)| *own != name && !name.ends_with(".json"));
    for (name, content) in [(name, bytes)].into_iter().chain(others) {
        archive.start_file(name, SimpleFileOptions::default()).expect("memory takes a file");
        archive.write_all(content).expect("memory takes a file");
    }
    archive.finish().expect("memory takes a file").into_inner()
}
