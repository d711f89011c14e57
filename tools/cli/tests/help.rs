//! Every `--help` as text in the repository, so that a change of the interface is seen as one.
//! `BLESS=1 cargo test -p schooner-cli --test help` writes the text anew.

mod support;

use std::fmt::Write;
use support::schooner;

const COMMANDS: [&str; 14] = [
    "inspect", "check", "recipe", "run", "verify", "skew", "eval", "compress", "bench", "serve",
    "build", "export", "kernels", "demo",
];

#[test]
fn the_help_is_as_stored() {
    let mut text = String::new();
    for command in std::iter::once(None).chain(COMMANDS.map(Some)) {
        let words: Vec<&str> = command.into_iter().chain(["--help"]).collect();
        let output = schooner(&words).env("COLUMNS", "100").output().unwrap();
        assert!(output.status.success(), "{words:?}");
        let help = String::from_utf8(output.stdout).unwrap();
        if command.is_some() {
            assert!(help.contains("Examples:"), "{words:?} shows no example");
        }
        let _ = writeln!(text, "$ schooner {}\n{help}", words.join(" "));
    }
    let path = testkit::repository().join("docs/help.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "the help differs from docs/help.txt; look at it with BLESS=1 cargo test -p schooner-cli \
         --test help && git diff docs/help.txt"
    );
}
