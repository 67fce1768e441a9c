"""Networks drawn at random: whatever exporters may put side by side, in small; for property-based tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from coupled_networks import Maker
from hypothesis import strategies as st

BATCH = 2
Draw = Callable[[st.SearchStrategy], object]


class RandomNetwork:
    def __init__(self, proto: onnx.ModelProto, feeds: dict[str, np.ndarray], text: str) -> None:
        self.proto, self.feeds = proto, feeds
        self.text = text
        """What was put together, for a failed test's message."""

    def __repr__(self) -> str:
        return self.text


class Grower(Maker):
    """Adds parts whose sizes fit; knows the shape of every value for `BATCH` samples."""

    def __init__(self, draw: Draw, opset: int, keeps_zero: bool) -> None:
        super().__init__(draw(st.integers(0, 99)))
        self.draw, self.opset, self.keeps_zero = draw, opset, keeps_zero
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.read: set[str] = set()
        self.used: list[str] = []

    def pick(self, *values: object) -> object:
        return self.draw(st.sampled_from(values))

    def put(self, op: str, inputs: str, shape: tuple[int, ...], **attributes: object) -> str:
        name = self.add(op, inputs, **attributes)
        self.read.update(inputs.split())
        self.shapes[name] = shape
        return name

    def axes(self, op: str, x: str, axes: list[int], shape: tuple[int, ...], **attributes: object) -> str:
        """Squeeze, ReduceMean ...: axes are an attribute in old opsets, an input in new ones."""
        since = {"Squeeze": 13, "Unsqueeze": 13, "ReduceSum": 13}.get(op, 18)
        if self.opset < since:
            return self.put(op, x, shape, axes=axes, **attributes)
        return self.put(op, f"{x} {self.numbers(*axes)}", shape, **attributes)

    def reshaped(self, x: str, *sizes: int, shape: tuple[int, ...]) -> str:
        """To constant sizes, or to sizes that the graph reads from its input as exporters write it."""
        if not self.pick(False, True):
            return self.put("Reshape", f"{x} {self.numbers(*sizes)}", shape)
        known = self.put("Shape", x, (len(self.shapes[x]),))
        first = self.put("Gather", f"{known} {self.number(0)}", (), axis=0)
        first = self.axes("Unsqueeze", first, [0], (1,))
        joined = self.put("Concat", f"{first} {self.numbers(*sizes[1:])}", (len(sizes),), axis=0)
        return self.put("Reshape", f"{x} {joined}", shape)

    def number(self, value: int) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.array(value, np.int64)
        return name

    def parts(self, x: str, axis: int, sizes: list[int]) -> list[str]:
        shape = self.shapes[x]
        if self.opset < 13:
            names = self.add("Split", x, len(sizes), axis=axis, split=sizes).split()
        else:
            names = self.add("Split", f"{x} {self.numbers(*sizes)}", len(sizes), axis=axis).split()
        self.read.add(x)
        for name, size in zip(names, sizes, strict=True):
            self.shapes[name] = (*shape[:axis], size, *shape[axis + 1 :])
        return names

    # ------------------------------------------------------------ parts for pictures (N, C, H, W)

    def convolved(self, x: str, n_out: int, k: int = 1, group: int = 1, bias: bool = True) -> str:
        n, c, h, w = self.shapes[x]
        inputs = f"{x} {self.weight(n_out, c // group, k, k)}" + (f" {self.weight(n_out)}" if bias else "")
        return self.put("Conv", inputs, (n, n_out, h, w), group=group, pads=[k // 2] * 4)

    def plain(self, x: str) -> str:
        return self.convolved(x, self.pick(4, 6, 8, 9), self.pick(1, 3), bias=self.pick(True, False))

    def grouped(self, x: str) -> str:
        """Two groups, eight narrow ones, or depthwise, behind a layer of the right width."""
        kind = self.pick("two", "eight", "depthwise", "multiplied")
        x = self.convolved(x, {"two": 6, "eight": 16}.get(kind, 5))
        if kind == "two":
            return self.convolved(x, 4 * self.pick(1, 2), 3, 2)
        if kind == "eight":
            return self.convolved(x, self.pick(8, 16, 24), 3, 8)
        return self.convolved(x, 5 if kind == "depthwise" else 10, 3, 5)

    def transposed(self, x: str) -> str:
        n, c, h, w = self.shapes[x]
        group = self.pick(1, 2) if c % 2 == 0 else 1
        out = 4
        weight = f"{x} {self.weight(c, out // group, 1, 1)} {self.weight(out)}"
        return self.put("ConvTranspose", weight, (n, out, h, w), group=group)

    def batch_norm(self, x: str) -> str:
        c = self.shapes[x][1]
        names = [self.weight(c) for _ in range(4)]
        self.weights[names[3]] = np.abs(self.weights[names[3]]) + np.float32(0.5)
        return self.put("BatchNormalization", f"{x} {' '.join(names)}", self.shapes[x], epsilon=1e-3)

    def shared(self, x: str) -> str:
        """One weight for two layers in a row."""
        c = self.shapes[x][1]
        weight, bias = self.weight(c, c, 1, 1), self.weight(c)
        for _ in range(2):
            x = self.put("Relu", self.put("Conv", f"{x} {weight} {bias}", self.shapes[x]), self.shapes[x])
        return x

    def squeezed(self, x: str) -> str:
        """Squeeze and excitation: channels are weighed by what their means say."""
        n, c, *_ = self.shapes[x]
        mean = self.put("GlobalAveragePool", x, (n, c, 1, 1))
        gate = self.convolved(self.put("Relu", self.convolved(mean, 3), (n, 3, 1, 1)), c)
        gate = self.put(self.pick("Sigmoid", "HardSigmoid"), gate, (n, c, 1, 1))
        return self.put("Mul", f"{x} {gate}", self.shapes[x])

    def pooled(self, x: str) -> str:
        op = self.pick("MaxPool", "AveragePool")
        return self.put(op, x, self.shapes[x], kernel_shape=[3, 3], pads=[1] * 4)

    def instance_norm(self, x: str) -> str:
        c = self.shapes[x][1]
        return self.put("InstanceNormalization", f"{x} {self.weight(c)} {self.weight(c)}", self.shapes[x])

    def group_norm(self, x: str) -> str:
        """As exporters write it before opset 21: instance norm over groups, then scale and shift."""
        x = self.convolved(x, 6)
        n, c, h, w = shape = self.shapes[x]
        if self.opset >= 21:
            inputs = f"{x} {self.weight(c)} {self.weight(c)}"
            return self.put("GroupNormalization", inputs, shape, num_groups=2, epsilon=1e-3)
        y = self.reshaped(x, 0, 2, -1, shape=(n, 2, 3 * h * w))
        ones = self.weight(2), self.weight(2)
        self.weights[ones[0]], self.weights[ones[1]] = np.ones(2, np.float32), np.zeros(2, np.float32)
        y = self.put("InstanceNormalization", f"{y} {' '.join(ones)}", self.shapes[y])
        y = self.put("Reshape", f"{y} {self.put('Shape', x, (4,))}", shape)
        y = self.put("Mul", f"{y} {self.weight(c, 1, 1)}", shape)
        return self.put("Add", f"{y} {self.weight(c, 1, 1)}", shape)

    def shuffled(self, x: str) -> str:
        x = self.convolved(x, 6)
        n, c, h, w = shape = self.shapes[x]
        y = self.reshaped(x, self.pick(0, -1), 2, 3, h, w, shape=(n, 2, 3, h, w))
        y = self.put("Transpose", y, (n, 3, 2, h, w), perm=[0, 2, 1, 3, 4])
        return self.reshaped(y, -1, c, h, w, shape=shape)

    def channels_last(self, x: str) -> str:
        """A dense layer over channels at the end, as ConvNeXt has it."""
        n, c, h, w = self.shapes[x]
        y = self.put("Transpose", x, (n, h, w, c), perm=[0, 2, 3, 1])
        y = self.put("MatMul", f"{y} {self.weight(c, 5)}", (n, h, w, 5))
        y = self.put("Add", f"{y} {self.weight(5)}", (n, h, w, 5))
        return self.put("Transpose", y, (n, 5, h, w), perm=[0, 3, 1, 2])

    def space_to_depth(self, x: str) -> str:
        n, c, h, w = self.shapes[x]
        y = self.put("SpaceToDepth", x, (n, 4 * c, h // 2, w // 2), blocksize=2)
        y = self.convolved(y, 8)
        mode = self.pick("DCR", "CRD")
        return self.put("DepthToSpace", y, (n, 2, h, w), blocksize=2, mode=mode)

    def resized(self, x: str) -> str:
        n, c, h, w = self.shapes[x]
        scales = self.weight(4)
        self.weights[scales] = np.array([1, 1, 2, 2], np.float32)
        empty = self.weight(0)
        y = self.put("Resize", f"{x} {empty} {scales}", (n, c, 2 * h, 2 * w), mode="nearest")
        return self.put("MaxPool", y, (n, c, h, w), kernel_shape=[2, 2], strides=[2, 2])

    def padded(self, x: str) -> str:
        n, c, h, w = self.shapes[x]
        y = self.put("Pad", f"{x} {self.numbers(0, 0, 1, 1, 0, 0, 0, 0)}", (n, c, h + 1, w + 1))
        return self.put("AveragePool", y, (n, c, h, w), kernel_shape=[2, 2])

    def spatial_gate(self, x: str) -> str:
        """CBAM: the mean over all channels weighs the places."""
        n, _, h, w = self.shapes[x]
        op = self.pick("ReduceMean", "ReduceSum", "ReduceMax")
        y = self.axes(op, x, [1], (n, 1, h, w), keepdims=1)
        return self.put("Mul", f"{x} {self.put('Tanh', y, (n, 1, h, w))}", self.shapes[x])

    def gram(self, x: str) -> str:
        """Products of places with places, summed over channels: attention without weights."""
        n, c, h, w = self.shapes[x]
        flat = self.reshaped(x, 0, c, h * w, shape=(n, c, h * w))
        turned = self.put("Transpose", flat, (n, h * w, c), perm=[0, 2, 1])
        scores = self.put(
            "Softmax", self.put("MatMul", f"{turned} {flat}", (n, h * w, h * w)), (n, h * w, h * w), axis=2
        )
        y = self.put("MatMul", f"{flat} {scores}", (n, c, h * w))
        return self.reshaped(y, 0, c, h, w, shape=(n, c, h, w))

    # ------------------------------------------------------------ parts for words (N, T, C)

    def dense(self, x: str, n_out: int | None = None, bias: bool | None = None) -> str:  # type: ignore[override]
        *rest, c = self.shapes[x]
        n_out = n_out or self.pick(4, 6, 8)
        y = self.put("MatMul", f"{x} {self.weight(c, n_out)}", (*rest, n_out))
        if self.pick(True, False) if bias is None else bias:
            order = f"{y} {self.weight(n_out)}" if self.pick(True, False) else f"{self.weight(n_out)} {y}"
            y = self.put("Add", order, (*rest, n_out))
        return y

    def layer_norm(self, x: str) -> str:
        shape = self.shapes[x]
        c = shape[-1]
        if self.opset >= 17 and self.pick(True, False):
            return self.put("LayerNormalization", f"{x} {self.weight(c)} {self.weight(c)}", shape, axis=-1)
        small = (*shape[:-1], 1)
        eps, two = self.scalar(1e-3), self.scalar(2.0)
        mean = self.axes("ReduceMean", x, [-1], small)
        centred = self.put("Sub", f"{x} {mean}", shape)
        square = self.put("Pow", f"{centred} {two}", shape)
        spread = self.put(
            "Sqrt", self.put("Add", f"{self.axes('ReduceMean', square, [-1], small)} {eps}", small), small
        )
        y = self.put("Mul", f"{self.put('Div', f'{centred} {spread}', shape)} {self.weight(c)}", shape)
        return self.put("Add", f"{y} {self.weight(c)}", shape)

    def scalar(self, value: float) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.array(value, np.float32)
        return name

    def attention(self, x: str) -> str:
        """Three heads of two; query, key and value from one layer each or from one for all."""
        n, t, _ = self.shapes[x]
        kind = self.pick("separate", "fused", "split")
        heads, width = 3, 2
        if kind == "fused":
            y = self.dense(x, 3 * heads * width)
            y = self.reshaped(
                y, 0, 0 if self.pick(True, False) else t, 3, heads, width, shape=(n, t, 3, heads, width)
            )
            y = self.put("Transpose", y, (3, n, heads, t, width), perm=[2, 0, 3, 1, 4])
            sides = [
                self.put("Gather", f"{y} {self.number(i)}", (n, heads, t, width), axis=0) for i in range(3)
            ]
        else:
            total = heads * width
            if kind == "split":
                flat = self.parts(self.dense(x, 3 * total), 2, [total] * 3)
            else:
                flat = [self.dense(x, total) for _ in range(3)]
            split = [self.reshaped(y, 0, t, heads, width, shape=(n, t, heads, width)) for y in flat]
            sides = [self.put("Transpose", y, (n, heads, t, width), perm=[0, 2, 1, 3]) for y in split]
        key = self.put("Transpose", sides[1], (n, heads, width, t), perm=[0, 1, 3, 2])
        scores = self.put(
            "Div",
            f"{self.put('MatMul', f'{sides[0]} {key}', (n, heads, t, t))} {self.scalar(1.5)}",
            (n, heads, t, t),
        )
        scores = self.put("Softmax", scores, (n, heads, t, t), axis=3 if self.opset < 13 else -1)
        y = self.put("MatMul", f"{scores} {sides[2]}", (n, heads, t, width))
        y = self.put("Transpose", y, (n, t, heads, width), perm=[0, 2, 1, 3])
        y = self.reshaped(y, 0, t, heads * width, shape=(n, t, heads * width))
        return self.dense(y)

    def recurrent(self, x: str) -> str:
        n, t, c = self.shapes[x]
        op, both = self.pick("LSTM", "GRU", "RNN"), self.pick(1, 2)
        hidden, gates = 4, {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
        y = self.put("Transpose", x, (t, n, c), perm=[1, 0, 2])
        weights = self.weight(both, gates * hidden, c), self.weight(both, gates * hidden, hidden)
        bias = f" {self.weight(both, 2 * gates * hidden)}" if self.pick(True, False) else ""
        extra: dict[str, object] = {
            "direction": "bidirectional" if both == 2 else self.pick("forward", "reverse")
        }
        if op == "GRU":
            extra["linear_before_reset"] = self.pick(0, 1)
        y = self.put(op, f"{y} {' '.join(weights)}{bias}", (t, both, n, hidden), hidden_size=hidden, **extra)
        if both == 1 and self.pick(True, False):
            y = self.axes("Squeeze", y, [1], (t, n, hidden))
            return self.put("Transpose", y, (n, t, hidden), perm=[1, 0, 2])
        y = self.put("Transpose", y, (n, t, both, hidden), perm=[2, 0, 1, 3])
        return self.reshaped(y, 0, t, -1, shape=(n, t, both * hidden))

    def gelu(self, x: str) -> str:
        shape = self.shapes[x]
        y = self.put("Erf", self.put("Div", f"{x} {self.scalar(1.414)}", shape), shape)
        y = self.put("Mul", f"{x} {self.put('Add', f'{y} {self.scalar(1.0)}', shape)}", shape)
        return self.put("Mul", f"{y} {self.scalar(0.5)}", shape)

    # ------------------------------------------------------------ parts for anything

    def activation(self, x: str) -> str:
        shape = self.shapes[x]
        zero = ["Relu", "LeakyRelu", "Tanh", "Elu", "swish", "clip", "prelu"] + ["HardSwish"] * (
            self.opset >= 14
        )
        op = self.pick(*zero, *([] if self.keeps_zero else ["Sigmoid", "Softplus", "HardSigmoid", "shifted"]))
        if op == "swish":
            return self.put("Mul", f"{x} {self.put('Sigmoid', x, shape)}", shape)
        if op == "clip":
            return self.put("Clip", f"{x} {self.scalar(0.0)} {self.scalar(1.0)}", shape)
        if op == "prelu":
            axis = 1 if len(shape) == 4 else len(shape) - 1
            slope = [shape[axis]] + [1] * (len(shape) - 1 - axis)
            return self.put("PRelu", f"{x} {self.weight(*slope)}", shape)
        if op == "shifted":
            return self.put("Add", f"{x} {self.scalar(0.75)}", shape)
        return self.put(op, x, shape)

    def residual(self, x: str) -> str:
        """Added to a branch of its own, or to another value of the same shape if there is one."""
        shape = self.shapes[x]
        others = [
            name for name, own in self.shapes.items() if own == shape and name in self.used and name != x
        ]
        if others and self.pick(True, False):
            other = self.pick(*others)
        else:
            y = self.activation(self.plain(x) if len(shape) == 4 else self.dense(x))
            other = self.convolved(y, shape[1], 3) if len(shape) == 4 else self.dense(y, shape[-1])
        order = f"{x} {other}" if self.pick(True, False) else f"{other} {x}"
        return self.put(self.pick("Add", "Add", "Sum", "Mul", "Max"), order, shape)

    def joined(self, x: str) -> str:
        shape = self.shapes[x]
        axis = 1 if len(shape) == 4 else len(shape) - 1
        other = self.plain(x) if len(shape) == 4 else self.dense(x)
        names = self.pick([x, other], [other, x], [x, other, x])
        size = sum(self.shapes[name][axis] for name in names)
        back = self.pick(axis, axis - len(shape)) if self.opset >= 11 else axis
        return self.put("Concat", " ".join(names), (*shape[:axis], size, *shape[axis + 1 :]), axis=back)

    def split(self, x: str) -> str:
        """Parts go different ways and meet again."""
        axis = 1 if len(self.shapes[x]) == 4 else len(self.shapes[x]) - 1
        x = self.convolved(x, 6) if axis == 1 and len(self.shapes[x]) == 4 else self.dense(x, 6)
        kind = self.pick("gate", "uneven", "slice")
        if kind == "slice":
            bounds = (
                f"{self.numbers(1)} {self.numbers(5 if self.pick(True, False) else -1)} {self.numbers(axis)}"
            )
            shape = self.shapes[x]
            return self.put("Slice", f"{x} {bounds}", (*shape[:axis], 4, *shape[axis + 1 :]))
        if kind == "gate":
            a, b = self.parts(x, axis, [3, 3])
            return self.put("Mul", f"{a} {self.put('Sigmoid', b, self.shapes[b])}", self.shapes[a])
        a, b = self.parts(x, axis, [2, 4])
        shape = self.shapes[x]
        return self.put("Concat", f"{self.activation(b)} {a}", shape, axis=axis)

    def idle(self, x: str) -> str:
        op = self.pick("Identity", "Dropout")
        return self.put(op, x, self.shapes[x])

    def bridge(self, x: str) -> str:
        """Pictures become words or rows of numbers, words become rows."""
        shape = self.shapes[x]
        if len(shape) == 4:
            n, c, h, w = shape
            kind = self.pick("pool", "mean", "flatten", "words", "words")
            if kind == "pool":
                y = self.put("GlobalAveragePool", x, (n, c, 1, 1))
                if self.pick(True, False):
                    return self.put("Flatten", y, (n, c), axis=1)
                return self.axes("Squeeze", y, [2, 3], (n, c))
            if kind == "mean":
                return self.axes("ReduceMean", x, self.pick([2, 3], [-1, -2]), (n, c), keepdims=0)
            if kind == "flatten":
                return self.reshaped(x, 0, -1, shape=(n, c * h * w))
            y = self.reshaped(x, 0, c, h * w, shape=(n, c, h * w))
            return self.put("Transpose", y, (n, h * w, c), perm=[0, 2, 1])
        n, t, c = shape
        kind = self.pick("mean", "last", "flatten")
        if kind == "mean":
            return self.axes("ReduceMean", x, [1], (n, c), keepdims=0)
        if kind == "last":
            return self.put("Gather", f"{x} {self.number(-1)}", (n, c), axis=1)
        return self.put("Flatten", x, (n, t * c), axis=1)

    def gemm(self, x: str) -> str:
        n, c = self.shapes[x]
        out, turned = self.pick(4, 6, 8), self.pick(0, 1)
        weight = self.weight(out, c) if turned else self.weight(c, out)
        return self.put("Gemm", f"{x} {weight} {self.weight(out)}", (n, out), transB=turned)


_ANY = ("activation", "activation", "residual", "joined", "split", "idle")
_PICTURES = (
    *(
        "plain",
        "plain",
        "grouped",
        "transposed",
        "batch_norm",
        "shared",
        "squeezed",
        "pooled",
        "instance_norm",
    ),
    *(
        "group_norm",
        "shuffled",
        "channels_last",
        "space_to_depth",
        "resized",
        "padded",
        "spatial_gate",
        "gram",
    ),
)
_WORDS = ("dense", "layer_norm", "attention", "attention", "recurrent", "gelu")
_ROWS = ("gemm", "gemm", "dense")
_SHIFTING = {"batch_norm", "instance_norm", "group_norm", "layer_norm", "squeezed", "spatial_gate"}
"""Parts whose answer to zeros is no zero, or that average over channels."""


@st.composite
def random_networks(draw: Draw, keeps_zero: bool = False) -> RandomNetwork:
    """A picture of 3 × 4 × 4 goes in; one or two values come out, each from a last layer of three outputs.

    keeps_zero: only parts that make zeros of zeros.
    """
    g = Grower(draw, draw(st.sampled_from([11, 13, 17, 21])), keeps_zero)
    g.shapes["x"] = (BATCH, 3, 4, 4)
    current = g.convolved("x", draw(st.sampled_from([4, 6])), 3)
    g.used.append(current)
    log = [f"opset {g.opset}"]
    ends = []
    for _ in range(draw(st.integers(2, 7))):
        rank = len(g.shapes[current])
        known = {4: _PICTURES, 3: _WORDS, 2: _ROWS}[rank]
        parts = [p for p in (*known, *_ANY) if not (keeps_zero and p in _SHIFTING)]
        part = draw(st.sampled_from([*parts, *(["bridge"] * 3 if rank > 2 else [])]))
        log.append(part)
        current = getattr(g, part)(current)
        g.used.append(current)
        if not ends and draw(st.integers(0, 5)) == 0:
            ends.append(current)
    ends.append(current)
    outputs = [_last(g, end) for end in dict.fromkeys(ends)]
    proto = g.done({"x": ["N", 3, 4, 4]}, " ".join(outputs), g.opset)
    if g.opset > 20:
        proto.ir_version = 10
    feeds = {"x": np.random.default_rng(1).normal(size=(BATCH, 3, 4, 4)).astype(np.float32)}
    return RandomNetwork(proto, feeds, ", ".join(log))


def _last(g: Grower, x: str) -> str:
    return g.convolved(x, 3) if len(g.shapes[x]) == 4 else g.dense(x, 3)
