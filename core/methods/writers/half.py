"""float16 in the file, widened when onnxruntime loads it: half the size, and as fast as before."""

from __future__ import annotations

from core.methods._edit import add_initializer, make_node
from core.methods.stored import HalfWeight, StoredWeight
from core.methods.writers._site import Site, writer


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 10 if isinstance(weight, HalfWeight) else None


@writer(_rank)
def half(site: Site, weight: HalfWeight) -> None:
    """A Cast of a constant, which is folded on loading."""
    values = site.written.values
    if (site.name, "half") not in values:
        constant = add_initializer(site.model, "w", weight.array)
        shape = site.value.shape
        cast = make_node("Cast", [constant], "wf", {"to": int(site.dtype)}, dtype=site.dtype, shape=shape)
        if len(site.model.graph):
            site.model.graph.insert_before(site.model.graph[0], cast)
        values[site.name, "half"] = cast.outputs[0]
    for index, used in enumerate(site.node.inputs):
        if used is site.value:
            site.node.replace_input_with(index, values[site.name, "half"])
