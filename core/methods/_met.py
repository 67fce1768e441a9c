"""What the weights of a layer meet on samples, as the columns of its matrix form."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from core.methods._edit import attribute_int, constant
from core.methods._matrices import Form, patches, places
from core.methods._recurrent import RecurrentForm, by_sample, joint_inputs, states_before, values_read


def values_to_see(form: Form, node: ir.Node) -> list[ir.Value]:
    """What `columns_met` wants of a run; may name a value, so pass the node of a private model."""
    if isinstance(form, RecurrentForm):
        return values_read(node)
    return [value for value in (node.inputs[0], node.outputs[0]) if value is not None]


def columns_met(
    form: Form, node: ir.Node, values: Sequence[np.ndarray], count: int, rng: np.random.Generator
) -> np.ndarray:
    """The columns at up to `count` positions of each sample, drawn by `rng`: (n, groups, columns) float32.

    Of a recurrent layer a position is a step in time, and what it meets are the inputs and the states that
    its gates add up; steps behind the end of a sequence are not numbers. `values`: of `values_to_see`.
    """
    if not isinstance(form, RecurrentForm):
        inputs, outputs = values
        at = places(form, outputs.shape, count, rng)
        return patches(form, inputs, outputs.shape[2:], at)
    states = states_before(form, node, values)
    at = places(form, (*states.shape[:2], form.channels), count, rng)
    return joint_inputs(by_sample(values[0])[at], states.reshape(-1, *states.shape[2:])[at])


def looked_up(node: ir.Node) -> np.ndarray | None:
    """The table (entries, width) whose rows a Gather hands out; None for another node."""
    if node.op_type != "Gather" or node.domain not in ("", "ai.onnx") or attribute_int(node, "axis", 0):
        return None
    table = constant(node.inputs[0])
    fits = table is not None and table.ndim == 2 and np.issubdtype(table.dtype, np.floating)
    return table if fits else None


def entry_counts(indices: np.ndarray, entries: int) -> np.ndarray:
    """How often each entry is looked up, (entries,) int64; negative indices count from the end."""
    flat = indices.reshape(prod(indices.shape)).astype(np.int64)
    return np.bincount(np.where(flat < 0, flat + entries, flat), minlength=entries)
