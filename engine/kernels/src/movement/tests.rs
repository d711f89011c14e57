//! Movements against naive twins.

use super::*;
use crate::SharedMut;
use crate::testing::{Random, isas, run};
use bytemuck::cast_slice;
use simd::Isa;

/// Copies one by one.
fn naive(source: &[u32], from: usize, target: &mut [u32], to: usize, axes: &[Axis]) {
    let Some((axis, inner)) = axes.split_first() else {
        target[to] = source[from];
        return;
    };
    for index in 0..axis.extent as isize {
        let from = from.wrapping_add_signed(index * axis.source);
        let to = to.wrapping_add_signed(index * axis.target);
        naive(source, from, target, to, inner);
    }
}

fn check(len: [usize; 2], offsets: [usize; 2], axes: &[Axis]) {
    let source: Vec<u32> = (0..len[0] as u32).collect();
    let mut expected = vec![u32::MAX; len[1]];
    naive(&source, offsets[0], &mut expected, offsets[1], axes);
    for isa in isas() {
        let mut found = vec![u32::MAX; len[1]];
        let target = SharedMut::from_bytes_of(&mut found);
        run(&StridedCopy::new(isa, 4, cast_slice(&source), offsets[0], target, offsets[1], axes));
        assert_eq!(found, expected, "{isa:?} {offsets:?} {axes:?}");
        for size in [1, 2, 8] {
            check_size(isa, size, &expected, len, offsets, axes);
        }
    }
}

/// The same with elements of another size, which share the buffers' bytes from the front.
fn check_size(
    isa: Isa,
    size: usize,
    expected: &[u32],
    len: [usize; 2],
    offsets: [usize; 2],
    axes: &[Axis],
) {
    let bytes: Vec<u64> = (0..len[0] as u64).collect();
    let mut found = vec![u64::MAX; len[1]];
    let (source, target) = (cast_slice(&bytes), SharedMut::from_bytes_of(&mut found));
    run(&StridedCopy::new(isa, size, source, offsets[0], target, offsets[1], axes));
    let found: &[u8] = cast_slice(&found);
    let source: &[u8] = cast_slice(&bytes);
    for (i, &from) in expected.iter().enumerate().filter(|&(_, &from)| from != u32::MAX) {
        let from = from as usize * size;
        assert_eq!(found[i * size..][..size], source[from..][..size], "{isa:?} {size} at {i}");
    }
}

fn axis(extent: usize, source: isize, target: isize) -> Axis {
    Axis { extent, source, target }
}

#[test]
fn copies_agree_with_the_naive_twin() {
    // A run, a transposition, NCHW to NHWC and back, a flip, a broadcast, a slice into a
    // concatenation, a scalar, nothing.
    check([24, 24], [0, 0], &[axis(2, 12, 12), axis(3, 4, 4), axis(4, 1, 1)]);
    check([35 * 50, 35 * 50], [0, 0], &[axis(35, 50, 1), axis(50, 1, 35)]);
    check([360, 360], [0, 0], &[axis(2, 180, 180), axis(5, 36, 1), axis(36, 1, 5)]);
    check([360, 360], [0, 0], &[axis(2, 180, 180), axis(36, 5, 1), axis(5, 1, 36)]);
    for channels in 2..=5 {
        let (pixels, len) = (101, 101 * channels);
        check([len, len], [0, 0], &[axis(pixels, 1, channels as isize), axis(channels, 101, 1)]);
    }
    check([12, 12], [11, 0], &[axis(12, -1, 1)]);
    check([3, 12], [0, 0], &[axis(3, 1, 4), axis(4, 0, 1)]);
    check([4, 12], [0, 0], &[axis(3, 0, 4), axis(4, 1, 1)]);
    check([60, 80], [7, 3], &[axis(4, 10, 20), axis(5, 2, 1)]);
    check([5, 5], [2, 4], &[]);
    check([5, 5], [0, 0], &[axis(0, 1, 1), axis(3, 1, 1)]);
}

#[test]
fn random_permutations_agree_with_the_naive_twin() {
    let mut random = Random::new(70);
    for _ in 0..60 {
        let rank = random.between(1, 5);
        let extents: Vec<usize> = (0..rank).map(|_| random.between(1, 6)).collect();
        let mut order: Vec<usize> = (0..rank).collect();
        (0..rank).for_each(|i| order.swap(i, random.between(i, rank - 1)));
        let strides = tensor::row_major_strides(&extents);
        let permuted: Vec<usize> = order.iter().map(|&i| extents[i]).collect();
        let targets = tensor::row_major_strides(&permuted);
        let len = extents.iter().product();
        let axes: Vec<Axis> = (0..rank)
            .map(|i| axis(permuted[i], strides[order[i]] as isize, targets[i] as isize))
            .collect();
        check([len, len], [0, 0], &axes);
    }
}

#[test]
#[should_panic(expected = "source: elements -1 ..= 2 of a buffer of 3")]
fn a_copy_that_leaves_its_source_is_refused() {
    let mut out = [0u8; 4];
    StridedCopy::new(
        Isa::Generic,
        1,
        &[0; 3],
        2,
        SharedMut::from(&mut out[..]),
        0,
        &[axis(4, -1, 1)],
    );
}

#[test]
#[should_panic(expected = "overlap")]
fn a_copy_onto_itself_is_refused() {
    let mut out = [0u8; 9];
    let axes = [axis(3, 1, 1), axis(3, 1, 2)];
    StridedCopy::new(Isa::Generic, 1, &[0; 9], 0, SharedMut::from(&mut out[..]), 0, &axes);
}

#[test]
fn fills_repeat_the_element() {
    let mut out = vec![0u32; 100_000];
    run(&Fill::new(&0xdead_beefu32.to_le_bytes(), SharedMut::from_bytes_of(&mut out)));
    assert!(out.iter().all(|&x| x == 0xdead_beef));
    let mut out = [1u8; 5];
    run(&Fill::new(&[7], SharedMut::from(&mut out[..])));
    assert_eq!(out, [7; 5]);
}

#[test]
fn gathers_choose_runs() {
    let data: Vec<u16> = (0..2 * 3 * 2).collect();
    let mut out = [0u16; 8];
    let target = SharedMut::from_bytes_of(&mut out);
    let indices = Indices::I64(&[-1, 1]);
    run(&Gather::new(cast_slice(&data), [2, 3, 4], indices, target).unwrap());
    assert_eq!(out, [4, 5, 2, 3, 10, 11, 8, 9]);
}

#[test]
fn an_index_that_leaves_the_axis_is_named() {
    for index in [3, -4, i32::MAX, i32::MIN] {
        let mut out = [0u8; 2];
        let indices = [0, index];
        let target = SharedMut::from(&mut out[..]);
        let error = Gather::new(&[1, 2, 3], [1, 3, 1], Indices::I32(&indices), target).unwrap_err();
        assert_eq!(error, IndexError { index: index.into(), position: 1, axis_len: 3 });
    }
}
