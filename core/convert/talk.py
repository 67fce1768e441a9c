"""What engine and converting process say to each other: one task in, then lines of JSON out."""

from __future__ import annotations

import msgspec

from core.values import InputSize, Recipe, Text


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be converted."""

    kind: str
    source: str
    folder: str
    """The only place that may be written to; what is made lies there afterwards."""
    recipe: Recipe
    inputs: tuple[InputSize, ...] = ()
    """Sizes to try: those of the recipe, or the guess."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    text: Text


class Converted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It worked: `MODEL` and `SAMPLES` are in the folder."""

    inputs: tuple[InputSize, ...]
    fixed_batch: bool = False
    notes: tuple[Text, ...] = ()
    written_by: str = ""
    """What wrote the file, with its version, as the file says: 'Keras 3.13.1'; empty if it does not."""
    frameworks: str = ""
    """What it was read and converted with."""
    isolated: tuple[str, ...] = ()
    """What the kernel kept from the process."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """It did not; `code` is the class of the error."""

    code: str
    what: Text
    why: Text
    next_step: Text
    details: str = ""


Line = Stage | Converted | Refused

MODEL = "model/model.onnx"
"""With its external data, if any, beside it."""
SAMPLES = "samples.npz"
"""For each sample i: arrays 'in.i.NAME', by the input's name, and 'out.i.j', the original's answers."""
