"""From a compensated layer in matrix form back to what is stored of it."""

from __future__ import annotations

import numpy as np

from core.methods._grid import Grid
from core.methods._matrices import Form
from core.methods._recurrent import RecurrentForm
from core.methods.cluster_weights import nearest, whole_codes
from core.methods.resolve import Step
from core.methods.round_weights import integer_weight
from core.methods.stored import (
    FloatWeight,
    HalfWeight,
    IntegerWeight,
    SharedWeight,
    SideBySide,
    StoredWeight,
)


def finished(
    matrices: np.ndarray, grid: Grid | None, plain: StoredWeight, form: Form, step: Step
) -> StoredWeight:
    """The weight as it is stored; `plain` is the layer as rounded, and has the kind and the scale's shape."""
    if isinstance(plain, IntegerWeight) and grid is not None:
        return _integers(matrices, grid, plain, form, step)
    if isinstance(plain, SharedWeight) and grid is not None and grid.codes is not None:
        codes, scale = grid.codes, grid.scale
        if step.most_code:
            codes, scale = whole_codes(codes, scale, step.most_code)
        places = form.weight(nearest(matrices / scale, codes))
        whole = np.ascontiguousarray(scale.reshape(plain.scale.shape), dtype=np.float32)
        return SharedWeight(places, codes.astype(plain.codes.dtype), whole)
    if isinstance(plain, HalfWeight):
        return HalfWeight(form.weight(matrices).astype(np.float16), plain.dtype)
    return FloatWeight(form.weight(matrices).astype(plain.values().dtype))


def rescaled(weight: StoredWeight, ratio: np.ndarray, form: Form) -> tuple[StoredWeight, np.ndarray]:
    """The weight with each channel times its ratio (channels,), and its values in matrix form.

    Where one scale serves several channels nothing changes.
    """
    if isinstance(weight, SideBySide) and isinstance(form, RecurrentForm):
        parts = [rescaled(part, ratio, form.of_part(index)) for index, part in enumerate(weight.parts)]
        whole = np.concatenate([value for _, value in parts], axis=2)
        return SideBySide(tuple(part for part, _ in parts)), whole
    value = form.matrices(weight.values())
    if isinstance(weight, IntegerWeight | SharedWeight):
        if weight.scale.size == 1 or form.shared_rows:
            ratio = np.ones_like(ratio)
        changed = weight if form.shared_rows else weight.scaled(ratio)
        return changed, value * form.per_row(ratio)
    value = value * form.per_row(ratio)
    if isinstance(weight, HalfWeight):
        return HalfWeight(form.weight(value).astype(np.float16), weight.dtype), value
    return FloatWeight(form.weight(value).astype(weight.values().dtype)), value


def _integers(
    matrices: np.ndarray, grid: Grid, plain: IntegerWeight, form: Form, step: Step
) -> IntegerWeight:
    integers = form.weight(grid.round(matrices)).astype(np.int8)
    if not grid.block:
        scale = np.ascontiguousarray(grid.scale.reshape(plain.scale.shape), dtype=np.float32)
        zero = None if grid.zero is None else grid.zero.reshape(plain.scale.shape).astype(np.int8)
        return IntegerWeight(integers, scale, zero)
    zeros, factors = (None if each is None else form.by_row(each) for each in (grid.zero, grid.factor))
    return integer_weight(integers, form.by_row(grid.scale), zeros, factors, step.layout(form.shape))
