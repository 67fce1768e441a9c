"""Networks as exporters write them: blocks of the usual families, with random weights."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

Feeds = dict[str, np.ndarray]


class Writer:
    """Adds nodes and weights one after the other."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}

    def weight(self, *shape: int, scale: float | None = None) -> str:
        name = f"w{len(self.weights)}"
        wide = scale or 1.0 / np.sqrt(max(1, int(np.prod(shape[1:]))))
        self.weights[name] = (self.rng.standard_normal(shape) * wide).astype(np.float32)
        return name

    def constant(self, *values: int) -> str:
        name = f"c{len(self.weights)}"
        self.weights[name] = np.array(values, np.int64)
        return name

    def number(self, value: float) -> str:
        name = f"n{len(self.weights)}"
        self.weights[name] = np.float32(value)
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        names = [f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"node_{names[0]}", **attributes))
        return names[0]

    def conv(self, x: str, into: int, out: int, kernel: int = 3, stride: int = 1, group: int = 1) -> str:
        pads = [kernel // 2] * 4
        w = self.weight(out, into // group, kernel, kernel)
        y = self.add("Conv", x, w, pads=pads, strides=[stride, stride], group=group)
        scale, bias, mean = (self.weight(out) for _ in range(3))
        variance = self.weight(out)
        self.weights[variance] = np.abs(self.weights[variance]) + np.float32(0.5)
        return self.add("BatchNormalization", y, scale, bias, mean, variance)

    def dense(self, x: str, into: int, out: int) -> str:
        return self.add("Gemm", x, self.weight(out, into), self.weight(out), transB=1)

    def linear(self, x: str, into: int, out: int) -> str:
        w = self.weight(into, out, scale=into**-0.5)
        return self.add("Add", self.add("MatMul", x, w), self.weight(out))

    def layer_norm(self, x: str, width: int) -> str:
        return self.add("LayerNormalization", x, self.weight(width), self.weight(width))

    def model(self, inputs: dict[str, tuple[int, list[int | str]]], output: str, opset: int = 17) -> ir.Model:
        declared = [helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in inputs.items()]
        tensors = [numpy_helper.from_array(np.asarray(v), n) for n, v in self.weights.items()]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "net", declared, outputs, tensors)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        return ir.serde.deserialize_model(onnx.shape_inference.infer_shapes(proto))


def pictures(n: int = 2, channels: int = 3, size: int = 16, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, channels, size, size)).astype(np.float32)


def _picture_net(w: Writer, y: str, channels: int) -> tuple[ir.Model, Feeds]:
    y = w.add("Flatten", w.add("GlobalAveragePool", y))
    out = w.dense(y, channels, 5)
    return w.model({"x": (TensorProto.FLOAT, ["N", 3, 16, 16])}, out), {"x": pictures()}


def resnet() -> tuple[ir.Model, Feeds]:
    w = Writer()
    x = w.add("Relu", w.conv("x", 3, 8))
    y = w.conv(w.add("Relu", w.conv(x, 8, 16, stride=2)), 16, 16)
    return _picture_net(w, w.add("Relu", w.add("Add", y, w.conv(x, 8, 16, 1, 2))), 16)


def mobilenet() -> tuple[ir.Model, Feeds]:
    w = Writer()
    low, high = w.number(0.0), w.number(6.0)
    x = w.add("Clip", w.conv("x", 3, 8, stride=2), low, high)
    y = w.add("Clip", w.conv(x, 8, 24, 1), low, high)
    y = w.add("Clip", w.conv(y, 24, 24, 3, group=24), low, high)
    return _picture_net(w, w.add("Add", x, w.conv(y, 24, 8, 1)), 8)


def efficientnet() -> tuple[ir.Model, Feeds]:
    w = Writer()

    def swish(v: str) -> str:
        return w.add("Mul", v, w.add("Sigmoid", v))

    x = swish(w.conv("x", 3, 8, stride=2))
    y = swish(w.conv(x, 8, 8, 5, group=8))
    squeezed = w.add("ReduceMean", y, axes=[2, 3], keepdims=1)
    squeezed = swish(w.add("Conv", squeezed, w.weight(4, 8, 1, 1), w.weight(4)))
    gate = w.add("HardSigmoid", w.add("Conv", squeezed, w.weight(8, 4, 1, 1)), alpha=1 / 6)
    return _picture_net(w, w.add("Add", x, w.conv(w.add("Mul", y, gate), 8, 8, 1)), 8)


