"""A network that tells of its inner values without handing them out: extremes and a sample of each.

What leaves onnxruntime costs a copy and stays in memory until it is counted: all values of an image
of a ResNet-50 are 80 MB. So the extremes are taken inside, over all values, and a strided sample is cut out
there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from core.evaluate.runner import Runner
from core.methods._edit import add_initializer, make_node
from core.methods._pieces import Feeds, samples_in

_END = 2**62


class Seen(NamedTuple):
    """Of one value in one run."""

    low: float
    high: float
    size: int
    """How many numbers it holds."""
    sample: np.ndarray


class Probes:
    """The named values of the main graph, none of them an input. `model` stays as it is."""

    def __init__(self, model: ir.Model, names: Sequence[str], most: int) -> None:
        """`most`: numbers of a value that are handed out for each sample of a batch, about."""
        self.sample_bytes = 0
        """Of the named values of one sample; known after the first run."""
        self._most = most
        self._run = 0
        copy = model.clone()
        by_name = {value.name: value for node in copy.graph for value in node.outputs}
        self._plain = len(copy.graph.outputs)
        self._names = {value.name for value in copy.graph.inputs}
        self._count = _input(copy, "probe_count")
        self._shift = _input(copy, "probe_shift")
        self._constants = {
            name: add_initializer(copy, f"probe_{name}", np.asarray([number], np.int64))
            for name, number in (("flat", -1), ("zero", 0), ("one", 1), ("two", 2), ("end", _END))
        }
        self._signed = [not _never_negative(by_name[name]) for name in names]
        for name, signed in zip(names, self._signed, strict=True):
            copy.graph.outputs.extend(self._probe(copy, by_name[name], signed))
        self._runner = Runner(copy, frugal=True)
        self.unit = self._runner.batch_size(1)
        """The fewest samples that are worth a run: more than one where the model's batch is fixed."""

    def run(self, feeds: Feeds) -> list[Seen]:
        """One `Seen` for each name, in order. Each run's sample begins at another place."""
        given = {name: array for name, array in feeds.items() if name in self._names}
        given[self._count.name or ""] = np.asarray([2 * self._most * samples_in(feeds)], np.int64)
        # a large prime: the beginnings of many runs fall everywhere between two places of the sample
        given[self._shift.name or ""] = np.asarray([self._run * 1_000_003], np.int64)
        self._run += 1
        found = iter(self._runner.run(given)[self._plain :])
        seen = []
        for signed in self._signed:
            low = float(np.min(next(found))) if signed else 0.0
            high, size, sample = next(found), next(found), next(found)
            seen.append(Seen(low, float(np.max(high)), int(np.max(size)), sample))
        if not self.sample_bytes:
            self.sample_bytes = max(1, 4 * sum(one.size for one in seen) // self.unit)
        return seen

    def _probe(self, model: ir.Model, value: ir.Value, signed: bool) -> list[ir.Value]:
        """Smallest (if it can be below zero), largest, size and sample, as new values of the graph."""
        known, whole = self._constants, ir.DataType.INT64
        low = make_node("ReduceMin", [value], f"{value.name}_low", {"keepdims": 0})
        high = make_node("ReduceMax", [value], f"{value.name}_high", {"keepdims": 0})
        flat = make_node("Reshape", [value, known["flat"]], f"{value.name}_flat")
        size = make_node("Size", [value], f"{value.name}_size", dtype=whole)
        # an odd stride, 2 · (size // 2 · wanted) + 1, does not fall in step with rows of pictures
        share = make_node("Div", [size.outputs[0], self._count], f"{value.name}_share", dtype=whole)
        double = make_node("Mul", [share.outputs[0], known["two"]], f"{value.name}_double", dtype=whole)
        stride = make_node("Add", [double.outputs[0], known["one"]], f"{value.name}_stride", dtype=whole)
        start = make_node("Mod", [self._shift, stride.outputs[0]], f"{value.name}_start", dtype=whole)
        inputs = [flat.outputs[0], start.outputs[0], known["end"], known["zero"], stride.outputs[0]]
        sample = make_node("Slice", inputs, f"{value.name}_sample")
        ends = [low, high] if signed else [high]
        model.graph.extend([*ends, flat, size, share, double, stride, start, sample])
        return [node.outputs[0] for node in (*ends, size, sample)]


def _never_negative(value: ir.Value) -> bool:
    node = value.producer()
    return node is not None and node.domain in ("", "ai.onnx") and node.op_type in ("Relu", "Sigmoid")


def _input(model: ir.Model, name: str) -> ir.Value:
    value = ir.Value(name=name, type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([1]))
    model.graph.inputs.append(value)
    return value
