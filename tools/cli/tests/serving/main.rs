//! What a server does when things go wrong around it: the real binary, real files, real sockets,
//! real signals. `docs/reliability.md` has the figures.

#[path = "../support/mod.rs"]
mod support;

mod client;
mod clients_of_others;
mod clients_that_leave;
mod disk;
mod files;
mod killed;
mod managed;
mod memory;
mod models;
mod names;
mod overload;
mod reload;
mod site;
mod stopped;
mod text;
