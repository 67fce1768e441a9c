"""Runner: any number of samples, fixed batches, errors in plain words."""

from __future__ import annotations

import sys
from pathlib import Path

import networks
import numpy as np
import onnx_ir as ir
import pytest
from memory import held_bytes
from onnx import helper

from core.errors import DataError, EngineError, UnsupportedModelError
from core.evaluate import runner as runner_module
from core.evaluate.runner import Runner
from core.evaluate.threads import physical_cores

WEIGHT = np.array([[1, 0], [0, 2], [1, 1]], dtype=np.float32)
SAMPLES = np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], dtype=np.float32)


@pytest.mark.parametrize("form", ["path", "bytes", "ir"])
def test_a_model_runs_from_a_path_from_bytes_and_from_a_graph(form: str, tmp_path: Path) -> None:
    model = networks.dense(WEIGHT)
    source = {
        "path": networks.written(model, tmp_path, "模型 1.onnx"),
        "bytes": model.SerializeToString(),
        "ir": ir.serde.deserialize_model(model),
    }[form]
    runner = Runner(source)
    assert [(i.name, i.dtype, i.shape) for i in runner.inputs] == [("x", "float32", ("N", 2))]
    assert [(o.name, o.shape) for o in runner.outputs] == [("y", ("N", 3))]
    assert runner.run({"x": SAMPLES[:2]})[0].tolist() == [[1, 4, 3], [3, 8, 7]]


@pytest.mark.parametrize("batch", [1, 2, 5, 8])
def test_a_fixed_batch_gives_the_same_answers_as_a_free_one(batch: int) -> None:
    fixed = Runner(networks.dense(WEIGHT, batch=batch).SerializeToString())
    assert fixed.batch_size(32) == batch
    assert np.array_equal(fixed.run({"x": SAMPLES})[0], SAMPLES @ WEIGHT.T)


def test_a_free_batch_is_as_wanted() -> None:
    assert Runner(networks.dense(WEIGHT).SerializeToString()).batch_size(32) == 32


def test_threads_default_to_the_cores_at_hand() -> None:
    runner = Runner(networks.dense(WEIGHT).SerializeToString())
    assert runner.threads == physical_cores() >= 1
    assert Runner(networks.dense(WEIGHT).SerializeToString(), threads=1).threads == 1


def test_samples_of_a_wrong_width_are_the_datas_fault() -> None:
    runner = Runner(networks.dense(WEIGHT).SerializeToString())
    with pytest.raises(DataError) as caught:
        runner.run({"x": np.zeros((1, 3), np.float32)})
    assert "do not fit" in str(caught.value.what)
    assert "Expected: 2" in str(caught.value.why)
    with pytest.raises(DataError):
        runner.run({"other": SAMPLES})


def test_a_model_that_onnxruntime_cannot_load_says_so_quietly(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    node = helper.make_node("NoSuchOperator", ["x"], ["y"], domain="nobody")
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", 1, [1])],
        [helper.make_tensor_value_info("y", 1, [1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nobody", 1)]
    custom = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    for source in (custom, b"no model", tmp_path / "missing.onnx"):
        with pytest.raises(UnsupportedModelError) as caught:
            Runner(source)
        assert str(caught.value.why).startswith("It says: ")
        assert "\n" not in caught.value.one_line()
    assert capfd.readouterr().err == ""


def test_a_failing_run_says_so_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"], name="r")]
    weights = {"s": np.array([7, 7], dtype=np.int64)}
    model = networks.model_of(nodes, {"x": ["N", 2]}, {"y": [7, 7]}, weights)
    with pytest.raises(EngineError) as caught:
        Runner(model.SerializeToString()).run({"x": SAMPLES})
    assert "failed while running" in str(caught.value.what)
    assert capfd.readouterr().err == ""


def test_of_a_branch_the_innermost_operator_is_told() -> None:
    """'While running If node ... while running Reshape node: ...' would be cut before the fault is named."""
    branches = {
        key: helper.make_graph(
            [helper.make_node("Reshape", ["x", "s"], [key], name="r" * 200)],
            key,
            [],
            [helper.make_tensor_value_info(key, 1, None)],
        )
        for key in ("then_branch", "else_branch")
    }
    nodes = [helper.make_node("If", ["yes"], ["y"], name="outer" * 60, **branches)]
    weights = {"s": np.array([7, 7], dtype=np.int64), "yes": np.array(True)}
    model = networks.model_of(nodes, {"x": ["N", 2]}, {"y": [7, 7]}, weights)
    with pytest.raises(EngineError) as caught:
        Runner(model.SerializeToString()).run({"x": SAMPLES})
    why = str(caught.value.why)
    assert "running Reshape node" in why and "If node" not in why


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("Failed to allocate memory for requested buffer of size 9"),
    ],
)
def test_every_shortage_of_memory_gives_the_same_advice(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Short:
        def run(self, *_: object) -> list[np.ndarray]:
            raise error

    runner = Runner(networks.dense(WEIGHT).SerializeToString())
    runner.session = Short()
    with pytest.raises(EngineError) as caught:
        runner.run({"x": SAMPLES})
    assert "smaller batch" in str(caught.value.next_step)

    def no_session(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(runner_module.ort, "InferenceSession", no_session)
    with pytest.raises(EngineError):
        Runner(b"")


def test_a_real_shortage_of_memory_is_recognised() -> None:
    nodes = [helper.make_node("Expand", ["x", "s"], ["y"], name="e")]
    weights = {"s": np.array([2**40, 64], dtype=np.int64)}
    model = networks.model_of(nodes, {"x": ["N", 1]}, {"y": ["M", 64]}, weights)
    with pytest.raises(EngineError) as caught:
        Runner(model.SerializeToString()).run({"x": np.ones((1, 1), np.float32)})
    assert "not enough memory" in str(caught.value.what)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_answers_that_are_kept_do_not_keep_the_sessions_memory() -> None:
    wide = {"w": np.ones((2, 250_000), np.float32), "axis": np.array([1])}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["wide"]),
        helper.make_node("ReduceSum", ["wide", "axis"], ["y"]),
    ]
    model = networks.model_of(nodes, {"x": ["N", 2]}, {"y": ["N", 1]}, wide).SerializeToString()
    feeds = {"x": np.full((48, 2), 0.5, np.float32)}
    Runner(model).run({"x": feeds["x"][:1]})
    before = held_bytes()
    kept = Runner(model).run(feeds)
    assert kept[0].tolist() == [[250_000.0]] * 48
    # what lies in between are 48 MB
    assert held_bytes() - before < 16 << 20
