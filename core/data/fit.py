"""What the model's inputs and outputs ask of the data: shapes, dtypes, class counts."""

from __future__ import annotations

import numpy as np

from core.errors import DataError
from core.values import TensorInfo, text

Shape = tuple[int | str | None, ...]

_DTYPES = {
    name: np.dtype(name)
    for name in (
        [
            "float16",
            "float32",
            "float64",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "bool",
        ]
    )
}


def numpy_dtype(info: TensorInfo) -> np.dtype:
    """The input's numpy dtype. Raises DataError for strings, bfloat16 and the like."""
    if info.dtype not in _DTYPES:
        raise DataError(
            text("The model's input '{name}' takes {dtype} values.", name=info.name, dtype=info.dtype),
            text("Secateur can feed numbers and truth values only."),
            text("Export the model with a float32 or integer input."),
        )
    return _DTYPES[info.dtype]


def show_shape(shape: Shape | None) -> str:
    """A shape for people: '? × 3 × 32 × 32', unknown dimensions as '?'."""
    if shape is None:
        return "?"
    if not shape:
        return "1"
    return " × ".join(str(size) if isinstance(size, int) else "?" for size in shape)


def fits(sample: tuple[int, ...], wanted: Shape) -> bool:
    """Whether a shape agrees with a wanted one that may have unknown dimensions."""
    return len(sample) == len(wanted) and all(
        not isinstance(want, int) or have == want for have, want in zip(sample, wanted, strict=True)
    )


def batch_axis(info: TensorInfo, inputs: tuple[TensorInfo, ...]) -> int | None:
    """The axis of an input along which samples are stacked; None if all samples share it.

    The batch symbol is the first dimension of the first input; a recurrent state often has it second.
    """
    shape = info.shape
    if not shape:
        return None if shape == () else 0
    first = inputs[0].shape
    symbol = first[0] if first else None
    if isinstance(symbol, str) and symbol in shape:
        return shape.index(symbol)
    for axis, size in enumerate(shape):
        if not isinstance(size, int):
            return axis
    return 0 if info is inputs[0] or shape[0] == symbol else None


def class_count(outputs: tuple[TensorInfo, ...]) -> int | None:
    """How many classes the first output tells apart; 1 for a single number, None if unknown.

    Dimensions of size 1 after the batch are ignored: some networks answer (N, 1000, 1, 1).
    """
    if not outputs or outputs[0].shape is None or not outputs[0].dtype.startswith(("float", "bfloat")):
        return None
    sizes = [size for size in outputs[0].shape[1:] if size != 1]
    if not sizes:
        return 1
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], int) else None


def answers_classes(outputs: tuple[TensorInfo, ...]) -> bool:
    """Whether the first output can be one score per class: not a map, a sequence or a picture."""
    if not outputs or outputs[0].shape is None:
        return True
    return sum(size != 1 for size in outputs[0].shape[1:]) <= 1


def check_classes(class_names: tuple[str, ...], outputs: tuple[TensorInfo, ...]) -> None:
    """Raise DataError, showing both, where the data's classes can't be the model's outputs."""
    count = class_count(outputs)
    if count is None or count == len(class_names) or (count == 1 and len(class_names) == 2):
        return
    shown = ", ".join(class_names[:5]) + (", …" if len(class_names) > 5 else "")
    raise DataError(
        text(
            "The data has {classes} classes ({names}), the model answers {outputs}.",
            classes=len(class_names),
            names=shown,
            outputs=count,
        ),
        text("Each class must be one output of the model, in alphabetical order."),
        text(
            "Choose the data this model was trained for, or samples without labels: those are compared "
            "with the original's answers instead."
        ),
    )
