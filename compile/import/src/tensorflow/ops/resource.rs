//! Variables and lookup tables.

use super::super::call::{Call, Flow, Flows};
use super::super::graph::values;
use super::{Row, flows, row, text};
use crate::build::Operand;
use crate::error::Reason;
use ir::Op;
use operators::gather_nd::GatherNd;
use std::rc::Rc;
use tensor::Value;

pub(super) const ROWS: &[Row] = &[
    flows("VarHandleOp", handle),
    flows("HashTableV2", handle),
    flows("HashTable", handle),
    row("VariableV2", |call| {
        let node = call.node.name.clone();
        Ok(vec![variable(call, &node)?])
    }),
    row("ReadVariableOp", |call| Ok(vec![read(call)?])),
    row("ResourceGather", |call| {
        if call.int("batch_dims").unwrap_or(0) != 0 {
            return Err(call.refuse("batch_dims", "0", "another"));
        }
        let (x, indices) = (read(call)?, call.input(1)?);
        call.emit(Op::Gather { axis: 0 }, &[&x, &indices])
    }),
    row("ResourceGatherNd", |call| {
        let (x, indices) = (read(call)?, call.input(1)?);
        call.emit(Op::Whole(GatherNd { batch_dims: 0 }.into()), &[&x, &indices])
    }),
    row("LookupTableFindV2", text::look_up),
    row("LookupTableFind", text::look_up),
];

/// The node itself, which resources are known by.
fn handle(call: &mut Call<'_, '_>) -> Flows {
    Ok(vec![Flow::Handle(Rc::from(call.node.name.as_str()))])
}

/// The node whose handle is the first input.
pub(super) fn holder(call: &Call<'_, '_>) -> Result<Rc<str>, Reason> {
    match call.flow(0)? {
        Flow::Handle(node) => Ok(node),
        other => Err(Reason::Input {
            input: 0,
            expected: "the handle of a variable or table".to_string(),
            found: other.kind().to_string(),
        }),
    }
}

fn read(call: &mut Call<'_, '_>) -> Result<Operand, Reason> {
    let node = holder(call)?;
    variable(call, &node)
}

/// A variable, read once however often it is taken.
fn variable(call: &mut Call<'_, '_>, node: &str) -> Result<Operand, Reason> {
    let walk = &mut *call.walk;
    if let Some(known) = walk.read.get(node) {
        return Ok(known.clone());
    }
    let scope = &walk.model.main;
    let shared = scope.node(node).and_then(|at| scope.nodes[at].attr.get("shared_name"));
    let shared = shared.and_then(|shared| std::str::from_utf8(shared.s.as_ref()?).ok());
    let missing = |reason: &str| Reason::Tensor { name: node.to_string(), reason: reason.into() };
    let Some(bundle) = &walk.resources.bundle else {
        let reason = "is a variable, and there is no checkpoint beside the graph: give the whole \
                      folder of the SavedModel, or freeze the graph";
        return Err(missing(reason));
    };
    let key = walk.resources.key(node, shared.filter(|shared| !shared.is_empty()));
    let key = key.ok_or_else(|| missing("is a variable that the checkpoint does not hold"))?;
    let made = match bundle.read(&key, &walk.build.budget)? {
        Value::Tensor(tensor) => Operand::constant(node, tensor),
        text => walk.build.literal(&text)?,
    };
    walk.read.insert(Rc::from(node), made.clone());
    Ok(made)
}

/// What a table is filled with: keys and values, or the lines of a file.
pub(super) enum Filled {
    /// Keys and values as the graph makes them.
    Tensors([Operand; 2]),
    /// The lines of a file, and what makes keys and values of them.
    File(Vec<String>, Columns),
}

/// Which part of a line is the key, and which the value: -2 is the whole line, -1 its number.
pub(super) struct Columns {
    pub(super) key: i64,
    pub(super) value: i64,
    pub(super) delimiter: String,
}

/// Largest file of a table, in bytes: some million words.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What fills the table that is the first input.
pub(super) fn filled(call: &mut Call<'_, '_>) -> Result<Filled, Reason> {
    let table = holder(call)?;
    let walk = &mut *call.walk;
    let refused = |reason: String| Reason::Tensor { name: table.to_string(), reason };
    let filling = walk.resources.filling(&table);
    let filling = filling.ok_or_else(|| refused("is a table that nothing fills".to_string()))?;
    let node = filling.node;
    if node.op.starts_with("InitializeTableFromTextFile") {
        let path = walk.resources.file(walk.model, &filling);
        let path = path.ok_or_else(|| {
            refused("is filled from a file that is none of the model's assets".to_string())
        })?;
        let failed = |error| refused(format!("{}: {error}", path.display()));
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > FILE_BYTES_MAX {
            return Err(refused(format!("{}: takes {length} bytes", path.display())));
        }
        walk.build.budget.take(usize::try_from(length).ok())?;
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let attribute = |name: &str| node.attr.get(name);
        let integer = |name: &str| attribute(name).and_then(|value| value.i).unwrap_or(0);
        let skipped = usize::try_from(integer("offset")).unwrap_or(0);
        let delimiter = attribute("delimiter").and_then(|value| value.s.as_ref());
        let delimiter = delimiter.and_then(|text| String::from_utf8(text.to_vec()).ok());
        let columns = Columns {
            key: integer("key_index"),
            value: integer("value_index"),
            delimiter: delimiter.unwrap_or_else(|| "\t".to_string()),
        };
        let lines = text.lines().skip(skipped).map(str::to_string).collect();
        return Ok(Filled::File(lines, columns));
    }
    let own = walk.build.node.clone();
    let model = walk.model;
    let args = match filling.call {
        Some(call) => walk.inside(&model.main, Vec::new(), &values(call).collect::<Vec<_>>())?,
        None => Some(Vec::new()),
    };
    let names: Vec<&str> = values(node).skip(1).take(2).collect();
    let made = match args {
        Some(args) => walk.inside(filling.scope, args, &names)?,
        None => None,
    };
    walk.build.node = own;
    let made = made.unwrap_or_default().into_iter().map(|flow| match flow {
        Flow::Tensor(operand) => Some(operand),
        _ => None,
    });
    let made = made.collect::<Option<Vec<Operand>>>().and_then(|made| made.try_into().ok());
    let made: [Operand; 2] = made.ok_or_else(|| refused("is filled with what is none".into()))?;
    Ok(Filled::Tensors(made))
}
