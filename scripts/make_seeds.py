"""Writes the fuzzer's seeds: small files of each kind that the readers read, from which it starts. Needs pillow."""

import gzip
import io
import json
import struct
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent


def write(target, name, content):
    folder = ROOT / "fuzz" / "seeds" / target
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

options = dict(
    model="cnn", data="digits", test_size=0.2, random_state=1212, scale="raw", n_iters=2500, epochs=None, max_steps=20,
    batch_size=100, optimizer="sgd", lr=0.001, momentum=0.0, weight_decay=None, lr_schedule="none", step_size=10, gamma=0.1,
    augment=False, init_from=None, shuffle=False, seed=0, eval_every=50, print_every=500, save_every=500, device="auto",
    channels_last=False, deterministic=False, eager=False, threads=None, out="run", overwrite=False,
)  # fmt: skip
config = dict(
    version="0.1.0", tch_version="0.24.0", libtorch_version="2.11.0", data="digits",
    dataset_sha256="28f598fe62fe4164632bb3cde8e0b8437f66e4c3dc073bb7598b4774847aafd1", image_size=[1, 28, 28],
    classes=[str(digit) for digit in range(10)], n_train=1437, n_test=360, epochs=2, iterations=20, computed_on="cpu",
    computed_with_threads=2, options=options,
)  # fmt: skip
metrics = b"iteration,loss,accuracy\n10,2.5,60.0\n20,0.125,97.5\n"


def safetensors(**shapes):
    head, end = {}, 0
    for name, shape in sorted(shapes.items()):
        start, numbers = end, 1
        for side in shape:
            numbers *= side
        end += 4 * numbers
        head[name.replace("_", ".")] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    return json.dumps(head, separators=(",", ":")).encode(), bytes(end)


cnn = dict(
    cnn1_weight=[16, 1, 3, 3], cnn1_bias=[16], cnn2_weight=[32, 16, 3, 3], cnn2_bias=[32], fc1_weight=[10, 800], fc1_bias=[10]
)  # fmt: skip
small, numbers = safetensors(cnn1_bias=[16])
for name, changes, weights in [
    ("head", {}, b"\0" + safetensors(**cnn)[0]),
    ("whole", {"options": options | {"model": "lenet5"}}, b"\1" + struct.pack("<Q", len(small)) + small + numbers),
    ("data", {"options": options | {"test_size": 0.5}}, b"\2"),
    ("images", {"image_size": [3, 32, 32], "classes": ["a", "b"]}, b"\2"),
]:
    text = json.dumps(config | changes, separators=(",", ":")).encode()
    write("run", name, struct.pack("<HH", len(text), len(metrics)) + text + metrics + weights)

question = dict(layer="Conv2d", input=[[[1.0] * 3] * 3] * 2, kernel=[[[[1.0] * 2] * 2] * 2] * 3, kernel_size=[2, 2], stride=1, padding=[1, 0],
                bias=[0.5, 0.0, 1.0], norm_type=2.0, at=[0, 0, 0])  # fmt: skip
untrained, json_head = "run=cnn&weights=untrained", "Content-Type: application/json\n"
for name, address, head, body in [
    ("runs", "GET /api/runs", "Sec-Fetch-Site: same-origin\n", b""),
    ("page", "GET /", "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\n", b""),
    ("digit", f"GET /api/digit?{untrained}&index=3&mistake=false&label=4", "", b""),
    ("mistake", "GET /api/digit?run=lenet5&weights=untrained&index=3&mistake=true", "", b""),
    ("convolutions", f"GET /api/convolutions?{untrained}", "Origin: http://localhost\n", b""),
    ("kernel", f"GET /api/kernel?{untrained}&layer=3&channel=2", "", b""),
    ("maps", f"POST /api/maps?{untrained}&layer=3&first=2&count=4", "", bytes(784)),
    ("pixels", f"POST /api/pixels?{untrained}", "", bytes(784)),
    ("sum", f"POST /api/sum?{untrained}&layer=3&channel=2&row=1&column=0", "", bytes(784)),
    ("arguments", "POST /api/arguments", json_head, json.dumps(question).encode()),
    ("pool", "POST /api/arguments", json_head, json.dumps(question | {"layer": "LPPool2d", "padding": 0}).encode()),
    ("picture", f"POST /api/picture?{untrained}", "", b"GIF89a\1\0\1\0\0\0\0"),
]:
    write("request", name, f"{address}\nHost: localhost\n{head}\n".encode() + body)

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
