//! Why a file is not imported, as data: every refusal says what was expected, what was found and
//! what can be done.

use ir::{Fact, RuleError};
use std::fmt;
use std::path::PathBuf;

/// Why a file does not become a graph.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not a model of any format that is read.
    #[error("{found}; {hint} (first bytes: {first_bytes})")]
    NotAModel {
        /// What it is, as far as the first bytes tell.
        found: String,
        /// What to do.
        hint: String,
        /// The first bytes, in hexadecimal.
        first_bytes: String,
    },
    /// It starts as a model and then breaks off or breaks the format's rules.
    #[error("the {format} file is damaged: {reason}; fetch or export it again")]
    Damaged {
        /// The format.
        format: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// The file alone takes more memory than it may.
    #[error("the file takes {bytes} bytes, the memory budget is {limit}; allow more memory")]
    TooLarge {
        /// The file's length, or what it takes once decoded.
        bytes: u64,
        /// What it may take.
        limit: usize,
    },
    /// Weights that are to stand in the place of the model's do not fit it.
    #[error("{path}: {reason}; {hint}", path = path.display())]
    Weights {
        /// Their file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Nodes that cannot be expressed: all of them, in the model's order.
    #[error("{}", list(.0))]
    Unsupported(Vec<Refusal>),
}

impl ImportError {
    /// Is it only the memory budget that stands in the way?
    pub fn is_over_budget(&self) -> bool {
        self.bytes_over_budget().is_some()
    }

    /// Bytes that the part takes for which there was no room, when it is only the memory budget
    /// that stands in the way.
    pub fn bytes_over_budget(&self) -> Option<u64> {
        match self {
            ImportError::TooLarge { bytes, .. } => Some(*bytes),
            ImportError::Unsupported(refusals) => {
                refusals.iter().try_fold(0u64, |sum, refusal| match refusal.reason {
                    Reason::TooLarge { bytes: Some(bytes), .. } => {
                        Some(sum.saturating_add(bytes as u64))
                    }
                    Reason::TooLarge { bytes: None, .. } => Some(u64::MAX),
                    _ => None,
                })
            }
            ImportError::Io { .. }
            | ImportError::NotAModel { .. }
            | ImportError::Weights { .. }
            | ImportError::Damaged { .. } => None,
        }
    }
}

/// A node that cannot be expressed, and why; or another part of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The node's name, or that of its first output when it has none.
    pub node: String,
    /// Its operator; `input`, `output` or `initializer` where it is none.
    pub op: String,
    /// The operator's domain: `ai.onnx` for the standard one, `keras` for layers, `mxnet`,
    /// `pytorch`, `tensorflow` and `tflite` for their nodes. Empty where it is no node.
    pub domain: String,
    /// The version of the operator set that the model imports, where it imports one. Only nodes of
    /// ONNX are of one.
    pub opset: Option<i64>,
    /// What is wrong.
    pub reason: Reason,
    /// What can be done about it.
    pub hint: String,
    /// Types and shapes of what it takes, as far as they are known.
    pub takes: Vec<Option<Fact>>,
    /// Types and shapes of what it makes, as far as the model declares them.
    pub makes: Vec<Option<Fact>>,
}

/// What is wrong with a node.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Reason {
    /// An input of the model is of a kind that cannot be served.
    #[error("{0}")]
    Signature(String),
    /// An operator that the importer does not know.
    #[error("the operator is not supported")]
    UnknownOperator,
    /// The model does not say from which version of the operator set the node is, or it is one
    /// whose rules the importer does not know.
    #[error("expected an operator set of version {oldest} to {newest}")]
    Opset {
        /// Oldest version that is read.
        oldest: i64,
        /// Newest version that is read.
        newest: i64,
    },
    /// An attribute that the operator does not have, so that its meaning is unknown.
    #[error("attribute `{0}` is not one that this operator has")]
    UnknownAttribute(String),
    /// An attribute of the wrong type or with a value that is not supported.
    #[error("attribute `{name}`: expected {expected}, found {found}")]
    Attribute {
        /// Its name.
        name: String,
        /// What it has to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// An input is missing or of a kind that is not supported.
    #[error("input {input}: expected {expected}, found {found}")]
    Input {
        /// Which one, from 0.
        input: usize,
        /// What it has to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Shapes would depend on the data.
    #[error("{what} (input {input}) is computed from data, so that shapes cannot be known ahead")]
    DataDependent {
        /// Which input, from 0.
        input: usize,
        /// What it is.
        what: String,
    },
    /// A graph inside the node that does not fit it.
    #[error("its graphs: expected {expected}, found {found}")]
    Body {
        /// What they have to be.
        expected: String,
        /// What they are.
        found: String,
    },
    /// A value whose number of axes is not known ahead.
    #[error("makes a tensor whose rank is not known ahead")]
    UnknownRank,
    /// The types or shapes break the operator's rule.
    #[error("{error}; the inputs are {}", facts(.inputs))]
    Rule {
        /// The broken rule.
        error: RuleError,
        /// Types and shapes of the inputs.
        inputs: Vec<Fact>,
    },
    /// Takes a value that nothing before it makes.
    #[error("takes `{0}`, which nothing before it makes")]
    Undefined(String),
    /// Takes a value that a later node makes.
    #[error("takes `{0}`, which only a later node makes: expected an order in which nodes can run")]
    Order(String),
    /// Makes a value whose name is taken.
    #[error("makes `{0}`, which is there already")]
    Redefined(String),
    /// Takes an output that its node does not make in inference.
    #[error("takes `{value}`, output {index} of a {op}, which is not made in inference")]
    NotMade {
        /// The value.
        value: String,
        /// The operator that would make it.
        op: String,
        /// Which output it is.
        index: usize,
    },
    /// A tensor inside the model that cannot be read.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Functions of the model, graphs inside of nodes or sequences of sequences without end.
    #[error("holds functions, graphs or sequences in each other, deeper or wider than any model")]
    Expansion,
    /// Constants would take more memory than they may.
    #[error(
        "takes {needed} bytes; of the memory budget of {limit} bytes {left} are left",
        needed = bytes.map_or_else(|| "more than 2^64".to_string(), |n| n.to_string())
    )]
    TooLarge {
        /// What the constant takes, where that can be counted.
        bytes: Option<usize>,
        /// What those before it leave of the budget.
        left: usize,
        /// What all of them may take.
        limit: usize,
    },
    /// A constant could not be computed.
    #[error("the constant cannot be computed: {0}")]
    Evaluation(String),
}

