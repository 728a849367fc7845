#!/bin/sh
# Builds line-reader.wasm, beside this script or in the folder given. Needs the compiler: `npm install` in this folder,
# or ASC, which names an `asc` elsewhere.
# Exits with 77 and says why where the compiler is absent.
set -eu
out=$(mkdir -p "${1:-$(dirname "$0")}" && cd "${1:-$(dirname "$0")}" && pwd)
cd "$(dirname "$0")"

asc=${ASC:-./node_modules/.bin/asc}
"$asc" --version >/dev/null 2>&1 || { echo "skipped: no AssemblyScript compiler (npm install, in $PWD)" >&2; exit 77; }

# --debug keeps the names of functions, which is how the allocator is found.
"$asc" main.ts --outFile "$out/line-reader.wasm" -O --debug --exportRuntime --use abort=main/stop
chmod 644 "$out/line-reader.wasm"
