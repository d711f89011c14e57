//! What a layer sums at each of its positions, as rows: a product of weights and rows is what the
//! layer computes.

use crate::layers::Site;
use ir::{Conv, Graph, Op};
use tensor::{Tensor, TensorError, row_major_strides};

/// How a layer looks at its input.
#[derive(Debug)]
pub(crate) struct Patches<'g> {
    /// Nothing of a product with a matrix.
    conv: Option<&'g Conv>,
    /// Sizes of the kernel.
    taps: Vec<usize>,
    /// Numbers in a row: those of all groups, one after another.
    pub(crate) depth: usize,
}

impl Patches<'_> {
    pub(crate) fn of<'g>(graph: &'g Graph, site: &Site) -> Patches<'g> {
        let conv = match &graph.nodes[site.node].op {
            Op::Conv(conv) => Some(conv),
            _ => None,
        };
        let taps = conv.map_or(vec![], |_| site.shape[2..].to_vec());
        Patches { conv, taps, depth: site.depth() * site.groups.unwrap_or(1) }
    }

    /// Positions of a result.
    pub(crate) fn count(&self, result: &[usize]) -> usize {
        match self.conv {
            Some(_) => result[0] * result[2..].iter().product::<usize>(),
            None => result.iter().rev().skip(1).product(),
        }
    }

    /// Writes what is summed at a position of a result of these sizes.
    pub(crate) fn row(
        &self,
        input: &Tensor,
        result: &[usize],
        position: usize,
        row: &mut [f32],
    ) -> Result<(), TensorError> {
        let numbers = input.as_slice::<f32>()?;
        let Some(conv) = self.conv else {
            row.copy_from_slice(&numbers[position * self.depth..][..self.depth]);
            return Ok(());
        };
        let (shape, strides) = (input.shape(), row_major_strides(input.shape()));
        let at = unravelled(position, &result[2..]);
        let image = position / result[2..].iter().product::<usize>().max(1);
        let taps: usize = self.taps.iter().product();
        for tap in 0..taps {
            let offset = self.offset(conv, &at, &unravelled(tap, &self.taps), shape, &strides);
            let places = row.iter_mut().skip(tap).step_by(taps);
            match offset {
                None => places.for_each(|x| *x = 0.0),
                Some(offset) => {
                    let first = image * strides[0] + offset;
                    for (channel, x) in places.enumerate() {
                        *x = numbers[first + channel * strides[1]];
                    }
                }
            }
        }
        Ok(())
    }

    /// Where a tap of a position lies in each channel; nowhere in the padding.
    fn offset(
        &self,
        conv: &Conv,
        at: &[usize],
        tap: &[usize],
        shape: &[usize],
        strides: &[usize],
    ) -> Option<usize> {
        let axes = at.iter().zip(tap).enumerate().map(|(axis, (&at, &tap))| {
            let place = at * conv.strides[axis] + tap * conv.dilations[axis];
            let place = place.checked_sub(conv.pads[axis].0)?;
            (place < shape[axis + 2]).then(|| place * strides[axis + 2])
        });
        axes.sum()
    }

    /// Writes what the layer makes at a position.
    pub(crate) fn made(
        &self,
        result: &Tensor,
        position: usize,
        made: &mut [f32],
    ) -> Result<(), TensorError> {
        let (numbers, shape) = (result.as_slice::<f32>()?, result.shape());
        if self.conv.is_none() {
            made.copy_from_slice(&numbers[position * made.len()..][..made.len()]);
            return Ok(());
        }
        let places: usize = shape[2..].iter().product();
        let first = position / places * made.len() * places + position % places;
        for (channel, x) in made.iter_mut().enumerate() {
            *x = numbers[first + channel * places];
        }
        Ok(())
    }
}

/// The index along each axis; what is left over of the first is dropped.
fn unravelled(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut at = vec![0; shape.len()];
    for (index, &size) in at.iter_mut().zip(shape).rev() {
        (*index, position) = (position % size, position / size);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::sites;
    use tensor::{DType, Dim};

    fn fill(shape: &[usize], salt: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37 + salt).sin()).collect();
        Tensor::from_slice(shape, &numbers).unwrap()
    }

    /// Are rows times weights what the layer's naive twin makes?
    fn check(op: Op, input: &[usize], weights: &[usize]) {
        let mut graph = Graph::new("one");
        let shape = input.iter().map(|&d| Dim::from(d)).collect();
        let x = graph.input("x", DType::F32, shape);
        let w = graph.constant("w", fill(weights, 0.1));
        let y = graph.add("layer", op, &[x, w]).unwrap();
        graph.output("y", y);
        let input = fill(input, 2.0);
        let expected = reference::run(&graph, std::slice::from_ref(&input)).unwrap().remove(0);
        let site = sites(&graph).remove(0);
        let patches = Patches::of(&graph, &site);
        let rows = crate::weights::Rows::of(&site).unwrap();
        let per_group = site.channels() / site.groups.unwrap_or(1);
        let mut row = vec![0.0; patches.depth];
        let mut made = vec![0.0; site.channels()];
        for position in 0..patches.count(expected.shape()) {
            patches.row(&input, expected.shape(), position, &mut row).unwrap();
            patches.made(&expected, position, &mut made).unwrap();
            let sums = rows.iter().enumerate().map(|(channel, weights)| {
                let row = &row[channel / per_group * weights.len()..];
                row.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>()
            });
            testkit::assert_close("sums", &sums.collect::<Vec<_>>(), &made, 1e-4, 1e-5);
        }
    }

    fn conv(groups: usize) -> Op {
        let (strides, dilations) = (vec![2, 1], vec![1, 2]);
        Op::Conv(Conv { strides, dilations, pads: vec![(1, 0), (2, 1)], groups })
    }

    #[test]
    fn rows_times_weights_are_what_layers_make() {
        check(conv(1), &[2, 3, 6, 7], &[4, 3, 3, 2]);
        check(conv(2), &[1, 4, 5, 5], &[6, 2, 2, 2]);
        check(conv(3), &[2, 3, 5, 6], &[3, 1, 3, 3]);
        check(Op::MatMul, &[2, 3, 5], &[5, 4]);
        check(Op::MatMul, &[5], &[5, 4]);
    }
}
