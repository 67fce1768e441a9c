"""Sizes of inputs: as typed on the command line, and guessed from a network's weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.convert._pickles import Tensor
from core.errors import OpenError
from core.values import InputSize, sizes_of, text

PICTURE = 224
SEQUENCE = 16
_TOKENS = {"id", "ids", "token", "tokens", "word", "words"}
_COUNTS = {"length", "lengths", "lens"}


def parsed(line: str) -> tuple[InputSize, ...]:
    """What `sizes_line` writes. Raises OpenError."""
    found = sizes_of(line)
    if found is None:
        raise OpenError(
            text("'{line}' is no size of an input.", line=line.strip()[:100]),
            text("A size is numbers with × between them, the number of samples first."),
            text("Write it like 1×3×224×224, or 1×16:int64 for whole numbers."),
        )
    return found


def guessed(tensors: Iterable[Tensor]) -> tuple[InputSize, ...]:
    """What probably goes in, from the shape of the first weight: a picture, a row of numbers, tokens."""
    for tensor in tensors:
        name, shape = tensor.name.lower(), tensor.shape
        if len(shape) < 2 or not name.endswith(("weight", "kernel", "weight_ih_l0")) or "norm" in name:
            continue
        if len(shape) == 4:
            return (InputSize((1, shape[1], PICTURE, PICTURE)),)
        if len(shape) == 5:
            return (InputSize((1, shape[1], SEQUENCE, PICTURE // 4, PICTURE // 4)),)
        if len(shape) == 3:
            return (InputSize((1, shape[1], PICTURE)),)
        if "emb" in name or "wte" in name or "vocab" in name:
            return (InputSize((1, SEQUENCE), "int64"),)
        if name.endswith("weight_ih_l0"):
            return (InputSize((1, SEQUENCE, shape[1])),)
        return (InputSize((1, shape[1])),)
    return (InputSize((1, 3, PICTURE, PICTURE)),)


def for_inputs(guess: Sequence[InputSize], names: Sequence[str]) -> tuple[InputSize, ...]:
    """The guess from the weights, which is of one input, for a network that must be given these.

    What the names say about themselves goes first: 'input_ids' are tokens; what stands beside them, a mask or
    types, is as long.
    """
    if not guess or not names:
        return tuple(guess)
    found: list[InputSize] = []
    for place, name in enumerate(names):
        parts = set(name.lower().split("_"))
        size = guess[min(place, len(guess) - 1)]
        if parts & _COUNTS and found:
            size = InputSize((1,), "int64")
        elif parts & _TOKENS and size.dtype.startswith("float"):
            size = InputSize((1, SEQUENCE), "int64")
        elif place >= len(guess) and found:
            size = found[0]
        found.append(size)
    return tuple(found)
