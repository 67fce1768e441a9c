"""Trains and saves the networks of `docs/supported.md`: each as its framework does, nothing by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import supported_networks as networks
import torch
from torch import Tensor, nn
from torch.nn import functional

CODE = Path(networks.__file__)
KERAS = Path(__file__).with_name("supported_keras.py")
Loss = Callable[[nn.Module, Tensor], Tensor]
"""Of the network on these samples (positions, int64)."""


def trained(
    net: nn.Module, count: int, loss: Loss, steps: int, rate: float = 3e-3, batch: int = 64
) -> nn.Module:
    """Adam with one cycle; every sample about equally often."""
    # torch's own threads get in each other's way on so small networks
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    net.train()
    order = torch.randperm(count, generator=generator)
    for step in range(steps):
        if (step + 1) * batch % count < batch:
            order = torch.randperm(count, generator=generator)
        start = step * batch % max(1, count - batch)
        found = loss(net, order[start : start + batch])
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def classified(x: Tensor, y: Tensor, augment: Callable[[Tensor], Tensor] | None = None) -> Loss:
    def loss(net: nn.Module, chosen: Tensor) -> Tensor:
        given = x[chosen] if augment is None else augment(x[chosen])
        return functional.cross_entropy(net(given), y[chosen])

    return loss


def detected(x: Tensor, boxes: list[list[tuple[int, int, int, int, int]]]) -> Loss:
    """Each square or disc is to be found at the places of `networks.Detector` about its middle."""
    middles = networks.Detector().middles
    count = len(middles)
    kinds = torch.zeros(len(x), count, 2)
    corners = torch.zeros(len(x), count, 4)
    sure = torch.ones(len(x), count)
    for place, own in enumerate(boxes):
        for kind, *sides in own:
            box = torch.tensor(sides, dtype=torch.float32)
            middle = (box[:2] + box[2:]) / 2
            apart = (middles - middle).abs().amax(1)
            inside = apart <= float(box[2] - box[0]) / 4
            sure[place][apart <= float(box[2] - box[0]) / 2] = 0.0
            inside[apart.argmin()] = True
            sure[place][inside] = 1.0
            kinds[place, inside, kind] = 1.0
            corners[place, inside] = box

    def loss(net: nn.Module, chosen: Tensor) -> Tensor:
        found, scores = net(x[chosen])
        target, here = kinds[chosen], kinds[chosen].amax(2)
        each = functional.binary_cross_entropy(scores, target, reduction="none").sum(2)
        off = functional.smooth_l1_loss(found, corners[chosen], reduction="none").sum(2)
        total = (each * sure[chosen]).sum() + 0.2 * (off * here).sum()
        return total / here.sum().clamp(min=1)

    return loss


# ---------------------------------------------------------------- saved


def save_weights(net: nn.Module, path: Path) -> None:
    """A state dict, and beside it the file with the class."""
    shutil.copy(CODE, path.parent / "networks.py")
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(net.state_dict(), path)
    else:
        torch.save(net.state_dict(), path)


def save_script(net: nn.Module, path: Path, example: Tensor) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.jit.trace(net, example).save(str(path))


def save_program(net: nn.Module, path: Path, *example: Tensor) -> None:
    """For any number of samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        free = tuple({0: torch.export.Dim.DYNAMIC} for _ in example)  # type: ignore[attr-defined]
        torch.export.save(torch.export.export(net, example, dynamic_shapes=free), path)


def save_onnx(net: nn.Module, path: Path, *example: Tensor) -> None:
    """torch's exporter that follows a trace, with the number of samples open."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        names = [f"input{place}" if place else "input" for place in range(len(example))]
        torch.onnx.export(
            net,
            example,
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=names,
            output_names=["output"],
            dynamic_axes={name: {0: "N"} for name in (*names, "output")},
        )


def save_dynamo(net: nn.Module, path: Path, *example: Tensor) -> None:
    """torch's newer exporter, by way of torch.export; it needs the package onnxscript."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        free = tuple({0: torch.export.Dim.DYNAMIC} for _ in example)  # type: ignore[attr-defined]
        torch.onnx.export(
            net, example, str(path), dynamo=True, dynamic_shapes=free, external_data=False, verbose=False
        )


def save_keras(folder: Path, name: str, x: np.ndarray, y: np.ndarray, ending: str) -> Path:
    """Trained and saved by Keras itself, in a process that is told its backend before it imports it."""
    np.savez(folder / "training.npz", x=x, y=y)
    environment = os.environ | {"KERAS_BACKEND": "torch", "KERAS_HOME": str(folder), "OMP_NUM_THREADS": "1"}
    path = folder / f"{name}.{ending}"
    command = [sys.executable, str(KERAS), name, str(folder / "training.npz"), str(path)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return path
