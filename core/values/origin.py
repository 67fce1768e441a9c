"""Where a model comes from that was no ONNX file: what must be asked, what was answered, what came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from core.values.base import Text, Value, text

INPUT_TYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
_LARGEST = 2**31


class InputSize(Value, frozen=True):
    """One example input: its shape with the batch first, and numpy's name of its type."""

    shape: tuple[int, ...]
    dtype: str = "float32"


def sizes_line(sizes: Sequence[InputSize]) -> str:
    """1×3×224×224; several with ';' between, types other than float32 behind a colon."""
    return "; ".join(
        "×".join(map(str, item.shape)) + ("" if item.dtype == "float32" else f":{item.dtype}")
        for item in sizes
    )


def sizes_of(line: str) -> tuple[InputSize, ...] | None:
    """What `sizes_line` writes; also with 'x', '*' or commas between the numbers. None: it is none."""
    found = []
    for part in re.split(r"[;；]", line):
        numbers, _, dtype = part.strip().partition(":")
        pieces = [piece for piece in re.split(r"[×x*,，\s]+", numbers.strip("()[] \t").lower()) if piece]
        shape = tuple(
            int(piece) for piece in pieces if piece.isascii() and piece.isdigit() and len(piece) < 11
        )
        dtype = dtype.strip() or "float32"
        if not shape or len(shape) != len(pieces) or not all(0 < n < _LARGEST for n in shape):
            return None
        if dtype not in INPUT_TYPES:
            return None
        found.append(InputSize(shape, dtype))
    return tuple(found)


class Recipe(Value, frozen=True, kw_only=True):
    """What a person says about a file of another framework, so that it can be turned into ONNX."""

    trusted: bool = False
    """The code in the file, or in the architecture's file, may run."""
    inputs: tuple[InputSize, ...] = ()
    """Empty: as the file says, or as guessed."""
    architecture: str = ""
    """Path of the Python file that has the network's class; empty: none is needed."""
    network: str = ""
    """The class or function in it, with literal arguments where it takes any: 'Net', 'Net(10, width=32)'."""


class Foreign(Value, frozen=True, kw_only=True, tag=True):
    """A file of another framework about which something must be asked first. Nothing of it has run."""

    path: str = ""
    name: str = ""
    sha256: str = ""
    size_bytes: int = 0
    kind: str = ""
    """The converter's name; like all above it is filled in by who asked the converter."""
    label: Text
    """What it is, in two or three words."""
    what: Text
    """The same as a sentence, with what opening it means."""
    runs_code: bool = False
    """Opening it runs code: of the file itself, or of the architecture's file."""
    needs_architecture: bool = False
    asks_inputs: bool = False
    """The file does not say what goes in; `inputs` is a guess from its weights."""
    inputs: tuple[InputSize, ...] = ()
    input_names: tuple[str, ...] = ()
    """As the file's code calls them; empty where that is not known."""
    traced: bool = False
    """The sizes are no guess: the file keeps those it was traced with."""


class Networks(Value, frozen=True, kw_only=True, tag=True):
    """Classes and functions of a Python file that may be a network, the likeliest first. Nothing ran."""

    path: str
    names: tuple[str, ...]
    inputs: dict[str, tuple[str, ...]] = {}
    """By network what it must be given, by name; nothing of those of which that is not known."""
    sizes: dict[str, tuple[InputSize, ...]] = {}
    """The guess from the weights, as each of them needs it."""


class Origin(Value, frozen=True, kw_only=True):
    """What a converted model was made from, and how far its answers are from those of the original."""

    path: str
    name: str
    sha256: str
    size_bytes: int
    kind: str
    label: Text
    recipe: Recipe
    difference: float
    """Largest difference between an answer of the original and of the ONNX file."""
    reach: float
    """The largest answer, to compare with."""
    samples: int
    """Sample inputs on which both answered."""
    fixed_batch: bool = False
    """The original takes just one number of samples at a time."""
    guarded: Literal["kernel", "python"] = "kernel"
    """What kept the conversion from the network and from other files."""
    written_by: str = ""
    """What wrote the original, with its version, if the file says so."""
    frameworks: str = ""
    """What it was converted with, with versions; empty of a file that was converted before this was kept."""

    @property
    def made(self) -> Text | None:
        """By what it was written and converted; None where neither is known."""
        if self.written_by and self.frameworks:
            return text(
                "It was written by {writer} and converted with {frameworks}.",
                writer=self.written_by,
                frameworks=self.frameworks,
            )
        if self.frameworks:
            return text("It was converted with {frameworks}.", frameworks=self.frameworks)
        return None

    @property
    def summary(self) -> Text:
        """The largest difference in words."""
        return text(
            "Converted from '{name}': on {count} sample inputs its answers and those of the ONNX file differ "
            "by at most {difference}; the largest answer is {reach}.",
            name=self.name,
            count=self.samples,
            difference=f"{self.difference:.2g}",
            reach=f"{self.reach:.3g}",
        )
