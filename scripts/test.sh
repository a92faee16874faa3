#!/usr/bin/env bash
# Sets up whatever is missing and runs the tests. Those that put Python beside the program need `./scripts/setup.sh --python`
# first, those on real MNIST need data/mnist; without them they say that they were not run.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
exec cargo test --release "$@"
