//! Which crate must never reach which. Declared dependencies are followed through the members
//! of the workspace; a development dependency counts only where the row says so.

use std::collections::{BTreeSet, VecDeque};

use super::Violation;
use crate::repo::{Dependency, Package, Repo};

/// An arrow that must never be. Ends are `group/*`, `group/crate` or `*`.
struct Arrow {
    from: &'static str,
    /// Members of the workspace or, without a slash, a crate of the registry.
    to: &'static str,
    /// Members that the row does not speak of.
    except: &'static [&'static str],
    reach: Reach,
    reason: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// Normal and build dependencies, at any distance: what ends up linked.
    Linked,
    /// As `Linked`, and the member's own development dependencies too.
    Tested,
    /// Normal and build dependencies declared by the member itself.
    Declared,
}

const FORBIDDEN: &[Arrow] = &[
    Arrow {
        from: "engine/kernels",
        to: "compile/ir",
        except: &[],
        reach: Reach::Linked,
        reason: "a kernel sees slices and sizes, never a graph",
    },
    Arrow {
        from: "engine/*",
        to: "compile/*",
        except: &[],
        reach: Reach::Linked,
        reason: "the engine is inside every library that is built; it knows only plans",
    },
    Arrow {
        from: "serve/*",
        to: "compile/*",
        except: &[],
        reach: Reach::Linked,
        reason: "a server answers with what is already built; retraining is another process",
    },
    Arrow {
        from: "compile/*",
        to: "serve/*",
        except: &[],
        reach: Reach::Linked,
        reason: "a compiler that knows its servers cannot be used without one",
    },
    Arrow {
        from: "engine/*",
        to: "serve/*",
        except: &[],
        reach: Reach::Linked,
        reason: "the engine knows no protocol",
    },
    Arrow {
        from: "contract/*",
        to: "compile/*",
        except: &[],
        reach: Reach::Linked,
        reason: "the contract is what both halves know, so it knows neither",
    },
    Arrow {
        from: "contract/*",
        to: "engine/*",
        except: &[],
        reach: Reach::Linked,
        reason: "the contract is what both halves know, so it knows neither",
    },
    Arrow {
        from: "contract/*",
        to: "serve/*",
        except: &[],
        reach: Reach::Linked,
        reason: "the contract is what both halves know, so it knows neither",
    },
    Arrow {
        from: "serve/rest",
        to: "serve/grpc",
        except: &[],
        reach: Reach::Tested,
        reason: "a protocol translates; what two share belongs to serve/server",
    },
    Arrow {
        from: "serve/grpc",
        to: "serve/rest",
        except: &[],
        reach: Reach::Tested,
        reason: "a protocol translates; what two share belongs to serve/server",
    },
    Arrow {
        from: "serve/repository",
        to: "serve/*",
        except: &[],
        reach: Reach::Tested,
        reason: "folders and files say what is desired; whoever serves it asks them",
    },
    Arrow {
        from: "*",
        to: "tools/servables",
        except: &["tools/fuzzing"],
        reach: Reach::Linked,
        reason: "models that only tests ask have no place in a server",
    },
    Arrow {
        from: "*",
        to: "tools/testkit",
        except: &[],
        reach: Reach::Linked,
        reason: "test support in a shipped binary is weight and attack surface",
    },
    Arrow {
        from: "*",
        to: "tools/fuzzing",
        except: &[],
        reach: Reach::Linked,
        reason: "what breaks a program on purpose has no place in it",
    },
    Arrow {
        from: "*",
        to: "tools/cli",
        except: &[],
        reach: Reach::Tested,
        reason: "the command line is the last stage: nothing comes after it",
    },
    Arrow {
        from: "*",
        to: "tools/xtask",
        except: &[],
        reach: Reach::Tested,
        reason: "the workspace's own tool is no part of the product",
    },
    Arrow {
        from: "serve/*",
        to: "axum",
        except: &["serve/grpc", "serve/listen", "serve/rest"],
        reach: Reach::Declared,
        reason: "HTTP is one protocol's matter; the server behind it is protocol-free",
    },
    Arrow {
        from: "serve/*",
        to: "tonic",
        except: &["serve/grpc"],
        reach: Reach::Declared,
        reason: "gRPC is one protocol's matter; the server behind it is protocol-free",
    },
    Arrow {
        from: "engine/*",
        to: "tokio",
        except: &[],
        reach: Reach::Declared,
        reason: "the engine brings its own small thread pool and runs inside any program",
    },
];

pub(crate) fn check(repo: &Repo) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &repo.packages {
        let mut said = BTreeSet::new();
        for arrow in FORBIDDEN {
            if !matches(arrow.from, &package.folder) || arrow.except.contains(&&*package.folder) {
                continue;
            }
            for path in paths(repo, package, arrow) {
                if said.insert(path.last().cloned()) {
                    found.push(violation(repo, package, arrow, &path));
                }
            }
        }
    }
    found
}