def vgg() -> tuple[ir.Model, Feeds]:
    w = Writer()
    x = "x"
    for into, out in ((3, 8), (8, 12)):
        y = w.add("Conv", x, w.weight(out, into, 3, 3), w.weight(out), pads=[1, 1, 1, 1])
        x = w.add("MaxPool", w.add("Relu", y), kernel_shape=[2, 2], strides=[2, 2])
    x = w.add("Relu", w.dense(w.add("Flatten", x), 192, 20))
    out = w.dense(w.add("Dropout", x), 20, 5)
    return w.model({"x": (TensorProto.FLOAT, ["N", 3, 16, 16])}, out), {"x": pictures()}


def lstm() -> tuple[ir.Model, Feeds]:
    w = Writer()
    tokens = np.random.default_rng(3).integers(0, 30, (2, 7))
    x = w.add("Transpose", w.add("Gather", w.weight(30, 6, scale=1.0), "x"), perm=[1, 0, 2])
    y = w.add(
        "LSTM",
        x,
        w.weight(2, 32, 6),
        w.weight(2, 32, 8),
        w.weight(2, 64),
        hidden_size=8,
        direction="bidirectional",
    )
    y = w.add("Squeeze", w.add("Slice", y, w.constant(-1), w.constant(2**31), w.constant(0)), w.constant(0))
    y = w.add("Reshape", w.add("Transpose", y, perm=[1, 0, 2]), w.constant(0, 16))
    return w.model({"x": (TensorProto.INT64, ["N", "T"])}, w.dense(y, 16, 4)), {"x": tokens}


def transformer() -> tuple[ir.Model, Feeds]:
    """Pre-norm encoder block with two heads, a mask by Where, and sizes read from Shape."""
    w = Writer()
    width, heads = 12, 2
    x = w.add("Add", w.add("Gather", w.weight(30, width, scale=1.0), "x"), w.weight(6, width, scale=0.2))
    shape = w.add("Shape", "x")
    batch, time = (w.add("Unsqueeze", w.add("Gather", shape, w.constant(i)), w.constant(1)) for i in (0, 1))
    batch, time = (w.add("Squeeze", v, w.constant(1)) for v in (batch, time))
    target = w.add("Concat", batch, time, w.constant(heads), w.constant(width // heads), axis=0)
    normed = w.layer_norm(x, width)

    def head(perm: list[int]) -> str:
        return w.add("Transpose", w.add("Reshape", w.linear(normed, width, width), target), perm=perm)

    scores = w.add("Div", w.add("MatMul", head([0, 2, 1, 3]), head([0, 2, 3, 1])), w.number(6**0.5))
    real = w.add("Unsqueeze", w.add("Greater", "x", w.constant(4)), w.constant(1, 2))
    attention = w.add("Softmax", w.add("Where", real, scores, w.number(-1e9)), axis=-1)
    mixed = w.add("Transpose", w.add("MatMul", attention, head([0, 2, 1, 3])), perm=[0, 2, 1, 3])
    mixed = w.add("Reshape", mixed, w.add("Concat", batch, time, w.constant(width), axis=0))
    x = w.add("Add", x, w.linear(mixed, width, width))
    inner = w.linear(w.layer_norm(x, width), width, 24)
    cut = w.add("Erf", w.add("Div", inner, w.number(2**0.5)))
    gelu = w.add("Mul", w.add("Mul", inner, w.add("Add", cut, w.number(1.0))), w.number(0.5))
    x = w.layer_norm(w.add("Add", x, w.linear(gelu, 24, width)), width)
    out = w.dense(w.add("ReduceMean", x, axes=[1], keepdims=0), width, 4)
    tokens = np.random.default_rng(3).integers(0, 30, (2, 6))
    return w.model({"x": (TensorProto.INT64, ["N", 6])}, out), {"x": tokens}


NETWORKS = {
    "resnet": resnet,
    "mobilenet": mobilenet,
    "efficientnet": efficientnet,
    "vgg": vgg,
    "lstm": lstm,
    "transformer": transformer,
}
