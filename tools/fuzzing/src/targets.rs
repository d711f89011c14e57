//! The targets, in the order of the data's way.

use crate::{graphs, nets};
use ir::Graph;
use runtime::{Constants, Model};
use tensor::{Bindings, DType, Tensor};

/// Memory of an import in bytes: a change of a small file is never a large model.
const MEMORY: usize = 64 << 20;

/// Working memory in bytes beyond which a run is left out: it would only be slow.
const ARENA_BYTES_MAX: usize = 1 << 20;

/// Constants that a plan may refer to in bytes: more than small models have.
const CONSTANTS_LEN: usize = 1 << 20;

/// Elements visited, each as often as it is, beyond which a run is left out: some milliseconds of
/// the naive twins.
const WORK_MAX: usize = 1 << 22;

/// Whatever the bytes are, importing them as the format that they seem to be gives a graph that
/// verifies, or an error. Files beside them there are none.
pub fn import(bytes: &[u8]) {
    let options = import::Options { memory: MEMORY, ..import::Options::default() };
    if let Ok(survey) = import::survey(bytes.to_vec(), &options) {
        survey.graph.verify().expect("an imported graph is well formed");
    }
}

/// The same of MXNet: symbol files without parameters, and files of parameters.
pub fn import_mxnet(bytes: &[u8]) {
    import(bytes);
    if let Ok(arrays) = import::mxnet::arrays(bytes) {
        assert!(arrays.values().map(|array| array.bytes().len()).sum::<usize>() <= bytes.len());
    }
}

/// Whatever model the bytes are, all stages to a run give outputs or an error.
pub fn compile_onnx(bytes: &[u8]) {
    let options = import::Options { memory: MEMORY, ..import::Options::default() };
    if let Ok(imported) = import::import(bytes.to_vec(), &options) {
        compile(imported.graph, bytes);
    }
}

/// Whatever the text is, reading it gives a graph that verifies, or an error.
pub fn parse_graph(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(graph) = ir::text::parse(text, &[])
    {
        graph.verify().expect("a graph that was read is well formed");
    }
}

/// Whatever graph the text is, passes and lowering keep it well formed, and every size of its
/// inputs can be bound or is refused.
pub fn compile_graph(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(graph) = ir::text::parse(text, &[])
    {
        compile(graph, bytes);
    }
}

/// A graph of operators and shapes by chance, the bytes being the chance: the engine answers as
/// the naive twins do.
pub fn random_graph(bytes: &[u8]) {
    let mut random = fastrand::Rng::with_seed(seed(bytes));
    let graph = graphs::random(&mut random);
    graphs::compare(&graph, &mut random);
}

/// A network of layers by chance, which lowering fuses: the engine answers as the naive twins do.
pub fn random_net(bytes: &[u8]) {
    let seed = seed(bytes);
    let net =
        if seed.is_multiple_of(2) { nets::image(seed, 3..14) } else { nets::text(seed, 1..20) };
    graphs::compare(&net.finish(), &mut fastrand::Rng::with_seed(seed));
}

/// Whatever the bytes are, a container's sections lie within the file, or it is refused.
pub fn parse_container(bytes: &[u8]) {
    if let Ok(container) = package::Container::parse(bytes) {
        assert!(container.sections().all(|(_, range)| range.end <= bytes.len()));
        let _ = container.verify_payload(1);
    }
}

/// Whatever the bytes are, decoding them gives a plan that encodes to the same plan again, or an
/// error. The checksums of a library keep most altered plans out; whoever alters both gets here.
pub fn decode_plan(bytes: &[u8]) {
    if let Ok(plan) = plan::Plan::decode(bytes, CONSTANTS_LEN as u64) {
        // Bytes are compared, since a plan that holds NaN is not equal to itself.
        let encoded = plan.encode();
        let again = plan::Plan::decode(&encoded, CONSTANTS_LEN as u64);
        assert_eq!(again.map(|plan| plan.encode()), Ok(encoded));
    }
}

