"""Pictures of what the model will see, undone from its very input."""

from __future__ import annotations

import io

import numpy as np

from core.data.preprocess import CHANNELS, to_pictures
from core.data.sampled import Source
from core.values import Preprocess, TensorInfo

PREVIEWS = 8
_LONGEST_SIDE = 256
"""Larger ones are reduced for the window."""


def previews(
    source: Source,
    positions: np.ndarray,
    preprocess: Preprocess | None,
    inputs: tuple[TensorInfo, ...],
    class_names: tuple[str, ...],
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """At most 8 PNG files with their class names, of different classes as far as there are any.

    Nothing for data that are no pictures.
    """
    if not are_pictures(preprocess) or len(inputs) != 1:
        return (), ()
    classes = source.labels if class_names else None
    chosen = positions[:PREVIEWS]
    if classes is not None:
        _, first = np.unique(classes[positions], return_index=True)
        others = np.setdiff1d(np.arange(len(positions)), first)
        chosen = positions[np.concatenate([first, others])[:PREVIEWS]]
    encoded = sample_pictures(source.load(chosen)[inputs[0].name], preprocess)
    labels = () if classes is None else tuple(class_names[index] for index in classes[chosen])
    return encoded, labels if encoded else ()


def sample_pictures(values: np.ndarray, preprocess: Preprocess | None) -> tuple[bytes, ...]:
    """PNG files of a batch of the model's input, at most 256 wide and high; () for what are no pictures."""
    if preprocess is None or not are_pictures(preprocess) or values.ndim != 4:
        return ()
    if not preprocess.mean and not preprocess.std and values.dtype.kind == "f":
        values = _stretch(values)
    encoded = []
    for picture in to_pictures(values, preprocess):
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        encoded.append(stream.getvalue())
    return tuple(encoded)


def are_pictures(preprocess: Preprocess | None) -> bool:
    """Whether samples that are prepared so are pictures."""
    return preprocess is not None and bool(preprocess.layout) and preprocess.color in CHANNELS


def _stretch(values: np.ndarray) -> np.ndarray:
    """Values of an unknown range to 0..255, unless they look like pixels already."""
    values = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and 1 < high <= 255:
        return values
    return (values - low) * (255 / (high - low if high > low else 1))
