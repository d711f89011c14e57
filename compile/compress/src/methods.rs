//! Every method of compression in one table; `docs/compression-methods.md` is written from it.

use std::fmt::Write;

/// What a method changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How ranges are found.
    Calibration,
    /// How numbers are held.
    Precision,
    /// What is done to a graph so that its numbers can be held in fewer bits.
    Preparation,
    /// What is done to make up for what rounding did.
    Correction,
    /// Which weights go.
    Pruning,
}

/// What a method has to be given beside the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Samples, with or without labels.
    Samples,
}

/// One method.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it changes.
    pub kind: Kind,
    /// What it needs.
    pub needs: Needs,
    /// What it does, and what it costs.
    pub what: &'static str,
    /// Its file, in `compile/compress/src`.
    pub file: &'static str,
}

const fn row(
    name: &'static str,
    kind: Kind,
    needs: Needs,
    file: &'static str,
    what: &'static str,
) -> Method {
    Method { name, kind, needs, what, file }
}

use Kind::{Calibration, Correction, Precision, Preparation, Pruning};
use Needs::{Nothing, Samples};

/// All methods.
pub const METHODS: &[Method] = &[
    row(
        "min-max",
        Calibration,
        Samples,
        "observe/min_max.rs",
        "The range of everything that was seen.",
    ),
    row(
        "percentile",
        Calibration,
        Samples,
        "observe/percentile.rs",
        "The range without one of ten thousand elements at either end.",
    ),
    row(
        "entropy",
        Calibration,
        Samples,
        "observe/entropy.rs",
        "The range whose 256 steps are distributed most like the elements (Kullback-Leibler).",
    ),
    row(
        "squared error",
        Calibration,
        Samples,
        "observe/squared_error.rs",
        "The range that rounds the elements with the least squared error. The default.",
    ),
    row(
        "made-up samples",
        Calibration,
        Nothing,
        "synthetic.rs",
        "Normally distributed inputs where there are no samples: an approximation.",
    ),
    row(
        "int8 static",
        Precision,
        Samples,
        "quantize/insert.rs",
        "Activations of 8 bits by calibrated ranges, weights of 8 bits with a scale a channel.",
    ),
    row(
        "int8 dynamic",
        Precision,
        Nothing,
        "quantize/insert.rs",
        "The same, with the activations' range found in each run.",
    ),
    row(
        "int4 weights, int8 activations",
        Precision,
        Samples,
        "quantize/insert.rs",
        "As int8 static, with weights of 4 bits; asks for learned rounding.",
    ),
    row(
        "weights int8",
        Precision,
        Nothing,
        "weights/symmetric.rs",
        "Weights of 8 bits with a scale a channel; computed with as f32.",
    ),
    row(
        "weights int4",
        Precision,
        Nothing,
        "weights/grouped.rs",
        "Weights of 4 bits with a scale for each 32 of them; computed with as f32.",
    ),
    row(
        "clusters",
        Precision,
        Nothing,
        "weights/clustered.rs",
        "Weights that share a table of 256 numbers (k-means); computed with as f32.",
    ),
    row(
        "f16, bf16",
        Precision,
        Nothing,
        "weights/halves.rs",
        "Weights in floats of 16 bits; computed with as f32.",
    ),
    row(
        "cross-layer equalization",
        Preparation,
        Nothing,
        "quantize/equalize.rs",
        "Moves range between layers, channel by channel, where only rectifiers and pooling lie \
         between. Refused where an activation has bounds, which would not move along.",
    ),
    row(
        "smoothing",
        Preparation,
        Samples,
        "quantize/smooth.rs",
        "Moves range from normalized values into the products that read them (SmoothQuant).",
    ),
    row(
        "bias correction",
        Correction,
        Samples,
        "quantize/bias.rs",
        "Takes back what rounding weights does to the mean of each channel.",
    ),
    row(
        "learned rounding",
        Correction,
        Samples,
        "quantize/learned/mod.rs",
        "Learns for each weight which of its two neighbours it becomes (AdaRound). Minutes for \
         tens of millions of weights.",
    ),
    row(
        "magnitude",
        Pruning,
        Samples,
        "prune/magnitude.rs",
        "The smallest weights become zero: singly, some of a few neighbours (2:4), or in blocks.",
    ),
    row(
        "second order",
        Pruning,
        Samples,
        "prune/second_order.rs",
        "Weights become zero whose loss the others make up for best, and the others do (Optimal \
         Brain Surgeon, column by column). The same patterns.",
    ),
    row(
        "channels",
        Pruning,
        Samples,
        "prune/channels/mod.rs",
        "Whole channels go, through residuals, concatenations, depthwise and grouped \
         convolutions; what is left is a smaller dense model, fitted anew by least squares.",
    ),
];

/// The table as a page for people.
pub fn page() -> String {
    let mut page = String::from(
        "# Methods of compression\n\n\
         Written from the table in `compile/compress/src/methods.rs`: `BLESS=1 cargo test -p \
         schooner-compress methods`. How many weights or channels a layer loses, and which layers \
         keep a higher precision, is found by measuring, not given.\n\n\
         | method | changes | needs | what it does |\n|---|---|---|---|\n",
    );
    for method in METHODS {
        let kind = match method.kind {
            Calibration => "ranges",
            Precision => "how numbers are held",
            Preparation => "the graph, before",
            Correction => "the weights, after",
            Pruning => "which weights there are",
        };
        let needs = match method.needs {
            Nothing => "nothing",
            Samples => "samples",
        };
        // Writing into a string does not fail.
        let _ = writeln!(page, "| {} | {kind} | {needs} | {} |", method.name, method.what);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_of_the_page_and_have_their_files() {
        let path = testkit::repository().join("docs/compression-methods.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == page(), "{}: run with BLESS=1", path.display());
        let sources = testkit::repository().join("compile/compress/src");
        for method in METHODS {
            assert!(sources.join(method.file).exists(), "{}", method.file);
        }
    }
}
