//! The graph without channels that are gone: smaller weights, no zeros in their place.

use super::tracks::Tracks;
use crate::CompressError;
use crate::layers::{Site, float_sites};
use ir::{Graph, Node, Op, ValueId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tensor::{DType, Dim, Tensor};

/// A smaller graph, and where the values of the one that it was made of are in it.
pub(super) struct Shrunk {
    pub(super) graph: Graph,
    pub(super) values: BTreeMap<ValueId, ValueId>,
}

/// The graph without the channels of these roots.
pub(super) fn shrink(
    graph: &Graph,
    tracks: &Tracks,
    gone: &BTreeSet<u32>,
) -> Result<Shrunk, CompressError> {
    let sites: BTreeMap<usize, Site> =
        float_sites(graph).into_iter().map(|site| (site.node, site)).collect();
    let mut state =
        Shrinking { graph, tracks, gone, made: Graph::new(&graph.name), values: BTreeMap::new() };
    for &id in &graph.inputs {
        let value = graph.value(id);
        let new = state.made.input(&value.name, value.dtype, value.shape.clone());
        state.values.insert(id, new);
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        state.node(node, sites.get(&index))?;
    }
    for output in &graph.outputs {
        let value = state.value(output.value);
        state.made.output(&output.name, value);
    }
    state.made.verify()?;
    Ok(Shrunk { graph: state.made, values: state.values })
}

struct Shrinking<'g> {
    graph: &'g Graph,
    tracks: &'g Tracks,
    gone: &'g BTreeSet<u32>,
    made: Graph,
    values: BTreeMap<ValueId, ValueId>,
}

impl Shrinking<'_> {
    fn node(&mut self, node: &Node, site: Option<&Site>) -> Result<(), CompressError> {
        let mut op = node.op.clone();
        let mut inputs: Vec<ValueId> = Vec::with_capacity(node.inputs.len());
        for (place, &id) in node.inputs.iter().enumerate() {
            let cut = match self.graph.known(id) {
                Some(known) => self.cut(node, site, place, known)?,
                None => None,
            };
            inputs.push(match cut {
                Some(tensor) => self.made.constant(&self.graph.value(id).name, tensor),
                None => self.value(id),
            });
        }
        match &mut op {
            // One output channel at least for each group that is left.
            Op::Conv(conv) if site.is_some_and(|site| conv.groups > 1 && site.shape[1] == 1) => {
                conv.groups = self.kept(node.inputs[0]).map_or(conv.groups, |kept| kept.len());
            }
            Op::Reshape { shape } => {
                if let (Some(track), Some(kept)) =
                    (self.tracks.get(node.output), self.kept(node.output))
                {
                    shape[track.axis] = Dim::from(kept.len());
                }
            }
            _ => {}
        }
        let made = self.made.add_with(&node.name, op, &inputs, node.bodies.clone())?;
        self.values.insert(node.output, made);
        let further = self.made.nodes.last().map_or(vec![], |node| node.further.clone());
        self.values.extend(node.further.iter().copied().zip(further));
        let values = node.outputs().map(|id| (id, self.values[&id]));
        for (old, new) in values.collect::<Vec<_>>() {
            self.made.values[new.0 as usize].name = self.graph.value(old).name.clone();
        }
        Ok(())
    }

    /// Where a value is; constants come along when they are first asked for.
    fn value(&mut self, id: ValueId) -> ValueId {
        if let Some(&new) = self.values.get(&id) {
            return new;
        }
        let value = self.graph.value(id);
        let new = match &value.constant {
            Some(constant) => self.made.constant(&value.name, constant.clone()),
            // The graph was verified: all that is taken was made.
            None => self.made.input(&value.name, value.dtype, value.shape.clone()),
        };
        self.values.insert(id, new);
        new
    }

    /// The elements that are left along the channels of a value; `None` when all are.
    fn kept(&self, id: ValueId) -> Option<Vec<usize>> {
        let marks = &self.tracks.get(id)?.marks;
        let is_kept = |mark: u32| !self.gone.contains(&self.tracks.root(mark));
        let kept: Vec<usize> = (0..marks.len()).filter(|&i| is_kept(marks[i])).collect();
        (kept.len() < marks.len()).then_some(kept)
    }

    /// What is left of a constant that a node takes; `None` when all is.
    fn cut(
        &self,
        node: &Node,
        site: Option<&Site>,
        place: usize,
        known: &Arc<Tensor>,
    ) -> Result<Option<Tensor>, CompressError> {
        let out = self.kept(node.output);
        let Some(site) = site else {
            let (Some(kept), Op::Binary(_)) = (out, &node.op) else { return Ok(None) };
            let track = self.tracks.get(node.output);
            let behind = track.map_or(0, |t| self.graph.value(node.output).shape.len() - t.axis);
            let axis = known.shape().len().checked_sub(behind);
            let axis = axis.filter(|&axis| known.shape()[axis] > 1);
            return axis.map(|axis| picked(known, axis, &kept)).transpose();
        };
        match place {
            1 => {
                let mut made = None;
                if let Some(kept) = out {
                    made = Some(picked(known, site.channel_axis(), &kept)?);
                }
                let is_depthwise = site.groups.is_some_and(|g| g > 1) && site.shape[1] == 1;
                let taken = self.kept(site.input).filter(|_| !is_depthwise);
                if let Some(mut kept) = taken {
                    // Of groups the same places are kept: those of the first say which.
                    let axis = 1 - site.channel_axis();
                    kept.retain(|&i| i < site.shape[axis]);
                    made = Some(picked(made.as_ref().unwrap_or(known), axis, &kept)?);
                }
                Ok(made)
            }
            2 => out.map(|kept| picked(known, 0, &kept)).transpose(),
            _ => Ok(None),
        }
    }
}

/// Some of the elements along an axis.
fn picked(tensor: &Tensor, axis: usize, kept: &[usize]) -> Result<Tensor, CompressError> {
    let mut shape = tensor.shape().to_vec();
    let inner: usize = shape[axis + 1..].iter().product::<usize>() * tensor.dtype().size();
    let bytes: Vec<u8> = tensor
        .bytes()
        .chunks_exact((shape[axis] * inner).max(1))
        .flat_map(|part| kept.iter().flat_map(move |&i| &part[i * inner..(i + 1) * inner]))
        .copied()
        .collect();
    shape[axis] = kept.len();
    Ok(Tensor::from_bytes(tensor.dtype(), &shape, &bytes)?)
}

/// The same graph with other weights in a layer, and what is added to its result.
pub(super) fn replace(
    graph: &mut Graph,
    site: &Site,
    weights: Tensor,
    bias: Option<Vec<f32>>,
) -> Result<(), CompressError> {
    let name = format!("{}.weights", site.name);
    graph.nodes[site.node].inputs[1] = graph.constant(&name, weights);
    if let Some(bias) = bias {
        debug_assert_eq!(graph.value(graph.nodes[site.node].inputs[0]).dtype, DType::F32);
        let bias = Tensor::from_slice(&[bias.len()], &bias)?;
        let bias = graph.constant(&format!("{}.bias", site.name), bias);
        let node = &mut graph.nodes[site.node];
        node.inputs.truncate(2);
        node.inputs.push(bias);
    }
    Ok(())
}
