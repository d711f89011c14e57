# Short names for commands that need no `just`; the steps of a check are listed in tools/xtask.

# list the recipes
default:
    @just --list --unsorted

# fmt, tidy, typos, deny, clippy, doc, doctest, generic, avx2, test: what CI runs
check:
    cargo xtask check

# all tests
test:
    cargo xtask check doctest test

# the tests of one crate: `just test-crate import`
test-crate NAME:
    cargo nextest run --package schooner-{{NAME}}
    cargo test --doc --package schooner-{{NAME}}

# hold the stated rules
tidy:
    cargo xtask tidy

# lay out the sources
fmt:
    cargo fmt --all

# the numbers that are looked at every few weeks
measure:
    cargo xtask measure

# time a model with the release build: `just bench examples/fashion/fashion.onnx`
bench MODEL *FLAGS:
    cargo run --release --package schooner-cli -- bench {{MODEL}} {{FLAGS}}

# compress models beside onnxruntime.quantization and NNCF: `just compress --fixtures FOLDER`
compress *FLAGS:
    cargo build --release --package schooner-cli
    python3 benches/compress/compress.py {{FLAGS}}

# time Schooner beside ONNX Runtime and OpenVINO; sets up a virtual environment on its first run
peers *FLAGS:
    cargo build --release --package schooner-cli
    python3 benches/peers/peers.py {{FLAGS}}

# load Schooner as a server beside Triton, MLServer, LitServe and TorchServe, which it sets up
serving *FLAGS:
    cargo build --release --package schooner-cli
    python3 benches/serving/serving.py {{FLAGS}}

# send Schooner twice what it can answer, for two minutes
overload *FLAGS:
    cargo build --release --package schooner-cli
    python3 benches/serving/overload.py {{FLAGS}}

# look for inputs that break a reader: `just fuzz import_onnx`; fuzz/README.md says more
fuzz TARGET SECONDS="300":
    mkdir -p fuzz/corpus/{{TARGET}}
    cd fuzz && cargo run --release --bin {{TARGET}} -- corpus/{{TARGET}} \
        -max_total_time={{SECONDS}} -timeout=20 -rss_limit_mb=3000

# the main job on the small classifier: serve, ask, build a library
demo:
    cargo run --release --package schooner-cli -- demo
