#!/bin/sh
# Builds line-reader.wasm and inputs.wasm, beside this script or in the folder given.
# Exits with 77 and says why where the compiler is absent.
set -eu
out=$(mkdir -p "${1:-$(dirname "$0")}" && cd "${1:-$(dirname "$0")}" && pwd)
cd "$(dirname "$0")"

command -v cargo >/dev/null || { echo "skipped: no cargo" >&2; exit 77; }
[ -d "$(rustc --print target-libdir --target wasm32-wasip1)" ] ||
    { echo "skipped: no wasm32-wasip1 (rustup target add wasm32-wasip1)" >&2; exit 77; }

# Paths of the machine stay out of the modules, so that the same compiler gives the same bytes everywhere.
remap="--remap-path-prefix=$PWD=line-reader --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"

build() { # package folder, flags, name of what is built
    RUSTFLAGS="$remap $2" cargo build --quiet --release --locked --target wasm32-wasip1 \
        --manifest-path "$1/Cargo.toml" --target-dir "$1/target"
    install -m 644 "$1/target/wasm32-wasip1/release/$3.wasm" "$out/$3.wasm"
}
build . "-C link-arg=--export=LINES" line-reader
build generator "" inputs
