//! The C example beside a library.

use crate::c_text;
use crate::header::{Model, initializer};
use package::abi;
use std::fmt::Write;
use tensor::DType;

/// The example with words in capital letters between `@` where a model's own go.
const EXAMPLE: &str = include_str!("example.c.in");

impl Model<'_> {
    /// The text of the example.
    pub(crate) fn example(&self) -> String {
        EXAMPLE
            .replace("@NAME@", &c_text::comment(&self.emission.plan.name))
            .replace("@FILE@", &c_text::comment(&self.file))
            .replace("@STEM@", &c_text::comment(&self.stem))
            .replace("@HEADER@", &c_text::literal(&format!("{}.h", self.stem)))
            .replace("@PREFIX@", &self.prefix)
            .replace("@INPUTS@", &self.inputs())
    }

    /// One row of the example's table for each input.
    fn inputs(&self) -> String {
        let mut rows = String::new();
        for port in &self.emission.plan.signature.inputs {
            let sizes = self.try_sizes(port);
            let count = sizes.iter().fold(1i64, |n, &size| n.saturating_mul(size.max(0)));
            let size = match port.dtype {
                // Text of no bytes is its length, which is zero.
                DType::String => size_of::<u32>(),
                dtype => dtype.size(),
            };
            let bytes = count.saturating_mul(size as i64);
            let (_, dtype) = abi::dtype_code(port.dtype);
            let (rank, dims) = (sizes.len(), initializer(sizes.into_iter()));
            writeln!(
                rows,
                "    {{sizeof(schooner_tensor), NULL, {bytes}, {dtype}, {rank}, {dims}}},"
            )
            .expect("a string can always grow");
        }
        rows
    }
}
