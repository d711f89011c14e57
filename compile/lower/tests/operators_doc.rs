//! `docs/operators.md`: every ONNX operator that is imported, with the versions that its import
//! function names, and the element types that are found by trying: the models of the ONNX
//! project's node tests, with each type in place of their own. `BLESS=1 cargo test -p
//! schooner-lower --test operators_doc` writes it anew; that needs `SCHOONER_ONNX_NODE`.

use import::Bytes;
use import::onnx::decode::{ModelProto, TensorProto};
use import::onnx::operators;
use plan::Operation;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tensor::{Bindings, DType};

/// Element types by their number in ONNX, in the order in which they are listed.
const TYPES: &[(i32, DType)] = &[
    (1, DType::F32),
    (11, DType::F64),
    (10, DType::F16),
    (16, DType::BF16),
    (3, DType::I8),
    (5, DType::I16),
    (6, DType::I32),
    (7, DType::I64),
    (2, DType::U8),
    (4, DType::U16),
    (12, DType::U32),
    (13, DType::U64),
    (9, DType::Bool),
];

/// Models of one operator that are tried: several, since some have inputs that cannot change type.
const MODELS_MAX: usize = 6;

const HEAD: &str = "\
# Operators

The ONNX operators that are imported. Their tables and the doc of their import functions, which
says what is refused, are in `compile/import/src/onnx/ops`; this page is written from there and
from trying each element type with the models of the ONNX project's node tests:
`BLESS=1 cargo test -p schooner-lower --test operators_doc`.

*By kernels*: compiled to the engine's kernels, or to no computation at all. *As written*: computed
on whole tensors by loops that follow the standard's text; right, and not fast. A type is that of
the first input and of all inputs that share it, others being constant where that is needed. Where
neither column has a type, no such model could be tried. `schooner check` tells for a model at hand.
";

/// What is known of an operator by trying.
#[derive(Default)]
struct Tried {
    by_kernels: BTreeSet<usize>,
    as_written: BTreeSet<usize>,
}

type Name = (&'static str, &'static str);

#[test]
fn the_page_lists_every_operator() {
    let versions = versions();
    let path = testkit::repository().join("docs/operators.md");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let advice = "docs/operators.md differs; BLESS=1 cargo test -p schooner-lower --test \
                  operators_doc, with SCHOONER_ONNX_NODE, writes it";
    let Some(folder) = testkit::onnx_node() else {
        for ((_, name), versions) in &versions {
            assert!(stored.contains(&format!("\n| {name} | {versions} | ")), "{name}: {advice}");
        }
        return;
    };
    let text = page(&versions, &try_all(&folder));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == text, "{advice}");
}

fn page(versions: &BTreeMap<Name, String>, tried: &BTreeMap<Name, Tried>) -> String {
    let mut text = HEAD.to_string();
    let mut domain = "";
    for ((of, name), versions) in versions {
        if *of != domain {
            domain = of;
            let _ = write!(text, "\n## {domain}\n\n| operator | versions | by kernels ");
            text += "| as written |\n|---|---|---|---|\n";
        }
        let list = |types: &BTreeSet<usize>| {
            types.iter().map(|&at| TYPES[at].1.to_string()).collect::<Vec<_>>().join(" ")
        };
        let none = Tried::default();
        let Tried { by_kernels, as_written } = tried.get(&(*of, *name)).unwrap_or(&none);
        let as_written = as_written.difference(by_kernels).copied().collect();
        let (by_kernels, as_written) = (list(by_kernels), list(&as_written));
        let _ = writeln!(text, "| {name} | {versions} | {by_kernels} | {as_written} |");
    }
    text
}

/// The versions of each operator, as the comment of its import function names them, or that of the
/// file that computes it.
fn versions() -> BTreeMap<Name, String> {
    let mut named = BTreeMap::new();
    let folders = [
        "contract/operators/src",
        "compile/import/src/onnx/control",
        "compile/import/src/onnx/ops",
    ];
    for folder in folders {
        for path in files(&testkit::repository().join(folder)) {
            let text = std::fs::read_to_string(path).unwrap();
            let mut lines = text.lines().map(comment);
            while let Some(line) = lines.next() {
                let Some(first) = line.and_then(|line| line.strip_prefix("ONNX ")) else {
                    continue;
                };
                let rest = lines.by_ref().map_while(|line| line);
                let said = rest.fold(first.to_string(), |said, line| said + " " + line);
                named.extend(said.split_whitespace().filter_map(name_and_versions));
            }
        }
    }
    let of = |operator: import::onnx::Operator| {
        let Some(versions) = named.get(operator.name) else {
            panic!("the import function of {} names no version: `ONNX Name-1,2`", operator.name);
        };
        ((operator.domain, operator.name), versions.replace(',', ", "))
    };
    operators().map(of).collect()
}

/// What a line says that is a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("//")?;
    Some(line.trim_start_matches(['/', '!']).trim())
}

