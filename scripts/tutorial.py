"""The tutorial "Introduction to Convolutional Neural Nets" in Python, as its slides have it, run from the command line.

It takes the options of the Rust program, except --eager and those for checkpoints, and writes the same files, so that the two can
be laid side by side: ./scripts/compare.sh does that.
"""

import argparse
import contextlib
import copy
import csv
import gzip
import itertools
import json
import math
import os
import sys
import time
from pathlib import Path

# The same digits on every x86 processor: read when torch first computes
PORTABLE = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
if "--portable" in sys.argv:
    os.environ.update(PORTABLE)

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from safetensors.torch import load_file, save_file
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

ROOT = Path(__file__).resolve().parent.parent


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="cnn")
    parser.add_argument("--data", help="Kaggle CSV, folder with MNIST's IDX files or CIFAR-10's, kaggle, mnist or digits")
    parser.add_argument("--test-size", type=float, default=0.2)
    parser.add_argument("--random-state", type=int, default=1212)
    parser.add_argument("--scale", choices=["raw", "unit"], default="raw")
    parser.add_argument("--n-iters", type=int, default=2500)
    parser.add_argument("--epochs", type=int, help="instead of --n-iters")
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--optimizer", choices=["sgd", "adam", "adamw"], help="the network's own unless given")
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--lr-from", action="append", default=[], help="N=LR: another one from iteration N on")
    parser.add_argument("--momentum", type=float, default=0.0)
    parser.add_argument("--weight-decay", type=float, help="0, for adamw 0.01, unless given")
    parser.add_argument("--lr-schedule", choices=["none", "step", "cosine"], default="none")
    parser.add_argument("--step-size", type=int, default=10)
    parser.add_argument("--gamma", type=float, default=0.1)
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--init-from", help="weights to start from, a safetensors file")
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--eval-every", type=int, default=50)
    parser.add_argument("--print-every", type=int, default=500)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--channels-last", action="store_true", help="torch.channels_last")
    parser.add_argument("--tuned", action="store_true", help="as fast as PyTorch can: see the comments")
    parser.add_argument("--deterministic", action="store_true", help="torch.backends.cudnn.deterministic")
    parser.add_argument("--portable", action="store_true", help="the same digits on every x86 processor, on one thread")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--overwrite", action="store_true")
    args = parser.parse_args()
    args.optimizer = args.optimizer or MODELS[args.model][1]
    if args.weight_decay is None:
        args.weight_decay = 0.01 if args.optimizer == "adamw" else 0.0
    if args.portable:
        args.device = "cpu"
    if args.device == "auto":
        args.device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return args


def find(folder, name):
    """A file, plain or gzipped."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def content_of(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def read_idx(folder, stem):
    """An IDX file as an array; the images as rows of 784."""
    content = content_of(find(folder, stem))
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape[0], -1).squeeze()


def read_cifar10(folder):
    """The training images of CIFAR-10's binary version, as rows of 3 * 32 * 32, and labels."""
    contents = []
    while batch := find(folder, f"data_batch_{len(contents) + 1}.bin"):
        contents.append(content_of(batch))
    records = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:], records[:, 0]


def read_data(data):
    """Features of shape (n, 784), of CIFAR-10 (n, 3072), 0..255, and labels."""
    if data is None:
        data = "kaggle" if Path("data/train.csv").is_file() else "mnist" if Path("data/mnist").is_dir() else "digits"
    named = {"mnist": Path("data/mnist"), "kaggle": Path("data/train.csv"), "digits": ROOT / "assets" / "digits.csv.gz"}
    path = named.get(data, Path(data))
    images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    for inside in ("", "cifar-10-batches-bin", "raw", "MNIST/raw", "FashionMNIST/raw"):
        if find(path / inside, "data_batch_1.bin"):
            return read_cifar10(path / inside)
        if find(path / inside, images):
            return read_idx(path / inside, images).astype(np.float32), read_idx(path / inside, labels)
    table = (find(path, "train.csv") or find(path, "mnist_train.csv")) if path.is_dir() else path
    columns = pd.read_csv(table, nrows=0).columns if table and table.is_file() else []
    if "label" not in columns or len(columns) != 1 + 784:
        sys.exit(f"{path}: expected a CSV of label and 784 pixels with commas, or a folder with that or MNIST's or CIFAR-10's "
                 "files; the Rust program reads other layouts, too")
    train = pd.read_csv(table, dtype=np.float32)
    return train.loc[:, train.columns != "label"].values, train.label.values


