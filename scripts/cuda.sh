#!/usr/bin/env bash
# Does on this machine's NVIDIA card what docs/cuda.md tells: ./scripts/cuda.sh [part ...]. The parts are tests, random-networks, cnn
# and lenet5 (each beside Python), speedrun and bench. Prints a table; the logs are in target/cuda. Ends with 1 where something
# failed. bench writes into docs/cuda.md. DEVICE=cpu in front of the command tries the script itself: few networks and seeds, on the
# CPU, and no bench.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
export CARGO_TARGET_DIR=target # what is measured is what was built
device=${DEVICE-cuda}
case "$device" in
cuda) deterministic=--deterministic networks=200 seeds=100 python_seeds=20 bench=bench ;;
cpu) deterministic='' networks=10 seeds=2 python_seeds=1 bench='' ;;
*) echo "cuda: DEVICE has to be cuda or cpu, not '$device'" >&2; exit 2 ;;
esac
cargo --version
if [ "$device" = cuda ] && ! nvidia-smi -L 2>/dev/null | grep -q GPU; then
  echo "cuda: nvidia-smi lists no GPU here: this is for a machine with an NVIDIA card" >&2; exit 1
fi
./scripts/setup.sh --python
cargo build --release
mkdir -p target/cuda

tests() {
  cargo test --release --test cuda && cargo test --release --test program -- cuda:: on_a_card of_ones_own_is_added
}
speedrun() { # The same lines from both, for the seeds that Python has
  cargo run --release --example speedrun -- --device "$device" --seeds "$seeds" | tee target/cuda/rust &&
    .venv/bin/python examples/speedrun.py --device "$device" --seeds "$python_seeds" | tee target/cuda/python &&
    diff <(head -n "$python_seeds" target/cuda/rust) <(head -n "$python_seeds" target/cuda/python)
}
failed=0
step() { # [part, words of the log that tell the result, command ...]: a row of the table, and the log beside it
  local part=$1 words=$2 status=ok log="target/cuda/$1.log"
  shift 2
  "$@" >"$log" 2>&1 </dev/null || { status=FAILED failed=1; }
  echo "| $part | $status | $(grep -oE "$words" "$log" | tail -n 1 || true) |"
  grep '^NOT RUN' "$log" >&2 || true
}

[ $# -gt 0 ] || set -- tests random-networks cnn lenet5 speedrun $bench
echo "| part | | |"
echo "|---|---|---|"
for part in "$@"; do
  case "$part" in
  tests) step tests 'test result: .* failed' tests ;;
  random-networks)
    step "$part" '[0-9]+ of [0-9]+ networks.*' \
      ./scripts/random_networks.sh --count "$networks" --device "$device" $deterministic ;;
  cnn | lenet5)
    step "$part" 'loss: .* bit' \
      ./scripts/compare.sh --model "$part" --data mnist --device "$device" --out "runs/$device-$part" ;;
  speedrun) step speedrun 'mean accuracy.*' speedrun ;;
  bench) step bench '[0-9]+ rounds, .*' ./scripts/bench.sh --device "$device" --rounds 2 ;;
  *) echo "cuda: there is no part '$part'" >&2; exit 2 ;;
  esac
done
exit $failed
