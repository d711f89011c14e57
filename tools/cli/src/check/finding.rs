//! What is found about a model: one row of [`CHECKS`] for each kind of thing that is looked for.

use super::case::{Case, Trial};
use crate::macs;
use import::Survey;
use ir::{Fact, Graph, Node, Op, ValueId};
use runtime::RunError;
use serde::Serialize;
use std::collections::BTreeSet;
use tensor::DType;

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// `node`, `input`, `output`, `weight` or `model`.
    pub(super) kind: &'static str,
    /// The name of the node or port; of the model when it is about all of it.
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Operator>,
    /// Types and shapes of what the node takes; `?` where they are not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) takes: Vec<String>,
    /// Types and shapes of what the node makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) makes: Vec<String>,
    /// The node's multiply-accumulates, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) macs: Option<u64>,
    /// Their share of all multiply-accumulates of the model that are known, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) macs_share: Option<f64>,
    pub(super) text: String,
    pub(super) fix: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// The model cannot be served.
    Refused,
    /// It runs, but its answers are of no use.
    No,
    /// It looks like a mistake.
    Warning,
    /// Good to know.
    Note,
}

/// An operator of the model file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Operator {
    pub(super) op: String,
    pub(super) domain: String,
    pub(super) opset: Option<i64>,
}

/// Everything that is looked for.
const CHECKS: &[fn(&Case, &Trial) -> Vec<Finding>] = &[
    not_imported,
    not_computed,
    not_judged,
    run_failed,
    not_finite,
    training_mode,
    unused_inputs,
    unknown_recipe,
    wide_indices,
    open_sizes,
];

/// All findings, the worst first.
pub(super) fn all(case: &Case, trial: &Trial) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(case, trial)).collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

impl Finding {
    fn new(
        severity: Severity,
        kind: &'static str,
        name: &str,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            kind,
            name: name.to_string(),
            operator: None,
            takes: Vec::new(),
            makes: Vec::new(),
            macs: None,
            macs_share: None,
            text: text.into(),
            fix: fix.into(),
        }
    }

    fn with_macs(mut self, macs: Option<u64>, case: &Case) -> Finding {
        self.macs = macs;
        let all = case.macs().filter(|&all| all > 0);
        self.macs_share = macs.zip(all).map(|(part, all)| part as f64 / all as f64);
        self
    }
}

/// Nodes that the graph cannot express.
fn not_imported(case: &Case, _: &Trial) -> Vec<Finding> {
    let show = |facts: &[Option<Fact>]| facts.iter().map(|f| fact(f.as_ref())).collect();
    let finding = |refusal: &import::Refusal| {
        let import::Refusal { node, op, domain, opset, reason, hint, takes, makes } = refusal;
        let operator = Operator { op: op.clone(), domain: domain.clone(), opset: *opset };
        let kind = match op.as_str() {
            "input" if domain.is_empty() => "input",
            "output" if domain.is_empty() => "output",
            _ if domain.is_empty() => "weight",
            _ => "node",
        };
        Finding {
            operator: (kind == "node").then_some(operator),
            takes: show(takes),
            makes: show(makes),
            ..Finding::new(Severity::Refused, kind, node, reason.to_string(), hint)
        }
        .with_macs(macs::of_refused(refusal, &case.sizes), case)
    };
    case.refusals().iter().map(finding).collect()
}

/// Nodes that the engine has no kernel for.
fn not_computed(case: &Case, _: &Trial) -> Vec<Finding> {
    let Some(survey) = &case.survey else { return Vec::new() };
    let finding = |refusal: &lower::Refusal| {
        let fix = "convert the model to f32, or express the node by others at export";
        let mut finding =
            Finding::new(Severity::Refused, "node", &refusal.node, &refusal.reason, fix);
        finding.operator = survey.origins.get(&refusal.node).map(|origin| Operator {
            op: origin.op.clone(),
            domain: origin.domain.clone(),
            opset: origin.opset,
        });
        let graph = &survey.graph;
        let is_it = |node: &&Node| node.name == refusal.node && node.op.name() == refusal.op;
        if let Some(node) = graph.nodes.iter().find(is_it) {
            let show = |id: ValueId| fact(Some(&graph.fact(id)));
            finding.takes = node.inputs.iter().copied().map(show).collect();
            finding.makes = node.outputs().map(show).collect();
        }
        finding.with_macs(case.macs_of(&refusal.node), case)
    };
    case.lower_refusals.iter().map(finding).collect()
}

