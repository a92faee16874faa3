#!/usr/bin/env bash
# Measures the program and Python's tutorial, each as it is and tuned for speed: ./scripts/bench.sh [--rounds N].
# Writes assets/bench.json, assets/bench.png and the tables in docs/performance.md. Half an hour, on a machine with nothing else to do.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
export CARGO_TARGET_DIR=target # what is measured is what was built
./scripts/setup.sh --python
cargo build --release
exec .venv/bin/python scripts/bench.py "$@"
