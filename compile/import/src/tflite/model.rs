//! What a file holds: graphs of values and operations, and what is said of them.

use super::flat::{File, Table};
use crate::build::{Budget, NAME_BYTES};
use crate::error::Reason;
use tensor::{DType, Tensor, element_count};

/// Element types by their number.
const TYPES: &[(i64, DType)] = &[
    (0, DType::F32),
    (1, DType::F16),
    (2, DType::I32),
    (3, DType::U8),
    (4, DType::I64),
    (6, DType::Bool),
    (7, DType::I16),
    (9, DType::I8),
    (10, DType::F64),
    (12, DType::U64),
    (15, DType::U32),
    (16, DType::U16),
    (17, DType::I4),
    (18, DType::BF16),
];

/// Names of types that are not read, by their number.
const FOREIGN_TYPES: &[(i64, &str)] =
    &[(5, "text"), (8, "complex64"), (11, "complex128"), (13, "resource"), (14, "variant")];

/// Most values and operations of all graphs together. The largest models have some thousand.
const PARTS_MAX: usize = 1 << 17;

/// Most inputs and most outputs of a graph: bodies of loops have some hundred.
const PORTS_MAX: usize = 1 << 10;

/// A value of a graph.
pub(super) struct Value<'f> {
    pub(super) name: String,
    /// Sizes, -1 for those that are open.
    pub(super) shape: Vec<i64>,
    kind: i64,
    /// Its elements, where they are in the file.
    data: &'f [u8],
    pub(super) quantization: Option<Quantization>,
    is_sparse: bool,
}

/// How integers stand for numbers: `(x - zero) * scale`.
pub(super) struct Quantization {
    pub(super) scales: Vec<f32>,
    pub(super) zeros: Vec<i64>,
    /// The axis of which each element has a scale of its own.
    pub(super) axis: usize,
}

/// One operation.
pub(super) struct Operation<'f> {
    /// The number of its operator.
    pub(super) code: usize,
    /// The name of an operator that is none of the format's own.
    pub(super) custom: String,
    /// Values, -1 for one that is left out.
    pub(super) inputs: Vec<i64>,
    pub(super) outputs: Vec<i64>,
    pub(super) options: Option<Table<'f>>,
}

/// A graph.
pub(super) struct Graph<'f> {
    pub(super) values: Vec<Value<'f>>,
    pub(super) operations: Vec<Operation<'f>>,
    pub(super) inputs: Vec<i64>,
    pub(super) outputs: Vec<i64>,
}

/// What callers call the inputs and outputs of a graph.
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) graph: usize,
    pub(super) inputs: Vec<(String, usize)>,
    pub(super) outputs: Vec<(String, usize)>,
}

/// A model.
pub(super) struct Model<'f> {
    pub(super) graphs: Vec<Graph<'f>>,
    pub(super) signatures: Vec<Signature>,
    pub(super) version: usize,
    pub(super) description: String,
    /// What the model's author says of it, as a file in the file.
    pub(super) metadata: &'f [u8],
}

/// The part of the file that the author's words are in.
const METADATA: &str = "TFLITE_METADATA";

