//! TorchScript: source of a small language, objects and tensors that it works on.
//!
//! The source is walked through on values that are known ahead or tensors of the graph: methods are
//! inlined, branches are taken and loops run out, so that the graph holds operators alone. What
//! would have to be decided by data is refused by its name.

mod expression;
mod given;
mod lex;
mod object;
mod parse;
mod run;
mod statement;

use super::folder::Folder;
use super::value::Value;
use super::walk::Walk;
use super::{FORMAT, damaged, refusal};
use crate::error::{ImportError, Reason};
use crate::replace::Replacement;
use crate::{ModelMetadata, Options, Survey};
use given::Assumption;
use object::Source;
use run::{Interpreter, STEPS_MAX};
use std::rc::Rc;

/// The tensors and objects of a model.
pub(super) const DATA: &str = "data.pkl";

/// Where the source lies.
pub(super) const CODE: &str = "code/";

/// What a model is, as far as it can be expressed. TorchScript does not say which shapes a model
/// takes, so that several are tried: the first that all of the model fits.
pub(super) fn survey(folder: Folder, options: &Options) -> Result<Survey, ImportError> {
    let mut source = Source::open(folder).map_err(damaged)?;
    source.replacement = Replacement::open(options)?;
    let mut first = None;
    for assumption in given::assumptions(&mut source) {
        let (survey, is_guess) = attempt(&mut source, options, &assumption)?;
        if let Some(replacement) = &source.replacement {
            replacement.finish()?;
        }
        if survey.refusals.is_empty() {
            return Ok(survey);
        }
        // Other sizes mend what does not fit; they do not bring operators that are not there.
        let is_of_shapes = survey.refusals.iter().all(|refusal| {
            matches!(refusal.reason, Reason::Rule { .. } | Reason::Attribute { .. })
                || matches!(refusal.reason, Reason::DataDependent { .. } | Reason::Signature(_))
        });
        first.get_or_insert(survey);
        if !is_guess || !is_of_shapes {
            break;
        }
    }
    first.ok_or_else(|| damaged("it holds no model"))
}

/// What the model is under an assumption on its inputs, and whether one was used.
fn attempt(
    source: &mut Source,
    options: &Options,
    assumption: &Assumption,
) -> Result<(Survey, bool), ImportError> {
    let walk = Walk::new(options);
    let mut interpreter = Interpreter::new(walk, source, options, assumption);
    let made = interpreter.model().map_err(damaged)?;
    let names = output_names(&made);
    let ends = names.iter().map(|(_, value)| (None, value.clone())).collect::<Vec<_>>();
    interpreter.settle_all("", &ends);
    for (name, value) in &names {
        if options.outputs.is_empty() || options.outputs.contains(name) {
            interpreter.walk.output(name, value);
        }
    }
    if interpreter.walk.build.graph.outputs.is_empty() && interpreter.walk.refusals.is_empty() {
        let reason = Reason::Signature("has no outputs that are asked for".to_string());
        interpreter.walk.refusals.push(refusal::of_part("model", "forward", reason));
    }
    // What takes long is not tried again and again.
    let is_guess = interpreter.inputs.iter().any(|input| input.is_guess);
    let is_guess = is_guess && interpreter.steps < STEPS_MAX / 8;
    let inputs = interpreter.in_order();
    let metadata = ModelMetadata {
        format: FORMAT.to_string(),
        producer: "PyTorch, TorchScript".to_string(),
        ..ModelMetadata::default()
    };
    Ok((interpreter.walk.survey(inputs, metadata), is_guess))
}

/// The outputs with names: a dictionary has some, others are counted.
fn output_names(made: &Value) -> Vec<(String, Value)> {
    let numbered = |values: &[Value]| {
        let name = |(at, value): (usize, &Value)| (format!("output_{at}"), value.clone());
        values.iter().filter(|value| !matches!(value, Value::None)).enumerate().map(name).collect()
    };
    match made {
        Value::Dict(pairs) => {
            let pairs = pairs.borrow();
            let there = pairs.chunks_exact(2).filter(|pair| !matches!(pair[1], Value::None));
            let named = there.map(|pair| match &pair[0] {
                Value::Text(name) => (name.to_string(), pair[1].clone()),
                other => (other.kind(), pair[1].clone()),
            });
            named.collect()
        }
        Value::Tuple(items) | Value::List(items) => {
            // What lies in lists in a tuple is counted on.
            let mut flat = Vec::new();
            for value in items.borrow().iter() {
                match value {
                    Value::Tuple(inner) | Value::List(inner) => {
                        flat.extend(inner.borrow().iter().cloned());
                    }
                    other => flat.push(other.clone()),
                }
            }
            numbered(&flat)
        }
        one => vec![("output".to_string(), one.clone())],
    }
}

/// A name in the source.
type Name = Rc<str>;
