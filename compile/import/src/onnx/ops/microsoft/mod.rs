//! `com.microsoft`: what ONNX Runtime's optimizer and quantizer write in place of standard
//! operators, by decomposition into what those became of.

pub(super) mod activation;
pub(super) mod attention;
pub(super) mod fused;
pub(super) mod norm;
pub(super) mod qlinear;
pub(super) mod quantized;
pub(super) mod recurrent;
pub(super) mod tokenizer;
