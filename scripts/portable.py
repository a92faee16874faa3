"""The digits of --portable, which are the same on every x86 processor: writes them down, and compares with them.

    .venv/bin/python scripts/portable.py --write    has PyTorch write assets/portable.json
    ./scripts/portable.sh                           compares this machine and emulated ones with it and with each other
    ./scripts/portable.sh --quick                   few cases on two emulated processors, no whole training
    .venv/bin/python scripts/portable.py --functions   prints digests of functions that are computed in 64 bits and rounded

The table has whole trainings: their printed lines, and the SHA-256 of metrics.csv and model.safetensors. For `doctor` it has
three steps of each model, digests of what every layer gives, of the gradients, and of the parameters.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from tutorial import PORTABLE, CNNModel, LeNet5, ieee_sqrt, read_data

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "assets" / "portable.json"
RUST = [str(ROOT / "target/release/cnn-tutorial")]
PYTHON = [sys.executable, str(ROOT / "scripts/tutorial.py")]
TRAININGS = [(model, data) for data in ["digits", "mnist"] for model in ["cnn", "lenet5"]]
STEPS = 3

# Intel's and AMD's, old and new, with caches of different sizes
PROCESSORS = ["Haswell", "EPYC-Milan", "Skylake-Client", "EPYC-Rome"]
CASES = [
    "--model lenet5 --threads 2 --scale unit --augment --shuffle",
    "--model cnn --optimizer adamw --shuffle --augment",
    "--model cnn --channels-last --momentum 0.9 --weight-decay 0.01",
    "--model cnn --threads 2 --optimizer adam --lr-schedule step",
    "--model cnn",
    "--model lenet5",
    "--model lenet5 --optimizer adamw --channels-last --batch-size 7",
    "--model lenet5 --optimizer sgd --momentum 0.5 --threads 2 --lr-schedule cosine",
    "--model cnn --scale unit --threads 3 --batch-size 100",
]
# MKL's functions whose 32-bit results are each maker's own
ROUNDED = ["sqrt", "log10", "asin", "acos", "atan"]
SHORT = "--data digits --max-steps 3 --eval-every 3 --print-every 3 --test-size 0.02 --portable"


def short(case):
    """A few steps of few images: an emulator takes a hundred times as long."""
    return f"{SHORT} {case}" if "--batch-size" in case else f"{SHORT} --batch-size 20 {case}"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def training(command, options, data=None):
    """What a training prints, and the digests of its files."""
    with tempfile.TemporaryDirectory() as folder:
        options = [*options.split(), *(["--data", data] if data else []), "--out", f"{folder}/run"]
        output = subprocess.run([*command, *options], capture_output=True, text=True, cwd=ROOT)
        if output.returncode:
            sys.exit(f"{' '.join([*command, *options])}: {output.stderr[-2000:]}")
        files = {name: sha256(Path(folder, "run", name)) for name in ["metrics.csv", "model.safetensors"]}
        return {"lines": output.stdout.splitlines(), **files}


def digest(tensor):
    return hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest()[:16]


def steps(model):
    """Digests of STEPS steps with the model's own optimizer, on a hundred of the embedded digits each."""
    torch.set_num_threads(1)
    torch.Tensor.sqrt = ieee_sqrt
    features, labels = read_data("digits")
    images, labels = torch.tensor(features).reshape(-1, 1, 28, 28), torch.tensor(labels).long()
    torch.manual_seed(0)
    if model == "cnn":
        network = CNNModel()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.001)
    else:
        network = LeNet5(10)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    outputs = []
    for layer in network.children():
        layer.register_forward_hook(lambda layer, inputs, output: outputs.append(digest(output)))
    for step in range(STEPS):
        batch = slice(100 * step, 100 * (step + 1))
        outputs.clear()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        named = dict(network.named_parameters())
        yield {
            "outputs": outputs[:],
            "loss": str(loss.item()),
            "gradients": {name: digest(parameter.grad) for name, parameter in named.items()},
            "parameters": {name: digest(parameter) for name, parameter in named.items()},
        }


def rounded():
    """Digests of a million results of each function, computed in 64 bits and rounded to 32."""
    torch.manual_seed(0)
    x = 2 * torch.rand(1 << 20).double() - 1
    return {name: digest(getattr(x.abs() if name in ("sqrt", "log10") else x, name)().float()) for name in ROUNDED}


def write(mnist):
    os.environ.update(PORTABLE)  # torch reads them when it first computes, which it has not done yet
    sources = {"digits": "digits", "mnist": mnist}
    trainings = [
        {"model": model, "data": data, **training(PYTHON, f"--portable --model {model}", sources[data])}
        for model, data in TRAININGS
    ]
    table = {
        "libtorch": torch.__version__.split("+")[0],
        "trainings": trainings,
        "steps": {model: list(steps(model)) for model in ["cnn", "lenet5"]},
    }
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


class Comparison:
    """Counts what is equal, and says what is not."""

    equal = total = 0

    def add(self, name, found, expected):
        self.total += 1
        self.equal += found == expected
        print(f"{'equal' if found == expected else 'DIFFERS':8} {name}", flush=True)
        if found != expected:
            print(f"         found {found}\n         expected {expected}", flush=True)


