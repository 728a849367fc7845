#!/bin/sh
# Profiles every example and prints the table of README.md: the figures there are those of this command, run on one
# machine. It writes to a database and a folder of its own, below target/.
#
#   guest-examples/table.sh             prints the table
#   guest-examples/table.sh --update    and puts it into README.md
set -eu
cd "$(dirname "$0")/.."

fathom() { cargo run --quiet --release -- "$@"; }
FATHOM_DB=target/examples/fathom.db
FATHOM_OUT=target/examples
export FATHOM_DB FATHOM_OUT
rm -rf target/examples
mkdir -p target/examples

for config in $(find guest-examples -name fathom.toml -not -path '*/node_modules/*' | sort); do
    # Those whose modules are built and not kept are left out.
    if grep -q '^build = ' "$config"; then continue; fi
    fathom profile "$(dirname "$config")" >&2
done
fathom report --all >target/examples/table.md

if [ "${1:-}" = --update ]; then
    sed -e '/<!-- table.sh -->/,/<!-- end -->/{//!d;}' -e '/<!-- table.sh -->/r target/examples/table.md' \
        guest-examples/README.md >target/examples/README.md
    cat target/examples/README.md >guest-examples/README.md
fi
cat target/examples/table.md
