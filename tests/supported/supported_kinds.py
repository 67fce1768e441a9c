"""The kinds of networks of `docs/supported.md`: what each is, and how its file and its samples come about."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import supported_networks as networks
import supported_samples as samples
import supported_training as training
import torch
from supported_journey import Saved
from torch import Tensor, nn

import resources
from core.values import DataSpec, InputSize, LayerPlan, Plan, Preprocess, Recipe
from resources.samples.make_samples import IRIS_COLUMNS, digits, scaled, shifted

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
BITS = LayerPlan(weight_bits=8, activation_bits=8)
GREY = Preprocess(mean=(0.0,), std=(255.0,), layout="NCHW", color="GRAY")
"""Grey value / 255."""

MEMORY = {
    "open": 2.5,
    "importance": 2.6,
    "sensitivity": 3.0,
    "compress": 3.0,
    "export": 2.9,
    "read back": 2.8,
}
"""Of VGG16, one stage after the other in one process. Three is the aim for all of them."""


def planned(macs: float = 20.0, sparsity: float = 0.3) -> Plan:
    """Channels, zeros and bits in one run."""
    methods: dict[str, dict[str, str | int | float | bool]] = (
        {"prune_channels": {"macs": macs}} if macs else {}
    )
    return Plan(defaults=LayerPlan(sparsity=sparsity, weight_bits=8, activation_bits=8), methods=methods)


@dataclass(frozen=True)
class Kind:
    """make(folder) writes the file and the samples there and says what a person would."""

    name: str
    network: str
    """As the page calls it."""
    saved_as: str
    samples: str
    make: Callable[[Path], Saved]
    metric: str
    """What it is judged by."""
    best: float
    """The uncompressed network gives at least this, where a figure has a scale of its own."""
    loses: float
    """Points that it may lose."""
    least: float = 0.0
    """Where answers are held against the original's: what the compressed network gives at least."""
    memory: Mapping[str, float] = field(default_factory=dict)
    """By stage the most memory of a large network, in multiples of its file."""
    integers: bool = True
    """Some layer computes on integers; where not, a remark says why."""
    slow: bool = False
    """It takes long, and another kind goes the same way from its file to its samples: `pytest -m slow`."""
    needs: str = ""
    """A package that its file is written with and the program does without: it is skipped where it lacks."""
    shared: str = ""
    """A file that not every computer has: it is skipped there."""


KINDS: dict[str, Kind] = {}


def kind(
    name: str, network: str, saved_as: str, given: str, metric: str, best: float, loses: float, **more: object
) -> Callable[[Callable[[Path], Saved]], Callable[[Path], Saved]]:
    def registered(make: Callable[[Path], Saved]) -> Callable[[Path], Saved]:
        KINDS[name] = Kind(name, network, saved_as, given, make, metric, best, loses, **more)  # type: ignore[arg-type]
        return make

    return registered


def said(folder: Path, network: str, *inputs: InputSize) -> Recipe:
    """About weights alone: where the class is, and what goes in."""
    return Recipe(trusted=True, inputs=inputs, architecture=str(folder / "networks.py"), network=network)


def on_digits(net: nn.Module, steps: int = 300, batch: int = 64) -> nn.Module:
    x, _, y, _ = digits()
    generator = torch.Generator().manual_seed(2)
    loss = training.classified(scaled(x), torch.from_numpy(y), lambda one: shifted(one, generator))
    return training.trained(net, len(x), loss, steps, 5e-3, batch)


def digit_folders(calibration: int = 64) -> DataSpec:
    """800 pictures that no network here was trained on, a folder for each digit."""
    return DataSpec(
        path=str(resources.sample_path("digits/test")),
        calibration_path=str(resources.sample_path("digits/train")),
        preprocess=GREY,
        calibration_count=calibration,
        judge_count=None,
    )


def picture() -> Tensor:
    return torch.rand(2, 1, 16, 16)


# ---------------------------------------------------------------- dense, convolutions


@kind("mlp", "multilayer perceptron, 4-10-3 (iris)", "Keras `.keras`", "table (CSV)", "top1", 90, 4)
def mlp(folder: Path) -> Saved:
    rows: dict[str, list[list[str]]] = {}
    for name in ("iris", "iris_train"):
        with resources.sample_path(f"{name}.csv").open(newline="") as file:
            rows[name] = list(csv.reader(file))
    names = sorted({row[-1] for row in rows["iris"][1:]})
    learnt = rows["iris_train"][1:]
    x = np.array([row[: len(IRIS_COLUMNS)] for row in learnt], np.float32)
    y = np.array([names.index(row[-1]) for row in learnt])
    model = training.save_keras(folder, "iris", x, y, "keras")
    data = DataSpec(
        path=str(resources.sample_path("iris.csv")),
        calibration_path=str(resources.sample_path("iris_train.csv")),
        label_column="species",
    )
    return Saved(str(model), data, planned(macs=20, sparsity=0.2))


