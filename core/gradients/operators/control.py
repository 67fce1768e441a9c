"""If, Loop and Scan: their bodies run with the outer values in reach."""

from __future__ import annotations

from core.gradients.attributes import Attributes, Inputs
from core.gradients.lazy import torch
from core.gradients.operators._common import need, number, optional
from core.gradients.operators._registry import operator


@operator("If")
def if_(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    branch = "then_branch" if bool(number(need(inputs, 0))) else "else_branch"
    return tuple(attributes.bodies[branch]([]))


@operator("Loop")
def loop(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    trips, going = optional(inputs, 0), optional(inputs, 1)
    limit = None if trips is None else int(number(trips))
    running = True if going is None else bool(number(going))
    carried = [need(inputs, index) for index in range(2, len(inputs))]
    rows: list[list[torch.Tensor]] = [[] for _ in range(attributes.outputs - len(carried))]
    body, count = attributes.bodies["body"], 0
    while running and (limit is None or count < limit):
        answers = body([torch.tensor(count), torch.tensor(running), *carried])
        running = bool(number(answers[0]))
        carried = answers[1 : 1 + len(carried)]
        for row, value in zip(rows, answers[1 + len(carried) :], strict=True):
            row.append(value)
        count += 1
    return (*carried, *(torch.stack(row) if row else torch.empty(0) for row in rows))


@operator("Scan")
def scan(inputs: Inputs, attributes: Attributes, opset: int) -> tuple[torch.Tensor, ...]:
    scanned = attributes.int("num_scan_inputs", 1)
    states = len(inputs) - scanned
    results = attributes.outputs - states
    in_axes = attributes.ints("scan_input_axes") or [0] * scanned
    in_back = attributes.ints("scan_input_directions") or [0] * scanned
    out_axes = attributes.ints("scan_output_axes") or [0] * results
    out_back = attributes.ints("scan_output_directions") or [0] * results
    carried = [need(inputs, index) for index in range(states)]
    sequences = []
    for index in range(scanned):
        steps = list(need(inputs, states + index).unbind(in_axes[index]))
        sequences.append(steps[::-1] if in_back[index] else steps)
    rows: list[list[torch.Tensor]] = [[] for _ in range(results)]
    for step in zip(*sequences, strict=True):
        answers = attributes.bodies["body"]([*carried, *step])
        carried = answers[:states]
        for row, value in zip(rows, answers[states:], strict=True):
            row.append(value)
    stacked = (
        torch.stack(row[::-1] if back else row, axis)
        for row, axis, back in zip(rows, out_axes, out_back, strict=True)
    )
    return (*carried, *stacked)