/// Nodes behind refused ones of which nothing more could be told.
fn not_judged(case: &Case, _: &Trial) -> Vec<Finding> {
    let Some(Survey { unjudged, metadata, .. }) = &case.survey else { return Vec::new() };
    let Some(first) = unjudged.first() else { return Vec::new() };
    let text = format!(
        "{} nodes take what is refused above, `{first}` first, so that no more is known of them",
        unjudged.len()
    );
    let fix = match metadata.opset_imports.is_empty() {
        false => {
            "write the types of all values into the file with \
             onnx.shape_inference.infer_shapes(model, data_prop=True), then check it again"
        }
        true => "mend what is refused above, then check it again",
    };
    vec![Finding::new(Severity::Warning, "model", &case.name, text, fix)]
}

fn run_failed(case: &Case, trial: &Trial) -> Vec<Finding> {
    let Trial::Failed(error) = trial else { return Vec::new() };
    if let RunError::NotNumbers { port, found } = error {
        let is_input = case.signature.inputs.iter().any(|input| input.name == *port);
        let kind = if is_input { "input" } else { "output" };
        let text = format!("is of type {found}; only tensors can be sent and answered");
        let fix = "leave out of the exported model what reads or writes it, and do that part in \
                   the client";
        return vec![Finding::new(Severity::Refused, kind, port, text, fix)];
    }
    let sizes: Vec<String> = case.sizes.iter().map(|(name, n)| format!("{name}={n}")).collect();
    let text = format!("a run on zeros with sizes [{}] failed: {error}", sizes.join(", "));
    let is_of_size = matches!(error, RunError::Size { .. } | RunError::Index { .. });
    let is_staged = case.loaded.as_ref().is_some_and(|l| !l.model.plan().is_single_stage());
    let sizes_fix = "give the sizes that the model takes with --size NAME=N";
    let (severity, fix) = match (is_of_size, is_staged) {
        // Whether such a model can run depends on its inputs, and zeros are not like any real one.
        (true, true) => {
            (Severity::Warning, "try it on real inputs: schooner run MODEL --input inputs.npz")
        }
        // Other sizes than those that are tried where none are given may well fit.
        (true, false) if !case.sizes.is_empty() => (Severity::Warning, sizes_fix),
        _ => (Severity::Refused, sizes_fix),
    };
    vec![Finding::new(severity, "model", &case.name, text, fix)]
}

fn not_finite(_: &Case, trial: &Trial) -> Vec<Finding> {
    let Trial::Ran { never_finite, not_of_zeros, .. } = trial else { return Vec::new() };
    let never = never_finite.iter().map(|name| {
        let fix = "hold it against the framework that exported it: schooner verify MODEL --golden \
                   DIR";
        let text = "is not finite on an input of zeros, nor on other numbers";
        Finding::new(Severity::No, "output", name, text, fix)
    });
    let of_zeros = not_of_zeros.iter().map(|name| {
        let text = "is not finite on an input of zeros, though it is on other numbers";
        let fix = "add a small number to what is divided by, or whose logarithm is taken, if such \
                   inputs come";
        Finding::new(Severity::Warning, "output", name, text, fix)
    });
    never.chain(of_zeros).collect()
}

/// Layers that were exported as they train.
fn training_mode(case: &Case, _: &Trial) -> Vec<Finding> {
    let Some(survey) = &case.survey else { return Vec::new() };
    let finding = |remark: &import::Remark| {
        let mut finding =
            Finding::new(Severity::Warning, "node", &remark.node, remark.text, remark.fix);
        finding.operator = survey.origins.get(&remark.node).map(|origin| Operator {
            op: origin.op.clone(),
            domain: origin.domain.clone(),
            opset: origin.opset,
        });
        finding
    };
    survey.remarks.iter().map(finding).collect()
}

/// Inputs that no output depends on. Refused nodes may take more than is known of them.
fn unused_inputs(case: &Case, _: &Trial) -> Vec<Finding> {
    let whole = case.survey.as_ref().filter(|survey| survey.refusals.is_empty());
    let Some(survey) = whole else { return Vec::new() };
    let is_used = used(&survey.graph);
    let unused = survey.graph.inputs[..survey.inputs].iter().filter(|id| !is_used[id.0 as usize]);
    let text = "no output depends on its elements, yet every request has to hold it";
    let fix = "leave it out of the arguments at export, or delete it from graph.input";
    let finding = |id: &ValueId| {
        Finding::new(Severity::Warning, "input", &survey.graph.value(*id).name, text, fix)
    };
    unused.map(finding).collect()
}

