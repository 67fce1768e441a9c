"""A whole network in float16: every sizeable constant is stored so, and what float16 cannot hold is left."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.compress import compress
from core.context import Context
from core.evaluate.runner import Runner
from core.formats import open_model
from core.methods.resolve import why_not_half
from core.readback import read_back
from core.values import LayerPlan, Plan, Result

TIME, WIDTH = 16, 32
HALF = Plan(defaults=LayerPlan(weight_bits=16))


def reader(**changed: np.ndarray) -> onnx.ModelProto:
    """Words → table + positions → normalisation → LSTM → dense: (N, 16) int64 to (N, 16, 200)."""
    rng = np.random.default_rng(0)

    def random(*shape: int, size: float = 0.3) -> np.ndarray:
        return (rng.standard_normal(shape) * size).astype(np.float32)

    weights = {
        "words": random(500, WIDTH),
        "positions": random(1, TIME, WIDTH),
        "gain": random(WIDTH) + 1,
        "shift": random(WIDTH),
        "w": random(1, 4 * WIDTH, WIDTH),
        "r": random(1, 4 * WIDTH, WIDTH),
        "b": random(1, 8 * WIDTH),
        "dense": random(WIDTH, 200),
        "bias": random(200),
    }
    weights |= changed
    nodes = [
        helper.make_node("Gather", ["words", "x"], ["e"], name="table"),
        helper.make_node("Add", ["e", "positions"], ["p"], name="place"),
        helper.make_node("LayerNormalization", ["p", "gain", "shift"], ["n"], name="norm"),
        helper.make_node("Transpose", ["n"], ["t"], name="turn", perm=[1, 0, 2]),
        helper.make_node("LSTM", ["t", "w", "r", "b"], ["h"], name="lstm", hidden_size=WIDTH),
        helper.make_node("Squeeze", ["h", "one"], ["s"], name="squeeze"),
        helper.make_node("Transpose", ["s"], ["u"], name="back", perm=[1, 0, 2]),
        helper.make_node("MatMul", ["u", "dense"], ["d"], name="fc"),
        helper.make_node("Add", ["d", "bias"], ["y"], name="add"),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    tensors.append(numpy_helper.from_array(np.array([1]), "one"))
    graph = helper.make_graph(
        nodes,
        "reader",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["N", TIME])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", TIME, 200])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def run(model: onnx.ModelProto, plan: Plan, folder: Path) -> tuple[Path, Result]:
    source = networks.written(model, folder)
    opened = open_model(source, Context())
    return source, compress(opened, None, None, plan, folder / "work", None, Context())


def stored(path: str) -> dict[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}


def test_every_sizeable_constant_is_stored_in_sixteen_bits_behind_one_cast(tmp_path: Path) -> None:
    source, result = run(reader(), HALF, tmp_path)
    model = onnx.load(result.artefact)
    onnx.checker.check_model(model, full_check=True)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    large = {name for name, tensor in constants.items() if np.prod(tensor.dims) >= 64}
    # table, positions, W, R, both biases of the LSTM in one, dense, bias
    assert len(large) == 7
    assert {constants[name].data_type for name in large} == {TensorProto.FLOAT16}
    casts = [node.input[0] for node in model.graph.node if node.op_type == "Cast"]
    assert sorted(casts) == sorted(large)
    # of 32 numbers each the Cast would outweigh what is saved
    left = [tensor for tensor in constants.values() if tensor.data_type == TensorProto.FLOAT]
    assert sorted(numpy_helper.to_array(tensor).size for tensor in left) == [WIDTH, WIDTH]
    assert Path(result.artefact).stat().st_size < 0.52 * source.stat().st_size
    words = np.random.default_rng(1).integers(0, 500, (8, TIME))
    before, after = (Runner(path).run({"x": words})[0] for path in (source, Path(result.artefact)))
    assert 0 < np.abs(after - before).max() < 2e-3 * np.abs(before).max()
    assert {
        report.weight_bits
        for report in read_back(Path(result.artefact), open_model(source, Context()).info.layers)
    } == {16}


def test_what_is_too_large_for_float16_stays_and_is_said(tmp_path: Path) -> None:
    places = np.zeros((1, TIME, WIDTH), np.float32)
    places[0, 3, 4] = 70_000.0
    _, result = run(reader(positions=places, dense=np.full((WIDTH, 200), 1e5, np.float32)), HALF, tmp_path)
    shapes = {
        tuple(tensor.dims)
        for tensor in stored(result.artefact).values()
        if tensor.data_type == TensorProto.FLOAT
    }
    assert {(1, TIME, WIDTH), (WIDTH, 200)} <= shapes
    assert any("1 constants beside the layers" in str(note) for note in result.notes)
    note = next(report.note for report in result.layers if report.layer_id == "fc")
    assert "65,504" in str(note)


def test_a_network_of_which_only_a_layer_is_asked_for_keeps_its_other_constants(tmp_path: Path) -> None:
    _, result = run(reader(), Plan().with_layer("lstm", weight_bits=16), tmp_path)
    halves = [
        tensor for tensor in stored(result.artefact).values() if tensor.data_type == TensorProto.FLOAT16
    ]
    assert sorted(tuple(tensor.dims) for tensor in halves) == [(1, 4 * WIDTH, WIDTH)] * 2


def test_all_layers_by_name_are_the_whole_network_too(tmp_path: Path) -> None:
    plan = Plan()
    for name in ("table", "lstm", "fc"):
        plan = plan.with_layer(name, weight_bits=16)
    _, result = run(reader(), plan, tmp_path)
    halves = [
        tensor for tensor in stored(result.artefact).values() if tensor.data_type == TensorProto.FLOAT16
    ]
    assert len(halves) == 7


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ([1.0, -65504.0], None),
        ([1.0, 65520.0], "65,504"),
        # 65,519.99 still rounds down to 65,504
        ([65519.0], None),
        # the smallest number is 5.96e-8: 1e-7 becomes 1.19e-7
        ([1e-7, -1e-7], "too small"),
        # beside usual ones it does not matter what becomes of such
        ([0.5, 1e-7, 1e-9], None),
        ([0.0, 0.0], None),
    ],
)  # fmt: skip
def test_what_float16_holds(numbers: list[float], why: str | None) -> None:
    found = why_not_half(np.array(numbers, np.float32))
    assert (found is None) == (why is None)
    assert why is None or why in str(found)