impl<'f> Model<'f> {
    /// Reads a file.
    pub(super) fn read(file: &'f File<'f>) -> Result<Model<'f>, String> {
        let root = file.root().ok_or("it breaks off")?;
        let codes: Vec<(usize, String)> = root.tables(1).iter().map(code).collect();
        let buffers = root.tables(4);
        let mut graphs = Vec::new();
        let mut parts = codes.len();
        for table in root.tables(2) {
            let (tensors, operators) = (table.tables(0), table.tables(3));
            parts += tensors.len() + operators.len();
            if parts > PARTS_MAX {
                return Err(format!("expected at most {PARTS_MAX} values, found more"));
            }
            let values = tensors.iter().map(|tensor| value(tensor, &buffers));
            let values: Vec<Value<'_>> =
                values.collect::<Option<_>>().ok_or("a value has no buffer")?;
            let mut operations = Vec::with_capacity(operators.len());
            for operator in &operators {
                let made = operation(operator, &codes).ok_or("an operator has no code")?;
                // Operators share names that lie in the file once, and are called by them.
                let output = made.outputs.first().and_then(|&at| usize::try_from(at).ok());
                let output = output.and_then(|at| values.get(at));
                parts += (made.custom.len() + output.map_or(0, |of| of.name.len())) / NAME_BYTES;
                if parts > PARTS_MAX {
                    return Err(format!("expected at most {PARTS_MAX} values, found more"));
                }
                operations.push(made);
            }
            let (inputs, outputs) = (table.ints(1), table.ints(2));
            if inputs.len().max(outputs.len()) > PORTS_MAX {
                return Err(format!("expected at most {PORTS_MAX} inputs or outputs, found more"));
            }
            graphs.push(Graph { values, operations, inputs, outputs });
        }
        let metadata = root.tables(6).into_iter().find(|entry| entry.text(0) == METADATA);
        let metadata = metadata.and_then(|entry| buffers.get(entry.index(1)));
        let model = Model {
            graphs,
            signatures: root.tables(7).iter().map(signature).collect(),
            version: root.index(0),
            description: root.text(3),
            metadata: metadata.map_or(&[], |buffer| buffer.bytes(0)),
        };
        match file.is_damaged() {
            true => Err("a part of it lies outside of the file".to_string()),
            false => Ok(model),
        }
    }
}

/// The number of an operator: of those that came later it is in a wider field.
fn code(table: &Table<'_>) -> (usize, String) {
    let code = table.byte(0).max(table.int(3).unwrap_or(0));
    (usize::try_from(code).unwrap_or(usize::MAX), table.text(1))
}

fn operation<'f>(table: &Table<'f>, codes: &[(usize, String)]) -> Option<Operation<'f>> {
    let (code, custom) = codes.get(table.index(0))?.clone();
    let options = table.table(4);
    Some(Operation { code, custom, inputs: table.ints(1), outputs: table.ints(2), options })
}

fn signature(table: &Table<'_>) -> Signature {
    let side = |field| {
        let entries = table.tables(field);
        entries.iter().map(|entry| (entry.text(0), entry.index(1))).collect()
    };
    let (inputs, outputs) = (side(0), side(1));
    Signature { name: table.text(2), graph: table.index(4), inputs, outputs }
}

