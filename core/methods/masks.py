"""Which weights of a layer stay, chosen before they are pruned and rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.values import digest


@dataclass(frozen=True, eq=False)
class Masks:
    """Which weights of a layer stay, chosen beforehand; two are the same if they keep the same."""

    keep: Mapping[str, np.ndarray]
    """By name of the stored weight, bool, in its shape."""

    @cached_property
    def key(self) -> str:
        bits = [(name, mask.shape, np.packbits(mask).tobytes()) for name, mask in sorted(self.keep.items())]
        return digest("masks", bits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masks) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
