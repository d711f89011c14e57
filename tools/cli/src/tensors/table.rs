//! Parquet: a table of columns, each an array with one sample a row.

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use tensor::{Tensor, Value};

/// Numbers that a table may unpack to: above any table that fits in memory beside a model, below
/// what fills it from a small file.
const NUMBERS_MAX: usize = 1 << 27;

/// The numbers of a column, row after row.
struct Column {
    name: String,
    numbers: Vec<f64>,
    /// Numbers of a row; nothing as long as no row was read.
    width: Option<usize>,
    is_list: bool,
}

/// The columns of numbers with their names, as f64: `[rows]`, or `[rows, n]` of lists. Others, such
/// as text, are left out. What is missing is NaN.
pub(super) fn decode(bytes: Vec<u8>) -> Result<Vec<(Option<String>, Value)>, String> {
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(|e| e.to_string())?;
    let rows = reader.get_row_iter(None).map_err(|e| e.to_string())?;
    let mut columns: Vec<Column> = Vec::new();
    let mut count = 0;
    for (at, row) in rows.enumerate() {
        let row = row.map_err(|e| format!("row {at}: {e}"))?;
        add(&mut columns, at, &row)?;
        count += row.len();
        if count > NUMBERS_MAX || columns.iter().any(|c| c.numbers.len() > NUMBERS_MAX) {
            return Err(format!("expected at most {NUMBERS_MAX} numbers; give a part of the rows"));
        }
    }
    let of_numbers = columns.into_iter().filter(|column| column.width.is_some_and(|n| n > 0));
    let tensors = of_numbers.map(|Column { name, numbers, width, is_list }| {
        let width = width.unwrap_or(1);
        let rows = numbers.len() / width;
        let shape = if is_list { vec![rows, width] } else { vec![rows] };
        let tensor = Tensor::from_slice(&shape, &numbers).map_err(|e| e.to_string())?;
        Ok((Some(name), Value::from(tensor)))
    });
    tensors.collect()
}

/// Adds what a row has to each column.
fn add(columns: &mut Vec<Column>, at: usize, row: &Row) -> Result<(), String> {
    for (index, (name, field)) in row.get_column_iter().enumerate() {
        if at == 0 {
            let is_list = matches!(field, Field::ListInternal(_));
            columns.push(Column { name: name.clone(), numbers: vec![], width: None, is_list });
        }
        let column = &mut columns[index];
        let before = column.numbers.len();
        match field {
            Field::ListInternal(list) => {
                let numbers: Option<Vec<f64>> = list.elements().iter().map(number).collect();
                column.numbers.extend(numbers.unwrap_or_default());
            }
            field => column.numbers.extend(number(field)),
        }
        let width = column.numbers.len() - before;
        let expected = *column.width.get_or_insert(width);
        if width != expected {
            let name = &column.name;
            return Err(format!("`{name}`, row {at}: expected {expected} numbers, found {width}"));
        }
    }
    Ok(())
}

/// A field as a number, where it is one or nothing.
fn number(field: &Field) -> Option<f64> {
    match *field {
        Field::Null => Some(f64::NAN),
        Field::Bool(x) => Some(f64::from(u8::from(x))),
        Field::Byte(x) => Some(f64::from(x)),
        Field::Short(x) => Some(f64::from(x)),
        Field::Int(x) => Some(f64::from(x)),
        Field::Long(x) => Some(x as f64),
        Field::UByte(x) => Some(f64::from(x)),
        Field::UShort(x) => Some(f64::from(x)),
        Field::UInt(x) => Some(f64::from(x)),
        Field::ULong(x) => Some(x as f64),
        Field::Float16(x) => Some(f64::from(x)),
        Field::Float(x) => Some(f64::from(x)),
        Field::Double(x) => Some(x),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Vec<(Option<String>, Value)> {
        let path = testkit::repository().join("suites/tables").join(name);
        decode(std::fs::read(path).unwrap()).unwrap()
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value.tensor().unwrap().as_slice::<f64>().unwrap().to_vec()
    }

    #[test]
    fn columns_of_numbers_and_of_lists_are_read_as_others_wrote_them() {
        let measures = table("measures.parquet");
        let names: Vec<&str> = measures.iter().filter_map(|(name, _)| name.as_deref()).collect();
        assert_eq!(names, ["length", "width", "count", "is_new", "label"]);
        let length = numbers(&measures[0].1);
        assert!(length[5].is_nan() && length[39] == 39.0 / 8.0, "{length:?}");
        assert_eq!(numbers(&measures[1].1)[6], 3.0);
        assert_eq!(numbers(&measures[3].1)[..2], [1.0, 0.0]);
        let vectors = table("vectors.parquet");
        assert_eq!(vectors[0].1.tensor().unwrap().shape(), [40, 4]);
        assert_eq!(numbers(&vectors[0].1)[36..40], [9.0 / 8.0, -1.0, 27.0, 0.0]);
        assert_eq!(numbers(&vectors[1].1)[5], 2.0);
    }

    #[test]
    fn damaged_tables_are_refused() {
        let path = testkit::repository().join("suites/tables/vectors.parquet");
        let whole = std::fs::read(path).unwrap();
        for end in (0..whole.len()).step_by(61) {
            assert!(decode(whole[..end].to_vec()).is_err(), "{end}");
        }
        assert!(decode(b"PAR1PAR1".to_vec()).is_err());
    }
}
