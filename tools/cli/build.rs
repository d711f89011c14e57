//! Builds the template that `schooner build` puts models behind: the runtime as a shared library,
//! for the target that this binary is built for. `src/template.rs` embeds it.
//!
//! Cargo cannot depend on another crate's shared library, so this runs a second `cargo build`. It
//! has a folder of its own for what it builds, because the outer one holds the lock on its.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library is made of: a change in one of these makes another template.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "contract/tensor",
    "contract/recipe",
    "contract/plan",
    "contract/package",
    "engine/simd",
    "engine/kernels",
    "engine/runtime",
    "engine/library",
    "tools/cli/build.rs",
];

fn main() {
    let root = path("CARGO_MANIFEST_DIR").join("../..");
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", root.join(source).display());
    }
    let target = var("TARGET");
    let folder = build_folder();
    let mut cargo = Command::new(path("CARGO"));
    cargo.args(["build", "--release", "--locked", "--lib", "--target", &target]);
    cargo.arg("--manifest-path").arg(root.join("engine/library/Cargo.toml"));
    cargo.arg("--target-dir").arg(&folder);
    // The template is what a user gets, whatever the profile of this binary is.
    cargo.args(["--config", "profile.release.strip='symbols'"]);
    for (name, _) in env::vars_os().filter(|(name, _)| !passes(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo, which runs this, can be run");
    assert!(status.success(), "the library template could not be built: see above");
    let built = folder.join(&target).join("release").join(file_name());
    let template = path("OUT_DIR").join("library.template");
    std::fs::copy(&built, &template).unwrap_or_else(|e| {
        panic!("cannot copy {} to {}: {e}", built.display(), template.display())
    });
    println!("cargo:rustc-env=SCHOONER_TEMPLATE={}", template.display());
}

/// One folder for all profiles of the outer build, so that they share the template; within the
/// target folder, so that it goes when that is cleaned. Cargo marks a target folder that it made
/// itself; in one that was there before, each build of this binary has a template of its own.
fn build_folder() -> PathBuf {
    let out = path("OUT_DIR");
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
    out.ancestors().find(is_target).unwrap_or(&out).join("template")
}

/// Does a variable of the environment hold for the second build too? Those that the outer one
/// set for this crate, and those that change how code is compiled (coverage, a linter in the
/// compiler's place), do not; where crates come from and how many jobs may run does.
fn passes(name: &str) -> bool {
    const KEPT: [&str; 6] = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
    ];
    const DROPPED: [&str; 6] = [
        "CARGO_",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "LLVM_PROFILE",
        "CLIPPY_",
    ];
    let begins = |with: &&str| name.starts_with(*with);
    KEPT.iter().any(begins) || !DROPPED.iter().any(begins)
}

/// What the target calls the library.
fn file_name() -> &'static str {
    match var("CARGO_CFG_TARGET_OS").as_str() {
        "windows" => "library.dll",
        "macos" | "ios" => "liblibrary.dylib",
        _ => "liblibrary.so",
    }
}

fn path(name: &str) -> PathBuf {
    os(name).into()
}

fn var(name: &str) -> String {
    os(name).into_string().unwrap_or_else(|value| panic!("{name} is not UTF-8: {value:?}"))
}

fn os(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for build scripts"))
}
