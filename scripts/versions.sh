#!/usr/bin/env bash
# Builds and tests what is committed with each libtorch of assets/libtorch.txt, compares it with that PyTorch bit for bit, and the
# libtorchs with each other: ./scripts/versions.sh [libtorch ...]. For each release: up to an hour for each on two cores, and 9 GB
# in target/versions. Prints the tables of docs/versions.md; ends with 1 where something failed.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
cargo --version
unset TORCH LIBTORCH LIBTORCH_USE_PYTORCH CARGO_TARGET_DIR # each copy has its own
[ $# -gt 0 ] || set -- $(sed '/^#/d; s/.* //' assets/libtorch.txt)
mnist=
for dir in "$PWD/../shared/mnist" "$PWD/data/mnist"; do if [ -d "$dir" ]; then mnist=$dir; fi; done
failed=0

# [name, words of the log that tell the result, command ...]: a row of the table, and the log beside it.
step() {
  local name=$1 words=$2 status=ok log="target/versions-$1.log"
  shift 2
  "$@" >"$log" 2>&1 </dev/null || { status=FAILED failed=1; }
  echo "| $torch | $name | $status | $(grep -hoE "$words" "$log" | tail -n 1 || true) |"
}
tests() {
  ./scripts/test.sh && echo "all tests passed"
}

echo "| libtorch | what | | |"
echo "|---|---|---|---|"
for torch in "$@"; do
  copy=target/versions/$torch
  git init --quiet "$copy"
  git -C "$copy" fetch --quiet "$PWD" HEAD
  git -C "$copy" checkout --quiet --force FETCH_HEAD
  cd "$copy"
  mkdir -p data target
  if [ -n "$mnist" ]; then ln -sfn "$mnist" data/mnist; fi
  TORCH=$torch ./scripts/setup.sh --python >&2
  step tests 'all tests passed|test result: FAILED.*failed' tests
  step random-networks '[0-9]+ of [0-9]+ networks.*' ./scripts/random_networks.sh --count 100
  for model in cnn lenet5; do
    step "$model-digits" 'loss: .* bit' ./scripts/compare.sh --model "$model" --data digits --out "runs/$model-digits"
    step "$model-portable" 'loss: .* bit' ./scripts/compare.sh --model "$model" --data digits --portable --out "runs/$model-portable"
    if [ -n "$mnist" ]; then
      step "$model-mnist" 'loss: .* bit' ./scripts/compare.sh --model "$model" --data mnist --max-steps 300 --out "runs/$model-mnist"
    fi
  done
  step doctor 'digits .*' target/release/cnn-tutorial doctor
  cd ../../..
done
if [ $# -gt 1 ]; then python3 scripts/versions.py "$@"; fi
exit $failed
