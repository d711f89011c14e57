//! One bar for all samples that are run.

use crate::console::Console;
use compress::evaluate::{Progress, Split};
use indicatif::ProgressBar;

/// The bar of a compression.
pub(super) struct Bar {
    bar: ProgressBar,
    console: Console,
}

impl Bar {
    /// Calibration, the original's answers, two probes of each layer and one of all, and the first
    /// test; further tests make it longer when they come.
    pub(super) fn new(console: &Console, split: &Split, layers: usize) -> Bar {
        let (calibration, test) = (split.calibration.len(), split.test.len());
        let samples = calibration + (2 * layers + 2) * split.probes().len() + 2 * test;
        Bar { bar: console.stages(samples), console: console.clone() }
    }

    /// Takes it off the screen.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, samples: usize) {
        self.console.detail(format_args!("{what}: {samples} samples"));
        let end = self.bar.position() + samples as u64;
        if end > self.bar.length().unwrap_or(0) {
            self.bar.set_length(end);
        }
        self.bar.set_message(what.to_string());
    }

    fn advance(&self, samples: usize) {
        self.bar.inc(samples as u64);
    }

    fn end(&self) {
        self.bar.tick();
    }
}