class CNNModel(nn.Module):
    def __init__(self):
        super(CNNModel, self).__init__()

        # Convolution 1
        self.cnn1 = nn.Conv2d(in_channels=1, out_channels=16, kernel_size=3, stride=1, padding=0)
        self.relu1 = nn.ReLU()

        # Max pool 1
        self.maxpool1 = nn.MaxPool2d(kernel_size=2)

        # Convolution 2
        self.cnn2 = nn.Conv2d(in_channels=16, out_channels=32, kernel_size=3, stride=1, padding=0)
        self.relu2 = nn.ReLU()

        # Max pool 2
        self.maxpool2 = nn.MaxPool2d(kernel_size=2)

        # Fully connected 1
        self.fc1 = nn.Linear(32 * 5 * 5, 10)

    def forward(self, x):
        # Set 1
        out = self.cnn1(x)
        out = self.relu1(out)
        out = self.maxpool1(out)

        # Set 2
        out = self.cnn2(out)
        out = self.relu2(out)
        out = self.maxpool2(out)

        # Flatten (the slide's view cannot do channels_last)
        out = out.reshape(out.size(0), -1)

        # Dense
        out = self.fc1(out)

        return out


class LeNet5(nn.Module):
    def __init__(self, n_classes):
        super(LeNet5, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.conv3 = nn.Conv2d(16, 120, kernel_size=5)
        self.avgpool = nn.AvgPool2d(kernel_size=2)
        self.fc1 = nn.Linear(120, 84)
        self.fc2 = nn.Linear(84, n_classes)
        self.tanh = nn.Tanh()

    def forward(self, x):
        out = self.avgpool(self.tanh(self.conv1(x)))
        out = self.avgpool(self.tanh(self.conv2(out)))
        out = self.tanh(self.conv3(out))
        out = out.reshape(out.size(0), -1)
        out = self.tanh(self.fc1(out))
        logits = self.fc2(out)
        return logits


# What --model names: title, optimizer, network. A network of one's own is a class here and a line in this table.
MODELS = {
    "cnn": ("CNN", "sgd", CNNModel),
    "lenet5": ("LeNet-5", "adam", lambda: LeNet5(10)),
}


def augment(images):
    """Each image turned by up to 12 degrees, scaled by up to 12 % and shifted by up to 12 % of half its side."""
    random = torch.rand(len(images), 4) * 2 - 1
    angle = random[:, 0] * math.radians(12)
    scale = random[:, 1] * 0.12 + 1
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift_x, shift_y = random[:, 2] * 0.12, random[:, 3] * 0.12
    # Places are counted in halves of width and height: where these differ, a turn has to tell them apart
    height, width = images.shape[2:]
    across, down = sin * (height / width), sin * (width / height)
    rows = [torch.stack([cos, -across, shift_x], 1), torch.stack([down, cos, shift_y], 1)]
    theta = torch.stack(rows, 1).to(images.device)
    grid = nn.functional.affine_grid(theta, images.shape, align_corners=False)
    return nn.functional.grid_sample(images, grid, align_corners=False)


def ieee_sqrt(tensor):
    """The square root that Adam takes. MKL's own in 32 bits has other last bits on processors of another maker."""
    return torch.sqrt(tensor.double()).to(tensor.dtype)


class Slices:
    """What a DataLoader gives, as slices of the tensors: nothing is indexed image by image, nothing collated."""

    def __init__(self, images, labels, batch_size, shuffle):
        self.images, self.labels, self.batch_size, self.shuffle = images, labels, batch_size, shuffle

    def __len__(self):
        return math.ceil(len(self.images) / self.batch_size)

    def __iter__(self):
        order = torch.randperm(len(self.images)) if self.shuffle else None
        for start in range(0, len(self.images), self.batch_size):
            batch = slice(start, start + self.batch_size) if order is None else order[start : start + self.batch_size]
            yield self.images[batch], self.labels[batch]


def save(model, path):
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)


