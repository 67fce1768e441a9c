"""From a decoded picture to the model's input: colour, resize, centre crop, normalise, layout.

The same explicit `Preprocess` serves the window, the command line and files. Pictures stay uint8 until
a whole batch is there; then one vectorised step makes the floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from core.data.fit import Shape
from core.data.preprocess_json import parse_preprocess as parse_preprocess
from core.errors import DataError
from core.values import Preprocess, TensorInfo, text

CHANNELS = {"RGB": 3, "BGR": 3, "GRAY": 1}


Layout = Literal["NCHW", "NHWC", ""]
Color = Literal["RGB", "BGR", "GRAY", ""]


def picture_layout(shape: Shape | None) -> Layout:
    """'NCHW' or 'NHWC' by where 3 or 1 channels stand in a 4-d shape; '' if it is no picture."""
    if shape is None or len(shape) != 4:
        return ""
    if shape[1] in (1, 3):
        return "NCHW"
    return "NHWC" if shape[3] in (1, 3) else ""


def picture_size(shape: Shape, layout: str) -> tuple[int | str | None, int | str | None]:
    """(height, width) that the model asks for."""
    return (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])


def resized_size(size: tuple[int, int], resize: int | tuple[int, int] | None) -> tuple[int, int]:
    """(width, height) after resizing; a number is the length of the shorter side."""
    if resize is None:
        return size
    if not isinstance(resize, int):
        return resize[1], resize[0]
    width, height = size
    if width <= height:
        return resize, max(int(resize * height / width), 1)
    return max(int(resize * width / height), 1), resize


def cropped_size(size: tuple[int, int], crop: int | tuple[int, int] | None) -> tuple[int, int]:
    """(width, height) after the centre crop, which never enlarges."""
    if crop is None:
        return size
    height, width = (crop, crop) if isinstance(crop, int) else crop
    return min(width, size[0]), min(height, size[1])


def result_size(size: tuple[int, int], preprocess: Preprocess) -> tuple[int, int]:
    """(width, height) that a picture of this (width, height) comes out with."""
    return cropped_size(resized_size(size, preprocess.resize), preprocess.crop)


def result_shape(size: tuple[int, int], preprocess: Preprocess) -> tuple[int, ...]:
    """The sample's shape without the batch, from the picture's (width, height)."""
    width, height = result_size(size, preprocess)
    channels = CHANNELS[preprocess.color]
    return (height, width, channels) if preprocess.layout == "NHWC" else (channels, height, width)


def to_pixels(picture: Image.Image, preprocess: Preprocess) -> np.ndarray:
    """Colour, resize and crop one picture: uint8 (height, width, channels), still RGB for 'BGR'.

    Resizing is bilinear with antialiasing, the crop is centred, as most training pipelines have it.
    """
    wanted = "L" if preprocess.color == "GRAY" else "RGB"
    if picture.mode != wanted:
        picture = picture.convert(wanted)
    size = resized_size(picture.size, preprocess.resize)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    width, height = cropped_size(size, preprocess.crop)
    if (width, height) != size:
        left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
        picture = picture.crop((left, top, left + width, top + height))
    pixels = np.asarray(picture)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def normalise(pixels: np.ndarray, preprocess: Preprocess, dtype: np.dtype) -> np.ndarray:
    """(x − mean) / std, colour order and layout for a batch (n, height, width, channels) of pixels.

    Integer inputs get the pixels as they are unless a mean or std is given.
    """
    if preprocess.color == "BGR":
        pixels = pixels[:, :, :, ::-1]
    if preprocess.mean or preprocess.std:
        values = pixels.astype(np.float32)
        if preprocess.mean:
            values -= np.array(preprocess.mean, dtype=np.float32)
        if preprocess.std:
            values /= np.array(preprocess.std, dtype=np.float32)
    else:
        values = pixels
    if preprocess.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    if dtype.kind in "iu" and values.dtype.kind == "f":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return np.ascontiguousarray(values, dtype=dtype)


def unscaled(values: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """Undo `normalise`: (n, height, width, channels), red first, float32."""
    pixels = values.astype(np.float32)
    if preprocess.layout == "NCHW":
        pixels = pixels.transpose(0, 2, 3, 1)
    if preprocess.std:
        pixels = pixels * np.array(preprocess.std, dtype=np.float32)
    if preprocess.mean:
        pixels = pixels + np.array(preprocess.mean, dtype=np.float32)
    if preprocess.color == "BGR":
        pixels = pixels[:, :, :, ::-1]
    return pixels


def to_pictures(values: np.ndarray, preprocess: Preprocess) -> list[Image.Image]:
    """What the model sees, as pictures, from a batch of its input."""
    pixels = unscaled(values, preprocess)
    pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return [Image.fromarray(np.squeeze(one, axis=2) if one.shape[2] == 1 else one) for one in pixels]


def check_preprocess(preprocess: Preprocess) -> None:
    """Raise DataError if the numbers of channels, mean and std don't agree, or a std is 0."""
    channels = CHANNELS[preprocess.color]
    next_step = text("Correct the preprocessing.")
    for name, values in (("mean", preprocess.mean), ("std", preprocess.std)):
        if len(values) not in (0, 1, channels):
            raise DataError(
                text(
                    "The preprocessing's {name} has {count} numbers, the pictures have {channels} channels.",
                    name=name,
                    count=len(values),
                    channels=channels,
                ),
                text("It takes one number per channel, or one for all."),
                next_step,
            )
    if any(value == 0 for value in preprocess.std):
        raise DataError(
            text("The preprocessing's std holds a 0."), text("Values are divided by it."), next_step
        )


def complete(preprocess: Preprocess, info: TensorInfo) -> Preprocess:
    """Fill in what a given preprocessing leaves open (layout, colour) from the model's input."""
    shape = info.shape
    layout: Layout = preprocess.layout or picture_layout(shape) or "NCHW"
    color: Color = preprocess.color
    if not color:
        axis = 1 if layout == "NCHW" else 3
        color = "GRAY" if shape is not None and len(shape) == 4 and shape[axis] == 1 else "RGB"
    return Preprocess(
        resize=preprocess.resize,
        crop=preprocess.crop,
        mean=preprocess.mean,
        std=preprocess.std,
        layout=layout,
        color=color,
        sample_rate=preprocess.sample_rate,
    )


def uniform_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The (width, height) that all pictures share, or None."""
    return sizes[0] if sizes and all(size == sizes[0] for size in sizes) else None
