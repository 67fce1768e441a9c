"""The figure of a closed group: what its layers have in common, and each of them as a cell of a strip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

CELLS = 32
"""Cells of a strip at most; with more layers a cell stands for several, and shows the strongest."""


@dataclass(frozen=True)
class Rolled:
    share: float | None
    """Place on the colour scale; None where no layer inside has a figure."""
    text: str
    strip: tuple[float | None, ...]
    """Places on the scale of the layers inside, in order; None where unknown."""
    known: int = 0
    """Layers inside that have a figure."""
    strongest: str = ""
    """Id of the layer with the highest place."""


def rolled(
    layers: Sequence[str],
    shares: Mapping[str, float],
    values: Mapping[str, float],
    rule: str,
    short: Callable[[float], str],
    weights: Mapping[str, float],
    zero: float = 0.0,
) -> Rolled:
    """Put the figures of `layers` together by `rule`.

    'sum': parts of a whole, coloured like the strongest of them, for nothing inside may hide. 'mean': each
    layer counts as `weights` says. 'worst': the highest value. `zero`: the place on the scale from which on
    both sides it gets stronger.
    """
    known = [layer for layer in layers if layer in shares]
    strip = strip_of([shares.get(layer) for layer in layers], CELLS, zero)
    if not known:
        return Rolled(None, "", strip)
    strongest = max(known, key=lambda layer: abs(shares[layer] - zero))
    share = shares[strongest]
    numbers = [values[layer] for layer in known if layer in values]
    if rule == "mean":
        whole = sum(weights.get(layer, 1.0) for layer in known) or 1.0
        share = sum(shares[layer] * weights.get(layer, 1.0) for layer in known) / whole
        value = sum(values[layer] * weights.get(layer, 1.0) for layer in known if layer in values) / whole
    else:
        value = sum(numbers) if rule == "sum" else max(numbers, default=0.0)
    return Rolled(share, short(value) if numbers else "", strip, len(known), strongest)


def strip_of(
    shares: Sequence[float | None], cells: int = CELLS, zero: float = 0.0
) -> tuple[float | None, ...]:
    """At most `cells` places on the scale: each the strongest of the layers that it stands for."""
    if len(shares) <= cells:
        return tuple(shares)
    edges = [round(index * len(shares) / cells) for index in range(cells + 1)]
    return tuple(
        max(
            (share for share in shares[start:end] if share is not None),
            key=lambda share: abs(share - zero),
            default=None,
        )
        for start, end in pairwise(edges)
    )


class RollUps:
    """The figures of closed groups, each worked out when it is first asked for."""

    def __init__(self, work_out: Callable[[str], Rolled | None] | None = None) -> None:
        self._work_out = work_out
        self._kept: dict[str, Rolled | None] = {}

    def get(self, group_id: str) -> Rolled | None:
        if group_id not in self._kept and self._work_out is not None:
            self._kept[group_id] = self._work_out(group_id)
        return self._kept.get(group_id)
