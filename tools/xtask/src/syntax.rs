//! Questions about Rust source that several rules ask: how long is each function, where do the
//! trailing tests begin, which words stand in the code (and not in a comment or a string).

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A function with a body.
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of the word `fn`, counted from 1.
    pub(crate) line: usize,
    /// Lines from the word `fn` to the closing brace, both counted.
    pub(crate) lines: usize,
}

/// Every function with a body, methods and nested ones too, in the order of the file.
/// A function inside a macro call is not seen: its tokens are not Rust until the macro runs.
pub(crate) fn functions(tree: &syn::File) -> Vec<Function> {
    let mut found = Functions(Vec::new());
    found.visit_file(tree);
    found.0
}

/// Line on which the `#[cfg(test)] mod … { … }` that closes the file begins, its attributes
/// included; `None` when the file does not end with one.
pub(crate) fn trailing_tests(tree: &syn::File) -> Option<usize> {
    let syn::Item::Mod(module) = tree.items.last()? else { return None };
    module.content.as_ref()?;
    module.attrs.iter().any(is_cfg_test).then_some(())?;
    let first = module.attrs.first()?;
    Some(first.pound_token.span.start().line)
}

/// Whether `path` names a crate's tests: `tests/…`, `src/…/tests.rs` or `src/…/tests/…`.
pub(crate) fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Lines on which `word` stands as an identifier in the code, inside macro bodies too.
/// Comments and strings are not code; `followed_by` asks for the next token, such as `!`.
pub(crate) fn lines_with(
    tokens: &TokenStream,
    word: &str,
    followed_by: Option<char>,
) -> Vec<usize> {
    let mut lines = Vec::new();
    walk(tokens, &mut |trees| {
        for (at, tree) in trees.iter().enumerate() {
            let next = trees.get(at + 1);
            if let TokenTree::Ident(ident) = tree
                && ident == word
                && followed_by.is_none_or(|mark| is_punctuation(next, mark))
            {
                lines.push(ident.span().start().line);
            }
        }
    });
    lines
}

/// Every identifier of the code with its line, in the order of lines; macro bodies too.
pub(crate) fn identifiers(tokens: &TokenStream) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    walk(tokens, &mut |trees| {
        for tree in trees {
            if let TokenTree::Ident(ident) = tree {
                found.push((ident.span().start().line, ident.to_string()));
            }
        }
    });
    found.sort();
    found
}

/// Lines of the attributes `#[word …]` and `#![word …]`, inside macro bodies too.
pub(crate) fn attribute_lines(tokens: &TokenStream, word: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    walk(tokens, &mut |trees| {
        for (at, tree) in trees.iter().enumerate() {
            let TokenTree::Group(group) = tree else { continue };
            let marked = is_punctuation(at.checked_sub(1).and_then(|at| trees.get(at)), '#')
                || is_punctuation(at.checked_sub(1).and_then(|at| trees.get(at)), '!');
            let names = matches!(
                group.stream().into_iter().next(),
                Some(TokenTree::Ident(ident)) if ident == word
            );
            if marked && names && group.delimiter() == Delimiter::Bracket {
                lines.push(group.span_open().start().line);
            }
        }
    });
    lines
}

/// The inner attributes of a file (`#![…]`) that speak of the word, such as `forbid`.
pub(crate) fn inner_attributes<'a>(
    tree: &'a syn::File,
    word: &'a str,
) -> impl Iterator<Item = (usize, &'a syn::Attribute)> {
    tree.attrs.iter().filter_map(move |attribute| {
        let line = attribute.pound_token.span.start().line;
        let nested = match &attribute.meta {
            syn::Meta::List(list) => !lines_with(&list.tokens, word, None).is_empty(),
            syn::Meta::Path(_) | syn::Meta::NameValue(_) => false,
        };
        (attribute.path().is_ident(word) || nested).then_some((line, attribute))
    })
}

struct Functions(Vec<Function>);

impl Functions {
    fn push(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let end = body.brace_token.span.close().end().line;
        self.0.push(Function { name: signature.ident.to_string(), line, lines: end + 1 - line });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.push(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.push(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.push(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        syn::Meta::Path(_) | syn::Meta::NameValue(_) => false,
    }
}

fn is_punctuation(tree: Option<&TokenTree>, mark: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

/// Calls `see` with the tokens of each nesting level, outermost first.
fn walk(tokens: &TokenStream, see: &mut impl FnMut(&[TokenTree])) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    see(&trees);
    for tree in &trees {
        if let TokenTree::Group(group) = tree {
            walk(&group.stream(), see);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_fn_to_the_closing_brace() {
        let source = "/// Doc.\npub fn a() {\n}\nimpl T {\n    fn b() {\n        1;\n    }\n}\n";
        let found = functions(&syn::parse_file(source).unwrap());
        let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(found, [("a", 2, 2), ("b", 5, 3)]);
    }

    #[test]
    fn trailing_tests_begin_at_their_first_attribute() {
        let with = "fn a() {}\n\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(trailing_tests(&syn::parse_file(with).unwrap()), Some(3));
        for without in ["mod tests {}\n", "#[cfg(test)]\nmod tests;\n", "#[cfg(unix)]\nmod a {}\n"]
        {
            assert_eq!(trailing_tests(&syn::parse_file(without).unwrap()), None, "{without}");
        }
    }

    #[test]
    fn words_are_found_in_code_only() {
        let source =
            "// unsafe\nconst A: &str = \"unsafe\";\nmacro_rules! m { () => { unsafe {} } }";
        assert_eq!(lines_with(&source.parse().unwrap(), "unsafe", None), [3]);
        let source = "fn a() { now!(); now() }";
        assert_eq!(lines_with(&source.parse().unwrap(), "now", Some('!')), [1]);
    }

    #[test]
    fn attributes_are_told_from_indexing() {
        let source = "#[ignore]\nfn a() { x[ignore]; }\n#[ignore = \"slow\"]\nfn b() {}";
        assert_eq!(attribute_lines(&source.parse().unwrap(), "ignore"), [1, 3]);
    }
}
