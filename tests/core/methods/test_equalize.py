"""Channels evened out: factors worked out by hand, the same answers, and kept only where it helps."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import helper

from core.context import Context
from core.data import open_data
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.scaling import scalable, scaled
from core.methods.equalize import level, reaches, smooth
from core.steps import STEPS, Task
from core.values import DataSpec, LayerPlan, Plan

W1 = np.array([[1.0, 0.0], [0.0, 0.25], [0.5, 0.5]], np.float32)
W2 = np.array([[2.0, 8.0, 0.0], [1.0, -4.0, 1.0]], np.float32)


def two_layers(between: str = "Relu", **attributes: object) -> onnx.ModelProto:
    """x → one (W1, b1) → between → two (W2) → y."""
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="one", transB=1),
        helper.make_node(between, ["h"] + (["low", "high"] if between == "Clip" else []), ["r"], name="mid"),
        helper.make_node("Gemm", ["r", "w2"], ["y"], name="two", transB=1),
    ]
    weights = {"w1": W1, "b1": np.array([0.0, 0.1, 0.0], np.float32), "w2": W2}
    if between == "Clip":
        weights |= {"low": np.zeros((), np.float32), "high": np.float32(attributes["high"]).reshape(())}  # type: ignore[arg-type]
    return networks.model_of(nodes, {"x": ["N", 2]}, {"y": ["N", 2]}, weights)


def opened_of(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(networks.written(model, folder), Context())


X = np.array([[4.0, 2.0], [1.0, -3.0], [-2.0, 0.4]], np.float32)


def test_small_channels_rise_to_the_largest_and_nothing_else_changes(tmp_path: Path) -> None:
    opened = opened_of(two_layers(), tmp_path)
    freedom = scalable(opened)
    assert freedom.count == 3
    measured = reaches(opened.model, freedom, [{"x": X}], Context())
    hidden = np.maximum(X @ W1.T + [0.0, 0.1, 0.0], 0)
    np.testing.assert_allclose(measured.largest["r"], hidden.max(0), rtol=1e-6)  # 4, 0.6, 3
    factors = level(freedom, measured, 1.0)
    before = X @ W1.T + [0.0, 0.1, 0.0]
    ratio = np.sqrt(  # the mean of the logarithms over what goes into Relu and what comes out
        (np.abs(before).max() / np.abs(before).max(0)) * (hidden.max() / hidden.max(0))
    )
    order = freedom.values["r"][1]
    np.testing.assert_allclose(factors[order], ratio, rtol=1e-5)
    model = scaled(opened.model, freedom, factors)
    changed = {n: v.const_value.numpy() for n, v in model.graph.initializers.items() if v.const_value}
    np.testing.assert_allclose(changed["w1"], W1 * ratio[:, None], rtol=1e-5)
    np.testing.assert_allclose(changed["w2"], W2 / ratio, rtol=1e-5)
    np.testing.assert_allclose(
        Runner(model).run({"x": X})[0], Runner(opened.model).run({"x": X})[0], rtol=1e-5
    )


def test_a_clip_holds_channels_down(tmp_path: Path) -> None:
    # the first channel reaches 4 of 6, so it may grow by a half; the second would like to grow more
    opened = opened_of(two_layers("Clip", high=6.0), tmp_path)
    freedom = scalable(opened)
    measured = reaches(opened.model, freedom, [{"x": X}], Context())
    factors = level(freedom, measured, 1.0)
    tops = np.array([4.0, 0.6, 3.0])
    assert (factors[freedom.values["r"][1]] * tops <= 6.0 + 1e-6).all()
    model = scaled(opened.model, freedom, factors)
    np.testing.assert_allclose(
        Runner(model).run({"x": X})[0], Runner(opened.model).run({"x": X})[0], rtol=1e-5
    )


def test_a_channel_that_its_clip_cuts_keeps_its_size(tmp_path: Path) -> None:
    opened = opened_of(two_layers("Clip", high=3.5), tmp_path)
    freedom = scalable(opened)
    measured = reaches(opened.model, freedom, [{"x": X}], Context())
    factors = level(freedom, measured, 1.0)
    assert factors[freedom.values["r"][1][0]] == 1.0  # it reaches 4, is cut at 3.5


def test_smoothing_moves_an_outlier_behind_a_normalisation_into_the_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gain = np.array([1.0, 50.0, 1.0, 1.0], np.float32)  # one channel far out, as in language models
    weight = rng.standard_normal((4, 4)).astype(np.float32)
    nodes = [
        helper.make_node("LayerNormalization", ["x", "gain", "shift"], ["n"], name="norm", axis=-1),
        helper.make_node("MatMul", ["n", "w"], ["y"], name="product"),
    ]
    weights = {"gain": gain, "shift": np.zeros(4, np.float32), "w": weight}
    model = networks.model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 4]}, weights)
    opened = opened_of(model, tmp_path)
    freedom = scalable(opened)
    x = rng.standard_normal((64, 4)).astype(np.float32)
    measured = reaches(opened.model, freedom, [{"x": x}], Context())
    factors = smooth(opened.model, freedom, measured, 0.5)
    order = freedom.values["n"][1]
    reach, columns = measured.largest["n"], np.abs(weight).max(1)
    expected = columns**0.5 / reach**0.5
    np.testing.assert_allclose(factors[order], np.maximum(expected / expected.max(), 1 / 16), rtol=1e-5)
    after = scaled(opened.model, freedom, factors)
    even = reaches(after, freedom, [{"x": x}], Context()).largest["n"]
    assert even.max() / even.min() < 0.3 * reach.max() / reach.min()
    np.testing.assert_allclose(
        Runner(after).run({"x": x})[0], Runner(opened.model).run({"x": x})[0], rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("uneven", [True, False])
def test_it_stays_only_where_the_answers_come_nearer(tmp_path: Path, uneven: bool) -> None:
    model = networks.cnn(channels=16)
    if uneven:
        # the same network written with channels of very different size
        size = np.geomspace(1 / 60, 60, 16).astype(np.float32)
        arrays = {t.name: t for t in model.graph.initializer}
        for name, factor in (("w1", size[:, None, None, None]), ("b1", size)):
            new = onnx.numpy_helper.to_array(arrays[name]) * factor
            arrays[name].CopyFrom(onnx.numpy_helper.from_array(new.astype(np.float32), name))
        new = onnx.numpy_helper.to_array(arrays["w2"]) / size[None, :, None, None]
        arrays["w2"].CopyFrom(onnx.numpy_helper.from_array(new.astype(np.float32), "w2"))
    opened = opened_of(model, tmp_path)
    np.savez(tmp_path / "d.npz", x=networks.pictures(300))
    spec = DataSpec(path=str(tmp_path / "d.npz"), calibration_count=200)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8, granularity="tensor"),
        methods={"equalize": {"on": True}},
    )
    step = STEPS["equalize"]
    assert step.asked(opened, plan) and step.run is not None
    done = step.run(opened, Task(opened, data, plan, None, Context()))
    x = networks.pictures(32, seed=9)
    np.testing.assert_allclose(
        Runner(done.model).run({"x": x})[0], Runner(opened.model).run({"x": x})[0], rtol=1e-3, atol=1e-4
    )
    kept = "Evened out" in str(done.did[0])
    assert kept is (done.model is not opened.model)
    if uneven:
        assert kept
