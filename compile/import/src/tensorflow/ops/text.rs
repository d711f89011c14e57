//! Text, and tables that are looked up by it.

use super::super::call::{Call, Made};
use super::resource::{Columns, Filled, filled};
use super::{Row, index, row};
use crate::build::{Builder, Operand};
use crate::decompose::product;
use crate::error::Reason;
use ir::{Fact, Op};
use operators::dynamic::text::{Case, Cut, Ends, Grams, Normalize};
use operators::dynamic::{Literal, TextOperator};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("StringJoin", join),
    row("StringLower", |call| cased(call, Case::Lower)),
    row("StringUpper", |call| cased(call, Case::Upper)),
    row("StringStrip", |call| mapped(call, TextOperator::Strip)),
    row("StringLength", length),
    row("StringToHashBucketFast", bucket),
    row("StringToNumber", |call| {
        let to = call.dtype_or("out_type", DType::F32)?;
        converted(call, TextOperator::Parse(to), to)
    }),
    row("AsString", as_string),
    row("StaticRegexFullMatch", |call| {
        let pattern = call.text("pattern").unwrap_or("").to_string();
        converted(call, TextOperator::FullMatch { pattern }, DType::Bool)
    }),
    row("RegexFullMatch", |call| {
        let pattern = text_of(call, 1)?;
        converted(call, TextOperator::FullMatch { pattern }, DType::Bool)
    }),
    row("StaticRegexReplace", |call| {
        let [pattern, with] =
            ["pattern", "rewrite"].map(|name| call.text(name).unwrap_or("").to_string());
        replaced(call, pattern, with)
    }),
    row("RegexReplace", |call| {
        let (pattern, with) = (text_of(call, 1)?, text_of(call, 2)?);
        replaced(call, pattern, with)
    }),
    row("StringSplit", |call| {
        let any = text_of(call, 1)?;
        cut(call, if any.is_empty() { Ends::Bytes } else { Ends::AnyOf(any) }, true)
    })
    .makes(CUT),
    row("StringSplitV2", |call| {
        if call.int("maxsplit").unwrap_or(-1) >= 0 {
            return Err(call.refuse("maxsplit", "-1", "another"));
        }
        let by = text_of(call, 1)?;
        cut(call, if by.is_empty() { Ends::Whitespace } else { Ends::Text(by) }, false)
    })
    .makes(CUT),
    row("StringNGrams", grams).makes(&["ngrams", "ngrams_splits"]),
];

const CUT: &[&str] = &["indices", "values", "shape"];

/// The one text that an input has to be known as.
fn text_of(call: &Call<'_, '_>, index: usize) -> Result<String, Reason> {
    let x = call.input(index)?;
    let text = literal(&call.walk.build, &x).filter(|text| text.len() == 1);
    let what = || Reason::DataDependent { input: index, what: "a text".to_string() };
    text.and_then(|mut text| text.pop()).ok_or_else(what)
}

/// Text for each element.
fn mapped(call: &mut Call<'_, '_>, operator: TextOperator) -> Made {
    converted(call, operator, DType::String)
}

/// Something of a type for each element.
fn converted(call: &mut Call<'_, '_>, operator: TextOperator, dtype: DType) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    call.build().dynamic(operator, &[&x], vec![Fact { dtype, shape }])
}

fn cased(call: &mut Call<'_, '_>, case: Case) -> Made {
    let normalize = Normalize { case, stop_words: Vec::new(), is_case_sensitive: true };
    mapped(call, TextOperator::Normalize(normalize))
}

fn length(call: &mut Call<'_, '_>) -> Made {
    let is_of_characters = call.text("unit") == Some("UTF8_CHAR");
    let made = converted(call, TextOperator::Length { is_of_characters }, DType::I64)?;
    Ok(vec![call.build().cast(&made[0], DType::I32)?])
}

