//! Reading. The text and its blobs are foreign: whatever is wrong with them is an error that
//! names the line, and nothing is allocated beyond their own size save what
//! [`super::SPLAT_BYTES_MAX`] allows.

use super::{SPLAT_BYTES_MAX, elements};
use crate::{Fact, Graph, GraphError, Op, ValueId};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::iter::Enumerate;
use std::str::Lines;
use tensor::{DType, Dim, DimTextError, Tensor, TensorError};

/// Why text is not a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct TextError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Something else should stand here.
    #[error("expected {expected}, found `{found}`")]
    Expected {
        /// What could stand here.
        expected: &'static str,
        /// The start of what does.
        found: String,
    },
    /// A size is not a dimension.
    #[error(transparent)]
    Dim(#[from] DimTextError),
    /// There is no such operator, or it has other parameters.
    #[error("operator `{name}`: {message}")]
    Operator {
        /// The name that was read.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A value is taken that no line before has made.
    #[error("%{0} is not made by any line before")]
    Undefined(u32),
    /// Two lines make one value.
    #[error("%{0} is made twice")]
    Duplicate(u32),
    /// A node breaks its operator's rule.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A node does not make what its line says.
    #[error("the operator makes {made:?}, the line says {written:?}")]
    Fact {
        /// By the operator's rule.
        made: Fact,
        /// By the text.
        written: Fact,
    },
    /// A constant's elements do not fit its shape.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A blob lies outside the section.
    #[error("blob({offset}, {length}) lies outside a section of {section} bytes")]
    Blob {
        /// First byte.
        offset: usize,
        /// Bytes.
        length: usize,
        /// Bytes of the section.
        section: usize,
    },
    /// All splat constants together are too large.
    #[error("splat constants have more than {SPLAT_BYTES_MAX} bytes together; use blobs")]
    Splats,
}

/// Reads the text that [`super::print`] made, or that a person wrote.
pub fn parse(text: &str, blobs: &[u8]) -> Result<Graph, TextError> {
    let mut source = Source { lines: text.lines().enumerate(), blobs, splat_bytes: 0, depth: 0 };
    source.graph()
}

/// How deep graphs may lie in each other, so that hostile text cannot exhaust the stack. Deeper
/// than the importers make them.
const DEPTH_MAX: usize = 64;

/// What is left of the text.
struct Source<'a> {
    lines: Enumerate<Lines<'a>>,
    blobs: &'a [u8],
    splat_bytes: usize,
    /// Graphs around the one that is being read.
    depth: usize,
}

impl<'a> Source<'a> {
    /// The next line that says something, and its number.
    fn line(&mut self) -> Option<(usize, &'a str)> {
        let mut lines = self.lines.by_ref().map(|(index, line)| (index + 1, line.trim()));
        lines.find(|(_, line)| !line.is_empty() && !line.starts_with("//"))
    }

    /// A graph up to the end of the text, or of the body that it is.
    fn graph(&mut self) -> Result<Graph, TextError> {
        let (graph, values) = (Graph::new(""), HashMap::new());
        let mut parser = Parser { graph, values, source: self };
        while let Some((number, line)) = parser.source.line() {
            if line == "}" && parser.source.depth > 0 {
                return Ok(parser.graph);
            }
            parser.line(line, number)?;
        }
        Ok(parser.graph)
    }

    /// The graphs that stand behind a node, each between `{` and `}`.
    fn bodies(&mut self, count: usize) -> Result<Vec<Graph>, TextError> {
        let mut bodies = Vec::new();
        for _ in 0..count {
            let (line, text) = self.line().unwrap_or((0, ""));
            if text != "{" || self.depth == DEPTH_MAX {
                let expected = "`{` and a graph that is not too deep";
                let found = text.chars().take(20).collect();
                return Err(TextError { line, cause: Cause::Expected { expected, found } });
            }
            self.depth += 1;
            bodies.push(self.graph()?);
            self.depth -= 1;
        }
        Ok(bodies)
    }
}

struct Parser<'s, 'a> {
    graph: Graph,
    /// By the number in the text.
    values: HashMap<u32, ValueId>,
    source: &'s mut Source<'a>,
}

impl Parser<'_, '_> {
    fn line(&mut self, line: &str, number: usize) -> Result<(), TextError> {
        let at_line = |cause| TextError { line: number, cause };
        if !line.starts_with('%') {
            return self.statement(line).map_err(at_line);
        }
        let mut cursor = Cursor(line);
        let mut node = self.node(&mut cursor).map_err(at_line)?;
        node.bodies = self.source.bodies(node.op.bodies())?;
        self.add(node).map_err(at_line)
    }

