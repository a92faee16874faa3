#!/usr/bin/env bash
# Coverage-guided fuzzing of the readers and of requests to the page: ./scripts/fuzz.sh [seconds for each]. Installs
# cargo-fuzz if it is missing.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
./scripts/setup.sh
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
for target in fuzz/csv fuzz/idx fuzz/cifar fuzz/run fuzz/request crates/photo/fuzz/picture; do
  dir=${target%/*} target=${target##*/}
  # Neither sanitizer nor nightly: the readers are safe Rust, what is looked for are panics, hangs and memory.
  mkdir -p "$dir/corpus/$target"
  cargo fuzz run --release --sanitizer none --fuzz-dir "$dir" "$target" "$dir/corpus/$target" "$dir/seeds/$target" -- \
    -max_total_time="${1:-60}" -timeout=10 -rss_limit_mb=1500 -max_len=65536
done
