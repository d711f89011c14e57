//! Which channels of which values must stay or go together.
//!
//! Each value has at most one axis of channels. Along it lie marks; where operators bring channels
//! together (additions, depthwise convolutions, groups) their marks are joined, and where a channel
//! cannot go (an output, a normalization over all of them) its mark is fixed.

use crate::layers::{Site, float_sites};
use ir::{Graph, Node, Op, ValueId};
use std::collections::BTreeMap;
use tensor::Dim;

/// The channels of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    pub(super) axis: usize,
    /// A mark for each element along the axis.
    pub(super) marks: Vec<u32>,
}

/// All channels of a graph.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    of: BTreeMap<ValueId, Track>,
    /// Of each mark one that it was joined to, or itself.
    joined: Vec<u32>,
    is_fixed: Vec<bool>,
}

impl Tracks {
    /// The channels of a graph whose layers' weights are floats.
    pub(super) fn of(graph: &Graph) -> Tracks {
        let sites: BTreeMap<usize, Site> =
            float_sites(graph).into_iter().map(|site| (site.node, site)).collect();
        let mut tracks = Tracks::default();
        for (index, node) in graph.nodes.iter().enumerate() {
            match sites.get(&index) {
                Some(site) => tracks.layer(graph, node, site),
                None => tracks.node(graph, node),
            }
        }
        for output in &graph.outputs {
            tracks.fix(output.value);
        }
        tracks
    }

    /// The channels of a value.
    pub(super) fn get(&self, id: ValueId) -> Option<&Track> {
        self.of.get(&id)
    }

    /// The mark that stands for all that a mark is joined with.
    pub(super) fn root(&self, mut mark: u32) -> u32 {
        while self.joined[mark as usize] != mark {
            mark = self.joined[mark as usize];
        }
        mark
    }

    /// Must the channels of a root stay?
    pub(super) fn is_fixed(&self, root: u32) -> bool {
        self.is_fixed[root as usize]
    }

    fn mark(&mut self) -> u32 {
        let mark = self.joined.len() as u32;
        self.joined.push(mark);
        self.is_fixed.push(false);
        mark
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        self.joined[second as usize] = first;
        self.is_fixed[first as usize] |= self.is_fixed[second as usize];
    }

    fn join_all(&mut self, a: &[u32], b: &[u32]) {
        a.iter().zip(b).for_each(|(&a, &b)| self.join(a, b));
    }

    /// Fixes the channels of a value.
    fn fix(&mut self, id: ValueId) {
        for mark in self.of.get(&id).map_or(vec![], |track| track.marks.clone()) {
            let root = self.root(mark);
            self.is_fixed[root as usize] = true;
        }
    }

    fn fix_inputs(&mut self, node: &Node) {
        node.inputs.iter().for_each(|&id| self.fix(id));
    }

    fn set(&mut self, id: ValueId, axis: usize, marks: Vec<u32>) {
        self.of.insert(id, Track { axis, marks });
    }

    fn layer(&mut self, graph: &Graph, node: &Node, site: &Site) {
        let axis = match site.groups {
            Some(_) => 1,
            None => graph.value(node.output).shape.len() - 1,
        };
        let input_axis =
            if site.groups.is_some() { 1 } else { graph.value(site.input).shape.len() - 1 };
        let is_bias_known = node.inputs.get(2).is_none_or(|&id| graph.known(id).is_some());
        let taken = self.of.get(&site.input).filter(|track| track.axis == input_axis).cloned();
        if taken.is_none() {
            self.fix(site.input);
        }
        let (channels, groups) = (site.channels(), site.groups.unwrap_or(1));
        let made: Vec<u32> = match taken {
            // Each channel is made of one: they go together.
            Some(taken) if groups > 1 && site.shape[1] == 1 => {
                let each = channels / taken.marks.len().max(1);
                (0..channels).map(|channel| taken.marks[channel / each.max(1)]).collect()
            }
            taken => {
                let made: Vec<u32> = (0..channels).map(|_| self.mark()).collect();
                // Groups stay of equal size: what goes from one goes from all, by place.
                for marks in taken.iter().map(|track| &track.marks).chain([&made]) {
                    let size = marks.len() / groups;
                    for group in marks.chunks_exact(size.max(1)).skip(1) {
                        self.join_all(&marks[..size], group);
                    }
                }
                made
            }
        };
        self.set(node.output, axis, made);
        if !is_bias_known {
            self.fix(node.output);
        }
    }

