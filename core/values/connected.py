"""What ties the nodes of a network together beyond its edges: precision, and channels that go as one."""

from __future__ import annotations

from core.values.base import Text, Value
from core.values.timing import TimedNode


class Wiring(Value, frozen=True, kw_only=True, tag=True):
    """The main graph by names: enough to tell which nodes compute on integers under any plan."""

    nodes: tuple[TimedNode, ...]
    """In the graph's order, without times."""
    outputs: tuple[str, ...]
    """Values that leave the network."""
    stored: dict[str, int] = {}
    """Bits of the values that a node hands on, where the file itself has them as integers."""


class CoupledChannels(Value, frozen=True, kw_only=True):
    """Layers whose output channels stand or fall together."""

    layers: tuple[str, ...]
    """Their ids, in the network's order."""
    channels: int
    """How many can be told apart."""
    why_fixed: Text | None = None
    """Why none of them can go; None: they can."""


class Couplings(Value, frozen=True, kw_only=True, tag=True):
    """All that is coupled in a network; a layer may stand in several."""

    groups: tuple[CoupledChannels, ...]
    why_not: Text | None = None
    """Why nothing was worked out."""
