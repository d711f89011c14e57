//! MXNet: a symbol file, whose nodes are the graph, and the file of parameters beside it.
//!
//! Imported are the nodes that the outputs need; labels, which only training takes, are none of
//! them. Each operator has its import function in `ops/<family>.rs`.

mod call;
mod files;
mod ops;
mod params;
mod refusal;
mod signature;
mod symbol;
mod walk;

pub use ops::operators;

use crate::build::Operand;
use crate::error::{ImportError, Reason, Refusal};
use crate::{ModelMetadata, Options, Survey, json};
use bytes::Bytes;
use ir::ValueId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use symbol::{Source, Symbol};
use tensor::{Bindings, Dim, Tensor};
use walk::Walk;

const FORMAT: &str = "MXNet";

/// The domain that operators are said to be of.
pub(crate) const DOMAIN: &str = "mxnet";

/// First bytes among which the keys of a first node are.
const HEAD_BYTES: usize = 1024;

/// Most inputs whose shapes are looked for, each in all layers. Models have a few.
const INPUTS_MAX: usize = 1 << 10;

/// The files that tell a graph from its parameters are a pair; this one has no graph.
pub const PARAMETERS_ALONE: &str = "give the -symbol.json file beside it, which holds the graph";

/// Could these be the bytes of a symbol file?
pub fn is_format(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let has = |key: &[u8]| head.windows(key.len()).any(|window| window == key);
    head.trim_ascii_start().first() == Some(&b'{') && has(b"\"nodes\"") && has(b"\"op\"")
}

/// What a model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let needed = json::bytes(&bytes);
    if needed > options.memory as u64 {
        return Err(ImportError::TooLarge { bytes: needed, limit: options.memory });
    }
    let symbol = Symbol::parse(&bytes).map_err(damaged)?;
    let mut parameters = HashMap::new();
    let mut missing = None;
    // Where the caller says which file the model is.
    let place = options.folder.as_deref().zip(options.name.as_deref());
    match place.and_then(|(folder, name)| Some((folder, files::parameters(folder, name)?))) {
        None => missing = Some(options.name.as_deref().map_or("PREFIX", files::stem)),
        Some((folder, name)) => {
            let bytes = files::read(folder, &name, options.memory)?;
            let what = |reason| damaged(format!("{}: {reason}", folder.join(&name).display()));
            parameters = arrays(&bytes).map_err(what)?;
        }
    }
    let model = Model { symbol: &symbol, parameters: &parameters, missing };
    let (survey, wanted) = model.survey(options)?;
    // A flattened image is as large as the weights behind it say, and so is the image.
    let Some(sizes) = model.sizes(&wanted) else { return Ok(survey) };
    drop(survey);
    let sizes = sizes.into_iter().chain(options.sizes.clone()).collect();
    Ok(model.survey(&Options { sizes, ..options.clone() })?.0)
}

fn damaged(reason: String) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason }
}

/// The arrays of a file of parameters, by name; what is wrong where it is none.
pub fn arrays(bytes: &[u8]) -> Result<HashMap<String, Arc<Tensor>>, String> {
    params::parse(bytes)
}

struct Model<'m> {
    symbol: &'m Symbol,
    parameters: &'m HashMap<String, Arc<Tensor>>,
    /// What the file of parameters would be called that is not there.
    missing: Option<&'m str>,
}

/// Sizes that depend on those of the inputs, and what weights say they are.
type Wanted = Vec<(Dim, usize)>;

