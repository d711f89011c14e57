use super::shrink::shrink;
use super::tracks::Tracks;
use super::{BTreeSet, Graph, ValueId, float_sites};
use crate::weights::Rows;
use ir::{Conv, Op, Pool, PoolKind};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

fn fill(shape: &[usize], salt: f32) -> Tensor {
    let count: usize = shape.iter().product();
    let numbers: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37 + salt).sin()).collect();
    Tensor::from_slice(shape, &numbers).unwrap()
}

struct Net {
    graph: Graph,
    salt: f32,
}

impl Net {
    fn conv(&mut self, x: ValueId, shape: [usize; 3], groups: usize) -> ValueId {
        self.salt += 1.0;
        let w = self.graph.constant("w", fill(&shape, self.salt));
        let b = self.graph.constant("b", fill(&shape[..1], self.salt + 0.5));
        let pad = (shape[2] / 2, shape[2] / 2);
        let op = Conv { strides: vec![1], dilations: vec![1], pads: vec![pad], groups };
        self.add("conv", Op::Conv(op), &[x, w, b])
    }

    fn add(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> ValueId {
        self.graph.add(name, op, inputs).unwrap()
    }

    fn constant(&mut self, shape: &[usize]) -> ValueId {
        self.salt += 1.0;
        self.graph.constant("c", fill(shape, self.salt))
    }
}

/// Residuals, branches side by side, depthwise and grouped convolutions, gates, a flattened end.
fn net() -> Graph {
    let mut net = Net { graph: Graph::new("net"), salt: 0.0 };
    let x = net.graph.input("x", DType::F32, [2, 3, 8].map(Dim::from).to_vec());
    let stem = net.conv(x, [8, 3, 3], 1);
    let stem = net.add("act", Op::Unary(Unary::Relu), &[stem]);
    let wide = net.conv(stem, [12, 8, 1], 1);
    let deep = net.conv(wide, [12, 1, 3], 12);
    let deep = net.add("act", Op::Unary(Unary::HardSwish), &[deep]);
    let axes = vec![2];
    let mean = Op::Reduce { reduction: Reduction::Mean, axes, keepdims: true };
    let gate = net.add("mean", mean, &[deep]);
    let gate = net.conv(gate, [4, 12, 1], 1);
    let gate = net.add("act", Op::Unary(Unary::Relu), &[gate]);
    let gate = net.conv(gate, [12, 4, 1], 1);
    let gate = net.add("act", Op::Unary(Unary::Sigmoid), &[gate]);
    let gated = net.add("gate", Op::Binary(Binary::Mul), &[deep, gate]);
    let narrow = net.conv(gated, [8, 12, 1], 1);
    let scale = net.constant(&[8, 1]);
    let narrow = net.add("scale", Op::Binary(Binary::Mul), &[narrow, scale]);
    let sum = net.add("residual", Op::Binary(Binary::Add), &[stem, narrow]);
    let grouped = net.conv(sum, [6, 4, 3], 2);
    let other = net.conv(sum, [4, 8, 1], 1);
    let both = net.add("both", Op::Concat { axis: 1 }, &[grouped, other]);
    let pool = Pool {
        kind: PoolKind::Max,
        kernel: vec![2],
        strides: vec![2],
        dilations: vec![1],
        pads: vec![(0, 0)],
        ceil_mode: false,
    };
    let both = net.add("pool", Op::Pool(pool), &[both]);
    let flat = Op::Reshape { shape: [2, 40].map(Dim::from).to_vec() };
    let flat = net.add("flat", flat, &[both]);
    let w = net.constant(&[40, 9]);
    let hidden = net.add("hidden", Op::MatMul, &[flat, w]);
    let b = net.constant(&[9]);
    let hidden = net.add("bias", Op::Binary(Binary::Add), &[hidden, b]);
    let hidden = net.add("act", Op::Unary(Unary::Gelu), &[hidden]);
    let w = net.constant(&[9, 5]);
    let y = net.add("last", Op::MatMul, &[hidden, w]);
    net.graph.output("y", y);
    net.graph
}

/// The graph in which nobody reads channels that are gone.
fn unread(graph: &Graph, tracks: &Tracks, gone: &BTreeSet<u32>) -> Graph {
    let mut made = graph.clone();
    for site in float_sites(graph) {
        let Some(track) = tracks.get(site.input) else { continue };
        let mut rows = Rows::of(&site).unwrap();
        let (depth, groups) = (rows.depth, site.groups.unwrap_or(1));
        let taps = if site.groups.is_some() { site.shape[2] } else { 1 };
        let in_group = site.channels() / groups;
        for (row, weights) in rows.iter_mut().enumerate() {
            let first = row / in_group * (depth / taps);
            for (channel, weights) in weights.chunks_exact_mut(taps).enumerate() {
                if gone.contains(&tracks.root(track.marks[first + channel])) {
                    weights.fill(0.0);
                }
            }
        }
        let weights = rows.tensor(&site).unwrap();
        made.nodes[site.node].inputs[1] = made.constant("w", weights);
    }
    made
}

#[test]
fn without_channels_that_nobody_reads_the_answers_are_the_same() {
    let graph = net();
    let tracks = Tracks::of(&graph);
    let mut roots = BTreeSet::new();
    for site in float_sites(&graph) {
        let track = tracks.get(graph.nodes[site.node].output).unwrap();
        roots.extend(track.marks.iter().map(|&mark| tracks.root(mark)));
    }
    roots.retain(|&root| !tracks.is_fixed(root));
    // The stem's 8 in pairs by the two groups, 12 wide ones, 4 of the gate, 6 grouped in pairs,
    // 4 beside them, 9 hidden ones; the gate's 12 go with the wide ones.
    assert_eq!(roots.len(), 4 + 12 + 4 + 3 + 4 + 9);
    let input = [fill(&[2, 3, 8], 0.25)];
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..20 {
        let mut gone: BTreeSet<u32> = roots.clone();
        gone.retain(|_| random.f32() < 0.4);
        let shrunk = shrink(&graph, &tracks, &gone).unwrap().graph;
        let same = unread(&graph, &tracks, &gone);
        let answers = |graph: &Graph| {
            reference::run(graph, &input).unwrap()[0].as_slice::<f32>().unwrap().to_vec()
        };
        testkit::assert_close("answers", &answers(&shrunk), &answers(&same), 1e-4, 1e-4);
        let count =
            |graph: &Graph| float_sites(graph).iter().map(|s| s.stored.len()).sum::<usize>();
        assert!(gone.is_empty() || count(&shrunk) < count(&graph));
    }
}

#[test]
fn outputs_and_normalized_channels_are_fixed() {
    let mut net = Net { graph: Graph::new("net"), salt: 0.0 };
    let x = net.graph.input("x", DType::F32, [2, 6].map(Dim::from).to_vec());
    let w = net.constant(&[6, 4]);
    let y = net.add("first", Op::MatMul, &[x, w]);
    let scale = net.constant(&[4]);
    let norm = net.add("norm", Op::LayerNorm { axis: 1, epsilon: 1e-5 }, &[y, scale]);
    let w = net.constant(&[4, 3]);
    let z = net.add("second", Op::MatMul, &[norm, w]);
    net.graph.output("z", z);
    let tracks = Tracks::of(&net.graph);
    for value in [y, z] {
        let marks = &tracks.get(value).unwrap().marks;
        assert!(marks.iter().all(|&mark| tracks.is_fixed(tracks.root(mark))));
    }
}
