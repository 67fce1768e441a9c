"""Every task through the jobs: judged, its layers swept, the network compressed and judged again."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from core import messages as m
from core.context import Context
from core.jobs import perform
from core.values import Analysis, DataSpec, LayerPlan, Outcome, Plan, Result
from core.workspace import Workspace

SAMPLES = 64


def weights(*shape: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def segmenter() -> onnx.ModelProto:
    """Two convolutions and one score of each of 3 classes for every pixel of 8 × 8."""
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        helper.make_node("Conv", ["r1", "w2"], ["y"], name="conv2", pads=[1, 1, 1, 1]),
    ]
    made = {"w1": weights(8, 3, 3, 3, seed=1), "w2": weights(3, 8, 3, 3, seed=2)}
    return networks.model_of(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 3, 8, 8]}, made)


def speaker(vocabulary: int = 50, width: int = 16) -> onnx.ModelProto:
    """Embeds each token and scores the next one."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["e"], name="embed"),
        helper.make_node("MatMul", ["e", "w1"], ["h"], name="hidden"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "w2"], ["logits"], name="head"),
    ]
    made = {
        "table": weights(vocabulary, width, seed=3) * 3,
        "w1": weights(32, width, seed=4).T.copy(),
        "w2": 4 * weights(vocabulary, 32, seed=5).T.copy(),
    }
    graph = helper.make_graph(
        nodes,
        "speaker",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["N", "T"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "T", vocabulary])],
        [numpy_helper.from_array(array, name) for name, array in made.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answers(path: Path, feeds: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)[0]


def written(folder: Path, task: str) -> tuple[Path, Path, float]:
    """A model, samples whose labels are its own answers disturbed, and what the metric must give for it."""
    rng = np.random.default_rng(7)
    if task == "segmentation":
        path = networks.written(segmenter(), folder)
        x = rng.standard_normal((SAMPLES, 3, 8, 8)).astype(np.float32)
        given = answers(path, {"x": x}).argmax(1)
        y = np.where(rng.random(given.shape) < 0.1, (given + 1) % 3, given)
        arrays = {"x": x, "y": y.astype(np.uint8)}
        shares = [((given == c) & (y == c)).sum() / ((given == c) | (y == c)).sum() for c in range(3)]
        wanted = 100 * float(np.mean(shares))
    elif task == "multilabel":
        path = networks.written(networks.dense(weights(5, 12, seed=8)), folder)
        x = rng.standard_normal((SAMPLES, 12)).astype(np.float32)
        given = answers(path, {"x": x}) > 0
        y = given ^ (rng.random(given.shape) < 0.1)
        arrays = {"x": x, "y": y.astype(np.uint8)}
        wanted = 100 * 2 * (given & y).sum() / (given.sum() + y.sum())
    elif task == "language":
        path = networks.written(speaker(), folder)
        ids = rng.integers(0, 50, (SAMPLES, 9))
        for place in range(1, 9):  # text as the model itself would write it, with a slip now and then
            likely = answers(path, {"input_ids": ids})[:, place - 1].argmax(1)
            ids[:, place] = np.where(rng.random(SAMPLES) < 0.2, ids[:, place], likely)
        logits = answers(path, {"input_ids": ids})[:, :-1].astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(2, keepdims=True))
        nats = -np.take_along_axis(logs, ids[:, 1:, None], 2)
        arrays = {"input_ids": ids}
        wanted = float(np.exp(nats.mean()))
    else:
        path = networks.written(networks.dense(weights(16, 12, seed=9)), folder)
        arrays = {"x": rng.standard_normal((SAMPLES, 12)).astype(np.float32)}
        wanted = 100.0
    np.savez(folder / "data.npz", **arrays)
    return path, folder / "data.npz", wanted


@pytest.mark.parametrize(
    ("task", "metric"),
    [("segmentation", "miou"), ("multilabel", "f1"), ("language", "perplexity"), ("embedding", "cosine")],
)
def test_every_task_is_judged_swept_and_compressed(tmp_path: Path, task: str, metric: str) -> None:
    model, data, wanted = written(tmp_path, task)
    # all samples judge, so that the figure can be worked out above
    judging = DataSpec(path=str(data), calibration_count=0, judge_count=None, task=task)
    outcome = perform(m.Evaluate(model=str(model), data=judging, latency=False), Workspace(), Context())
    assert isinstance(outcome, Outcome)
    assert outcome.primary is not None
    assert (outcome.primary.metric, outcome.primary.count) == (metric, SAMPLES)
    assert outcome.primary.value == pytest.approx(wanted, rel=1e-4)

    spec = DataSpec(path=str(data), calibration_count=16, judge_count=None, task=task)
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    analysis = perform(m.Analyze(model=str(model), data=spec, samples=48), workspace, Context())
    assert isinstance(analysis, Analysis)
    assert {point.measurement.metric for point in analysis.points} == {metric}
    by_bits = {(p.layer_id, p.weight_bits): p for p in analysis.points if not p.sparsity and not p.estimate}
    for layer in {layer for layer, _ in by_bits}:
        assert by_bits[layer, 4].damage > by_bits[layer, 8].damage >= 0

    mild, harsh = (
        perform(
            m.Compress(model=str(model), data=spec, plan=Plan(defaults=LayerPlan(weight_bits=bits))),
            workspace,
            Context(),
        )
        for bits in (8, 2)
    )
    assert isinstance(mild, Result)
    assert isinstance(harsh, Result)
    before, after, worst = (r.primary for r in (mild.before, mild.after, harsh.after))
    assert before is not None and after is not None and worst is not None
    assert after.metric == metric
    sign = 1 if before.higher_is_better else -1
    assert sign * (before.value - worst.value) > sign * (before.value - after.value) - 1e-9
    assert abs(before.value - after.value) < abs(before.value - worst.value)