impl Model<'_> {
    fn survey(&self, options: &Options) -> Result<(Survey, Wanted), ImportError> {
        let heads = self.heads(options)?;
        let is_needed = self.needed(&heads);
        let mut walk = Walk::new(self.symbol, options.memory);
        for at in (0..is_needed.len()).filter(|&at| is_needed[at]) {
            match self.symbol.nodes[at].is_given() {
                true => self.give(at, &mut walk, options),
                false => walk.visit(at),
            }
        }
        let inputs = walk.build.graph.inputs.len();
        for (name, head) in self.names(&heads).into_iter().zip(&heads) {
            let Some(operand) = walk.value(*head).cloned() else { continue };
            match walk.build.materialize(&operand) {
                Ok(id) => walk.build.graph.output(&name, id),
                Err(reason) => walk.refusals.push(refusal::of_part("output", &name, reason, None)),
            }
        }
        let Walk { build, refusals, unjudged, origins, taken, wanted, .. } = walk;
        let taken: Vec<ValueId> = if refusals.is_empty() { vec![] } else { taken };
        let survey = Survey::new(build.graph, inputs, self.metadata(), taken);
        Ok((Survey { refusals, unjudged, origins, ..survey }, wanted))
    }

    fn metadata(&self) -> ModelMetadata {
        let version = self.symbol.version().unwrap_or_default();
        ModelMetadata {
            format: FORMAT.to_string(),
            producer: format!("MXNet {version}").trim().to_string(),
            properties: BTreeMap::new(),
            ..ModelMetadata::default()
        }
    }

    /// What the model makes, or what is asked for instead: nodes by their names.
    fn heads(&self, options: &Options) -> Result<Vec<Source>, ImportError> {
        if options.outputs.is_empty() {
            return Ok(self.symbol.heads.clone());
        }
        let asked = options.outputs.iter().map(|asked| {
            let name = asked.strip_suffix("_output").unwrap_or(asked);
            let is_it = |node: &symbol::Node| node.name == *asked || node.name == name;
            let node = self.symbol.nodes.iter().position(is_it).ok_or_else(|| {
                let text = "expected a node of the symbol file".to_string();
                let reason = Reason::Signature(text);
                ImportError::Unsupported(vec![refusal::of_part("output", asked, reason, None)])
            })?;
            Ok(Source { node, output: 0 })
        });
        asked.collect()
    }

    /// Names of what is made: that of the node, numbered where one makes several.
    fn names(&self, heads: &[Source]) -> Vec<String> {
        let mut counts = vec![0usize; self.symbol.nodes.len()];
        heads.iter().for_each(|head| counts[head.node] += 1);
        let name = |head: &Source| {
            let own = &self.symbol.nodes[head.node].name;
            if counts[head.node] > 1 { format!("{own}_{}", head.output) } else { own.clone() }
        };
        heads.iter().map(name).collect()
    }

    /// Which nodes the heads need.
    fn needed(&self, heads: &[Source]) -> Vec<bool> {
        let mut is_needed = vec![false; self.symbol.nodes.len()];
        heads.iter().for_each(|head| is_needed[head.node] = true);
        for at in (0..is_needed.len()).rev() {
            if is_needed[at] {
                let sources = ops::inputs_of(&self.symbol.nodes[at]);
                sources.iter().for_each(|source| is_needed[source.node] = true);
            }
        }
        is_needed
    }

    /// Gives the walk a parameter or an input.
    fn give(&self, at: usize, walk: &mut Walk<'_>, options: &Options) {
        let name = &self.symbol.nodes[at].name;
        if let Some(tensor) = self.parameters.get(name) {
            match walk.build.budget.take(Some(tensor.bytes().len())) {
                Ok(()) => walk.give(at, Operand::constant(name, tensor.clone())),
                Err(reason) => self.refuse("parameter", name, reason, walk),
            }
            return;
        }
        // Gluon says of its parameters how fast they learn, and of nothing else.
        let learns = self.symbol.nodes[at].attribute("__lr_mult__").is_some();
        if let Some(stem) = self.missing.filter(|_| learns || is_parameter(name)) {
            let is_first = walk.refusals.iter().all(|refusal| refusal.op != "parameters");
            if is_first {
                let file = format!("{stem}-0000.params");
                let reason = format!("`{file}` is not beside the symbol file");
                let reason = Reason::Tensor { name: name.clone(), reason };
                let hint = "put the file of parameters beside the symbol file, under its name";
                walk.refusals.push(refusal::of_part("parameters", &file, reason, Some(hint)));
            }
            return;
        }
        walk.looked_for += 1;
        if walk.looked_for > INPUTS_MAX {
            return self.refuse("input", name, Reason::Expansion, walk);
        }
        match signature::fact(self.symbol, at, self.parameters, options) {
            Some(fact) => {
                let id = walk.build.graph.input(name, fact.dtype, fact.shape);
                walk.give(at, Operand::Value(id));
            }
            None => {
                let reason = Reason::Signature("its number of axes is not in the file".to_string());
                self.refuse("input", name, reason, walk);
            }
        }
    }

    fn refuse(&self, what: &str, name: &str, reason: Reason, walk: &mut Walk<'_>) {
        let refusal: Refusal = refusal::of_part(what, name, reason, None);
        walk.refusals.push(refusal);
    }

    /// The sizes of the inputs with which all flattened values are as long as weights say.
    fn sizes(&self, wanted: &Wanted) -> Option<Bindings> {
        let mut names = Vec::new();
        for (dim, _) in wanted {
            dim.for_each_symbol(&mut |name| names.push(name.to_string()));
        }
        if names.is_empty() || names.iter().any(|name| name == "batch") {
            return None;
        }
        let with = |size: i64| names.iter().map(|name| (name.clone(), size)).collect();
        let fits = |size: &i64| {
            let sizes: Bindings = with(*size);
            let mut each = wanted.iter();
            each.all(|(dim, want)| dim.evaluate(&sizes).is_ok_and(|made| made == *want as i64))
        };
        let usual = USUAL_SIZES.iter().copied().find(fits);
        let any = usual.or_else(|| (1..=SIDE_MAX).find(fits));
        any.map(with)
    }
}

/// Sides of images that models are trained on, the most usual ones first.
const USUAL_SIZES: &[i64] =
    &[224, 299, 32, 28, 227, 256, 64, 96, 112, 128, 160, 192, 320, 331, 384, 416, 448, 512, 608];

/// Longest side that is tried.
const SIDE_MAX: i64 = 2048;

/// Is it the name of a parameter, by what layers call theirs?
fn is_parameter(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "weight",
        "bias",
        "gamma",
        "beta",
        "moving_mean",
        "moving_var",
        "running_mean",
        "running_var",
        "parameters",
    ];
    ENDS.iter().any(|end| name.ends_with(end))
}
