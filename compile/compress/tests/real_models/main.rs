//! Every method on models that were trained, with images that they have not seen.

mod learned;
mod prune;
mod quantize;
mod support;
