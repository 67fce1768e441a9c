"""Writes a torch module as torch's newer exporter (dynamo=True) does, which needs a package that is not here.

The graph is that of `torch.export`, with its names; what each operator becomes follows the exporter's
library: weights keep their names and are transposed by nodes, shapes are put together from `Shape` with start
and end, `Reshape` has allowzero, reductions take their axes as inputs, every node carries where it came from.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn

OPSET = 18
_TYPES = {torch.float32: TensorProto.FLOAT, torch.int64: TensorProto.INT64}
Handler = Callable[["Writer", fx.Node, str], str]


def dynamo_exported(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> onnx.ModelProto:
    """The module for inference, the number of samples open."""
    free = tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs)
    with warnings.catch_warnings():
        # of recurrent layers' lists of weights
        warnings.simplefilter("ignore")
        program = torch.export.export(module.eval(), inputs, dynamic_shapes=free, strict=False)
    return Writer(program).write()


class Writer:
    """Walks over an exported program once."""

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self._program = program
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self._names: dict[fx.Node, str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._known: list[onnx.ValueInfoProto] = []
        self._count = 0
        self._now = ""

    def write(self) -> onnx.ModelProto:
        signature = self._program.graph_signature
        stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        state = {**self._program.state_dict, **self._program.constants}
        outputs: list[onnx.ValueInfoProto] = []
        for node in self._program.graph.nodes:
            self._now = node.name
            if node.op == "placeholder" and node.name in stored:
                name = stored[node.name]
                self._names[node] = name
                self.constants[name] = state[name].detach().numpy()
            elif node.op == "placeholder":
                self._names[node] = node.name
                self._inputs.append(self._info(node))
            elif node.op == "output":
                outputs = [self._info(each, self._names[each]) for each in node.args[0]]
            elif node.op == "call_function" and "_assert" not in str(node.target):
                self._names[node] = self._call(node)
                if isinstance(node.meta.get("val"), torch.Tensor) and self._names[node] == node.name:
                    self._known.append(self._info(node))
        used = {name for node in self.nodes for name in node.input}
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            self._inputs,
            outputs,
            [numpy_helper.from_array(array, name) for name, array in self.constants.items() if name in used],
            value_info=self._known,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=10,
            producer_name="pytorch",
            producer_version=torch.__version__.split("+")[0],
        )
        onnx.checker.check_model(model)
        return model

    def _info(self, node: fx.Node, name: str = "") -> onnx.ValueInfoProto:
        value = node.meta["val"]
        return helper.make_tensor_value_info(
            name or node.name, _TYPES[value.dtype], [d if isinstance(d, int) else str(d) for d in value.shape]
        )

    def _call(self, node: fx.Node) -> str:
        target = node.target
        if target is operator.getitem:
            return str(self._names[node.args[0]]) if node.args[1] == 0 else f"{node.args[0]} {node.args[1]}"  # type: ignore[index]
        if target in (operator.mul, operator.floordiv):
            sizes = [self.value(each) for each in node.args]
            return self.add("Mul" if target is operator.mul else "Div", *sizes, out=node.name)
        name = str(target).removeprefix("aten.")
        handler = _HANDLERS.get(name) or _HANDLERS.get(name.split(".")[0].rstrip("_"))
        assert handler is not None, name
        return handler(self, node, node.name)

    # ------------------------------------------------------------ what handlers use

    def add(self, op: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """One operator; `out` is its value's name, else a number."""
        name = out or f"val_{self._count}"
        self._count += 1
        title = f"node_{out}" if out else f"node_{op}_{self._count}"
        node = helper.make_node(op, list(inputs), [name], name=title, **attributes)
        for key, text in (("fx_node", f"%{self._now}"), ("name_scopes", f"['', '{self._now}']")):
            entry = node.metadata_props.add()
            entry.key, entry.value = f"pkg.torch.onnx.{key}", text
        self.nodes.append(node)
        return name

    def constant(self, array: Any, dtype: type = np.int64) -> str:
        name = f"val_{self._count}"
        self._count += 1
        self.constants[name] = np.asarray(array, dtype)
        return name

    def value(self, argument: Any) -> str:
        """The name of a value; a number becomes a constant."""
        if isinstance(argument, fx.Node):
            return self._names[argument]
        if argument is None:
            return ""
        return self.constant(argument, np.int64 if isinstance(argument, int) else np.float32)

    def reshaped(self, x: str, sizes: Sequence[Any], out: str) -> str:
        """To sizes that may be computed ones."""
        if all(isinstance(size, int) for size in sizes):
            return self.add("Reshape", x, self.constant(list(sizes)), out=out, allowzero=1)
        one = self.constant([-1])
        parts = [
            self.constant([size])
            if isinstance(size, int)
            else self.add("Reshape", self.value(size), one, allowzero=0)
            for size in sizes
        ]
        return self.add("Reshape", x, self.add("Concat", *parts, axis=0), out=out, allowzero=1)

    def sizes(self, node: fx.Node, source: fx.Node) -> list[Any]:
        """Of a value, where only what `source` has too is open: as numbers and names of values."""
        here, there = node.meta["val"].shape, source.meta["val"].shape
        result: list[Any] = []
        for size in here:
            if isinstance(size, int):
                result.append(size)
                continue
            axis = next(i for i, other in enumerate(there) if str(other) == str(size))
            result.append(_Value(self.add("Shape", self.value(source), start=axis, end=axis + 1)))
        return result


