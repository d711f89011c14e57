//! Weights in floats of 16 bits: half the bytes, computed with as f32.

use crate::layers::Site;
use crate::{CompressError, Precision};
use half::{bf16, f16};
use ir::{Graph, Op, ValueId};
use tensor::{DType, Tensor};

pub(super) fn stored(
    graph: &mut Graph,
    site: &Site,
    precision: Precision,
) -> Result<ValueId, CompressError> {
    let floats = site.stored.as_slice::<f32>()?;
    let (dtype, bits): (DType, Vec<u16>) = match precision {
        // Larger weights than f16 has stay finite.
        Precision::F16 => {
            let largest = f16::MAX.to_f32();
            let narrowed = |&w: &f32| f16::from_f32(w.clamp(-largest, largest)).to_bits();
            (DType::F16, floats.iter().map(narrowed).collect())
        }
        _ => (DType::BF16, floats.iter().map(|&w| bf16::from_f32(w).to_bits()).collect()),
    };
    let tensor = Tensor::from_bytes(dtype, &site.shape, bytemuck::cast_slice(&bits))?;
    let narrow = graph.constant(&format!("{}.weights.{dtype}", site.name), tensor);
    Ok(graph.add(&format!("{}.weights", site.name), Op::Cast(DType::F32), &[narrow])?)
}
