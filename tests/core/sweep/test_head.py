"""A depthwise layer's what-ifs run it in a session of its own: the answers are those of the whole network."""

from __future__ import annotations

import copy
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from torch import nn

from core.context import Context
from core.evaluate.judge import Judge
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods.quantize_activations import Range
from core.sweep.border import Borders
from core.sweep.candidates import Candidate, make
from core.sweep.probe import Probe, needs
from core.sweep.samples import draw
from core.sweep.settings import settings_of, steps_of
from core.values import Plan


class Separable(nn.Module):
    """A block as in MobileNetV2 with a skip, and a last depthwise layer that nothing is fused into."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.pointwise = nn.Conv2d(16, 16, 1)
        self.last = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.relu6(self.stem(x))
        x = x + self.pointwise(nn.functional.relu6(self.depthwise(x)))
        x = self.last(x) * torch.sigmoid(x)
        return self.head(x.mean(dim=(2, 3)))


@pytest.fixture
def network() -> Separable:
    torch.manual_seed(0)
    return Separable().eval()


@pytest.fixture
def opened(network: Separable, tmp_path: Path) -> OpenedModel:
    path = tmp_path / "separable.onnx"
    axes = {"x": {0: "n"}}
    inputs = (torch.zeros(1, 3, 8, 8),)
    torch.onnx.export(network, inputs, str(path), dynamo=False, input_names=["x"], dynamic_axes=axes)
    return open_model(path, Context())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("rounded", [None, Range(0.0, 4.0)])
def test_answers_are_those_of_the_changed_network(
    network: Separable, opened: OpenedModel, rounded: Range | None
) -> None:
    judge = Judge(opened.source, networks.ArrayData({"x": networks.pictures(150)}), Context())
    samples = draw(judge, 150)
    layers = opened.info.layers
    borders = Borders(opened, samples, {layer.id: needs(opened, judge, layer) or () for layer in layers})
    for name in ("depthwise", "last"):
        (layer,) = [layer for layer in layers if layer.weights == (f"{name}.weight",)]
        probe = Probe(opened, layer, judge, borders)
        assert probe.apart
        candidates = [
            make(opened, step, None, Plan())
            for _, step in steps_of(opened, layer, settings_of((0.3, 0.8), (4,)), Plan())
        ]
        assert len(candidates) == 3
        # twice and on pieces of two sizes: a session that is kept must be that of the same what-if
        for candidate in [*candidates, *candidates, None]:
            for position in (0, 1):
                found = probe.answers(position, candidate, rounded)
                expected = changed(network, name, candidate, rounded, samples.pieces[position].feeds["x"])
                np.testing.assert_allclose(found, expected, atol=2e-6)


def changed(
    network: Separable, name: str, candidate: Candidate | None, rounded: Range | None, x: np.ndarray
) -> np.ndarray:
    """The answers of torch with the layer's weights and bias, and its input rounded to 255 steps."""
    other = copy.deepcopy(network)
    module = getattr(other, name)
    if candidate is not None:
        (weight,) = candidate.weights().values()
        module.weight.data = torch.from_numpy(np.array(weight))
        if candidate.bias is not None and module.bias is not None:
            module.bias.data = torch.from_numpy(np.array(candidate.bias, np.float32))
    if rounded is not None:
        scale = rounded.high / 255

        def fake(_: nn.Module, values: tuple[torch.Tensor, ...]) -> torch.Tensor:
            return torch.clamp(torch.round(values[0] / scale), 0, 255) * scale

        module.register_forward_pre_hook(fake)
    with torch.no_grad():
        return np.asarray(other(torch.from_numpy(x)))
