"""Draws networks and trainings from a seed and trains them in PyTorch, for tests/random_networks to lay the same beside them.

random_networks.py SEED COUNT FOLDER [--portable | --device cuda] [--deterministic] writes what each network came to into a file of the
folder, and prints a line of JSON for it: the network and its training, the lines of Python that repeat it, and the file, or the
error that PyTorch ends with.
"""

import itertools
import json
import random
import sys
import warnings
from pathlib import Path

import torch
import torch.nn as nn
from safetensors.torch import save_file
from torch.utils.data import DataLoader, TensorDataset

from tutorial import augment as augmented
from tutorial import ieee_sqrt


def train(network, *, device, seed, image, classes, n_train, n_test, batch_size, shuffle, scale, augment, layout, dtype,
          threads, frozen, thaw, poison, optimizer, lr_scheduler, epochs, eval_every, restart):
    """Trains a network on random images; returns all that it came to, as tensors."""
    torch.set_num_threads(threads)
    memory_format = torch.channels_last if layout == "channels_last" else torch.preserve_format

    torch.manual_seed(seed)
    images = torch.randint(256, (n_train + n_test, *image), dtype=torch.uint8).to(torch.float32)
    labels = torch.randint(classes, (n_train + n_test,))
    if scale == "unit":
        images = images / 255
    images, labels = images.to(device), labels.to(device)
    train_loader = DataLoader(TensorDataset(images[:n_train], labels[:n_train]), batch_size, shuffle=shuffle)
    test_loader = DataLoader(TensorDataset(images[n_train:], labels[n_train:]), batch_size)
    prepared = lambda x: x.to(getattr(torch, dtype), memory_format=memory_format)

    torch.set_default_dtype(getattr(torch, dtype))
    model = network().to(device, memory_format=memory_format)
    torch.set_default_dtype(torch.float32)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
        if name in poison:
            with torch.no_grad():
                parameter[(0,) * parameter.dim()] = float(poison[name])
    error = nn.CrossEntropyLoss()
    new_optimizer = lambda: getattr(torch.optim, optimizer[0])(model.parameters(), **optimizer[1])
    optimizer_, results, losses, evaluations = new_optimizer(), {}, [], []
    scheduler = getattr(torch.optim.lr_scheduler, lr_scheduler[0])(optimizer_, **lr_scheduler[1]) if lr_scheduler else None
    model.step = 0
    for epoch in range(epochs):
        for x, y in train_loader:
            x = augmented(x) if augment else x
            optimizer_.zero_grad()
            loss = error(model(prepared(x)), y)
            loss.backward()
            # On a card Nesterov's step adds to them
            grads = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
            optimizer_.step()
            losses.append(loss.item())
            model.step += 1
            if model.step % eval_every == 0:
                model.eval()
                correct, seen, test_loss = 0, 0, 0.0
                with torch.no_grad():
                    for x, y in test_loader:
                        outputs = model(prepared(x))
                        correct += (torch.max(outputs.data, 1)[1] == y).sum()
                        seen += len(y)
                        test_loss += error(outputs, y).item() * len(y)
                evaluations += [(100 * correct / float(seen)).item(), test_loss / seen]
                model.train()
            if model.step == thaw:
                for parameter in model.parameters():
                    parameter.requires_grad_()
            if model.step == restart:
                # As after a checkpoint
                state, optimizer_ = optimizer_.state_dict(), new_optimizer()
                optimizer_.load_state_dict(state)
                if scheduler:
                    scheduler.optimizer = optimizer_
        if scheduler:
            scheduler.step()

    results |= {f"grad.{name}": grad for name, grad in grads.items()}
    for name, parameter in model.named_parameters():
        state = optimizer_.state.get(parameter, {})
        results |= {f"{key}.{name}": value for key, value in state.items() if value is not None}
    model.eval()
    with torch.no_grad():
        # A copy: MKL's products may depend on where in memory a part begins
        results["logits"] = model(prepared(images[n_train:].clone()))
    results |= {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    results["losses"] = torch.tensor(losses, dtype=torch.float64)
    results["evaluations"] = torch.tensor(evaluations, dtype=torch.float64)
    results["next"] = torch.rand(3, dtype=torch.float32)  # no draw more, none less
    results["next on the device"] = torch.rand(3, dtype=torch.float32, device=device)
    return {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in results.items()}


class Draw(random.Random):
    """Networks and trainings as somebody may write them, most of them sound."""

    def often(self, percent):
        return self.random() * 100 < percent

    def number(self, least, most):
        """A number of few digits, so that each language reads the same."""
        return float(f"{10 ** self.uniform(least, most):.2g}")

    def pair(self, *sizes):
        first = self.choice(sizes)
        return [first, first if self.often(60) else self.choice(sizes)]

    def network(self, image, classes):
        """Layers in the order they are made in. One that is `used` in some steps has a divisor and a remainder; one may be
        called twice, and its output `joined` with its input."""
        layers, names, self.no_channels_last = [], {}, False
        (channels, height, width), flat = image, False
        # Layers that the library does not have, for which somebody writes one
        own = self.often(40)

        def add(kind, *, used=True, calls=1, joined=None, **arguments):
            stem = {"Conv2d": "conv", "Linear": "fc", "BatchNorm2d": "bn"}.get(kind, kind.lower())
            names[stem] = names.get(stem, 0) + 1
            layers.append(dict(name=f"{stem}{names[stem]}", kind=kind, used=used, calls=calls, joined=joined, **arguments))

        def sometimes():
            return [n := self.randint(2, 4), self.randrange(n)]

        def extra(kind, size, **arguments):
            """A layer as the slides' nets have none: it leaves the shape as it is, so that it can be left out, called again or
            joined. Returns how many channels or features there are behind it."""
            joined = self.choice([None, "add", "add", "mul", "cat"]) if own else None
            used = sometimes() if joined != "cat" and self.often(60) else True
            add(kind, used=used, calls=2 if self.often(25) else 1, joined=joined, **arguments)
            return 2 * size if joined == "cat" else size

        def activation():
            if self.often(80):
                others = ["ELU", "GELU", "Hardswish", "LeakyReLU", "Mish", "PReLU", "Sigmoid", "SiLU", "Softplus"]
                add(self.choice(others if own and self.often(70) else ["ReLU", "ReLU", "Tanh"]))
            if self.often(15):
                add("Dropout2d" if own and not flat else "Dropout", p=self.choice([0.1, 0.25, 0.5, 0.9]))

        def norm():
            groups = self.choice([n for n in range(1, channels + 1) if channels % n == 0])
            if own and flat and self.often(50):
                add("LayerNorm", normalized_shape=channels)
            elif own and channels // groups * height * width > 1 and not flat and self.often(50):
                add("GroupNorm", num_groups=groups, num_channels=channels)
            elif own or not flat:
                add("BatchNorm1d" if flat else "BatchNorm2d", num_features=channels,
                    used=sometimes() if self.often(15) else True)

        def pool():
            nonlocal height, width
            kernel_size = self.pair(1, 2, 2, 3)
            stride = kernel_size if self.often(60) else self.pair(1, 2, 3)
            if kernel_size[0] > height or kernel_size[1] > width:
                return
            kind = self.choice(["MaxPool2d", "MaxPool2d", "AvgPool2d", "AvgPool2d", "LPPool2d"])
            more = {"norm_type": self.choice([1, 2, 2, 3, 16])} if kind == "LPPool2d" else {}
            padding, ceil_mode = [0, 0], False
            if own and self.often(60):
                ceil_mode = more["ceil_mode"] = self.often(50)
                if kind != "LPPool2d":
                    padding = more["padding"] = [self.randint(0, size // 2) for size in kernel_size]
                if kind == "AvgPool2d":
                    more["count_include_pad"] = self.often(50)
            add(kind, kernel_size=kernel_size, stride=stride, **more)
            height, width = map(pooled, (height, width), kernel_size, stride, padding, [ceil_mode] * 2)

        def pooled(size, kernel_size, stride, padding, ceil_mode):
            out = (size + 2 * padding - kernel_size + ceil_mode * (stride - 1)) // stride + 1
            # A frame that would begin behind the map is left out
            return out - (ceil_mode and (out - 1) * stride >= size + padding)

        for _ in range(self.choice([0, 1, 1, 2, 2, 3, 4])):
            kernel_size, stride, padding = self.pair(1, 2, 3, 3, 5), self.pair(1, 1, 1, 2, 3), self.pair(0, 0, 1, 2)
            larger = [size + 2 * p for size, p in zip((height, width), padding)]
            if kernel_size[0] <= larger[0] and kernel_size[1] <= larger[1]:
                out_channels = self.choice([1, 2, 3, 4, 8, 12, 16, 32] + self.large * [32, 64])
                add("Conv2d", in_channels=channels, out_channels=out_channels, kernel_size=kernel_size, stride=stride,
                    padding=padding)
                height, width = ((size - k) // s + 1 for size, k, s in zip(larger, kernel_size, stride))
                # There PyTorch 2.11 computes with whatever is in memory, other numbers each time
                self.no_channels_last = self.no_channels_last or channels == 1 and width == 1
                channels = out_channels
            if self.often(25):
                norm()
            activation()
            if self.often(20):
                channels = extra("Conv2d", channels, in_channels=channels, out_channels=channels, kernel_size=[3, 3],
                                 stride=[1, 1], padding=[1, 1])
            if self.often(60):
                pool()
        if self.often(15):
            add("Linear", in_features=3, out_features=2, used=False)
        if own and self.often(30):
            height, width = output_size = self.pair(1, 1, 2, 3)
            add(self.choice(["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"]), output_size=output_size)
        add("Flatten")
        flat, channels = True, channels * height * width
        for _ in range(self.choice([0, 0, 1, 1, 2])):
            out_features = self.choice([4, 10, 33, 64])
            add("Linear", in_features=channels, out_features=out_features)
            channels = out_features
            if self.often(25):
                norm()
            activation()
            if self.often(25):
                channels = extra("Linear", channels, in_features=channels, out_features=channels)
        add("Linear", in_features=channels, out_features=classes)
        return layers

    def spoil(self, layers, training):
        """Something that PyTorch refuses."""
        kind = self.choice(["frame", "frame", "size", "size", "number", "number", "dropout", "empty", "label", "frozen",
                            "batch_size", "batch_size"])
        having = lambda *keys: [(layer, key) for layer in layers if layer["used"] is True for key in keys if key in layer]
        frames, sizes = having("kernel_size", "stride", "padding"), having("in_channels", "out_channels", "in_features",
                                                                           "out_features", "num_features")
        if kind == "frame" and frames:
            layer, key = self.choice(frames)
            layer[key] = [self.choice([-1, 40, 1]), -1]
        elif kind == "size":
            layer, key = self.choice(sizes)
            layer[key] = self.choice([-1, layer[key] + 1])
        elif kind == "number":
            key = self.choice(["lr", "weight_decay"])
            # No 32-bit number can hold 1e39, but PyTorch would take it as AdamW's weight decay, or in 64 bits
            taken = training["dtype"] == "float64" or training["optimizer"][0] == "AdamW" and key == "weight_decay"
            training["optimizer"][1][key] = self.choice([-0.1, -1.0 if taken else 1e39])
        elif kind == "dropout" and having("p"):
            self.choice(having("p"))[0]["p"] = self.choice([-0.1, 1.5])
        elif kind == "empty":
            layers[:] = [layer for layer in layers if layer["kind"] not in LEARNED]
        elif kind == "batch_size":
            training["batch_size"] = 0
        elif kind == "label":
            training["classes"] += 1
        else:
            training["frozen"] = parameters(layers)

    def training(self, layers, image, classes):
        optimizer = self.choice(["SGD", "SGD", "Adam", "AdamW"])
        arguments = {"lr": self.number(-4, -0.5) if optimizer == "SGD" else self.number(-4, -1.5)}
        if self.often(50):
            arguments["weight_decay"] = self.number(-4, 0)
        if optimizer == "SGD" and self.often(60):
            arguments["momentum"] = self.choice([0.5, 0.9, 0.99])
        if self.often(5):
            arguments["lr"] = self.number(3, 30)
        n_train, epochs, names = self.randint(4, 40), self.randint(1, 4), parameters(layers)
        if self.large:
            n_train, epochs = self.randint(60, 200), 1
        batch_size = self.randint(max(1, n_train // 5), n_train)
        steps = epochs * -(-n_train // batch_size)
        lr_scheduler = self.choice([
            None, None, ["StepLR", {"step_size": self.randint(1, 3), "gamma": self.number(-1, 0)}],
            ["CosineAnnealingLR", {"T_max": max(1, epochs // 2)}],
        ])
        layout = self.choice(["plain", "plain", "channels_last", "onednn", "onednn", "onednn"])
        used = [layer for layer in layers if layer["used"]]
        # What oneDNN's layout is not for: see to_mkldnn
        no_onednn = any(layer["joined"] or is_own(layer) for layer in layers) or any(
            layer["kind"] == "ReLU" and before["kind"] != "Conv2d" for before, layer in zip([{"kind": None}, *used], used)
        )
        if layout == "onednn" and no_onednn or layout == "channels_last" and self.no_channels_last:
            layout = "plain"
        dtype = "float64" if layout == "plain" and self.often(10) else "float32"
        return dict(
            device="cpu", seed=self.randrange(2**40), image=image, classes=classes, n_train=n_train, n_test=self.randint(2, 12),
            batch_size=batch_size, shuffle=self.often(50), scale=self.choice(["raw", "unit"]), 
            augment=dtype == "float32" and self.often(25), layout=layout, dtype=dtype,
            threads=self.choice([1, 2]), frozen=self.sample(names, self.randint(1, len(names))) if self.often(25) else [],
            thaw=self.randint(1, steps) if self.often(50) else 0,
            poison={},
            optimizer=[optimizer, arguments], lr_scheduler=lr_scheduler, epochs=epochs, eval_every=self.randint(1, 4),
            restart=self.randint(1, steps) if self.often(30) else 0,
        )

    def case(self):
        self.large = self.often(10)
        image = [self.randint(1, 3), *(self.randint(20, 32) if self.large else self.randint(5, 20) for _ in range(2))]
        classes = self.randint(2, 10)
        layers = self.network(image, classes)
        training = self.training(layers, image, classes)
        if self.often(40 if training["layout"] == "onednn" else 3):
            names = [name for name in parameters(layers) if name.startswith("conv")] or parameters(layers)
            training["poison"] = {self.choice(names): self.choice(["nan", "nan", "inf", "1e38"])}
        if self.often(12):
            self.spoil(layers, training)
        for layer in layers:
            if layer["kind"] == "Conv2d" and training["layout"] != "onednn" and self.often(20):
                self.vary(layer)
        optimizer, arguments = training["optimizer"]
        if optimizer == "SGD" and "momentum" in arguments and self.often(40):
            arguments["nesterov"] = True
        if optimizer != "SGD" and self.often(25):
            arguments |= {"betas": [self.choice([0.0, 0.5, 0.9]), self.choice([0.9, 0.99, 0.999])], "eps": self.number(-8, -1)}
        return layers, training

    def vary(self, layer):
        """Arguments that the library's Conv2d does not have, for which somebody writes a layer. The output's size stays."""
        channels = layer["in_channels"], layer["out_channels"]
        groups = [n for n in range(2, max(channels) + 1) if all(number % n == 0 for number in channels)]
        if groups and self.often(60):
            layer["groups"] = self.choice([*groups, groups[-1]])
        if layer["kernel_size"] == [3, 3] and self.often(40):
            layer |= {"dilation": [2, 2], "padding": [number + 1 for number in layer["padding"]]}
        if self.often(60):
            layer["bias"] = False


LEARNED = {"PReLU": ["weight"]} | dict.fromkeys(
    ["Conv2d", "Linear", "BatchNorm2d", "BatchNorm1d", "GroupNorm", "LayerNorm"], ["weight", "bias"])


def parameters(layers):
    return [f"{layer['name']}.{name}" for layer in layers for name in LEARNED.get(layer["kind"], [])]


def is_own(layer):
    """Whether the library has no such layer, or not with these arguments."""
    of_the_library = ["Conv2d", "Linear", "BatchNorm2d", "MaxPool2d", "AvgPool2d", "LPPool2d", "ReLU", "Tanh", "Dropout", "Flatten"]
    return layer["kind"] not in of_the_library or "ceil_mode" in layer


def python(layers, training):
    """The network and its training as lines of Python, from the folder scripts."""
    lines = ["from random_networks import nn, torch, train", "", "class Network(nn.Module):", "    def __init__(self):",
             "        super().__init__()"]
    for layer in layers:
        arguments = {key: tuple(value) if type(value) is list else value for key, value in layer.items()
                     if key not in ("name", "kind", "used", "calls", "joined")}
        text = ", ".join(f"{key}={value}" for key, value in arguments.items())
        lines.append(f"        self.{layer['name']} = nn.{layer['kind']}({text})")
    lines += ["", "    def forward(self, x):"]
    for layer in layers:
        if layer["used"]:
            call = f"self.{layer['name']}(x)" if layer["calls"] == 1 else f"self.{layer['name']}(self.{layer['name']}(x))"
            joined = {"add": f"x + {call}", "mul": f"x * {call}", "cat": f"torch.cat([x, {call}], 1)", None: call}
            call = f"x = {joined[layer['joined']]}"
            if layer["used"] is not True:
                call = "if self.step % {} == {}: {}".format(*layer["used"], call)
            lines.append(f"        {call}")
    arguments = ", ".join(f"{key}={value!r}" for key, value in training.items())
    return "\n".join(lines + ["        return x", "", f"results = train(Network, {arguments})"])


def drawn(seed, number, portable, device):
    """The network and its training; only what --portable covers where it is given, and what a device lives through."""
    for attempt in itertools.count():
        layers, training = Draw(f"{seed} {number}" + (f" {attempt}" if attempt else "")).case()
        if portable and (training["dtype"] != "float32" or any(layer.get("norm_type") == 2 for layer in layers)):
            continue
        if device != "cpu":
            training["device"] = device
            if training["layout"] == "onednn":
                training["layout"] = "plain"  # it is for the CPU
            if training["classes"] != layers[-1].get("out_features"):
                continue  # a label that is none stops a card for good
        return layers, training


def is_equal(a, b):
    """Whether two trainings came to the same bits."""
    return a.keys() == b.keys() and all(torch.equal(a[name].nan_to_num(), b[name].nan_to_num()) for name in a)


def main():
    warnings.simplefilter("ignore")  # a scheduler's about an optimizer that is restarted
    seed, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    portable, device = "--portable" in sys.argv, "cuda" if "cuda" in sys.argv else "cpu"
    torch.backends.cudnn.deterministic = "--deterministic" in sys.argv
    if portable:
        torch.Tensor.sqrt = ieee_sqrt
    for number in range(count):
        layers, training = drawn(seed, number, portable, device)
        case = {"number": number, "layers": layers, "training": training, "python": python(layers, training)}
        try:
            results = {}
            exec(case["python"], results)
            if device != "cpu":
                again = {}
                exec(case["python"], again)
                case["repeats"] = is_equal(results["results"], again["results"])
            case["file"] = str(folder / f"{number}.safetensors")
            save_file(results["results"], case["file"])
        except (ValueError, RuntimeError, IndexError) as error:
            case["error"] = str(error)
        torch.set_default_dtype(torch.float32)
        print(json.dumps(case), flush=True)


if __name__ == "__main__":
    main()