/// What to do about layers that are exported as they train.
pub(crate) const IN_EVAL_MODE: &str = "export the model for inference: call model.eval() first, \
     and leave `training` of torch.onnx.export at TrainingMode.EVAL";

impl Reason {
    /// What can be done about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Reason::Signature(_) => "export the model with tensors of numbers as inputs",
            Reason::UnknownOperator => {
                "express it by other operators at export, or cut it off the model and compute it \
                 outside"
            }
            Reason::Opset { .. } => {
                "convert the model with onnx.version_converter.convert_version(model, 17)"
            }
            Reason::Attribute { name, .. } if name == "training_mode" => IN_EVAL_MODE,
            Reason::UnknownAttribute(_) | Reason::Attribute { .. } | Reason::Input { .. } => {
                "export the model with another opset or with another setting of this layer"
            }
            Reason::DataDependent { .. } | Reason::UnknownRank | Reason::Body { .. } => {
                "export with fixed sizes, or simplify the model so that shapes follow from the \
                 inputs' shapes"
            }
            Reason::Rule { .. } => "check the model with onnx.checker, full_check=True",
            Reason::Undefined(_) | Reason::Redefined(_) | Reason::Expansion => {
                "the file is not valid ONNX; export it again"
            }
            Reason::Order(_) => "the nodes form a circle: the file is not valid ONNX",
            Reason::NotMade { .. } => IN_EVAL_MODE,
            Reason::Tensor { .. } => "the file is incomplete or altered; fetch or export it again",
            Reason::TooLarge { .. } => {
                "allow more memory if the model deserves it, or export with smaller sizes"
            }
            Reason::Evaluation(_) => "simplify the model, e.g. with onnxsim, before the import",
        }
    }
}

/// Domains whose operators have no versions.
const UNVERSIONED: [&str; 5] = [
    crate::keras::DOMAIN,
    crate::mxnet::DOMAIN,
    crate::pytorch::DOMAIN,
    crate::tensorflow::DOMAIN,
    crate::tflite::DOMAIN,
];

impl Refusal {
    /// The same of a node that takes these. `hints` say what to do about operators that are often
    /// met and not read: `(beginning of the name, what to do)`.
    pub(crate) fn of_node(
        self,
        domain: &str,
        op: &str,
        takes: Vec<Option<Fact>>,
        hints: &[(&str, &str)],
    ) -> Refusal {
        let own = hints.iter().find(|(prefix, _)| op.starts_with(prefix));
        let own = own.filter(|_| matches!(self.reason, Reason::UnknownOperator));
        let hint = own.map_or(self.hint, |(_, hint)| (*hint).to_string());
        Refusal { op: op.to_string(), domain: domain.to_string(), takes, hint, ..self }
    }

    /// The refusal of what is no node.
    pub(crate) fn of_part(what: &str, name: &str, reason: Reason, hint: &str) -> Refusal {
        Refusal {
            node: name.to_string(),
            op: what.to_string(),
            domain: String::new(),
            opset: None,
            hint: hint.to_string(),
            reason,
            takes: Vec::new(),
            makes: Vec::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.domain.is_empty() {
            return write!(f, "{} `{}`: {}; {}", self.op, self.node, self.reason, self.hint);
        }
        let is_versioned = !UNVERSIONED.contains(&self.domain.as_str());
        let what = if self.domain == crate::keras::DOMAIN { "layer" } else { "node" };
        write!(f, "{what} `{}` ({}.{}", self.node, self.domain, self.op)?;
        match self.opset {
            Some(opset) => write!(f, ", opset {opset})")?,
            None if !is_versioned => write!(f, ")")?,
            None => write!(f, ", of an operator set that the model does not import)")?,
        }
        write!(f, ": {}; {}", self.reason, self.hint)
    }
}

/// Refusals in the message; the rest is counted. Every one is in the error's data.
const LISTED_MAX: usize = 20;

fn list(refusals: &[Refusal]) -> String {
    let is_layer = refusals.iter().any(|refusal| refusal.domain == crate::keras::DOMAIN);
    let nodes = match (is_layer, refusals.len()) {
        (false, 1) => "node",
        (false, _) => "nodes",
        (true, 1) => "layer",
        (true, _) => "layers",
    };
    let mut text = format!("{} {nodes} cannot be imported:", refusals.len());
    for refusal in refusals.iter().take(LISTED_MAX) {
        text += &format!("\n  {refusal}");
    }
    if refusals.len() > LISTED_MAX {
        text += &format!("\n  and {} more", refusals.len() - LISTED_MAX);
    }
    text
}

fn facts(facts: &[Fact]) -> String {
    let texts: Vec<String> = facts.iter().map(|f| format!("{}{:?}", f.dtype, f.shape)).collect();
    texts.join(", ")
}
