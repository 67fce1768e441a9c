"""Groups of channels that must be removed together, on a normalised graph.

`channel_groups` lists them; `core.graph.surgery.remove_channels` removes units of them. Adding an
operator is adding one function marked ``@operator("Name")`` to a file of its family here: it links the
positions that stand or fall together, pins those that must stay, and says how its attributes follow.
"""

from __future__ import annotations

from core.graph.coupling.groups import ChannelGroup, Coupled, Slice, channel_groups, couple, prepared
from core.registry import discover

__all__ = ["ChannelGroup", "Coupled", "Slice", "channel_groups", "couple", "prepared"]

discover(__name__, __path__)
