#!/usr/bin/env bash
# Runs the Rust program and scripts/tutorial.py with the same options and compares them: ./scripts/compare.sh [options].
# Fails when a logged loss or accuracy or a printed line differs; on a GPU where that is so with --deterministic.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
export CARGO_TARGET_DIR=target # what is measured is what was built
./scripts/setup.sh --python
cargo build --release
exec .venv/bin/python scripts/compare.py "$@"
