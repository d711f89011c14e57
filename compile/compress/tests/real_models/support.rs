//! Models, their data, and how many answers are right.

use compress::{Config, Precision, Samples, layers};
use flate2::read::GzDecoder;
use ir::Graph;
use recipe::Recipe;
use runtime::{Constants, Model};
use std::fs::File;
use std::io::Read;
use tensor::Tensor;

/// A model with samples that it has not been trained on.
pub(crate) struct Case {
    pub(crate) graph: Graph,
    pub(crate) samples: Samples,
}

/// The example's classifier of clothes with so many of its test images, evenly spread.
pub(crate) fn fashion(count: usize) -> Option<Case> {
    let images = unpacked("fashion-mnist/t10k-images-idx3-ubyte.gz")?;
    let labels = unpacked("fashion-mnist/t10k-labels-idx1-ubyte.gz")?;
    let graph = imported(&testkit::repository().join("examples/fashion/fashion.onnx"));
    let image = |image: &[u8]| {
        let numbers: Vec<f32> = image.iter().map(|&x| (f32::from(x) - 73.0) / 90.0).collect();
        vec![Tensor::from_slice(&[1, 1, 28, 28], &numbers).unwrap()]
    };
    let samples = Samples {
        inputs: images[16..].chunks_exact(28 * 28).map(image).collect(),
        labels: Some(labels[8..].iter().map(|&label| vec![usize::from(label)]).collect()),
    };
    Some(Case { graph, samples: samples.spread(count) })
}

/// The graph of a model file as the engine runs it.
pub(crate) fn imported(path: &std::path::Path) -> Graph {
    let imported = import::import_file(path, &import::Options::default()).unwrap();
    passes::optimize(imported.graph).unwrap().0
}

fn unpacked(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(testkit::fixture(path)?).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// The number of the largest output for each sample.
pub(crate) fn answers(graph: &Graph, samples: &Samples) -> Vec<usize> {
    let lowered = lower::lower(graph).unwrap();
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let answer = |inputs: &Vec<Tensor>| {
        let made = model.run(&inputs.iter().collect::<Vec<_>>()).unwrap();
        let scores = made[0].as_slice::<f32>().unwrap();
        let best = |a: usize, b: usize| if scores[b] > scores[a] { b } else { a };
        (0..scores.len()).reduce(best).unwrap()
    };
    samples.inputs.iter().map(answer).collect()
}

/// The share of answers that are right, in percent.
pub(crate) fn accuracy(graph: &Graph, samples: &Samples) -> f64 {
    let labels = samples.labels.as_ref().unwrap();
    let answers = answers(graph, samples);
    let right = answers.iter().zip(labels).filter(|(answer, labels)| labels.contains(answer));
    right.count() as f64 * 100.0 / labels.len() as f64
}

/// Every layer in one precision.
pub(crate) fn uniform(graph: &Graph, precision: Precision) -> Config {
    let layers = layers(graph).into_iter().map(|layer| (layer.name, precision));
    Config { layers: layers.collect(), ..Config::default() }
}

/// A classifier of photographs with so many of 153, evenly spread.
pub(crate) fn photographs(count: usize) -> Option<Case> {
    let model = testkit::fixture("efficientnet-lite0/efficientnet_lite0.onnx")?;
    let folder = testkit::fixture("imagenet-mini-153")?;
    let list = std::fs::read_to_string(folder.join("labels.json")).unwrap();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let recipe = Recipe::from_preset("efficientnet-lite", 224, 224, 3).unwrap();
    let mut samples = Samples { inputs: vec![], labels: Some(vec![]) };
    for row in list.as_array().unwrap() {
        let file = folder.join("images").join(row["file"].as_str().unwrap());
        samples.inputs.push(vec![recipe.prepare(&std::fs::read(file).unwrap()).unwrap()]);
        let labels = row["labels"].as_array().unwrap().iter();
        let labels = labels.map(|label| label.as_u64().unwrap() as usize).collect();
        samples.labels.as_mut().unwrap().push(labels);
    }
    Some(Case { graph: imported(&model), samples: samples.spread(count) })
}

/// The share of samples for which two graphs answer the same, in percent.
pub(crate) fn agreement(a: &Graph, b: &Graph, samples: &Samples) -> f64 {
    let (a, b) = (answers(a, samples), answers(b, samples));
    let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
    same as f64 * 100.0 / samples.len() as f64
}
