"""The times of all nodes of a model, from the shelf or measured now, the most time-consuming first."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import msgspec
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.errors import Cancelled, EngineError, SecateurError
from core.evaluate.runner import Runner
from core.evaluate.threads import physical_cores
from core.graph.opened import OpenedModel
from core.graph.suffix import prefix
from core.kernel_model import FLOAT, INT8, WIDTHS, at_width, setting_of
from core.kernels.clock import timed
from core.kernels.computer import identity
from core.kernels.fragment import Constant, Kernel, fragment, kernel_of, narrowed
from core.kernels.nodes import LAYERS, nodes_of
from core.kernels.shelf import Shelf
from core.methods._spatial_mean import pool_spatial_means
from core.methods.quantize_activations import BETWEEN
from core.values import KernelTime, LatencyTable, Plan, TimedNode, Timings, digest, text
from core.wiring import integer_parts

VERSION = 2
"""Part of every key: times of an older way to measure are made anew."""
SECONDS = 6.0
"""For what is missing of one model at one go; what is left is measured the next time."""
_PUBLISH_SECONDS = 1.0
_UNSTEADY = 1.6
"""Slow runs over quick ones from which a kernel is timed once more, as soon as nothing is missing."""
_LARGEST_BYTES = 256 << 20
_COMPUTING = BETWEEN | {"MaxPool"}


@dataclass(frozen=True)
class _Wanted:
    label: tuple[str, str]
    """Node and setting, with the width behind it."""
    kernel: Kernel
    setting: str
    key: str
    """On the shelf."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    time: KernelTime | None
    """None where a node cannot be timed alone."""
    spread: float = 1.0


class KernelTable:
    """For one model; keep it for as long as that is open."""

    def __init__(
        self, opened: OpenedModel, feeds: Mapping[str, np.ndarray], shelf: Shelf, threads: int | None = None
    ) -> None:
        """`feeds` are what one run gets. Raises what `Runner` raises."""
        self.threads = threads or physical_cores()
        self._shelf = shelf
        self._kept: dict[str, _Kept] = {}
        self._keys: dict[tuple[str, str], str] = {}
        """Key by label, of all that was ever wanted."""
        self._again: set[str] = set()
        model = opened.clone()
        pool_spatial_means(model)
        self._outputs = tuple(value.name or "" for value in model.graph.outputs)
        self._nodes, self._kernels = _read(opened, model, feeds)
        self._ends = _first_and_last(self._nodes)

    def fill(
        self,
        plan: Plan,
        timings: Timings | None,
        context: Context,
        widths: bool = False,
        seconds: float | None = None,
    ) -> LatencyTable:
        """Return the table with what `plan` needs and what most plans need; published as it grows.

        `widths`: kernels with fewer channels too. Ends after about `seconds` (`SECONDS`) with what it
        has. Raises Cancelled; what was measured is kept.
        """
        wanted = list(self._wanted(plan, timings, widths or plan.work_removed > 0))
        missing = [one for one in wanted if not self._known(one.key)]
        doubtful = [one for one in wanted if self._doubtful(one.key)]
        most = SECONDS if seconds is None else seconds
        began = told = time.monotonic()
        for place, one in enumerate((*missing, *doubtful)):
            now = time.monotonic()
            if now - began > most:
                break
            if now - told > _PUBLISH_SECONDS:
                told = now
                context.publish(self.table())
            if not self._known(one.key) or self._doubtful(one.key):
                context.report(text("Timing single layers"), place, len(missing) + len(doubtful))
                self._measure(one, context)
        return self.table()

    def lacks(self, plan: Plan) -> bool:
        """Whether a time that this plan needs is neither known nor on the shelf."""
        return not all(self._known(one.key) for one in self._wanted(plan, None, plan.work_removed > 0))

    def table(self) -> LatencyTable:
        """What is known so far."""
        times: dict[str, list[tuple[str, KernelTime]]] = {}
        for (node, label), key in sorted(self._keys.items()):
            kept = self._kept.get(key)
            if kept is not None and kept.time is not None:
                times.setdefault(node, []).append((label, kept.time))
        nodes = tuple(
            msgspec.structs.replace(node, times=tuple(times[node.name]))
            if node.name in times and node.kind != "other"
            else node
            for node in self._nodes
        )
        return LatencyTable(nodes=nodes, outputs=self._outputs, threads=self.threads)

    def _wanted(self, plan: Plan, timings: Timings | None, widths: bool) -> Iterator[_Wanted]:
        times = {each.layer_id: each.time_ms for each in timings.layers} if timings else {}
        known = [node for node in self._nodes if node.name in self._kernels]
        # of layers that are alike one is measured: together they are as important as their sum
        weight: dict[str, float] = {}
        for node in known:
            key = self._kernels[node.name].key("")
            weight[key] = weight.get(key, 0.0) + times.get(node.name, 0.0)
        known.sort(key=lambda node: -weight[self._kernels[node.name].key("")])
        settings = {node.name: self._settings(node, plan) for node in known}
        for node in known:
            for setting in settings[node.name]:
                yield self._one(node.name, setting, 100, self._kernels[node.name])
        for node in known if widths else ():
            for percent in WIDTHS:
                first, last = self._ends[node.name]
                kernel = narrowed(self._kernels[node.name], percent, first, last)
                for setting in settings[node.name] if kernel is not None else ():
                    yield self._one(node.name, setting, percent, kernel)  # type: ignore[arg-type]

    def _one(self, node: str, setting: str, percent: int, kernel: Kernel) -> _Wanted:
        label = node, at_width(setting, percent)
        if label not in self._keys:
            self._keys[label] = digest("kernel", VERSION, identity(), self.threads, kernel.key(setting))
        return _Wanted(label, kernel, setting, self._keys[label])

    def _settings(self, node: TimedNode, plan: Plan) -> Sequence[str]:
        if node.kind == "between":
            return FLOAT, INT8
        usual = (FLOAT, INT8) if node.integer else (FLOAT,)
        return tuple(dict.fromkeys((*usual, setting_of(node, plan))))

    def _known(self, key: str) -> bool:
        """Whether the time is there, or is known not to exist; what the shelf has is taken over."""
        if key in self._kept:
            return True
        found = self._shelf.get(key)
        if found is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                self._kept[key] = msgspec.msgpack.decode(found, type=_Kept)
        return key in self._kept

    def _doubtful(self, key: str) -> bool:
        """Whether other programs disturbed the measurement so much that a second one is worth its time."""
        kept = self._kept.get(key)
        return kept is not None and kept.spread > _UNSTEADY and key not in self._again

    def _measure(self, one: _Wanted, context: Context) -> None:
        found = _Kept(None)
        before = self._kept.get(one.key)
        try:
            network = fragment(one.kernel, one.setting)
            if network is not None:
                found = _Kept(*timed(network, one.kernel.copies, self.threads, context))
        except (Cancelled, EngineError):
            raise
        except Exception:
            # what cannot be run alone, for whatever reason, goes by the usual factor
            found = _Kept(None)
        if before is not None:
            self._again.add(one.key)
            if found.spread >= before.spread:
                return
        self._kept[one.key] = found
        self._shelf.put(one.key, msgspec.msgpack.encode(found))


