//! A graph written as an ONNX file, so that other tools can run what Schooner imported, optimized
//! or compressed.
//!
//! Each operator becomes the one of the standard that computes the same, or several of them;
//! there is one file for each family under `ops`, named as in `compile/import`. What has no
//! counterpart is refused by name. Files are of operator set 21, or of the first one that has all
//! operators and element types of the model.
//!
//! Sizes that depend on the inputs' are computed in the file by operators on integers: `Shape` of
//! whatever carries a symbol, then sums and products of what it gives.
//!
//! ```
//! use ir::{Graph, Op};
//! use tensor::{DType, Dim, scalar::Unary};
//!
//! let mut graph = Graph::new("tiny");
//! let x = graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(4)]);
//! let y = graph.add("act", Op::Unary(Unary::Relu), &[x]).unwrap();
//! graph.output("y", y);
//! let file = export::onnx(&graph, &import::ModelMetadata::default()).unwrap();
//! let read = import::import(file, &import::Options::default()).unwrap().graph;
//! assert_eq!(read.nodes[0].op, graph.nodes[0].op);
//! ```
#![forbid(unsafe_code)]

mod call;
mod error;
mod graph;
mod messages;
mod names;
mod ops;
mod prune;
mod sizes;
mod writer;

pub use error::ExportError;

use import::ModelMetadata;
use import::onnx::decode::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use ir::Graph;
use prost::Message;
use writer::Writer;

/// Most bytes of a file: the format's messages have no more.
const BYTES_MAX: usize = (1 << 31) - 1;

/// The domain's name in files is empty.
const STANDARD: &str = "";

/// The operator set of files that need no newer one.
const OPSET: i64 = 21;

/// The versions of the container, by the newest operator set that may be in it.
const IR_VERSIONS: &[(i64, i64)] = &[(22, 10), (23, 11), (24, 12), (27, 13), (i64::MAX, 14)];

/// The bytes of an ONNX file that computes what the graph does, which obeys its operators' rules
/// ([`Graph::verify`]). Names of inputs, outputs and nodes stay; of `metadata`, the properties, the
/// text and the model's own version.
///
/// # Errors
/// When an operator has no counterpart, when a size cannot be told from the inputs, and when the
/// file would be larger than the format allows.
pub fn onnx(graph: &Graph, metadata: &ModelMetadata) -> Result<Vec<u8>, ExportError> {
    let mut writer = Writer::new();
    let written = writer.model(graph)?;
    let opsets = writer.opsets();
    let opset = opsets.iter().find(|(domain, _)| domain.is_empty()).map_or(OPSET, |o| o.1);
    let ir_version = IR_VERSIONS.iter().find(|(newest, _)| opset <= *newest).map_or(10, |v| v.1);
    let property = |(key, value): (&String, &String)| StringStringEntryProto {
        key: key.clone(),
        value: value.clone(),
    };
    let model = ModelProto {
        ir_version,
        opset_import: opsets
            .into_iter()
            .map(|(domain, version)| OperatorSetIdProto { domain: domain.to_string(), version })
            .collect(),
        producer_name: "schooner".to_string(),
        producer_version: env!("CARGO_PKG_VERSION").to_string(),
        model_version: metadata.model_version,
        doc_string: metadata.doc.clone(),
        graph: Some(written),
        metadata_props: metadata.properties.iter().map(property).collect(),
        ..ModelProto::default()
    };
    let bytes = model.encoded_len();
    if bytes > BYTES_MAX {
        return Err(ExportError::TooLarge { bytes, limit: BYTES_MAX });
    }
    Ok(model.encode_to_vec())
}
