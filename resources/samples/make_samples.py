"""Make everything in this folder: the pictures and tables, the three networks, `samples.json`.

    .venv/bin/pip install -e '.[dev]' && .venv/bin/python resources/samples/make_samples.py

Takes about two minutes on two cores. Seeded: the same versions of torch and scikit-learn give the
same files. The networks never see the samples that are shipped for judging.
"""

from __future__ import annotations

import csv
import json
import logging
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

HERE = Path(__file__).resolve().parent
SEED = 20
SIDE = 16
"""Pixels: the 8 × 8 originals are enlarged twice, so that three halvings leave something to convolve."""
TEST_PICTURES = 800
SHIPPED_TRAINING_PICTURES = 200
"""For calibration; the rest of the training pictures need not be shipped."""
SPARSE_EPOCHS = (0.4, 0.85)
"""Which part of the training runs with the smallest weights held at zero."""
SPARSE_SHARES = (0.2, 0.8)
IRIS_TEST_ROWS = 90
IRIS_COLUMNS = ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm")


class ConvBn(nn.Sequential):
    """Convolution, batch normalisation and, if asked for, an activation."""

    def __init__(
        self, into: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: type | None = None
    ) -> None:
        super().__init__(
            nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out)
        )
        if act is not None:
            self.append(act())


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut. Source: He et al. 2016."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvBn(into, out, stride=stride, act=nn.ReLU)
        self.conv2 = ConvBn(out, out)
        self.shortcut = ConvBn(into, out, 1, stride) if stride != 1 or into != out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