/// The ways from `package` to what `arrow` forbids, each a shortest one: folders or crate names,
/// the first being a dependency that `package` itself declares.
fn paths(repo: &Repo, package: &Package, arrow: &Arrow) -> Vec<Vec<String>> {
    let mut ways = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue: VecDeque<(&Package, Vec<String>)> = VecDeque::from([(package, Vec::new())]);
    while let Some((at, way)) = queue.pop_front() {
        for dependency in &at.dependencies {
            let linked = dependency.kind.as_deref() != Some("dev");
            let tested = arrow.reach == Reach::Tested && way.is_empty();
            if !(linked || tested) {
                continue;
            }
            let to = dependency.folder.as_ref().unwrap_or(&dependency.name);
            // A crate may name itself to test with its own features.
            if *to == package.folder || !seen.insert(to) {
                continue;
            }
            let way: Vec<String> = way.iter().chain([to]).cloned().collect();
            if matches(arrow.to, to) {
                ways.push(way);
            } else if let Some(next) = repo.packages.iter().find(|next| next.folder == *to)
                && arrow.reach != Reach::Declared
            {
                queue.push_back((next, way));
            }
        }
    }
    ways
}

fn violation(repo: &Repo, package: &Package, arrow: &Arrow, way: &[String]) -> Violation {
    let manifest = format!("{}/Cargo.toml", package.folder);
    let first = package.dependencies.iter().find(|dependency| {
        let to = dependency.folder.as_ref().unwrap_or(&dependency.name);
        Some(to) == way.first()
    });
    let line = first.map_or(1, |dependency| {
        repo.file(&manifest).map_or(1, |file| declared_on(&file.text, dependency))
    });
    Violation {
        path: manifest,
        line,
        found: format!("{} -> {}", package.folder, way.join(" -> ")),
        allowed: format!("no arrow {} -> {}: {}", arrow.from, arrow.to, arrow.reason),
        fix: match arrow.reach {
            Reach::Linked => "move what is needed to contract/, or to [dev-dependencies] if only \
                              tests need it"
                .to_owned(),
            Reach::Tested | Reach::Declared => {
                "move what is needed to a crate that both may know".to_owned()
            }
        },
    }
}

/// The line of a manifest that declares the dependency; 1 when it cannot be told.
fn declared_on(manifest: &str, dependency: &Dependency) -> usize {
    // Members are declared by their folder's name, which the workspace renames to the package.
    let short = dependency.folder.as_deref().and_then(|folder| folder.rsplit('/').next());
    let names = [dependency.rename.as_deref(), short, Some(dependency.name.as_str())];
    let declares = |line: &str| {
        names.iter().flatten().any(|name| {
            line.trim_start()
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        })
    };
    let table = manifest.lines().position(|line| line.contains("dependencies]")).unwrap_or(0);
    let found = manifest.lines().skip(table).position(declares);
    found.map_or(1, |line| table + line + 1)
}

fn matches(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(group) => folder.starts_with(group),
        None => pattern == folder,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, member, repo};
    use super::*;

    #[test]
    fn arrows_along_the_data_are_fine() {
        let members = [
            member("contract/plan", &["dev:tools/testkit"]),
            member("compile/ir", &[]),
            member("compile/reference", &["compile/ir"]),
            member("engine/kernels", &["contract/plan", "dev:compile/reference"]),
            member("engine/runtime", &["engine/kernels"]),
            member("serve/server", &["engine/runtime", "dev:compile/ir"]),
            member("serve/rest", &["serve/server", "axum"]),
            member("tools/testkit", &["compile/reference"]),
            member("tools/cli", &["serve/rest", "compile/ir", "axum"]),
        ];
        sample::check(&check(&repo(&[], &members)), &[]);
    }

    #[test]
    fn every_forbidden_arrow_is_seen() {
        for (from, to) in [
            ("engine/kernels", "compile/ir"),
            ("engine/runtime", "build:compile/lower"),
            ("serve/server", "compile/import"),
            ("compile/lower", "serve/server"),
            ("engine/runtime", "serve/monitor"),
            ("contract/plan", "compile/ir"),
            ("contract/plan", "engine/simd"),
            ("contract/plan", "serve/server"),
            ("serve/rest", "dev:serve/grpc"),
            ("serve/grpc", "serve/rest"),
            ("serve/repository", "serve/server"),
            ("tools/cli", "tools/testkit"),
            ("serve/rest", "dev:tools/cli"),
            ("compile/ir", "tools/xtask"),
            ("serve/server", "axum"),
            ("serve/rest", "tonic"),
            ("engine/runtime", "tokio"),
        ] {
            let found = check(&repo(&[], &[member(from, &[to])]));
            sample::check(&found, &[&format!("{from}/Cargo.toml:1")]);
        }
    }

    #[test]
    fn an_arrow_through_a_third_crate_is_seen_and_its_line_named() {
        let manifest =
            "[package]\nname = \"schooner-rest\"\n[dependencies]\nserver.workspace = 1\n";
        let members = [
            member("serve/rest", &["serve/server"]),
            member("serve/server", &["contract/plan"]),
            member("contract/plan", &["compile/ir"]),
        ];
        let found = check(&repo(&[("serve/rest/Cargo.toml", manifest)], &members));
        sample::check(
            &found,
            &["serve/rest/Cargo.toml:4", "serve/server/Cargo.toml:1", "contract/plan/Cargo.toml:1"],
        );
        assert_eq!(found[0].found, "serve/rest -> serve/server -> contract/plan -> compile/ir");
    }
}
