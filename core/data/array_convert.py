"""From an array's samples to the model's input: layout, shape, scale and dtype, decided when opened."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.data.fit import Shape, fits, numpy_dtype, show_shape
from core.data.preprocess import (
    CHANNELS,
    check_preprocess,
    complete,
    cropped_size,
    normalise,
    picture_layout,
    result_shape,
    to_pixels,
)
from core.data.preprocess_guess import guess
from core.errors import DataError
from core.values import Preprocess, TensorInfo, Text, text


@dataclass(frozen=True)
class Conversion:
    """apply: (n, *sample) -> the model's input with the samples on axis 0. preprocess: what it does."""

    apply: Callable[[np.ndarray], np.ndarray]
    preprocess: Preprocess | None
    guessed: tuple[Text, ...] = ()


def mismatch(name: str, sample: tuple[int, ...], wanted: Shape) -> DataError:
    return DataError(
        text(
            "A sample of '{name}' is {shape}, the model takes {wanted}.",
            name=name,
            shape=show_shape(sample),
            wanted=show_shape(wanted),
        ),
        text("Data and model must agree in shape."),
        text("Choose data made for this model, or correct the preprocessing."),
    )


def stored_layout(sample: tuple[int, ...], wanted: Shape, model_layout: str) -> str:
    """How a sample stores a picture: 'CHW', 'HWC', 'HW', or '' if it is none."""
    if len(sample) == 2:
        return "HW"
    if len(sample) != 3:
        return ""
    own = "CHW" if model_layout == "NCHW" else "HWC"
    if fits(sample, wanted):
        return own
    if sample[2] in (1, 3, 4):
        return "HWC"
    return "CHW" if sample[0] in (1, 3, 4) else ""


def plan_conversion(
    name: str,
    sample: tuple[int, ...],
    dtype: np.dtype,
    info: TensorInfo,
    wanted: Shape | None,
    given: Preprocess | None,
) -> Conversion:
    """Decide how samples of this shape and dtype become the model's input.

    wanted: the input's shape without the batch. Raises DataError that shows both shapes.
    """
    target = numpy_dtype(info)
    if dtype.kind not in "fiub":
        raise DataError(
            text("The array '{name}' holds text, the model takes numbers.", name=name),
            next_step=text("Choose data made for this model."),
        )
    if wanted is None:
        wanted = sample
    layout = picture_layout(info.shape)
    stored = stored_layout(sample, wanted, layout) if layout else ""
    if stored:
        return _picture(name, sample, dtype, info, wanted, given, stored)
    guessed: list[Text] = []
    shape = sample
    if not fits(sample, wanted):
        shape = _reshaped(name, sample, wanted)
        guessed.append(
            text(
                "'{name}': {have} taken as {shape}.",
                name=name,
                have=show_shape(sample),
                shape=show_shape(shape),
            )
        )
    mean, std = _scale(name, given, sample)

    def apply(values: np.ndarray) -> np.ndarray:
        if mean is not None or std is not None:
            values = values.astype(np.float32)
            values = values if mean is None else values - mean
            values = values if std is None else values / std
        return np.ascontiguousarray(values.reshape(len(values), *shape), dtype=target)

    return Conversion(apply, given, tuple(guessed))


def _reshaped(name: str, sample: tuple[int, ...], wanted: Shape) -> tuple[int, ...]:
    """The model's shape if the sample has exactly as many values. Raises DataError otherwise."""
    unknown = [axis for axis, size in enumerate(wanted) if not isinstance(size, int)]
    known = math.prod(size for size in wanted if isinstance(size, int))
    total = math.prod(sample)
    if len(unknown) > 1 or not known or total % known or (not unknown and total != known):
        raise mismatch(name, sample, wanted)
    return tuple(size if isinstance(size, int) else total // known for size in wanted)


def _scale(
    name: str, given: Preprocess | None, sample: tuple[int, ...]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """mean and std of a preprocessing for values that are no pictures."""
    if given is None:
        return None, None
    if given.resize is not None or given.crop is not None:
        raise DataError(
            text("'{name}' holds no pictures: it can't be resized or cropped.", name=name),
            next_step=text("Correct the preprocessing."),
        )
    last = sample[-1] if sample else 1
    for key, values in (("mean", given.mean), ("std", given.std)):
        if len(values) not in (0, 1, last):
            raise DataError(
                text(
                    "The preprocessing's {name} has {count} numbers, each sample has {values}.",
                    name=key,
                    count=len(values),
                    values=last,
                ),
                text("It takes one number per value, or one for all."),
                text("Correct the preprocessing."),
            )
    if 0 in given.std:
        raise DataError(
            text("The preprocessing's std holds a 0."),
            text("Values are divided by it."),
            text("Correct the preprocessing."),
        )
    mean = np.array(given.mean, dtype=np.float32) if given.mean else None
    return mean, np.array(given.std, dtype=np.float32) if given.std else None


def _picture(
    name: str,
    sample: tuple[int, ...],
    dtype: np.dtype,
    info: TensorInfo,
    wanted: Shape,
    given: Preprocess | None,
    stored: str,
) -> Conversion:
    target = numpy_dtype(info)
    height, width, channels = {
        "HW": (*sample[:2], 1),
        "HWC": sample,
        "CHW": (sample[1], sample[2], sample[0]) if len(sample) == 3 else (),
    }[stored]
    notes: list[Text] = []
    is_bytes = dtype == np.uint8
    if given is not None:
        preprocess = complete(given, info)
        check_preprocess(preprocess)
    else:
        preprocess, notes = guess(info, (width, height))
        if not is_bytes:
            preprocess = Preprocess(layout=preprocess.layout, color=preprocess.color)
            notes = [text("'{name}': values taken as they are, no mean and std.", name=name)]
    same_channels = channels == CHANNELS[preprocess.color]
    if not is_bytes and (preprocess.resize is not None or not same_channels):
        raise mismatch(name, sample, wanted)
    shape = result_shape((width, height), preprocess)
    if not fits(shape, wanted):
        raise mismatch(name, shape, wanted)
    as_is = preprocess.resize is None and same_channels

    def apply(values: np.ndarray) -> np.ndarray:
        if stored == "HW":
            values = values[..., None]
        elif stored == "CHW":
            values = values.transpose(0, 2, 3, 1)
        if as_is:
            out_width, out_height = cropped_size((width, height), preprocess.crop)
            left, top = round((width - out_width) / 2), round((height - out_height) / 2)
            values = values[:, top : top + out_height, left : left + out_width]
        else:
            values = np.stack([to_pixels(_to_picture(one), preprocess) for one in values])
        return normalise(values, preprocess, target)

    return Conversion(apply, preprocess, tuple(notes))


def _to_picture(pixels: np.ndarray) -> Image.Image:
    """uint8 (height, width, 1, 3 or 4) as a picture; a fourth channel is transparency and dropped."""
    if pixels.shape[2] == 1:
        return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0]))
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))
