"""float16 for a whole network: constants beside the layers' weights are stored in 16 bits too.

Biases, positions, tables, initial states: a Cast widens each when onnxruntime loads the file, so that nothing
is slower. The layers' own weights are `core.methods.writers.half`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.methods._edit import add_initializer, drop_unused_initializers, make_node
from core.methods._tidy import tidy
from core.methods.resolve import Step, why_not_half
from core.values import HALF_BITS, Plan, Text, text

LEAST = 64
"""Numbers from which on a constant is worth its Cast, which takes some 80 bytes itself."""
_NEEDED = {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "Resize", "Upsample"}
"""Operators whose constants are looked at before others are folded."""


@dataclass(frozen=True)
class HalfRest:
    """What becomes of a network's other constants."""

    halved: tuple[str, ...] = ()
    """Names of those that float16 can hold."""
    kept: int = 0
    """How many it cannot."""

    @property
    def notes(self) -> tuple[Text, ...]:
        """For people."""
        if not self.kept:
            return ()
        return (
            text(
                "{count} constants beside the layers hold numbers that float16 cannot keep: they stay "
                "float32.",
                count=self.kept,
            ),
        )


def half_rest(base: ir.Model, steps: Sequence[Step], plan: Plan) -> HalfRest:
    """Which constants of `base` become float16 with the layers; none unless the plan means all of them.

    It does where its defaults say float16, or every layer that can be is.
    """
    able = [step for step in steps if step.layer.quantizable]
    wanted = plan.defaults.weight_bits == HALF_BITS or all(step.weight_bits == HALF_BITS for step in able)
    if not wanted or not any(step.weight_bits == HALF_BITS for step in able):
        return HalfRest()
    weights = {name for step in steps for name in step.layer.weights}
    halved, kept = [], 0
    for name, value in base.graph.initializers.items():
        tensor = value.const_value
        if tensor is None or name in weights or tensor.dtype != ir.DataType.FLOAT or tensor.size < LEAST:
            continue
        users = [use.node for use in value.uses()]
        if value.is_graph_input() or value.is_graph_output() or not users:
            continue
        if any(node.op_type in _NEEDED or node.domain not in ("", "ai.onnx") for node in users):
            continue
        if why_not_half(tensor.numpy()) is None:
            halved.append(name)
        else:
            kept += 1
    return HalfRest(tuple(halved), kept)


def store_as_half(model: ir.Model, names: Sequence[str]) -> None:
    """Replace these constants by float16 ones and a Cast each, in place; what is gone is passed by."""
    casts = []
    for name in names:
        value = model.graph.initializers.get(name)
        if value is None or value.const_value is None or value.dtype != ir.DataType.FLOAT:
            continue
        constant = add_initializer(model, "h", value.const_value.numpy().astype(np.float16))
        cast = make_node("Cast", [constant], "hf", {"to": int(ir.DataType.FLOAT)}, shape=value.shape)
        value.replace_all_uses_with(cast.outputs[0])
        casts.append(cast)
    if casts:
        model.graph.insert_before(model.graph[0], casts)
    drop_unused_initializers(model)
    # the new values' names must be nobody else's
    tidy(model)
