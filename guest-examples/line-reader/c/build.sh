#!/bin/sh
# Builds line-reader.wasm, beside this script or in the folder given, with the first of these that is there:
#   $WASI_CC             such as /opt/wasi-sdk/bin/clang
#   clang, clang-22      with a wasi-libc: apt install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32
#   python3 -m ziglang   pip install ziglang (PYTHON names another interpreter)
# The module that is kept here comes from Debian's clang-22, whose wasi-libc has the common allocator, dlmalloc. Zig
# brings another one (emmalloc in 0.15, one of its own in 0.17): then memory differs, output does not.
# Exits with 77 and says why where there is no compiler.
set -eu
out=$(mkdir -p "${1:-$(dirname "$0")}" && cd "${1:-$(dirname "$0")}" && pwd)
cd "$(dirname "$0")"

# Whether a command line can make a guest: it needs a linker and a C library too.
works() {
    printf '#include <stdio.h>\nint main(void) { return puts(""); }\n' |
        "$@" --target=wasm32-wasi -Wno-deprecated -x c - -o /dev/null 2>/dev/null
}
compile() {
    echo "compiler: $*" >&2
    # A small stack (wasm-ld's usual one, named for zig's sake) keeps the initial memory small. Paths of the machine stay
    # out of the module.
    "$@" --target=wasm32-wasi -Wno-deprecated -std=gnu17 -Wall -Wextra -Werror -g -O2 -ffile-prefix-map="$PWD"=line-reader \
        -Wl,--export=lines -Wl,-z,stack-size=65536 main.c -o "$out/line-reader.wasm"
    chmod 644 "$out/line-reader.wasm"
    exit 0
}

if [ -n "${WASI_CC:-}" ]; then compile "$WASI_CC"; fi
for clang in clang clang-22; do
    if works $clang; then compile $clang; fi
done
python=${PYTHON:-python3}
if works "$python" -m ziglang cc; then compile "$python" -m ziglang cc; fi
echo "skipped: no C compiler for wasm32-wasi: install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32, or ziglang" >&2
exit 77
