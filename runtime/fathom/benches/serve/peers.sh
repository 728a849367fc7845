#!/usr/bin/env bash
# Installs into target/peers what `cargo bench -p fathom --bench serve` compares with: wasmtime (ten minutes to build), the
# Functions Framework for Python, and wrk, which asks.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
command -v wrk >/dev/null || apt-get install -y --no-install-recommends wrk
python3 -m pip install --quiet --upgrade --target target/peers/python functions-framework==3.10.2
[ -x target/peers/bin/wasmtime ] || cargo install wasmtime-cli@48.0.8 --locked --root target/peers --no-default-features \
  --features serve,pooling-allocator,cranelift,component-model,component-model-async,parallel-compilation,run,cache
