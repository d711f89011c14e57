//! What lies beside the graph: variables in a checkpoint, what fills lookup tables, and files whose
//! names nodes hold. Which variable a node is, the nodes tell that would restore it.

use super::bundle::Bundle;
use super::graph::{Model, Named, Scope, called, values};
use super::proto::{AssetFileDef, NodeDef};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// What fills a table.
#[derive(Clone, Copy)]
pub(super) struct Filling<'a> {
    /// The nodes among which the one lies that fills it.
    pub(super) scope: &'a Scope<'a>,
    /// That node.
    pub(super) node: &'a NodeDef,
    /// The node of the graph that calls the function, where it lies in one.
    pub(super) call: Option<&'a NodeDef>,
}

/// What lies beside a graph.
pub(super) struct Resources<'a> {
    pub(super) bundle: Option<Bundle>,
    /// Keys in the checkpoint by nodes of variables.
    keys: HashMap<&'a str, String>,
    fillings: HashMap<&'a str, Filling<'a>>,
    /// Files by the nodes that hold their names.
    assets: HashMap<&'a str, PathBuf>,
}

/// Nodes that give a variable its value.
const ASSIGN: [&str; 2] = ["AssignVariableOp", "Assign"];

/// Nodes that fill a table: from tensors, or from a file.
const FILL: [&str; 5] = [
    "LookupTableImportV2",
    "InitializeTableV2",
    "InitializeTable",
    "InitializeTableFromTextFileV2",
    "InitializeTableFromTextFile",
];

impl<'a> Resources<'a> {
    pub(super) fn of(
        model: &'a Model<'a>,
        bundle: Option<Bundle>,
        files: &'a [AssetFileDef],
        folder: Option<&Path>,
    ) -> Resources<'a> {
        let mut made = Resources {
            bundle,
            keys: HashMap::new(),
            fillings: HashMap::new(),
            assets: HashMap::new(),
        };
        for scope in std::iter::once(&model.main).chain(model.functions.values()) {
            let calls = calls(model, scope);
            for node in scope.nodes {
                made.note(model, scope, node, &calls);
            }
        }
        for file in files {
            let holder = file.tensor_info.as_ref().map(|info| info.name.as_str());
            let holder = holder.and_then(|name| name.split(':').next());
            // Only what lies in the folder of the model.
            let is_plain = Path::new(&file.filename)
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if let (Some(holder), Some(folder), true) = (holder, folder, is_plain) {
                made.assets.insert(holder, folder.join("assets").join(&file.filename));
            }
        }
        made
    }

    /// Notes what a node says of variables and tables.
    fn note(
        &mut self,
        model: &'a Model<'a>,
        scope: &'a Scope<'a>,
        node: &'a NodeDef,
        calls: &[&'a NodeDef],
    ) {
        let Some(target) = values(node).next() else { return };
        if ASSIGN.contains(&node.op.as_str()) {
            let value = values(node).nth(1).and_then(|value| restored(scope, value));
            let Some(key) = value else { return };
            for (name, _) in holders(model, scope, target, calls) {
                self.keys.insert(name, key.clone());
            }
        } else if FILL.contains(&node.op.as_str()) {
            for (name, call) in holders(model, scope, target, calls) {
                self.fillings.insert(name, Filling { scope, node, call });
            }
        }
    }

    /// The key of a variable in the checkpoint: that of the node, or the name that it shares.
    pub(super) fn key(&self, node: &str, shared: Option<&str>) -> Option<String> {
        let named = self.keys.get(node).cloned();
        let bundle = self.bundle.as_ref()?;
        named.or_else(|| {
            let own = [shared.unwrap_or(node), node];
            own.iter().find(|name| bundle.has(name)).map(|name| name.to_string())
        })
    }

    /// What fills the table that a node makes.
    pub(super) fn filling(&self, node: &str) -> Option<Filling<'a>> {
        self.fillings.get(node).copied()
    }

    /// The file whose name an input of a filling holds.
    pub(super) fn file(&self, model: &Model<'a>, filling: &Filling<'a>) -> Option<&Path> {
        let input = values(filling.node).nth(1)?;
        let calls: Vec<&NodeDef> = filling.call.into_iter().collect();
        let holders = holders(model, filling.scope, input, &calls);
        holders.first().and_then(|(name, _)| self.assets.get(name)).map(PathBuf::as_path)
    }
}

/// The nodes of the graph itself that call the function of a scope.
fn calls<'a>(model: &Model<'a>, scope: &Scope<'a>) -> Vec<&'a NodeDef> {
    let signature = scope.function.and_then(|function| function.signature.as_ref());
    let Some(signature) = signature else { return Vec::new() };
    let is_call = |node: &&NodeDef| called(node, "f") == Some(signature.name.as_str());
    model.main.nodes.iter().filter(is_call).collect()
}

/// The nodes of the graph itself that a value of some scope is of, each with the call through which
/// it comes.
fn holders<'a>(
    model: &Model<'a>,
    scope: &Scope<'a>,
    name: &str,
    calls: &[&'a NodeDef],
) -> Vec<(&'a str, Option<&'a NodeDef>)> {
    match scope.source(name) {
        Some(Named::Output { node, .. }) => vec![(scope.nodes[node].name.as_str(), None)],
        Some(Named::Argument(at)) => {
            let given = calls.iter().filter_map(|call| {
                let given = values(call).nth(at)?;
                match model.main.source(given)? {
                    Named::Output { node, .. } => {
                        Some((model.main.nodes[node].name.as_str(), Some(*call)))
                    }
                    Named::Argument(_) => None,
                }
            });
            given.collect()
        }
        None => Vec::new(),
    }
}

/// The key of the checkpoint that a value is restored from.
fn restored(scope: &Scope<'_>, name: &str) -> Option<String> {
    let Named::Output { node, index, .. } = scope.source(name)? else { return None };
    let node = &scope.nodes[node];
    if node.op != "RestoreV2" {
        return None;
    }
    let Named::Output { node, .. } = scope.source(values(node).nth(1)?)? else { return None };
    let names = scope.nodes[node].attr.get("value")?.tensor.as_ref()?;
    let key = names.string_val.get(index).or_else(|| names.string_val.last())?;
    std::str::from_utf8(key).ok().map(str::to_string)
}
