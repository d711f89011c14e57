use crate::support::{Case, accuracy, agreement, fashion, uniform};
use compress::{
    Learning, Observer, Precision, correct_bias, equalize, learn_rounding, observe, quantize,
};

/// Of a case that is calibrated by so many samples, with weights of four bits: what is right as it
/// was, rounded to nearest, with corrected biases, with learned rounding; and how often the last
/// two answer as the original.
fn tried(case: &Case, calibration: usize, learning: &Learning) -> [f64; 6] {
    let Case { graph, samples } = case;
    let calibration = samples.spread(calibration);
    let ranges = observe(graph, &calibration, Observer::default(), &mut || ()).unwrap();
    let config = uniform(graph, Precision::Int4Static);
    let nearest = quantize(graph, &ranges, &config).unwrap();
    let start = std::time::Instant::now();
    let corrected = correct_bias(graph, &nearest, &calibration, &mut || ()).unwrap();
    eprintln!("corrected in {:?}", start.elapsed());
    let start = std::time::Instant::now();
    let learned = learn_rounding(graph, &nearest, &calibration, learning, &mut |_| ()).unwrap();
    eprintln!("learned in {:?}", start.elapsed());
    let right = |graph| accuracy(graph, samples);
    let found = [
        right(graph),
        right(&nearest),
        right(&corrected),
        right(&learned),
        agreement(graph, &nearest, samples),
        agreement(graph, &learned, samples),
    ];
    eprintln!("right, nearest, corrected, learned, agreement before, after: {found:?}");
    found
}

#[test]
fn weights_of_four_bits_of_clothes_come_close_to_the_original() {
    let Some(case) = fashion(2000) else { return };
    let found = tried(&case, 256, &Learning::default());
    assert!(found[0] - found[3] <= 0.5, "{found:?}");
}

#[test]
fn equalization_and_corrected_biases_keep_eight_bits() {
    let Some(Case { graph, samples }) = fashion(2000) else { return };
    let calibration = samples.spread(200);
    let (equal, pairs) = equalize(&graph).unwrap();
    assert!(pairs.iter().any(|pair| pair.refusal.is_none()), "{pairs:?}");
    let ranges = observe(&equal, &calibration, Observer::default(), &mut || ()).unwrap();
    let config = uniform(&equal, Precision::Int8Static);
    let made = quantize(&equal, &ranges, &config).unwrap();
    let made = correct_bias(&equal, &made, &calibration, &mut || ()).unwrap();
    let (exact, found) = (accuracy(&graph, &samples), accuracy(&made, &samples));
    eprintln!("{exact}, equalized and corrected {found}");
    assert!(exact - found <= 0.5, "{exact} {found}");
}
