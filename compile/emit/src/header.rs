//! The C header beside a library: the C interface, and what is known of the model as macros.

use crate::{Emission, c_text, manifest};
use package::abi;
use plan::Port;
use std::fmt::{self, Write};
use std::path::Path;
use tensor::{Bindings, Dim};

/// A model as C sees it.
pub(crate) struct Model<'a> {
    pub(crate) emission: &'a Emission<'a>,
    /// Name of the library's file: `libm.so`.
    pub(crate) file: String,
    /// The same without its ending, which header and example are named after.
    pub(crate) stem: String,
    /// What the model's macros begin with: `LIBM`.
    pub(crate) prefix: String,
}

impl<'a> Model<'a> {
    pub(crate) fn new(emission: &'a Emission<'a>, out: &Path) -> Model<'a> {
        let file = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = c_text::macro_prefix(&stem);
        Model { emission, file, stem, prefix }
    }

    /// The text of the header.
    pub(crate) fn header(&self) -> String {
        let mut text = String::new();
        self.write_header(&mut text).expect("a string can always grow");
        text
    }

    /// Are encoded images taken in place of the one input?
    pub(crate) fn takes_image(&self) -> bool {
        self.emission.recipe.is_some() && self.emission.plan.signature.inputs.len() == 1
    }

    /// Sizes for a first try: those of the signature, with the plan's defaults for its symbols.
    pub(crate) fn try_sizes(&self, port: &Port) -> Vec<i64> {
        let sizes: &Bindings = &self.emission.plan.defaults;
        // A symbol without a default may be of any size: 1 is the smallest that is something.
        port.shape.iter().map(|dim: &Dim| dim.evaluate(sizes).unwrap_or(1)).collect()
    }

    fn write_header(&self, to: &mut String) -> fmt::Result {
        let Model { emission, prefix, .. } = self;
        let signature = &emission.plan.signature;
        let name = c_text::comment(&emission.plan.name);
        let (file, by) = (c_text::comment(&self.file), manifest::created_by());
        writeln!(to, "/* {file}: model {name}, built by {by}. Not to be edited. */")?;
        writeln!(to, "#ifndef SCHOONER_H\n#define SCHOONER_H\n")?;
        to.push_str(abi::C_HEADER);
        writeln!(to, "\n#endif /* SCHOONER_H */\n")?;
        writeln!(to, "#if SCHOONER_ABI_VERSION != {}", abi::VERSION)?;
        writeln!(to, "#error \"headers of two versions of schooner: build the models again\"")?;
        writeln!(to, "#endif\n")?;
        writeln!(to, "#ifndef {prefix}_H\n#define {prefix}_H\n")?;
        writeln!(to, "#define {prefix}_NAME {}", c_text::literal(&emission.plan.name))?;
        writeln!(to, "#define {prefix}_VERSION {}", c_text::literal(emission.version))?;
        let labels = emission.recipe.map_or(0, |recipe| recipe.post.labels.len());
        writeln!(to, "#define {prefix}_LABEL_COUNT {labels}")?;
        writeln!(to, "#define {prefix}_TAKES_IMAGE {}", i32::from(self.takes_image()))?;
        for (kind, ports) in [("INPUT", &signature.inputs), ("OUTPUT", &signature.outputs)] {
            writeln!(to, "\n#define {prefix}_{kind}_COUNT {}", ports.len())?;
            for (index, port) in ports.iter().enumerate() {
                write_port(to, &format!("{prefix}_{kind}_{index}"), port)?;
            }
        }
        writeln!(to, "\n#endif /* {prefix}_H */")
    }
}

fn write_port(to: &mut String, prefix: &str, port: &Port) -> fmt::Result {
    writeln!(to, "#define {prefix}_NAME {}", c_text::literal(&port.name))?;
    writeln!(to, "#define {prefix}_DTYPE {}", abi::dtype_code(port.dtype).1)?;
    writeln!(to, "#define {prefix}_RANK {}", port.shape.len())?;
    let sizes = port.shape.iter().map(|dim| dim.known().unwrap_or(-1));
    writeln!(to, "#define {prefix}_DIMS {}", initializer(sizes))
}

/// `{1, 3, 224, 224}`; C has no empty one.
pub(crate) fn initializer(numbers: impl Iterator<Item = i64>) -> String {
    let numbers: Vec<String> = numbers.map(|n| n.to_string()).collect();
    if numbers.is_empty() { "{0}".to_string() } else { format!("{{{}}}", numbers.join(", ")) }
}
