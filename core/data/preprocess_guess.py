"""Guess the preprocessing from the model's input, and say what was guessed and from what."""

from __future__ import annotations

from core.data.fit import show_shape
from core.data.preprocess import Color, picture_layout, picture_size
from core.errors import DataError
from core.values import Preprocess, TensorInfo, Text, text

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
CENTRED = 127.5
DEFAULT_SIZE = 224
"""For models that take any size."""
_THUMBNAIL = 64
"""Below this, training pictures are rarely resized larger before the crop."""


def guess(info: TensorInfo, common_size: tuple[int, int] | None) -> tuple[Preprocess, list[Text]]:
    """Preprocess for pictures and what was guessed.

    common_size: the (width, height) that all pictures share, or None. Raises DataError if the input
    can't take pictures.
    """
    layout = picture_layout(info.shape)
    if not layout or info.shape is None:
        raise DataError(
            text(
                "The model's input '{name}' ({shape}) does not take pictures.",
                name=info.name,
                shape=show_shape(info.shape),
            ),
            text("A picture input has four dimensions, one of them 1 or 3 channels."),
            text("Choose an NPZ file with arrays of that shape, or a CSV table."),
        )
    channels = info.shape[1] if layout == "NCHW" else info.shape[3]
    color: Color = "GRAY" if channels == 1 else "RGB"
    notes = [
        text(
            "Layout {layout} and colour {color}: from the model's input {shape}.",
            layout=layout,
            color=color,
            shape=show_shape(info.shape),
        )
    ]
    resize, crop, note = _guess_size(picture_size(info.shape, layout), common_size)
    notes.append(note)
    mean, std, note = _guess_scale(info.dtype, layout, color)
    notes.append(note)
    return Preprocess(resize=resize, crop=crop, mean=mean, std=std, layout=layout, color=color), notes


Size = int | tuple[int, int] | None


def _guess_size(
    wanted: tuple[int | str | None, int | str | None], common: tuple[int, int] | None
) -> tuple[Size, Size, Text]:
    height, width = wanted
    if not isinstance(height, int) or not isinstance(width, int):
        if common is not None:
            return None, None, text("Size: kept, the model takes any and all pictures have the same.")
        note = text("Size: {size}, a guess; the model takes any.", size=DEFAULT_SIZE)
        return DEFAULT_SIZE, DEFAULT_SIZE, note
    if common == (width, height):
        return None, None, text("Size: kept, the pictures have the size that the model takes.")
    if height != width:
        note = text("Size: stretched to {height} × {width}, as the model takes.", height=height, width=width)
        return (height, width), None, note
    resize = height if height <= _THUMBNAIL else round(height * 256 / 224)
    note = text(
        "Size: shorter side to {resize}, then the middle {crop} × {crop}, as is usual.",
        resize=resize,
        crop=height,
    )
    return resize, height, note


def _guess_scale(dtype: str, layout: str, color: str) -> tuple[tuple[float, ...], tuple[float, ...], Text]:
    if dtype.startswith(("uint", "int")):
        return (), (), text("Mean and std: none, the model takes whole numbers.")
    if color == "GRAY":
        return (0.0,), (255.0,), text("Mean 0 and std 255: a guess (values 0 to 1). Please check.")
    if layout == "NHWC":
        return (
            (CENTRED,) * 3,
            (CENTRED,) * 3,
            text("Mean and std 127.5: a guess (values −1 to 1, usual for NHWC). Please check."),
        )
    return (
        IMAGENET_MEAN,
        IMAGENET_STD,
        text("Mean and std: a guess, those of ImageNet, the most usual. Please check."),
    )
