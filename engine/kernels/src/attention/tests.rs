//! Attention against its definition in f64.

use super::*;
use crate::SharedMut;
use crate::testing::{Random, check_close, dot_tolerance, isas, run};

struct Case {
    batches: usize,
    sizes: Sizes,
    has_mask: bool,
}

/// What `case` gives, computed in f64.
fn definition(case: &Case, [query, key, value, mask]: [&[f32]; 4], scale: f32) -> Vec<f64> {
    let &Case { batches, sizes, has_mask } = case;
    let Sizes { rows, keys, depth, width } = sizes;
    let mut expected = vec![0f64; rows * batches * width];
    for batch in 0..batches {
        for row in 0..rows {
            let score = |k: usize| {
                let q = &query[(row * batches + batch) * depth..][..depth];
                let k_row = &key[(k * batches + batch) * depth..][..depth];
                let dot: f64 =
                    q.iter().zip(k_row).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                let masked = if has_mask { f64::from(mask[batch * keys + k]) } else { 0.0 };
                dot * f64::from(scale) + masked
            };
            let scores: Vec<f64> = (0..keys).map(score).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
            for column in 0..width {
                let terms = scores.iter().enumerate().map(|(k, s)| {
                    let v = f64::from(value[(k * batches + batch) * width + column]);
                    (s - most).exp() / sum * v
                });
                expected[(row * batches + batch) * width + column] = terms.sum();
            }
        }
    }
    expected
}

/// Queries, keys and values lie as `[rows][batches][elements]`, and so do the results.
fn check(random: &mut Random, case: &Case) {
    let &Case { batches, sizes, has_mask } = case;
    let Sizes { rows, keys, depth, width } = sizes;
    let query = random.floats(rows * batches * depth);
    let key = random.floats(keys * batches * depth);
    let value = random.floats(keys * batches * width);
    let mask = random.floats(batches * keys);
    let scale = 0.7;
    let expected = definition(case, [&query, &key, &value, &mask], scale);
    let along = |size: usize| (0..batches).map(|batch| batch * size).collect::<Vec<_>>();
    let (narrow, wide, masks) = (along(depth), along(width), along(keys));
    let matrix = |data, offsets, row_stride, column_stride| Matrix {
        data,
        offsets,
        row_stride,
        column_stride,
    };
    let places = Rows { offsets: &wide, stride: batches * width };
    let floats = Operands {
        query: matrix(&query, &narrow, batches * depth, 1).into(),
        key: matrix(&key, &narrow, 1, batches * depth).into(),
        value: matrix(&value, &wide, batches * width, 1).into(),
        mask: has_mask.then(|| matrix(&mask, &masks, 0, 1)),
    };
    let halves = [&query, &key, &value].map(|x| bf16(x));
    for (isa, is_bf16) in isas().flat_map(|isa| [(isa, false), (isa, true)]) {
        let mut out = vec![f32::NAN; rows * batches * width];
        let target = SharedMut::from(&mut out[..]);
        run(&Attention::new(isa, is_bf16, sizes, scale, floats, target, places));
        // An error of the scores moves each weight by as much, relatively. Rounded to bf16, each
        // product of operands below 1 errs by 2^-8, both signs mixed, and weights and values do.
        let rounding = 2f64.powi(-8) * ((depth as f64).sqrt() + 2.0);
        let tolerance =
            3.0 * dot_tolerance(depth) + dot_tolerance(keys) + if is_bf16 { rounding } else { 0.0 };
        check_close(&out, &expected, tolerance, &format!("{isa:?} {is_bf16} {sizes:?}"));
        if !is_bf16 {
            continue;
        }
        // Each operand as bf16, and then the result too.
        for given in 1..16 {
            let [query, key, value] = std::array::from_fn(|at| given >> at & 1 == 1);
            let mut operands = floats;
            let half = |data, offsets, row_stride, column_stride| {
                Operand::Bf16(Matrix { data, offsets, row_stride, column_stride })
            };
            if query {
                operands.query = half(&halves[0], &narrow, batches * depth, 1);
            }
            if key {
                operands.key = half(&halves[1], &narrow, 1, batches * depth);
            }
            if value {
                operands.value = half(&halves[2], &wide, batches * width, 1);
            }
            let new = |target| Attention::new(isa, true, sizes, scale, operands, target, places);
            let mut same = vec![f32::NAN; out.len()];
            let mut short = vec![0u16; out.len()];
            if given < 8 {
                run(&new(FloatsMut::F32(SharedMut::from(&mut same[..]))));
                assert_eq!(same, out, "{isa:?} {given} {sizes:?}");
            } else {
                run(&new(FloatsMut::Bf16(SharedMut::from(&mut short[..]))));
                assert_eq!(short, bf16(&out), "{isa:?} {given} {sizes:?}");
            }
        }
    }
}

/// The numbers rounded to bf16.
fn bf16(floats: &[f32]) -> Vec<u16> {
    floats.iter().map(|&x| half::bf16::from_f32(x).to_bits()).collect()
}

#[test]
fn agrees_with_the_definition() {
    let mut random = Random::new(1);
    for (batches, rows, keys, depth, width) in [
        (1, 1, 1, 1, 1),
        (3, 28, 28, 32, 32),
        (2, 29, 197, 64, 64),
        (1, 300, 33, 5, 17),
        (2, 5, 7, 16, 1),
        (2, 1, 65, 24, 40),
    ] {
        for has_mask in [false, true] {
            let sizes = Sizes { rows, keys, depth, width };
            check(&mut random, &Case { batches, sizes, has_mask });
        }
    }
    for _ in 0..30 {
        let mut size = || random.between(1, 70);
        let sizes = Sizes { rows: size(), keys: size(), depth: size(), width: size() };
        let case = Case { batches: random.between(1, 3), sizes, has_mask: random.flip() };
        check(&mut random, &case);
    }
}

#[test]
fn many_rows_are_cut_into_pieces_that_agree() {
    let sizes = Sizes { rows: 500, keys: 260, depth: 16, width: 33 };
    check(&mut Random::new(2), &Case { batches: 2, sizes, has_mask: true });
}

#[test]
fn scratch_is_what_was_announced() {
    let sizes = Sizes { rows: 40, keys: 77, depth: 20, width: 18 };
    let announced = Attention::scratch_for(sizes).unwrap();
    let floats = [0f32; 77 * 20];
    let offsets = [0];
    let matrix = |row_stride, column_stride| Matrix {
        data: &floats,
        offsets: &offsets,
        row_stride,
        column_stride,
    };
    let mut out = [0f32; 40 * 18];
    let places = Rows { offsets: &offsets, stride: 18 };
    let (q, k, v) = (matrix(20, 1), matrix(1, 20), matrix(18, 1));
    let out = SharedMut::from(&mut out[..]);
    let operands = Operands { query: q.into(), key: k.into(), value: v.into(), mask: None };
    for is_bf16 in [false, true] {
        let task = Attention::new(Isa::Generic, is_bf16, sizes, 1.0, operands, out, places);
        assert!(task.scratch_bytes() <= announced, "{} of {announced}", task.scratch_bytes());
    }
    let endless = Sizes { keys: usize::MAX / 2, ..sizes };
    assert_eq!(Attention::scratch_for(endless), None);
}
