"""Measures the Rust program and the Python tutorial, each as it is and tuned for speed. Called by ./scripts/bench.sh.

Everything is measured from outside, in one run, the programs taking turns (A B C D A B C D ...) after a warm-up. Of each
number the median, the least and the largest go into assets/bench.json; the tables of docs/performance.md and assets/bench.png are
made of that file. With --device cuda they go into assets/bench-cuda.json, and the tables into docs/cuda.md.
"""

import argparse
import importlib.metadata
import itertools
import json
import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from compare import run

PROGRAM = "target/release/cnn-tutorial"
PYTHON = [sys.executable, "scripts/tutorial.py"]
PROGRAMS = {
    "cpu": {
        "Rust": [PROGRAM],
        "Rust, `--channels-last`": [PROGRAM, "--channels-last"],
        "Python": PYTHON,
        "Python, `--tuned`": [*PYTHON, "--tuned"],
    },
    "cuda": {"Rust": [PROGRAM], "Rust, `--eager`": [PROGRAM, "--eager"], "Python": PYTHON},
}
MODELS = {"cnn": "CNN", "lenet5": "LeNet-5"}
MNIST = Path("data/mnist")
N_TEST = {"cpu": 8_400, "cuda": 12_000}  # of Kaggle's images, of MNIST's


def write_csv(path):
    """The first 42,000 images of MNIST in the layout of Kaggle's train.csv, 77 MB."""
    from tutorial import read_idx  # here: with torch in this process, its own size would be the least peak measured

    images = read_idx(MNIST, "train-images-idx3-ubyte")[:42_000]
    labels = read_idx(MNIST, "train-labels-idx1-ubyte")[:42_000]
    words = np.array([str(value) for value in range(256)])
    with open(path, "w") as file:
        file.write("label," + ",".join(f"pixel{i}" for i in range(784)) + "\n")
        for label, image in zip(labels, images):
            file.write(f"{label}," + ",".join(words[image]) + "\n")


