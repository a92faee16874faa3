"""Writes assets/digits.csv.gz: scikit-learn's handwritten digits in the layout of Kaggle's Digit Recognizer.

Each 8x8 image (0..16) is brought to 20x20 by bilinear interpolation, padded to 28x28 and scaled to 0..255, which is
how MNIST places its digits. Needs an installed scikit-learn: .venv/bin/python scripts/make_digits.py
"""

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

digits = load_digits()
large = zoom(digits.images, (1, 20 / 8, 20 / 8), order=1, grid_mode=True, mode="nearest")
padded = np.pad(large, ((0, 0), (4, 4), (4, 4)))
pixels = np.rint(padded * (255 / 16)).astype(np.uint8).reshape(len(padded), 784)

table = pd.DataFrame(pixels, columns=[f"pixel{i}" for i in range(784)])
table.insert(0, "label", digits.target)
text = io.StringIO()
table.to_csv(text, index=False, lineterminator="\n")

path = Path(__file__).parent.parent / "assets" / "digits.csv.gz"
# No time stamp: the same digits give the same file.
path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))
print(f"{path}: {len(table)} images, {path.stat().st_size} bytes")
