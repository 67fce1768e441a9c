"""LSTM, GRU and RNN as matrix products: the sums in their gates, at every step, of inputs and hidden states.

What a gate adds up is W·x_t + R·h_(t-1) + b, so both weights side by side times both vectors one below the
other. h_(t-1) is the layer's own output one step earlier, with the initial state first; backwards one step
later, with the initial state last. A GRU's candidate sees its state through the reset gate r: r ⊙ h where
`linear_before_reset` is 0; else R·h comes first, each of its rows is weighted by a unit of r, and the mean of
r over the units stands for it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.graph.roles import GATES
from core.methods._bias import recurrent_bias
from core.methods._edit import attribute_int, constant
from core.methods._matrices import MOST_COLUMNS, Form

BEFORE, AFTER = "before", "after"
"""Whether a GRU's reset gate comes before its candidate's product or after it."""


@dataclass(frozen=True)
class RecurrentForm(Form):
    """A group for each direction; of a GRU for each direction and gate. Stored: W and R side by side."""

    width: int = 0
    """Inputs: so many columns are W's, the rest R's."""
    backwards: tuple[bool, ...] = ()
    """Of each direction."""
    reset: str = ""
    """BEFORE or AFTER of a GRU."""

    @property
    def hidden(self) -> int:
        return self.columns - self.width

    def of_part(self, number: int) -> Form:
        """The form of W (0) or of R (1) alone."""
        columns = self.hidden if number else self.width
        return Form(self.op, (*self.shape[:2], columns), self.groups, self.rows, columns)


def recurrent_form(node: ir.Node) -> RecurrentForm | None:
    """The form of an LSTM, GRU or RNN with constant weights; None for another node or unusual gates."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in GATES or attribute_int(node, "layout", 0):
        return None
    w, r = constant(node.inputs[1]), constant(node.inputs[2])
    if w is None or r is None or w.ndim != 3 or r.ndim != 3 or w.dtype != np.float32 or r.dtype != w.dtype:
        return None
    directions, rows, width = w.shape
    hidden, reset, groups = r.shape[2], "", directions
    if width + hidden > MOST_COLUMNS or rows != GATES[node.op_type] * hidden:
        return None
    if node.op_type == "GRU":
        if not set(_activations(node)[::2]) <= {"sigmoid"}:
            return None
        reset = AFTER if attribute_int(node, "linear_before_reset", 0) else BEFORE
        groups, rows = directions * GATES["GRU"], hidden
    attribute = node.attributes.get("direction")
    reverse = attribute is not None and attribute.as_string() == "reverse"
    return RecurrentForm(
        node.op_type,
        (*w.shape[:2], width + hidden),
        groups,
        rows,
        width + hidden,
        segments=(width, hidden),
        width=width,
        backwards=(reverse, True)[:directions],
        reset=reset,
    )


def joint_weight(node: ir.Node) -> np.ndarray:
    """W and R side by side, (directions, gates · hidden, inputs + hidden)."""
    parts = [constant(node.inputs[index]) for index in (1, 2)]
    return np.concatenate([part for part in parts if part is not None], axis=2)


def weight_of(form: Form, node: ir.Node) -> np.ndarray:
    """The weight that `form` is of, as stored; of a recurrent layer both side by side."""
    weight = joint_weight(node) if isinstance(form, RecurrentForm) else constant(node.inputs[1])
    assert weight is not None
    return weight


def values_read(node: ir.Node) -> list[ir.Value]:
    """What `states_before` wants: inputs, the layer's own outputs, lengths and initial states where given.

    Gives the outputs a name if nobody asked for them, so pass the node of a private model.
    """
    every = node.outputs[0]
    if not every.name:
        every.name = f"{node.name} every state"
    optional = [node.inputs[index] if index < len(node.inputs) else None for index in (4, 5)]
    return [value for value in (node.inputs[0], every, *optional) if value is not None]


def states_before(form: RecurrentForm, node: ir.Node, values: Sequence[np.ndarray]) -> np.ndarray:
    """What R's columns meet in each group, (batch, time, groups, hidden) float32.

    NaN behind a sequence's end. `values`: of `values_read`, from a network in which this layer has the
    weights of `node`.
    """
    given = list(values)
    x, states = given.pop(0), given.pop(0)
    steps, _, batch, _ = states.shape
    has = [index < len(node.inputs) and node.inputs[index] is not None for index in (4, 5)]
    lengths = given.pop(0).astype(np.int64) if has[0] else np.full(batch, steps)
    start = given.pop(0) if has[1] else np.zeros((len(form.backwards), batch, form.hidden), np.float32)
    over = np.arange(steps)[:, None] >= lengths
    parts = []
    for number, backwards in enumerate(form.backwards):
        before = _states_before(states[:, number], start[number], lengths, backwards)
        before[over] = np.nan
        # of a GRU: of update gate, reset gate and candidate
        parts += [before, before, _behind_reset(form, node, number, x, before)] if form.reset else [before]
    return np.ascontiguousarray(np.stack(parts, axis=2).swapaxes(0, 1), dtype=np.float32)


def by_sample(x: np.ndarray) -> np.ndarray:
    """A recurrent layer's inputs (time, batch, inputs) as (batch · time, inputs)."""
    return np.asarray(x.swapaxes(0, 1).reshape(-1, x.shape[2]))


def joint_inputs(x: np.ndarray, states: np.ndarray) -> np.ndarray:
    """What the gates multiply, (n, groups, inputs + hidden): x (n, inputs), states (n, groups, hidden)."""
    wide = np.broadcast_to(x[:, None], (*states.shape[:2], x.shape[1]))
    return np.concatenate([wide, states], axis=2, dtype=np.float32)


def gate_bias(form: RecurrentForm, node: ir.Node) -> np.ndarray:
    """Both biases together, (channels,) float32: a constant of the gates' sums."""
    found = recurrent_bias(node)
    if found is None:
        return np.zeros(form.channels, np.float32)
    half = found.shape[1] // 2
    return np.asarray(found[:, :half] + found[:, half:], np.float32).reshape(-1)


def _states_before(states: np.ndarray, start: np.ndarray, lengths: np.ndarray, backwards: bool) -> np.ndarray:
    """h_(t-1) of one direction, (time, batch, hidden)."""
    before = np.empty_like(states)
    if not backwards:
        before[1:], before[:1] = states[:-1], start
        return before
    before[:-1] = states[1:]
    for sample, length in enumerate(lengths):
        before[max(0, length - 1), sample] = start[sample]
    return before


def _behind_reset(
    form: RecurrentForm, node: ir.Node, number: int, x: np.ndarray, before: np.ndarray
) -> np.ndarray:
    hidden = form.hidden
    rows = slice(hidden, 2 * hidden)
    w, r = (constant(node.inputs[index])[number, rows] for index in (1, 2))  # type: ignore[index]
    bias = gate_bias(form, node).reshape(len(form.backwards), -1)[number, rows]
    # at most 80 in size, so that the exponential does not overflow
    gate = 1.0 / (1.0 + np.exp(-np.clip(x @ w.T + before @ r.T + bias, -80.0, 80.0)))
    if form.reset == AFTER:
        gate = gate.mean(axis=2, keepdims=True)
    return np.asarray(gate * before)


def _activations(node: ir.Node) -> list[str]:
    attribute = node.attributes.get("activations")
    return [name.lower() for name in attribute.as_strings()] if attribute is not None else ["sigmoid", "tanh"]
