"""The usual ways to scale a model's input, to be tried on samples, and undoing the one in force."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from core.data.preprocess import CHANNELS, normalise, unscaled
from core.data.preprocess_guess import CENTRED, IMAGENET_MEAN, IMAGENET_STD
from core.values import Preprocess, TensorInfo, Text, text

_EXACT = 0.02
"""Values that lie so near to whole numbers of 0 to 255 were bytes before they were scaled."""


@dataclass(frozen=True)
class Way:
    """A named way to scale values; the rest of the preprocessing stays."""

    name: Text
    preprocess: Preprocess


def ways(current: Preprocess, info: TensorInfo, pixels: np.ndarray, unit: float = 255.0) -> list[Way]:
    """The usual ways to scale pictures like these for this input, without the one in force.

    pixels: some of them as `undo` gives them. unit: their white, 255 or 1.
    """
    colors = ("RGB", "BGR") if CHANNELS.get(current.color) == 3 else (current.color,)
    found: list[Way] = []
    for color in colors:
        for name, mean, std in _scales(color, info, pixels, unit):
            way = msgspec.structs.replace(current, mean=mean, std=std, color=color)
            if not _same(way, current) and not any(_same(way, other.preprocess) for other in found):
                found.append(Way(_named(name, color), way))
    return found


def name_of(current: Preprocess, info: TensorInfo, pixels: np.ndarray, unit: float = 255.0) -> Text:
    """What the scaling in force is called, or its numbers where it has no name."""
    for name, mean, std in _scales(current.color, info, pixels, unit):
        if _same(msgspec.structs.replace(current, mean=mean, std=std), current):
            return _named(name, current.color)
    shown = text("mean {mean} and std {std}", mean=_show(current.mean) or "0", std=_show(current.std) or "1")
    return _named(shown, current.color)


def _named(name: Text, color: str) -> Text:
    if color != "BGR":
        return name
    return Text(_BLUE_FIRST.get(name.template, name.template), name.params)


def _scales(
    color: str, info: TensorInfo, pixels: np.ndarray, unit: float
) -> list[tuple[Text, tuple[float, ...], tuple[float, ...]]]:
    """(name, mean, std) in the units of the pixels, in the model's order of colours; the likeliest first."""
    if info.dtype.startswith(("uint", "int")):
        return [(text("as it is, 0 to 255"), (), ())]
    scale = unit / 255
    own_mean, own_std = _own(pixels, color)
    found = [
        (text("x/255"), (0.0,), (255.0,)),
        (text("(x-127.5)/127.5"), (CENTRED,), (CENTRED,)),
        (text("ImageNet mean and std"), IMAGENET_MEAN, IMAGENET_STD),
        (text("as it is, 0 to 255"), (), ()),
        (text("(x-127)/128"), (127.0,), (128.0,)),
        (text("CIFAR-10 mean and std"), (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)),
        (text("ImageNet mean alone"), (123.68, 116.779, 103.939), ()),
        (text("CLIP mean and std"), (122.7709, 116.746, 104.0937), (68.5005, 66.6322, 70.3232)),
        (text("MNIST mean and std"), (33.3184,), (78.5675,)),
        (text("mean and std of these samples"), own_mean, own_std),
    ]
    gray = color == "GRAY"
    found = [one for one in found if len(one[1]) != 3 or not gray]
    found = [one for one in found if gray or "MNIST" not in one[0].template]
    if unit == 1:
        found = [(_OF_UNIT.get(name.template, name), mean, std) for name, mean, std in found]
    return [
        (name, _ordered(mean, color, scale), _ordered(std, color, scale) or _whole(unit, name))
        if name.template != "mean and std of these samples"
        else (name, mean, std)
        for name, mean, std in found
    ]


def _whole(unit: float, name: Text) -> tuple[float, ...]:
    """Values of 0 to 1 that a model wants as 0 to 255."""
    return (1 / 255,) if unit == 1 and name.template in ("0 to 255", "ImageNet mean alone") else ()


_OF_UNIT = {
    "x/255": text("as it is, 0 to 1"),
    "as it is, 0 to 255": text("0 to 255"),
    "(x-127.5)/127.5": text("(x-0.5)/0.5"),
}

_BLUE_FIRST = {
    "x/255": text("x/255, blue first").template,
    "(x-127.5)/127.5": text("(x-127.5)/127.5, blue first").template,
    "(x-0.5)/0.5": text("(x-0.5)/0.5, blue first").template,
    "ImageNet mean and std": text("ImageNet mean and std, blue first").template,
    "as it is, 0 to 255": text("as it is, 0 to 255, blue first").template,
    "as it is, 0 to 1": text("as it is, 0 to 1, blue first").template,
    "0 to 255": text("0 to 255, blue first").template,
    "(x-127)/128": text("(x-127)/128, blue first").template,
    "CIFAR-10 mean and std": text("CIFAR-10 mean and std, blue first").template,
    "ImageNet mean alone": text("ImageNet mean alone, blue first").template,
    "CLIP mean and std": text("CLIP mean and std, blue first").template,
    "mean and std of these samples": text("mean and std of these samples, blue first").template,
    "mean {mean} and std {std}": text("mean {mean} and std {std}, blue first").template,
}


def _ordered(values: tuple[float, ...], color: str, scale: float) -> tuple[float, ...]:
    turned = values[::-1] if color == "BGR" else values
    return turned if scale == 1 else tuple(value * scale for value in turned)


def _own(pixels: np.ndarray, color: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std by channel, in the model's order of colours, rounded as a person would write them."""
    flat = pixels.reshape(-1, pixels.shape[-1]).astype(np.float64)
    mean, std = flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-3)
    if color == "BGR":
        mean, std = mean[::-1], std[::-1]
    return tuple(float(f"{one:.5g}") for one in mean), tuple(float(f"{one:.5g}") for one in std)


def _same(one: Preprocess, other: Preprocess) -> bool:
    """Whether two do the same to the values."""
    channels = CHANNELS.get(one.color, 1)

    def spread(values: tuple[float, ...], usual: float) -> np.ndarray:
        return np.broadcast_to(np.array(values or (usual,), dtype=np.float64), channels)

    return (
        one.color == other.color
        and np.allclose(spread(one.mean, 0), spread(other.mean, 0), rtol=1e-4, atol=1e-6)
        and np.allclose(spread(one.std, 1), spread(other.std, 1), rtol=1e-4, atol=1e-9)
    )


def _show(values: tuple[float, ...]) -> str:
    shown = values[:1] if len(set(values)) == 1 else values
    return ", ".join(f"{value:g}" for value in shown)


def undo(values: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """What `normalise` was given, from what it gave: (n, height, width, channels), red first, float32.

    Pictures come back as whole numbers of 0 to 255.
    """
    pixels = unscaled(values, preprocess)
    whole = np.rint(pixels)
    within = whole.min(initial=0) >= 0 and 1 < whole.max(initial=0) <= 255
    return whole if within and bool(np.abs(pixels - whole).max(initial=0) < _EXACT) else pixels


def unit_of(pixels: np.ndarray) -> float | None:
    """What white is in these values: 255 or 1; None where they are no plain pixels."""
    low, high = float(pixels.min(initial=0)), float(pixels.max(initial=0))
    if low < -1e-3:
        return None
    return 1.0 if high <= 1.001 else 255.0 if high <= 255.5 else None


def redo(pixels: np.ndarray, way: Preprocess, info: TensorInfo) -> np.ndarray:
    """The model's input from pixels, prepared in this way."""
    return normalise(pixels, way, np.dtype(info.dtype))
