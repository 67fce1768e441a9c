"""Arithmetic on sizes against onnxruntime, node by node."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from core.graph.size_arithmetic import NoSizeError, evaluate

A = np.array([7, -7, 12, 1], np.int64)
B = np.array([2, 2, 5, 3], np.int64)
FLOAT = np.array([0.5, 2.0, 9.0, 16.0], np.float32)
YES = np.array([True, False, True, True])


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES = [
    ("Add", (A, B), {}),
    ("Sub", (A, B), {}),
    ("Mul", (A, integers(3)), {}),
    ("Div", (A, B), {}),
    ("Div", (FLOAT, FLOAT[::-1].copy()), {}),
    ("Mod", (A, B), {}),
    ("Mod", (A, B), {"fmod": 1}),
    ("Pow", (B, integers(2)), {}),
    ("Neg", (A,), {}),
    ("Abs", (A,), {}),
    ("Sqrt", (FLOAT,), {}),
    ("Floor", (FLOAT / 3,), {}),
    ("Ceil", (FLOAT / 3,), {}),
    ("Reciprocal", (FLOAT,), {}),
    ("Min", (A, B, integers(2)), {}),
    ("Max", (A, B), {}),
    ("Equal", (A, B), {}),
    ("Greater", (A, B), {}),
    ("GreaterOrEqual", (A, B), {}),
    ("Less", (A, B), {}),
    ("LessOrEqual", (A, B), {}),
    ("Not", (YES,), {}),
    ("And", (YES, ~YES), {}),
    ("Or", (YES, ~YES), {}),
    ("Where", (YES, A, B), {}),
    ("Identity", (A,), {}),
    ("Cast", (A,), {"to": 1}),
    ("Cast", (FLOAT,), {"to": 7}),
    ("Gather", (A, integers(-1, 0)), {"axis": 0}),
    ("Gather", (A.reshape(2, 2), np.array(1, np.int64)), {"axis": 1}),
    ("Slice", (A, integers(1), integers(9), integers(0)), {}),
    ("Slice", (A, integers(-1), integers(-9), integers(0), integers(-1)), {}),
    ("Slice", (A.reshape(2, 2), integers(0), integers(1), integers(-1)), {}),
    ("Concat", (A, B), {"axis": 0}),
    ("Squeeze", (A.reshape(1, 4), integers(0)), {}),
    ("Squeeze", (A.reshape(1, 4, 1),), {}),
    ("Unsqueeze", (A, integers(0, -1)), {}),
    ("Reshape", (A.reshape(2, 2), integers(0, -1, 1)), {}),
    ("Transpose", (A.reshape(2, 2),), {}),
    ("ConstantOfShape", (integers(2, 3),), {"value": numpy_helper.from_array(integers(7))}),
    ("Expand", (A.reshape(4, 1), integers(1, 2)), {}),
    ("Range", (np.array(1, np.int64), np.array(9, np.int64), np.array(3, np.int64)), {}),
    ("ReduceProd", (A,), {"axes": [0], "keepdims": 0}),
    ("ReduceSum", (A.reshape(2, 2), integers(1)), {}),
    ("ReduceMax", (A,), {}),
    ("ReduceMin", (A.reshape(2, 2),), {"axes": [0]}),
]


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES, ids=[case[0] for case in CASES])
def test_results_are_those_of_onnxruntime(
    op: str, inputs: tuple[np.ndarray, ...], attributes: dict[str, object]
) -> None:
    names = [f"x{index}" for index in range(len(inputs))]
    node = helper.make_node(op, names, ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in zip(names, inputs, strict=True)
        ],
        [onnx.ValueInfoProto(name="y")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, dict(zip(names, inputs, strict=True)))
    found = evaluate(node, inputs)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)


def test_what_is_no_arithmetic_on_sizes_is_refused() -> None:
    for node, inputs in (
        (helper.make_node("Conv", ["x", "w"], ["y"]), (A, B)),
        (helper.make_node("Gather", ["x", "i"], ["y"]), (A, integers(9))),
        (helper.make_node("ConstantOfShape", ["x"], ["y"]), (integers(1 << 40),)),
        (helper.make_node("Expand", ["x", "s"], ["y"]), (A, integers(1 << 20, 4))),
        (helper.make_node("Div", ["x", "z"], ["y"]), (A, None)),
        (helper.make_node("Add", ["x", "z"], ["y"], domain="custom"), (A, B)),
    ):
        with pytest.raises(NoSizeError):
            evaluate(node, inputs)
