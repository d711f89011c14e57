//! Ensembles of decision trees.

use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::trees::{Forest, Number, TreeEnsemble};
use tensor::DType;
use tensor::scalar::Reduction;

/// Trees of known number and size.
pub(crate) struct Trees {
    step: String,
    reduction: Reduction,
    dtype: DType,
    /// Rows and features.
    sizes: [usize; 2],
}

impl Trees {
    pub(crate) fn bind(reduction: Reduction, facts: &Facts<'_>) -> Result<Trees, RunError> {
        let is_joined = TreeEnsemble::<f32>::supports(reduction);
        facts.require(is_joined, &format!("no kernel joins leaves by {reduction:?}"))?;
        let dtype = facts.output_dtype;
        facts.require(matches!(dtype, DType::F32 | DType::F64), "the result is not f32 or f64")?;
        let table = [dtype, DType::I32, dtype, DType::I32, DType::I32, DType::I32, dtype, dtype];
        facts.require(facts.dtypes == table, "tables of another type")?;
        let [x, _, thresholds, nodes, _, targets, weights, base] = facts.shapes else {
            return Err(facts.refuse("not the tables of trees"));
        };
        let [rows, features] = **x else {
            return Err(facts.refuse("the features are no matrix"));
        };
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let is_fitting = count(nodes) == count(thresholds) * 3
            && count(targets) == count(weights)
            && count(facts.output) == rows * count(base);
        facts.require(is_fitting, "tables of another size")?;
        Ok(Trees { step: facts.name.to_string(), reduction, dtype, sizes: [rows, features] })
    }

    pub(crate) fn run(
        &self,
        operands: &Operands<'_>,
        execute: Execute<'_>,
    ) -> Result<(), RunError> {
        match self.dtype {
            DType::F64 => self.run_as::<f64>(operands, execute),
            _ => self.run_as::<f32>(operands, execute),
        }
    }

    fn run_as<T: Number + tensor::Element>(
        &self,
        operands: &Operands<'_>,
        execute: Execute<'_>,
    ) -> Result<(), RunError> {
        let forest = Forest::<T> {
            roots: operands.input(1),
            thresholds: operands.input(2),
            nodes: bytemuck::cast_slice(operands.inputs[3]),
            leaves: operands.input(4),
            targets: operands.input(5),
            weights: operands.input(6),
            base: operands.input(7),
        };
        let (x, out) = (operands.input(0), operands.output());
        let call = TreeEnsemble::new(self.reduction, forest, self.sizes, x, out);
        execute(&call);
        if call.is_broken() {
            let reason = "a walk through the trees leaves them or does not end".to_string();
            return Err(RunError::Index { step: self.step.clone(), reason });
        }
        Ok(())
    }
}
