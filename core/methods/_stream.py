"""A network run in parts: the values at a cut are put aside, so that each part runs once for each sample.

Going through a network layer by layer from its start costs the square of its depth. Here the cut moves
forward with the layers. What lies before it may change no more; what lies behind it may differ each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from core.evaluate.runner import Runner
from core.methods._shelf import Shelf
from core.methods._tidy import tidy

Keys = dict[str, ir.Value]
"""Values that depend on the network's inputs, by a name that stays when weights change."""


class Stream:
    """Pieces of samples on their way through a network. `close` it in the end."""

    def __init__(self, inputs: Shelf, names: Sequence[str], pieces: int) -> None:
        """`inputs` holds the network's inputs under (piece, name) and stays the caller's."""
        self._inputs = inputs
        self._input_names = list(names)
        self._pieces = pieces
        self._cut: list[str] = []
        self._values = Shelf()

    def run(
        self, model: ir.Model, node: ir.Node, wanted: Sequence[ir.Value]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """For each piece its number and the wanted values, float32; then the cut lies before `node`.

        The model is taken apart: pass a private one. Up to the old cut it must be what it was before.
        """
        keys = dynamic(model)
        names = {id(value): name for name, value in keys.items()}
        live = [names[id(value)] for value in live_before(model, node, keys)]
        part = _Part(model, keys, self._cut, [keys[name] for name in live], wanted)
        after = Shelf()
        for piece in range(self._pieces):
            feeds = {name: self._inputs.get((piece, name)) for name in self._input_names}
            held = [self._values.get((piece, name)) for name in self._cut]
            kept, found = part.run(feeds, held)
            for name, array in zip(live, kept, strict=True):
                after.put((piece, name), array)
            yield piece, [np.asarray(array, dtype=np.float32) for array in found]
        self._values.close()
        self._cut, self._values = live, after

    def close(self) -> None:
        self._values.close()


def dynamic(model: ir.Model) -> Keys:
    """The main graph's values that are computed from its inputs, by names that none shares."""
    found: set[int] = {id(value) for value in model.graph.inputs if value.const_value is None}
    keys: Keys = {}
    for node in model.graph:
        if any(id(value) in found for value in _read(node)):
            for value in node.outputs:
                found.add(id(value))
                name = value.name or "value"
                while name in keys:
                    name += "'"
                keys[name] = value
    return keys


def _read(node: ir.Node) -> Iterator[ir.Value]:
    """What a node reads, in its bodies too."""
    yield from (value for value in node.inputs if value is not None)
    for attribute in node.attributes.values():
        graphs = (
            [attribute.as_graph()]
            if attribute.type == ir.AttributeType.GRAPH
            else list(attribute.as_graphs())
            if attribute.type == ir.AttributeType.GRAPHS
            else []
        )
        for graph in graphs:
            for inner in graph:
                yield from _read(inner)
            yield from graph.outputs


def live_before(model: ir.Model, node: ir.Node, keys: Keys) -> list[ir.Value]:
    """The values made before `node` that it or a node after it reads, as small as they can be had.

    Of a dequantised value that is its integers.
    """
    known = {id(value) for value in keys.values()}
    before: set[int] = set()
    behind = False
    live: dict[int, ir.Value] = {}
    for each in model.graph:
        behind = behind or each is node
        if not behind:
            before |= {id(value) for value in each.outputs}
            continue
        for value in _read(each):
            if id(value) in before and id(value) in known:
                small = _integers(value, known)
                live[id(small)] = small
    return list(live.values())


def _integers(value: ir.Value, known: set[int]) -> ir.Value:
    producer = value.producer()
    if producer is not None and producer.op_type == "DequantizeLinear":
        source = producer.inputs[0]
        if source is not None and id(source) in known:
            return source
    return value


class _Part:
    """From the values at a cut to those at the next and to those wanted."""

    def __init__(
        self,
        model: ir.Model,
        keys: Keys,
        cut: Sequence[str],
        live: Sequence[ir.Value],
        wanted: Sequence[ir.Value],
    ) -> None:
        held = [keys[name] for name in cut]
        at = {id(value): index for index, value in enumerate(held)}
        fed = {id(value): value.name or "" for value in model.graph.inputs}
        self._sources: list[tuple[str, int | str]] = []
        outputs: dict[int, ir.Value] = {}
        for value in (*live, *wanted):
            if id(value) in at:
                self._sources.append(("held", at[id(value)]))
            elif id(value) in fed:
                self._sources.append(("fed", fed[id(value)]))
            else:
                outputs.setdefault(id(value), value)
                self._sources.append(("run", list(outputs).index(id(value))))
        self._live = len(live)
        self._names = [f"held_{index}" for index in range(len(held))]
        self._held = held
        self._outputs = list(outputs.values())
        self._model: ir.Model | None = model
        self._runner: Runner | None = None

    def run(
        self, feeds: dict[str, np.ndarray], held: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The live values and the wanted ones."""
        if self._model is not None:
            self._load(self._model, held)
            self._model = None
        made: list[np.ndarray] = []
        if self._runner is not None:
            given = feeds | dict(zip(self._names, held, strict=True))
            taken = {info.name for info in self._runner.inputs}
            made = self._runner.run({name: array for name, array in given.items() if name in taken})
        every: Callable[[str, int | str], np.ndarray] = lambda kind, where: (  # noqa: E731
            held[where] if kind == "held" else feeds[where] if kind == "fed" else made[where]  # type: ignore[index]
        )
        found = [every(kind, where) for kind, where in self._sources]
        return found[: self._live], found[self._live :]

    def _load(self, model: ir.Model, held: Sequence[np.ndarray]) -> None:
        if not self._outputs:
            return
        graph = model.graph
        ends = []
        for index, value in enumerate(self._outputs):
            twin = ir.Node("", "Identity", [value], outputs=[ir.Value(name=f"part_{index}")])
            # where it is not known onnxruntime finds it
            twin.outputs[0].type = value.type
            graph.append(twin)
            ends.append(twin.outputs[0])
        graph.outputs.clear()
        graph.outputs.extend(ends)
        for name, value, array in zip(self._names, self._held, held, strict=True):
            start = ir.Value(name=name, type=ir.TensorType(ir.DataType.from_numpy(array.dtype)))
            graph.inputs.append(start)
            value.replace_all_uses_with(start)
        RemoveUnusedNodesPass()(model)
        for value in list(graph.inputs):
            if not value.uses() and value.const_value is None:
                graph.inputs.remove(value)
        tidy(model)
        self._runner = Runner(model)
