//! What products are computed in.

use crate::{Epilogue, Operation, Plan, Step};
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
    /// The least exact precision of any of its products that numbers of f32 can be multiplied in.
    pub fn precision(&self) -> Precision {
        match self.multiplied().contains(&DType::BF16) {
            true => Precision::Bf16,
            false => Precision::F32,
        }
    }

    /// What its products multiply, as people say it: `f32`, `int8`, `int8 and f32`.
    pub fn arithmetic(&self) -> String {
        let name = |dtype: &DType| if *dtype == DType::I8 { "int8" } else { dtype.name() };
        let names: Vec<&str> = self.multiplied().iter().map(name).collect();
        match names.is_empty() {
            true => DType::F32.name().to_string(),
            false => names.join(" and "),
        }
    }

    /// The types that its products multiply, each once, those of fewer bits first; `i8` stands for
    /// bytes by `i8`.
    pub fn multiplied(&self) -> Vec<DType> {
        let own = self.steps.iter().flat_map(|step| self.multiplied_by(step));
        let bodies = self.steps.iter().flat_map(|step| step.operation.bodies());
        let mut all: Vec<DType> = own.chain(bodies.flat_map(|body| body.0.multiplied())).collect();
        all.sort_by_key(|dtype| (dtype.bits(), dtype.name()));
        all.dedup();
        all
    }

    fn multiplied_by(&self, step: &Step) -> Vec<DType> {
        let is_bf16 = step.inputs.iter().any(|&id| self.buffer(id).dtype == DType::BF16);
        let by = |epilogue: &Epilogue| match (epilogue.integers, is_bf16) {
            (Some(_), _) => DType::I8,
            (None, true) => DType::BF16,
            (None, false) => self.buffer(step.inputs[0]).dtype,
        };
        match &step.operation {
            Operation::MatMul(p) => vec![by(&p.epilogue)],
            Operation::Convolution(p) | Operation::Depthwise(p) => vec![by(&p.epilogue)],
            Operation::Winograd { convolution, .. } => vec![by(&convolution.epilogue)],
            Operation::Chain(stages) => {
                stages.iter().map(|stage| by(&stage.convolution.epilogue)).collect()
            }
            Operation::BatchMatMul(_) => vec![self.buffer(step.inputs[0]).dtype],
            Operation::Attention(p) => match p.precision {
                Precision::F32 => vec![DType::F32],
                Precision::Bf16 => vec![DType::BF16],
            },
            _ => Vec::new(),
        }
    }
}
