"""Sizes of outputs that torch's exporter left open although they never change."""

from __future__ import annotations

import onnx_ir as ir
import torch
from torch import nn
from torch_networks import exported

from core.graph.output_sizes import settle_outputs


class Boxes(nn.Module):
    """A map of 6 numbers for each of 4 × 4 places, as rows; its shape is worked out as the program runs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.conv(x)
        return found.reshape((*found.shape[:2], -1)).transpose(1, 2)


def named(model: ir.Model, dims: list[int | str]) -> ir.Model:
    model.graph.outputs[0].shape = ir.Shape(dims)
    return model


def test_size_that_never_changes_is_found() -> None:
    proto, _ = exported(Boxes(), (torch.zeros(2, 3, 8, 8),))
    model = named(ir.serde.deserialize_model(proto), ["N", "Transposeoutput_0_dim_1", "other"])
    assert settle_outputs(model) == 2
    assert [str(dim) for dim in model.graph.outputs[0].shape or ()] == ["N", "16", "6"]


def test_size_that_follows_the_picture_stays_open() -> None:
    proto, _ = exported(Boxes(), (torch.zeros(2, 3, 8, 8),))
    model = named(ir.serde.deserialize_model(proto), ["N", "places", "other"])
    model.graph.inputs[0].shape = ir.Shape(["N", 3, "height", "width"])
    assert settle_outputs(model) == 1
    assert [str(dim) for dim in model.graph.outputs[0].shape or ()] == ["N", "places", "6"]


def test_outputs_that_say_their_sizes_are_left_alone() -> None:
    proto, _ = exported(Boxes(), (torch.zeros(2, 3, 8, 8),))
    model = named(ir.serde.deserialize_model(proto), ["N", 16, 6])
    assert settle_outputs(model) == 0
