//! Models of a few nodes, written as the protocol buffers of ONNX.

/// Numbers of ONNX's element types.
pub(crate) const F32: u64 = 1;
pub(crate) const F16: u64 = 10;
pub(crate) const F64: u64 = 11;

/// A chain of operators from `x`, two f32, to `y`, two elements of type `to`: a cast to that type
/// and then these operators without attributes. The nodes are named like their operators.
pub(crate) fn chain(to: u64, operators: &[&str]) -> Vec<u8> {
    let value = |at: usize| match at {
        0 => "x".to_string(),
        _ if at == operators.len() + 1 => "y".to_string(),
        _ => format!("v{at}"),
    };
    let node = |at: usize, operator: &str, attributes: &[u8]| {
        let (input, output) = (value(at), value(at + 1));
        let parts = [
            bytes(1, input.as_bytes()),
            bytes(2, output.as_bytes()),
            bytes(3, operator.as_bytes()),
            bytes(4, operator.as_bytes()),
            attributes.to_vec(),
        ];
        bytes(1, &parts.concat())
    };
    let cast_to = [bytes(1, b"to"), number(3, to), number(20, 2)].concat();
    let mut graph = node(0, "Cast", &bytes(5, &cast_to));
    for (at, operator) in operators.iter().enumerate() {
        graph.extend(node(at + 1, operator, &[]));
    }
    graph.extend(bytes(2, b"chain"));
    graph.extend(bytes(11, &port("x", F32)));
    graph.extend(bytes(12, &port("y", to)));
    [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat()
}

fn port(name: &str, dtype: u64) -> Vec<u8> {
    let shape = bytes(1, &number(1, 2));
    let tensor = [number(1, dtype), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
