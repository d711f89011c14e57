//! What is fuzzed: one function for each reader of foreign bytes and each stage behind one, which
//! takes any bytes and panics when a promise is broken. `fuzz/` lets a fuzzer choose the bytes;
//! the tests of this crate run each target for a moment on seeds and random changes of them.
//! A dev-dependency only.
#![forbid(unsafe_code)]

pub mod changes;
pub mod graphs;
pub mod nets;
pub mod pytorch;
pub mod serving;
pub mod targets;

/// A function under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "import_keras", run: targets::import },
    Target { name: "import_tensorflow", run: targets::import },
    Target { name: "import_xgboost", run: targets::import },
    Target { name: "import_lightgbm", run: targets::import },
    Target { name: "import_mxnet", run: targets::import_mxnet },
    Target { name: "import_pytorch", run: pytorch::import_pytorch },
    Target { name: "import_tfjs", run: targets::import },
    Target { name: "import_tflite", run: targets::import },
    Target { name: "import_onnx", run: targets::import },
    Target { name: "compile_onnx", run: targets::compile_onnx },
    Target { name: "parse_graph", run: targets::parse_graph },
    Target { name: "compile_graph", run: targets::compile_graph },
    Target { name: "random_graph", run: targets::random_graph },
    Target { name: "random_net", run: targets::random_net },
    Target { name: "parse_container", run: targets::parse_container },
    Target { name: "decode_plan", run: targets::decode_plan },
    Target { name: "run_plan", run: targets::run_plan },
    Target { name: "decode_image", run: targets::decode_image },
    Target { name: "answer_rest", run: serving::answer_rest },
    Target { name: "answer_grpc", run: serving::answer_grpc },
    Target { name: "read_text_proto", run: serving::read_text_proto },
    Target { name: "read_archive", run: serving::read_archive },
];
