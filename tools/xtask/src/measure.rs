//! The numbers that are looked at every few weeks: how long files and functions are, how much is
//! documented, how much is unsafe. They are printed, not held; `tidy` holds the limits.

use std::io::Write;

use syn::visit::{self, Visit};

use crate::repo::{Error, Repo};
use crate::syntax::{functions, is_test_path, lines_with};
use crate::tidy::file_length::lengths;
use crate::tidy::function_length;

/// What is counted in some set of files.
#[derive(Default)]
struct Numbers {
    /// Lines of each file before its trailing tests, files of tests apart.
    files: Vec<usize>,
    test_lines: usize,
    /// Lines of each function.
    functions: Vec<usize>,
    public: usize,
    documented: usize,
    unsafe_words: usize,
    feature_lines: usize,
    macros: usize,
    todos: usize,
}

/// The longest things, so that the next look knows where to go.
const LONGEST: usize = 5;

/// Prints one column for each group of crates and one for all, then the longest things.
pub(crate) fn run(out: &mut impl Write) -> Result<bool, Error> {
    let repo = Repo::load()?;
    let groups = ["contract", "compile", "engine", "serve", "tools", ""];
    let columns: Vec<Numbers> = groups.iter().map(|group| count(&repo, group)).collect();
    write!(out, "{:<26}", "")?;
    for group in groups {
        write!(out, "{:>10}", if group.is_empty() { "all" } else { group })?;
    }
    writeln!(out)?;
    for (name, value) in ROWS {
        write!(out, "{name:<26}")?;
        for column in &columns {
            write!(out, "{:>10}", value(column))?;
        }
        writeln!(out)?;
    }
    print_longest(out, &repo)?;
    Ok(true)
}

/// A number's name and how it is read.
type Row = (&'static str, fn(&Numbers) -> String);

const ROWS: &[Row] = &[
    ("files of code", |n| n.files.len().to_string()),
    ("lines of code", |n| n.files.iter().sum::<usize>().to_string()),
    ("lines of tests", |n| n.test_lines.to_string()),
    ("median file, lines", |n| percentile(&n.files, 50).to_string()),
    ("p90 file, lines", |n| percentile(&n.files, 90).to_string()),
    ("files over 500 lines", |n| n.files.iter().filter(|lines| **lines > 500).count().to_string()),
    ("functions", |n| n.functions.len().to_string()),
    ("median function, lines", |n| percentile(&n.functions, 50).to_string()),
    ("p90 function, lines", |n| percentile(&n.functions, 90).to_string()),
    ("functions over 70 lines", |n| {
        let long = n.functions.iter().filter(|lines| **lines > function_length::LINES_MAX);
        long.count().to_string()
    }),
    ("public items documented", |n| match n.public {
        0 => "-".to_owned(),
        public => format!("{} %", n.documented * 100 / public),
    }),
    ("`unsafe`", |n| n.unsafe_words.to_string()),
    ("lines with cfg(feature)", |n| n.feature_lines.to_string()),
    ("macro_rules", |n| n.macros.to_string()),
    ("TODO without an issue", |n| n.todos.to_string()),
];

fn count(repo: &Repo, group: &str) -> Numbers {
    let mut numbers = Numbers::default();
    for (file, rust) in repo.rust_files() {
        if !group.is_empty() && !file.path.starts_with(&format!("{group}/")) {
            continue;
        }
        let (code, tests) = lengths(file);
        if !is_test_path(&file.path) {
            numbers.files.push(code);
        }
        numbers.test_lines += tests;
        numbers.functions.extend(functions(&rust.tree).iter().map(|function| function.lines));
        numbers.unsafe_words += lines_with(&rust.tokens, "unsafe", None).len();
        numbers.macros += lines_with(&rust.tokens, "macro_rules", Some('!')).len();
        numbers.feature_lines += file
            .text
            .lines()
            .filter(|line| line.contains("cfg") && line.contains("feature = "))
            .count();
        let todo = |line: &&str| line.contains("// TODO") && !line.contains("// TODO(#");
        numbers.todos += file.text.lines().filter(todo).count();
        numbers.visit_file(&rust.tree);
    }
    numbers
}

fn print_longest(out: &mut impl Write, repo: &Repo) -> Result<(), Error> {
    let mut files = Vec::new();
    let mut longest = Vec::new();
    for (file, rust) in repo.rust_files() {
        files.push((lengths(file).0, file.path.clone()));
        for function in functions(&rust.tree) {
            let place = format!("{}:{} {}", file.path, function.line, function.name);
            longest.push((function.lines, place));
        }
    }
    for (what, mut things) in [("files", files), ("functions", longest)] {
        things.sort_by(|a, b| b.cmp(a));
        writeln!(out, "\nlongest {what}")?;
        for (lines, place) in things.iter().take(LONGEST) {
            writeln!(out, "{lines:>6}  {place}")?;
        }
    }
    Ok(())
}

/// The smallest value that at least `percent` of them do not exceed; 0 when there are none.
fn percentile(values: &[usize], percent: usize) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

impl Numbers {
    fn see(&mut self, visibility: &syn::Visibility, attributes: &[syn::Attribute]) {
        if matches!(visibility, syn::Visibility::Public(_)) {
            self.public += 1;
            let has_doc = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
            self.documented += usize::from(has_doc);
        }
    }
}

/// Items marked plain `pub`: what the lint `missing_docs` looks at, reachable or not. Modules
/// are left out: their doc stands inside them.
impl<'ast> Visit<'ast> for Numbers {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Fn(item) => self.see(&item.vis, &item.attrs),
            syn::Item::Struct(item) => self.see(&item.vis, &item.attrs),
            syn::Item::Enum(item) => self.see(&item.vis, &item.attrs),
            syn::Item::Trait(item) => self.see(&item.vis, &item.attrs),
            syn::Item::Type(item) => self.see(&item.vis, &item.attrs),
            syn::Item::Const(item) => self.see(&item.vis, &item.attrs),
            syn::Item::Static(item) => self.see(&item.vis, &item.attrs),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.see(&item.vis, &item.attrs);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.see(&field.vis, &field.attrs);
        visit::visit_field(self, field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occur() {
        for (values, percent, expected) in [
            (&[][..], 50, 0),
            (&[7], 90, 7),
            (&[3, 1, 2], 50, 2),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, 9),
        ] {
            assert_eq!(percentile(values, percent), expected, "{values:?} {percent}");
        }
    }

    #[test]
    fn only_public_items_are_asked_for_docs() {
        let source = "/// A.\npub struct A { /// B.\n pub b: u8, pub c: u8, d: u8 }\n\
                      impl A { pub fn e() {} pub(crate) fn f() {} }\nfn g() {}\n";
        let mut numbers = Numbers::default();
        numbers.visit_file(&syn::parse_file(source).unwrap());
        assert_eq!((numbers.public, numbers.documented), (4, 2));
    }
}
