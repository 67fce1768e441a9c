"""Milliseconds of each layer on this computer, from onnxruntime's profiler.

onnxruntime renames what it fuses and reorders. What it writes (1.23 to 1.32, seen, not documented):
`NODE` unchanged; `OUTPUT_nchwc` for a convolution in blocked layout, OUTPUT being the value that the
fused chain gives; `NODE/MatMulAddFusion` and the like; `fused NODE`; `_token_7` behind a repeated name.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.evaluate.example_feeds import example_feeds
from core.evaluate.runner import Runner
from core.graph.opened import OpenedModel
from core.values import LayerTime, Timings, text

WARM_UP = 2
MIN_RUNS, MAX_RUNS = 5, 50
SECONDS = 2.0
_KERNEL = "_kernel_time"


def layer_times(
    opened: OpenedModel,
    feeds: Mapping[str, np.ndarray] | None,
    context: Context,
    threads: int | None = None,
    seconds: float = SECONDS,
) -> Timings:
    """Return the median milliseconds of each layer that ran, what onnxruntime fused into it included.

    Without feeds the inputs are random. Layers in a branch that wasn't taken are left out. `total_ms` is
    the whole run; what no layer accounts for (reordering, pooling ...) is the rest of it.
    """
    times = kernel_times(opened.model, feeds, context, threads, seconds)
    total_ms = times.total_ms
    layer_of = LayerNames(opened)
    spent: dict[str, float] = defaultdict(float)
    for (name, op), milliseconds in times.nodes.items():
        layer_id = layer_of.find(name, op)
        if layer_id is not None:
            spent[layer_id] += milliseconds
    layers = tuple(
        LayerTime(layer_id=layer.id, time_ms=spent[layer.id], share=min(1.0, spent[layer.id] / total_ms))
        for layer in opened.info.layers
        if layer.id in spent
    )
    return Timings(layers=layers, total_ms=total_ms, threads=times.threads)


@dataclass(frozen=True)
class KernelTimes:
    """Median milliseconds of a whole run, and of each (node, operator) that onnxruntime made of the model."""

    total_ms: float
    nodes: dict[tuple[str, str], float]
    threads: int
    unwatched_ms: float = 0.0
    """Of a whole run without the profiler, which makes every node a little slower; 0 if not asked for."""
    spread: float = 1.0
    """Slow ones of these runs over quick ones: 1 on an idle computer."""


def kernel_times(
    model: ir.Model | Path,
    feeds: Mapping[str, np.ndarray] | None,
    context: Context,
    threads: int | None = None,
    seconds: float = SECONDS,
    share: float = 0.5,
    unwatched: bool = False,
) -> KernelTimes:
    """Profile a model. Without feeds the inputs are random.

    `share`: of the runs that were at most as slow as what is told; the median unless asked otherwise.
    `unwatched`: run as often again without profiling, for the whole.
    """
    with tempfile.TemporaryDirectory(prefix="secateur-profile-") as folder:
        runner = Runner(model, threads, profile_prefix=str(Path(folder) / "run"))
        given = dict(feeds) if feeds is not None else example_feeds(runner, runner.batch_size(1))
        warm_up = int(feeds is None) + WARM_UP
        for _ in range(warm_up):
            runner.run(given)
            context.check()
        runs = _repeat(runner, given, context, seconds)
        events = json.loads(Path(runner.session.end_profiling()).read_text(encoding="utf-8"))
        times = _unwatched(runner, given, context, runs) if unwatched else [0.0]
    total_ms, nodes = _last_runs(events, runs, share)
    low, whole_ms, high = (float(each) for each in np.quantile(times, (0.25, share, 0.75)))
    return KernelTimes(total_ms, nodes, runner.threads, whole_ms, high / low if low else 1.0)


def _unwatched(runner: Runner, feeds: dict[str, np.ndarray], context: Context, runs: int) -> list[float]:
    """Milliseconds of each run."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        runner.run(feeds)
        times.append(1000 * (time.perf_counter() - began))
        context.check()
    return times


class LayerNames:
    """From the names that onnxruntime gives to nodes back to the layers."""

    def __init__(self, opened: OpenedModel) -> None:
        self._ops = {layer.id: layer.op for layer in opened.info.layers}
        self._longest_first = sorted(self._ops, key=len, reverse=True)
        self._values: dict[str, ir.Value] = {
            output.name: output
            for node in opened.model.graph.all_nodes()
            for output in node.outputs
            if output.name
        }

    def find(self, name: str, op: str) -> str | None:
        """Return the layer whose work a profiled node does, None if it does no layer's."""
        bare = re.sub(r"(_token_\d+)+$", "", name).removeprefix("fused ")
        if bare in self._ops:
            return bare
        value = self._values.get(bare.removesuffix("_nchwc"))
        if value is not None and bare.endswith("_nchwc"):
            return self._behind(value)
        if bare.endswith("_quant"):
            return self.find(bare.removesuffix("_quant"), op)
        starts = (i for i in self._longest_first if bare.startswith((i + "/", i + "_")))
        return next((i for i in starts if self.same_work(i, op)), None)

    def _behind(self, value: ir.Value) -> str | None:
        """The nearest layer whose result, through what was fused to it, is this value."""
        seen = 0
        queue = [value]
        while queue and seen < 32:
            producer = queue.pop(0).producer()
            seen += 1
            if producer is None:
                continue
            if producer.name in self._ops:
                return producer.name
            queue.extend(given for given in producer.inputs if given is not None)
        return None

    def same_work(self, layer_id: str, op: str) -> bool:
        """Whether the node multiplies as the layer does: a Transpose named after it does not."""
        wanted = self._ops[layer_id]
        products = ("Gemm", "MatMul")
        return wanted in op or (wanted in products and any(product in op for product in products))


def _repeat(runner: Runner, feeds: dict[str, np.ndarray], context: Context, seconds: float) -> int:
    began = time.monotonic()
    runs = 0
    while runs < MIN_RUNS or (runs < MAX_RUNS and time.monotonic() - began < seconds):
        runner.run(feeds)
        runs += 1
        context.report(text("Timing the layers"), runs, MAX_RUNS)
    return runs


def _last_runs(events: list[dict], runs: int, share: float) -> tuple[float, dict[tuple[str, str], float]]:
    """Milliseconds of the last `runs` whole runs, and of each (node, operator) in them: a quantile of them.

    The median or less, because one run that another program interrupted would blame whichever node it hit.
    """
    whole = [e for e in events if e.get("cat") == "Session" and e.get("name") == "model_run"]
    whole = sorted(whole, key=lambda event: event["ts"])[-runs:]
    starts = [event["ts"] for event in whole]
    spent: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * len(whole))
    for event in events:
        name = event.get("name", "")
        if event.get("cat") == "Node" and name.endswith(_KERNEL) and event["ts"] >= starts[0]:
            key = (name.removesuffix(_KERNEL), event.get("args", {}).get("op_name", ""))
            # a node in a loop runs several times within one run
            spent[key][bisect_right(starts, event["ts"]) - 1] += event["dur"] / 1000
    total = float(np.quantile([event["dur"] for event in whole], share)) / 1000
    return max(total, 1e-6), {key: float(np.quantile(times, share)) for key, times in spent.items()}
