"""A layer as matrix products: its weight as (groups, rows, columns), its inputs as im2col columns.

For a group g of the layer, ``outputs[:, g] = patches[:, g] @ matrices[g].T + bias``; a depthwise
convolution is as many groups as channels. A dense layer too wide for one Hessian is taken as several
blocks of columns that add up; then the groups share their rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.methods._edit import attribute_float, attribute_int, constant
from core.methods.resolve import channel_axes

MOST_COLUMNS = 8192
"""Wider matrices are cut into blocks: a Hessian of 8192² float32 is 256 MiB."""


@dataclass(frozen=True)
class Form:
    """How a layer's weight, inputs and outputs become matrices."""

    op: str
    shape: tuple[int, ...]
    """Of the weight as stored."""
    groups: int
    rows: int
    columns: int
    blocks: bool = False
    """The groups are blocks of columns of the same rows."""
    transposed: bool = False
    """Stored as (in, out)."""
    strides: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    auto_pad: str = ""
    shared_rows: bool = False
    """The groups share the scales of their rows."""
    segments: tuple[int, ...] = ()
    """Columns whose inputs are different things, so many of each; () for all alike."""

    @property
    def channels(self) -> int:
        return self.rows if self.blocks else self.groups * self.rows

    def matrices(self, weight: np.ndarray) -> np.ndarray:
        """The weight as (groups, rows, columns), float32."""
        plain = weight.T if self.transposed else weight
        plain = plain.astype(np.float32).reshape(self.channels, -1)
        if self.blocks:
            return np.ascontiguousarray(plain.reshape(self.rows, self.groups, -1).swapaxes(0, 1))
        return plain.reshape(self.groups, self.rows, self.columns)

    def weight(self, matrices: np.ndarray) -> np.ndarray:
        """The inverse of `matrices`: the stored shape, the dtype of `matrices`."""
        plain = matrices.swapaxes(0, 1) if self.blocks else matrices
        plain = plain.reshape(self.channels, -1)
        return np.ascontiguousarray(plain.T if self.transposed else plain).reshape(self.shape)

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Parameters of blocks (groups, rows, blocks) as (channels, all blocks of the channel)."""
        if self.blocks or self.shared_rows:
            return values.swapaxes(0, 1).reshape(self.rows, -1)
        return values.reshape(self.channels, -1)

    def per_row(self, values: np.ndarray) -> np.ndarray:
        """One value for each output channel, or one for all, as (groups or 1, rows or 1, 1)."""
        flat = values.reshape(-1)
        if flat.size == 1:
            return flat.reshape(1, 1, 1)
        return flat.reshape(1, self.rows, 1) if self.blocks else flat.reshape(self.groups, self.rows, 1)


class OtherForm(Form, ABC):
    """A form that knows by itself where its inputs and outputs are (`core.methods._other_forms`)."""

    @abstractmethod
    def places(self, outputs: tuple[int, ...], count: int, rng: np.random.Generator) -> np.ndarray:
        """As the function of this name."""

    @abstractmethod
    def outputs_at(self, outputs: np.ndarray, at: np.ndarray) -> np.ndarray:
        """As the function of this name."""

    @abstractmethod
    def patches(self, inputs: np.ndarray, area: tuple[int, ...], at: np.ndarray) -> np.ndarray:
        """As the function of this name."""


def form_of(node: ir.Node, block: int = 0) -> Form | None:
    """The form of a Conv, Gemm or MatMul with a constant weight; None for what has no such form.

    `block`: so many columns share a scale, so a cut may only go between them.
    """
    if node.domain not in ("", "ai.onnx") or node.op_type not in ("Conv", "Gemm", "MatMul"):
        return None
    weight = constant(node.inputs[1])
    if weight is None or not np.issubdtype(weight.dtype, np.floating):
        return None
    if node.op_type == "Conv":
        return _convolution(node, weight.shape)
    if weight.ndim != 2:
        return None
    transposed = channel_axes(node, 2) == (1,)
    if node.op_type == "Gemm":
        plain = attribute_float(node, "alpha", 1.0) == 1.0 and attribute_float(node, "beta", 1.0) == 1.0
        if not plain or attribute_int(node, "transA", 0):
            return None
    rows, columns = weight.shape[::-1] if transposed else weight.shape
    blocks = _blocks(columns, block)
    if blocks is None:
        return None
    return Form(
        op=node.op_type,
        shape=tuple(weight.shape),
        groups=blocks,
        rows=rows,
        columns=columns // blocks,
        blocks=blocks > 1,
        transposed=transposed,
    )


def _blocks(columns: int, block: int) -> int | None:
    """The smallest number of equal blocks that are narrow enough, and whole multiples of `block` wide."""
    for count in range(1, 257):
        whole = count == 1 or not block or columns // count % block == 0
        if columns % count == 0 and columns // count <= MOST_COLUMNS and whole:
            return count
    return None


def _convolution(node: ir.Node, shape: tuple[int, ...]) -> Form | None:
    groups, dims = attribute_int(node, "group", 1), len(shape) - 2
    columns = int(np.prod(shape[1:]))
    if dims < 1 or columns > MOST_COLUMNS or shape[0] % groups:
        return None

    def ints(name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        attribute = node.attributes.get(name)
        return tuple(attribute.as_ints()) if attribute is not None else default

    auto_pad = node.attributes.get("auto_pad")
    return Form(
        op="Conv",
        shape=tuple(shape),
        groups=groups,
        rows=shape[0] // groups,
        columns=columns,
        strides=ints("strides", (1,) * dims),
        dilations=ints("dilations", (1,) * dims),
        pads=ints("pads", (0,) * (2 * dims)),
        auto_pad=auto_pad.as_string() if auto_pad is not None else "",
    )


def places(form: Form, outputs: tuple[int, ...], count: int, rng: np.random.Generator) -> np.ndarray:
    """Which positions of an output of this shape to look at: flat indices, int64, sorted.

    Of a convolution (images, positions) with at most `count` for each image; else (positions,) among
    all rows of the product, at most `count` for each entry of the first axis.
    """
    if isinstance(form, OtherForm):
        return form.places(outputs, count, rng)
    if form.op != "Conv":
        total = int(np.prod(outputs[:-1], dtype=np.int64))
        most = min(total, count * max(1, outputs[0]))
        return np.sort(rng.permutation(total)[:most])
    area = int(np.prod(outputs[2:]))
    if area <= count:
        return np.tile(np.arange(area), (outputs[0], 1))
    drawn = np.argpartition(rng.random((outputs[0], area)), count, axis=1)[:, :count]
    return np.sort(drawn, axis=1)


def outputs_at(form: Form, outputs: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The layer's outputs at these places as (n, channels)."""
    if isinstance(form, OtherForm):
        return form.outputs_at(outputs, at)
    if form.op != "Conv":
        return outputs.reshape(-1, outputs.shape[-1])[at]
    flat = outputs.reshape(outputs.shape[0], outputs.shape[1], -1)
    return np.take_along_axis(flat, at[:, None, :], axis=2).swapaxes(1, 2).reshape(at.size, -1)


