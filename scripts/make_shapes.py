"""Writes tests/fixtures/shapes: small coloured shapes in CIFAR-10's format, to train a network on three channels.

Five shapes, each in red and in blue: two classes differ in colour alone, others in shape alone. Place, size, tint, ground
and noise are random, and the same in every run. Needs numpy: .venv/bin/python scripts/make_shapes.py [folder]
"""

import gzip
import sys
from pathlib import Path

import numpy as np

SIDE = 32
SHAPES = {
    "circle": lambda x, y: x**2 + y**2 < 0.85,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 0.8,
    "triangle": lambda x, y: (y < 0.7) & (2 * abs(x) < y + 0.95),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.28) & (np.maximum(abs(x), abs(y)) < 0.95),
    "ring": lambda x, y: (x**2 + y**2 < 1) & (x**2 + y**2 > 0.4),
}
COLORS = {"red": (220, 50, 40), "blue": (40, 80, 220)}
CLASSES = [(color, shape) for shape in SHAPES for color in COLORS]

random = np.random.RandomState(0)  # the generator that NumPy keeps as it is


def image(color, shape):
    """[3, 32, 32]"""
    size = random.uniform(8, 12)
    x, y = random.uniform(size + 1, SIDE - size - 1, 2)
    row, column = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = SHAPES[shape]((column - x) / size, (row - y) / size)
    tint = np.array(COLORS[color]) + random.randint(-30, 31, 3)
    pixels = np.where(inside, tint[:, None, None], random.randint(60, 200))
    # Few pixels are noisy, and all channels alike: noise everywhere would not shrink.
    noise = (random.rand(SIDE, SIDE) < 0.04) * random.choice([-40, 40], (SIDE, SIDE))
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def batch(n):
    """Images of each class, the label before each, in random order."""
    labels = random.permutation(np.arange(n) % len(CLASSES))
    return b"".join(bytes([label]) + image(*CLASSES[label]).tobytes() for label in labels)


folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "tests" / "fixtures" / "shapes")
folder.mkdir(parents=True, exist_ok=True)
for name, n in [("data_batch_1", 400), ("test_batch", 100)]:
    # No time stamp: the same images give the same file.
    packed = gzip.compress(batch(n), compresslevel=9, mtime=0)
    (folder / f"{name}.bin.gz").write_bytes(packed)
    print(f"{folder}/{name}.bin.gz: {n} images, {len(packed)} bytes")
(folder / "batches.meta.txt").write_text("\n".join(" ".join(names) for names in CLASSES) + "\n\n")
