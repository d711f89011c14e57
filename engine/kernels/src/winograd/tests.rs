//! Winograd convolutions against the naive twin of convolution, on every ISA.

use super::*;
use crate::SharedMut;
use crate::conv::tests::{naive, shape};
use crate::testing::{ROUNDED, Random, check_close, dot_tolerance, halves, isas, run, widened};
use tensor::scalar::Unary;

const TILES: [Tile; 2] = [Tile::Two, Tile::Four];

fn check(random: &mut Random, shape: &ConvShape) {
    let input = random.floats(shape.batch * shape.in_h * shape.in_w * shape.in_c);
    let oihw = random.floats(shape.out_c * shape.depth());
    let bias = random.floats(shape.out_c);
    let residual = random.floats(shape.out_pixels() * shape.out_c);
    let sums = naive(shape, &input, &oihw);
    let channels = oihw.chunks_exact(shape.depth());
    let heaviest = channels.map(|w| w.iter().map(|x| x.abs()).sum::<f32>()).fold(0.0, f32::max);
    for (tile, activation) in [
        (Tile::Two, None),
        (Tile::Two, Some(Unary::Silu)),
        (Tile::Four, None),
        (Tile::Four, Some(Unary::Clip { min: 0.0, max: 6.0 })),
        (Tile::Four, Some(Unary::Silu)),
    ] {
        let mut weights = vec![f32::NAN; packed_len(tile, shape)];
        pack_weights(tile, &oihw, shape, &mut weights);
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: Some((&residual).into()),
            activation,
            ..Epilogue::default()
        };
        let finish = |(i, sum): (usize, &f64)| {
            let x = sum + f64::from(bias[i % shape.out_c]) + f64::from(residual[i]);
            match activation {
                None => x,
                Some(Unary::Silu) => x / (1.0 + (-x).exp()),
                Some(_) => x.clamp(0.0, 6.0),
            }
        };
        let expected: Vec<f64> = sums.iter().enumerate().map(finish).collect();
        // The inputs are below 1; the epilogue rounds too.
        let bound = tile.error_growth() * f64::from(f32::EPSILON) * f64::from(heaviest);
        let tolerance = bound + dot_tolerance(1);
        for isa in isas() {
            let mut out = vec![f32::NAN; expected.len()];
            let target = SharedMut::from(&mut out[..]);
            run(&Winograd::new(isa, tile, shape, &input, Packed::F32(&weights), epilogue, target));
            let what = format!("{} {tile:?}: {activation:?} {shape:?}", isa.name());
            check_close(&out, &expected, tolerance, &what);
        }
    }
}

/// Products of bf16 in 2x2 tiles, whose transforms are f32: errors are bounded as those of f32 are,
/// by the same growth of the rounding of weights and inputs, 2^-8 each.
fn check_bf16(random: &mut Random, shape: &ConvShape) {
    let input = random.floats(shape.batch * shape.in_h * shape.in_w * shape.in_c);
    let oihw = random.floats(shape.out_c * shape.depth());
    let expected = naive(shape, &input, &oihw);
    let mut weights = vec![0xffff; packed_bf16_len(Tile::Two, shape)];
    pack_weights_bf16(Tile::Two, &oihw, shape, &mut weights);
    let channels = oihw.chunks_exact(shape.depth());
    let heaviest = channels.map(|w| w.iter().map(|x| x.abs()).sum::<f32>()).fold(0.0, f32::max);
    let tolerance = Tile::Two.error_growth() * 2f64.powi(-8) * f64::from(heaviest);
    for isa in isas() {
        let mut out = vec![f32::NAN; expected.len()];
        let (weights, target) = (Packed::Bf16(&weights), SharedMut::from(&mut out[..]));
        let epilogue = Epilogue::default();
        run(&Winograd::new(isa, Tile::Two, shape, &input, weights, epilogue, target));
        check_close(&out, &expected, tolerance, &format!("{} bf16 {shape:?}", isa.name()));
        let (halves, mut made) = (halves(&input), vec![0xffff; expected.len()]);
        let (halves, target) =
            (Floats::Bf16(&halves), FloatsMut::Bf16(SharedMut::from(&mut made[..])));
        run(&Winograd::new(isa, Tile::Two, shape, halves, weights, epilogue, target));
        let what = format!("{} from and to bf16 {shape:?}", isa.name());
        check_close(&widened(&made), &expected, ROUNDED + tolerance, &what);
    }
}

/// A 3x3 convolution.
fn case(batch: usize, size: [usize; 3], out_c: usize, pads: [usize; 4]) -> ConvShape {
    shape(batch, size, (out_c, 1), [3; 2], [1; 2], [1; 2], pads)
}

#[test]
fn convolutions_agree_with_the_naive_twin() {
    let mut random = Random::new(30);
    let cases = [
        case(1, [14, 14, 32], 64, [1; 4]),
        case(2, [7, 7, 33], 47, [1; 4]),
        case(1, [9, 6, 1], 1, [0; 4]),
        case(1, [1, 1, 5], 3, [1; 4]),
        case(1, [2, 11, 16], 16, [2, 0, 1, 3]),
        // More than one piece of tiles, and of columns.
        case(3, [30, 29, 8], 20, [1; 4]),
        case(1, [5, 5, 20], 300, [1; 4]),
    ];
    for case in &cases {
        check(&mut random, case);
        check_bf16(&mut random, case);
    }
}

#[test]
fn random_convolutions_agree_with_the_naive_twin() {
    let mut random = Random::new(31);
    for _ in 0..20 {
        let size = [random.between(3, 15), random.between(3, 15), random.between(1, 40)];
        let pads = [(); 4].map(|()| random.below(4));
        let case = case(random.between(1, 3), size, random.between(1, 60), pads);
        check(&mut random, &case);
        check_bf16(&mut random, &case);
    }
}

#[test]
fn an_image_has_the_same_bits_in_any_batch() {
    let mut random = Random::new(32);
    let one = case(1, [13, 11, 24], 20, [1; 4]);
    let three = ConvShape { batch: 3, ..one };
    let (image, oihw) = (random.floats(13 * 11 * 24), random.floats(20 * 24 * 9));
    let images = image.repeat(3);
    for (tile, isa) in TILES.into_iter().flat_map(|tile| isas().map(move |isa| (tile, isa))) {
        let mut weights = vec![0.0; packed_len(tile, &one)];
        pack_weights(tile, &oihw, &one, &mut weights);
        let mut alone = vec![0.0; one.out_pixels() * 20];
        let target = SharedMut::from(&mut alone[..]);
        run(&Winograd::new(
            isa,
            tile,
            &one,
            &image,
            Packed::F32(&weights),
            Epilogue::default(),
            target,
        ));
        let mut together = vec![0.0; alone.len() * 3];
        let target = SharedMut::from(&mut together[..]);
        run(&Winograd::new(
            isa,
            tile,
            &three,
            &images,
            Packed::F32(&weights),
            Epilogue::default(),
            target,
        ));
        assert_eq!(together, alone.repeat(3), "{tile:?} {}", isa.name());
    }
}

#[test]
#[should_panic(expected = "has no Winograd form")]
fn strides_are_refused() {
    packed_len(Tile::Four, &shape(1, [9, 9, 4], (4, 1), [3; 2], [2; 2], [1; 2], [1; 4]));
}
