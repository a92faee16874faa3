#!/usr/bin/env bash
# Sets up whatever is missing, builds, and trains: ./scripts/train.sh [options], the options of `cargo run --release -- --help`.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
. scripts/progress.bash
./scripts/setup.sh
cargo build --release 2>&1 | progress >&2
exec cargo run --quiet --release -- "$@"
