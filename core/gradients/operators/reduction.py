"""Reductions over axes, which are an attribute in older opsets and an input in newer ones."""

from __future__ import annotations

from collections.abc import Callable

from core.gradients.attributes import Attributes, Function, Inputs
from core.gradients.lazy import torch
from core.gradients.operators._common import axes_of, need, number, positive
from core.gradients.operators._registry import operator

Reduce = Callable[["torch.Tensor", list[int], bool], "torch.Tensor"]


def _product(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


_KINDS: dict[str, Reduce] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "ReduceL2": lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keepdim=keep),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep),
    "ReduceMax": lambda x, axes, keep: x.amax(axes, keepdim=keep),
    "ReduceMean": lambda x, axes, keep: x.mean(axes, keepdim=keep),
    "ReduceMin": lambda x, axes, keep: x.amin(axes, keepdim=keep),
    "ReduceProd": _product,
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
}


def _reduction(compute: Reduce) -> Function:
    def function(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
        x, axes = need(inputs, 0), axes_of(inputs, 1, attributes)
        if not axes:
            if attributes.int("noop_with_empty_axes", 0):
                return x
            axes = list(range(x.dim()))
        axes = [positive(axis, x.dim()) for axis in axes]
        # a scalar has no axis to reduce
        return compute(x, axes, bool(attributes.int("keepdims", 1))).to(x.dtype) if axes else x

    return function


for _name, _kind in _KINDS.items():
    operator(_name)(_reduction(_kind))


def _extreme(inputs: Inputs, attributes: Attributes, largest: bool) -> torch.Tensor:
    x, axis = need(inputs, 0), attributes.int("axis", 0)
    find = torch.argmax if largest else torch.argmin
    keep = bool(attributes.int("keepdims", 1))
    if attributes.int("select_last_index", 0):
        return x.shape[axis] - 1 - find(x.flip(axis), axis, keepdim=keep)
    return find(x, axis, keepdim=keep)


@operator("ArgMax")
def arg_max(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return _extreme(inputs, attributes, True)


@operator("ArgMin")
def arg_min(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return _extreme(inputs, attributes, False)


@operator("TopK")
def top_k(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, torch.Tensor]:
    x, axis = need(inputs, 0), attributes.int("axis", -1)
    count = int(number(need(inputs, 1))) if len(inputs) > 1 else attributes.int("k", 1)
    # sorting is stable, so that among equals the first come first, as ONNX asks
    order = torch.sort(x, dim=axis, descending=bool(attributes.int("largest", 1)), stable=True)
    return order.values.narrow(axis, 0, count), order.indices.narrow(axis, 0, count)
