"""Products that compute in blocks: what is written, that the numbers are those meant, and the choice."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from core.context import Context
from core.evaluate.product import blocks_speedup
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import to_bytes
from core.methods import matmul_nbits
from core.methods.assemble import assemble
from core.methods.matmul_nbits import choose_kernels
from core.methods.planned import stored_weight
from core.methods.resolve import NBITS, Step, base_model, resolve
from core.methods.stored import IntegerWeight
from core.methods.writers.nbits import pack
from core.readback import read_back
from core.values import LayerPlan, Plan


def two_products(depth: int, hidden: int = 32, macs_rows: int = 3) -> onnx.ModelProto:
    """MatMul + Add → Relu → Gemm with a bias."""
    rng = np.random.default_rng(depth)
    weights = {
        "w1": rng.standard_normal((depth, hidden)).astype(np.float32),
        "b1": rng.standard_normal(hidden).astype(np.float32),
        "w2": rng.standard_normal((5, hidden)).astype(np.float32),
        "b2": rng.standard_normal(5).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["m"], name="first"),
        helper.make_node("Add", ["m", "b1"], ["a"], name="add"),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], name="second", transB=1),
    ]
    return networks.model_of(nodes, {"x": [macs_rows, depth]}, {"y": [macs_rows, 5]}, weights)


def plan_of(use: str = "always", **settings: object) -> Plan:
    defaults = LayerPlan(weight_bits=4, granularity="block", block_size=16)
    methods: dict[str, dict[str, str | int | float | bool]] = {"matmul_nbits": {"use": use}}
    return Plan(defaults=defaults, methods=methods).with_defaults(**settings)


def steps_of(opened: OpenedModel, plan: Plan) -> tuple[Step, ...]:
    return choose_kernels(opened.model, resolve(opened, plan), plan)


def opened(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(networks.written(model, folder), Context())


def test_numbers_are_packed_lowest_first() -> None:
    assert pack(np.array([[1, 2, 15]]), 4).tolist() == [[0x21, 0x0F]]
    assert pack(np.array([[3, 0, 1, 2, 1]]), 2).tolist() == [[0b10010011, 0b01]]
    assert pack(np.array([[200, 7]]), 8).tolist() == [[200, 7]]


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("depth", [64, 70, 10])
def test_the_operator_multiplies_by_exactly_the_numbers_meant(
    bits: int, symmetric: bool, depth: int, tmp_path: Path
) -> None:
    model = opened(two_products(depth), tmp_path)
    plan = plan_of(weight_bits=bits, symmetric=symmetric)
    steps = steps_of(model, plan)
    content = to_bytes(assemble(base_model(model, steps), steps, {}))
    proto = onnx.load_from_string(content)
    assert [node.op_type for node in proto.graph.node].count("MatMulNBits") == 2
    tensors = {name: value.const_value.numpy() for name, value in model.model.graph.initializers.items()}  # type: ignore[union-attr]
    for name, step in (("first", steps[0]), ("second", steps[1])):
        weight = stored_weight(tensors[step.layer.weights[0]], step)
        assert isinstance(weight, IntegerWeight)
        wanted = weight.values() if name == "first" else weight.values().T
        np.testing.assert_allclose(dequantised(proto, name), wanted, atol=1e-6)


def dequantised(proto: onnx.ModelProto, name: str) -> np.ndarray:
    """What onnxruntime's operator has for a weight, (in, out): the product with the unit matrix, in float."""
    node = next(node for node in proto.graph.node if node.name == name)
    constants = [tensor for tensor in proto.graph.initializer if tensor.name in node.input]
    plain = helper.make_node(
        "MatMulNBits",
        ["x", *node.input[1:]],
        ["y"],
        domain="com.microsoft",
        # without the accuracy level activations stay float, so that the unit matrix is exact
        **{a.name: a.i for a in node.attribute if a.name != "accuracy_level"},
    )
    depth = next(a.i for a in node.attribute if a.name == "K")
    graph = helper.make_graph(
        [plain],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [depth, depth])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": np.eye(depth, dtype=np.float32)})[0])


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_network_answers_nearly_as_with_float_arithmetic(symmetric: bool, tmp_path: Path) -> None:
    model = opened(two_products(96), tmp_path)
    x = {"x": np.random.default_rng(0).standard_normal((3, 96)).astype(np.float32)}
    answers = []
    for use in ("always", "never"):
        steps = steps_of(model, plan_of(use, symmetric=symmetric))
        content = to_bytes(assemble(base_model(model, steps), steps, {}))
        session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
        assert [output.name for output in session.get_outputs()] == ["y"]
        answers.append(session.run(None, x)[0])
    # inside the kernel activations have eight bits, so the answers differ a little
    assert np.abs(answers[0] - answers[1]).max() < 0.03 * np.abs(answers[1]).max()


def test_what_is_read_back(tmp_path: Path) -> None:
    model = opened(two_products(70), tmp_path)
    plan = plan_of(sparsity=0.5)
    steps = steps_of(model, plan)
    path = tmp_path / "out.onnx"
    path.write_bytes(to_bytes(assemble(base_model(model, steps), steps, {})))
    onnx.checker.check_model(str(path))
    first, second = read_back(path, model.info.layers, plan)
    assert (first.weight_bits, first.activation_bits, first.note) == (4, 32, None)
    assert 0.5 <= first.sparsity < 0.6 and 0.5 <= second.sparsity < 0.6
    # 32 columns of five blocks: eight bytes and a scale of four each
    assert first.bytes == 32 * 5 * (8 + 4)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    assert sorted(array.shape for array in stored.values() if array.dtype == np.uint8) == [
        (5, 2, 8),
        (32, 5, 8),
    ]


def test_only_where_it_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened(two_products(64), tmp_path)
    asked = []

    def measured(rows: int, depth: int, width: int, bits: int, block: int, asymmetric: bool) -> float:
        asked.append((rows, depth, width, bits, block, asymmetric))
        return 2.0 if depth == 64 else 0.9

    monkeypatch.setattr(matmul_nbits, "blocks_speedup", measured)
    assert [step.kernel for step in steps_of(model, plan_of("auto"))] == [NBITS, ""]
    assert asked == [(3, 64, 32, 4, 16, False), (3, 32, 5, 4, 16, False)]
    assert [step.kernel for step in steps_of(model, plan_of("never"))] == ["", ""]
    assert [step.kernel for step in steps_of(model, plan_of("always", granularity="channel"))] == ["", ""]
    odd = steps_of(model, plan_of("always", block_size=24))
    assert odd[0].kernel == "" and "blocks of 16" in str(odd[0].note)


def test_few_rows_of_a_large_matrix_are_measured_as_faster_than_many() -> None:
    few, many = (blocks_speedup(rows, 512, 1024, 4, 32, False) for rows in (1, 64))
    assert few > many and few > 1