/// Whatever plan comes out of a file, running it gives outputs or an error: kernels read and write
/// only where they may.
pub fn run_plan(bytes: &[u8]) {
    let Ok(plan) = plan::Plan::decode(bytes, CONSTANTS_LEN as u64) else { return };
    let constants = Constants::owned(tensor::AlignedBytes::zeroed(CONSTANTS_LEN));
    let Ok(model) = Model::new(plan, constants) else { return };
    run(&model);
}

/// Whatever the bytes are, a recipe makes a tensor of its own shape of them, or an error.
pub fn decode_image(bytes: &[u8]) {
    let recipe = recipe::Recipe::from_preset("imagenet", 32, 32, 3).expect("a preset");
    if let Ok(tensor) = recipe.prepare(bytes) {
        assert_eq!(tensor.shape(), [1, 3, 32, 32]);
    }
}

/// Passes, lowering, and a run where that is small; each stage may refuse, none may panic.
fn compile(graph: Graph, bytes: &[u8]) {
    let (graph, _) = passes::optimize(graph).expect("passes keep a graph well formed");
    graph.verify().expect("an optimized graph is well formed");
    if graph.values.iter().any(|v| v.constant.as_ref().is_some_and(|t| t.len() > WORK_MAX)) {
        return;
    }
    let Ok(lowered) = lower::lower(&graph) else { return };
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants));
    let model = model.expect("a lowered plan is valid");
    let mut random = fastrand::Rng::with_seed(seed(bytes));
    for _ in 0..4 {
        let sizes: Bindings =
            model.plan().defaults.keys().map(|name| (name.clone(), size(&mut random))).collect();
        // What the sizes come to is the model's business.
        let _ = model.arena_bytes(&sizes);
    }
    if work(&graph, &model.plan().defaults).is_some_and(|work| work <= WORK_MAX) {
        run(&model);
    }
}

/// Runs a model of little working memory on zeros.
fn run(model: &Model) {
    let model = model.clone().with_arena_bytes_max(ARENA_BYTES_MAX);
    if let Ok(inputs) = model.default_inputs() {
        // Whether it is an answer or a refusal is the model's business.
        let _ = model.run_values(&inputs);
    }
}

/// Elements that are visited, each as often as it is, for these sizes.
fn work(graph: &Graph, sizes: &Bindings) -> Option<usize> {
    graph.nodes.iter().try_fold(0usize, |sum, node| {
        let inputs: Vec<ir::Fact> = node.inputs.iter().map(|&id| graph.fact(id)).collect();
        let made = graph.fact(node.output);
        sum.checked_add(reference::work(&node.op, &inputs, &made, sizes)?)
    })
}

/// Small sizes, and those at which arithmetic ends.
fn size(random: &mut fastrand::Rng) -> i64 {
    match random.u8(..8) {
        0 => [0, -1, i64::MIN, i64::MAX, 1 << 32, 1 << 62][random.usize(..6)],
        _ => random.i64(1..20),
    }
}

/// A number that every byte has a say in.
fn seed(bytes: &[u8]) -> u64 {
    // FNV-1a.
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A tensor of chance between -1 and 1; integers between 0 and 2.
pub(crate) fn noise(random: &mut fastrand::Rng, dtype: DType, shape: &[usize]) -> Option<Tensor> {
    let count = tensor::element_count(shape).filter(|&count| count <= WORK_MAX)?;
    match dtype {
        DType::F32 => {
            let elements: Vec<f32> = (0..count).map(|_| random.f32() * 2.0 - 1.0).collect();
            Tensor::from_slice(shape, &elements).ok()
        }
        DType::I64 => {
            let elements: Vec<i64> = (0..count).map(|_| random.i64(0..3)).collect();
            Tensor::from_slice(shape, &elements).ok()
        }
        _ => None,
    }
}
