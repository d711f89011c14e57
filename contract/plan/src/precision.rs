//! What products are computed in.

use crate::{Operation, Plan};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use tensor::DType;

/// The numbers that products with constant weights and those of attention multiply. Sums are f32 in
/// each case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Precision {
    /// As the model's own: each product errs by 2^-24 of itself at most.
    #[default]
    F32,
    /// Both operands rounded to bf16, so that each product errs by 2^-8 of itself, about: twice as
    /// fast where the processor multiplies them, and weights of half the size. What goes from
    /// product to product, also through depthwise convolutions and residuals of images, lies in
    /// memory as bf16; what normalizations and callers read is f32.
    Bf16,
}

impl Precision {
    /// Every precision, the most exact first.
    pub const ALL: [Precision; 2] = [Precision::F32, Precision::Bf16];

    /// Its name in command lines and listings.
    pub const fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Precision, String> {
        let names = Precision::ALL.map(Precision::name);
        let found = Precision::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| format!("expected {}", names.join(" or ")))
    }
}

impl Plan {
    /// The least exact precision of any of its products.
    pub fn precision(&self) -> Precision {
        let bodies = self.steps.iter().flat_map(|step| step.operation.bodies());
        let inner = bodies.map(|body| body.0.precision()).max().unwrap_or_default();
        let is_product = |operation: &Operation| {
            matches!(
                operation,
                Operation::MatMul(_)
                    | Operation::Convolution(_)
                    | Operation::Winograd { .. }
                    | Operation::Chain(_)
            )
        };
        let products = self.steps.iter().filter(|step| is_product(&step.operation));
        let mut read = products.flat_map(|step| &step.inputs);
        let is_bf16 = read.any(|&id| self.buffer(id).dtype == DType::BF16);
        if is_bf16 { Precision::Bf16 } else { inner }
    }
}