/// `Conv` and `1,11,22` of `Conv-1,11,22:`.
fn name_and_versions(word: &str) -> Option<(String, String)> {
    let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let (name, versions) = word.rsplit_once('-')?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase());
    let is_versions = versions.split(',').all(|version| version.parse::<u32>().is_ok());
    (is_name && is_versions).then(|| (name.to_string(), versions.to_string()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// Tries each type with some models of each operator.
fn try_all(folder: &Path) -> BTreeMap<Name, Tried> {
    let known: BTreeMap<(String, String), Name> =
        operators().map(|o| ((o.domain.into(), o.name.into()), (o.domain, o.name))).collect();
    let mut tried: BTreeMap<Name, (usize, Tried)> = BTreeMap::new();
    let cases = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = cases.collect();
    cases.sort();
    for case in cases {
        let Ok(bytes) = std::fs::read(case.join("model.onnx")) else { continue };
        let mut model = ModelProto::decode(Bytes::from(bytes)).unwrap();
        for set in &mut model.opset_import {
            // Operators that have never changed have tests of a version that is not read.
            set.version = if set.domain.is_empty() { set.version.max(7) } else { set.version };
        }
        let Some(operator) = the_operator(&model) else { continue };
        let Some(&name) = known.get(&operator) else { continue };
        let (models, tried) = tried.entry(name).or_default();
        let forms = [Some(model.clone()), with_constants(&model, &case)];
        let forms: Vec<ModelProto> =
            forms.into_iter().flatten().filter(|model| compile(model).is_some()).collect();
        if *models == MODELS_MAX || forms.is_empty() {
            continue;
        }
        *models += 1;
        for (at, (model, (number, dtype))) in
            TYPES.iter().enumerate().flat_map(|(at, ty)| forms.iter().map(move |m| (at, (m, ty))))
        {
            match with_type(model, *number, *dtype).and_then(|model| compile(&model)) {
                Some(true) => drop(tried.as_written.insert(at)),
                Some(false) => drop(tried.by_kernels.insert(at)),
                None => {}
            }
        }
    }
    tried.into_iter().map(|(name, (_, tried))| (name, tried)).collect()
}

/// Domain and name of a model's only operator, constants left out.
fn the_operator(model: &ModelProto) -> Option<(String, String)> {
    let nodes = &model.graph.as_ref()?.node;
    let node = match nodes.as_slice() {
        [node] => node,
        nodes => {
            let mut others = nodes.iter().filter(|node| node.op_type != "Constant");
            others.next().filter(|_| others.next().is_none())?
        }
    };
    let domain = if node.domain.is_empty() { "ai.onnx" } else { &node.domain };
    Some((domain.to_string(), node.op_type.clone()))
}

/// The model with constants, those of its case, for all inputs but the first: what is a weight in
/// real models.
fn with_constants(model: &ModelProto, case: &Path) -> Option<ModelProto> {
    let mut model = model.clone();
    let graph = model.graph.as_mut()?;
    for (at, input) in graph.input.iter().enumerate().skip(1) {
        let bytes = std::fs::read(case.join(format!("test_data_set_0/input_{at}.pb"))).ok()?;
        let mut tensor = TensorProto::decode(Bytes::from(bytes)).ok()?;
        tensor.name.clone_from(&input.name);
        graph.initializer.push(tensor);
    }
    graph.input.truncate(1);
    Some(model)
}

/// The model with another type of its first input, and of all inputs and weights of the same type.
fn with_type(model: &ModelProto, number: i32, dtype: DType) -> Option<ModelProto> {
    let mut model = model.clone();
    let graph = model.graph.as_mut()?;
    let mut own = None;
    for input in &mut graph.input {
        let Some(tensor) = input.r#type.as_mut().and_then(|t| t.tensor_type.as_mut()) else {
            continue;
        };
        if *own.get_or_insert(tensor.elem_type) == tensor.elem_type {
            tensor.elem_type = number;
        }
    }
    for weight in graph.initializer.iter_mut().filter(|w| Some(w.data_type) == own) {
        let (name, value) =
            import::onnx::import_tensor(Bytes::from(weight.encode_to_vec())).ok()?;
        let cast = ir::Op::Cast(dtype);
        let cast = reference::evaluate(&cast, &[value.tensor()?], &Bindings::new()).ok()?;
        *weight = TensorProto {
            name,
            data_type: number,
            dims: weight.dims.clone(),
            raw_data: Bytes::copy_from_slice(cast.bytes()),
            ..TensorProto::default()
        };
    }
    Some(model)
}

/// Is something of the model computed as written? Nothing when it cannot be compiled.
fn compile(model: &ModelProto) -> Option<bool> {
    let bytes = Bytes::from(model.encode_to_vec());
    let graph = import::import(bytes, &import::Options::default()).ok()?.graph;
    let (graph, _) = passes::optimize(graph).ok()?;
    let plan = lower::lower(&graph).ok()?.plan;
    Some(plan.steps.iter().any(|step| matches!(step.operation, Operation::Whole(_))))
}
