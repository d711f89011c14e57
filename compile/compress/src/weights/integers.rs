//! The integers that a layer's weights are made of, read and replaced.

use super::rows::{as_taken, in_rows};
use super::{Rows, Symmetric};
use crate::CompressError;
use crate::layers::Site;
use ir::Graph;
use tensor::{DType, Tensor};

/// Integers of one scale for each output channel.
#[derive(Debug, Clone)]
pub(crate) struct Integers {
    pub(crate) symmetric: Symmetric,
    /// Row after row.
    pub(crate) numbers: Vec<i8>,
}

impl Integers {
    /// Those of a layer, when it has such.
    pub(crate) fn of(graph: &Graph, site: &Site) -> Result<Option<Integers>, CompressError> {
        let Some(node) = site.dequantize.map(|index| &graph.nodes[index]) else { return Ok(None) };
        let last = match site.stored.dtype() {
            DType::I8 => 127.0,
            DType::I4 => 7.0,
            _ => return Ok(None),
        };
        let Some(scales) = graph.known(node.inputs[1]) else { return Ok(None) };
        let scales = scales.as_slice::<f32>()?;
        let scales = match *scales {
            [one] => vec![one; site.channels()],
            _ => scales.to_vec(),
        };
        let is_along_channels =
            matches!(node.op, ir::Op::Dequantize { axis } if axis == site.channel_axis());
        if scales.len() != site.channels() || !is_along_channels {
            return Ok(None);
        }
        let numbers = in_rows::<i8>(site, bytemuck::cast_slice(site.stored.bytes()));
        Ok(Some(Integers { symmetric: Symmetric { scales, last }, numbers }))
    }

    /// The floats that they stand for.
    pub(crate) fn rows(&self, depth: usize) -> Rows {
        let rows = self.numbers.chunks_exact(depth).zip(&self.symmetric.scales);
        let numbers = rows.flat_map(|(row, &s)| row.iter().map(move |&q| f32::from(q) * s));
        Rows { depth, numbers: numbers.collect() }
    }

    /// Puts them in the place of those that a layer has.
    pub(crate) fn put(&self, graph: &mut Graph, site: &Site) -> Result<(), CompressError> {
        let Some(node) = site.dequantize else { return Ok(()) };
        let taken = as_taken(site, &self.numbers);
        let bytes = bytemuck::cast_slice(&taken);
        let stored = Tensor::from_bytes(self.symmetric.dtype(), &site.shape, bytes)?;
        let name = format!("{}.weights.quantized", site.name);
        graph.nodes[node].inputs[0] = graph.constant(&name, stored);
        Ok(())
    }
}
