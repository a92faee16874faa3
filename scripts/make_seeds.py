"""Writes fuzz/seeds: small files of each kind that the readers read, from which the fuzzer starts."""

import gzip
import struct
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "fuzz" / "seeds"


def write(target, name, content):
    (SEEDS / target).mkdir(parents=True, exist_ok=True)
    (SEEDS / target / name).write_bytes(content)


def idx(*dimensions, content):
    return bytes([0, 0, 8, len(dimensions)]) + struct.pack(f">{len(dimensions)}I", *dimensions) + content


header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
row = lambda label: ",".join(str(value) for value in [label, *((label * 100 + i) % 256 for i in range(784))])
csv = f"{header}\n{row(3)}\n{row(9)}\n"
quoted = "\n".join(";".join(f'"{field}"' for field in line.split(",")) for line in csv.splitlines())
write("csv", "plain", csv.encode())
write("csv", "gzipped", gzip.compress(csv.encode(), mtime=0))
write("csv", "spreadsheet", ("\ufeff" + quoted.replace("\n", "\r\n") + "\r\n").encode())
write("csv", "unlabelled", "\n".join(line.split(",", 1)[1] for line in csv.splitlines()).encode())

images = idx(2, 28, 28, content=bytes(range(256)) * 6 + bytes(32))
labels = idx(2, content=bytes([3, 9]))
for name, pack in [("plain", bytes), ("gzipped", lambda content: gzip.compress(content, mtime=0))]:
    write("idx", name, struct.pack("<H", len(pack(images))) + pack(images) + pack(labels))
