#!/usr/bin/env bash
# Sets up what the Rust program and its Python twin need, all inside this folder:
#   ./scripts/setup.sh            libtorch for the CPU (1.3 GB in .venv), the CUDA set where nvidia-smi finds a GPU
#   ./scripts/setup.sh --cpu      libtorch for the CPU in any case; later calls without an option keep to it
#   ./scripts/setup.sh --cuda     libtorch with every CUDA library (5 GB)
#   ./scripts/setup.sh --python   the same, and what scripts/tutorial.py imports
#   ./scripts/setup.sh --browser  Chromium and its driver, for the tests of the page that `play` opens
# The libtorch is the one that goes with the tch in Cargo.lock; assets/libtorch.txt has the pairs. TORCH=2.13.0 in front of the
# command takes another, and moves Cargo.lock to its tch.
# A second call returns at once; a call after an interrupted one starts the broken part again. A .venv or libtorch of your own
# is left alone.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."

. scripts/progress.bash

want=cpu cpu_only=
case "${1-}" in
'') ;;
--cpu) cpu_only=yes ;;
--cuda) want=cuda ;;
--python) want=python ;;
--browser) want=browser ;;
*) echo "setup: unknown option '$1': --cpu, --cuda, --python, --browser or nothing" >&2; exit 2 ;;
esac

fail() { echo "setup: $1" >&2; exit 1; }
[ $# -le 1 ] || fail "one option at a time, found $*"

if [ "$want" = browser ]; then
  if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi
  echo "setup: installing Chromium and its driver" >&2
  { apt-get update && apt-get install -y --no-install-recommends chromium chromium-driver; } >&2 ||
    fail "Chromium and its driver could not be installed: as root, apt-get install chromium chromium-driver"
  exit 0
fi
command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
command -v "${CXX:-c++}" >/dev/null || fail "no C++ compiler: apt install g++ (dnf install gcc-c++, xcode-select --install)"
if [ ! -e "${CARGO_TARGET_DIR-target}/release/cnn-tutorial" ]; then
  echo "setup: the first cargo command after this compiles for about 4 minutes on two cores, once" >&2
fi

# The libtorch of a tch, the tch of a libtorch: nothing where the table has none.
libtorch_of() { sed -n "s/^${1//./\\.} //p" assets/libtorch.txt; }
tch_of() { sed -n "s/ ${1//./\\.}\$//p" assets/libtorch.txt; }
locked_tch() { sed -n '/^name = "tch"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$1"; }
pairs=$(sed '/^#/d; s/^\([^ ]*\) /tch \1 goes with libtorch /' assets/libtorch.txt)
pairs=${pairs//$'\n'/, }

torch=${TORCH-}
if [ -z "$torch" ]; then
  tch=$(locked_tch Cargo.lock) torch=$(libtorch_of "$tch")
  [ -n "$torch" ] || fail "Cargo.lock has tch $tch, but $pairs: cargo update -p tch --precise $(sed '$!d; s/ .*//' assets/libtorch.txt)"
else
  [[ $torch =~ ^[0-9.]+$ ]] && tch=$(tch_of "$torch") && [ -n "$tch" ] || fail "no tch goes with libtorch $torch: $pairs"
  for lock in Cargo.lock examples/own_project/Cargo.lock fuzz/Cargo.lock; do
    if [ -e "$lock" ] && [ "$(locked_tch "$lock")" != "$tch" ]; then
      (cd "$(dirname "$lock")" && cargo update --quiet -p tch --precise "$tch") || fail "cargo could not move $lock to tch $tch, see above"
      echo "setup: $lock has tch $tch now, which goes with libtorch $torch" >&2
    fi
  done
fi

# A libtorch of the user's own serves the Rust side; Python's side still needs .venv.
if [ "$want" != python ] && [ -n "${LIBTORCH-}${LIBTORCH_USE_PYTORCH-}" ]; then
  if [ -n "${LIBTORCH_USE_PYTORCH-}" ]; then
    own=LIBTORCH_USE_PYTORCH
    found=$(python3 -c 'import torch; print(torch.__version__)' 2>/dev/null) ||
      fail "LIBTORCH_USE_PYTORCH is set, but python3 cannot import torch: unset it, or pip install torch==$torch"
  else
    own="LIBTORCH=$LIBTORCH"
    [ -d "$LIBTORCH/lib" ] || fail "$own has no folder lib: unset it, or give the folder of libtorch $torch"
    found=$(cat "$LIBTORCH/build-version" 2>/dev/null || sed -n "s/^__version__ = '\(.*\)'/\1/p" "$LIBTORCH/version.py" 2>/dev/null || true)
  fi
  case "$found" in
  '' | "$torch" | "$torch"+*) exit 0 ;;
  *) of_found=$(tch_of "${found%%+*}")
    fail "$own is libtorch $found, but tch $tch goes with libtorch $torch: unset it, and this script installs that one${of_found:+;\
 or TORCH=${found%%+*} ./scripts/setup.sh, which takes tch $of_found for it}" ;;
  esac
fi

# One call at a time: a second one waits and then finds everything done.
if command -v flock >/dev/null; then
  exec 9>.setup-lock
  flock 9
fi

done_mark() { echo ".venv/torch-$torch-$1"; }
if [ "$want$cpu_only" = cpu ] && [ ! -e .venv/cpu-only ] && [ ! -e "$(done_mark cuda)" ] && nvidia-smi -L 2>/dev/null | grep GPU >/dev/null; then want=cuda; fi
# Each larger set contains the smaller ones, and leaves their marks too.
if [ -e "$(done_mark "$want")" ] && [ -e libtorch/lib ] &&
  { [ "$want" != python ] || { [ ! scripts/requirements.txt -nt "$(done_mark python)" ] && .venv/bin/python -c '' 2>/dev/null; }; }; then
  if [ -n "$cpu_only" ]; then touch .venv/cpu-only; fi
  exit 0
fi

# What bears none of our marks is somebody's own: nothing is installed into it, nothing is removed.
not_ours() { fail "$1 was not made by this script: move it away and run this again, or set LIBTORCH to a libtorch $torch of your own"; }
if [ -e .venv ] || [ -L .venv ]; then
  ours=no
  for mark in .venv/unfinished .venv/torch-*; do if [ -e "$mark" ]; then ours=yes; fi; done
  [ "$ours" = yes ] || not_ours .venv
fi
if [ -e libtorch ] && [ ! -L libtorch ]; then not_ours libtorch; fi

command -v python3 >/dev/null || fail "python3 is missing: apt install python3 python3-venv (dnf install python3)"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "PyTorch $torch needs Python 3.10 or newer, found $(python3 --version)"
python3 -c 'import venv, ensurepip' 2>/dev/null || fail "python3 has no venv module: apt install python3-venv"

free=$(df -Pk . 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9]*% .*/\1/p' || true)
case "$want" in cpu) need=2 ;; *) need=8 ;; esac
if [ -n "$free" ] && [ "$free" -lt $((need * 1000000)) ]; then
  fail "the disk is too full: $((free / 1000000)) GB free here, about $need needed; free some and run this again"
