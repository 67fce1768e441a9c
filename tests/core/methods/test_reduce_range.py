"""Weights of 7 bits where 8 would overflow: integer kernels then compute what the file says."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from core.context import Context
from core.evaluate.processor import saturates
from core.formats import open_model
from core.graph.weights import to_bytes
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.resolve import base_model, resolve
from core.run_notes import run_notes
from core.values import LayerPlan, Outcome, Plan


def network() -> onnx.ModelProto:
    """Conv 3×3, depthwise 3×3, Conv 1×1; large weights side by side, so that products add up."""
    rng = np.random.default_rng(0)
    weights = {
        "a": rng.uniform(0.9, 1.0, (8, 3, 3, 3)).astype(np.float32),
        "b": rng.uniform(0.9, 1.0, (8, 1, 3, 3)).astype(np.float32),
        "c": rng.uniform(0.9, 1.0, (16, 8, 1, 1)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["p"], name="plain", pads=[1] * 4),
        helper.make_node("Conv", ["p", "b"], ["q"], name="depthwise", pads=[1] * 4, group=8),
        helper.make_node("Conv", ["q", "c"], ["y"], name="last"),
    ]
    return networks.model_of(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 16, 8, 8]}, weights)


def compressed(folder: Path, wanted: str) -> tuple[bytes, dict[str, np.ndarray], tuple]:
    opened = open_model(networks.written(network(), folder), Context())
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8),
        methods={"quantize_weights": {"reduce_range": wanted}},
    )
    feeds = {"x": np.random.default_rng(1).uniform(0.8, 1.0, (4, 3, 8, 8)).astype(np.float32)}
    steps = resolve(opened, plan)
    base = base_model(opened, steps)
    ranges = calibrate(base, placement_for(base, steps).calibrated, lambda: iter([feeds]), Context())
    return to_bytes(assemble(base, steps, ranges)), feeds, steps


def largest(content: bytes) -> dict[tuple[int, ...], int]:
    """Largest integer of each weight, by its shape."""
    arrays = [numpy_helper.to_array(item) for item in onnx.load_from_string(content).graph.initializer]
    return {array.shape: int(np.abs(array.astype(int)).max()) for array in arrays if array.ndim == 4}


def answers(content: bytes, feeds: dict[str, np.ndarray], fused: bool) -> np.ndarray:
    """By integer kernels, or by float arithmetic on the numbers that the file stands for."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    if not fused:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(content, options, ["CPUExecutionProvider"]).run(None, feeds)[0]


def test_seven_bits_are_exact_on_every_processor(tmp_path: Path) -> None:
    content, feeds, _ = compressed(tmp_path, "on")
    bits = largest(content)
    # two neighbours together stay within 128
    assert bits[8, 3, 3, 3] <= 72 and bits[16, 8, 1, 1] <= 72
    # depthwise kernels add up in 32 bits
    assert bits[8, 1, 3, 3] == 127
    exact, found = answers(content, feeds, fused=False), answers(content, feeds, fused=True)
    # one step of the last layer's grid
    assert np.abs(found - exact).max() <= 1.01 * exact.max() / 255


def test_eight_bits_are_kept_if_asked_for(tmp_path: Path) -> None:
    content, feeds, steps = compressed(tmp_path, "off")
    assert set(largest(content).values()) == {127}
    exact, found = answers(content, feeds, fused=False), answers(content, feeds, fused=True)
    same = bool(np.abs(found - exact).max() <= 1.01 * exact.max() / 255)
    assert same is not saturates()
    nothing = Outcome(measurements=(), size_bytes=1, zipped_bytes=1, latency=None)
    said = [str(note) for note in run_notes(steps, (), nothing, nothing)]
    assert any("overflow" in note for note in said) is saturates()


@pytest.mark.parametrize("overflows", [True, False])
def test_auto_follows_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overflows: bool) -> None:
    monkeypatch.setattr("core.methods.resolve.saturates", lambda: overflows)
    content, _, steps = compressed(tmp_path, "auto")
    assert (largest(content)[8, 3, 3, 3] == 127) is not overflows
    # what was measured with other weights does not count for these
    assert [step.key for step in steps] != [
        step.key for step in compressed(tmp_path, "off")[2]
    ] or not overflows
