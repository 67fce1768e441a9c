"""A table of shared values and each weight's place in it: looked up when onnxruntime loads the file.

Cast, Gather and Mul of constants are folded on loading (1.32), so nothing is slower; in front of a layer on
integers the table holds int8 numbers, and DequantizeLinear fuses as with any other int8 weight.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer, make_node
from core.methods.cluster_weights import nearest
from core.methods.quantize_activations import quantize_bias
from core.methods.stored import SharedWeight, StoredWeight
from core.methods.writers._least_scale import fitted_scale
from core.methods.writers._site import Site, flat, writer
from core.values import stored_bits


def _rank(site: Site, weight: StoredWeight) -> int | None:
    return 10 if isinstance(weight, SharedWeight) and site.activation_scale is None else None


def _integer_rank(site: Site, weight: StoredWeight) -> int | None:
    return 5 if isinstance(weight, SharedWeight) and site.activation_scale is not None else None


@writer(_rank)
def shared(site: Site, weight: SharedWeight) -> None:
    """For layers that compute in float."""
    model, dtype, shape = site.model, site.dtype, site.value.shape
    values = site.written.values
    if (site.name, "shared") not in values:
        codes = weight.codes
        if weight.scale.size == 1:
            codes = codes * np.float32(weight.scale.reshape(()))
        nodes = _looked_up(site, weight, codes.astype(dtype.numpy()))
        if weight.scale.size > 1:
            factor = add_initializer(model, "k", weight.scale.astype(dtype.numpy()))
            found = nodes[-1].outputs[0]
            nodes.append(make_node("Mul", [found, factor], "wf", dtype=dtype, shape=shape))
        if len(model.graph):
            model.graph.insert_before(model.graph[0], nodes)
        values[site.name, "shared"] = nodes[-1].outputs[0]
    for index, used in enumerate(site.node.inputs):
        if used is site.value:
            site.node.replace_input_with(index, values[site.name, "shared"])


@writer(_integer_rank)
def shared_integer(site: Site, weight: SharedWeight) -> None:
    """For layers whose activations are integers; the bias becomes int32 with them."""
    assert site.activation_scale is not None
    model, node = site.model, site.node
    scale, raised = fitted_scale(site, weight.scale, weight.codes[weight.places])
    if raised.any():
        places = nearest(weight.values() / scale, weight.codes.astype(np.float32))
        weight = replace(weight, places=np.where(raised, places, weight.places))
    nodes = _looked_up(site, weight, weight.codes)
    axis = next((axis for axis, size in enumerate(scale.shape) if size > 1), None)
    attributes = {"axis": axis} if axis not in (None, 1) else {}
    inputs = [nodes[-1].outputs[0], add_initializer(model, "k", flat(scale))]
    if node.op_type == "Gemm":
        # the fusion to QGemm asks for zero points even where they are the default
        inputs.append(add_initializer(model, "o", np.zeros(flat(scale).shape, np.int8)))
    shape = site.value.shape
    dequantize = make_node("DequantizeLinear", inputs, "wf", attributes, shape=shape)  # type: ignore[arg-type]
    model.graph.insert_before(node, [*nodes, dequantize])
    node.replace_input_with(1, dequantize.outputs[0])
    quantize_bias(model, node, site.activation_scale, flat(scale))


def _looked_up(site: Site, weight: SharedWeight, codes: np.ndarray) -> list[ir.Node]:
    """The nodes whose last makes codes[places], of the codes' type and the weight's shape."""
    model, shape = site.model, site.value.shape
    name = (site.name, f"places {id(weight.places)}")
    if name not in site.written.values:
        bits = stored_bits(site.step.weight_bits)
        site.written.values[name] = add_initializer(model, "w", weight.places, bits, signed=False)
        # an array that is gone could give its identity to another
        site.written.keep(weight.places)
    whole = ir.DataType.INT32
    cast = make_node("Cast", [site.written.values[name]], "wi", {"to": int(whole)}, dtype=whole, shape=shape)
    table = add_initializer(model, "c", codes)
    dtype = table.dtype or ir.DataType.FLOAT
    return [cast, make_node("Gather", [table, cast.outputs[0]], "wg", dtype=dtype, shape=shape)]