class InvertedResidual(nn.Module):
    """Expand, filter each channel alone, project. Source: Sandler et al. 2018."""

    def __init__(self, into: int, out: int, stride: int, expansion: int = 6) -> None:
        super().__init__()
        wide = into * expansion
        self.expand = ConvBn(into, wide, 1, act=nn.ReLU6)
        self.depthwise = ConvBn(wide, wide, 3, stride, groups=wide, act=nn.ReLU6)
        self.project = ConvBn(wide, out, 1)
        self.residual = stride == 1 and into == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Classifier(nn.Module):
    """A stem, blocks named block1, block2, ..., an optional 1 × 1 head, the mean over places, `fc`."""

    def __init__(self, stem: nn.Module, blocks: list[nn.Module], head: nn.Module, features: int) -> None:
        super().__init__()
        self.stem = stem
        for number, block in enumerate(blocks, start=1):
            self.add_module(f"block{number}", block)
        self.block_count = len(blocks)
        self.head = head
        self.fc = nn.Linear(features, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for number in range(1, self.block_count + 1):
            x = getattr(self, f"block{number}")(x)
        return self.fc(self.head(x).mean((2, 3)))


def resnet() -> Classifier:
    widths = [(16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
    blocks: list[nn.Module] = [BasicBlock(*sizes) for sizes in widths]
    return Classifier(ConvBn(1, 16, act=nn.ReLU), blocks, nn.Identity(), 64)


def mobilenet() -> Classifier:
    widths = [(16, 24, 1), (24, 24, 1), (24, 40, 2), (40, 40, 1), (40, 64, 2)]
    blocks: list[nn.Module] = [InvertedResidual(*sizes) for sizes in widths]
    return Classifier(ConvBn(1, 16, act=nn.ReLU6), blocks, ConvBn(64, 160, 1, act=nn.ReLU6), 160)


class IrisMlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense1, self.dense2, self.dense3 = nn.Linear(4, 32), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense3(torch.relu(self.dense2(torch.relu(self.dense1(x)))))


# ---------------------------------------------------------------- data


def digits() -> tuple[np.ndarray, ...]:
    """Train and test pictures, uint8 (n, 16, 16), and their labels, int64 (n,)."""
    bunch = load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    pictures = np.stack(
        [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in grey]
    )
    return tuple(
        train_test_split(
            pictures, bunch.target, test_size=TEST_PICTURES, stratify=bunch.target, random_state=SEED
        )
    )


def write_pictures(folder: Path, pictures: np.ndarray, labels: np.ndarray) -> None:
    """One PNG a picture, in a folder per class."""
    shutil.rmtree(folder, ignore_errors=True)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:04d}.png", optimize=True)


def write_table(path: Path, rows: np.ndarray, labels: np.ndarray, names: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*IRIS_COLUMNS, "species"])
        for row, label in zip(rows, labels, strict=True):
            writer.writerow([*(f"{value:.1f}" for value in row), names[label]])


# ---------------------------------------------------------------- training


def scaled(pictures: np.ndarray) -> torch.Tensor:
    """What `samples.json` says as mean 0, std 255: float32 (n, 1, 16, 16) in 0..1."""
    return torch.from_numpy(pictures.astype(np.float32) / 255).unsqueeze(1)


def shifted(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each picture moved by up to 2 pixels each way, so that 997 pictures teach enough."""
    padded = nn.functional.pad(batch, (2, 2, 2, 2))
    offsets = torch.randint(0, 5, (len(batch), 2), generator=generator).tolist()
    return torch.stack(
        [one[:, y : y + SIDE, x : x + SIDE] for one, (y, x) in zip(padded, offsets, strict=True)]
    )


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, rate: float, decay: float) -> None:
    """Stochastic gradient descent with momentum; pictures are shifted, rows of a table are not.

    Dense, then sparse, then dense again: in the middle of the training the smallest weights of each layer
    are held at zero, another share in each epoch. As in a network trained for long, many weights then matter
    little, and it is the program's business to find which. Source: Han et al. 2017 (DSD).
    """
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=decay)
    batches = -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches)
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    model.train()
    for epoch in range(epochs):
        masks = []
        if int(SPARSE_EPOCHS[0] * epochs) <= epoch < int(SPARSE_EPOCHS[1] * epochs):
            shares = torch.empty(len(weights)).uniform_(*SPARSE_SHARES, generator=generator).tolist()
            masks = [
                (weight.abs() > weight.abs().quantile(share)).float()
                for weight, share in zip(weights, shares, strict=True)
            ]
        for chosen in torch.randperm(len(x), generator=generator).split(64):
            batch = shifted(x[chosen], generator) if x.ndim == 4 else x[chosen]
            loss = nn.functional.cross_entropy(model(batch), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for weight, mask in zip(weights, masks, strict=False):
                    weight.mul_(mask)
    model.eval()


# ---------------------------------------------------------------- ONNX


def folded(model: nn.Module) -> nn.Module:
    """The model with each ConvBn replaced by one convolution (and its activation), in place."""
    for name, child in list(model.named_children()):
        if isinstance(child, ConvBn):
            conv = fuse_conv_bn_eval(child[0], child[1])
            conv.weight.requires_grad_(False)
            setattr(model, name, conv if len(child) == 2 else _Activated(conv, child[2]))
        else:
            folded(child)
    return model


class _Activated(nn.Module):
    def __init__(self, conv: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.conv, self.activation = conv, activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.conv(x))


def readable(name: str) -> str:
    """'/block1/conv1/conv/Conv' and 'block1.conv1.conv.weight' without the noise: 'block1.conv1', ..."""
    return (
        name.strip("/").replace("/", ".").replace(".conv.", ".").removesuffix(".Conv").removesuffix(".Gemm")
    )


def write_network(model: nn.Module, sample: torch.Tensor, input_name: str, path: Path) -> None:
    """Export at opset 17 with a free batch size and names that can be read."""
    # the newer exporter needs onnxscript, which nothing else here does
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (sample,),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=[input_name],
            output_names=["logits"],
            dynamic_axes={input_name: {0: "N"}, "logits": {0: "N"}},
        )
    logging.disable(logging.NOTSET)
    proto = onnx.load(path)
    kept = {input_name, "logits"}
    for initializer in proto.graph.initializer:
        initializer.name = readable(initializer.name)
    for node in proto.graph.node:
        node.name = readable(node.name)
        for names in (node.input, node.output):
            names[:] = [name if name in kept else readable(name) for name in names]
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def top1(path: Path, x: np.ndarray, y: np.ndarray) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: x})[0]
    return 100 * float(np.mean(logits.argmax(1) == y))


def make_digits() -> None:
    x_train, x_test, y_train, y_test = digits()
    calibration, _, calibration_labels, _ = train_test_split(
        x_train, y_train, train_size=SHIPPED_TRAINING_PICTURES, stratify=y_train, random_state=SEED
    )
    write_pictures(HERE / "digits" / "test", x_test, y_test)
    write_pictures(HERE / "digits" / "train", calibration, calibration_labels)
    for name, build in (("digits_resnet", resnet), ("digits_mobilenet", mobilenet)):
        torch.manual_seed(SEED)
        model = build()
        train(model, scaled(x_train), torch.from_numpy(y_train), epochs=50, rate=0.1, decay=2e-3)
        path = HERE / f"{name}.onnx"
        write_network(folded(model), scaled(x_test[:1]), "picture", path)
        accuracy = top1(path, scaled(x_test).numpy(), y_test)
        print(f"{path.name}: {accuracy:.2f} % of {len(y_test)}, {path.stat().st_size:,} bytes")


def make_iris() -> None:
    bunch = load_iris()
    x_train, x_test, y_train, y_test = train_test_split(
        bunch.data.astype(np.float32),
        bunch.target,
        test_size=IRIS_TEST_ROWS,
        stratify=bunch.target,
        random_state=SEED,
    )
    names = [str(name) for name in bunch.target_names]
    write_table(HERE / "iris.csv", x_test, y_test, names)
    write_table(HERE / "iris_train.csv", x_train, y_train, names)
    torch.manual_seed(SEED)
    model = IrisMlp()
    mean, std = torch.from_numpy(x_train.mean(0)), torch.from_numpy(x_train.std(0))
    rows = (torch.from_numpy(x_train) - mean) / std
    train(model, rows, torch.from_numpy(y_train), epochs=100, rate=0.05, decay=1e-2)
    with torch.no_grad():  # the network takes centimetres: the scaling goes into the first layer
        model.dense1.weight /= std
        model.dense1.bias -= model.dense1.weight @ mean
    path = HERE / "iris_mlp.onnx"
    write_network(model, torch.from_numpy(x_test[:1]), "features", path)
    accuracy = top1(path, x_test, y_test)
    print(f"{path.name}: {accuracy:.2f} % of {len(y_test)}, {path.stat().st_size:,} bytes")


def write_manifest() -> None:
    pictures = {"mean": [0], "std": [255], "layout": "NCHW", "color": "GRAY"}
    common = {"data": "digits/test", "calibration": "digits/train", "preprocess": pictures}
    iris = {
        "data": "iris.csv",
        "calibration": "iris_train.csv",
        "preprocess": None,
        "label_column": "species",
    }
    samples = [
        {
            "name": "digits_resnet",
            "model": "digits_resnet.onnx",
            **common,
        },
        {
            "name": "digits_mobilenet",
            "model": "digits_mobilenet.onnx",
            **common,
        },
        {"name": "iris", "model": "iris_mlp.onnx", **iris},
    ]
    (HERE / "samples.json").write_text(json.dumps(samples, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make_digits()
    make_iris()
    write_manifest()