def patches(form: Form, inputs: np.ndarray, area: tuple[int, ...], at: np.ndarray) -> np.ndarray:
    """What the layer multiplies at these places as (n, groups, columns), float32.

    `area` is the spatial shape of the outputs (of a convolution).
    """
    if isinstance(form, OtherForm):
        return form.patches(inputs, area, at)
    if form.op != "Conv":
        chosen = inputs.reshape(-1, inputs.shape[-1])[at]
        return chosen.reshape(len(chosen), form.groups, form.columns).astype(np.float32, copy=False)
    padded = np.pad(inputs, [(0, 0), (0, 0), *_padding(form, inputs.shape[2:], area)])
    size = padded.shape[2:]
    # channels last: each kernel position is then one run of memory
    last = np.ascontiguousarray(np.moveaxis(padded.reshape(*padded.shape[:2], -1), 1, 2))
    offsets = np.zeros(1, dtype=np.int64)
    corner = np.zeros(at.shape, dtype=np.int64)
    position = np.unravel_index(at, area)
    for dim, (kernel, full) in enumerate(zip(form.shape[2:], size, strict=True)):
        offsets = (offsets[:, None] * full + np.arange(kernel) * form.dilations[dim]).reshape(-1)
        corner = corner * full + position[dim] * form.strides[dim]
    index = corner[:, :, None] + offsets
    found = last[np.arange(len(last))[:, None, None], index]  # (images, places, kernel, channels)
    return np.ascontiguousarray(
        found.reshape(at.size, len(offsets), form.groups, -1).transpose(0, 2, 3, 1), dtype=np.float32
    ).reshape(at.size, form.groups, form.columns)


def _padding(form: Form, size: tuple[int, ...], area: tuple[int, ...]) -> list[tuple[int, int]]:
    dims = len(size)
    if form.auto_pad in ("", "NOTSET"):
        return [(form.pads[dim], form.pads[dim + dims]) for dim in range(dims)]
    if form.auto_pad == "VALID":
        return [(0, 0)] * dims
    result = []
    for dim in range(dims):
        reach = (form.shape[2 + dim] - 1) * form.dilations[dim] + 1
        total = max(0, (area[dim] - 1) * form.strides[dim] + reach - size[dim])
        small, large = total // 2, total - total // 2
        result.append((large, small) if form.auto_pad == "SAME_LOWER" else (small, large))
    return result