    fn statement(&mut self, line: &str) -> Result<(), Cause> {
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut cursor = Cursor(rest);
        match keyword {
            "graph" => self.graph.name = cursor.names()?.0,
            "input" => {
                let (number, fact) = cursor.declared()?;
                let name = cursor.names()?.0;
                let id = self.graph.input(&name, fact.dtype, fact.shape);
                self.define(number, id)?;
            }
            "const" => {
                let (number, fact) = cursor.declared()?;
                let tensor = self.constant(&fact, &mut cursor)?;
                let name = cursor.names()?.0;
                let id = self.graph.constant(&name, tensor);
                self.define(number, id)?;
            }
            "output" => {
                let id = self.value(cursor.value()?)?;
                let name = cursor.names()?.0;
                self.graph.output(&name, id);
            }
            _ => return Err(Cursor(line).expected("`graph`, `input`, `const`, `output` or `%`")),
        }
        Ok(())
    }

    /// `%4 = conv(%0, %1) {…} : f32[n, 8] # name`
    fn node(&mut self, cursor: &mut Cursor<'_>) -> Result<Written, Cause> {
        let mut numbers = vec![cursor.value()?];
        while cursor.take(',') {
            numbers.push(cursor.value()?);
        }
        cursor.require('=', "`=`")?;
        let name = cursor.word("an operator")?;
        cursor.require('(', "`(`")?;
        let mut inputs = Vec::new();
        while !cursor.take(')') {
            if !inputs.is_empty() {
                cursor.require(',', "`,` or `)`")?;
            }
            inputs.push(self.value(cursor.value()?)?);
        }
        let parameters = cursor.json()?;
        let op = operator(name, parameters)?;
        let mut written = Vec::new();
        if cursor.take(':') {
            written.push(cursor.fact()?);
            while cursor.take(',') {
                written.push(cursor.fact()?);
            }
        }
        let names = cursor.names()?;
        Ok(Written { numbers, op, inputs, facts: written, names, bodies: Vec::new() })
    }

    fn add(&mut self, node: Written) -> Result<(), Cause> {
        let Written { numbers, op, inputs, facts, names: (name, value), bodies } = node;
        let first = self.graph.add_with(&name, op, &inputs, bodies)?;
        self.graph.values[first.0 as usize].name = value;
        let ids: Vec<ValueId> = self.graph.nodes.last().map_or(vec![], |n| n.outputs().collect());
        if ids.len() != numbers.len() || !(facts.is_empty() || facts.len() == ids.len()) {
            let found = format!("{} values", numbers.len());
            let expected = "as many values as the operator makes";
            return Err(Cause::Expected { expected, found });
        }
        for (&id, written) in ids.iter().zip(facts) {
            let made = self.graph.fact(id);
            if written != made {
                return Err(Cause::Fact { made, written });
            }
        }
        numbers.into_iter().zip(ids).try_for_each(|(number, id)| self.define(number, id))
    }

    /// `[1, 2]`, `splat(1)` or `blob(0, 8)`
    fn constant(&mut self, fact: &Fact, cursor: &mut Cursor<'_>) -> Result<Tensor, Cause> {
        let sizes: Option<Vec<usize>> = fact.shape.iter().map(Dim::known_size).collect();
        let shape = sizes.ok_or_else(|| cursor.expected("a constant of known sizes"))?;
        if cursor.take('[') {
            let (listed, rest) =
                cursor.0.split_once(']').ok_or_else(|| cursor.expected("`]` at the end"))?;
            let mut bytes = Vec::new();
            for element in listed.split(',').map(str::trim).filter(|e| !e.is_empty()) {
                bytes.extend(element_of(fact.dtype, element)?);
            }
            cursor.0 = rest;
            return Ok(Tensor::from_bytes(fact.dtype, &shape, &bytes)?);
        }
        match cursor.word("`[`, `splat` or `blob`")? {
            "splat" => {
                cursor.require('(', "`(`")?;
                let (element, rest) =
                    cursor.0.split_once(')').ok_or_else(|| cursor.expected("`)` at the end"))?;
                cursor.0 = rest;
                let element = element_of(fact.dtype, element.trim())?;
                self.splat(fact.dtype, &shape, &element)
            }
            "blob" => {
                cursor.require('(', "`(`")?;
                let offset = cursor.number("an offset in bytes")?;
                cursor.require(',', "`,`")?;
                let length = cursor.number("a length in bytes")?;
                cursor.require(')', "`)`")?;
                let section = self.source.blobs.len();
                let end = offset.checked_add(length);
                let bytes = end.and_then(|end| self.source.blobs.get(offset..end));
                let bytes = bytes.ok_or(Cause::Blob { offset, length, section })?;
                Ok(Tensor::from_bytes(fact.dtype, &shape, bytes)?)
            }
            _ => Err(cursor.expected("`[`, `splat` or `blob`")),
        }
    }

    fn splat(&mut self, dtype: DType, shape: &[usize], element: &[u8]) -> Result<Tensor, Cause> {
        let bytes = tensor::element_count(shape).and_then(|n| n.checked_mul(dtype.size()));
        let total = bytes.and_then(|bytes| bytes.checked_add(self.source.splat_bytes));
        self.source.splat_bytes = total.filter(|&n| n <= SPLAT_BYTES_MAX).ok_or(Cause::Splats)?;
        let mut tensor = Tensor::zeros(dtype, shape)?;
        for place in tensor.bytes_mut().chunks_exact_mut(element.len()) {
            place.copy_from_slice(element);
        }
        Ok(tensor)
    }

