"""Writes the fuzzer's seeds: small files of each kind that the readers read, from which it starts. Needs pillow."""

import gzip
import io
import struct
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
FUZZ = {"csv": ROOT / "fuzz", "idx": ROOT / "fuzz", "cifar": ROOT / "fuzz", "picture": ROOT / "crates" / "photo" / "fuzz"}


def write(target, name, content):
    folder = FUZZ[target] / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


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
bare = csv.split("\n", 1)[1]
names = ",".join(f"{i // 28 + 1}x{i % 28 + 1}" for i in range(784))
write("csv", "no_names", bare.encode())
write("csv", "row_by_column", f"label,{names}\n{bare}".encode())
write("csv", "class_last", "\n".join(
    ",".join([*(f"pixel{i}" for i in range(1, 785)), "class"] if line == header else [*line.split(",")[1:], line[0]])
    for line in csv.splitlines()
).encode())

images = idx(2, 28, 28, content=bytes(range(256)) * 6 + bytes(32))
labels = idx(2, content=bytes([3, 9]))
for name, pack in [("plain", bytes), ("gzipped", lambda content: gzip.compress(content, mtime=0))]:
    write("idx", name, struct.pack("<H", len(pack(images))) + pack(images) + pack(labels))

batch = b"".join(bytes([label, *(label * 20 + i // 64 for i in range(3072))]) for label in (3, 9))
names = "\n".join(["red circle", *"bcdefghij"]).encode() + b"\n\n"
for name, pack in [("plain", bytes), ("gzipped", lambda content: gzip.compress(content, mtime=0))]:
    write("cifar", name, struct.pack("<H", len(pack(batch))) + pack(batch) + pack(names))

page = Image.new("L", (32, 32), 230)
ImageDraw.Draw(page).line([(10, 8), (21, 8), (14, 24)], fill=30, width=3)  # a seven
ink = Image.new("LA", page.size, (0, 0))
ink.putalpha(page.point(lambda grey: 255 - grey))
lying = Image.Exif()
lying[0x0112] = 6  # the orientation: a quarter turn
for name, image, options in [
    ("png", page, {}),
    ("png_transparent", ink, {}),
    ("jpeg", page, {"quality": 50}),
    ("jpeg_lying", page, {"quality": 50, "exif": lying}),
    ("bmp", page.convert("1"), {}),
    ("gif", page, {}),
    ("webp", page, {"quality": 50}),
    ("webp_lossless", page, {"lossless": True}),
]:
    file = io.BytesIO()
    image.save(file, name.split("_")[0], **options)
    write("picture", name, file.getvalue())
