"""Operators that move, cut and repeat numbers."""

from __future__ import annotations

import math

import numpy as np

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import F, torch
from core.gradients.operators._common import (
    axes_of,
    ints,
    need,
    number,
    optional,
    positive,
    to_tensor,
    torch_type,
)
from core.gradients.operators._registry import operator


@operator("Reshape")
def reshape(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, wanted = need(inputs, 0), ints(need(inputs, 1))
    if not attributes.int("allowzero", 0):
        wanted = [x.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    if 0 in wanted and -1 in wanted:
        raise NotConvertible("its shape is ambiguous")
    return x.reshape(wanted)


@operator("Flatten")
def flatten(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    axis = positive(attributes.int("axis", 1), x.dim())
    # sizes may be symbols, while torch.export looks on
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Transpose")
def transpose(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    return x.permute(attributes.ints("perm") or list(range(x.dim()))[::-1])


@operator("Squeeze")
def squeeze(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, axes = need(inputs, 0), axes_of(inputs, 1, attributes)
    if axes is None:
        return x.squeeze()
    gone = {positive(axis, x.dim()) for axis in axes}
    if any(x.shape[axis] != 1 for axis in gone):
        raise NotConvertible("it removes an axis that is longer than one")
    return x.reshape([size for axis, size in enumerate(x.shape) if axis not in gone])


@operator("Unsqueeze")
def unsqueeze(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, axes = need(inputs, 0), axes_of(inputs, 1, attributes) or []
    for axis in sorted(positive(axis, x.dim() + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operator("Expand")
def expand(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, wanted = need(inputs, 0), ints(need(inputs, 1))
    return x.expand(torch.broadcast_shapes(x.shape, wanted))


@operator("Tile")
def tile(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return need(inputs, 0).repeat(ints(need(inputs, 1)))


@operator("Concat")
def concat(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return torch.cat([need(inputs, index) for index in range(len(inputs))], attributes.int("axis", 0))


@operator("Split")
def split(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    x, axis = need(inputs, 0), attributes.int("axis", 0)
    sizes_input = optional(inputs, 1)
    sizes = ints(sizes_input) if sizes_input is not None else attributes.ints("split")
    if sizes is None:
        parts = attributes.int("num_outputs", attributes.outputs)
        each = -(-x.shape[axis] // parts)
        sizes = [each] * (parts - 1) + [x.shape[axis] - each * (parts - 1)]
    return tuple(torch.split(x, sizes, axis))


@operator("Slice")
def slice_(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    if len(inputs) > 1:
        starts, ends = ints(need(inputs, 1)), ints(need(inputs, 2))
        given, jumps = optional(inputs, 3), optional(inputs, 4)
        axes = ints(given) if given is not None else list(range(len(starts)))
        steps = ints(jumps) if jumps is not None else [1] * len(starts)
    else:
        starts, ends = attributes.ints("starts") or [], attributes.ints("ends") or []
        axes, steps = attributes.ints("axes") or list(range(len(starts))), [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x.shape[axis]
        first, past, _ = slice(_bound(start, size), _bound(end, size, step < 0), step).indices(size)
        if step > 0:
            index: list[slice] = [slice(None)] * x.dim()
            index[axis] = slice(first, max(first, past), step)
            x = x[tuple(index)]
        else:
            x = x.index_select(axis, torch.arange(first, past, step) if first > past else _nothing())
    return x


def _bound(value: int, size: int, backwards: bool = False) -> int | None:
    """An ONNX bound for Python's slice, which has no number for "before the first"."""
    return None if backwards and value < -size else value


def _nothing() -> torch.Tensor:
    return torch.empty(0, dtype=torch.int64)


@operator("Pad")
def pad(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, mode = need(inputs, 0), attributes.string("mode", "constant")
    amounts = ints(need(inputs, 1)) if len(inputs) > 1 else (attributes.ints("pads") or [])
    filler, axes_input = optional(inputs, 2), optional(inputs, 3)
    axes = [positive(axis, x.dim()) for axis in ints(axes_input)] if axes_input is not None else []
    axes = axes or list(range(x.dim()))
    pads = {axis: (amounts[i], amounts[i + len(axes)]) for i, axis in enumerate(axes)}
    if mode == "constant":
        value = number(filler) if filler is not None and filler.numel() else attributes.float("value", 0.0)
        every = [pads.get(axis, (0, 0)) for axis in range(x.dim())]
        return F.pad(x, [amount for pair in reversed(every) for amount in pair], value=value)
    for axis, (begin, end) in pads.items():
        if begin or end:
            x = x.index_select(axis, _places(x.shape[axis], begin, end, mode))
    return x


def _places(size: int, begin: int, end: int, mode: str) -> torch.Tensor:
    """Which position each place of a padded axis repeats."""
    places = torch.arange(-begin, size + end)
    if mode == "edge":
        return places.clamp(0, size - 1)
    if mode == "wrap":
        return places.remainder(size)
    if mode != "reflect":
        raise NotConvertible(f"it pads in the mode '{mode}'")
    period = max(1, 2 * (size - 1))
    places = places.remainder(period)
    return torch.where(places >= size, period - places, places)


@operator("DepthToSpace")
def depth_to_space(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, block = need(inputs, 0), attributes.int("blocksize", 1)
    n, c, h, w = x.shape
    if attributes.string("mode", "DCR") == "DCR":
        split_up = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        split_up = x.reshape(n, c // block**2, block, block, h, w).permute(0, 1, 4, 2, 5, 3)
    return split_up.reshape(n, c // block**2, h * block, w * block)


@operator("SpaceToDepth")
def space_to_depth(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, block = need(inputs, 0), attributes.int("blocksize", 1)
    n, c, h, w = x.shape
    split_up = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return split_up.reshape(n, c * block**2, h // block, w // block)


@operator("Shape")
def shape(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    sizes = list(need(inputs, 0).shape)
    start, end = attributes.int("start", 0), attributes.int("end", len(sizes))
    return torch.tensor(sizes[slice(start, end)], dtype=torch.int64)


@operator("Size")
def size(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    return torch.tensor(need(inputs, 0).numel(), dtype=torch.int64)


@operator("ConstantOfShape")
def constant_of_shape(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    value = attributes.array("value")
    filler = to_tensor(np.zeros(1, np.float32) if value is None else value).reshape(())
    return filler.expand(ints(need(inputs, 0))).clone()


@operator("Range")
def range_(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    start, limit, delta = (need(inputs, index) for index in range(3))
    count = max(0, int(np.ceil((number(limit) - number(start)) / number(delta))))
    return start + torch.arange(count, dtype=start.dtype) * delta


@operator("EyeLike")
def eye_like(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    dtype = torch_type(attributes.int("dtype", 0)) if "dtype" in attributes else x.dtype
    rows, columns = torch.arange(x.shape[0])[:, None], torch.arange(x.shape[1])[None]
    return (columns - rows == attributes.int("k", 0)).to(dtype)


@operator("Trilu")
def trilu(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, k = need(inputs, 0), optional(inputs, 1)
    diagonal = int(number(k)) if k is not None else 0
    return torch.triu(x, diagonal) if attributes.int("upper", 1) else torch.tril(x, diagonal)


@operator("Constant")
def constant(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        value = attributes.values.get(name)
        if value is not None:
            kind = np.float32 if "float" in name else np.int64
            return to_tensor(value if name == "value" else np.asarray(value, kind))
    raise NotConvertible("it holds neither a number nor a tensor")
