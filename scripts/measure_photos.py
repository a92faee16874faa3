"""Runs `predict` over the folders that scripts/make_photos.py wrote and prints the rate of right answers per condition.

    python scripts/measure_photos.py photos --run runs/lenet5
"""

import argparse
import os
import re
import subprocess
from pathlib import Path


def answers(program, run, paths, env):
    """The digit that was read on each picture; None where it was refused."""
    command = [program, "predict", "--run", run, *map(str, paths)]
    output = subprocess.run(command, capture_output=True, text=True, env=env)
    read = dict(re.findall(r"^(.*): (\d) \(", output.stdout, re.M))
    return [read.get(str(path)) for path in paths]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--run", required=True, help="folder of a trained network")
    parser.add_argument("--program", default="target/release/cnn-tutorial")
    parser.add_argument("--wrong", action="store_true", help="name every picture that was read wrongly")
    options = parser.parse_args()
    if not Path(options.run, "model.safetensors").exists():
        parser.error(f"{options.run} holds no trained network")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    right = total = 0
    for folder in sorted(path for path in options.photos.iterdir() if path.is_dir()):
        paths = sorted(folder.iterdir())
        labels = [path.stem.rsplit("-", 1)[1] for path in paths]
        read = [answer or "refused" for answer in answers(options.program, options.run, paths, env)]
        # A label is a digit, "refused" or, where either is right, "<digit> or refused".
        hits = sum(answer in label.split(" or ") for label, answer in zip(labels, read))
        refused = f"  {read.count('refused'):4} refused" if all(label.endswith(" or refused") for label in labels) else ""
        print(f"{folder.name:24} {hits:4} of {len(paths):4} {100 * hits / len(paths):6.1f} %{refused}", flush=True)
        if not any(label.endswith("refused") for label in labels):
            right, total = right + hits, total + len(paths)
        for path, label, answer in zip(paths, labels, read):
            if options.wrong and answer not in label.split(" or "):
                print(f"    {path}: {answer}", flush=True)
    print(f"{'all with a digit':24} {right:4} of {total:4} {100 * right / max(total, 1):6.1f} %")


if __name__ == "__main__":
    main()
