//! Matrix products: weights packed ahead when the right side is constant, views otherwise.

use crate::builder::{repeating, strides};
use crate::integers::IntegerProduct;
use crate::layout::Layout;
use crate::{Lowering, Refusal, require_number};
use bytemuck::NoUninit;
use ir::{Node, ValueId};
use plan::{BatchMatMul, BufferId, MatMul, Operation, Precision, View};
use tensor::{DType, Dim, Tensor};

impl Lowering<'_> {
    pub(crate) fn mat_mul(&mut self, index: usize) -> Result<(), Refusal> {
        let node = &self.graph.nodes[index];
        require_number(node, self.dtype(node.inputs[0]))?;
        if let Some(found) = self.attention.remove(&index) {
            self.fused_attention(node, &found);
            return Ok(());
        }
        let is_of_two_axes = self.shape(node.inputs[1]).len() == 2;
        if let Some(product) = self.integer_product(node, 1).filter(|_| is_of_two_axes) {
            self.integer_matrix(index, &product);
            return Ok(());
        }
        match self.known(node.inputs[1]) {
            // Sums of nothing have no rows that could be counted by their elements.
            Some(weights)
                if is_matrix(weights.shape())
                    && weights.dtype() == DType::F32
                    && !weights.is_empty() =>
            {
                self.packed_product(index, &weights);
            }
            _ => self.batch_product(node),
        }
        Ok(())
    }

    fn packed_product(&mut self, index: usize, weights: &Tensor) {
        let node = &self.graph.nodes[index];
        let shape = weights.shape();
        let (k, n) = match *shape {
            [k] => (k, 1),
            _ => (shape[shape.len() - 2], shape[shape.len() - 1]),
        };
        let elements = weights.as_slice::<f32>().expect("checked to be f32");
        let packed = match self.options.precision {
            Precision::F32 => {
                let mut packed = vec![0f32; kernels::matmul::packed_len(k, n)];
                kernels::matmul::pack(elements, k, n, n, 1, &mut packed);
                self.packed_constant(DType::F32, packed)
            }
            Precision::Bf16 => {
                let mut packed = vec![0u16; kernels::matmul::packed_bf16_len(k, n)];
                kernels::matmul::pack_bf16(elements, k, n, &mut packed);
                self.packed_constant(DType::BF16, packed)
            }
        };
        let fused = self.fuse(index, None, Layout::Plain);
        let fused = self.finish(&fused, Layout::Plain);
        let mut inputs = vec![self.form(node.inputs[0], Layout::Plain), packed];
        inputs.extend(fused.inputs);
        let output = self.make(fused.output, Layout::Plain);
        let operation = Operation::MatMul(MatMul { k, n, epilogue: fused.epilogue });
        self.builder.step(&node.name, operation, &inputs, output);
    }

    /// A product of integers.
    fn integer_matrix(&mut self, index: usize, product: &IntegerProduct) {
        let node = &self.graph.nodes[index];
        let (k, n) = (product.shape[0], product.shape[1]);
        let mut packed = vec![0i8; kernels::matmul::packed_int8_len(k, n)];
        kernels::matmul::pack_int8(&product.weights, k, n, &mut packed);
        let packed = self.packed_constant(DType::I8, packed);
        let fused = self.fuse(index, None, Layout::Plain);
        let finished = self.finish_integers(product, &fused, Layout::Plain, false);
        let mut inputs = vec![self.form(product.left.bytes.value, Layout::Plain), packed];
        inputs.extend(finished.inputs);
        let output = self.make(finished.output, Layout::Plain);
        let operation = Operation::MatMul(MatMul { k, n, epilogue: finished.epilogue });
        self.builder.step(&node.name, operation, &inputs, output);
    }

    /// Packed weights as a constant.
    pub(crate) fn packed_constant<T: NoUninit>(
        &mut self,
        dtype: DType,
        packed: Vec<T>,
    ) -> BufferId {
        self.builder.constant(dtype, &[packed.len()], packed)
    }

    fn batch_product(&mut self, node: &Node) {
        let a = self.operand(node.inputs[0], true);
        let b = self.operand(node.inputs[1], false);
        let output = self.make(node.output, Layout::Plain);
        let (m, k) = (a.rows.clone(), a.columns.clone());
        let n = b.columns.clone();
        let rank = a.batch.len().max(b.batch.len());
        let batch = self.shape(node.output)[..rank].to_vec();
        let (view_a, view_b) = (a.view(&batch), b.view(&batch));
        let product = BatchMatMul { m, k, n, a: view_a, b: view_b, batch };
        let inputs = [a.buffer, b.buffer];
        self.builder.step(&node.name, Operation::BatchMatMul(product), &inputs, output);
    }

    /// A vector is a row on the left and a column on the right.
    fn operand(&mut self, id: ValueId, is_left: bool) -> Operand {
        let buffer = self.form(id, Layout::Plain);
        let shape = self.shape(id);
        match shape {
            [size] if is_left => {
                Operand { buffer, batch: Vec::new(), rows: Dim::from(1), columns: size.clone() }
            }
            [size] => {
                Operand { buffer, batch: Vec::new(), rows: size.clone(), columns: Dim::from(1) }
            }
            [batch @ .., rows, columns] => Operand {
                buffer,
                batch: batch.to_vec(),
                rows: rows.clone(),
                columns: columns.clone(),
            },
            [] => unreachable!("the rule of the product refuses scalars"),
        }
    }
}

/// One side of a product whose sides are both made at run time.
struct Operand {
    buffer: BufferId,
    batch: Vec<Dim>,
    rows: Dim,
    columns: Dim,
}

impl Operand {
    /// Strides along the common batch axes, then rows and columns; axes of size one repeat.
    fn view(&self, batch: &[Dim]) -> View {
        let shape: Vec<Dim> =
            self.batch.iter().chain([&self.rows, &self.columns]).cloned().collect();
        let dense = strides(&shape);
        let missing = batch.len() - self.batch.len();
        let along = (0..batch.len()).map(|axis| match axis.checked_sub(missing) {
            Some(i) => repeating(&dense[i], &self.batch[i], &batch[axis]),
            None => Dim::from(0),
        });
        let strides = along.chain(dense[self.batch.len()..].iter().cloned()).collect();
        View { offset: Dim::from(0), strides }
    }
}

/// Is there one matrix only, whatever the rank?
fn is_matrix(shape: &[usize]) -> bool {
    shape.len() <= 2 && !shape.is_empty()
}
