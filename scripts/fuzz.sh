#!/usr/bin/env bash
# Coverage-guided fuzzing of the readers and of requests to the page: ./scripts/fuzz.sh [seconds for each]. Installs
# cargo-fuzz if it is missing.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
./scripts/setup.sh
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
# Neither sanitizer nor nightly: the readers are safe Rust, what is looked for are panics, hangs and memory. One codegen unit would
# compile for longer and run no faster.
build=(--release --sanitizer none --codegen-units 16)
cargo fuzz build "${build[@]}" # all targets at once: each takes one core
for target in csv idx cifar run request picture; do
  mkdir -p "fuzz/corpus/$target"
  cargo fuzz run "${build[@]}" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="${1:-60}" -timeout=10 -rss_limit_mb=1500 -max_len=65536
done
