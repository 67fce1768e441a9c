"""Resize and Upsample: along each axis a choice of places (nearest) or a matrix (linear, cubic)."""

from __future__ import annotations

import numpy as np

from core.gradients.attributes import Attributes, Inputs, NotConvertible
from core.gradients.lazy import torch
from core.gradients.operators._common import need, numbers, optional, positive
from core.gradients.operators._registry import operator


@operator("Upsample")
def upsample(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x = need(inputs, 0)
    scales = _numbers(optional(inputs, 1)) or attributes.floats("scales") or []
    mode = attributes.string("mode", "nearest")
    sizes = [int(np.floor(size * scale)) for size, scale in zip(x.shape, scales, strict=True)]
    plain = Attributes({"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"})
    for axis, (size, scale) in enumerate(zip(sizes, scales, strict=True)):
        x = _axis(x, axis, size, scale, mode, plain, None)
    return x


@operator("Resize")
def resize(inputs: Inputs, attributes: Attributes, opset: int) -> torch.Tensor:
    x, mode = need(inputs, 0), attributes.string("mode", "nearest")
    regions = _numbers(optional(inputs, 1))
    scales, sizes = _numbers(optional(inputs, 2)), _numbers(optional(inputs, 3))
    axes = [positive(axis, x.dim()) for axis in attributes.ints("axes") or range(x.dim())]
    if sizes:
        targets = [int(size) for size in sizes]
        scales = [target / x.shape[axis] for target, axis in zip(targets, axes, strict=True)]
        policy = attributes.string("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            common = min(scales) if policy == "not_larger" else max(scales)
            scales = [common] * len(axes)
            targets = [int(np.floor(common * x.shape[axis] + 0.5)) for axis in axes]
    elif scales:
        targets = [int(np.floor(x.shape[axis] * scale)) for axis, scale in zip(axes, scales, strict=True)]
    else:
        raise NotConvertible("it has neither scales nor sizes")
    transformation = attributes.string("coordinate_transformation_mode", "half_pixel")
    for position, axis in enumerate(axes):
        region = None
        if transformation == "tf_crop_and_resize":
            if not regions:
                raise NotConvertible("its region is missing")
            region = (regions[position], regions[position + len(axes)])
        x = _axis(x, axis, targets[position], scales[position], mode, attributes, region)
    return x


def _numbers(value: torch.Tensor | None) -> list[float] | None:
    return None if value is None or not value.numel() else [float(item) for item in numbers(value)]


def _axis(
    x: torch.Tensor,
    axis: int,
    target: int,
    scale: float,
    mode: str,
    attributes: Attributes,
    region: tuple[float, float] | None,
) -> torch.Tensor:
    size = x.shape[axis]
    if target == size and scale == 1.0 and region is None:
        return x
    places = _coordinates(size, target, scale, attributes, region)
    if mode == "nearest":
        nearest = np.clip(
            _rounded(places, attributes.string("nearest_mode", "round_prefer_floor")), 0, size - 1
        )
        result = x.index_select(axis, torch.from_numpy(nearest.astype(np.int64)))
    elif mode in ("linear", "cubic"):
        matrix = _matrix(places, size, scale, mode, attributes)
        weights = torch.from_numpy(matrix).to(x.dtype if x.is_floating_point() else torch.float32)
        moved = torch.matmul(x.to(weights.dtype).movedim(axis, -1), weights.t())
        result = moved.movedim(-1, axis).to(x.dtype)
    else:
        raise NotConvertible(f"it resizes in the mode '{mode}'")
    if region is not None:
        outside = torch.from_numpy((places < 0) | (places > size - 1))
        shape = [1] * x.dim()
        shape[axis] = -1
        filler = torch.tensor(attributes.float("extrapolation_value", 0.0), dtype=x.dtype)
        result = torch.where(outside.reshape(shape), filler, result)
    return result


def _coordinates(
    size: int, target: int, scale: float, attributes: Attributes, region: tuple[float, float] | None
) -> np.ndarray:
    """Where each place of the result lies in the input, (target,) float64."""
    mode = attributes.string("coordinate_transformation_mode", "half_pixel")
    places = np.arange(target, dtype=np.float64)
    if mode == "half_pixel":
        return (places + 0.5) / scale - 0.5
    if mode == "asymmetric":
        return places / scale
    if mode == "align_corners":
        return places * ((size - 1) / (target - 1)) if target > 1 else np.zeros(target)
    if mode == "pytorch_half_pixel":
        return (places + 0.5) / scale - 0.5 if target > 1 else np.zeros(target)
    if mode == "half_pixel_symmetric":
        # the centre of the input stays the centre of the result where the size was rounded
        adjustment = target / (scale * size)
        return size / 2 * (1 - adjustment) + (places + 0.5) / scale - 0.5
    if mode == "tf_half_pixel_for_nn":
        return (places + 0.5) / scale
    if mode == "tf_crop_and_resize" and region is not None:
        start, end = region
        if target > 1:
            return start * (size - 1) + places * (end - start) * (size - 1) / (target - 1)
        return np.full(target, 0.5 * (start + end) * (size - 1))
    raise NotConvertible(f"it places its values in the mode '{mode}'")


def _rounded(places: np.ndarray, mode: str) -> np.ndarray:
    if mode == "round_prefer_floor":
        return np.ceil(places - 0.5)
    if mode == "round_prefer_ceil":
        return np.floor(places + 0.5)
    return np.floor(places) if mode == "floor" else np.ceil(places)


def _matrix(places: np.ndarray, size: int, scale: float, mode: str, attributes: Attributes) -> np.ndarray:
    """(target, size): how much of each input place is in each place of the result. Rows sum to one."""
    sharp = attributes.float("cubic_coeff_a", -0.75)
    stretch = 1.0 if scale >= 1.0 or not attributes.int("antialias", 0) else 1.0 / scale
    reach = int(np.ceil((2 if mode == "cubic" else 1) * stretch))
    matrix = np.zeros((len(places), size), dtype=np.float64)
    exclude = bool(attributes.int("exclude_outside", 0))
    for row, place in enumerate(places):
        around = np.arange(int(np.floor(place)) - reach + 1, int(np.floor(place)) + reach + 1)
        distance = np.abs(around - place) / stretch
        weights = np.maximum(0.0, 1.0 - distance) if mode == "linear" else _cubic(distance, sharp)
        if exclude:
            weights = np.where((around < 0) | (around >= size), 0.0, weights)
        np.add.at(matrix[row], np.clip(around, 0, size - 1), weights / weights.sum())
    return matrix


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution kernel (1981)."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
