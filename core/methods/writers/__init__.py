"""The ways to write a weight into the graph, one a file; `write` chooses.

Adding a way is adding a file with one function under ``@writer(rank)``: `rank(site, weight)` is None where it
cannot write, else a number, and the lowest of all counts. A general way ranks 10, a special case below.
"""

from __future__ import annotations

from core.methods.stored import StoredWeight
from core.methods.writers._site import WRITERS, Site, Written, writer
from core.registry import discover

__all__ = ["WRITERS", "Site", "Written", "write", "writer"]


def write(site: Site, weight: StoredWeight) -> None:
    """Write the weight in the way that fits best. Raises LookupError if none does."""
    ranked = [(rank, each.name) for each in WRITERS.values() if (rank := each.rank(site, weight)) is not None]
    if not ranked:
        raise LookupError(f"no way to write {type(weight).__name__} for {site.node.op_type}")
    WRITERS[min(ranked)[1]].write(site, weight)


discover(__name__, __path__)
