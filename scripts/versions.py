"""How far apart the numbers of two libtorchs are: called by ./scripts/versions.sh with their versions, the first against each other.

Reads the logs of the trainings that it has left in target/versions, and prints a table.
"""

import csv
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "target" / "versions"


def metrics(version, run):
    with open(FOLDER / version / "runs" / run / "rust" / "metrics.csv", newline="") as file:
        return [(int(row["iteration"]), row["loss"], row["accuracy"]) for row in csv.DictReader(file)]


def main():
    first, *others = sys.argv[1:]
    print(f"\n| training | with | equal to {first}'s | first other loss at | largest difference of loss | of accuracy |")
    print("|---|---|---|---|---|---|")
    for other in others:
        for run in sorted(path.parents[1].name for path in FOLDER.glob(f"{first}/runs/*/rust/metrics.csv")):
            rows = list(zip(metrics(first, run), metrics(other, run)))
            equal = sum(one == another for one, another in rows)
            at = next((one[0] for one, another in rows if one[1] != another[1]), "-")
            loss, accuracy = (max(abs(float(one[column]) - float(another[column])) for one, another in rows) for column in (1, 2))
            print(f"| {run} | {other} | {equal} of {len(rows)} | {at} | {loss:.1e} | {accuracy:.2f} |")


if __name__ == "__main__":
    main()
