//! `ModelSpec`: which version of which model a request means, and by which signature.

use super::messages;
use crate::fields::Fields;
use server::{Refusal, Select, Servable};

/// The signature that every model has.
pub(super) const SIGNATURE: &str = "serving_default";

/// A model as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) select: Select,
    pub(super) signature: String,
}

impl Spec {
    /// Reads the message, which has to be there.
    pub(super) fn read(message: Option<&[u8]>) -> Result<Spec, Refusal> {
        let message = message.ok_or_else(missing)?;
        let mut spec =
            Spec { name: String::new(), select: Select::Latest, signature: String::new() };
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => spec.name = value.name()?.to_string(),
                2 => spec.select = version(value.bytes()?)?,
                3 => spec.signature = value.name()?.to_string(),
                4 => spec.select = Select::Label(value.name()?.to_string()),
                _ => {}
            }
        }
        spec.named()
    }

    /// The same of a derived message.
    pub(super) fn of(message: Option<messages::ModelSpec>) -> Result<Spec, Refusal> {
        let message = message.ok_or_else(missing)?;
        let select = match message.version {
            Some(version) => numbered(version.value)?,
            None if message.version_label.is_empty() => Select::Latest,
            None => Select::Label(message.version_label),
        };
        Spec { name: message.name, select, signature: message.signature_name }.named()
    }

    fn named(self) -> Result<Spec, Refusal> {
        if self.name.is_empty() {
            let text = "ModelSpec has no name specified.".to_string();
            return Err(Refusal::InvalidArgument(text));
        }
        Ok(self)
    }

    /// Refuses a signature that no model has.
    pub(super) fn check_signature(&self) -> Result<(), Refusal> {
        match self.signature.as_str() {
            "" | SIGNATURE => Ok(()),
            other => Err(Refusal::SignatureNotFound(other.to_string())),
        }
    }
}

/// The model that answered.
pub(super) fn answered(model: &Servable, signature: &str) -> messages::ModelSpec {
    messages::ModelSpec {
        name: model.name().to_string(),
        version: Some(messages::Int64Value { value: model.version().cast_signed() }),
        signature_name: signature.to_string(),
        version_label: String::new(),
    }
}

/// An `Int64Value`.
fn version(message: &[u8]) -> Result<Select, Refusal> {
    let mut number = 0;
    let mut fields = Fields::new(message);
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            number = value.varint()?.cast_signed();
        }
    }
    numbered(number)
}

fn numbered(version: i64) -> Result<Select, Refusal> {
    let number = u64::try_from(version);
    number.map(Select::Version).map_err(|_| Refusal::BadVersion(version.to_string()))
}

fn missing() -> Refusal {
    Refusal::InvalidArgument("Missing ModelSpec".to_string())
}
