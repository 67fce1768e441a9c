"""Large weights beside the model: the file is the same, and onnxruntime computes on the arrays there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from core.context import Context
from core.evaluate import large_file
from core.evaluate import runner as runners
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph import apart, weights
from core.graph.apart import LEAST_BYTES, encoded, take_apart

WIDE = 700


@pytest.fixture
def proto() -> onnx.ModelProto:
    """Two dense layers, one of 2 MB and one of 12 kB, and a bias: y = relu(x·A)·B + b."""
    rng = np.random.default_rng(0)
    made = {
        "A": rng.standard_normal((WIDE, WIDE)).astype(np.float32) / 30,
        "B": rng.standard_normal((WIDE, 4)).astype(np.float32) / 30,
        "b": np.arange(4, dtype=np.float32),
    }
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "A"], ["h"], name="one"),
        onnx.helper.make_node("Relu", ["h"], ["r"], name="relu"),
        onnx.helper.make_node("Gemm", ["r", "B", "b"], ["y"], name="two"),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", WIDE])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 4])],
        [onnx.numpy_helper.from_array(array, name) for name, array in made.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def arrays_of(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {one.name: onnx.numpy_helper.to_array(one) for one in proto.graph.initializer}


def wanted(proto: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    made = arrays_of(proto)
    return np.maximum(x @ made["A"], 0) @ made["B"] + made["b"]


def some(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, WIDE)).astype(np.float32)


def test_only_large_weights_leave_and_none_is_copied(proto: onnx.ModelProto) -> None:
    model = ir.serde.deserialize_model(proto)
    tensor = ir.Tensor(arrays_of(proto)["A"], name="A")
    model.graph.initializers["A"].const_value = tensor
    light, arrays = take_apart(model)
    assert WIDE * WIDE * 4 >= LEAST_BYTES and list(arrays) == ["A"]
    assert np.shares_memory(arrays["A"], tensor.numpy())
    assert len(light.SerializeToString()) < 20_000
    assert model.graph.initializers["A"].const_value is tensor, "the model stays as it was"


def test_weights_that_a_run_may_override_stay(proto: onnx.ModelProto) -> None:
    proto.graph.input.append(onnx.helper.make_tensor_value_info("A", onnx.TensorProto.FLOAT, [WIDE, WIDE]))
    assert take_apart(ir.serde.deserialize_model(proto))[1] == {}


def test_file_in_pieces_is_the_same_model(
    proto: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto.producer_name, proto.doc_string = "somebody", "a note"
    model = ir.serde.deserialize_model(proto)
    monkeypatch.setattr(weights, "LARGE_BYTES", 1 << 20)
    weights.save(model, tmp_path / "m.onnx")
    back = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(back, full_check=True)
    assert (back.producer_name, back.doc_string) == ("somebody", "a note")
    assert [node.op_type for node in back.graph.node] == ["MatMul", "Relu", "Gemm"]
    for name, array in arrays_of(proto).items():
        np.testing.assert_array_equal(arrays_of(back)[name], array)
    assert max(len(piece) for piece in encoded(model) if isinstance(piece, bytes)) < 20_000
    assert open_model(tmp_path / "m.onnx", Context()).info.params == WIDE * WIDE + WIDE * 4 + 4


def test_graph_runs_on_its_own_arrays(proto: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "FED_BYTES", 1 << 20)
    runner = Runner(ir.serde.deserialize_model(proto), 1)
    assert list(runner._fed) == ["A"] and [one.name for one in runner.inputs] == ["x"]
    np.testing.assert_allclose(runner.run({"x": some()})[0], wanted(proto, some()), atol=1e-4)


def test_kernels_of_a_large_graph_are_timed_on_constants(
    proto: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "FED_BYTES", 1 << 20)
    runner = Runner(ir.serde.deserialize_model(proto), 1, profile_prefix=str(tmp_path / "run"))
    assert len(runner._kept) == 1 and not runner._fed
    np.testing.assert_allclose(runner.run({"x": some()})[0], wanted(proto, some()), atol=1e-4)
    assert Path(runner.session.end_profiling()).exists()


@pytest.mark.parametrize("operator", ["Gemm", "MatMul"])
def test_a_large_gemm_is_timed_on_the_model_s_own_array(
    proto: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: str
) -> None:
    # a Gemm's rows are samples, of which one is timed; a MatMul may have many for each and is slower so
    proto.graph.node[0].op_type = operator
    monkeypatch.setattr(runners, "FED_BYTES", 1 << 20)
    monkeypatch.setattr(large_file, "LARGE_FILE", 1 << 20)
    monkeypatch.setattr(apart, "WAITED_FOR_BYTES", WIDE * WIDE * 4)
    path = tmp_path / "m.onnx"
    onnx.save(proto, path)
    opened = open_model(path, Context())
    profile = str(tmp_path / "run")
    for runner in (Runner(opened.model, 1, profile_prefix=profile), Runner(path, 1, constant=True)):
        assert list(runner._fed) == (["A"] if operator == "Gemm" else [])
        np.testing.assert_allclose(runner.run({"x": some()})[0], wanted(proto, some()), atol=1e-4)
    monkeypatch.setattr(apart, "WAITED_FOR_BYTES", WIDE * WIDE * 4 + 1)
    assert not Runner(path, 1, constant=True)._fed


def test_file_that_is_open_lends_its_weights(
    proto: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_file, "LARGE_FILE", 1 << 20)
    path = tmp_path / "m.onnx"
    onnx.save(proto, path)
    assert large_file.read_large(path) is None, "nobody has opened it"
    opened = open_model(path, Context())
    found = large_file.read_large(path)
    assert found is not None
    kept = opened.model.graph.initializers["A"].const_value
    assert kept is not None and np.shares_memory(found[1]["A"], kept.numpy())
    fed, timed = Runner(path, 1), Runner(path, 1, constant=True)
    # products read them at each run, of which onnxruntime would make copies; timed they lie in the file
    assert list(fed._fed) == ["A"] and not fed._kept and [one.name for one in fed.inputs] == ["x"]
    assert not timed._fed and len(timed._kept) == 1
    for runner in (fed, timed):
        np.testing.assert_allclose(runner.run({"x": some()})[0], wanted(proto, some()), atol=1e-4)
    del kept, found, fed, timed, runner
    # another file at the same place is not taken for it
    proto.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(2 * arrays_of(proto)["A"], "A"))
    onnx.save(proto, path)
    assert large_file.read_large(path) is None
    np.testing.assert_allclose(Runner(path, 1).run({"x": some()})[0], wanted(proto, some()), atol=1e-4)
    del opened
