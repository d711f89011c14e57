//! Statements: names that get values, branches that are taken, loops that run out.

use super::Name;
use super::parse::{Expr, Stmt};
use super::run::{DEPTH_MAX, End, Frame, Interpreter, Outcome, STEPS_MAX, Stopped};
use crate::error::Reason;
use crate::pytorch::refusal;
use crate::pytorch::value::Value;

impl Interpreter<'_> {
    /// Notes why the walk does not go on.
    pub(super) fn stop(&mut self, frame: &Frame, what: &str, text: String) -> Stopped {
        self.refuse(frame, what, Reason::Signature(text))
    }

    pub(super) fn refuse(&mut self, frame: &Frame, what: &str, reason: Reason) -> Stopped {
        let name = if frame.path.is_empty() { "forward" } else { &frame.path };
        self.walk.refusals.push(refusal::of_node(name, what, reason, Vec::new()));
        Stopped
    }

    pub(super) fn body(&mut self, frame: &mut Frame, body: &[Stmt]) -> Outcome<End> {
        if self.depth >= DEPTH_MAX {
            return Err(self.refuse(frame, "call", Reason::Expansion));
        }
        self.depth += 1;
        let mut outcome = Ok(End::Next);
        for statement in body {
            outcome = self.statement(frame, statement);
            if !matches!(outcome, Ok(End::Next)) {
                break;
            }
        }
        self.depth -= 1;
        outcome
    }

    fn statement(&mut self, frame: &mut Frame, statement: &Stmt) -> Outcome<End> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(self.refuse(frame, "loop", Reason::Expansion));
        }
        match statement {
            Stmt::Pass => {}
            Stmt::Expr(expr) => drop(self.expr(frame, expr)?),
            Stmt::Return(expr) => return self.expr(frame, expr).map(End::Return),
            Stmt::Assign(places, expr) => {
                let value = self.expr(frame, expr)?;
                self.assign(frame, places, value)?;
            }
            Stmt::If(condition, then, other) => {
                let condition = self.expr(frame, condition)?;
                let is_true = self.truth(frame, &condition, "if")?;
                return self.body(frame, if is_true { then } else { other });
            }
            Stmt::While(condition, body) => loop {
                let condition = self.expr(frame, condition)?;
                if !self.truth(frame, &condition, "while")? {
                    break;
                }
                if let End::Return(value) = self.body(frame, body)? {
                    return Ok(End::Return(value));
                }
                self.steps += 1;
                if self.steps > STEPS_MAX {
                    return Err(self.refuse(frame, "loop", Reason::Expansion));
                }
            },
            Stmt::For(name, over, body) => return self.repeat(frame, name, over, body),
            Stmt::With(body) => return self.body(frame, body),
        }
        Ok(End::Next)
    }

    fn repeat(
        &mut self,
        frame: &mut Frame,
        name: &Name,
        over: &Expr,
        body: &[Stmt],
    ) -> Outcome<End> {
        let over = self.expr(frame, over)?;
        let values: Vec<Value> = match &over {
            Value::List(items) | Value::Tuple(items) => items.borrow().clone(),
            Value::Int(count) => match count.known() {
                Some(count @ ..=0xffff) => (0..count).map(Value::int).collect(),
                _ => {
                    let what = "how often a loop runs".to_string();
                    let reason = Reason::DataDependent { input: 0, what };
                    return Err(self.refuse(frame, "for", reason));
                }
            },
            other => {
                let text = format!("a loop runs over {}", other.kind());
                return Err(self.stop(frame, "for", text));
            }
        };
        for value in values {
            frame.names.insert(name.clone(), value);
            if let End::Return(value) = self.body(frame, body)? {
                return Ok(End::Return(value));
            }
        }
        Ok(End::Next)
    }

    fn assign(&mut self, frame: &mut Frame, places: &[Expr], value: Value) -> Outcome<()> {
        let values = match (places, &value) {
            ([_], _) => vec![value],
            (_, Value::Tuple(items) | Value::List(items)) => items.borrow().clone(),
            (_, Value::Object(at)) => self.parts(*at).into_iter().map(|(_, value)| value).collect(),
            (_, Value::Unknown) => vec![Value::Unknown; places.len()],
            (_, other) => {
                let text = format!("{} names take {}", places.len(), other.kind());
                return Err(self.stop(frame, "assignment", text));
            }
        };
        if values.len() != places.len() {
            let text = format!("{} names take {} values", places.len(), values.len());
            return Err(self.stop(frame, "assignment", text));
        }
        for (place, value) in places.iter().zip(values) {
            match place {
                Expr::Name(name) => drop(frame.names.insert(name.clone(), value)),
                Expr::Attr(object, name) => {
                    if let Value::Object(at) = self.expr(frame, object)? {
                        self.objects[at].fields.insert(name.clone(), value);
                    }
                }
                _ => return Err(self.stop(frame, "assignment", "to what is no name".to_string())),
            }
        }
        Ok(())
    }

    /// Is it true? What depends on data or on sizes that are open is refused.
    pub(super) fn truth(&mut self, frame: &Frame, value: &Value, what: &str) -> Outcome<bool> {
        match self.applied(frame, "Bool", vec![(None, value.clone())])? {
            Value::Bool(value) => Ok(value),
            _ => {
                if self.walk.refusals.is_empty() {
                    let what_of = "the condition".to_string();
                    self.refuse(frame, what, Reason::DataDependent { input: 0, what: what_of });
                }
                Err(Stopped)
            }
        }
    }
}
