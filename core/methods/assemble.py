"""From the opened network and a resolved plan to the network that the plan asks for.

`assemble` is pure: each call starts from a clone, so the network after three layers and the final one
come from the same code, and the last accuracy of a run is that of the artefact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from core.methods._bias import set_bias
from core.methods._edit import drop_unused_initializers
from core.methods._tidy import tidy
from core.methods.planned import stored_weight
from core.methods.quantize_activations import Placement, Range, bounded, insert, place
from core.methods.resolve import Step
from core.methods.stored import Cache
from core.methods.writers import Site, Written, write
from core.values import FLOAT_BITS


def placement_for(base: ir.Model, steps: Sequence[Step]) -> Placement:
    """Where the activations of these layers become integers."""
    chosen = {step.layer.id: step.activation_bits for step in steps if step.activation_bits != FLOAT_BITS}
    return place(base, chosen)


def assemble(
    base: ir.Model,
    steps: Sequence[Step],
    ranges: Mapping[str, Range],
    cache: Cache | None = None,
    biases: Mapping[str, np.ndarray] | None = None,
    finished: bool = True,
) -> ir.Model:
    """The network with these steps done; `base` (see `resolve.base_model`) stays as it is.

    `ranges` must hold every value of `placement_for(base, steps).calibrated`. What `cache` holds of a
    weight is taken as it is, so corrected weights come in by it; `biases` are new ones by layer id. Not
    `finished`: inner values keep the names they had, so that they can be found.
    """
    model = base.clone()
    cache = {} if cache is None else cache
    placement = placement_for(model, steps)
    insert(model, placement, ranges)
    written = Written()
    nodes = {node.name: node for node in model.graph.all_nodes()}
    inputs = {node.name: node.inputs[0].name or "" for node in base.graph if node.inputs and node.inputs[0]}
    for step in steps:
        if step.changes:
            if biases and step.layer.id in biases:
                set_bias(model, nodes[step.layer.id], biases[step.layer.id])
            source = placement.source.get(inputs.get(step.layer.id, ""), "")
            scale = None
            if source in ranges and step.activation_bits != FLOAT_BITS:
                measured = bounded(ranges[source], placement.bounds.get(source))
                scale = measured.grid(placement.bits[source])[0]
            _apply(model, nodes[step.layer.id], step, scale, cache, written)
    drop_unused_initializers(model)
    if finished:
        tidy(model)
    return model


def _apply(
    model: ir.Model,
    node: ir.Node,
    step: Step,
    activation_scale: np.float32 | None,
    cache: Cache,
    written: Written,
) -> None:
    for name in step.layer.weights:
        value = model.graph.initializers.get(name)
        if value is None or value.const_value is None:
            continue
        key = (name, step.weight_key)
        if key not in cache:
            cache[key] = stored_weight(value.const_value.numpy(), step, name)
        write(Site(model, node, value, step, activation_scale, written), cache[key])
