//! Each pass alone, on graphs in text form: those in the heads of the passes' files, and the cases
//! in `suites/filetests/<pass>/*.ir`, which `BLESS=1` writes anew.
//!
//! A case is a graph, a line `----`, and the graph that the pass and then `eliminate_dead` make of
//! it. Both must give the same outputs, apart from rounding.

use ir::{Graph, text};
use std::fs;
use std::path::{Path, PathBuf};
use tensor::{Bindings, DType, Tensor};

const SEPARATOR: &str = "----\n";

/// Runs of a pass: the pipeline, too, runs again until nothing changes.
const ROUNDS: usize = 4;

/// Cases that each pass has at least: one that it rewrites, one that it must leave alone.
const CASES_MIN: usize = 2;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The graph after one pass, in text form with values numbered in order.
fn rewritten(pass: &passes::Pass, graph: &Graph) -> (Graph, usize) {
    let mut graph = graph.clone();
    let dead = passes::PASSES.iter().find(|pass| pass.name == "eliminate_dead").unwrap();
    let mut rewrites = 0;
    for _ in 0..ROUNDS {
        rewrites += (pass.run)(&mut graph);
        (dead.run)(&mut graph);
        graph.verify().unwrap();
    }
    let printed = text::print(&graph);
    (text::parse(&printed.text, &printed.blobs).unwrap(), rewrites)
}

fn parsed(source: &str, origin: &str) -> Graph {
    let graph = text::parse(source, &[]).unwrap_or_else(|e| panic!("{origin}: {e}\n{source}"));
    graph.verify().unwrap_or_else(|e| panic!("{origin}: {e}\n{source}"));
    graph
}

/// Elements between 0.1 and 0.9, so that roots and logarithms of them exist.
fn fill(shape: &[usize], dtype: DType) -> Tensor {
    let count: usize = shape.iter().product();
    let element = |i: usize| (i as f32 * 0.37).sin().abs() * 0.8 + 0.1;
    match dtype {
        DType::I64 => Tensor::from_slice(shape, &vec![1i64; count]).unwrap(),
        _ => {
            let wide = Tensor::from_slice(shape, &(0..count).map(element).collect::<Vec<_>>());
            cast(&wide.unwrap(), dtype)
        }
    }
}

fn cast(tensor: &Tensor, dtype: DType) -> Tensor {
    reference::evaluate(&ir::Op::Cast(dtype), &[tensor], &Bindings::new()).unwrap()
}

/// What the reference computes when every symbol is 3.
fn outputs(graph: &Graph) -> Vec<Tensor> {
    let input = |&id: &ir::ValueId| {
        let fact = graph.fact(id);
        let symbols = fact.shape.iter().filter_map(|dim| dim.as_symbol()).map(str::to_string);
        let sizes: Bindings = symbols.map(|symbol| (symbol, 3)).collect();
        let sizes = fact.shape.iter().map(|dim| dim.evaluate(&sizes).unwrap() as usize);
        fill(&sizes.collect::<Vec<_>>(), fact.dtype)
    };
    let inputs: Vec<Tensor> = graph.inputs.iter().map(input).collect();
    reference::run(graph, &inputs).unwrap()
}

#[track_caller]
fn check_same(before: &Graph, after: &Graph, origin: &str) {
    let has_halves = before.values.iter().any(|value| value.dtype.is_half());
    for (expected, found) in outputs(before).iter().zip(&outputs(after)) {
        assert_eq!(found.shape(), expected.shape(), "{origin}");
        if !found.dtype().is_float() {
            assert_eq!(found.bytes(), expected.bytes(), "{origin}");
            continue;
        }
        // Halves may be rounded elsewhere: by two units of the shorter mantissa at most.
        let tolerance = if has_halves { 0.02 } else { 1e-5 };
        let [found, expected] = [found, expected].map(|t| cast(t, DType::F64));
        let (found, expected) = (found.as_slice::<f64>(), expected.as_slice::<f64>());
        for (f, e) in found.unwrap().iter().zip(expected.unwrap()) {
            let is_close = f == e || (f - e).abs() <= tolerance * e.abs().max(1.0);
            assert!(is_close, "{origin}: {f} for {e}");
        }
    }
}

/// The graph under a heading in the comment at the top of a file.
fn documented(source: &str, heading: &str) -> Option<String> {
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<&str> = head.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let start = lines.iter().position(|line| *line == heading)?;
    let block = lines[start..].iter().skip_while(|line| !line.starts_with("```")).skip(1);
    Some(block.take_while(|line| **line != "```").map(|line| format!("{line}\n")).collect())
}

#[test]
fn the_rewrite_at_the_head_of_each_pass_is_what_it_does() {
    for pass in passes::PASSES {
        let path = root().join("compile/passes/src").join(format!("{}.rs", pass.name));
        let source = fs::read_to_string(&path).unwrap();
        let block = |heading| {
            documented(&source, heading)
                .unwrap_or_else(|| panic!("{}: no `{heading}` block", pass.name))
        };
        let given = parsed(&block("Given:"), pass.name);
        let (found, rewrites) = rewritten(pass, &given);
        let expected = parsed(&block("Result:"), pass.name);
        assert_eq!(found.to_string(), expected.to_string(), "{}", pass.name);
        assert!(rewrites > 0, "{}", pass.name);
        check_same(&given, &found, pass.name);
    }
}

#[test]
fn cases() {
    let is_blessing = std::env::var_os("BLESS").is_some();
    for pass in passes::PASSES {
        let folder = root().join("suites/filetests").join(pass.name);
        let files = fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}; every pass has cases there", folder.display()));
        let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= CASES_MIN, "{}: {CASES_MIN} cases expected", folder.display());
        let mut is_left_alone = false;
        for file in files {
            let origin = file.display().to_string();
            let source = fs::read_to_string(&file).unwrap();
            let (given, expected) = source.split_once(SEPARATOR).unwrap_or((&source, ""));
            let graph = parsed(given, &origin);
            let (found, rewrites) = rewritten(pass, &graph);
            is_left_alone |= rewrites == 0;
            check_same(&graph, &found, &origin);
            if is_blessing {
                fs::write(&file, format!("{given}{SEPARATOR}{found}")).unwrap();
            } else {
                assert_eq!(found.to_string(), expected, "{origin}; BLESS=1 writes it anew");
            }
        }
        assert!(is_left_alone, "{}: no case that the pass leaves alone", pass.name);
    }
}