@kind(
    "cnn",
    "small CNN: 2 convolutions, 3 dense layers",
    "PyTorch state dict `.pth` + class",
    "folder of pictures",
    "top1",
    95,
    2,
)
def cnn(folder: Path) -> Saved:
    torch.manual_seed(0)
    training.save_weights(on_digits(networks.SmallCnn()), folder / "cnn.pth")
    recipe = said(folder, "SmallCnn", InputSize((1, 1, 16, 16)))
    return Saved(str(folder / "cnn.pth"), digit_folders(), planned(), recipe)


@kind(
    "vgg16",
    "VGG16 at its real size, random weights",
    "torch.onnx `.onnx`",
    "random",
    "agreement",
    100,
    100,
    slow=True,
    memory=MEMORY,
)
def vgg16(folder: Path) -> Saved:
    torch.manual_seed(0)
    net = networks.VGG16()
    for part in net.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            # so that the values keep their size through 16 layers
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    training.save_onnx(net.eval(), folder / "vgg16.onnx", torch.zeros(1, 3, 224, 224))
    data = DataSpec(path="random", calibration_count=8, judge_count=8)
    plan = Plan(defaults=BITS, methods={"prune_channels": {"macs": 20, "score": "moments"}})
    return Saved(str(folder / "vgg16.onnx"), data, plan, sweep=8, layers=2)


@kind("resnet", "ResNet", "torch.export `.pt2`", "folder of pictures", "top1", 95, 2)
def resnet(folder: Path) -> Saved:
    torch.manual_seed(0)
    training.save_program(on_digits(networks.ResNet(), 200, 24), folder / "resnet.pt2", picture())
    return Saved(str(folder / "resnet.pt2"), digit_folders(), planned())


@kind(
    "mobilenet",
    "MobileNet: inverted residuals, depthwise",
    "TorchScript `.pt`",
    "folder of pictures",
    "top1",
    95,
    3,
    slow=True,
)
def mobilenet(folder: Path) -> Saved:
    torch.manual_seed(0)
    training.save_script(on_digits(networks.MobileNet(), 260), folder / "mobilenet.pt", picture())
    recipe = Recipe(trusted=True, inputs=(InputSize((1, 1, 16, 16)),))
    return Saved(str(folder / "mobilenet.pt"), digit_folders(128), planned(), recipe, sweep=64)


@kind(
    "efficientnet",
    "EfficientNet-like: squeeze and excite, SiLU",
    "torch.onnx `.onnx`",
    "folder of pictures",
    "top1",
    95,
    3,
    slow=True,
)
def efficientnet(folder: Path) -> Saved:
    torch.manual_seed(0)
    training.save_onnx(on_digits(networks.EfficientNet(), 260, 24), folder / "efficientnet.onnx", picture())
    return Saved(str(folder / "efficientnet.onnx"), digit_folders(), planned())


# ---------------------------------------------------------------- sequences


def texts_file(folder: Path, calibration: int = 64) -> DataSpec:
    for name, count, seed in (("texts", 400, 9), ("calibration", 128, 10)):
        ids, labels = samples.texts(count, seed)
        np.savez(folder / f"{name}.npz", x=ids, y=labels)
    return DataSpec(
        path=str(folder / "texts.npz"),
        calibration_path=str(folder / "calibration.npz"),
        calibration_count=calibration,
        judge_count=None,
    )


@kind(
    "lstm",
    "LSTM classifier, both directions, token ids",
    "torch.onnx `.onnx`",
    "arrays (NPZ)",
    "top1",
    80,
    4,
    integers=False,
)
def lstm(folder: Path) -> Saved:
    torch.manual_seed(0)
    ids, labels = (torch.from_numpy(one) for one in samples.texts(4000, seed=1))
    net = networks.LstmClassifier()
    net = training.trained(net, len(ids), training.classified(ids, labels), 500, 1e-2, 128)
    training.save_onnx(net, folder / "lstm.onnx", ids[:2])
    return Saved(str(folder / "lstm.onnx"), texts_file(folder), planned())


@kind(
    "gru",
    "GRU classifier, two layers, token ids",
    "Keras `.h5`",
    "arrays (NPZ)",
    "top1",
    80,
    4,
    integers=False,
)
def gru(folder: Path) -> Saved:
    ids, labels = samples.texts(4000, seed=1)
    model = training.save_keras(folder, "gru", ids.astype(np.int32), labels, "h5")
    return Saved(str(model), texts_file(folder, 128), planned(), sweep=64)


@kind(
    "dynamo",
    "transformer classifier, token ids",
    "torch's newer exporter, `.onnx`",
    "arrays (NPZ)",
    "top1",
    80,
    4,
    needs="onnxscript",
)
def dynamo(folder: Path) -> Saved:
    torch.manual_seed(0)
    ids, labels = (torch.from_numpy(one) for one in samples.texts(4000, seed=1))
    net = networks.TextTransformer()
    net = training.trained(net, len(ids), training.classified(ids, labels), 400, 1e-2, 64)
    training.save_dynamo(net, folder / "transformer.onnx", ids[:2])
    return Saved(str(folder / "transformer.onnx"), texts_file(folder), planned())


