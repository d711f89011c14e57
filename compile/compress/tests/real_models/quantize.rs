use crate::support::{Case, accuracy, agreement, fashion, photographs, uniform};
use compress::{Observer, Precision, count, quantize};

#[test]
fn every_precision_and_observer_keeps_what_it_should() {
    let Some(Case { graph, samples }) = fashion(2000) else { return };
    let observed = count(&graph, &samples.spread(200), &mut || ()).unwrap();
    let exact = accuracy(&graph, &samples);
    eprintln!("f32: {exact}");
    for (precision, drop_max) in [
        (Precision::Int8Static, 0.5),
        (Precision::Int8Dynamic, 0.5),
        (Precision::WeightsInt8, 0.5),
        (Precision::Clusters, 0.5),
        (Precision::Bf16, 0.5),
        (Precision::F16, 0.2),
        (Precision::WeightsInt4, 3.0),
        (Precision::Int4Static, 10.0),
    ] {
        for observer in
            [Observer::MinMax, Observer::Percentile, Observer::Entropy, Observer::SquaredError]
        {
            if precision != Precision::Int8Static && observer != Observer::default() {
                continue;
            }
            let ranges = observed.ranges(observer);
            let made = quantize(&graph, &ranges, &uniform(&graph, precision)).unwrap();
            let found = accuracy(&made, &samples);
            eprintln!("{precision} {observer:?}: {found}");
            assert!(exact - found <= drop_max, "{precision} {observer:?}: {exact} {found}");
        }
    }
}

#[test]
fn eight_bits_of_photographs_answer_as_the_original() {
    let Some(Case { graph, samples }) = photographs(51) else { return };
    let observed = count(&graph, &samples.spread(17), &mut || ()).unwrap();
    let config = uniform(&graph, Precision::Int8Static);
    let made = quantize(&graph, &observed.ranges(Observer::default()), &config).unwrap();
    let found = agreement(&graph, &made, &samples);
    eprintln!("agreement: {found}");
    assert!(found >= 90.0, "{found}");
}
