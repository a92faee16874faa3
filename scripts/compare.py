"""Runs the Rust program and scripts/tutorial.py with the same options, and lays their numbers side by side.

Called by ./scripts/compare.sh [options]; --out names the folder of both runs and of comparison.png. Exits with 1 when
a logged loss or accuracy, or a printed line, differs. On a GPU, where some operations do not give the same bits twice, both
run a second time, with --deterministic, and it is these runs that must be equal. The largest difference between the first two
stands beside the one between Python's two.
"""

import argparse
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def run(command, **environment):
    """Runs a program and measures it from outside: seconds since its start, peak memory in MB, printed lines."""
    stdout = tempfile.TemporaryFile("w+")
    environment = {**os.environ, **environment}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment)
    at, said = {}, {}
    # Both programs say on standard error when the first iteration begins and when the last one is done.
    for line in process.stderr:
        word = line.split()[0] if line.strip() else ""
        at.setdefault(word, time.perf_counter() - start)
        said.setdefault(word, line)
        print(f"  {line.rstrip()}", file=sys.stderr, flush=True)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command[0]} failed, see above")
    stdout.seek(0)
    return {
        "printed": stdout.read(),
        "iterations": int(said["training:"].split()[1]),
        "wall time, s": wall,
        "start to first iteration, s": at["training:"],
        "training, s": at["trained"] - at["training:"],
        "peak memory, MB": usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3),
        "page faults": usage.ru_minflt,
        # "trained in 20.00 s, 8.00 s of them tracking progress"; "compiled in 14.00 s"
        "tracking progress, s": float(said["trained"].split()[4]),
        "compilation, s": float(said.get("compiled", "compiled in 0").split()[2]),
    }


def read_metrics(folder):
    with open(folder / "metrics.csv", newline="") as file:
        return [(int(row["iteration"]), float(row["loss"]), float(row["accuracy"])) for row in csv.DictReader(file)]


def bits(number):
    return struct.pack("<d", number)


def difference(one, other, column):
    return max((abs(a[column] - b[column]) for a, b in zip(one, other)), default=0.0)


def main():
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--overwrite", action="store_true")
    known, rest = parser.parse_known_args()
    out = known.out or Path("runs") / f"compare-{known.model}"
    shared = ["--model", known.model, *rest, "--overwrite"]

    print("Rust:", file=sys.stderr)
    rust = run(["target/release/cnn-tutorial", *shared, "--out", str(out / "rust")])
    print("Python:", file=sys.stderr)
    python = run([sys.executable, "scripts/tutorial.py", *shared, "--out", str(out / "python")])

    rust_metrics, python_metrics = read_metrics(out / "rust"), read_metrics(out / "python")
    computed_on = json.loads((out / "rust" / "config.json").read_text())["computed_on"]
    curves = [("Python", python_metrics, {"lw": 7, "alpha": 0.3}), ("Rust", rust_metrics, {"lw": 1.5})]
    names = ["iteration", "loss", "accuracy"]
    if computed_on != "cpu" and "--deterministic" not in rest:
        for column in (1, 2):
            print(f"{names[column]}: largest difference between Rust and Python {difference(rust_metrics, python_metrics, column)}")
        first_python = python_metrics
        print("Rust and Python, deterministic:", file=sys.stderr)
        again = [*shared, "--deterministic", "--out"]
        rust["printed"] = run(["target/release/cnn-tutorial", *again, str(out / "rust-deterministic")])["printed"]
        python["printed"] = run([sys.executable, "scripts/tutorial.py", *again, str(out / "python-deterministic")])["printed"]
        rust_metrics, python_metrics = (read_metrics(out / f"{name}-deterministic") for name in ("rust", "python"))
        curves.append(("Python, deterministic", python_metrics, {"lw": 1.5, "ls": ":"}))
        for column in (1, 2):
            largest = difference(first_python, python_metrics, column)
            print(f"{names[column]}: largest difference between Python and Python, deterministic {largest}")
        print("both deterministic:")
    if not rust_metrics and not python_metrics:
        sys.exit("compare: nothing was logged that could be compared: train for more steps, or give a smaller --eval-every")
    same = len(rust_metrics) == len(python_metrics) and rust["printed"] == python["printed"]
    print(f"logged {len(rust_metrics)} times by Rust, {len(python_metrics)} times by Python")
    for column in (1, 2):
        pairs = [(r[column], p[column]) for r, p in zip(rust_metrics, python_metrics)]
        equal = sum(bits(r) == bits(p) for r, p in pairs)
        same = same and equal == len(pairs)
        largest = difference(rust_metrics, python_metrics, column)
        print(f"{names[column]}: {equal} of {len(pairs)} equal to the last bit, largest difference {largest}")
    printed = "the same" if rust["printed"] == python["printed"] else "NOT the same"
    print(f"printed lines: {printed}")
    print()
    print("| | Rust | Python | Rust / Python |")
    print("|---|---|---|---|")
    for name in ["wall time, s", "start to first iteration, s", "training, s", "peak memory, MB"]:
        print(f"| {name} | {rust[name]:.2f} | {python[name]:.2f} | {rust[name] / python[name]:.2f} |")

    figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
    for axis, column, color in [(axes[0], 1, "C0"), (axes[1], 2, "red")]:
        title = names[column].capitalize()
        for label, metrics, style in curves:
            axis.plot([row[0] for row in metrics], [row[column] for row in metrics], color=color, label=label, **style)
        axis.set(xlabel="Number of iteration", ylabel=title, title=f"{title} vs Number of iteration")
        axis.legend()
    figure.savefig(out / "comparison.png", dpi=120)
    print(f"\n{out / 'comparison.png'}")
    if not same:
        sys.exit("compare: the numbers differ")


if __name__ == "__main__":
    main()
