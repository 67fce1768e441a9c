"""A grouped convolution run by itself, its weights constant: fed ones cost it onnxruntime's fast kernels.

onnxruntime lays out the weights of convolutions for its blocked kernels while a session is made, which it
can only where they are constant. A dense convolution with fed weights runs about as fast without, a
depthwise one takes up to four times as long. A session of one node is made in a millisecond, so here each
what-if gets one, and the network behind it is fed what it computes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import onnx
import onnx_ir as ir

from core.evaluate.runner import Runner

_FUSED = ("Relu", "Clip")
"""What onnxruntime computes in the same pass as the convolution before it."""
_KEPT = 4
"""Sessions kept: a what-if is run on several pieces of the samples, and some go on side by side."""


class Head:
    """The nodes at the front of a network cut by `suffix`, with constant weights. Any thread may run it."""

    def __init__(self, nodes: list[ir.Node], like: np.ndarray, threads: int) -> None:
        """`nodes` in a row, the convolution first; `like`: an input (n, channels, ...) of it.

        They are taken out of their graph, where their result becomes an input.
        """
        graph = nodes[0].graph
        first, result = nodes[0].inputs[0], nodes[-1].outputs[0]
        assert graph is not None and first is not None and result.name is not None
        self.input = first.name or ""
        self.output = result.name
        self._threads = threads
        self._constants = {
            value.name or "": value.const_value.numpy()
            for node in nodes
            for value in node.inputs
            if value is not None and value.const_value is not None
        }
        graph.remove(nodes)
        behind = ir.Value(name=self.output)
        for user, index in list(result.uses()):
            user.replace_input_with(index, behind)
        shape = ir.Shape([None, *like.shape[1:]])
        inputs = [ir.Value(name=self.input, type=first.type, shape=shape)]
        alone = ir.Graph(inputs, [result], nodes=nodes, opset_imports=graph.opset_imports)
        nodes[0].replace_input_with(0, inputs[0])
        self._proto = ir.to_proto(ir.Model(alone, ir_version=8))
        self._sessions: OrderedDict[int, tuple[object, Runner]] = OrderedDict()
        self._lock = threading.Lock()
        found = self.run(None, {}, like)
        behind.type = ir.TensorType(ir.DataType.from_numpy(found.dtype))
        behind.shape = ir.Shape([None, *found.shape[1:]])
        graph.inputs.append(behind)

    def run(self, what_if: object, weights: Mapping[str, np.ndarray], values: np.ndarray) -> np.ndarray:
        """The result with these weights by name; one session a `what_if`, the object that they are of."""
        with self._lock:
            kept = self._sessions.get(id(what_if))
            if kept is None:
                kept = self._sessions[id(what_if)] = (what_if, self._session(weights))
            self._sessions.move_to_end(id(what_if))
            while len(self._sessions) > _KEPT:
                self._sessions.popitem(last=False)
        result: np.ndarray = kept[1].session.run(None, {self.input: values})[0]
        return result

    def _session(self, weights: Mapping[str, np.ndarray]) -> Runner:
        proto = onnx.ModelProto()
        proto.CopyFrom(self._proto)
        for name, array in {**self._constants, **weights}.items():
            proto.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return Runner(proto.SerializeToString(), self._threads)


def head_of(node: ir.Node | None) -> list[ir.Node]:
    """The nodes that are worth a session of their own: a grouped convolution and what is fused into it.

    Empty for any other node, and where the network behind needs what lies between.
    """
    if node is None or node.op_type != "Conv" or node.domain not in ("", "ai.onnx"):
        return []
    groups = node.attributes.get("group")
    if groups is None or groups.as_int() == 1 or node.outputs[0].is_graph_output():
        return []
    nodes = [node]
    uses = list(node.outputs[0].uses())
    if len(uses) == 1 and uses[0].node.op_type in _FUSED and uses[0].idx == 0:
        activation = uses[0].node
        constant = all(value is None or value.const_value is not None for value in activation.inputs[1:])
        if constant and activation.graph is node.graph and not activation.outputs[0].is_graph_output():
            nodes.append(activation)
    return nodes