fn bucket(call: &mut Call<'_, '_>) -> Made {
    let count = call.int("num_buckets").and_then(|count| u64::try_from(count).ok());
    let count = count.filter(|&count| count > 0);
    let count = count.ok_or_else(|| call.refuse("num_buckets", "at least 1", "none"))?;
    converted(call, TextOperator::Bucket { count }, DType::I64)
}

fn replaced(call: &mut Call<'_, '_>, pattern: String, with: String) -> Made {
    let is_global = call.flag("replace_global", true);
    mapped(call, TextOperator::Replace { pattern, with, is_global })
}

/// Integers in decimal.
fn as_string(call: &mut Call<'_, '_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    let is_plain = ["fill"].iter().all(|name| call.text(name).unwrap_or("").is_empty())
        && call.int("width").unwrap_or(-1) == -1;
    if dtype.is_float() || dtype == DType::Bool || !is_plain {
        return Err(call.refuse("T", "integers without filling", dtype.name()));
    }
    mapped(call, TextOperator::Print)
}

/// All texts of each place, with something between them.
fn join(call: &mut Call<'_, '_>) -> Made {
    let separator = call.text("separator").unwrap_or("").to_string();
    let all = call.all()?;
    let mut made = all[0].clone();
    let shape = vec![];
    let between = Literal { shape: vec![], elements: vec![separator.clone()] };
    let fact = vec![Fact { dtype: DType::String, shape }];
    let between = call.build().dynamic(between, &[], fact)?.swap_remove(0);
    for next in &all[1..] {
        for part in [&between, next] {
            if separator.is_empty() && std::ptr::eq(part, &between) {
                continue;
            }
            made = joined(call, &made, part)?;
        }
    }
    Ok(vec![made])
}

fn joined(call: &mut Call<'_, '_>, a: &Operand, b: &Operand) -> Result<Operand, Reason> {
    let inputs = vec![call.walk.fact(a), call.walk.fact(b)];
    let shape = ir::ops::elementwise::broadcast(&inputs[0].shape, &inputs[1].shape);
    let shape = shape.map_err(|error| Reason::Rule { error, inputs })?;
    let made = vec![Fact { dtype: DType::String, shape }];
    Ok(call.build().dynamic(TextOperator::Concat, &[a, b], made)?.swap_remove(0))
}

/// The parts of all texts in a row, with their places.
fn cut(call: &mut Call<'_, '_>, at: Ends, skips_empty: bool) -> Made {
    let x = call.of_rank(0, 1)?;
    let skips_empty = call.flag("skip_empty", skips_empty);
    let count = call.build().fresh();
    let fact = |dtype, shape| Fact { dtype, shape };
    let made = vec![
        fact(DType::I64, vec![count.clone(), Dim::from(2)]),
        fact(DType::String, vec![count]),
        fact(DType::I64, vec![Dim::from(2)]),
    ];
    call.build().dynamic(TextOperator::Cut(Cut { at, skips_empty }), &[&x], made)
}

fn grams(call: &mut Call<'_, '_>) -> Made {
    let (x, splits) = (call.of_rank(0, 1)?, call.of_rank(1, 1)?);
    let widths: Option<Vec<usize>> =
        call.ints("ngram_widths").iter().map(|&width| usize::try_from(width).ok()).collect();
    let widths = widths.filter(|widths| widths.iter().all(|width| (1..1 << 16).contains(width)));
    let widths = widths.ok_or_else(|| call.refuse("ngram_widths", "1 to 65535", "others"))?;
    let text = |name: &str| call.text(name).unwrap_or("").to_string();
    let grams = Grams {
        widths,
        separator: text("separator"),
        pads: [text("left_pad"), text("right_pad")],
        pad_width: call.int("pad_width").and_then(|width| usize::try_from(width).ok()),
        keeps_short: call.flag("preserve_short_sequences", false),
    };
    let ends = call.fact(1)?;
    let splits = call.build().cast(&splits, DType::I64)?;
    let count = call.build().fresh();
    let made = vec![
        Fact { dtype: DType::String, shape: vec![count] },
        Fact { dtype: DType::I64, shape: ends.shape },
    ];
    let mut made = call.build().dynamic(TextOperator::Grams(grams), &[&x, &splits], made)?;
    made[1] = call.walk.build.cast(&made[1], ends.dtype)?;
    Ok(made)
}

