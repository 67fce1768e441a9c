"""One session for all what-ifs of a layer: the network from that layer on, its weights fed anew each time."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.graph.apart import LEAST_BYTES
from core.graph.opened import OpenedModel
from core.graph.suffix import border, suffix
from core.methods._bias import read_bias, set_bias, shaped_bias
from core.methods._other_forms import correctable_form
from core.methods._taps import node_named
from core.methods.quantize_activations import Range
from core.sweep.border import Borders
from core.sweep.candidates import Candidate
from core.sweep.head import Head, head_of
from core.values import Layer


def together(opened: OpenedModel, layer: Layer) -> list[str]:
    """The ids of the layers that share this one's weights, itself included."""
    if layer.group is None:
        return [layer.id]
    return [other.id for other in opened.info.layers if other.weights == layer.weights]


def needs(opened: OpenedModel, judge: Judge, layer: Layer) -> tuple[str, ...] | None:
    """The values that the layer's what-ifs are fed; None if the judged output does not depend on it."""
    return border(opened.model, together(opened, layer), judge.subject.outputs)


class Probe:
    """The network from a layer on. Only `Borders` that know the layer can feed it."""

    def __init__(
        self,
        opened: OpenedModel,
        layer: Layer,
        judge: Judge,
        borders: Borders,
        threads: int | None = None,
    ) -> None:
        self._layer = layer
        self._judge = judge
        self._borders = borders
        model, bias = _with_bias(opened, layer)
        self._bias = bias
        names = [*layer.weights, *([bias] if bias else [])]
        arrays = {name: model.graph.initializers[name].const_value for name in names}
        self._unchanged = {name: tensor.numpy() for name, tensor in arrays.items() if tensor is not None}
        ids = together(opened, layer)
        alone = len(ids) == 1
        self._cut = suffix(model, ids, judge.subject.outputs, names, borders.like, alone, private=True)
        assert self._cut is not None, "asked for a layer that nothing depends on"
        threads = threads or judge.threads
        self._head = self._head_of(layer, threads) if alone else None
        if self._head is None:
            constants = self._cut.model.graph.initializers
            for name, array in self._unchanged.items():
                if array.nbytes >= LEAST_BYTES:
                    # always fed, and fed it is not copied
                    constants.pop(name).const_value = None
        self._runner = Runner(self._cut.model, threads)
        self._inputs = {item.name for item in self._runner.inputs}

    def _head_of(self, layer: Layer, threads: int) -> Head | None:
        assert self._cut is not None
        graph = self._cut.model.graph
        nodes = head_of(next((node for node in graph if node.name == layer.id), None))
        first = nodes[0].inputs[0] if nodes else None
        if first is None or first not in graph.inputs:
            return None
        for name in self._unchanged:
            graph.inputs.remove(graph.initializers.pop(name))
        like = self._borders.like[self._cut.own.get(first.name or "", first.name or "")]
        head = Head(nodes, like, threads)
        if not first.uses():
            graph.inputs.remove(first)
        return head

    @property
    def apart(self) -> bool:
        """Whether the layer is run in a session of its own, before the network behind it."""
        return self._head is not None

    def answers(
        self, position: int, candidate: Candidate | None, rounded: Range | None = None, levels: int = 255
    ) -> np.ndarray:
        """The judged part of the answers to a piece of the samples with the layer so.

        `rounded`: the layer's input is rounded to `levels` steps of this range. Raises what running raises.
        """
        assert self._cut is not None
        at_border = self._borders.feeds(self._layer.id, position)
        feeds = {name: at_border[name] for name in self._cut.border}
        for name, source in self._cut.own.items():
            value = at_border[source]
            feeds[name] = value if rounded is None else _rounded(value, rounded, levels)
        weights = dict(self._unchanged)
        if candidate is not None:
            weights.update(self._typed(candidate.weights()))
            if candidate.bias is not None and self._bias:
                weights[self._bias] = shaped_bias(candidate.bias, self._unchanged[self._bias])
        if self._head is None:
            feeds.update(weights)
        else:
            feeds[self._head.output] = self._head.run(candidate, weights, feeds[self._head.input])
            if self._head.input not in self._inputs:
                del feeds[self._head.input]
        # the graph's own inputs are whole pieces already: nothing to split or to pad
        return self._judge.part(self._runner.run_whole(feeds))

    def _typed(self, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: array.astype(self._unchanged[name].dtype) for name, array in weights.items()}


def _with_bias(opened: OpenedModel, layer: Layer) -> tuple[ir.Model, str | None]:
    """The network with a bias of its own for this layer where it can have one, and that bias's name."""
    model = opened.clone()
    if layer.group is not None:
        return model, None
    try:
        node = node_named(model, layer.id)
        form = correctable_form(node)
    except KeyError:
        return model, None
    bias = read_bias(node, form.channels) if form is not None else None
    if bias is None:
        return model, None
    known = set(model.graph.initializers)
    set_bias(model, node, bias)
    return model, next(name for name in model.graph.initializers if name not in known)


def _rounded(values: np.ndarray, reach: Range, levels: int) -> np.ndarray:
    """As after QuantizeLinear and DequantizeLinear with asymmetric unsigned integers."""
    low, high = min(0.0, reach.low), max(0.0, reach.high)
    scale = np.float32((high - low) / levels)
    if not np.isfinite(scale) or scale <= 0:
        return values
    zero = np.rint(-low / scale)
    steps = np.clip(np.rint(values / scale) + zero, 0, levels)
    return ((steps - zero) * scale).astype(values.dtype)
