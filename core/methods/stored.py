"""What a layer's weight becomes, before it is written: float numbers, or integers with their scales.

A kind of stored weight is a frozen class with `values()`, the numbers that the network computes with, and
`arrays()`, from which `restored` makes it again; `core.methods.writers` has the ways to write each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np


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
    """scale · q."""

    q: np.ndarray
    """int8, also for fewer bits; of the weight's shape."""
    scale: np.ndarray
    """float32; broadcasts over `q`."""

    def values(self) -> np.ndarray:
        return np.asarray(self.q * self.scale)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"q": self.q, "scale": self.scale}


Cache = dict[tuple[object, ...], StoredWeight]
"""Weights as they are written, by name and settings: kept between the networks of one run."""


def restored(arrays: Mapping[str, np.ndarray]) -> StoredWeight | None:
    """The inverse of `arrays`; None if they hold no weight."""
    if "float" in arrays:
        return FloatWeight(arrays["float"])
    if "q" in arrays:
        return IntegerWeight(arrays["q"], arrays["scale"])
    return None
