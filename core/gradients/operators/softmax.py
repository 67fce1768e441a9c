"""Softmax and its relatives; before opset 13 they flatten the input into a matrix."""

from __future__ import annotations

from collections.abc import Callable

from core.gradients.attributes import Attributes, Inputs
from core.gradients.lazy import F, torch
from core.gradients.operators._common import need, positive
from core.gradients.operators._registry import operator


def _along(
    x: torch.Tensor, attributes: Attributes, opset: int, compute: Callable[[torch.Tensor, int], torch.Tensor]
) -> torch.Tensor:
    if opset >= 13:
        return compute(x, attributes.int("axis", -1))
    axis = positive(attributes.int("axis", 1), x.dim())
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    return compute(x.reshape(rows, -1), 1).reshape(x.shape)


@operator("Softmax")
def softmax(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return _along(need(inputs, 0), attributes, opset, lambda x, axis: F.softmax(x, axis))


@operator("LogSoftmax")
def log_softmax(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return _along(need(inputs, 0), attributes, opset, lambda x, axis: F.log_softmax(x, axis))


@operator("Hardmax")
def hardmax(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    def compute(x: torch.Tensor, axis: int) -> torch.Tensor:
        return torch.zeros_like(x).scatter(axis, x.argmax(axis, keepdim=True), 1.0)

    return _along(need(inputs, 0), attributes, opset, compute)
