//! Models of a few nodes, written as the protocol buffers of ONNX: valid ones, and ones that no
//! exporter would write.

/// Number of the element type `f32`.
pub const F32: u64 = 1;
/// Number of the element type `i32`.
pub const I32: u64 = 6;
/// Number of the element type `i64`.
pub const I64: u64 = 7;
/// Number of the element type `bool`.
pub const BOOL: u64 = 9;
/// Number of the element type `f16`.
pub const F16: u64 = 10;
/// Number of the element type `f64`.
pub const F64: u64 = 11;

/// A model in the making. Parts come in any order; nodes keep theirs.
#[derive(Debug, Clone)]
pub struct Model {
    graph: Vec<u8>,
    opset: u64,
    further: Vec<u8>,
}

impl Model {
    /// A model of nothing, of this version of the standard operators.
    pub fn new(opset: u64) -> Model {
        Model { graph: bytes(2, b"model"), opset, further: Vec::new() }
    }

    /// A value that the caller gives. A size is a number, the name of one, or `?`.
    pub fn input(self, name: &str, dtype: u64, shape: &[&str]) -> Model {
        self.part(11, &port(name, dtype, shape))
    }

    /// A value that the caller gets.
    pub fn output(self, name: &str, dtype: u64, shape: &[&str]) -> Model {
        self.part(12, &port(name, dtype, shape))
    }

    /// The type of a value in between.
    pub fn declare(self, name: &str, dtype: u64, shape: &[&str]) -> Model {
        self.part(13, &port(name, dtype, shape))
    }

    /// A weight with these bytes.
    pub fn weight(self, name: &str, dtype: u64, dims: &[i64], raw: &[u8]) -> Model {
        self.part(5, &tensor(name, dtype, dims, raw))
    }

    /// A weight that is a vector of `i64`.
    pub fn integers(self, name: &str, values: &[i64]) -> Model {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.weight(name, I64, &[values.len() as i64], &raw)
    }

    /// A weight whose bytes are in another file.
    pub fn external(self, name: &str, dtype: u64, dims: &[i64], entries: &[(&str, &str)]) -> Model {
        let mut weight = tensor(name, dtype, dims, &[]);
        for (key, value) in entries {
            let entry = [bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat();
            weight.extend(bytes(13, &entry));
        }
        weight.extend(number(14, 1));
        self.part(5, &weight)
    }

    /// An operator of domain `own` that is made of one node of another operator of that domain.
    pub fn function(mut self, name: &str, inner: &str) -> Model {
        let body = [bytes(1, b"a"), bytes(2, b"b"), bytes(4, inner.as_bytes()), bytes(7, b"own")];
        let parts = [
            bytes(1, name.as_bytes()),
            bytes(4, b"a"),
            bytes(5, b"b"),
            bytes(7, &body.concat()),
            bytes(9, &[bytes(1, b"own"), number(2, 1)].concat()),
            bytes(10, b"own"),
        ];
        self.further.extend(bytes(25, &parts.concat()));
        self
    }

    /// A node, named like its first output.
    pub fn node(
        self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[Vec<u8>],
    ) -> Model {
        let (domain, operator) = operator.rsplit_once('.').unwrap_or(("", operator));
        let mut node = Vec::new();
        inputs.iter().for_each(|name| node.extend(bytes(1, name.as_bytes())));
        outputs.iter().for_each(|name| node.extend(bytes(2, name.as_bytes())));
        node.extend(bytes(3, outputs.first().unwrap_or(&"").as_bytes()));
        node.extend(bytes(4, operator.as_bytes()));
        attributes.iter().for_each(|attribute| node.extend(bytes(5, attribute)));
        if !domain.is_empty() {
            node.extend(bytes(7, domain.as_bytes()));
        }
        self.part(1, &node)
    }

    /// Any field of the graph, by its number.
    pub fn part(mut self, field: u64, content: &[u8]) -> Model {
        self.graph.extend(bytes(field, content));
        self
    }

    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let opset = bytes(8, &number(2, self.opset));
        [number(1, 8), bytes(7, &self.graph), opset, self.further.clone()].concat()
    }
}

/// An attribute that is an integer.
pub fn int(name: &str, value: i64) -> Vec<u8> {
    [bytes(1, name.as_bytes()), number(3, value as u64), number(20, 2)].concat()
}

/// An attribute that is a list of integers.
pub fn ints(name: &str, values: &[i64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&v| number(8, v as u64)).collect();
    [bytes(1, name.as_bytes()), values, number(20, 7)].concat()
}

/// An attribute that is a graph: that of another model.
pub fn graph(name: &str, model: &Model) -> Vec<u8> {
    [bytes(1, name.as_bytes()), bytes(6, &model.graph), number(20, 5)].concat()
}

/// A chain of operators from `x`, two f32, to `y`, two elements of type `to`: a cast to that type
/// and then these operators without attributes. The nodes are named like their operators.
pub fn chain(to: u64, operators: &[&str]) -> Vec<u8> {
    let mut model = Model::new(17).input("x", F32, &["2"]).output("y", to, &["2"]);
    let mut value = "x".to_string();
    for (at, operator) in std::iter::once(&"Cast").chain(operators).enumerate() {
        let made = if at == operators.len() { "y".to_string() } else { format!("v{at}") };
        let cast = int("to", to as i64);
        let node = [
            bytes(1, value.as_bytes()),
            bytes(2, made.as_bytes()),
            bytes(3, operator.as_bytes()),
            bytes(4, operator.as_bytes()),
            if at == 0 { bytes(5, &cast) } else { Vec::new() },
        ];
        model = model.part(1, &node.concat());
        value = made;
    }
    model.encode()
}

fn port(name: &str, dtype: u64, shape: &[&str]) -> Vec<u8> {
    let size = |size: &&str| match size.parse::<i64>() {
        Ok(size) => bytes(1, &number(1, size as u64)),
        Err(_) if *size == "?" => bytes(1, b""),
        Err(_) => bytes(1, &bytes(2, size.as_bytes())),
    };
    let shape: Vec<u8> = shape.iter().flat_map(size).collect();
    let tensor = [number(1, dtype), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// A `TensorProto`.
pub fn tensor(name: &str, dtype: u64, dims: &[i64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&d| number(1, d as u64)).collect();
    [dims, number(2, dtype), bytes(8, name.as_bytes()), bytes(9, raw)].concat()
}

/// A field that is a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field that is text, a message or other bytes.
pub fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A number, seven bits in a byte.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
