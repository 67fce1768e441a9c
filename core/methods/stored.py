"""What a layer's weight becomes, before it is written: float numbers, or integers with their scales.

A kind of stored weight is a frozen class with `values()`, the numbers that the network computes with, and
`arrays()`, from which `restored` makes it again; `core.methods.writers` has the ways to write each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from core.methods._layout import Layout


class StoredWeight(Protocol):
    """A weight as it will be stored."""

    def values(self) -> np.ndarray:
        """The float numbers that it stands for, of the weight's shape."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays, for the store; the names tell the kinds apart."""
        ...


@dataclass(frozen=True, eq=False)
class FloatWeight:
    """Numbers as they are."""

    array: np.ndarray

    def values(self) -> np.ndarray:
        return self.array

    def arrays(self) -> dict[str, np.ndarray]:
        return {"float": self.array}


@dataclass(frozen=True, eq=False)
class IntegerWeight:
    """scale · factor · (q - zero)."""

    q: np.ndarray
    """int8, also for fewer bits; of the weight's shape."""
    scale: np.ndarray
    """float32; broadcasts over `q`, or one for each block: (rows, blocks) of `layout`."""
    zero: np.ndarray | None = None
    """int8 of the scale's shape, or (rows, blocks) where there are factors; None: 0 everywhere."""
    factor: np.ndarray | None = None
    """int8 (rows, blocks): what the integers of each block are multiplied by; the scale is then its row's.

    An integer kernel that knows one scale for a row computes with blocks so, for all that factor · (q - zero)
    is an integer of 8 bits. Source: VS-Quant (Dai et al. 2021), whose scales have two levels.
    """
    layout: Layout | None = None
    """Of the blocks, where there are some."""

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the scale's, the zero's or the factor's shape, so that they broadcast over `q`."""
        # two blocks or more, so (rows, blocks) is never the shape of what broadcasts already
        layout = self.layout
        if layout is None or values.shape != (layout.rows, layout.blocks):
            return values
        return layout.spread(values)

    def integers(self) -> np.ndarray:
        """factor · (q - zero), int8 where it fits, else int16; of the weight's shape."""
        if self.zero is None and self.factor is None:
            return self.q
        whole = self.q.astype(np.int16)
        if self.zero is not None:
            whole = whole - self.spread(self.zero).astype(np.int16)
        if self.factor is not None:
            whole = whole * self.spread(self.factor).astype(np.int16)
        fits = whole.min(initial=0) >= -128 and whole.max(initial=0) <= 127
        return whole.astype(np.int8) if fits else whole

    def values(self) -> np.ndarray:
        whole = self.q if self.zero is None and self.factor is None else self.integers()
        return np.asarray(whole * self.spread(self.scale))

    def scaled(self, ratio: np.ndarray) -> IntegerWeight:
        """With the scale of each row times `ratio` (rows,); a scale of the whole tensor stays."""
        if self.scale.size == 1:
            return self
        rows = self.scale.reshape(len(ratio), -1) * ratio[:, None]
        scale = rows.reshape(self.scale.shape).astype(np.float32)
        return IntegerWeight(self.q, scale, self.zero, self.factor, self.layout)

    def arrays(self) -> dict[str, np.ndarray]:
        found = {"q": self.q, "scale": self.scale}
        if self.zero is not None:
            found["zero"] = self.zero
        if self.factor is not None:
            found["factor"] = self.factor
        if self.layout is not None:
            found["layout"] = np.array([self.layout.block, *self.layout.axes], np.int64)
        return found


@dataclass(frozen=True, eq=False)
class HalfWeight:
    """Numbers of 16 bits, computed with in the weight's own type."""

    array: np.ndarray
    """float16."""
    dtype: np.dtype
    """Of the original weight."""

    def values(self) -> np.ndarray:
        return self.array.astype(self.dtype)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"half": self.array, "dtype": np.asarray(self.dtype.str)}


@dataclass(frozen=True, eq=False)
class SharedWeight:
    """scale · codes[places]: few numbers that many weights share."""

    places: np.ndarray
    """uint8, of the weight's shape."""
    codes: np.ndarray
    """Ascending: float32, or int8 where integer kernels compute with them."""
    scale: np.ndarray
    """float32; broadcasts over `places`: of each channel, or one for all."""

    def values(self) -> np.ndarray:
        return np.asarray(self.codes[self.places] * self.scale)

    def scaled(self, ratio: np.ndarray) -> SharedWeight:
        """With the scale of each row times `ratio` (rows,); a scale of the whole tensor stays."""
        if self.scale.size == 1:
            return self
        scale = self.scale * ratio.reshape(self.scale.shape)
        return replace(self, scale=scale.astype(np.float32))

    def arrays(self) -> dict[str, np.ndarray]:
        return {"places": self.places, "codes": self.codes, "scale": self.scale}


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Several weights of one layer with the same rows, as one: a recurrent layer's W and R."""

    parts: tuple[StoredWeight, ...]

    def values(self) -> np.ndarray:
        return np.concatenate([part.values() for part in self.parts], axis=-1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            f"{index}/{name}": array
            for index, part in enumerate(self.parts)
            for name, array in part.arrays().items()
        }


def parts_of(weight: StoredWeight) -> tuple[StoredWeight, ...]:
    """One for each of the layer's weights."""
    return weight.parts if isinstance(weight, SideBySide) else (weight,)


Cache = dict[tuple[object, ...], StoredWeight]
"""Weights as they are written, by name and settings: kept between the networks of one run."""


def restored(arrays: Mapping[str, np.ndarray]) -> StoredWeight | None:
    """The inverse of `arrays`; None if they hold no weight."""
    if any("/" in name for name in arrays):
        return _restored_parts(arrays)
    if "float" in arrays:
        return FloatWeight(arrays["float"])
    if "half" in arrays:
        return HalfWeight(arrays["half"], np.dtype(str(arrays["dtype"])))
    if "places" in arrays:
        return SharedWeight(arrays["places"], arrays["codes"], arrays["scale"])
    if "q" in arrays:
        q, layout = arrays["q"], None
        if "layout" in arrays:
            block, *axes = arrays["layout"].tolist()
            layout = Layout(q.shape, tuple(axes), block)
        return IntegerWeight(q, arrays["scale"], arrays.get("zero"), arrays.get("factor"), layout)
    return None


def _restored_parts(arrays: Mapping[str, np.ndarray]) -> StoredWeight | None:
    each: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        index, _, inner = name.partition("/")
        each.setdefault(int(index), {})[inner] = array
    parts = [restored(each[index]) for index in sorted(each)]
    known = tuple(part for part in parts if part is not None)
    return SideBySide(known) if len(known) == len(parts) else None
