"""A GRU whose reset gate comes before its candidate's product, as one operator.

ONNX has it (`linear_before_reset` 0), as has Cho et al. 2014, eq. 8; torch has only the other kind. So it is
an operator of our own: torch.export and a trace keep it in one piece, the exporter writes it as ONNX's GRU.
Runs in the converting process.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_NAME = "secateur::gru_reset_before"


@torch.library.custom_op(_NAME, mutates_args=())
def gru_reset_before(x: Tensor, state: Tensor, w: Tensor, r: Tensor, bias: Tensor) -> Tensor:
    """All states (batch, time, hidden) of x (batch, time, inputs), begun at `state` (batch, hidden).

    w (3 · hidden, inputs), r (3 · hidden, hidden), bias (3 · hidden,): update gate, reset gate, candidate.
    """
    hidden = r.shape[1]
    given = x @ w.t() + bias
    states = []
    for step in range(x.shape[1]):
        gates = torch.sigmoid(given[:, step, : 2 * hidden] + state @ r[: 2 * hidden].t())
        update, reset = gates[:, :hidden], gates[:, hidden:]
        candidate = torch.tanh(given[:, step, 2 * hidden :] + (reset * state) @ r[2 * hidden :].t())
        state = update * state + (1 - update) * candidate
        states.append(state)
    return torch.stack(states, 1) if states else x.new_zeros((x.shape[0], 0, hidden))


@gru_reset_before.register_fake
def _(x: Tensor, state: Tensor, w: Tensor, r: Tensor, bias: Tensor) -> Tensor:
    return x.new_empty((x.shape[0], x.shape[1], r.shape[1]))


def _as_onnx(g: Any, x: Any, state: Any, w: Any, r: Any, bias: Any) -> Any:
    hidden = r.type().sizes()[1]

    def ints(*numbers: int) -> Any:
        return g.op("Constant", value_t=torch.tensor(numbers))

    def front(value: Any) -> Any:
        return g.op("Unsqueeze", value, ints(0))

    # the states' own bias, which is none
    both = g.op("Concat", bias, g.op("Constant", value_t=torch.zeros(3 * hidden)), axis_i=0)
    no_lengths = g.op("prim::Constant")
    no_lengths.setType(torch._C.OptionalType.ofTensor())
    states, _ = g.op(
        "GRU",
        g.op("Transpose", x, perm_i=[1, 0, 2]),
        front(w),
        front(r),
        front(both),
        no_lengths,
        front(state),
        hidden_size_i=hidden,
        linear_before_reset_i=0,
        outputs=2,
    )
    return g.op("Transpose", g.op("Squeeze", states, ints(1)), perm_i=[1, 0, 2])


def register(opset: int) -> None:
    """Tell torch's exporter how to write it."""
    torch.onnx.register_custom_op_symbolic(_NAME, _as_onnx, opset)