def doctor(command):
    """The rows of `doctor` about the processor and its digits."""
    output = subprocess.run([*command, "doctor", "--json"], capture_output=True, text=True, cwd=ROOT).stdout
    return {check["name"]: check["found"] for check in json.loads(output)["checks"]}


def functions(python):
    """What --functions prints, or why it does not."""
    output = subprocess.run([*python, str(ROOT / "scripts/portable.py"), "--functions"], capture_output=True, text=True)
    return output.stdout or output.stderr


def random_networks(emulator, seed, count, expected):
    """`expected`, or where networks differ all that is shown of them, as Python."""
    environment = {**os.environ, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER": " ".join(emulator)}
    command = f"cargo test --quiet --release --test random_networks -- --portable --seed {seed} --count {count}".split()
    output = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment).stdout
    return expected if output.strip().endswith(expected) else output


def compare(qemu, quick, mnist):
    table = json.loads(TABLE.read_text())
    comparison = Comparison()
    own = doctor(RUST)
    print(f"this machine: {own['CPU']}")
    comparison.add("three steps of both models with the published digits", own["digits"], GIVES_THEM)

    cases, processors = (CASES[:3], PROCESSORS[:2]) if quick else (CASES, PROCESSORS)
    native = {case: training(RUST, short(case)) for case in cases}
    # An emulated program takes one core for long: one on each
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        emulated = {processor: [qemu, "-cpu", processor, *RUST] for processor in processors}
        for processor, report in zip(processors, pool.map(doctor, emulated.values())):
            print(f"{processor}: {report['CPU']}")
            if report["CPU"] == own["CPU"]:
                print(f"{processor} is this machine's own processor: left out")
                del emulated[processor]
                continue
            comparison.add(f"{processor}, three steps with the published digits", report["digits"], GIVES_THEM)
        processors = list(emulated)
        if not processors:
            sys.exit("every emulated processor shows the program this machine's own: this would prove nothing")
        runs = [(f"Python, {case}", pool.submit(training, PYTHON, short(case)), native[case]) for case in cases]
        for expected in [] if quick else table["trainings"]:
            model, data = expected.pop("model"), expected.pop("data")
            if data == "mnist" and not Path(mnist).is_dir():
                print(f"NOT RUN: {model} on MNIST, which is not in {mnist}")
            else:
                found = pool.submit(training, RUST, f"--portable --model {model}", mnist if data == "mnist" else data)
                name = f"the whole training of {model} on {data} with the published digits"
                runs.append((name, found, expected))
        for processor in processors:
            for case in cases:
                found = pool.submit(training, emulated[processor], short(case))
                runs.append((f"{processor}, {case}", found, native[case]))
        # Dropout and batch norm are among these: the program in the emulator, Python beside it on this machine
        count = 5 if quick else 20
        expected = f"{count} of {count} networks equal to PyTorch's, bit for bit"
        for seed, processor in enumerate(processors):
            found = pool.submit(random_networks, [qemu, "-cpu", processor], seed, count, expected)
            runs.append((f"{processor}, random networks", found, expected))
        if not quick:
            def under_qemu(processor):
                return [qemu, "-cpu", processor, os.path.realpath(sys.executable), "-c", UNDER_QEMU]

            for case in cases[:2]:
                found = pool.submit(training, [*under_qemu(processors[1]), *PYTHON[1:]], short(case))
                runs.append((f"{processors[1]}, Python, {case}", found, native[case]))
            expected = functions([sys.executable])
            for processor in processors:
                found = pool.submit(functions, under_qemu(processor))
                runs.append((f"{processor}, {', '.join(ROUNDED)} in 64 bits, rounded", found, expected))
        for name, found, expected in runs:
            comparison.add(name, found.result(), expected)
    finally:
        pool.shutdown(cancel_futures=True)
    print(f"{comparison.equal} of {comparison.total} equal, bit for bit")
    sys.exit(comparison.equal != comparison.total)


GIVES_THEM = "this machine gives the published digits"
# The interpreter itself and not the link in .venv, which the emulator would follow without telling Python where it stands
UNDER_QEMU = (
    f"import sys, runpy; sys.path[:0] = [{next(p for p in sys.path if p.endswith('site-packages'))!r}, {str(ROOT / 'scripts')!r}]; "
    "sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="have PyTorch write assets/portable.json")
    parser.add_argument("--quick", action="store_true", help="few cases, two emulated processors")
    parser.add_argument("--qemu", default="qemu-x86_64", help="the emulator, version 10 or newer")
    parser.add_argument("--mnist", default="data/mnist", help="folder with MNIST's four files")
    parser.add_argument("--functions", action="store_true", help="print digests of functions that are computed in 64 bits")
    args = parser.parse_args()
    if args.functions:
        os.environ.update(PORTABLE)
        print(json.dumps(rounded()))
    elif args.write:
        write(args.mnist)
    else:
        compare(args.qemu, args.quick, args.mnist)


if __name__ == "__main__":
    main()
