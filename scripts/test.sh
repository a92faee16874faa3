#!/usr/bin/env bash
# Sets up whatever is missing and runs the tests. Those that put Python beside the program need `./scripts/setup.sh --python`
# first, those on real MNIST need data/mnist; without them they say that they were not run.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
./scripts/setup.sh
# Several programs at once: a thread that waits should leave its core to another.
export GOMP_SPINCOUNT=0
exec cargo test --release --no-fail-fast "$@"