fi

# This mark lies in .venv while pip works: found here, it tells of an interrupted call.
# A complete smaller set may lie there, and is kept: without a network there would be nothing.
if { [ -e .venv/unfinished ] && [ ! -e "$(done_mark cpu)" ]; } || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then rm -rf .venv; fi
[ -d .venv ] || { mkdir .venv && touch .venv/unfinished && python3 -m venv .venv; }
touch .venv/unfinished
# Where another libtorch takes the place of the one that is here, its marks must not outlive it.
for mark in .venv/torch-*; do case "$mark" in ".venv/torch-$torch-"*) ;; *) rm -f "$mark" ;; esac; done

pip() {
  .venv/bin/python -m pip install --disable-pip-version-check "$@" 2>&1 | tee .venv/pip.log | progress >&2 && return
  local why="see above"
  if grep -q "No space left on device" .venv/pip.log; then why="the disk is full"
  elif grep -qE "NewConnectionError|ConnectTimeout|Name or service not known|name resolution" .venv/pip.log; then
    why="no network, or no way through it to the package index"
  fi
  fail "pip could not install $* ($why); run this again to go on"
}
case "$want" in
cpu)
  echo "setup: installing libtorch $torch for the CPU (543 MB to download, once)" >&2
  case "$(uname -s)" in
  # The wheel is built for CUDA; these two are all that its CPU part needs of it, the same for 2.11 and 2.13.
  Linux) pip --no-deps "torch==$torch" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85 ;;
  *) pip --no-deps "torch==$torch" ;;
  esac ;;
cuda)
  echo "setup: installing libtorch $torch with CUDA (about 3 GB to download, once)" >&2
  pip "torch==$torch" ;;
python)
  echo "setup: installing PyTorch $torch and the tutorial's packages (about 3 GB to download, once)" >&2
  pip "torch==$torch" -r scripts/requirements.txt ;;
esac
ln -sfn .venv/lib/python3*/site-packages/torch libtorch
rm .venv/unfinished
case "$want" in python) touch "$(done_mark python)" "$(done_mark cuda)" ;; cuda) touch "$(done_mark cuda)" ;; esac
touch "$(done_mark cpu)"
if [ -n "$cpu_only" ]; then touch .venv/cpu-only; fi
