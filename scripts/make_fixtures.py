"""Writes what PyTorch, scikit-learn and NumPy compute, for the tests to compare with: make_fixtures.py FOLDER.

The tests run it where .venv has PyTorch, and then expect equality to the last bit; else they read tests/fixtures,
which it wrote on another machine, and allow for that machine's rounding.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn as nn
from safetensors.torch import save_file
from sklearn.model_selection import train_test_split

from tutorial import CNNModel, LeNet5


def checksum(indices):
    return sum((position + 1) * index for position, index in enumerate(indices))


def split(n, test_size, random_state):
    train, test = train_test_split(range(n), test_size=test_size, random_state=random_state)
    case = {"n": n, "test_size": test_size, "random_state": random_state}
    part = {"train": train, "test": test} if n <= 101 else {"train": train[:5], "test": test[:5]}
    return {**case, **part, "train_checksum": checksum(train), "test_checksum": checksum(test)}


def randperm(n, seed):
    generator = torch.Generator()
    generator.manual_seed(seed)
    order = torch.randperm(n, generator=generator).tolist()
    return {"n": n, "seed": seed, "order": order[:10], "checksum": checksum(order)}


def layer_case(name, layer, input, tensors):
    """A layer's output for `input`, and all gradients for a given gradient of the output."""
    input = input.clone().requires_grad_()
    output = layer(input)
    grad_output = torch.randint(-4, 5, output.shape).float()
    output.backward(grad_output)
    tensors[f"{name}.input"], tensors[f"{name}.output"] = input.detach(), output.detach()
    tensors[f"{name}.grad_output"], tensors[f"{name}.grad_input"] = grad_output, input.grad
    for key, parameter in layer.named_parameters():
        tensors[f"{name}.{key}"], tensors[f"{name}.grad_{key}"] = parameter.detach().clone(), parameter.grad


def layers():
    """Small whole numbers, so that every sum is exact in whatever order a processor adds."""
    torch.manual_seed(1)
    tensors = {}
    whole = lambda *shape: torch.randint(-5, 6, shape).float()
    for name, layer, shape in [
        ("conv_int", nn.Conv2d(1, 4, 3), (2, 1, 9, 8)),
        ("conv_pair", nn.Conv2d(2, 3, (3, 2)), (2, 2, 7, 6)),
        ("conv_stride", nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 2, 9, 8)),
        ("conv_pairs", nn.Conv2d(1, 2, (5, 3), stride=(2, 1), padding=(2, 0)), (1, 1, 11, 9)),
        ("linear", nn.Linear(6, 4), (3, 6)),
        ("max", nn.MaxPool2d(2), (2, 3, 6, 6)),
        ("max_stride", nn.MaxPool2d(3, stride=2), (2, 3, 8, 7)),
        ("max_pair", nn.MaxPool2d((2, 3), stride=(1, 2)), (2, 3, 6, 7)),
        ("avg", nn.AvgPool2d(2), (2, 3, 6, 6)),
        ("avg_stride", nn.AvgPool2d(2, stride=1), (2, 3, 5, 6)),
        ("avg_pair", nn.AvgPool2d((2, 4), stride=(2, 1)), (2, 3, 6, 7)),
    ]:
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(whole(*parameter.shape))
        layer_case(name, layer, whole(*shape), tensors)
    for name, layer in [
        ("lp1", nn.LPPool2d(1, 2)),
        ("lp2", nn.LPPool2d(2, 2, stride=1)),
        ("lp3", nn.LPPool2d(3, (2, 3), stride=2)),
        ("lp16", nn.LPPool2d(16, 2)),
    ]:
        layer_case(name, layer, torch.randint(1, 6, (2, 3, 6, 6)).float(), tensors)
    return tensors


def models():
    """What each model draws for a seed, and one step: the first 64 numbers of every tensor."""
    tensors = {}
    for name, seed, model in [("cnn", 0, CNNModel), ("lenet5", 42, lambda: LeNet5(10))]:
        torch.manual_seed(seed)
        net = model()
        images = torch.arange(4 * 784).remainder(256).reshape(4, 1, 28, 28).float()
        logits = net(images)
        nn.CrossEntropyLoss()(logits, torch.tensor([3, 1, 4, 1])).backward()
        tensors[f"{name}.logits"] = logits.detach()
        for key, parameter in net.named_parameters():
            tensors[f"{name}.{key}"] = parameter.detach().flatten()[:64].clone()
            tensors[f"{name}.grad_{key}"] = parameter.grad.flatten()[:64].clone()
    return tensors


