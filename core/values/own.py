"""Samples of the person's own: what the model's samples are made of, and one that was typed or chosen."""

from __future__ import annotations

from typing import Literal

from core.values.base import Value

OwnKind = Literal["picture", "sound", "row", "tokens", "request"]
"""A request is a file with an array for each input."""


class OwnField(Value, frozen=True, kw_only=True):
    """One value of a row, or one of the model's inputs of whole numbers."""

    name: str
    whole: bool = False
    """Whether all that was seen are whole numbers."""
    low: float | None = None
    """The smallest value that was seen, and the largest; None where nothing was."""
    high: float | None = None
    example: str = ""
    """What a sample of the data has there, as it may be typed."""
    length: int | None = None
    """Of an input: how many numbers it takes; None: any number."""


class OwnForm(Value, frozen=True, kw_only=True):
    """What a sample of one's own has to be for the model to take it."""

    kind: OwnKind
    fields: tuple[OwnField, ...] = ()
    """Of a row its columns in the model's order; of tokens the inputs. None for files."""
    columns: tuple[str, ...] = ()
    """All columns of the table in its order, so that a line of it can be pasted whole."""
    places: tuple[int, ...] = ()
    """Where in `columns` the fields stand."""
    delimiter: str = ","
    decimal_comma: bool = False


class OwnSample(Value, frozen=True, kw_only=True):
    """A sample of one's own: a file, or a text for each field of the form."""

    path: str = ""
    cells: tuple[str, ...] = ()
