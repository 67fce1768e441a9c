"""Time one kernel alone: its own work, and apart from it the conversions at its ends."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.evaluate.profile import kernel_times
from core.evaluate.runner import Runner
from core.kernels.awake import AWAKE, wake
from core.kernels.fragment import ENTER, LEAVE
from core.values import KernelTime
from core.values.timing import Form

SECONDS = 0.02
"""For the runs of one kernel, twice; at least five are made each time."""
_UNDISTURBED = 0.25
"""The share of the runs that counts: other programs only ever make a kernel slower."""
_CONVERSIONS = {"QuantizeLinear", "DequantizeLinear"}
_CHAIN = 32
_LEAST_MS, _MOST_PRICE_MS = 0.0005, 0.015


@cache
def call_ms(threads: int) -> float:
    """What a run costs before and after its nodes. Measured once in a process, by chains on one number."""
    short, long = (_chain_ms(length, threads) for length in (1, 1 + _CHAIN))
    return max(0.0, short - (long - short) / _CHAIN)


def _chain_ms(length: int, threads: int) -> float:
    value = ir.Value(name="x", shape=ir.Shape([1]), type=ir.TensorType(ir.DataType.FLOAT))
    graph = ir.Graph([value], [], nodes=[], opset_imports={"": 13}, name="chain")
    for index in range(length):
        node = ir.Node("", "Neg", [value], name=f"n{index}", outputs=[ir.Value(name=f"v{index}")])
        graph.append(node)
        value = node.outputs[0]
    value.type = ir.TensorType(ir.DataType.FLOAT)
    graph.outputs.append(value)
    runner, feeds = Runner(ir.Model(graph, ir_version=10), threads), {"x": np.ones(1, np.float32)}
    times = []
    for _ in range(60):
        began = time.perf_counter()
        runner.run(feeds)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.quantile(times, _UNDISTURBED))


def timed(model: ir.Model, copies: int, threads: int, context: Context) -> tuple[KernelTime, float]:
    """Run a fragment (see `core.kernels.fragment`) that holds a kernel so many times; its time and spread.

    The profiler tells the parts, a run without it the whole: what it makes each node slower is taken off
    again. Raises what `Runner` raises, and Cancelled.
    """
    wake(model)
    times = kernel_times(model, None, _Silent(context), threads, SECONDS, _UNDISTURBED, unwatched=True)
    watched = sum(times.nodes.values())
    real = max(times.unwatched_ms - call_ms(threads), 0.0)
    price_ms = min(max(0.0, watched - real) / max(1, len(times.nodes)), _MOST_PRICE_MS)
    enter_ms = leave_ms = ms = 0.0
    worked, blocked, integer = False, False, False
    for (name, op), taken in times.nodes.items():
        own_ms = max(taken - price_ms, _LEAST_MS)
        if name.startswith(AWAKE):
            continue
        if name.startswith(ENTER) or op == "ReorderInput" or (op == "Transpose" and not worked):
            enter_ms += own_ms
        elif name.startswith(LEAVE) or op in ("ReorderOutput", "Transpose"):
            leave_ms += own_ms
        else:
            worked = worked or op not in _CONVERSIONS
            ms += own_ms
        blocked = blocked or op == "ReorderOutput"
        integer = integer or (name.startswith(ENTER) and op == "QuantizeLinear")
    form: Form = "integer" if integer else "blocked" if blocked else "plain"
    # all copies read the same values, which are converted once
    found = KernelTime(ms=ms / copies, form=form, enter_ms=enter_ms, leave_ms=leave_ms / copies)
    return found, times.spread


class _Silent(Context):
    """Stops when the job is stopped; the progress of single kernels interests nobody."""

    def __init__(self, job: Context) -> None:
        super().__init__()
        self._job = job

    def check(self) -> None:
        self._job.check()