class _Value(str):
    """The name of a size of one dimension."""


_HANDLERS: dict[str, Handler] = {}


def _handles(*names: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def _unary(op: str, **attributes: Any) -> Handler:
    return lambda w, node, out: w.add(op, w.value(node.args[0]), out=out, **attributes)


def _binary(op: str) -> Handler:
    return lambda w, node, out: w.add(op, w.value(node.args[0]), w.value(node.args[1]), out=out)


_HANDLERS |= {
    "relu": _unary("Relu"),
    "add": _binary("Add"),
    "mul": _binary("Mul"),
    "dropout": lambda w, node, out: w.value(node.args[0]),
    "contiguous": lambda w, node, out: w.value(node.args[0]),
    "clone": lambda w, node, out: w.value(node.args[0]),
}


@_handles("conv2d")
def _conv(w: Writer, node: fx.Node, out: str) -> str:
    given = [*node.args, *(None, [1, 1], [0, 0], [1, 1], 1)[len(node.args) - 2 :]]
    inputs = [w.value(each) for each in given[:3]]
    return w.add(
        "Conv",
        *(inputs if inputs[2] else inputs[:2]),
        out=out,
        strides=given[3],
        pads=[*given[4], *given[4]],
        dilations=given[5],
        group=given[6],
        auto_pad="NOTSET",
    )


@_handles("batch_norm")
def _batch_norm(w: Writer, node: fx.Node, out: str) -> str:
    inputs = [w.value(each) for each in node.args[:5]]
    return w.add("BatchNormalization", *inputs, out=out, epsilon=node.args[7], momentum=1 - node.args[6])  # type: ignore[operator]


@_handles("hardtanh", "relu6")
def _clip(w: Writer, node: fx.Node, out: str) -> str:
    edges = [w.constant(edge, np.float32) for edge in (node.args[1:3] or (0.0, 6.0))]
    return w.add("Clip", w.value(node.args[0]), *edges, out=out)


@_handles("max_pool2d")
def _max_pool(w: Writer, node: fx.Node, out: str) -> str:
    kernel, stride, pads = node.args[1:4]
    return w.add(
        "MaxPool", w.value(node.args[0]), out=out, kernel_shape=kernel, strides=stride, pads=[*pads, *pads],  # type: ignore[misc]
        dilations=[1, 1], ceil_mode=0, auto_pad="NOTSET", storage_order=0,
    )  # fmt: skip


@_handles("adaptive_avg_pool2d", "mean")
def _mean(w: Writer, node: fx.Node, out: str) -> str:
    pools = "pool" in str(node.target)
    axes, keep = ([-1, -2], True) if pools else (node.args[1], len(node.args) > 2 and bool(node.args[2]))
    inputs = w.value(node.args[0]), w.constant(axes)
    return w.add("ReduceMean", *inputs, out=out, keepdims=int(keep), noop_with_empty_axes=0)


@_handles("flatten", "unflatten")
def _other_shape(w: Writer, node: fx.Node, out: str) -> str:
    source = node.args[0]
    assert isinstance(source, fx.Node)
    sizes = w.sizes(node, source)
    shape = [size if isinstance(size, _Value) else w.constant([size]) for size in sizes]
    whole = w.add("Concat", *shape, axis=0)
    return w.add("Reshape", w.value(source), whole, out=out, allowzero=1)


@_handles("view", "reshape")
def _view(w: Writer, node: fx.Node, out: str) -> str:
    return w.reshaped(w.value(node.args[0]), node.args[1], out)  # type: ignore[arg-type]


@_handles("sym_size")
def _size(w: Writer, node: fx.Node, out: str) -> str:
    axis = int(node.args[1])  # type: ignore[arg-type]
    return w.add("Squeeze", w.add("Shape", w.value(node.args[0]), start=axis, end=axis + 1), out=out)


@_handles("linear")
def _linear(w: Writer, node: fx.Node, out: str) -> str:
    x, weight = w.value(node.args[0]), w.value(node.args[1])
    bias = w.value(node.args[2]) if len(node.args) > 2 else ""
    if node.meta["val"].dim() == 2 and bias:
        return w.add("Gemm", x, weight, bias, out=out, transB=1, transA=0, alpha=1.0, beta=1.0)
    turned = w.add("Transpose", weight, perm=[1, 0])
    product = w.add("MatMul", x, turned, out="" if bias else out)
    return w.add("Add", product, bias, out=out) if bias else product


@_handles("embedding")
def _embedding(w: Writer, node: fx.Node, out: str) -> str:
    return w.add("Gather", w.value(node.args[0]), w.value(node.args[1]), out=out, axis=0)


@_handles("layer_norm")
def _layer_norm(w: Writer, node: fx.Node, out: str) -> str:
    x, shape, *rest = node.args
    epsilon = float(rest[2]) if len(rest) > 2 else 1e-5  # type: ignore[arg-type]
    inputs = [w.value(each) for each in (x, *rest[:2])]
    axis = -len(shape)  # type: ignore[arg-type]
    return w.add("LayerNormalization", *inputs, out=out, axis=axis, epsilon=epsilon, stash_type=1)


@_handles("gelu")
def _gelu(w: Writer, node: fx.Node, out: str) -> str:
    x = w.value(node.args[0])
    inner = w.add("Erf", w.add("Div", x, w.constant(math.sqrt(2.0), np.float32)))
    shifted = w.add("Add", inner, w.constant(1.0, np.float32))
    return w.add("Mul", w.constant(0.5, np.float32), w.add("Mul", x, shifted), out=out)


@_handles("select")
def _select(w: Writer, node: fx.Node, out: str) -> str:
    x, axis, index = node.args
    return w.add("Gather", w.value(x), w.constant(index), out=out, axis=axis)


@_handles("slice")
def _slice(w: Writer, node: fx.Node, out: str) -> str:
    x, axis, start, end = (*node.args, 0, 0, None)[:4] if len(node.args) < 4 else node.args[:4]
    edges = [w.constant([int(each)]) for each in (start or 0, 2**63 - 1 if end is None else end, axis, 1)]  # type: ignore[call-overload]
    return w.add("Slice", w.value(x), *edges, out=out)


@_handles("transpose", "permute")
def _transpose(w: Writer, node: fx.Node, out: str) -> str:
    rank = node.meta["val"].dim()
    if "permute" in str(node.target):
        order = [int(axis) % rank for axis in node.args[1]]  # type: ignore[union-attr]
    else:
        first, second = (int(axis) % rank for axis in node.args[1:3])  # type: ignore[arg-type]
        order = list(range(rank))
        order[first], order[second] = second, first
    return w.add("Transpose", w.value(node.args[0]), out=out, perm=order)


@_handles("unsqueeze", "squeeze")
def _squeeze(w: Writer, node: fx.Node, out: str) -> str:
    op = "Unsqueeze" if "unsqueeze" in str(node.target) else "Squeeze"
    return w.add(op, w.value(node.args[0]), w.constant([node.args[1]]), out=out)


@_handles("zeros")
def _zeros(w: Writer, node: fx.Node, out: str) -> str:
    one = w.constant([-1])
    parts = [
        w.constant([size]) if isinstance(size, int) else w.add("Reshape", w.value(size), one, allowzero=0)
        for size in node.args[0]  # type: ignore[union-attr]
    ]
    shape = w.add("Concat", *parts, axis=0)
    return w.add("Expand", w.constant(0.0, np.float32), shape, out=out)


@_handles("scaled_dot_product_attention")
def _attention(w: Writer, node: fx.Node, out: str) -> str:
    query, key, value = (w.value(each) for each in node.args[:3])
    assert isinstance(node.args[0], fx.Node)
    root = w.constant(node.args[0].meta["val"].shape[-1] ** -0.25, np.float32)
    ends = [
        w.add("Slice", w.add("Shape", key), w.constant([start]), w.constant([end]))
        for start, end in ((-1, 2**63 - 1), (-2, -1), (-(2**63) + 1, -2))
    ]
    last, second, first = ends
    flat = w.add("Reshape", key, w.add("Concat", w.constant([-1]), second, last, axis=0), allowzero=0)
    turned = w.add("Transpose", flat, perm=[0, 2, 1])
    whole = w.add("Reshape", turned, w.add("Concat", first, last, second, axis=0), allowzero=0)
    scores = w.add("MatMul", w.add("Mul", query, root), w.add("Mul", whole, root))
    return w.add("MatMul", w.add("Softmax", scores, axis=-1), value, out=out)


@_handles("lstm")
def _lstm(w: Writer, node: fx.Node, out: str) -> str:
    """Each layer's weights are cut, reordered and stacked by nodes."""
    x, states, weights, _, layers, _, _, both, samples_first = node.args
    assert isinstance(states, list | tuple) and isinstance(weights, list | tuple) and isinstance(layers, int)
    directions = 2 if both else 1
    value = w.value(x)
    if samples_first:
        value = w.add("Transpose", value, perm=[1, 0, 2])
    for layer in range(layers):
        parts: list[list[str]] = [[], [], []]
        for direction in range(directions):
            start = 4 * (layer * directions + direction)
            tensors = weights[start : start + 4]
            w_ih, w_hh, b_ih, b_hh = (_reordered(w, each) for each in tensors)
            for kept, name in zip(parts, (w_ih, w_hh, w.add("Concat", b_ih, b_hh, axis=0)), strict=True):
                kept.append(w.add("Unsqueeze", name, w.constant([0])))
        stacked = [each[0] if directions == 1 else w.add("Concat", *each, axis=0) for each in parts]
        edges = [w.constant([each]) for each in (layer * directions, (layer + 1) * directions, 0)]
        starts = [w.add("Slice", w.value(state), *edges) for state in states]
        assert isinstance(weights[1], fx.Node)
        y = w.add(
            "LSTM", value, *stacked, "", *starts, hidden_size=weights[1].meta["val"].shape[1],
            direction="bidirectional" if both else "forward",
        )  # fmt: skip
        # (time, directions, samples, hidden) -> (time, samples, directions · hidden)
        y = w.add("Transpose", y, perm=[0, 2, 1, 3])
        value = w.add("Reshape", y, w.constant([0, 0, -1]), allowzero=0)
    return w.add("Transpose", value, out=out, perm=[1, 0, 2]) if samples_first else value


def _reordered(w: Writer, tensor: Any) -> str:
    """torch's gates are input, forget, cell, output; ONNX has input, output, forget, cell."""
    size = tensor.meta["val"].shape[0] // 4
    parts = [
        w.add(
            "Slice", w.value(tensor), w.constant([at * size]), w.constant([(at + 1) * size]), w.constant([0])
        )
        for at in (0, 3, 1, 2)
    ]
    return w.add("Concat", *parts, axis=0)
