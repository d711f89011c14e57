use crate::support::{Case, accuracy, fashion};
use compress::{ChannelPruning, Criterion, Pattern, WeightPruning, prune_channels, prune_weights};

#[test]
fn half_of_the_weights_go_and_answers_stay() {
    let Some(Case { graph, samples }) = fashion(2000) else { return };
    let exact = accuracy(&graph, &samples);
    eprintln!("all weights: {exact}");
    let mut found = Vec::new();
    for (criterion, pattern, share) in [
        (Criterion::Magnitude, Pattern::Single, 0.5),
        (Criterion::SecondOrder, Pattern::Single, 0.5),
        (Criterion::Magnitude, Pattern::Single, 0.75),
        (Criterion::SecondOrder, Pattern::Single, 0.75),
        (Criterion::Magnitude, Pattern::Among { kept: 2, of: 4 }, 0.5),
        (Criterion::SecondOrder, Pattern::Among { kept: 2, of: 4 }, 0.5),
        (Criterion::SecondOrder, Pattern::Block(4), 0.5),
    ] {
        let pruning = WeightPruning { criterion, pattern, share, ..WeightPruning::default() };
        let (made, zeros) = prune_weights(&graph, &samples, &pruning, &mut || ()).unwrap();
        let right = accuracy(&made, &samples);
        let count: f64 = zeros.values().sum::<f64>() / zeros.len() as f64;
        eprintln!("{criterion:?} {pattern:?} {share}: {right}, zeros {count:.2}");
        found.push(right);
    }
    assert!(exact - found[1] < 1.0, "half of the weights by second order: {}", found[1]);
    assert!(found[3] > found[2], "three quarters: {} by magnitude, {}", found[2], found[3]);
    assert!(exact - found[5] < 5.0, "2 of 4: {}", found[5]);
}

#[test]
fn channels_go_and_the_model_is_smaller() {
    let Some(Case { graph, samples }) = fashion(2000) else { return };
    let macs =
        |graph: &ir::Graph| -> u64 { compress::layers(graph).iter().map(|layer| layer.macs).sum() };
    let exact = accuracy(&graph, &samples);
    // With half of the MACs so small a network does not stay itself without training.
    for (macs_kept, drop_max) in [(0.75, 3.0), (0.5, 50.0)] {
        let pruning = ChannelPruning { macs_kept, ..ChannelPruning::default() };
        let (made, channels) = prune_channels(&graph, &samples, &pruning, &mut || ()).unwrap();
        let left = macs(&made) as f64 / macs(&graph) as f64;
        let right = accuracy(&made, &samples);
        eprintln!("{macs_kept}: {left:.3} of the MACs, {right} of {exact}");
        for layer in channels {
            eprintln!("  {}: {} of {}", layer.layer, layer.after, layer.before);
        }
        assert!(left <= macs_kept);
        assert!(exact - right < drop_max, "{exact} {right}");
    }
}
