//! TorchServe's three ports, with small models behind them.

mod inputs;
mod management;
mod mutated;
mod recordings;
mod support;
