#!/usr/bin/env bash
# Clippy, and that nothing in the program can panic: no unwrap, no method of tch that panics where its f_ twin returns an
# error, no print to a stream that nobody may read. Where rustup has the oldest Rust that Cargo.toml allows, that one too.
set -euo pipefail
CDPATH= cd -- "$(dirname -- "$0")/.."
./scripts/setup.sh
cargo fmt --all -- --check
cargo clippy --release --workspace --all-targets -- -D warnings
cargo clippy --release --no-default-features --all-targets -- -D warnings
# The documentation, as where there is no libtorch.
LIBTORCH=/no/libtorch RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --no-default-features --features doc-only

# The library with each other tch that it allows, type-checked without its libtorch.
other=target/lint/other-tch
mkdir -p $other/src && touch $other/src/lib.rs
cat > $other/Cargo.toml <<'END'
[package]
name = "other-tch"
edition = "2024"
[dependencies]
cnn-tutorial = { path = "../../..", default-features = false, features = ["doc-only"] }
[workspace]
END
for tch in $(sed '/^#/d; s/ .*//' assets/libtorch.txt); do
  if grep -A1 '^name = "tch"$' Cargo.lock | grep -qF "\"$tch\""; then continue; fi
  cp Cargo.lock $other/
  cargo update --quiet --manifest-path $other/Cargo.toml -p tch --precise "$tch"
  cargo check --release --manifest-path $other/Cargo.toml --target-dir target
done

# In the program, arrows go down: a floor uses only those below it, and none of its own neighbours.
up() { # folder or file, the names it must not use
  if grep -rnE "program::($2)\b|program::\{[^}]*\b($2)\b" "src/program/$1"; then
    echo "lint: src/program/$1 must not use $2" >&2; exit 1
  fi
}
up commands 'cli|commands'
up run 'cli|commands'
up data 'cli|commands|run|machine'
up machine 'cli|commands|run|data'
up messages.rs 'cli|commands|run|data|machine|files'
up files.rs 'cli|commands|run|data|machine|messages'

tch=$(cargo metadata --format-version 1 | grep -o '[^"]*/tch-[0-9.]*/Cargo.toml' | head -1)
mkdir -p target/lint
{
  echo 'disallowed-methods = ['
  grep -rho 'pub fn f_[a-z0-9_]*' "${tch%/Cargo.toml}"/src | sort -u |
    sed 's|pub fn f_\(.*\)|  { path = "tch::Tensor::\1", reason = "panics: f_\1 returns an error", allow-invalid = true },|'
  for method in nn::VarStore::set_device nn::Path::var nn::linear nn::conv nn::conv2d; do
    echo "  { path = \"tch::$method\", reason = \"panics\" },"
  done
  echo ']'
} > target/lint/clippy.toml
[ "$(wc -l < target/lint/clippy.toml)" -gt 1000 ] || { echo "lint: tch's methods were not found" >&2; exit 1; }
touch src/lib.rs src/main.rs crates/photo/src/lib.rs # a changed configuration alone makes clippy look at nothing again
CLIPPY_CONF_DIR=target/lint cargo clippy --release -p cnn-tutorial -p cnn-tutorial-photo --lib --bins -- -D warnings -D clippy::disallowed_methods \
  -D clippy::unwrap_used -D clippy::expect_used -D clippy::panic -D clippy::unreachable -D clippy::todo \
  -D clippy::unimplemented -D clippy::print_stdout -D clippy::print_stderr

# Those that take a number panic all the same: a file that calls one makes an error of it.
numbers=$(grep -rhE 'pub fn f_[a-z0-9_]+<.*Into<Scalar>' "${tch%/Cargo.toml}"/src | sed 's/.*pub fn \(f_[a-z0-9_]*\).*/\1/' | sort -u | paste -sd'|')
[ "${#numbers}" -gt 1000 ] || { echo "lint: tch's methods that take a number were not found" >&2; exit 1; }
uncaught=$(grep -rlwE "$numbers" src | xargs grep -L caught || true)
[ -z "$uncaught" ] || { echo "lint: a method of tch that takes a number, without nn::caught, in $uncaught" >&2; exit 1; }

oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if cargo "+$oldest" --version >/dev/null 2>&1; then
  cargo "+$oldest" check --release --all-targets --target-dir target/oldest
else
  echo "lint: NOT RUN: a check with Rust $oldest, the oldest allowed: rustup toolchain install $oldest" >&2
fi
