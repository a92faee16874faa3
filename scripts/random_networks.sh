#!/usr/bin/env bash
# Draws networks and trainings from a seed, trains each of them here and in PyTorch, and compares all that they come to:
# ./scripts/random_networks.sh [--seed S] [--count N], 200 of seed 0 unless told otherwise. A network that differs is printed as
# Python that repeats it, to be run in the folder scripts.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
./scripts/setup.sh --python
exec cargo test --quiet --release --test random_networks -- "$@"
