//! Reductions against a naive twin, on every ISA.

use super::*;
use crate::testing::{Random, check_close, dot_tolerance, isas, run};
use bytemuck::cast_slice;

const ALL: [Reduction; 10] = [
    Reduction::Sum,
    Reduction::Mean,
    Reduction::Max,
    Reduction::Min,
    Reduction::Prod,
    Reduction::L1,
    Reduction::L2,
    Reduction::SumSquare,
    Reduction::LogSum,
    Reduction::LogSumExp,
];

fn naive(reduction: Reduction, x: &[f64]) -> f64 {
    let n = x.len() as f64;
    match reduction {
        Reduction::Sum => x.iter().sum(),
        Reduction::Mean => x.iter().sum::<f64>() / n,
        Reduction::Max => x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Reduction::Min => x.iter().copied().fold(f64::INFINITY, f64::min),
        Reduction::Prod => x.iter().product(),
        Reduction::L1 => x.iter().map(|x| x.abs()).sum(),
        Reduction::L2 => x.iter().map(|x| x * x).sum::<f64>().sqrt(),
        Reduction::SumSquare => x.iter().map(|x| x * x).sum(),
        Reduction::LogSum => x.iter().sum::<f64>().ln(),
        Reduction::LogSumExp => x.iter().map(|x| x.exp()).sum::<f64>().ln(),
    }
}

#[test]
fn reductions_agree_with_the_naive_twin() {
    let mut random = Random::new(50);
    let mut shapes =
        vec![[1, 1, 1], [3, 1000, 1], [2, 49, 1280], [1, 17, 300], [0, 3, 2], [2, 3, 0]];
    shapes.extend((0..20).map(|_| [(); 3].map(|()| random.between(1, 40))));
    for &[outer, axis, inner] in &shapes {
        let input: Vec<f32> =
            random.floats(outer * axis * inner).iter().map(|x| x.abs() + 0.1).collect();
        for reduction in ALL {
            let column = |at: usize| -> Vec<f64> {
                let start = at / inner * axis * inner + at % inner;
                (0..axis).map(|a| f64::from(input[start + a * inner])).collect()
            };
            let expected: Vec<f64> =
                (0..outer * inner).map(|at| naive(reduction, &column(at))).collect();
            for isa in isas() {
                let mut out = vec![f32::NAN; expected.len()];
                let target = SharedMut::from_bytes_of(&mut out);
                let sizes = [outer, axis, inner];
                let bytes = cast_slice(&input);
                run(&Reduce::new(isa, reduction, DType::F32, sizes, bytes, target));
                let what = format!("{}: {reduction:?} {sizes:?}", isa.name());
                check_close(&out, &expected, dot_tolerance(axis), &what);
            }
        }
    }
}

#[test]
fn a_column_has_the_same_bits_wherever_it_stands() {
    let mut random = Random::new(51);
    let column = random.floats(61);
    for isa in isas() {
        for reduction in [Reduction::Sum, Reduction::L2, Reduction::LogSumExp] {
            let mut alone = [0.0f32];
            let target = SharedMut::from_bytes_of(&mut alone);
            let sizes = [1, 61, 1];
            run(&Reduce::new(isa, reduction, DType::F32, sizes, cast_slice(&column), target));
            let mut rows = [0.0f32; 5];
            let many = column.repeat(5);
            let target = SharedMut::from_bytes_of(&mut rows);
            let sizes = [5, 61, 1];
            run(&Reduce::new(isa, reduction, DType::F32, sizes, cast_slice(&many), target));
            assert_eq!(rows, [alone[0]; 5], "{} {reduction:?}", isa.name());
        }
    }
}

fn scalar<T: bytemuck::Pod + Default>(
    reduction: Reduction,
    dtype: DType,
    sizes: [usize; 3],
    input: &[T],
) -> Vec<T> {
    let mut out = vec![T::default(); sizes[0] * sizes[2]];
    let target = SharedMut::from_bytes_of(&mut out);
    run(&Reduce::new(Isa::Generic, reduction, dtype, sizes, cast_slice(input), target));
    out
}

#[test]
fn reductions_of_other_types_are_exact() {
    let x = [1i64, -2, 3, 4, 5, 7];
    assert_eq!(scalar(Reduction::Sum, DType::I64, [1, 3, 2], &x), [9, 9]);
    assert_eq!(scalar(Reduction::Prod, DType::I64, [2, 3, 1], &x), [-6, 140]);
    assert_eq!(scalar(Reduction::Mean, DType::I64, [2, 3, 1], &x), [0, 5]);
    assert_eq!(scalar(Reduction::Max, DType::I32, [1, 3, 1], &[-5i32, -2, -9]), [-2]);
    assert_eq!(scalar(Reduction::Min, DType::I32, [1, 3, 1], &[-5i32, -2, -9]), [-9]);
    assert_eq!(scalar(Reduction::Mean, DType::F64, [1, 2, 1], &[1.0f64, 2.0]), [1.5]);
    assert!(scalar(Reduction::Max, DType::F64, [1, 2, 1], &[f64::NAN, 2.0])[0].is_nan());
    assert!(scalar(Reduction::Max, DType::F32, [1, 2, 1], &[f32::NAN, 2.0])[0].is_nan());
    let infinite = [f32::NEG_INFINITY, f32::NEG_INFINITY];
    assert_eq!(scalar(Reduction::LogSumExp, DType::F32, [1, 2, 1], &infinite), [f32::NEG_INFINITY]);
}

#[test]
fn the_extreme_is_found_first_or_last() {
    let x = [3.0f32, 1.0, 3.0, 1.0, 0.0, 9.0];
    let arg = |kind, is_last, sizes: [usize; 3]| {
        let mut out = vec![-1i64; sizes[0] * sizes[2]];
        let target = SharedMut::from(&mut out[..]);
        run(&ArgReduce::new(kind, is_last, DType::F32, sizes, cast_slice(&x), target));
        out
    };
    assert_eq!(arg(ArgKind::Max, false, [1, 6, 1]), [5]);
    assert_eq!(arg(ArgKind::Max, false, [2, 3, 1]), [0, 2]);
    assert_eq!(arg(ArgKind::Max, true, [2, 3, 1]), [2, 2]);
    assert_eq!(arg(ArgKind::Min, false, [1, 3, 2]), [2, 0]);
    assert_eq!(arg(ArgKind::Min, true, [1, 2, 3]), [1, 1, 0]);
}
