#!/usr/bin/env bash
# Shows that --portable gives the same digits on every x86 processor: ./scripts/portable.sh [--quick]. Compares this machine, and
# others that an emulator stands in for, with each other and with the published digits in assets/portable.json.
# The emulator is QEMU 10 or newer; where it is missing, Debian's is put into target/qemu.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
export CARGO_TARGET_DIR=target # what is measured is what was built
./scripts/setup.sh --python
cargo build --release

fail() { echo "portable: $1" >&2; exit 1; }
# 7.2 computes what gathers numbers from many places wrongly.
is_new() { "$1" --version 2>/dev/null | grep -qE 'version [1-9][0-9]\.'; }
fetch() { # [option of apt ...]: the package of the given sources, unpacked
  (cd target/qemu && apt-get "$@" download qemu-user >&2 && dpkg -x qemu-user_*.deb . && rm qemu-user_*.deb)
}

qemu=$(command -v qemu-x86_64 || true)
if [ -z "$qemu" ] || ! is_new "$qemu"; then
  qemu=$PWD/target/qemu/usr/bin/qemu-x86_64
  if ! is_new "$qemu"; then
    command -v apt-get >/dev/null || fail "QEMU 10 or newer is missing: install qemu-user, so that qemu-x86_64 --version runs"
    echo "portable: fetching QEMU into target/qemu (63 MB, once)" >&2
    rm -rf target/qemu
    mkdir -p target/qemu/lists
    { apt-get update >&2 || true; fetch || true; }
    if ! is_new "$qemu"; then # an older Debian has it among its backports
      uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
      codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
      echo "deb $uri $codename-backports main" >target/qemu/sources.list
      backports="-o Dir::Etc::sourcelist=$PWD/target/qemu/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$PWD/target/qemu/lists"
      backports="$backports -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
      # shellcheck disable=SC2086 # several words
      { apt-get $backports update >&2 && fetch $backports; } || true
    fi
    is_new "$qemu" || fail "QEMU 10 or newer could not be fetched: install qemu-user, so that qemu-x86_64 --version runs"
  fi
fi
exec .venv/bin/python scripts/portable.py --qemu "$qemu" "$@"
