"""Where a weight is written: the layer, its input, and what was written already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer
from core.methods.resolve import Step
from core.methods.stored import StoredWeight
from core.values import stored_bits


@dataclass
class Written:
    """Values made already for weights that several layers share, by the weight's name and the form."""

    values: dict[tuple[str, str | int], ir.Value] = field(default_factory=dict)
    _arrays: list[np.ndarray] = field(default_factory=list)

    def integers(
        self, model: ir.Model, name: str, q: np.ndarray, bits: int, of: np.ndarray | None = None
    ) -> ir.Value:
        """The initializer with these integers: one for all layers that share it.

        `of`: the integers that they are another arrangement of, if so.
        """
        own = q if of is None else of
        if (name, id(own)) not in self.values:
            self.values[name, id(own)] = add_initializer(model, "w", q, bits=stored_bits(bits))
            # an array that is gone could give its identity to another
            self._arrays.append(own)
        return self.values[name, id(own)]

    def keep(self, array: np.ndarray) -> None:
        """Hold on to an array whose identity is a key here."""
        self._arrays.append(array)


@dataclass(frozen=True)
class Site:
    """One weight of one layer, in the graph that is being written."""

    model: ir.Model
    node: ir.Node
    value: ir.Value
    """The original's constant."""
    step: Step
    activation_scale: np.float32 | None
    """Of the layer's input where it becomes integers, else None."""
    written: Written

    @property
    def name(self) -> str:
        return self.value.name or ""

    @property
    def dtype(self) -> ir.DataType:
        return self.value.dtype or ir.DataType.FLOAT

    def integers(self, q: np.ndarray, of: np.ndarray | None = None) -> ir.Value:
        """As `Written.integers`."""
        return self.written.integers(self.model, self.name, q, self.step.weight_bits, of)


class Writer(NamedTuple):
    """A way to write a weight."""

    name: str
    rank: Callable[[Site, StoredWeight], int | None]
    """None where it cannot; of the writers that can, the one with the lowest rank writes."""
    write: Callable[[Site, StoredWeight], None]


WRITERS: dict[str, Writer] = {}


def writer(rank: Callable[[Site, StoredWeight], int | None]) -> Callable[..., Callable[..., None]]:
    """Decorator: this function writes weights where `rank` says so. Source files are named after the form."""

    def register(write: Callable[..., None]) -> Callable[..., None]:
        name = write.__name__
        if name in WRITERS:
            raise ValueError(f"'{name}' is registered already")
        WRITERS[name] = Writer(name, rank, write)
        return write

    return register


def flat(scale: np.ndarray) -> np.ndarray:
    """As DequantizeLinear wants it: one dimension, or a scalar for the whole tensor."""
    return scale.reshape(-1) if scale.size > 1 else scale.reshape(())
