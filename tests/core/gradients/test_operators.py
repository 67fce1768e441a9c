"""Every operator against onnxruntime, or ONNX's own reference where onnxruntime has no kernel."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from operator_cases import Case, cases, real

from core.errors import UnsupportedModelError
from core.gradients.convert import missing_operators, to_torch, why_no_gradients
from core.gradients.operators import OPERATORS

CASES = list(cases())
COMPARED_ELSEWHERE = {"If", "Loop", "Scan"}
OLD_NAMES = {"Scatter"}


def model_of(case: Case) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    names = ["" if value is None else f"x{i}" for i, value in enumerate(case.inputs)]
    feeds = {name: np.asarray(value) for name, value in zip(names, case.inputs, strict=True) if name}
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.op, names, outputs, name="node", **case.attributes)
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in feeds.items()
    ]
    graph = helper.make_graph([node], "one", declared, [onnx.ValueInfoProto(name=name) for name in outputs])
    opsets = [helper.make_opsetid("", case.opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return onnx.shape_inference.infer_shapes(model), feeds


def expected_of(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    if any(len(node.input) > 1 and node.op_type == "Resize" and node.input[1] for node in model.graph.node):
        # onnxruntime heeds a region only where it is constant
        return list(ReferenceEvaluator(model).run(None, feeds))
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return list(session.run(None, feeds))
    except Exception:
        return list(ReferenceEvaluator(model).run(None, feeds))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_operator_computes_what_onnxruntime_computes(case: Case) -> None:
    model, feeds = model_of(case)
    expected = expected_of(model, feeds)
    actual = to_torch(ir.serde.deserialize_model(model))(feeds)
    assert len(actual) == len(expected)
    for mine, wanted in zip(actual, expected, strict=True):
        wanted = np.asarray(wanted)
        assert tuple(mine.shape) == wanted.shape
        assert (mine.dtype.is_floating_point) == (wanted.dtype.kind == "f")
        np.testing.assert_allclose(mine.detach().numpy(), wanted, rtol=2e-5, atol=2e-5)


def test_every_operator_has_a_case() -> None:
    untested = set(OPERATORS) - {case.op for case in CASES}
    assert untested == COMPARED_ELSEWHERE | OLD_NAMES


@given(
    size=st.integers(5, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    begin=st.integers(0, 3),
    end=st.integers(0, 3),
    groups=st.sampled_from([1, 2, 4]),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_convolutions_of_any_geometry(
    size: int, kernel: int, stride: int, dilation: int, begin: int, end: int, groups: int
) -> None:
    attributes = {"strides": [stride], "dilations": [dilation], "pads": [begin, end], "group": groups}
    if size + begin + end < (kernel - 1) * dilation + 1:
        return
    case = Case("Conv", [real(2, 4, size), real(8, 4 // groups, kernel, seed=1), real(8)], attributes)
    test_operator_computes_what_onnxruntime_computes(case)
    transposed = Case("ConvTranspose", [real(2, 4, size), real(4, 2, kernel, seed=1)], attributes)
    if (size - 1) * stride + (kernel - 1) * dilation + 1 > begin + end:
        test_operator_computes_what_onnxruntime_computes(transposed)


@given(
    size=st.integers(4, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    begin=st.integers(0, 3),
    end=st.integers(0, 3),
    ceil=st.integers(0, 1),
    op=st.sampled_from(["MaxPool", "AveragePool"]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_pools_of_any_geometry(
    size: int, kernel: int, stride: int, begin: int, end: int, ceil: int, op: str
) -> None:
    # a pad must be smaller than the kernel
    pads = [min(begin, kernel - 1), min(end, kernel - 1)]
    attributes = {"kernel_shape": [kernel], "strides": [stride], "pads": pads, "ceil_mode": ceil}
    test_operator_computes_what_onnxruntime_computes(Case(op, [real(1, 2, size)], attributes, 22))


def custom() -> ir.Model:
    node = helper.make_node("FusedGelu", ["x"], ["y"], name="odd", domain="com.example")
    other = helper.make_node("RandomNormalLike", ["y"], ["z"], name="dice")
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    graph = helper.make_graph([node, other], "g", [info], [onnx.ValueInfoProto(name="z")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    return ir.serde.deserialize_model(helper.make_model(graph, opset_imports=opsets))


def test_what_is_missing_is_named() -> None:
    assert missing_operators(custom()) == ("com.example.FusedGelu", "RandomNormalLike")
    reason = why_no_gradients(custom())
    assert reason is not None and "com.example.FusedGelu, RandomNormalLike" in str(reason)
    with pytest.raises(UnsupportedModelError) as error:
        to_torch(custom())
    assert "odd" in error.value.one_line() and "com.example.FusedGelu" in error.value.one_line()


def test_refused_use_names_node_and_reason() -> None:
    model, feeds = model_of(
        Case("BatchNormalization", [real(1, 2, 3), *[real(2)] * 4], {"training_mode": 1}, 15)
    )
    with pytest.raises(UnsupportedModelError) as error:
        to_torch(ir.serde.deserialize_model(model))(feeds)
    assert "'node' (BatchNormalization)" in error.value.one_line()
    assert "training mode" in error.value.one_line()