/// Two inputs, and type and broadcast shape of the result.
fn pair(call: &Call<'_, '_>, dtype: DType) -> Result<(Operand, Operand, Fact), Reason> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let inputs = vec![call.fact(0)?, call.fact(1)?];
    let shape = ir::ops::elementwise::broadcast(&inputs[0].shape, &inputs[1].shape);
    let shape = shape.map_err(|error| Reason::Rule { error, inputs })?;
    Ok((a, b, Fact { dtype, shape }))
}

/// Each pair joined.
pub(super) fn concat(call: &mut Call<'_, '_>) -> Made {
    let (a, b, made) = pair(call, DType::String)?;
    call.build().dynamic(TextOperator::Concat, &[&a, &b], vec![made])
}

/// Is each pair equal?
pub(super) fn equal(call: &mut Call<'_, '_>) -> Made {
    let (a, b, made) = pair(call, DType::Bool)?;
    call.build().dynamic(TextOperator::Equal, &[&a, &b], vec![made])
}

/// Text that is moved as its places are: `act` moves these to a tensor of the shape.
pub(super) fn moved(
    call: &mut Call<'_, '_>,
    x: &Operand,
    shape: Vec<Dim>,
    act: impl FnOnce(&mut Call<'_, '_>, &Operand) -> Result<Operand, Reason>,
) -> Result<Operand, Reason> {
    let own = call.walk.fact(x).shape;
    let count = product(&own);
    let places = index::places(call, count.clone())?;
    let places = call.build().reshape(&places, own)?;
    let moved = act(call, &places)?;
    let row = vec![Fact { dtype: DType::String, shape: vec![count] }];
    let all = call.build().dynamic(TextOperator::Join, &[x], row)?.swap_remove(0);
    taken(call, &all, &moved, shape)
}

/// The texts at places in a row, in a shape.
pub(super) fn taken(
    call: &mut Call<'_, '_>,
    row: &Operand,
    places: &Operand,
    shape: Vec<Dim>,
) -> Result<Operand, Reason> {
    let made = vec![Fact { dtype: DType::String, shape }];
    Ok(call.build().dynamic(TextOperator::Take, &[row, places], made)?.swap_remove(0))
}