def measure(device, name, options, folder, cache):
    """One run; what a step and an evaluation's batch take follows from what the program says of its time.

    Keeping the best weights counts as evaluation, on all sides.
    """
    options = [str(option) for option in options]
    result = run(
        [*PROGRAMS[device][name], *options, "--device", device, "--out", str(folder / "out"), "--overwrite"],
        TORCHINDUCTOR_CACHE_DIR=str(cache),
    )
    with open(folder / "out" / "metrics.csv") as file:
        evaluations = len(file.readlines()) - 1
    given = dict(zip(options[::2], options[1::2]))
    batch_size = int(given.get("--batch-size", 100))
    steps = result.pop("iterations")
    del result["printed"]
    result["training step, ms"] = 1000 * (result["training, s"] - result["tracking progress, s"]) / steps
    batches = evaluations * -(-N_TEST[device] // batch_size)
    result["evaluation batch, ms"] = 1000 * result["tracking progress, s"] / batches
    result["images a second, training"] = 1000 * batch_size / result["training step, ms"]
    result["images a second, evaluation"] = 1000 * batch_size / result["evaluation batch, ms"]
    return result


def summary(results):
    """[median, least, largest] of each number."""
    columns = {key: [result[key] for result in results] for key in results[0]}
    return {key: [statistics.median(values), min(values), max(values)] for key, values in columns.items()}


def rounds(n, configurations, measure_one):
    """Each configuration n times, in turns."""
    found = {configuration: [] for configuration in configurations}
    for number, configuration in itertools.product(range(n), configurations):
        print(f"round {number + 1} of {n}: {configuration}", file=sys.stderr, flush=True)
        found[configuration].append(measure_one(configuration))
    return {configuration: summary(results) for configuration, results in found.items()}


def answer(command, expected, **environment):
    start = time.perf_counter()
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if subprocess.run(command, env={**os.environ, **environment}, **silent).returncode != expected:
        sys.exit(f"bench: {command} did not end with {expected}")
    return {"ms": 1000 * (time.perf_counter() - start)}


def answers():
    """How soon the program answers, and how soon a program would that does nothing but load libtorch's CPU part."""
    library = os.path.abspath("libtorch/lib/libtorch_cpu.so")
    commands = {
        "`--help`": lambda: answer([PROGRAM, "--help"], 0),
        "a wrong option": lambda: answer([PROGRAM, "--no-such-option"], 2),
        "/bin/true with libtorch_cpu.so": lambda: answer(["/bin/true"], 0, LD_PRELOAD=library),
    }
    return rounds(15, commands, lambda name: commands[name]())


def machine(device):
    processor = platform.machine()
    if sys.platform == "linux":
        first, *_ = Path("/proc/cpuinfo").read_text().split("\n\n")
        of = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
        if "model name" in of:  # x86
            processor = f"{of['model name']} (family {of['cpu family']}, model {of['model']})"
    card = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", "--id=0"]
    cards = [] if device == "cpu" else [subprocess.check_output(card, text=True).strip()]
    return ", ".join([*cards, f"{os.cpu_count()} cores of {processor}"])


def whole_tutorials(device, n, data, folder, cache):
    def whole(configuration):
        model, name = configuration
        with tempfile.TemporaryDirectory() as nothing_compiled:
            return measure(device, name, ["--model", model, "--data", data], folder, nothing_compiled)

    configurations = list(itertools.product(MODELS, PROGRAMS[device]))
    for model, name in configurations:
        print(f"warm-up: {model}, {name}", file=sys.stderr, flush=True)
        measure(device, name, ["--model", model, "--data", data, "--max-steps", 50], folder, cache)
    found = rounds(n, configurations, whole)
    return [dict(zip(["model", "program"], key), **value) for key, value in found.items()]


def parts_of_them(n, data, folder, cache):
    def part(configuration):
        model, threads, batch_size, name = configuration
        sizes = ["--threads", threads, "--batch-size", batch_size, "--max-steps", 150]
        return measure("cpu", name, ["--model", model, "--data", data, *sizes], folder, cache)

    sizes = [(1, 100), (2, 32), (2, 512)]
    found = rounds(n, [(model, *size, name) for model in MODELS for size in sizes for name in PROGRAMS["cpu"]], part)
    return [dict(zip(["model", "threads", "batch size", "program"], key), **value) for key, value in found.items()]


def bench(device, n):
    if not MNIST.is_dir():
        sys.exit("bench: needs MNIST in data/mnist: cargo run --release -- --data mnist --max-steps 1 downloads it")
    results = {
        "machine": machine(device),
        "libtorch": importlib.metadata.version("torch"),
        "rounds": n,
        "values": "median, least and largest",
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        csv, cache = folder / "train.csv", folder / "cache"
        if device == "cuda":
            return {**results, "whole": whole_tutorials(device, n, MNIST, folder, cache), "parts": []}
        writer = multiprocessing.get_context("spawn").Process(target=write_csv, args=[csv])
        writer.start()
        writer.join()
        if writer.exitcode:
            sys.exit("bench: the data could not be written")
        return {
            **results,
            "answers": answers(),
            "whole": whole_tutorials(device, n, csv, folder, cache),
            "parts": parts_of_them(max(n - 1, 1), csv, folder, cache),
        }


ROWS = [
    ("wall time, s", ".1f"),
    ("start to first iteration, s", ".2f"),
    ("compilation, s", ".1f"),
    ("training step, ms", ".2f"),
    ("evaluation batch, ms", ".2f"),
    ("images a second, training", ",.0f"),
    ("images a second, evaluation", ",.0f"),
    ("peak memory, MB", ",.0f"),
    ("page faults", ",.0f"),
]


def tables(results):
    """The whole tutorial of each model, then how a step and a batch grow."""
    programs = list(dict.fromkeys(entry["program"] for entry in results["whole"]))
    line = "|---" * (len(programs) + 1) + "|"
    text = []
    for model, title in MODELS.items():
        of = {entry["program"]: entry for entry in results["whole"] if entry["model"] == model}
        text += ["", f"| {title} | " + " | ".join(programs) + " |", line]
        for row, form in ROWS:
            if not any(of[name][row][0] for name in programs):
                continue  # nothing is compiled
            cells = [f"{of[name][row][0]:{form}}" for name in programs]
            if row == "wall time, s":
                cells = [
                    f"**{of[name][row][0] / of['Python'][row][0]:.2f}** ({of[name][row][0]:.1f}; "
                    f"{of[name][row][1]:.1f} to {of[name][row][2]:.1f})"
                    for name in programs
                ]
                row = "wall time, of Python's (s)"
            text.append(f"| {row} | " + " | ".join(cells) + " |")
    text.append("")
    if results["parts"]:
        text += ["| training step / evaluation batch, ms | " + " | ".join(programs) + " |", line]
        entries = results["parts"] + [dict(entry, threads=2, **{"batch size": 100}) for entry in results["whole"]]
        sizes = sorted({(list(MODELS).index(e["model"]), e["threads"], e["batch size"]) for e in entries})
        for model, threads, batch_size in sizes:
            model = list(MODELS)[model]
            key = (model, threads, batch_size)
            of = {e["program"]: e for e in entries if (e["model"], e["threads"], e["batch size"]) == key}
            cells = [f"{of[n]['training step, ms'][0]:.2f} / {of[n]['evaluation batch, ms'][0]:.2f}" for n in programs]
            name = f"{MODELS[model]}, {threads} thread{'s' if threads > 1 else ''}, batch {batch_size}"
            text.append(f"| {name} | " + " | ".join(cells) + " |")
        least = {name: value["ms"][1] for name, value in results["answers"].items()}
        nothing = least.pop("/bin/true with libtorch_cpu.so")
        text += [
            "",
            f"The least times to an answer: {', '.join(f'{name} {ms:.0f} ms' for name, ms in least.items())}; a program that "
            f"only loads libtorch_cpu.so takes {nothing:.0f} ms.",
            "",
        ]
    rounds = results["rounds"]
    parts = f", {max(rounds - 1, 1)} for single steps and batches" if results["parts"] else ""
    text.append(f"{rounds} rounds{parts}, {results['machine']}, libtorch {results['libtorch']}.")
    return "\n".join(text) + "\n"


def chart(results, path):
    """Where the time of the whole tutorial goes, a bar for each program."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 3.8), layout="constrained", sharey=True)
    for axis, (model, title) in zip(axes, MODELS.items()):
        entries = [entry for entry in results["whole"] if entry["model"] == model]
        names = [entry["program"].replace("`", "") for entry in entries]
        left = np.zeros(len(entries))
        wall, start, compiling, training, tracking = (
            np.array([entry[key][0] for entry in entries])
            for key in ["wall time, s", "start to first iteration, s", "compilation, s", "training, s", "tracking progress, s"]
        )
        for label, color, width in [
            ("start: libraries, data, split", "C7", start - compiling),
            ("compilation", "C1", compiling),
            ("training steps", "C0", training - tracking),
            ("evaluations", "C9", tracking),
            ("weights, charts", "C3", wall - start - training),
        ]:
            axis.barh(names, width, left=left, color=color, label=label)
            left += width
        for y, total in enumerate(left):
            axis.text(total, y, f" {total:.1f} s", va="center")
        axis.set(title=f"{title}: the whole tutorial", xlabel="Seconds", xlim=(0, 1.15 * left.max()))
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=list(PROGRAMS), default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="measure nothing: tables and chart of the last measurement")
    args = parser.parse_args()
    files = {"cpu": ("assets/bench.json", "docs/performance.md"), "cuda": ("assets/bench-cuda.json", "docs/cuda.md")}
    path, page = map(Path, files[args.device])
    if not args.again:
        path.write_text(json.dumps(bench(args.device, args.rounds), indent=1) + "\n")
    results = json.loads(path.read_text())
    if args.device == "cpu":
        chart(results, path.with_suffix(".png"))
    marks = re.compile(r"(<!-- scripts/bench.sh writes this -->\n).*?(<!-- up to here -->)", re.DOTALL)
    page.write_text(marks.sub(lambda mark: mark[1] + tables(results) + mark[2], page.read_text()))
    print(tables(results))


if __name__ == "__main__":
    main()
