"""What several families of operators share: required inputs, axes, padding, types."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx_ir as ir

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch


def need(inputs: Inputs, index: int) -> torch.Tensor:
    """The input at this place. Raises NotConvertible if it is left out."""
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise NotConvertible(f"its input {index} is missing")
    return value


def optional(inputs: Inputs, index: int) -> torch.Tensor | None:
    return inputs[index] if index < len(inputs) else None


MOST_NUMBERS = 4096
"""Of a constant that tells its content itself."""


def remembering(tensor: torch.Tensor) -> torch.Tensor:
    """The same tensor, a constant, which from now on tells its numbers while torch.export looks on.

    A tensor that is read then has numbers that nobody knows yet, be it a constant or not.
    """
    if tensor.numel() <= MOST_NUMBERS:
        tensor.numbers = tensor.reshape(-1).tolist()  # type: ignore[attr-defined]
    return tensor


def numbers(value: torch.Tensor) -> list[Any]:
    """What a tensor holds, flattened."""
    known = getattr(value, "numbers", None)
    return value.reshape(-1).tolist() if known is None else list(known)


def number(value: torch.Tensor) -> Any:
    """The one number that a tensor holds."""
    (only,) = numbers(value)
    return only


def ints(value: torch.Tensor) -> list[int]:
    """Sizes or axes from a tensor of any rank below 2."""
    return [int(item) for item in numbers(value)]


def axes_of(inputs: Inputs, index: int, attributes: Attributes) -> list[int] | None:
    """Axes from the input of newer opsets or the attribute of older ones."""
    value = optional(inputs, index)
    return ints(value) if value is not None else attributes.ints("axes")


def positive(axis: int, rank: int) -> int:
    return axis + rank if axis < 0 else axis


def torch_type(code: int) -> torch.dtype:
    """The torch type for ONNX's number of a type; those that torch lacks become the next wider one."""
    name = ir.DataType(code).name
    known = {
        "FLOAT": "float32",
        "DOUBLE": "float64",
        "FLOAT16": "float16",
        "BFLOAT16": "bfloat16",
        "INT8": "int8",
        "INT16": "int16",
        "INT32": "int32",
        "INT64": "int64",
        "UINT8": "uint8",
        "UINT16": "int32",
        "UINT32": "int64",
        "UINT64": "int64",
        "INT4": "int8",
        "UINT4": "uint8",
        "BOOL": "bool",
    }
    if name not in known:
        raise NotConvertible(f"it uses the type {name.lower()}")
    return getattr(torch, known[name])  # type: ignore[no-any-return]


def to_tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor with an array's content, in a type that torch computes with; always a copy."""
    kind = array.dtype.name
    if kind in ("object", "str") or array.dtype.kind in "OSU":
        raise NotConvertible("it holds strings")
    if kind == "bfloat16":
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    wider = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64, "int4": np.int8, "uint4": np.uint8}
    wider |= {"int2": np.int8, "uint2": np.uint8}
    return torch.from_numpy(np.array(array, dtype=wider.get(kind, array.dtype), order="C"))


def lent(array: np.ndarray) -> torch.Tensor:
    """A tensor on a float array's own memory, which nobody may write to."""
    with warnings.catch_warnings():
        # torch has no tensors that may only be read, and says so
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(np.ascontiguousarray(array))


def same_pads(
    sizes: list[int], kernel: list[int], strides: list[int], dilations: list[int], upper: bool
) -> Any:
    """(begin, end) of each axis for auto_pad SAME_*: the output has ceil(size / stride) places."""
    pads = []
    for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        places = -(-size // stride)
        total = max(0, (places - 1) * stride + (width - 1) * dilation + 1 - size)
        small = total // 2
        pads.append((small, total - small) if upper else (total - small, small))
    return pads


def window_pads(
    attributes: Attributes, sizes: list[int], kernel: list[int], strides: list[int], dilations: list[int]
) -> list[tuple[int, int]]:
    """(begin, end) of each axis of a convolution or pooling, from `pads` or `auto_pad`."""
    rank = len(kernel)
    auto = attributes.string("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return same_pads(sizes, kernel, strides, dilations, auto == "SAME_UPPER")  # type: ignore[no-any-return]
    pads = attributes.ints("pads") if auto == "NOTSET" else None
    pads = pads or [0] * (2 * rank)
    return [(pads[axis], pads[axis + rank]) for axis in range(rank)]


def pad_end_axes(x: torch.Tensor, pads: list[tuple[int, int]], value: float = 0.0) -> torch.Tensor:
    """Pad (or crop, where negative) the last axes."""
    if not any(begin or end for begin, end in pads):
        return x
    flat = [amount for pair in reversed(pads) for amount in pair]
    return F.pad(x, flat, value=value)