def make_folder(args):
    if args.out:
        folder = args.out
    else:
        names = (f"{args.model}-python{n}" for n in itertools.chain([""], (f"-{i}" for i in itertools.count(2))))
        folder = next(path for path in (Path("runs") / name for name in names) if args.overwrite or not path.exists())
    if (folder / "config.json").exists() and not args.overwrite:
        sys.exit(f"{folder} holds a run already: give another --out, or --overwrite to replace it")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main():
    args = parse_args()
    if args.portable:
        torch.Tensor.sqrt = ieee_sqrt
    if args.threads or args.portable:
        torch.set_num_threads(args.threads or 1)
    torch.backends.cudnn.deterministic = args.deterministic
    device = torch.device(args.device)

    # Data preparation
    features, labels = read_data(args.data)
    X_train, X_cv, y_train, y_cv = train_test_split(
        features, labels, test_size=args.test_size, random_state=args.random_state
    )
    image_size = (1, 28, 28) if features.shape[1] == 28 * 28 else (3, 32, 32)
    train_x = torch.from_numpy(np.array(X_train).reshape(-1, *image_size)).float()
    y_train = torch.from_numpy(np.array(y_train)).long()
    X_cv = torch.from_numpy(np.array(X_cv).reshape(-1, *image_size)).float()
    y_cv = torch.from_numpy(np.array(y_cv)).long()
    if args.scale == "unit":
        train_x, X_cv = train_x / 255, X_cv / 255

    batch_size = args.batch_size
    train_loader = DataLoader(TensorDataset(train_x, y_train), batch_size=batch_size, shuffle=args.shuffle)
    test_loader = DataLoader(TensorDataset(X_cv, y_cv), batch_size=batch_size, shuffle=False)
    memory_format = torch.channels_last if args.channels_last or args.tuned else torch.preserve_format
    if args.tuned:
        train_x, X_cv = (x.to(device, memory_format=memory_format) for x in (train_x, X_cv))
        y_train, y_cv = y_train.to(device), y_cv.to(device)
        train_loader = Slices(train_x, y_train, batch_size, args.shuffle)
        test_loader = Slices(X_cv, y_cv, batch_size, False)

    # Definition of hyperparameters
    num_epochs = args.epochs or int(args.n_iters / (len(train_x) / batch_size))
    total = num_epochs * len(train_loader)
    if args.max_steps:
        total = min(args.max_steps, total) if args.epochs else args.max_steps
        num_epochs = math.ceil(total / len(train_loader))
    if num_epochs == 0:
        sys.exit("zero epochs: --n-iters is too small for this data set and batch size")

    # Model, loss and optimizer
    torch.manual_seed(args.seed)
    title, _, network = MODELS[args.model]
    model = network()
    if args.init_from:
        model.load_state_dict(load_file(args.init_from))
    model.to(device, memory_format=memory_format)
    error = nn.CrossEntropyLoss()
    if args.optimizer == "sgd":
        optimizer = torch.optim.SGD(
            model.parameters(), lr=args.lr, momentum=args.momentum, weight_decay=args.weight_decay
        )
    else:
        adam = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[args.optimizer]
        optimizer = adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    scheduler = None
    if args.lr_schedule == "step":
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=args.step_size, gamma=args.gamma)
    elif args.lr_schedule == "cosine":
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=num_epochs)

    folder = make_folder(args)
    config = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
    (folder / "config.json").write_text(json.dumps({"torch": torch.__version__, **config}, indent=2) + "\n")
    network, tracking = model, contextlib.nullcontext
    if args.tuned:
        # Compiled for whole batches and for the last one, for training and for evaluation, which needs no gradients
        start = time.perf_counter()
        network, tracking = torch.compile(model, dynamic=False), torch.no_grad
        untrained = copy.deepcopy(model.state_dict())
        with torch.random.fork_rng():
            for size in {batch_size, len(train_x) % batch_size} - {0}:
                error(network(train_x[:size]), y_train[:size]).backward()
        model.load_state_dict(untrained)  # batch norm has followed these batches
        model.eval()
        with tracking():
            for size in {batch_size, len(X_cv) % batch_size} - {0}:
                network(X_cv[:size])
        model.train()
        print(f"compiled in {time.perf_counter() - start:.2f} s", file=sys.stderr, flush=True)
    print(f"training: {total} iterations, {num_epochs} epochs", file=sys.stderr, flush=True)
    start = time.perf_counter()

    # Model training
    lr_from = {int(n): float(lr) for n, lr in (change.split("=") for change in args.lr_from)}
    count = 0
    loss_list = []
    iteration_list = []
    accuracy_list = []
    best_loss = math.inf
    tracked = 0.0
    with open(folder / "metrics.csv", "w", newline="") as file:
        metrics = csv.writer(file, lineterminator="\n")
        metrics.writerow(["iteration", "loss", "accuracy"])
        for epoch in range(num_epochs):
            for images, labels in train_loader:
                train = images.to(device, memory_format=memory_format)
                labels = labels.to(device)
                if args.augment:
                    train = augment(train)
                if count + 1 in lr_from:
                    optimizer.param_groups[0]["lr"] = lr_from[count + 1]
                # Clear gradients
                optimizer.zero_grad()
                # Forward propagation
                outputs = network(train)
                # Calculate softmax and cross entropy loss
                loss = error(outputs, labels)
                # Calculating gradients
                loss.backward()
                # Update parameters
                optimizer.step()

                count += 1
                if count % args.eval_every == 0:
                    tracking_start = time.perf_counter()
                    # Calculate accuracy
                    correct = 0
                    seen = 0
                    test_loss = 0.0
                    # The slides' networks have nothing that evaluation mode changes; dropout and batch norm have
                    model.eval()
                    # Iterate through test dataset
                    with tracking():
                        for images, labels in test_loader:
                            labels = labels.to(device)
                            # Forward propagation
                            outputs = network(images.to(device, memory_format=memory_format))
                            # Get predictions from the maximum value
                            predicted = torch.max(outputs.data, 1)[1]
                            # Total number of labels
                            seen += len(labels)
                            correct += (predicted == labels).sum()
                            test_loss += error(outputs, labels).item() * len(labels)
                    model.train()

                    accuracy = 100 * correct / float(seen)
                    # keep the weights with the best validation loss
                    if test_loss / seen < best_loss:
                        best_loss = test_loss / seen
                        save(model, folder / "best.safetensors")

                    # store loss and iteration
                    loss_list.append(loss.item())
                    iteration_list.append(count)
                    accuracy_list.append(accuracy.item())
                    metrics.writerow([count, loss.item(), accuracy.item()])
                    file.flush()
                    tracked += time.perf_counter() - tracking_start
                if count % args.print_every == 0:
                    # Print loss
                    print("Iteration: {} Loss: {} Accuracy: {} %".format(count, loss.data, accuracy), flush=True)
                if count == total:
                    break
            if scheduler:
                scheduler.step()

    total_time = time.perf_counter() - start
    print(f"trained in {total_time:.2f} s, {tracked:.2f} s of them tracking progress", file=sys.stderr, flush=True)
    save(model, folder / "model.safetensors")

    for file, quantity, values, color in [
        ("loss.png", "Loss", loss_list, None),
        ("accuracy.png", "Accuracy", accuracy_list, "red"),
    ]:
        plt.figure()
        plt.plot(iteration_list, values, color=color)
        plt.xlabel("Number of iteration")
        plt.ylabel(quantity)
        plt.title(f"{title}: {quantity} vs Number of iteration")
        plt.savefig(folder / file)


if __name__ == "__main__":
    main()
