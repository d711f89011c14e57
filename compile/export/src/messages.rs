//! The parts that nodes and graphs are put together from.

use import::onnx::decode::{
    AttributeProto, AttributeType, DimensionProto, GraphProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use tensor::{DType, Dim};

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    let (name, r#type) = (name.to_string(), kind as i32);
    AttributeProto { name, r#type, ..AttributeProto::default() }
}

pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, AttributeType::Int) }
}

pub(crate) fn flag(name: &str, is_set: bool) -> AttributeProto {
    int(name, i64::from(is_set))
}

pub(crate) fn size(name: &str, size: usize) -> AttributeProto {
    int(name, size as i64)
}

pub(crate) fn ints(name: &str, ints: impl IntoIterator<Item = i64>) -> AttributeProto {
    let ints = ints.into_iter().collect();
    AttributeProto { ints, ..attribute(name, AttributeType::Ints) }
}

pub(crate) fn sizes(name: &str, sizes: &[usize]) -> AttributeProto {
    ints(name, sizes.iter().map(|&size| size as i64))
}

/// Elements before the first of every axis and then those behind the last.
pub(crate) fn pads(pads: &[(usize, usize)]) -> AttributeProto {
    let (before, after) = (pads.iter().map(|p| p.0), pads.iter().map(|p| p.1));
    ints("pads", before.chain(after).map(|count| count as i64))
}

pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { f, ..attribute(name, AttributeType::Float) }
}

pub(crate) fn floats(name: &str, floats: &[f32]) -> AttributeProto {
    AttributeProto { floats: floats.to_vec(), ..attribute(name, AttributeType::Floats) }
}

pub(crate) fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { s: text.as_bytes().to_vec().into(), ..attribute(name, AttributeType::String) }
}

pub(crate) fn texts<'a>(name: &str, texts: impl IntoIterator<Item = &'a str>) -> AttributeProto {
    let strings = texts.into_iter().map(|text| text.as_bytes().to_vec().into()).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}

pub(crate) fn tensor(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(t), ..attribute(name, AttributeType::Tensor) }
}

pub(crate) fn graph(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto { g: Some(Box::new(graph)), ..attribute(name, AttributeType::Graph) }
}

/// Name and type of a graph's input or output; of what is no tensor, the name alone.
pub(crate) fn port(name: &str, dtype: DType, shape: &[Dim]) -> ValueInfoProto {
    let tensor = import::onnx::element_number(dtype).map(|elem_type| TensorTypeProto {
        elem_type,
        shape: Some(TensorShapeProto { dim: shape.iter().map(dimension).collect() }),
    });
    let r#type =
        tensor.map(|tensor| TypeProto { tensor_type: Some(tensor), ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type }
}

/// A size: its number, its name, or nothing where it is computed from others or turns out late.
fn dimension(dim: &Dim) -> DimensionProto {
    let name = dim.as_symbol().filter(|_| !dim.is_measured()).map(str::to_string);
    DimensionProto { dim_value: dim.known(), dim_param: name }
}