fn value<'f>(tensor: &Table<'f>, buffers: &[Table<'f>]) -> Option<Value<'f>> {
    let data = match tensor.index(2) {
        // The first buffer is that of what has no elements.
        0 => &[][..],
        index => {
            let buffer = buffers.get(index)?;
            match (buffer.long(1), buffer.long(2)) {
                // Of large files the elements lie behind the rest.
                (Some(start @ 2..), Some(length)) => buffer.part(start, length),
                _ => buffer.bytes(0),
            }
        }
    };
    let quantization = tensor.table(4).and_then(|table| {
        let scales = table.floats(2);
        let axis = usize::try_from(table.int(6).unwrap_or(0)).unwrap_or(usize::MAX);
        (!scales.is_empty()).then(|| Quantization { scales, zeros: table.longs(3), axis })
    });
    let own = tensor.ints(0);
    // The sizes that are open are said beside those that were tried.
    let open = tensor.ints(7);
    let shape = if open.len() == own.len() { open } else { own };
    Some(Value {
        name: tensor.text(3),
        shape,
        kind: tensor.byte(1),
        data,
        quantization,
        is_sparse: tensor.table(6).is_some(),
    })
}

impl Value<'_> {
    /// Its element type. Integers of 4 bits are read as those of 8.
    pub(super) fn dtype(&self) -> Result<DType, Reason> {
        if let Some((_, dtype)) = TYPES.iter().find(|(number, _)| *number == self.kind) {
            return Ok(if *dtype == DType::I4 { DType::I8 } else { *dtype });
        }
        let name = FOREIGN_TYPES.iter().find(|(number, _)| *number == self.kind);
        let name = name.map_or_else(|| format!("number {}", self.kind), |(_, n)| n.to_string());
        Err(self.refused(format!("elements of type {name} are not supported")))
    }

    fn refused(&self, reason: String) -> Reason {
        Reason::Tensor { name: self.name.clone(), reason }
    }

    /// Do integers stand for numbers, not for themselves? Those of 32 bits are biases.
    pub(super) fn is_quantized(&self) -> bool {
        let is_small = matches!(self.dtype(), Ok(DType::I8 | DType::U8 | DType::I16));
        let is_bias = matches!(self.dtype(), Ok(DType::I32 | DType::I64)) && !self.data.is_empty();
        self.quantization.is_some() && (is_small || is_bias)
    }

    /// Its elements, where they are in the file.
    pub(super) fn constant(&self, budget: &Budget) -> Result<Option<Tensor>, Reason> {
        let shape: Option<Vec<usize>> =
            self.shape.iter().map(|&size| usize::try_from(size).ok()).collect();
        let count = shape.as_ref().and_then(|shape| element_count(shape));
        if self.data.is_empty() && count != Some(0) {
            return Ok(None);
        }
        if self.is_sparse {
            return Err(self.refused("weights that leave out zeros are not supported".to_string()));
        }
        let dtype = self.dtype()?;
        let is_packed = self.kind == PACKED;
        let size = count.and_then(|count| count.checked_mul(dtype.size()));
        let stored = if is_packed { count.map(|count| count.div_ceil(2)) } else { size };
        let (Some(shape), true) = (shape, stored == Some(self.data.len())) else {
            let found = self.data.len();
            let shape = &self.shape;
            return Err(self.refused(format!("{dtype}{shape:?} does not fit {found} bytes")));
        };
        budget.take(size)?;
        let made = match dtype {
            // Any byte but 0 is true.
            DType::Bool => {
                let truths: Vec<u8> = self.data.iter().map(|&b| u8::from(b != 0)).collect();
                Tensor::from_bytes(dtype, &shape, &truths)
            }
            _ if is_packed => Tensor::from_bytes(dtype, &shape, &unpacked(self.data, count)),
            _ => Tensor::from_bytes(dtype, &shape, self.data),
        };
        made.map(Some).map_err(|error| self.refused(error.to_string()))
    }
}

/// The number of the type of which two elements share a byte.
const PACKED: i64 = 17;

/// Integers of 4 bits, the lower half of each byte first.
fn unpacked(bytes: &[u8], count: Option<usize>) -> Vec<u8> {
    let halves = bytes.iter().flat_map(|&byte| [byte << 4, byte]);
    let wide = halves.map(|half| ((half as i8) >> 4) as u8);
    wide.take(count.unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_integers_share_a_byte() {
        assert_eq!(unpacked(&[0x1f, 0x78], Some(3)), [0xff, 1, 0xf8]);
    }

    /// A file whose only graph takes its first value so many times.
    fn of_inputs(count: u32) -> Vec<u8> {
        let mut bytes = vec![
            16, 0, 0, 0, // where the model is
            10, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0,
            0, // where its fields are, of which it has the third
            12, 0, 0, 0, 4, 0, 0, 0, // the model
            1, 0, 0, 0, 12, 0, 0, 0, // its graphs
            8, 0, 8, 0, 0, 0, 4, 0, // where the fields of a graph are, which has the second
            8, 0, 0, 0, 4, 0, 0, 0, // the graph
        ];
        bytes.extend(count.to_le_bytes());
        bytes.resize(bytes.len() + 4 * count as usize, 0);
        bytes
    }

    #[test]
    fn a_graph_of_many_inputs_is_refused() {
        let said = |count| {
            let bytes = of_inputs(count);
            Model::read(&File::new(&bytes)).map(|model| model.graphs[0].inputs.len())
        };
        assert_eq!(said(1024), Ok(1024));
        let expected = "expected at most 1024 inputs or outputs, found more";
        assert_eq!(said(1025), Err(expected.to_string()));
    }
}
