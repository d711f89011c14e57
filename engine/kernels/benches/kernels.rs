//! Speed of the kernels that the time goes to, in GFLOP/s (two per multiply-add), on each ISA of
//! this CPU. One thread; the median of many runs, in processor time. `cargo bench -p
//! schooner-kernels -- WORDS` runs the rows that have them in their names.

use kernels::conv::{Conv, ConvShape};
use kernels::depthwise::{Depthwise, Taps};
use kernels::elementwise::UnaryMap;
use kernels::matmul::{Epilogue, Int8, MatMul, Packed};
use kernels::trees::{Forest, TreeEnsemble};
use kernels::winograd::{Tile, Winograd};
use kernels::{Floats, FloatsMut, SharedMut, Task, conv, matmul, run_serially, winograd};
use simd::Isa;
use std::time::Duration;
use tensor::scalar::{Reduction, Unary};
use tensor::{AlignedBytes, DType};

fn main() {
    head("GFLOP/s");
    products();
    convolutions();
    depthwise_convolutions();
    head("Gelement/s");
    for op in [Unary::Relu, Unary::Exp, Unary::Sigmoid, Unary::Tanh, Unary::Erf, Unary::Log] {
        row(&format!("unary {op:?} of 8192"), 8192, |isa| bench_unary(isa, op));
    }
    head("Gnode/s");
    for (depth, rows) in [(6, 10_000), (6, 10), (6, 1), (12, 10_000)] {
        let work = rows * TREES * depth;
        row(&format!("{TREES} trees of {depth}, {rows} rows"), work, |_| bench_trees(depth, rows));
    }
}

fn products() {
    let sizes = [64, 128, 256, 384, 512, 768, 1024];
    let squares = sizes.map(|n| [n, n, n]);
    let others = [
        [1, 1280, 1000],
        [49, 1152, 320],
        [196, 64, 384],
        [196, 576, 96],
        [197, 192, 768],
        [784, 256, 512],
        [3136, 24, 144],
        [3136, 64, 64],
        [12544, 16, 96],
        [128, 3072, 768],
    ];
    for [m, k, n] in squares.into_iter().chain(others) {
        let (work, sizes) = (2 * m * k * n, [m, k, n]);
        row(&format!("matmul {m}x{k}x{n}"), work, |isa| bench_matmul(isa, sizes));
        row(&format!("bf16 {m}x{k}x{n}"), work, |isa| bench_bf16(isa, sizes));
        row(&format!("int8 {m}x{k}x{n}"), work, |isa| bench_int8(isa, sizes));
    }
}

/// Layers of EfficientNet-Lite0 and ResNet-50: size, in, out, kernel, stride.
fn convolutions() {
    for [size, in_c, out_c, kernel, stride] in [
        [224, 3, 32, 3, 2],
        [224, 3, 64, 7, 2],
        [112, 32, 16, 1, 1],
        [56, 64, 64, 3, 1],
        [28, 128, 128, 3, 1],
        [14, 256, 256, 3, 1],
        [7, 512, 512, 3, 1],
        [14, 480, 80, 1, 1],
        [56, 256, 512, 1, 2],
    ] {
        let shape = square(size, in_c, out_c, 1, kernel, stride);
        let work = 2 * shape.out_h * shape.out_w * out_c * in_c * kernel * kernel;
        row(&format!("conv {size} {in_c}>{out_c} k{kernel} s{stride}"), work, |isa| {
            bench_conv(isa, &shape)
        });
        if [kernel, stride] == [3, 1] {
            // The work of the plain convolution, so that the rows compare.
            for tile in [Tile::Two, Tile::Four] {
                row(&format!("winograd {tile:?} {size} {in_c}>{out_c}"), work, |isa| {
                    bench_winograd(isa, tile, &shape)
                });
            }
        }
    }
}

