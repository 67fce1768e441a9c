"""Every operator with usual and odd attributes: (operator, inputs, attributes, opset, outputs)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

I64 = np.int64
Given = np.ndarray | None


@dataclass(frozen=True)
class Case:
    op: str
    inputs: list[Given]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: int = 1

    @property
    def name(self) -> str:
        shown = "-".join(f"{k}={v}" for k, v in self.attributes.items() if not hasattr(v, "dims"))
        return f"{self.op}-{self.opset}-{shown}"[:90]


def real(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def whole(*values: Any) -> np.ndarray:
    return np.array(values, I64)


def cases() -> Iterator[Case]:
    yield from convolutions()
    yield from pools()
    yield from elementwise()
    yield from shapes()
    yield from resizes()
    yield from normalisations()
    yield from reductions()
    yield from indexed()
    yield from recurrent()
    yield from quantised()


def convolutions() -> Iterator[Case]:
    x, w = real(2, 4, 9, 7), real(6, 4, 3, 3, seed=1)
    bias = real(6, seed=2)
    yield Case("Conv", [x, w, bias], {"pads": [1, 1, 1, 1]})
    yield Case("Conv", [x, w], {"pads": [0, 2, 1, 0], "strides": [2, 1], "dilations": [1, 2]})
    yield Case("Conv", [x, real(6, 2, 3, 2, seed=1), bias], {"group": 2, "auto_pad": "SAME_UPPER"})
    yield Case(
        "Conv", [x, real(4, 1, 5, 4, seed=1)], {"group": 4, "auto_pad": "SAME_LOWER", "strides": [2, 3]}
    )
    yield Case("Conv", [x, w, bias], {"auto_pad": "VALID", "strides": [3, 2]}, 11)
    yield Case("Conv", [x, real(6, 4, 1, 1, seed=1), bias], {"strides": [2, 3]})
    yield Case("Conv", [real(2, 3, 20), real(5, 3, 4, seed=1)], {"pads": [3, 1], "strides": [3]})
    yield Case("Conv", [real(1, 2, 6, 5, 7), real(3, 2, 2, 3, 3, seed=1)], {"pads": [1, 0, 2, 0, 1, 1]}, 11)
    t = real(4, 3, 3, 3, seed=1)
    yield Case("ConvTranspose", [x, t, real(3)], {"strides": [2, 2], "pads": [1, 1, 1, 1]})
    yield Case("ConvTranspose", [x, t], {"strides": [2, 3], "pads": [0, 1, 2, 0], "output_padding": [1, 2]})
    yield Case("ConvTranspose", [x, t, real(3)], {"strides": [2, 2], "output_shape": [18, 14]})
    yield Case("ConvTranspose", [x, t], {"strides": [3, 2], "auto_pad": "SAME_UPPER"})
    yield Case("ConvTranspose", [x, t], {"strides": [3, 2], "auto_pad": "SAME_LOWER"})
    yield Case("ConvTranspose", [x, real(4, 3, 2, 3)], {"group": 2, "dilations": [2, 1]})
    yield Case("ConvTranspose", [real(1, 2, 8), real(2, 3, 4)], {"strides": [2]}, 11)
    yield Case("ConvTranspose", [real(1, 2, 3, 4, 3), real(2, 2, 2, 2, 3)], {"strides": [2, 1, 2]})
    a, b = real(3, 5), real(5, 4, seed=1)
    yield Case("Gemm", [a, b, real(4)])
    yield Case(
        "Gemm", [a.T.copy(), b.T.copy(), real(3, 1)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}
    )
    yield Case("Gemm", [a, b], {"alpha": 0.25}, 11)
    yield Case("Gemm", [a, b, real(3, 4)], {}, 11)
    yield Case("MatMul", [real(2, 3, 5), b])
    yield Case("MatMul", [real(5), real(2, 5, 3)])
    yield Case("MatMul", [real(3, 1, 4, 5), real(2, 5, 6)])
    yield Case("Einsum", [real(2, 3, 4), real(2, 4, 5)], {"equation": "bij, bjk -> bik"})
    yield Case("Einsum", [real(2, 3, 4), real(4, 5)], {"equation": "...j,jk->...k"})


def pools() -> Iterator[Case]:
    x = real(2, 3, 9, 8)
    for op in ("MaxPool", "AveragePool"):
        yield Case(op, [x], {"kernel_shape": [2, 2], "strides": [2, 2]})
        yield Case(op, [x], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, 11)
        yield Case(op, [x], {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [0, 1, 2, 0]})
        yield Case(op, [x], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"})
        yield Case(op, [x], {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"})
        yield Case(op, [x], {"kernel_shape": [3, 3], "strides": [2, 3], "ceil_mode": 1})
        yield Case(op, [x], {"kernel_shape": [3, 3], "strides": [2, 3], "ceil_mode": 1, "pads": [1, 1, 1, 1]})
        yield Case(op, [x], {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1, "pads": [1, 0, 1, 1]})
        yield Case(op, [real(2, 3, 11)], {"kernel_shape": [4], "strides": [3], "pads": [2, 1]})
        yield Case(op, [real(1, 2, 5, 6, 4)], {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2]})
        yield Case(op, [x], {"kernel_shape": [3, 2], "dilations": [2, 3], "pads": [1, 0, 1, 1]}, 19)
    yield Case("MaxPool", [(x * 20).astype(np.int8)], {"kernel_shape": [2, 3]}, 12)
    included = {"kernel_shape": [3, 3], "strides": [2, 2], "count_include_pad": 1}
    yield Case("AveragePool", [x], included | {"pads": [1, 1, 1, 1]})
    yield Case("AveragePool", [x], included | {"pads": [1, 0, 2, 1]})
    yield Case("LpPool", [x], {"kernel_shape": [3, 2], "strides": [2, 1], "p": 3}, 11)
    for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"):
        yield Case(op, [x])
        yield Case(op, [real(2, 3, 7)])


def elementwise() -> Iterator[Case]:
    x = real(3, 4, 5)
    small, positive = real(3, 4, low=-0.9, high=0.9), real(3, 4, low=0.1, high=3.0)
    plain = "Abs Atan Ceil Cos Cosh Erf Exp Floor Neg Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Tanh"
    for op in plain.split():
        yield Case(op, [x])
    yield Case("Round", [np.array([0.5, 1.5, 2.5, -0.5, -1.5], np.float32)], {}, 11)
    for op in ("Acos", "Asin", "Atanh", "Tan", "Asinh"):
        yield Case(op, [small])
    for op in ("Log", "Sqrt", "Reciprocal"):
        yield Case(op, [positive])
    yield Case("Acosh", [positive + 1])
    yield Case("HardSwish", [x * 3])
    yield Case("Mish", [x], {}, 18)
    yield Case("Gelu", [x], {}, 20)
    yield Case("Gelu", [x], {"approximate": "tanh"}, 20)
    yield Case("LeakyRelu", [x], {"alpha": 0.2})
    yield Case("PRelu", [x, real(4, 1)])
    yield Case("Elu", [x], {"alpha": 0.7})
    yield Case("Celu", [x], {"alpha": 1.5}, 12)
    yield Case("Selu", [x])
    yield Case("Selu", [x], {"alpha": 1.2, "gamma": 0.9})
    yield Case("ThresholdedRelu", [x], {"alpha": 0.4})
    yield Case("Shrink", [x], {"lambd": 0.7, "bias": 0.3})
    yield Case("HardSigmoid", [x * 4])
    yield Case("HardSigmoid", [x * 4], {"alpha": 1 / 6, "beta": 0.4}, 11)
    yield Case("Clip", [x, np.float32(-0.5), np.float32(0.5)])
    yield Case("Clip", [x, None, np.float32(0.5)])
    yield Case("Clip", [x, np.float32(0.1)], {}, 11)
    yield Case("Clip", [np.arange(-5, 5), whole(-2)[0], whole(3)[0]], {}, 12)
    for op in ("Add", "Sub", "Mul", "Div"):
        yield Case(op, [x, real(4, 1, seed=1) + 3])
        yield Case(op, [whole(7, -7, 9), whole(2, 2, -4)], {}, 14)
    yield Case("Pow", [positive, np.float32(2.5)])
    yield Case("Pow", [x, whole(2)[0]])
    yield Case("Pow", [positive, real(4, seed=2)], {}, 13)
    yield Case("Mod", [whole(7, -7, 7, -7), whole(3, 3, -3, -3)])
    yield Case("Mod", [x, real(5, seed=1, low=0.3)], {"fmod": 1})
    for op in ("Min", "Max", "Sum", "Mean"):
        yield Case(op, [x, real(4, 1, seed=1), real(1, 5, seed=2)], {}, 13)
        yield Case(op, [x], {}, 13)
    for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
        yield Case(op, [np.arange(6).reshape(2, 3), whole(1, 4, 2)], {}, 13)
    for op in ("And", "Or", "Xor"):
        yield Case(op, [x[0] > 0, x[1] > 0])
    yield Case("Not", [x > 0])
    bits = [np.array([5, 12, 255], np.uint8), np.array([3, 10, 15], np.uint8)]
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        yield Case(op, bits, {}, 18)
    yield Case("BitwiseNot", bits[:1], {}, 18)
    yield Case("Det", [real(2, 3, 3)], {}, 11)
    yield Case("Where", [x > 0, x, real(5, seed=1)])
    yield Case("IsNaN", [np.array([1, np.nan, np.inf], np.float32)], {}, 13)
    yield Case("IsInf", [np.array([1, -np.inf, np.inf], np.float32)], {"detect_negative": 0}, 10 + 1)
    for target in (TensorProto.INT64, TensorProto.UINT8, TensorProto.BOOL, TensorProto.DOUBLE):
        yield Case("Cast", [np.abs(x) * 3], {"to": target}, 13)
    yield Case("CastLike", [x * 3, whole(1)], {}, 15)
    yield Case("Identity", [x])
    yield Case("Dropout", [x])
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        yield Case(op, [x])
        yield Case(op, [x], {"axis": 1}, 13)
        yield Case(op, [x], {}, 11)
        yield Case(op, [x], {"axis": -1}, 11)
    for flags in ({}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}):
        yield Case("CumSum", [x, whole(1)[0]], flags, 14)


def shapes() -> Iterator[Case]:
    x = real(2, 3, 4, 5)
    yield Case("Reshape", [x, whole(0, -1, 10)])
    yield Case("Reshape", [np.zeros((0, 3), np.float32), whole(3, 0)], {"allowzero": 1}, 14)
    yield Case("Flatten", [x], {"axis": -2})
    yield Case("Flatten", [x], {"axis": 0})
    yield Case("Transpose", [x], {"perm": [2, 0, 3, 1]})
    yield Case("Transpose", [x])
    yield Case("Squeeze", [x[:, :1, :, :1].copy(), whole(-1, 1)])
    yield Case("Squeeze", [x[:, :1, :, :1].copy()])
    yield Case("Squeeze", [x[:1].copy()], {"axes": [0]}, 11)
    yield Case("Unsqueeze", [x, whole(-1, 0)])
    yield Case("Unsqueeze", [x], {"axes": [1, 3]}, 11)
    yield Case("Expand", [x[:, :1].copy(), whole(3, 1, 1)])
    yield Case("Tile", [x, whole(1, 2, 1, 3)])
    yield Case("Concat", [x, x[:, :1].copy(), x[:, 1:].copy()], {"axis": -3})
    yield Case("Split", [x, whole(1, 4)], {"axis": 3}, 13, 2)
    yield Case("Split", [x], {"axis": 2}, 13, 2)
    yield Case("Split", [x], {"axis": -1, "num_outputs": 2}, 18, 2)
    yield Case("Split", [x], {"axis": 1, "split": [2, 1]}, 11, 2)
    yield Case("Slice", [x, whole(1, -3), whole(2**40, -1), whole(0, 3)])
    yield Case("Slice", [x, whole(-1, 3), whole(-(2**40), 0), whole(3, 2), whole(-2, -1)])
    yield Case("Slice", [x, whole(0, 1), whole(2, 3)], {}, 11)
    yield Case("Slice", [x, whole(0), whole(9), whole(3), whole(2)], {}, 11)
    pads = whole(1, 0, 2, 1, 0, 1, 1, 2)
    yield Case("Pad", [x, pads])
    yield Case("Pad", [x, pads, np.float32(3)], {"mode": "constant"}, 11)
    yield Case("Pad", [x, whole(0, 0, -1, 1, 0, 0, 0, -2)])
    yield Case("Pad", [x, pads], {"mode": "edge"})
    yield Case("Pad", [x, whole(0, 0, 3, 2, 0, 2, 1, 4)], {"mode": "reflect"})
    yield Case("Pad", [x, whole(0, 0, 3, 2, 0, 2, 1, 4)], {"mode": "wrap"}, 19)
    yield Case("Pad", [x, whole(1, 2, 0, 1), None, whole(-1, 1)], {"mode": "edge"}, 18)
    yield Case("DepthToSpace", [real(2, 8, 3, 2)], {"blocksize": 2})
    yield Case("DepthToSpace", [real(2, 8, 3, 2)], {"blocksize": 2, "mode": "CRD"})
    yield Case("SpaceToDepth", [real(2, 3, 4, 6)], {"blocksize": 2})
    yield Case("Shape", [x])
    yield Case("Shape", [x], {"start": 1, "end": -1}, 15)
    yield Case("Size", [x])
    value = numpy_helper.from_array(np.array([7], np.int32))
    yield Case("ConstantOfShape", [whole(2, 3)], {"value": value})
    yield Case("ConstantOfShape", [whole(2, 3)])
    yield Case("Range", [whole(3)[0], whole(-8)[0], whole(-3)[0]])
    yield Case("Range", [np.float32(0), np.float32(2), np.float32(0.3)])
    yield Case("EyeLike", [x[0, 0]], {"k": 1})
    yield Case("Trilu", [x], {"upper": 0}, 14)
    yield Case("Trilu", [x, whole(1)[0]], {}, 14)
    yield Case("Constant", [], {"value_floats": [1.0, 2.0]}, 12)
    yield Case("Constant", [], {"value": helper.make_tensor("c", TensorProto.INT64, [2], [3, 4])}, 11)


def resizes() -> Iterator[Case]:
    x = real(1, 2, 5, 4)
    up, down = np.array([1, 1, 2, 2.5], np.float32), np.array([1, 1, 0.6, 0.5], np.float32)
    modes = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    for place in modes:
        for kind in ("nearest", "linear", "cubic"):
            for scales in (up, down):
                yield Case(
                    "Resize", [x, None, scales], {"mode": kind, "coordinate_transformation_mode": place}, 13
                )
    for rounding in ("round_prefer_ceil", "floor", "ceil"):
        yield Case("Resize", [x, None, up], {"mode": "nearest", "nearest_mode": rounding}, 11 + 2)
    for kind in ("nearest", "linear"):
        yield Case("Upsample", [x, np.array([1, 1, 2, 3], np.float32)], {"mode": kind}, 9)
    yield Case("Resize", [x, None, None, whole(1, 2, 9, 3)], {"mode": "linear"}, 13)
    yield Case("Resize", [x, None, None, whole(9, 3)], {"mode": "linear", "axes": [2, 3]}, 18)
    yield Case("Resize", [x, None, down], {"mode": "linear", "antialias": 1}, 18)
    yield Case("Resize", [x, None, down], {"mode": "cubic", "antialias": 1}, 18)
    yield Case("Resize", [x, None, up], {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}, 13)
    crop = {
        "mode": "linear",
        "coordinate_transformation_mode": "tf_crop_and_resize",
        "extrapolation_value": 9.0,
    }
    region = np.array([0, 0, 0.2, -0.2, 1, 1, 0.9, 1.1], np.float32)
    yield Case("Resize", [x, region, None, whole(1, 2, 3, 4)], crop, 13)
    policy = {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}
    yield Case("Resize", [x, None, None, whole(10, 6)], policy, 18)


def normalisations() -> Iterator[Case]:
    x = real(2, 4, 5, 3)
    four = [real(4, seed=i, low=0.2) for i in range(1, 5)]
    yield Case("BatchNormalization", [x, *four], {"epsilon": 1e-3}, 15)
    yield Case("BatchNormalization", [x[:, :, 0, 0].copy(), *four], {}, 14)
    yield Case("InstanceNormalization", [x, four[0], four[1]], {"epsilon": 1e-2})
    yield Case("InstanceNormalization", [x[..., 0].copy(), four[0], four[1]])
    yield Case("GroupNormalization", [x, real(2), real(2, seed=1)], {"num_groups": 2}, 18)
    yield Case("GroupNormalization", [x, four[0], four[1]], {"num_groups": 2, "epsilon": 1e-2}, 21)
    yield Case("LayerNormalization", [x, real(3), real(3, seed=1)], {}, 17)
    yield Case("LayerNormalization", [x, real(5, 3)], {"axis": 2, "epsilon": 1e-2}, 17, 3)
    yield Case("RMSNormalization", [x, real(3)], {"epsilon": 1e-2}, 23)
    yield Case("MeanVarianceNormalization", [x], {"axes": [0, 2, 3]}, 13)
    yield Case("LpNormalization", [x], {"axis": 1, "p": 1})
    yield Case("LpNormalization", [x])
    yield Case("LRN", [real(1, 7, 3, 2)], {"size": 3, "alpha": 0.2, "beta": 0.6, "bias": 1.5})


def reductions() -> Iterator[Case]:
    x = real(3, 4, 5, low=0.1)
    kinds = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare"
    for kind in kinds.split():
        op = f"Reduce{kind}"
        yield Case(op, [x, whole(-1, 0)], {"keepdims": 0}, 18)
        yield Case(op, [x], {}, 18)
        yield Case(op, [x], {"axes": [1]}, 11)
    yield Case("ReduceSum", [x, whole(1)], {}, 13)
    yield Case("ReduceSum", [x, whole()], {"noop_with_empty_axes": 1}, 13)
    ties = np.array([[1, 3, 3], [2, 2, 1]], np.float32)
    for op in ("ArgMax", "ArgMin"):
        yield Case(op, [ties], {"axis": 1, "keepdims": 0}, 13)
        yield Case(op, [ties], {"axis": -1, "select_last_index": 1}, 13)
    yield Case("TopK", [x, whole(2)], {"axis": 1}, 11, 2)
    yield Case("TopK", [ties, whole(3)], {"largest": 0}, 11, 2)


def indexed() -> Iterator[Case]:
    x = real(4, 3, 5)
    yield Case("Gather", [x, np.array([[0, -1], [2, 1]], I64)], {"axis": 1})
    yield Case("Gather", [x, np.array(2, np.int32)])
    yield Case("GatherElements", [x, np.array([[[0, -1, 2, 1, 0]]], I64)], {"axis": 1})
    yield Case("GatherND", [x, np.array([[0, 1], [-1, 2]], I64)])
    yield Case("GatherND", [x, np.array([[0], [2], [1], [1]], I64)], {"batch_dims": 1})
    yield Case(
        "ScatterElements", [x, np.array([[[0, -1, 2, 1, 0]]], I64), real(1, 1, 5, seed=1)], {"axis": 0}
    )
    twice = np.array([[[0, 0, 1, 1, 0], [0, 2, 1, 0, 0]]], I64)
    for how in ("add", "mul", "max"):
        yield Case("ScatterElements", [x, twice, real(1, 2, 5)], {"axis": 1, "reduction": how}, 18)
        yield Case("ScatterND", [x, whole(0, 0, 3)[:, None], real(3, 3, 5)], {"reduction": how}, 18)
    yield Case("ScatterND", [x, np.array([[0, 1], [-1, 2]], I64), real(2, 5, seed=1)])
    yield Case("OneHot", [whole(1, -2, 0), whole(4), np.array([-1, 2], np.float32)])
    yield Case("OneHot", [whole(1, 7, 0), whole(4)[0], np.array([0, 1], np.float32)], {"axis": 0})
    yield Case("NonZero", [np.array([[0, 1], [2, 0]], np.float32)], {}, 13)
    yield Case("Compress", [x, np.array([True, False, True])], {"axis": 1})
    yield Case("Compress", [x, np.array([False, True, True])])
    yield Case("ReverseSequence", [x, whole(1, 4, 2)], {"time_axis": 0, "batch_axis": 1})
    yield Case("ReverseSequence", [x, whole(1, 3, 2, 2)], {"time_axis": 1, "batch_axis": 0})
    yield Case("Unique", [np.array([2, 1, 1, 3, 2], np.float32)], {"sorted": 1}, 11)
    grid = real(1, 3, 4, 2, seed=3, low=-1.2, high=1.2)
    for corners in (0, 1):
        yield Case("GridSample", [real(1, 2, 5, 6), grid], {"align_corners": corners, "mode": "linear"}, 20)


def recurrent() -> Iterator[Case]:
    for op, gates, states in (("LSTM", 4, 2), ("GRU", 3, 1), ("RNN", 1, 1)):
        for direction, count in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            weights = [real(count, gates * 4, 3, seed=1), real(count, gates * 4, 4, seed=2)]
            bias = real(count, 2 * gates * 4, seed=3)
            common = {"hidden_size": 4, "direction": direction}
            x = real(5, 2, 3)
            yield Case(op, [x, *weights], common, 14, 1 + states)
            start = [real(count, 2, 4, seed=4 + i) for i in range(states)]
            lengths = np.array([5, 3], np.int32)
            yield Case(op, [x, *weights, bias, lengths, *start], common, 14, 1 + states)
    bias = real(1, 24, seed=3)
    weights = [real(1, 12, 3, seed=1), real(1, 12, 4, seed=2), bias]
    yield Case("GRU", [x, *weights], {"hidden_size": 4, "linear_before_reset": 1}, 14, 2)
    odd = {
        "activations": ["HardSigmoid", "LeakyRelu"],
        "activation_alpha": [0.3, 0.1],
        "activation_beta": [0.4],
    }
    yield Case("GRU", [x, *weights], {"hidden_size": 4, **odd}, 14, 2)
    four = [real(1, 16, 3, seed=1), real(1, 16, 4, seed=2), real(1, 32, seed=3)]
    peephole = real(1, 12, seed=9)
    yield Case("LSTM", [x, *four, None, None, None, peephole], {"hidden_size": 4}, 14, 3)
    yield Case("LSTM", [x * 3, *four], {"hidden_size": 4, "clip": 0.5}, 14, 3)


def quantised() -> Iterator[Case]:
    x = real(3, 4, 5, low=-3, high=3)
    scale, zero = np.float32(0.02), np.uint8(117)
    yield Case("QuantizeLinear", [x, scale, zero], {}, 13)
    yield Case("QuantizeLinear", [x, real(4, low=0.01, high=0.05), np.zeros(4, np.int8)], {"axis": 1}, 13)
    yield Case("QuantizeLinear", [x, scale], {}, 13)
    eight = (x * 40).astype(np.int8)
    yield Case("DequantizeLinear", [eight, scale, np.int8(3)], {}, 13)
    yield Case("DequantizeLinear", [eight, real(5, low=0.01)], {"axis": -1}, 13)
    blocks = real(3, 2, 5, low=0.01)
    yield Case("DequantizeLinear", [eight, blocks], {"axis": 1, "block_size": 2}, 21)
    yield Case("DynamicQuantizeLinear", [x], {}, 11, 3)
    a, b = (x[0] * 40).astype(np.uint8), (x[1].T * 40).astype(np.int8)
    yield Case("MatMulInteger", [a, b.copy(), np.uint8(12), np.int8(0)], {}, 11)
    pictures, kernel = (real(1, 2, 5, 5) * 40 + 90).astype(np.uint8), (real(3, 2, 3, 3) * 40).astype(np.int8)
    yield Case("ConvInteger", [pictures, kernel.astype(np.uint8), np.uint8(90)], {}, 11)
