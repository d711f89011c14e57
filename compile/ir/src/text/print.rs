//! Printing.

use super::{BLOB_ALIGNMENT, LISTED_MAX, SPLAT_BYTES_MAX, elements};
use crate::{Graph, Op, ValueId};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use tensor::{DType, Dim, Tensor};

/// A graph as text, with the bytes of its large constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// One line for each value.
    pub text: String,
    /// What `blob(offset, length)` in the text points into.
    pub blobs: Vec<u8>,
}

/// Prints a graph. Values that no node and no output takes are left out.
///
/// ```
/// use ir::{Graph, Op, text};
/// use tensor::{DType, Dim, scalar::Unary};
///
/// let mut graph = Graph::new("tiny");
/// let x = graph.input("x", DType::F32, vec![Dim::symbol("n")]);
/// let y = graph.add("act", Op::Unary(Unary::Relu), &[x]).unwrap();
/// graph.output("y", y);
/// let printed = text::print(&graph);
/// assert_eq!(
///     printed.text,
///     "graph # tiny\ninput %0 : f32[n] # x\n%1 = relu(%0) : f32[n] # act\noutput %1 # y\n",
/// );
/// assert_eq!(text::print(&text::parse(&printed.text, &printed.blobs).unwrap()), printed);
/// ```
pub fn print(graph: &Graph) -> Text {
    let mut text = String::new();
    let mut blobs = Blobs { bytes: Some(Vec::new()), len: 0, splat_bytes: 0 };
    write_graph(&mut text, graph, &mut blobs).expect("a string can always be written to");
    Text { text, blobs: blobs.bytes.unwrap_or_default() }
}

/// The text that [`print()`] makes, without the bytes that it points to.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_graph(f, self, &mut Blobs { bytes: None, len: 0, splat_bytes: 0 })
    }
}

/// The section of blobs: its bytes where they are wanted, else its length only.
struct Blobs {
    bytes: Option<Vec<u8>>,
    len: usize,
    splat_bytes: usize,
}

impl Blobs {
    fn add(&mut self, bytes: &[u8]) -> usize {
        let offset = self.len.next_multiple_of(BLOB_ALIGNMENT);
        self.len = offset + bytes.len();
        if let Some(all) = &mut self.bytes {
            all.resize(offset, 0);
            all.extend_from_slice(bytes);
        }
        offset
    }
}

fn write_graph(out: &mut impl Write, graph: &Graph, blobs: &mut Blobs) -> fmt::Result {
    writeln!(out, "graph{}", Names(&graph.name, &graph.name))?;
    for &id in &graph.inputs {
        writeln!(out, "input {}{}", Declared(graph, id), names_of(graph, id))?;
    }
    let mut is_printed = vec![false; graph.values.len()];
    for node in &graph.nodes {
        for &id in &node.inputs {
            write_constant(out, graph, id, blobs, &mut is_printed)?;
        }
        let (name, parameters) = operator(&node.op);
        let inputs: Vec<String> = node.inputs.iter().map(|id| format!("%{}", id.0)).collect();
        let made: Vec<String> = node.outputs().map(|id| format!("%{}", id.0)).collect();
        write!(out, "{} = {name}({})", made.join(", "), inputs.join(", "))?;
        if let Some(parameters) = parameters {
            write!(out, " {parameters}")?;
        }
        for (at, id) in node.outputs().enumerate() {
            let made = graph.value(id);
            let mark = if at == 0 { " :" } else { "," };
            write!(out, "{mark} {}", Type(made.dtype, &made.shape))?;
        }
        writeln!(out, "{}", Names(&node.name, &graph.value(node.output).name))?;
        for body in &node.bodies {
            let mut text = String::new();
            write_graph(&mut text, body, blobs)?;
            writeln!(out, "{{")?;
            text.lines().try_for_each(|line| writeln!(out, "  {line}"))?;
            writeln!(out, "}}")?;
        }
    }
    for output in &graph.outputs {
        write_constant(out, graph, output.value, blobs, &mut is_printed)?;
    }
    for output in &graph.outputs {
        writeln!(out, "output %{}{}", output.value.0, Names(&output.name, &output.name))?;
    }
    Ok(())
}

/// A constant is printed before the first line that takes it.
fn write_constant(
    out: &mut impl Write,
    graph: &Graph,
    id: ValueId,
    blobs: &mut Blobs,
    is_printed: &mut [bool],
) -> fmt::Result {
    let Some(tensor) = graph.known(id) else { return Ok(()) };
    if std::mem::replace(&mut is_printed[id.0 as usize], true) {
        return Ok(());
    }
    write!(out, "const {} ", Declared(graph, id))?;
    if tensor.len() <= LISTED_MAX
        && let Some(listed) = elements::write(tensor)
        && (listed.len() < 2 || listed.iter().any(|e| e != &listed[0]))
    {
        write!(out, "[{}]", listed.join(", "))?;
    } else if blobs.splat_bytes.saturating_add(tensor.bytes().len()) <= SPLAT_BYTES_MAX
        && let Some(element) = splat(tensor)
    {
        blobs.splat_bytes += tensor.bytes().len();
        write!(out, "splat({element})")?;
    } else {
        let offset = blobs.add(tensor.bytes());
        write!(out, "blob({offset}, {})", tensor.bytes().len())?;
    }
    writeln!(out, "{}", names_of(graph, id))
}

/// The one element, when all are equal and it can be written.
fn splat(tensor: &Tensor) -> Option<String> {
    let size = tensor.dtype().size();
    let (first, rest) = tensor.bytes().split_at_checked(size)?;
    if rest.chunks_exact(size).any(|element| element != first) {
        return None;
    }
    elements::write(&Tensor::from_bytes(tensor.dtype(), &[], first).ok()?)?.pop()
}

/// The operator's name and its parameters in JSON.
fn operator(op: &Op) -> (String, Option<String>) {
    let mut json = serde_json::to_string(op).expect("operators have string keys only");
    loop {
        if let Ok(name) = serde_json::from_str::<String>(&json) {
            return (name, None);
        }
        let variant: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&json).expect("a variant is an object of one key");
        let (name, parameters) = variant.into_iter().next().expect("a variant has a name");
        let is_family =
            matches!(op, Op::Unary(_) | Op::Binary(_) | Op::Whole(_)) && name == op.name();
        json = parameters.to_string();
        if !is_family {
            return (name, Some(json));
        }
    }
}

fn names_of(graph: &Graph, id: ValueId) -> Names<'_> {
    let name = &graph.value(id).name;
    Names(name, name)
}

/// `%0 : f32[2, 3]`
struct Declared<'a>(&'a Graph, ValueId);

impl fmt::Display for Declared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.value(self.1);
        write!(f, "%{} : {}", self.1.0, Type(value.dtype, &value.shape))
    }
}

/// `f32[2, 3]`
struct Type<'a>(DType, &'a [Dim]);

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.0)?;
        for (i, dim) in self.1.iter().enumerate() {
            write!(f, "{}{dim}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str("]")
    }
}

/// The name of a node and that of its value; for other lines, the same name twice.
struct Names<'a>(&'a str, &'a str);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names(node, value) = *self;
        let json = |name: &str| serde_json::to_string(name).expect("a string can be written");
        let is_plain = |name: &str| {
            name.trim() == name && !name.starts_with('"') && !name.contains(char::is_control)
        };
        match node == value {
            true if node.is_empty() => Ok(()),
            true if is_plain(node) => write!(f, " # {node}"),
            true => write!(f, " # {}", json(node)),
            false => write!(f, " # {} {}", json(node), json(value)),
        }
    }
}
