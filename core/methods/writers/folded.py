"""Integers in the file, multiplied out when onnxruntime loads it: small, and as fast as before."""

from __future__ import annotations

from core.methods._edit import add_initializer, make_node
from core.methods.stored import IntegerWeight, StoredWeight
from core.methods.writers._site import Site, writer


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 10 if isinstance(weight, IntegerWeight) else None


@writer(_rank)
def folded(site: Site, weight: IntegerWeight) -> None:
    """Cast and Mul of constants, which are folded on loading.

    DequantizeLinear is not, and would multiply the weights out again at every run (measured: half the
    speed on a ResNet).
    """
    model, dtype, shape = site.model, site.dtype, site.value.shape
    values = site.written.values
    for index, used in enumerate(site.node.inputs):
        if used is not site.value:
            continue
        if (site.name, "folded") not in values:
            cast = make_node(
                "Cast", [site.integers(weight.q)], "wc", {"to": int(dtype)}, dtype=dtype, shape=shape
            )
            factor = add_initializer(model, "k", weight.scale.astype(dtype.numpy()))
            product = make_node("Mul", [cast.outputs[0], factor], "wf", dtype=dtype, shape=shape)
            if len(model.graph):
                model.graph.insert_before(model.graph[0], [cast, product])
            values[site.name, "folded"] = product.outputs[0]
        site.node.replace_input_with(index, values[site.name, "folded"])
