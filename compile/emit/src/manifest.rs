//! What an emission says about itself.

use crate::Emission;
use package::{Manifest, Source};
use plan::Port;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Name, length and SHA-256 of the file that a model was made from.
pub fn source(path: &Path) -> io::Result<Source> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut from = File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = from.read(&mut piece)?;
        if count == 0 {
            let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Source { file, bytes, sha256: digits });
        }
        hash.update(&piece[..count]);
        bytes += count as u64;
    }
}

pub(crate) fn of(emission: &Emission<'_>) -> Manifest {
    let signature = &emission.plan.signature;
    Manifest {
        name: emission.plan.name.clone(),
        version: emission.version.to_string(),
        created_by: created_by(),
        source: emission.source.clone(),
        opsets: emission.opsets.clone(),
        plan_format: plan::FORMAT,
        inputs: signature.inputs.iter().map(summary).collect(),
        outputs: signature.outputs.iter().map(summary).collect(),
        labels: emission.labels.to_vec(),
    }
}

/// Program and version.
pub(crate) fn created_by() -> String {
    format!("schooner {}", env!("CARGO_PKG_VERSION"))
}

/// `x: f32[n, 3, 224, 224]`
fn summary(port: &Port) -> String {
    let Port { name, dtype, shape } = port;
    format!("{name}: {dtype}{shape:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_named_measured_and_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.onnx");
        std::fs::write(&path, b"abc").unwrap();
        let source = source(&path).unwrap();
        assert_eq!((source.file.as_str(), source.bytes), ("m.onnx", 3));
        // The first example of FIPS 180-4.
        assert!(source.sha256.starts_with("ba7816bf8f01cfea414140de5dae2223"), "{source:?}");
    }
}