    fn value(&self, number: u32) -> Result<ValueId, Cause> {
        self.values.get(&number).copied().ok_or(Cause::Undefined(number))
    }

    fn define(&mut self, number: u32, id: ValueId) -> Result<(), Cause> {
        match self.values.insert(number, id) {
            Some(_) => Err(Cause::Duplicate(number)),
            None => Ok(()),
        }
    }
}

/// A node as its line says it.
struct Written {
    numbers: Vec<u32>,
    op: Op,
    inputs: Vec<ValueId>,
    facts: Vec<Fact>,
    /// Of the node, and of its first value.
    names: (String, String),
    bodies: Vec<Graph>,
}

fn element_of(dtype: DType, text: &str) -> Result<Vec<u8>, Cause> {
    let found = text.chars().take(20).collect();
    elements::read(dtype, text).ok_or(Cause::Expected { expected: "an element", found })
}

/// The operator of this name, which may be that of a scalar function.
fn operator(name: &str, parameters: Option<&str>) -> Result<Op, Cause> {
    let named = match parameters {
        Some(parameters) => format!("{{\"{name}\":{parameters}}}"),
        None => format!("\"{name}\""),
    };
    let family = |family: &str| format!("{{\"{family}\":{named}}}");
    let forms = [named.clone(), family("unary"), family("binary"), family("whole")];
    let mut message = "unknown operator".to_string();
    for form in forms {
        match serde_json::from_str(&form) {
            Ok(op) => return Ok(op),
            // The form in which the name is known says what is wrong with the parameters.
            Err(error) if error.to_string().contains("unknown variant") => {}
            Err(error) => message = error.to_string(),
        }
    }
    Err(Cause::Operator { name: name.to_string(), message })
}

/// What is left of a line.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    /// `%0 : f32[2, 3]`
    fn declared(&mut self) -> Result<(u32, Fact), Cause> {
        let number = self.value()?;
        self.require(':', "`:`")?;
        Ok((number, self.fact()?))
    }

    /// `f32[2, 3]`
    fn fact(&mut self) -> Result<Fact, Cause> {
        let start = Cursor(self.0);
        let dtype = DType::from_name(self.word("an element type")?);
        let dtype = dtype.ok_or_else(|| start.expected("an element type"))?;
        self.require('[', "`[`")?;
        let mut shape = Vec::new();
        while !self.take(']') {
            if !shape.is_empty() {
                self.require(',', "`,` or `]`")?;
            }
            let (dim, rest) = Dim::parse_prefix(self.0)?;
            self.0 = rest;
            shape.push(dim);
        }
        Ok(Fact { dtype, shape })
    }

    /// `%4`
    fn value(&mut self) -> Result<u32, Cause> {
        self.require('%', "`%`")?;
        let number = self.number("the number of a value")?;
        u32::try_from(number).map_err(|_| self.expected("the number of a value"))
    }

    fn number(&mut self, expected: &'static str) -> Result<usize, Cause> {
        self.trim();
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let number = self.0[..end].parse().map_err(|_| self.expected(expected))?;
        self.0 = &self.0[end..];
        Ok(number)
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, Cause> {
        self.trim();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.0.find(|c| !is_word(c)).unwrap_or(self.0.len());
        if end == 0 {
            return Err(self.expected(expected));
        }
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(word)
    }

    /// The JSON value that stands here, if one does.
    fn json(&mut self) -> Result<Option<&'a str>, Cause> {
        self.trim();
        if !self.0.starts_with(['{', '[', '"']) {
            return Ok(None);
        }
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter::<&RawValue>();
        let value = values.next().and_then(Result::ok);
        let value = value.ok_or_else(|| self.expected("parameters in JSON"))?;
        self.0 = &self.0[values.byte_offset()..];
        Ok(Some(value.get()))
    }

    /// The names after `#`, of a node and of its value, to the end of the line.
    fn names(&mut self) -> Result<(String, String), Cause> {
        self.trim();
        if self.0.is_empty() {
            return Ok((String::new(), String::new()));
        }
        self.require('#', "`#` and a name, or the end of the line")?;
        self.trim();
        if !self.0.starts_with('"') {
            return Ok((self.0.to_string(), self.0.to_string()));
        }
        let names = serde_json::Deserializer::from_str(self.0).into_iter::<String>();
        let names: Result<Vec<String>, _> = names.take(3).collect();
        match names.map_err(|_| self.expected("a JSON string"))?.as_slice() {
            [both] => Ok((both.clone(), both.clone())),
            [node, value] => Ok((node.clone(), value.clone())),
            _ => Err(self.expected("one name or two")),
        }
    }

    fn trim(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.trim();
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn require(&mut self, wanted: char, expected: &'static str) -> Result<(), Cause> {
        if self.take(wanted) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn expected(&self, expected: &'static str) -> Cause {
        Cause::Expected { expected, found: self.0.chars().take(20).collect() }
    }
}
