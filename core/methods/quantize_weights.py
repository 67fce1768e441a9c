"""Symmetric integer weights: w ≈ scale * q with q in int8 or int4, one scale per channel or tensor.

The clipping search (shrink the range while the squared error falls) is the usual one, see Nagel et
al. 2021, "A White Paper on Neural Network Quantization", section 2.2.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from core.methods import METHODS
from core.values import Choice, Described, Parameter, text

Granularity = Literal["tensor", "channel"]

WEIGHT_RANGE = {8: (-127, 127)} | {bits: (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in range(2, 8)}
"""Integer range by bits, 2 to 8. int8 leaves -128 out, so that the grid is symmetric."""

SEARCH_STEPS = 40

MERGE_SQNR_DB = 24.0
"""Signal to quantisation noise of its weights that each channel keeps where scales are merged."""

SMALLEST_CLIP = 0.3
WEIGHTS_AT_ONCE = 1 << 17
"""In the search: what is computed of them stays in the cache. Of eight times as many each step took eight
times as long for each weight, 13 ns rather than 1.7."""
_COLUMNS_AT_ONCE = 1 << 15
"""Of a row: one scale for a whole tensor makes a single row of it."""


def quantize(
    weight: np.ndarray,
    bits: int,
    axis: int | None = 0,
    granularity: Granularity = "channel",
    search: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Round a float weight of any shape to `bits`.

    Returns q (int8 array of the weight's shape, also for fewer bits) and scale (float32; one per entry of
    `axis`, or a scalar for granularity 'tensor'). Zeros stay exactly zero. A channel of zeros gets
    scale 1. Raises ValueError for bits outside 2..8, and for weights that are not finite.
    """
    if bits not in WEIGHT_RANGE:
        raise ValueError(f"{bits} bits are not supported; choose 2 to 8")
    rows = _as_rows(weight, axis, granularity)
    if not np.isfinite(rows).all():
        raise ValueError("the weights hold NaN or infinite values")
    scale = np.empty(len(rows), dtype=np.float32)
    step = max(1, WEIGHTS_AT_ONCE // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        scale[start : start + step] = clipped_scales(rows[start : start + step], bits, search)
    if granularity == "tensor":
        return _round(weight, scale[0], bits), scale[0].reshape(())
    shape = [1] * weight.ndim
    shape[_axis(weight, axis)] = -1
    return _round(weight, scale.reshape(shape), bits), scale


def quantize_axes(
    weight: np.ndarray, bits: int, axes: tuple[int, ...], search: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Like `quantize` with one scale per entry of several axes together; () for the whole tensor.

    The scale keeps the weight's number of dimensions, 1 where it is shared, so that scale * q broadcasts.
    """
    if not axes:
        q, scale = quantize(weight, bits, None, "tensor", search)
        return q, scale.reshape([1] * weight.ndim)
    rest = tuple(axis for axis in range(weight.ndim) if axis not in axes)
    order = (*axes, *rest)
    moved = np.transpose(weight, order)
    channels = int(np.prod([weight.shape[axis] for axis in axes]))
    q, scale = quantize(moved.reshape(channels, -1), bits, 0, "channel", search)
    shape = [size if axis in axes else 1 for axis, size in enumerate(weight.shape)]
    return np.transpose(q.reshape(moved.shape), np.argsort(order)), scale.reshape(shape)


def quantize_merged(
    weight: np.ndarray, bits: int, axes: tuple[int, ...], search: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Like `quantize_axes`, but one scale for all where every channel is still expressed well by it.

    Kernels with one scale are up to 4 % faster (onnxruntime multiplies the channels' scales at every
    run) and the file is smaller. A channel is expressed well from `MERGE_SQNR_DB` on: see
    docs/quantization.md for what that costs.
    """
    if axes:
        q, scale = quantize_axes(weight, bits, (), search)
        rest = tuple(axis for axis in range(weight.ndim) if axis not in axes)
        signal = np.square(weight, dtype=np.float64).sum(axis=rest)
        noise = np.square(weight - q * scale, dtype=np.float64).sum(axis=rest)
        if (noise <= signal / 10 ** (MERGE_SQNR_DB / 10)).all():
            return q, scale
    return quantize_axes(weight, bits, axes, search)


def quantize_by_scale(weight: np.ndarray, bits: int, scale: np.ndarray) -> np.ndarray:
    """q (int8) for a given scale that broadcasts over the weight."""
    return _round(weight, scale, bits)


def fake_quantize(
    weight: np.ndarray,
    bits: int,
    axis: int | None = 0,
    granularity: Granularity = "channel",
    search: bool = True,
) -> np.ndarray:
    """The weight as it will be after quantising: scale * q, in the weight's own dtype."""
    if bits >= 32:
        return weight.copy()
    q, scale = quantize(weight, bits, axis, granularity, search)
    return dequantize(q, scale, axis).astype(weight.dtype)


def dequantize(q: np.ndarray, scale: np.ndarray, axis: int | None = 0) -> np.ndarray:
    """scale * q in float32; a scalar scale serves the whole tensor."""
    if scale.ndim == 0:
        return q.astype(np.float32) * scale
    shape = [1] * q.ndim
    shape[_axis(q, axis)] = -1
    return q.astype(np.float32) * scale.reshape(shape)


def _axis(weight: np.ndarray, axis: int | None) -> int:
    return (axis or 0) % max(1, weight.ndim)


def _as_rows(weight: np.ndarray, axis: int | None, granularity: Granularity) -> np.ndarray:
    """(channels, weights per channel) float32; one row for granularity 'tensor'."""
    if granularity == "tensor" or weight.ndim == 0:
        return weight.reshape(1, -1).astype(np.float32)
    moved = np.moveaxis(weight, _axis(weight, axis), 0)
    return moved.reshape(moved.shape[0], -1).astype(np.float32)


def clipped_scales(rows: np.ndarray, bits: int, search: bool) -> np.ndarray:
    """The scale of each row: full range, or the clipped range of least squared error."""
    low, high = WEIGHT_RANGE[bits]
    largest = np.abs(rows).max(axis=1, initial=0.0)
    empty = largest == 0
    full = np.where(empty, np.float32(1), largest / np.float32(high)).astype(np.float32)
    # below the smallest normal number a quotient overflows; such a channel is as good as zero
    full = np.maximum(full, np.finfo(np.float32).tiny)
    if not search:
        return full
    best, best_error = full.copy(), _error(rows, full, low, high)
    for step in range(1, SEARCH_STEPS):
        share = 1.0 - (1.0 - SMALLEST_CLIP) * step / (SEARCH_STEPS - 1)
        candidate = np.maximum(full * np.float32(share), np.finfo(np.float32).tiny)
        error = _error(rows, candidate, low, high)
        better = ~empty & (error < best_error)
        best[better], best_error[better] = candidate[better], error[better]
    return best


def _error(rows: np.ndarray, scale: np.ndarray, low: int, high: int) -> np.ndarray:
    if rows.shape[1] > _COLUMNS_AT_ONCE:
        starts = range(0, rows.shape[1], _COLUMNS_AT_ONCE)
        parts = (_error(rows[:, at : at + _COLUMNS_AT_ONCE], scale, low, high) for at in starts)
        return np.asarray(sum(parts))
    scaled = rows / scale[:, None]
    difference = np.rint(scaled)
    np.clip(difference, low, high, out=difference)
    difference -= scaled
    difference *= scale[:, None]
    return np.einsum("ij,ij->i", difference, difference)


def _round(weight: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    low, high = WEIGHT_RANGE[bits]
    return np.clip(np.rint(weight.astype(np.float32) / scale), low, high).astype(np.int8)


METHODS.add(
    Described(
        name="quantize_weights",
        label=text("Quantise weights"),
        help=text("Stores weights as 8-bit or 4-bit integers with one scale per channel or per tensor."),
        parameters=(
            Parameter(
                name="search",
                label=text("Search the clipping"),
                help=text("Clips a channel's largest weights where that lowers its squared error."),
                kind="switch",
                default=True,
            ),
            Parameter(
                name="merge",
                label=text("Merge scales"),
                help=text(
                    "One scale for a whole 8-bit layer where all its channels keep 24 dB: a little faster."
                ),
                kind="switch",
                default=False,
            ),
            Parameter(
                name="reduce_range",
                label=text("Weights that do not overflow"),
                help=text(
                    "Processors without VNNI overflow where large 8-bit weights lie side by side. Scales "
                    "that keep such neighbours small avoid it and cost about a third of a bit."
                ),
                kind="choice",
                default="auto",
                choices=(
                    Choice(
                        "auto", text("Where needed here"), text("If this computer's processor overflows.")
                    ),
                    Choice("on", text("Always"), text("The file is exact on every processor.")),
                    Choice("off", text("Never"), text("For files that only run on processors with VNNI.")),
                ),
            ),
        ),
    ),
    quantize,
)
