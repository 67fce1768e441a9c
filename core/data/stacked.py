"""Batches that know along which axis of each input their samples are stacked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class Stacked(dict[str, np.ndarray]):
    """Feeds by input. A recurrent state is stacked along its second axis, and its first may be as long."""

    def __init__(self, feeds: Mapping[str, np.ndarray], axes: Mapping[str, int | None]) -> None:
        super().__init__(feeds)
        self.axes = dict(axes)
        """None: all samples share this input."""


def axis_of(feeds: Mapping[str, np.ndarray], name: str) -> int | None:
    """The axis of the samples; the first, where nobody said another. None: all samples share this input."""
    axes = feeds.axes if isinstance(feeds, Stacked) else {}
    return axes.get(name, 0 if np.ndim(feeds[name]) else None)


def like(feeds: Mapping[str, np.ndarray], made: dict[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Other samples of the same inputs, which are stacked as those in `feeds` are."""
    return Stacked(made, feeds.axes) if isinstance(feeds, Stacked) else made