fn depthwise_convolutions() {
    for [size, channels, kernel, stride] in [
        [112, 32, 3, 1],
        [112, 96, 3, 2],
        [56, 144, 3, 1],
        [28, 240, 5, 1],
        [14, 672, 5, 1],
        [7, 1152, 5, 1],
    ] {
        let shape = square(size, channels, channels, channels, kernel, stride);
        let work = 2 * shape.out_h * shape.out_w * channels * kernel * kernel;
        row(&format!("depthwise {size} {channels} k{kernel} s{stride}"), work, |isa| {
            bench_depthwise(isa, &shape)
        });
        row(&format!("int8 depthwise {size} {channels} k{kernel} s{stride}"), work, |isa| {
            bench_depthwise_int8(isa, &shape)
        });
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn head(unit: &str) {
    let names: Vec<String> = Isa::ALL.iter().map(|isa| format!(" {:>10}", isa.name())).collect();
    println!("{unit:28}{}", names.concat());
}

#[expect(clippy::print_stdout, reason = "a bench prints its table")]
fn row(name: &str, work: usize, time: impl Fn(Isa) -> Duration) {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !words.iter().all(|word| name.contains(word)) {
        return;
    }
    let mut line = format!("{name:28}");
    for isa in Isa::ALL {
        if isa.is_available() {
            line += &format!(" {:10.2}", work as f64 / time(isa).as_nanos() as f64);
        } else {
            line += &format!(" {:>10}", "-");
        }
    }
    println!("{line}");
}

/// The median time of a run.
fn median(task: &impl Task) -> Duration {
    let mut scratch = AlignedBytes::zeroed(task.scratch_bytes());
    let mut run = |times: u32| {
        let start = processor_time();
        (0..times).for_each(|_| run_serially(task, scratch.as_mut_slice()));
        processor_time() - start
    };
    let once = run(1).max(Duration::from_nanos(100));
    let times = (Duration::from_millis(1).as_nanos() / once.as_nanos()).clamp(1, 100_000) as u32;
    let mut samples: Vec<Duration> = (0..21).map(|_| run(times) / times).collect();
    samples.sort();
    samples[samples.len() / 2]
}

/// Time that this thread has run, so that other processes cost only what they evict from caches.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Numbers below 1 without a pattern.
fn floats(count: usize) -> AlignedBytes {
    let mut bytes = AlignedBytes::zeroed(count * 4);
    let mut random = fastrand::Rng::with_seed(1);
    let numbers: &mut [f32] = bytemuck::cast_slice_mut(bytes.as_mut_slice());
    numbers.iter_mut().for_each(|x| *x = random.f32() - 0.5);
    bytes
}

fn bench_matmul(isa: Isa, [m, k, n]: [usize; 3]) -> Duration {
    let (a, b) = (floats(m * k), floats(matmul::packed_len(k, n)));
    let mut out = AlignedBytes::zeroed(m * n * 4);
    let (a, b) = (bytemuck::cast_slice(a.as_slice()), bytemuck::cast_slice(b.as_slice()));
    let out = SharedMut::from(out.as_mut_slice()).cast();
    median(&MatMul::new(isa, [m, k, n], a, k, Packed::F32(b), Epilogue::default(), out))
}

fn bench_bf16(isa: Isa, [m, k, n]: [usize; 3]) -> Duration {
    let (a, b) = (floats(m * k), floats(k * n));
    let mut packed = vec![0; matmul::packed_bf16_len(k, n)];
    matmul::pack_bf16(bytemuck::cast_slice(b.as_slice()), k, n, &mut packed);
    let mut out = AlignedBytes::zeroed(m * n * 4);
    let (a, b) = (bytemuck::cast_slice(a.as_slice()), Packed::Bf16(&packed));
    let out = SharedMut::from(out.as_mut_slice()).cast();
    median(&MatMul::new(isa, [m, k, n], a, k, b, Epilogue::default(), out))
}

fn bench_int8(isa: Isa, [m, k, n]: [usize; 3]) -> Duration {
    let (a, b) = (vec![200; m * k], vec![-100; matmul::packed_int8_len(k, n)]);
    let (scales, bias) = (vec![1.0; n], vec![1.0; n]);
    let mut out = vec![0; m * n];
    let b = Packed::Int8(Int8 { weights: &b, scales: &scales, zero: 0 });
    let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
    let out = FloatsMut::U8(SharedMut::from(&mut out[..]));
    median(&MatMul::new(isa, [m, k, n], Floats::U8(&a), k, b, epilogue, out))
}

fn square(
    size: usize,
    in_c: usize,
    out_c: usize,
    groups: usize,
    kernel: usize,
    stride: usize,
) -> ConvShape {
    let out = size.div_ceil(stride);
    ConvShape {
        batch: 1,
        in_h: size,
        in_w: size,
        in_c,
        out_h: out,
        out_w: out,
        out_c,
        groups,
        kernel: [kernel; 2],
        strides: [stride; 2],
        dilations: [1; 2],
        pads: [kernel / 2; 4],
    }
}

fn bench_conv(isa: Isa, shape: &ConvShape) -> Duration {
    let input = floats(shape.in_h * shape.in_w * shape.in_c);
    let weights = floats(conv::packed_len(shape));
    let mut out = AlignedBytes::zeroed(shape.out_h * shape.out_w * shape.out_c * 4);
    let bias = vec![0.0; shape.out_c];
    let epilogue =
        Epilogue { bias: Some(&bias), activation: Some(Unary::Relu), ..Epilogue::default() };
    let out = SharedMut::from(out.as_mut_slice()).cast();
    let (input, weights) =
        (bytemuck::cast_slice(input.as_slice()), bytemuck::cast_slice(weights.as_slice()));
    median(&Conv::new(isa, shape, input, Packed::F32(weights), epilogue, out))
}

fn bench_winograd(isa: Isa, tile: Tile, shape: &ConvShape) -> Duration {
    let input = floats(shape.in_h * shape.in_w * shape.in_c);
    let weights = floats(winograd::packed_len(tile, shape));
    let mut out = AlignedBytes::zeroed(shape.out_h * shape.out_w * shape.out_c * 4);
    let bias = vec![0.0; shape.out_c];
    let epilogue =
        Epilogue { bias: Some(&bias), activation: Some(Unary::Relu), ..Epilogue::default() };
    let out = SharedMut::from(out.as_mut_slice()).cast();
    let (input, weights) =
        (bytemuck::cast_slice(input.as_slice()), bytemuck::cast_slice(weights.as_slice()));
    median(&Winograd::new(isa, tile, shape, input, Packed::F32(weights), epilogue, out))
}

/// Trees and features of [`bench_trees`].
const TREES: usize = 100;
const FEATURES: usize = 30;

/// Full trees of one number, whose nodes ask random features.
fn bench_trees(depth: usize, rows: usize) -> Duration {
    let mut random = fastrand::Rng::with_seed(2);
    // The nodes of a tree in levels, which the leaves end.
    let (each, leaves) = ((1i32 << depth) - 1, 1i32 << depth);
    let (mut nodes, mut roots) = (Vec::new(), Vec::new());
    for tree in 0..TREES as i32 {
        roots.push(tree * each);
        let child = |at: i32| {
            if at < each { tree * each + at } else { !(tree * leaves + at - each) }
        };
        let node = |at: i32| [random.i32(..FEATURES as i32), child(2 * at + 1), child(2 * at + 2)];
        nodes.extend((0..each).map(node));
    }
    let numbers = floats(nodes.len() + TREES * leaves as usize + rows * FEATURES);
    let (thresholds, rest) =
        bytemuck::cast_slice::<u8, f32>(numbers.as_slice()).split_at(nodes.len());
    let (weights, rest) = rest.split_at(TREES * leaves as usize);
    let targets = vec![0; weights.len()];
    let base = [0.0];
    let (roots, nodes, targets) = (&roots, &nodes, &targets);
    let forest = Forest { roots, thresholds, nodes, leaves: &[], targets, weights, base: &base };
    let mut out = AlignedBytes::zeroed(rows * 4);
    let out = SharedMut::from(out.as_mut_slice()).cast();
    let x = &rest[..rows * FEATURES];
    median(&TreeEnsemble::new(Reduction::Sum, forest, [rows, FEATURES], x, out))
}

fn bench_depthwise(isa: Isa, shape: &ConvShape) -> Duration {
    let input = floats(shape.in_h * shape.in_w * shape.in_c);
    let weights = floats(shape.kernel[0] * shape.kernel[1] * shape.in_c);
    let mut out = AlignedBytes::zeroed(shape.out_h * shape.out_w * shape.out_c * 4);
    let out = SharedMut::from(out.as_mut_slice()).cast();
    let (input, weights) =
        (bytemuck::cast_slice(input.as_slice()), bytemuck::cast_slice(weights.as_slice()));
    median(&Depthwise::new(isa, shape, input, Taps::F32(weights), Epilogue::default(), out))
}

fn bench_depthwise_int8(isa: Isa, shape: &ConvShape) -> Duration {
    let input = vec![200; shape.in_h * shape.in_w * shape.in_c];
    let weights = vec![-100.0; shape.kernel[0] * shape.kernel[1] * shape.in_c];
    let (scales, bias) = (vec![0.01; shape.in_c], vec![1.0; shape.in_c]);
    let mut out = vec![0; shape.out_h * shape.out_w * shape.out_c];
    let out = FloatsMut::U8(SharedMut::from(&mut out[..]));
    let taps = Taps::Int8 { weights: &weights, scales: &scales, zero: 100 };
    let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
    median(&Depthwise::new(isa, shape, Floats::U8(&input), taps, epilogue, out))
}

fn bench_unary(isa: Isa, op: Unary) -> Duration {
    let input = floats(8192);
    let mut out = AlignedBytes::zeroed(8192 * 4);
    let out = SharedMut::from(out.as_mut_slice());
    median(&UnaryMap::new(isa, op, DType::F32, input.as_slice(), out))
}