    fn node(&mut self, graph: &Graph, node: &Node) {
        let first = node.inputs.first().and_then(|id| self.of.get(id)).cloned();
        match (&node.op, first) {
            (Op::Unary(_) | Op::Cast(_), Some(track)) => {
                self.set(node.output, track.axis, track.marks);
            }
            (Op::Pool(_), Some(track)) if track.axis == 1 => {
                self.set(node.output, track.axis, track.marks);
            }
            (Op::Binary(_), _) => self.binary(graph, node),
            (Op::Reduce { axes, keepdims, .. }, Some(track)) if !axes.contains(&track.axis) => {
                let before = axes.iter().filter(|&&axis| axis < track.axis).count();
                let axis = if *keepdims { track.axis } else { track.axis - before };
                self.set(node.output, axis, track.marks);
            }
            (Op::Softmax { axis } | Op::LogSoftmax { axis }, Some(track))
                if *axis != track.axis =>
            {
                self.set(node.output, track.axis, track.marks);
            }
            (Op::Transpose { perm }, Some(track)) => {
                let axis = perm.iter().position(|&axis| axis == track.axis).unwrap_or(0);
                self.set(node.output, axis, track.marks);
            }
            (Op::Pad { before, after, .. }, Some(track))
                if before[track.axis] == 0 && after[track.axis] == 0 =>
            {
                self.set(node.output, track.axis, track.marks);
            }
            (Op::Reshape { shape }, Some(track)) => self.reshape(graph, node, shape, track),
            (Op::Slice { axes }, Some(track)) if axes.iter().all(|cut| cut.axis != track.axis) => {
                self.set(node.output, track.axis, track.marks);
            }
            (Op::Concat { axis }, _) => self.concat(node, *axis),
            _ => self.fix_inputs(node),
        }
    }

    /// Channels of both operands are joined where they meet; a known vector goes along.
    fn binary(&mut self, graph: &Graph, node: &Node) {
        let rank = graph.value(node.output).shape.len();
        // From the last axis, as shapes meet.
        let own = |tracks: &Tracks, id: ValueId| {
            let track = tracks.of.get(&id)?.clone();
            let behind = graph.value(id).shape.len() - track.axis;
            Some((rank - behind, track.marks))
        };
        let [left, right] = *node.inputs.as_slice() else { return };
        let size = |id: ValueId, axis: usize| {
            let shape = &graph.value(id).shape;
            (axis + shape.len()).checked_sub(rank).map_or(Some(1), |axis| shape[axis].known())
        };
        match (own(self, left), own(self, right)) {
            (Some((a, left_marks)), Some((b, right_marks)))
                if a == b && left_marks.len() == right_marks.len() =>
            {
                self.join_all(&left_marks, &right_marks);
                self.set(node.output, a, left_marks);
            }
            (Some((axis, marks)), None) | (None, Some((axis, marks))) => {
                let other = if self.of.contains_key(&left) { right } else { left };
                let is_vector = graph.known(other).is_some();
                let size = size(other, axis);
                if size == Some(1) || (is_vector && size == Some(marks.len() as i64)) {
                    self.set(node.output, axis, marks);
                } else {
                    self.fix_inputs(node);
                }
            }
            _ => self.fix_inputs(node),
        }
    }

    /// Axes before that of the channels stay; it stays too, or is joined with all behind it.
    fn reshape(&mut self, graph: &Graph, node: &Node, shape: &[Dim], track: Track) {
        let given = &graph.value(node.inputs[0]).shape;
        let Track { axis, marks } = track;
        let is_kept = shape.len() > axis && shape[..axis] == given[..axis];
        let inner: Option<usize> =
            given[axis + 1..].iter().map(Dim::known_size).product::<Option<usize>>();
        let made = shape.get(axis).and_then(Dim::known_size).filter(|_| is_kept);
        match (made, inner) {
            (Some(size), _) if size == marks.len() => self.set(node.output, axis, marks),
            (Some(size), Some(inner)) if size == marks.len() * inner && shape.len() == axis + 1 => {
                let marks = marks.iter().flat_map(|&mark| vec![mark; inner]).collect();
                self.set(node.output, axis, marks);
            }
            _ => self.fix_inputs(node),
        }
    }

    fn concat(&mut self, node: &Node, axis: usize) {
        let tracks: Option<Vec<Track>> =
            node.inputs.iter().map(|id| self.of.get(id).cloned()).collect();
        let Some(tracks) = tracks else { return self.fix_inputs(node) };
        let own = tracks[0].axis;
        if tracks.iter().any(|track| track.axis != own) {
            return self.fix_inputs(node);
        }
        if own == axis {
            let marks = tracks.into_iter().flat_map(|track| track.marks).collect();
            return self.set(node.output, axis, marks);
        }
        for track in &tracks[1..] {
            self.join_all(&tracks[0].marks, &track.marks);
        }
        self.set(node.output, own, tracks[0].marks.clone());
    }
}