/// The text that an operand is, where it is known.
fn literal(build: &Builder, x: &Operand) -> Option<Vec<String>> {
    let Operand::Value(id) = x else { return None };
    let node = build.graph.nodes.iter().rfind(|node| node.output == *id)?;
    match &node.op {
        Op::Dynamic(dynamic) => match &dynamic.operator {
            operators::Dynamic::Literal(Literal { elements, .. }) => Some(elements.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// What a table's keys or values are.
enum Column {
    Text(Vec<String>),
    Numbers(Vec<i64>),
    /// Numbers of another type.
    Tensor(Operand),
}

/// `(table, keys, default)`: the value of each key.
pub(super) fn look_up(call: &mut Call<'_, '_>) -> Made {
    let [keys, columns] = match filled(call)? {
        Filled::Tensors(both) => both.map(|x| {
            let numbers = x.known().and_then(|known| known.as_slice::<i64>().ok());
            Ok(match (literal(&call.walk.build, &x), numbers) {
                (Some(text), _) => Column::Text(text),
                (None, Some(numbers)) => Column::Numbers(numbers.to_vec()),
                (None, None) => Column::Tensor(x),
            })
        }),
        Filled::File(lines, columns) => {
            let Columns { key, value, .. } = columns;
            let dtypes = [call.fact(1)?.dtype, call.fact(2)?.dtype];
            [column(&lines, key, dtypes[0], &columns), column(&lines, value, dtypes[1], &columns)]
        }
    };
    let (keys, values) = (keys?, columns?);
    let x = call.input(1)?;
    let shape = call.fact(1)?.shape;
    let places = Fact { dtype: DType::I64, shape: shape.clone() };
    let place = match keys {
        Column::Text(keys) => call
            .build()
            .dynamic(
                TextOperator::Lookup { keys: keys.into_iter().collect() },
                &[&x],
                vec![places],
            )?
            .swap_remove(0),
        Column::Numbers(keys) => number_places(call, &x, &keys)?,
        Column::Tensor(_) => return Err(unlike("keys that are known")),
    };
    let default = call.input(2)?;
    match values {
        Column::Text(mut values) => {
            let absent = literal(&call.walk.build, &default).and_then(|mut text| text.pop());
            values.push(absent.ok_or_else(|| unlike("a default that is known"))?);
            let literal = Literal { shape: vec![values.len()], elements: values };
            let row = vec![Fact {
                dtype: DType::String,
                shape: literal.shape.iter().map(|&size| Dim::from(size)).collect(),
            }];
            let row = call.build().dynamic(literal, &[], row)?.swap_remove(0);
            Ok(vec![taken(call, &row, &place, shape)?])
        }
        Column::Numbers(values) => {
            let values = call.vector(&values)?;
            found(call, &values, &default, &place)
        }
        Column::Tensor(values) => found(call, &values, &default, &place),
    }
}

/// The values of places, behind which the default lies.
fn found(call: &mut Call<'_, '_>, values: &Operand, default: &Operand, place: &Operand) -> Made {
    let dtype = call.walk.fact(default).dtype;
    let values = call.build().cast(values, dtype)?;
    let default = call.build().reshape(default, vec![Dim::from(1)])?;
    let all = call.build().emit(Op::Concat { axis: 0 }, &[&values, &default])?;
    Ok(vec![index::gathered(call, &all, place, 0)?])
}

fn unlike(expected: &str) -> Reason {
    let (expected, found) = (format!("a table of {expected}"), "others".to_string());
    Reason::Input { input: 0, expected, found }
}

/// The place of each number among keys, their number where it is none.
fn number_places(call: &mut Call<'_, '_>, x: &Operand, keys: &[i64]) -> Result<Operand, Reason> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&at| keys[at]);
    order.dedup_by_key(|at| keys[*at]);
    let sorted: Vec<i64> = order.iter().map(|&at| keys[at]).collect();
    let mut places: Vec<i64> = order.iter().map(|&at| at as i64).collect();
    places.push(keys.len() as i64);
    let (sorted, places) = (call.vector(&sorted)?, call.vector(&places)?);
    let wide = call.build().cast(x, DType::I64)?;
    let operator = operators::lookup::Lookup { is_strict: false };
    call.build().emit(Op::Whole(operator.into()), &[&wide, &sorted, &places])
}

/// A column of the lines of a file.
fn column(lines: &[String], index: i64, dtype: DType, columns: &Columns) -> Result<Column, Reason> {
    if index == -1 {
        return Ok(Column::Numbers((0..lines.len() as i64).collect()));
    }
    let part = |line: &String| -> Option<String> {
        match usize::try_from(index) {
            Ok(at) => line.split(columns.delimiter.as_str()).nth(at).map(str::to_string),
            Err(_) => Some(line.clone()),
        }
    };
    let texts: Option<Vec<String>> = lines.iter().map(part).collect();
    let texts = texts.ok_or_else(|| unlike("lines that all have the column"))?;
    if dtype == DType::String {
        return Ok(Column::Text(texts));
    }
    let numbers: Result<Vec<i64>, _> = texts.iter().map(|text| text.trim().parse()).collect();
    numbers.map(Column::Numbers).map_err(|_| unlike("lines that hold integers"))
}