/// Which values an output depends on, by [`ValueId`].
fn used(graph: &Graph) -> Vec<bool> {
    let mut is_used = vec![false; graph.values.len()];
    graph.outputs.iter().for_each(|output| is_used[output.value.0 as usize] = true);
    for node in graph.nodes.iter().rev() {
        // A node between stages is kept even if nothing takes what it makes: it may refuse a run.
        if node.op.is_staged() || node.outputs().any(|id| is_used[id.0 as usize]) {
            node.inputs.iter().for_each(|id| is_used[id.0 as usize] = true);
        }
    }
    is_used
}

/// A model of images whose pixels nobody said how to prepare.
fn unknown_recipe(case: &Case, _: &Trial) -> Vec<Finding> {
    if case.recipe.is_known {
        return Vec::new();
    }
    let name = case.signature.inputs.first().map_or("", |port| &port.name);
    let has_recipe = case.loaded.as_ref().is_none_or(|loaded| loaded.model.recipe().is_some());
    let text = match has_recipe {
        true => "it looks like an image, and how its pixels are prepared is a guess: wrong \
             normalization costs accuracy without an error"
            .to_string(),
        false => format!("it takes tensors only: {}", case.recipe.why),
    };
    let fix = "settle it once: schooner recipe MODEL shows what is known, and with --recipe \
               PRESET|FILE --write stores it beside the model; then hold it against a folder of \
               labeled images with schooner eval";
    vec![Finding::new(Severity::Warning, "input", name, text, fix)]
}

/// Inputs of 64-bit integers of which 32 bits are used.
fn wide_indices(case: &Case, _: &Trial) -> Vec<Finding> {
    let Some(Survey { graph, inputs, .. }) = &case.survey else { return Vec::new() };
    let narrows = |node: &Node, id: ValueId| match &node.op {
        Op::Cast(DType::I32) => true,
        Op::Gather { .. } => node.inputs.get(1) == Some(&id) && node.inputs.first() != Some(&id),
        _ => false,
    };
    let is_narrow = |id: &&ValueId| {
        let mut users = graph.nodes.iter().filter(|node| node.inputs.contains(id)).peekable();
        graph.value(**id).dtype == DType::I64
            && users.peek().is_some()
            && users.all(|node| narrows(node, **id))
    };
    let text = "is i64, but only 32 bits of it are used: clients that send i32 are refused";
    let fix = "make it int32 at export if clients hold int32, or let them send int64";
    let finding =
        |id: &ValueId| Finding::new(Severity::Note, "input", &graph.value(*id).name, text, fix);
    graph.inputs[..*inputs].iter().filter(is_narrow).map(finding).collect()
}

/// Axes of inputs that take any size.
fn open_sizes(case: &Case, _: &Trial) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut finding = |port: &plan::Port| {
        let mut axes = Vec::new();
        let mut sizes = Vec::new();
        for (axis, dim) in port.shape.iter().enumerate() {
            dim.for_each_symbol(&mut |symbol| {
                if seen.insert(symbol.to_string()) {
                    let default = case.sizes.get(symbol).copied().unwrap_or(1);
                    axes.push(axis.to_string());
                    sizes.push(format!("{symbol}={default}"));
                }
            });
        }
        let word = if axes.len() == 1 { "axis" } else { "axes" };
        let (axes, sizes) = (axes.join(", "), sizes.join(","));
        let text =
            format!("{word} {axes} may have any size; memory and arithmetic are those of {sizes}");
        let fix = format!("--size {sizes} or other numbers, where they are always the same");
        let is_open = !sizes.is_empty();
        is_open.then(|| Finding::new(Severity::Note, "input", &port.name, text, fix))
    };
    case.signature.inputs.iter().filter_map(&mut finding).collect()
}

/// `f32[1, 3]`, or `?` when it is not known.
fn fact(fact: Option<&Fact>) -> String {
    fact.map_or_else(|| "?".to_string(), |fact| format!("{}{:?}", fact.dtype, fact.shape))
}