@kind(
    "encoder",
    "transformer encoder of MiniLM's size, ids and mask, open lengths, random weights",
    "safetensors + class",
    "folder of requests (NPZ)",
    "cosine",
    100,
    5,
)
def encoder(folder: Path) -> Saved:
    generator = torch.Generator().manual_seed(0)
    net = networks.Encoder()
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, nn.Linear):
                part.weight.normal_(0, 1.5 / part.in_features**0.5, generator=generator)
            elif isinstance(part, nn.LayerNorm):
                part.weight.uniform_(0.6, 1.2, generator=generator)
    training.save_weights(net.eval(), folder / "encoder.safetensors")
    random = np.random.default_rng(3)

    def request(_: int) -> dict[str, np.ndarray]:
        length = random.integers(12, 33)
        mask = (np.arange(32) < length).astype(np.int64)[None]
        return {"input_ids": random.integers(1, 30522, (1, 32)) * mask, "attention_mask": mask}

    path = samples.requests(folder / "requests", 64, request)
    data = DataSpec(path=str(path), calibration_count=16, judge_count=32, task="embedding")
    sizes = InputSize((1, 32), "int64"), InputSize((1, 32), "int64")
    recipe = said(folder, "Encoder", *sizes)
    return Saved(
        str(folder / "encoder.safetensors"), data, planned(macs=0, sparsity=0), recipe, sweep=8, layers=2
    )


# ---------------------------------------------------------------- places, boxes, sounds


@kind(
    "unet",
    "U-Net, three classes for each pixel",
    "torch.onnx `.onnx`",
    "folders of pictures and masks",
    "miou",
    80,
    4,
)
def unet(folder: Path) -> Saved:
    torch.manual_seed(0)
    pictures, masks, _ = samples.shapes(400, seed=1)
    x, y = scaled(pictures), torch.from_numpy(masks.astype(np.int64))
    net = training.trained(networks.UNet(), len(x), training.classified(x, y), 150, 1e-2, 16)
    training.save_onnx(net, folder / "unet.onnx", x[:2])
    for name, count, seed in (("test", 64, 2), ("train", 32, 3)):
        pictures, masks, _ = samples.shapes(count, seed)
        samples.masks_folder(folder / "data" / name, pictures, masks)
    data = DataSpec(
        path=str(folder / "data" / "test"),
        calibration_path=str(folder / "data" / "train"),
        preprocess=GREY,
        calibration_count=32,
        judge_count=None,
    )
    return Saved(str(folder / "unet.onnx"), data, planned(), sweep=16)


@kind(
    "detector",
    "one-stage detector, two scales, boxes and scores",
    "torch.export `.pt2`",
    "COCO JSON",
    "box_map",
    40,
    6,
)
def detector(folder: Path) -> Saved:
    torch.manual_seed(0)
    pictures, _, boxes = samples.shapes(400, seed=1)
    x = scaled(pictures)
    net = training.trained(networks.Detector(), len(x), training.detected(x, boxes), 400, 1e-2, 16)
    training.save_program(net, folder / "detector.pt2", x[:2])
    pictures, _, boxes = samples.shapes(96, seed=2)
    path = samples.coco(folder / "data", pictures, boxes)
    data = DataSpec(path=str(path), preprocess=GREY, calibration_count=32, judge_count=64)
    return Saved(str(folder / "detector.pt2"), data, planned(), sweep=16)


@kind(
    "sound",
    "classifier of sounds, 1-d convolutions",
    "TorchScript `.pt`",
    "folder of sounds (WAV)",
    "top1",
    90,
    3,
)
def sound(folder: Path) -> Saved:
    torch.manual_seed(0)
    made, labels = samples.sounds(600, seed=1)
    x, y = torch.from_numpy(made), torch.from_numpy(labels)
    # classes in alphabetical order, as folders have them
    y = torch.tensor([2, 1, 0])[y]
    net = training.trained(networks.SoundNet(), len(x), training.classified(x, y), 200, 1e-2, 32)
    training.save_script(net, folder / "sound.pt", x[:2])
    for name, count, seed in (("test", 240, 2), ("train", 60, 3)):
        samples.sounds_folder(folder / "data" / name, *samples.sounds(count, seed))
    data = DataSpec(
        path=str(folder / "data" / "test"),
        calibration_path=str(folder / "data" / "train"),
        calibration_count=60,
        judge_count=None,
    )
    recipe = Recipe(trusted=True, inputs=(InputSize((1, samples.SOUND)),))
    return Saved(str(folder / "sound.pt"), data, planned(), recipe)
