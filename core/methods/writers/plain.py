"""A float weight in the original's place."""

from __future__ import annotations

import onnx_ir as ir

from core.methods.stored import FloatWeight, StoredWeight
from core.methods.writers._site import Site, writer


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 10 if isinstance(weight, FloatWeight) else None


@writer(_rank)
def plain(site: Site, weight: FloatWeight) -> None:
    """The constant that is there, with other numbers."""
    if (site.name, "float") not in site.written.values:
        site.value.const_value = ir.Tensor(weight.array, name=site.name)
        site.written.values[site.name, "float"] = site.value
