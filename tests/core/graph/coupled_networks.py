"""Networks of every shape that channels can be coupled in, with random weights; used by several tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from graph_makers import graph_of, node

Network = tuple[onnx.ModelProto, dict[str, tuple[int, ...]]]
"""A model, and the shapes of its inputs for two samples."""


class Maker:
    """Adds nodes one by one; weights are random from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}

    def weight(self, *shape: int) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = self.rng.normal(size=shape, scale=0.5).astype(np.float32)
        return name

    def numbers(self, *values: int) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.array(values, np.int64)
        return name

    def add(self, op: str, inputs: str, outputs: int = 1, **attributes: object) -> str:
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(node(op, inputs, " ".join(names), name=f"{op}{len(self.nodes)}", **attributes))
        return " ".join(names)

    def conv(self, x: str, n_in: int, n_out: int, k: int = 1, group: int = 1) -> str:
        w, b = self.weight(n_out, n_in // group, k, k), self.weight(n_out)
        return self.add("Conv", f"{x} {w} {b}", group=group, pads=[k // 2] * 4)

    def relu(self, x: str) -> str:
        return self.add("Relu", x)

    def dense(self, x: str, n_in: int, n_out: int) -> str:
        return self.add("Gemm", f"{x} {self.weight(n_out, n_in)} {self.weight(n_out)}", transB=1)

    def done(self, inputs: dict[str, list[int | str]], outputs: str, opset: int = 17) -> onnx.ModelProto:
        return graph_of(self.nodes, inputs, outputs.split(), dict(self.weights), opset)


def residual(seed: int, width: int) -> Network:
    m = Maker(seed)
    x = m.relu(m.conv("x", 3, width, 3))
    for _ in range(2):
        y = m.conv(m.relu(m.conv(x, width, width + 2, 3)), width + 2, width, 3)
        x = m.relu(m.add("Add", f"{x} {y}"))
    pooled = m.add("Flatten", m.add("GlobalAveragePool", x))
    return m.done({"x": ["N", 3, 6, 6]}, m.dense(pooled, width, 4)), {"x": (2, 3, 6, 6)}


def concatenated(seed: int, width: int) -> Network:
    """Two branches side by side, one of them read by a second consumer as well; two outputs."""
    m = Maker(seed)
    a = m.relu(m.conv("x", 3, width))
    b = m.add("MaxPool", m.conv("x", 3, width + 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    joined = m.add("Concat", f"{a} {b} {a}", axis=1)
    other = m.conv(b, width + 3, 2)
    return m.done({"x": ["N", 3, 6, 6]}, f"{m.conv(joined, 3 * width + 3, 4)} {other}"), {"x": (2, 3, 6, 6)}


def split(seed: int, width: int) -> Network:
    """Parts of one layer's channels go different ways; one part gates the other."""
    m = Maker(seed)
    first = m.conv("x", 3, 3 * width)
    sizes = m.numbers(width, width, width)
    a, b, rest = m.add("Split", f"{first} {sizes}", outputs=3, axis=1).split()
    gated = m.add("Mul", f"{a} {m.add('Sigmoid', b)}")
    part = m.add("Slice", f"{rest} {m.numbers(1)} {m.numbers(width - 1)} {m.numbers(1)}")
    both = m.add("Add", f"{m.conv(gated, width, 4)} {m.conv(part, width - 2, 4)}")
    return m.done({"x": ["N", 3, 5, 5]}, both), {"x": (2, 3, 5, 5)}


def grouped(seed: int, width: int) -> Network:
    """Two wide groups (the same positions of both go), then many narrow ones (whole groups go)."""
    m = Maker(seed)
    x = m.relu(m.conv("x", 3, 2 * width))
    x = m.relu(m.conv(x, 2 * width, 4 * width, 3, group=2))
    x = m.conv(x, 4 * width, 24, 1)
    x = m.relu(m.conv(x, 24, 48, 3, group=8))
    return m.done({"x": ["N", 3, 5, 5]}, m.conv(x, 48, 3)), {"x": (2, 3, 5, 5)}


def depthwise(seed: int, width: int) -> Network:
    """Inverted residual with squeeze-and-excitation, as in MobileNetV3."""
    m = Maker(seed)
    x = m.conv("x", 3, width)
    y = m.add("HardSwish", m.conv(x, width, 2 * width + 8))
    y = m.relu(m.conv(y, 2 * width + 8, 2 * width + 8, 3, group=2 * width + 8))
    s = m.relu(m.conv(m.add("GlobalAveragePool", y), 2 * width + 8, 5))
    y = m.add("Mul", f"{y} {m.add('HardSigmoid', m.conv(s, 5, 2 * width + 8))}")
    x = m.add("Add", f"{x} {m.conv(y, 2 * width + 8, width)}")
    return m.done({"x": ["N", 3, 5, 5]}, m.conv(x, width, 3)), {"x": (2, 3, 5, 5)}


def shared(seed: int, width: int) -> Network:
    """One weight serves twice, so that what it reads and writes are one."""
    m = Maker(seed)
    weight, bias = m.weight(width, width, 3, 3), m.weight(width)
    x = m.relu(m.conv("x", 3, width))
    for _ in range(2):
        x = m.relu(m.add("Conv", f"{x} {weight} {bias}", pads=[1, 1, 1, 1]))
    return m.done({"x": ["N", 3, 5, 5]}, m.conv(x, width, 3)), {"x": (2, 3, 5, 5)}


def flattened(seed: int, width: int) -> Network:
    """Channels × pixels into dense layers: by Flatten, and pixels first after a Transpose."""
    m = Maker(seed)
    x = m.relu(m.conv("x", 3, width))
    a = m.dense(m.add("Flatten", x), width * 16, 6)
    turned = m.add("Transpose", x, perm=[0, 2, 3, 1])
    b = m.dense(m.add("Reshape", f"{turned} {m.numbers(0, 16 * width)}"), 16 * width, 6)
    both = m.relu(m.add("Add", f"{a} {b}"))
    return m.done({"x": ["N", 3, 4, 4]}, m.dense(both, 6, 3)), {"x": (2, 3, 4, 4)}


def shuffled(seed: int, width: int) -> Network:
    """ShuffleNet's channel shuffle, and pixels folded into channels and back."""
    m = Maker(seed)
    x = m.relu(m.conv("x", 3, 2 * width))
    parts = m.add("Reshape", f"{x} {m.numbers(-1, 2, width, 4, 4)}")
    turned = m.add("Transpose", parts, perm=[0, 2, 1, 3, 4])
    x = m.add("Reshape", f"{turned} {m.numbers(-1, 2 * width, 4, 4)}")
    x = m.add("SpaceToDepth", m.conv(x, 2 * width, width), blocksize=2)
    x = m.add("DepthToSpace", m.relu(m.conv(x, 4 * width, 8)), blocksize=2, mode="CRD")
    return m.done({"x": ["N", 3, 4, 4]}, m.conv(x, 2, 3)), {"x": (2, 3, 4, 4)}


def attention(seed: int, width: int) -> Network:
    """Self-attention without normalisation: heads of `width`, an embedding, a dense block."""
    m = Maker(seed)
    heads, hidden = 4, 12
    x = m.add("MatMul", f"x {m.weight(5, hidden)}")
    sides = []
    for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        y = m.add(
            "Add", f"{m.add('MatMul', f'{x} {m.weight(hidden, heads * width)}')} {m.weight(heads * width)}"
        )
        y = m.add("Reshape", f"{y} {m.numbers(0, 0, heads, width)}")
        sides.append(m.add("Transpose", y, perm=order))
    scores = m.add("Softmax", m.add("MatMul", f"{sides[0]} {sides[1]}"), axis=-1)
    y = m.add("Transpose", m.add("MatMul", f"{scores} {sides[2]}"), perm=[0, 2, 1, 3])
    y = m.add("Reshape", f"{y} {m.numbers(0, 0, heads * width)}")
    x = m.add("Add", f"{x} {m.add('MatMul', f'{y} {m.weight(heads * width, hidden)}')}")
    y = m.add("Tanh", m.add("MatMul", f"{x} {m.weight(hidden, 20)}"))
    x = m.add("Add", f"{x} {m.add('MatMul', f'{y} {m.weight(20, hidden)}')}")
    return m.done({"x": ["N", 6, 5]}, m.add("MatMul", f"{x} {m.weight(hidden, 3)}")), {"x": (2, 6, 5)}


def recurrent(op: str, directions: int) -> Callable[[int, int], Network]:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]

    def make(seed: int, width: int) -> Network:
        m = Maker(seed)
        x = m.add("MatMul", f"x {m.weight(5, 7)}")
        w, r = m.weight(directions, gates * width, 7), m.weight(directions, gates * width, width)
        b = m.weight(directions, 2 * gates * width)
        direction = "bidirectional" if directions == 2 else "forward"
        y = m.add(op, f"{x} {w} {r} {b}", hidden_size=width, direction=direction)
        y = m.add("Transpose", y, perm=[0, 2, 1, 3])
        y = m.add("Reshape", f"{y} {m.numbers(0, 0, -1)}")
        out = m.add("MatMul", f"{y} {m.weight(directions * width, 3)}")
        return m.done({"x": [4, "N", 5]}, out), {"x": (4, 2, 5)}

    return make


NETWORKS: dict[str, Callable[[int, int], Network]] = {
    "residual": residual,
    "concatenated": concatenated,
    "split": split,
    "grouped": grouped,
    "depthwise": depthwise,
    "shared": shared,
    "flattened": flattened,
    "shuffled": shuffled,
    "attention": attention,
    "lstm": recurrent("LSTM", 1),
    "lstm, both directions": recurrent("LSTM", 2),
    "gru": recurrent("GRU", 2),
    "rnn": recurrent("RNN", 1),
}
