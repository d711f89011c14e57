//! Compiles `proto/` into what reflection tells of the services: each file's descriptor, what it
//! imports, and which names it has.

use protox::Compiler;
use protox::prost_reflect::prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorProto;
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The file of the reflection protocol, of which there are two versions.
const REFLECTION: &str = "reflection_v1.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // The version before has the same messages under another name, and older clients ask by it.
    let reflection = fs::read_to_string(Path::new("proto").join(REFLECTION))?;
    let reflection =
        reflection.replace("package grpc.reflection.v1;", "package grpc.reflection.v1alpha;");
    fs::write(out.join("reflection_v1alpha.proto"), reflection)?;
    let mut compiler = Compiler::new([Path::new("proto"), &out])?;
    compiler.include_imports(true);
    for folder in [Path::new("proto"), &out] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "proto") {
                compiler.open_file(path)?;
            }
        }
    }
    let mut table = "const FILES: &[File] = &[\n".to_string();
    for file in compiler.file_descriptor_set().file {
        writeln!(table, "{}", row(&out, &file)?)?;
    }
    table.push_str("];\n");
    fs::write(out.join("files.rs"), table)?;
    Ok(())
}

/// A file as a row of the table; its descriptor goes to a file of its own.
fn row(out: &Path, file: &FileDescriptorProto) -> Result<String, Box<dyn Error>> {
    let descriptor = out.join(file.name().replace('/', "_")).with_extension("descriptor");
    fs::write(&descriptor, file.encode_to_vec())?;
    let full = |name: &str| format!("{}.{name}", file.package());
    let services: Vec<String> = file.service.iter().map(|service| full(service.name())).collect();
    let types = file.message_type.iter().map(|message| full(message.name()));
    let types: Vec<String> = types.chain(file.enum_type.iter().map(|e| full(e.name()))).collect();
    Ok(format!(
        "File {{ name: {:?}, descriptor: include_bytes!({descriptor:?}), imports: &{:?}, \
         services: &{services:?}, types: &{types:?} }},",
        file.name(),
        file.dependency,
    ))
}
