"""What the inspector shows of a layer: ranges of its channels, and what runs between layers."""

from __future__ import annotations

from core.values.base import Array, Text, Value

QUANTILES = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)
"""Of a channel's values: the whisker's ends, the inner whisker's, the box's, its middle."""


class ChannelRanges(Value, frozen=True, kw_only=True):
    """How far the values of each channel reach; neighbours in groups where there are many."""

    quantiles: Array
    """(groups, 7) float32, at `QUANTILES`. The ends are exact; the others may be of a part of the values."""
    channels: int
    """In all groups together: group g holds channels g·channels/groups and on."""
    low: Array | None = None
    """(groups,) float32: the smallest value that the integers express; NaN where it is not known."""
    high: Array | None = None
    """(groups,) float32: the largest."""
    clipped: Array | None = None
    """(groups,) float32, 0..1: share of the values beyond those ends by more than half a step, or NaN."""


class ActivationView(Value, frozen=True, kw_only=True, tag=True):
    """The values that a layer hands on, channel by channel, on calibration samples."""

    layer_id: str
    ranges: ChannelRanges | None = None
    """None: cannot be told; `notes` say why."""
    behind: str = ""
    """The operator whose output this is: the layer's own, or of the activation behind it."""
    bits: int = 32
    """Of the integers that `ranges.low` and `high` are the ends of; 32: the values stay float."""
    samples: int = 0
    notes: tuple[Text, ...] = ()