def dropout():
    """What dropout makes of an input, drawn from a generator with a seed, and the input's gradient; and in evaluation mode."""
    layer, tensors = nn.Dropout(0.3), {}
    torch.manual_seed(6)
    x, gradient = torch.randn(7, 3, 5, 5, requires_grad=True), torch.randn(7, 3, 5, 5)
    torch.manual_seed(7)
    out = layer(x)
    out.backward(gradient)
    tensors["input"], tensors["grad_output"], tensors["output"], tensors["grad_input"] = x.detach(), gradient, out.detach(), x.grad
    tensors["next"] = torch.rand(3)  # no draw more, none less
    tensors["eval"] = layer.eval()(x).detach().clone()
    return {f"dropout.{key}": tensor for key, tensor in tensors.items()}


def batch_norm():
    """Batch norm after three batches while training, with all gradients of the last; and in evaluation mode."""
    layer, tensors = nn.BatchNorm2d(3), {}
    torch.manual_seed(8)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(3))
        layer.bias.copy_(torch.randn(3))
    for batch in range(3):
        layer_case(f"batch_norm.{batch}", layer, torch.randn(5, 3, 4, 7), tensors)
        layer.zero_grad(set_to_none=True)
    for key, buffer in layer.named_buffers():
        tensors[f"batch_norm.{key}"] = buffer.clone()
    tensors["batch_norm.eval"] = layer.eval()(tensors["batch_norm.2.input"]).detach()
    return tensors


def partly_used():
    """Two parameters after each of six steps, one of them without a gradient in some. A third never has one."""
    tensors, used = {}, [False, True, True, False, False, True]
    start, gradients = torch.randn(2, 5, 7, dtype=torch.float64), torch.randn(6, 2, 5, 7, dtype=torch.float64)
    tensors["partly.start"], tensors["partly.gradients"] = start, gradients
    for kind, dtype in [("float", torch.float32), ("double", torch.float64)]:
        for name, make in [
            ("sgd", lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.3)),
            ("momentum", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.3)),
            ("nesterov", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.3, nesterov=True)),
            ("adam", lambda p: torch.optim.Adam(p, lr=0.003, weight_decay=0.3)),
            ("adamw", lambda p: torch.optim.AdamW(p, lr=0.003)),
        ]:
            always, sometimes, never = (start[i % 2].to(dtype, copy=True).requires_grad_() for i in range(3))
            optimizer = make([always, sometimes, never])
            steps = []
            for gradient, is_used in zip(gradients.to(dtype), used):
                optimizer.zero_grad()
                always.grad = gradient[0].clone()
                if is_used:
                    sometimes.grad = gradient[1].clone()
                optimizer.step()
                steps.append(torch.stack([always.detach(), sometimes.detach(), never.detach()]))
            tensors[f"partly.{kind}.{name}"] = torch.stack(steps)
    return tensors


def optimizers():
    """A parameter after each of five steps along given gradients."""
    tensors = {}
    torch.manual_seed(2)
    start, gradients = torch.randn(20, 16), torch.randn(5, 20, 16)
    tensors["start"], tensors["gradients"] = start, gradients
    for name, make in [
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("sgd_decay", lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.3)),
        ("sgd_momentum", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        ("sgd_momentum_decay", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.3)),
        ("sgd_nesterov", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
        ("adam", lambda p: torch.optim.Adam(p, lr=0.003)),
        ("adam_betas", lambda p: torch.optim.Adam(p, lr=0.003, betas=(0.5, 0.99), eps=1e-3)),
        ("adam_decay", lambda p: torch.optim.Adam(p, lr=0.003, weight_decay=0.3)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.003, weight_decay=0.3)),
        ("adamw_betas", lambda p: torch.optim.AdamW(p, lr=0.003, betas=(0.0, 0.9), eps=0.1)),
    ]:
        parameter = start.clone().requires_grad_()
        optimizer = make([parameter])
        steps = []
        for gradient in gradients:
            optimizer.zero_grad()
            parameter.grad = gradient.clone()
            optimizer.step()
            steps.append(parameter.detach().clone())
        tensors[name] = torch.stack(steps)
    tensors |= partly_used()
    for name, make in [
        ("step", lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=7, gamma=0.3)),
        ("cosine", lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=20)),
        ("cosine_again", lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=3)),
        ("cosine_at_once", lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=1)),
    ]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.003)
        scheduler = make(optimizer)
        rates = []
        for epoch in range(20):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        tensors[f"lr_{name}"] = torch.tensor(rates, dtype=torch.float64)
    return tensors


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
indices = {
    "split": [
        split(*case)
        for case in [(5, 0.2, 1212), (10, 0.2, 1212), (11, 0.33, 0), (101, 0.5, 4294967295), (1797, 0.2, 1212),
                     (42000, 0.2, 1212), (42000, 0.1, 7), (60000, 0.2, 1212)]
    ],
    "randperm": [randperm(*case) for case in [(1, 0), (10, 0), (1000, 2**40 + 5), (33600, 2**62 + 7), (48000, 3)]],
}
(folder / "indices.json").write_text(json.dumps(indices) + "\n")
for name, tensors in [("layers", layers() | dropout() | batch_norm()), ("models", models()), ("optimizers", optimizers())]:
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / f"{name}.safetensors")
