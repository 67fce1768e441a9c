"""The base of every value, sentences for a person, small arrays, and digests."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np


class Value(msgspec.Struct, frozen=True, gc=False):
    """Base of every value: immutable, compared by content, small when encoded.

    Without cycles by construction, so the collector need not walk the thousands that make a large model.
    """


class Text(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence for a person: an English template and what to fill in."""

    template: str
    params: dict[str, str | int | float] = {}

    def __str__(self) -> str:
        return self.template.format(**self.params)


def text(template: str, **params: str | int | float) -> Text:
    """Make a `Text`. Always call it with a literal: a test collects the literals for translation."""
    return Text(template, params)


PARTS = 1_000_000
"""The total of a stage whose progress is a share of its time and no count: large enough for percent."""


class Array(Value, frozen=True, kw_only=True):
    """A small array, already reduced for display. Never whole weights."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: np.ndarray) -> Array:
        contiguous = np.ascontiguousarray(values)
        return cls(dtype=contiguous.dtype.str, shape=contiguous.shape, data=contiguous.tobytes())

    def numpy(self) -> np.ndarray:
        return np.frombuffer(self.data, dtype=np.dtype(self.dtype)).reshape(self.shape)


def digest(*values: object) -> str:
    """A stable 32-digit hash of values, for keys of measurements."""
    encoded = msgspec.msgpack.encode(values, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:32]