def _read(
    opened: OpenedModel, model: ir.Model, feeds: Mapping[str, np.ndarray]
) -> tuple[tuple[TimedNode, ...], dict[str, Kernel]]:
    """The nodes as the table has them, and the kernels of those that can be timed."""
    nodes = list(model.graph)
    layers = {layer.id for layer in opened.info.layers}
    made = nodes_of(opened, model)
    usable = {node.name for node in made if node.integer}
    integer = {made[place].name for place in integer_parts(made, usable)[0]}
    timed_nodes = [
        node
        for node in nodes
        if (node.name in layers and node.op_type in LAYERS)
        or (node.name in integer and node.op_type in _COMPUTING)
    ]
    shapes = _shapes(model, timed_nodes, feeds)
    kernels = {}
    for node in timed_nodes:
        kernel = kernel_of(node, shapes, node.name in layers, model.opset_imports.get("", 17))
        if kernel is not None and _bytes(kernel) <= _LARGEST_BYTES:
            kernels[node.name or ""] = kernel
    return made, kernels


def _shapes(
    model: ir.Model, nodes: Sequence[ir.Node], feeds: Mapping[str, np.ndarray]
) -> dict[str, tuple[int, ...]]:
    """Of what these nodes read, in a run with these feeds."""
    shapes = {name: tuple(array.shape) for name, array in feeds.items()}
    made = {value.name for node in model.graph for value in node.outputs}
    names = list(
        dict.fromkeys(
            value.name or ""
            for node in nodes
            for value in node.inputs
            if value is not None and value.name in made
        )
    )
    if names:
        try:
            runner = Runner(prefix(model, names))
            wanted = {item.name for item in runner.inputs}
            arrays = runner.run({name: array for name, array in feeds.items() if name in wanted})
        except SecateurError:
            return {}  # nothing is known then, and the usual factors stand in
        shapes.update((name, tuple(array.shape)) for name, array in zip(names, arrays, strict=True))
    return shapes


def _bytes(kernel: Kernel) -> int:
    stored = (4 * prod(each.shape) for each in kernel.inputs if isinstance(each, Constant))
    given = (4 * prod(shape) for shape in kernel.shapes)
    return sum(stored) + sum(given)


def _first_and_last(nodes: Sequence[TimedNode]) -> dict[str, tuple[bool, bool]]:
    """For each node whether no layer stands before it, and whether none stands behind it."""
    behind: set[str] = set()
    firsts = {}
    for node in nodes:
        after = any(value in behind for value in node.inputs)
        firsts[node.name] = not after
        if after or node.kind == "layer":
            behind.add(node.output)
    before: set[str] = set()
    lasts = {}
    for node in reversed(nodes):
        ahead = node.output in before
        lasts[node.name] = not ahead
        if ahead or node.kind == "layer":
            before.update(node.inputs)
    return {name: (firsts[name], lasts[name]) for name in firsts}
