"""Gather the integers and their rows' scales, then multiply: the table stays small in memory too."""

from __future__ import annotations

import onnx_ir as ir

from core.methods._edit import add_initializer, attribute_int, make_node
from core.methods.stored import IntegerWeight, StoredWeight
from core.methods.writers._site import Site, writer
from core.values import stored_bits


def _rank(site: Site, weight: StoredWeight) -> int | None:
    if not isinstance(weight, IntegerWeight) or site.node.op_type != "Gather":
        return None
    # Gather knows no packed integers
    whole = stored_bits(site.step.weight_bits) == 8 and weight.zero is None and weight.layout is None
    return 5 if whole and weight.scale.size == weight.scale.shape[0] else None


@writer(_rank)
def embedding(site: Site, weight: IntegerWeight) -> None:
    """Takes the place of the layer's node."""
    node, dtype, values = site.node, site.dtype, site.written.values
    if (site.name, "rows") not in values:
        values[site.name, "rows"] = add_initializer(site.model, "k", weight.scale.astype(dtype.numpy()))
    result = node.outputs[0]
    axis = attribute_int(node, "axis", 0)
    scales = make_node("Gather", [values[site.name, "rows"], node.inputs[1]], "ks", {"axis": axis}, dtype)
    node.replace_input_with(0, site.integers(weight.q))
    rows = ir.Value(name=f"{result.name}_q", type=ir.TensorType(ir.DataType.INT8), shape=result.shape)
    integer = ir.Node(
        "", "Gather", list(node.inputs), list(node.attributes.values()), outputs=[rows], name=node.name
    )
    cast = make_node("Cast", [rows], f"{result.name}_c", {"to": int(dtype)}, dtype=dtype, shape=result.shape)
    product = make_node("Mul", [cast.outputs[0], scales.outputs[0]], f"{result.name}_m", dtype=dtype)
    graph = node.graph
    assert graph is not None
    graph.insert_before(node, [integer, scales, cast, product])  # type: ignore[union-attr]
    final = product.outputs[0]
    final.shape = result.shape
    name_was = result.name
    result.replace_all_uses_with(final, replace_graph_outputs=True)
    graph.remove(node, safe=True)  # type: ignore[union-attr]
    final.name = name_was
