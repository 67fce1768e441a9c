"""The values that layers hand on: by channel, on samples, with what their integers cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import networks
import numpy as np
import onnxruntime
import pytest
from onnx import helper

from core.activation_view import SAMPLES, activation_view, see_activations
from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.values import ActivationView, ChannelRanges, DataInfo, Plan, Text

INTEGERS = Plan().with_layer("conv1", weight_bits=8, activation_bits=8)


@dataclass
class Data(networks.ArrayData):
    @property
    def info(self) -> DataInfo:
        count = len(next(iter(self.feeds.values())))
        return msgspec.structs.replace(super().info, calibration_count=count)


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


def look(opened: OpenedModel, layer: str, data: Data, plan: Plan = Plan()) -> ActivationView:  # noqa: B008
    return activation_view(opened, layer, plan, see_activations(opened, layer, data, Context()))


def ranges(view: ActivationView) -> ChannelRanges:
    assert view.ranges is not None
    return view.ranges


def behind_relu(tmp_path: Path, pictures: np.ndarray) -> np.ndarray:
    """(channels, values) of the first Relu, straight from onnxruntime."""
    model = networks.cnn()
    model.graph.output.append(helper.make_tensor_value_info("r1", 1, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(["r1"], {"x": pictures})[0]
    return np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)


def test_ranges_are_those_of_the_network_behind_its_activation(opened: OpenedModel, tmp_path: Path) -> None:
    pictures = networks.pictures(SAMPLES + 20)
    view = look(opened, "conv1", Data({"x": pictures}))
    # the first samples only, of a layer whose ReLU follows
    expected = behind_relu(tmp_path, pictures[:SAMPLES])
    assert view.behind == "Relu" and view.samples == SAMPLES and view.bits == 32
    found = ranges(view).quantiles.numpy()
    assert found[:, 0] == pytest.approx(expected.min(axis=1), abs=1e-5)
    assert found[:, -1] == pytest.approx(expected.max(axis=1), rel=1e-5)
    # each channel has 64 positions a sample, 32 of them are drawn
    assert found[:, 4] == pytest.approx(np.quantile(expected, 0.75, axis=1), abs=0.09)
    assert ranges(view).low is None


def test_what_the_integers_cut_off(opened: OpenedModel) -> None:
    pictures = networks.pictures(32)
    pictures[5] *= 60  # one wild sample: the calibration leaves its extremes out
    plan = msgspec.structs.replace(
        INTEGERS, methods={"calibrate": {"range": "percentile", "percentile": 99.0}}
    )
    view = look(opened, "conv1", Data({"x": pictures}), plan)
    assert view.bits == 8
    found = ranges(view)
    assert found.low is not None and found.high is not None and found.clipped is not None
    assert (found.low.numpy() == 0).all()  # behind a ReLU
    assert len(set(found.high.numpy().tolist())) == 1  # one range for the whole value
    assert (found.high.numpy() < found.quantiles.numpy()[:, -1]).any()
    assert found.clipped.numpy().max() > 0.005
    whole = look(
        opened,
        "conv1",
        Data({"x": pictures}),
        msgspec.structs.replace(plan, methods={"calibrate": {"range": "min-max"}}),
    )
    assert ranges(whole).clipped is not None
    assert ranges(whole).clipped.numpy().max() == 0
    assert ranges(whole).high.numpy()[0] == pytest.approx(ranges(whole).quantiles.numpy()[:, -1].max())


def test_a_layer_without_an_activation_shows_its_own_outputs(opened: OpenedModel) -> None:
    view = look(opened, "fc", Data({"x": networks.pictures(8)}))
    assert view.behind == "Gemm" and view.samples == 8
    assert ranges(view).channels == 4
    assert (ranges(view).quantiles.numpy()[:, 0] < 0).any()


def test_what_is_seen_is_kept_whatever_the_plan(opened: OpenedModel) -> None:
    data = Data({"x": networks.pictures(8)})
    seen = see_activations(opened, "conv1", data, Context())
    reads = data.reads
    assert activation_view(opened, "conv1", Plan(), seen).bits == 32
    assert activation_view(opened, "conv1", INTEGERS, seen).bits == 8
    assert data.reads == reads
    # a plan that cannot be followed is said, and the values are shown
    wrong = activation_view(opened, "conv1", Plan().with_layer("conv1", weight_bits=9), seen)
    assert wrong.ranges is not None and "9 bits" in str(wrong.notes[0])


def test_values_without_channels_have_a_reason(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.standard_normal((1, 16, 3)).astype(np.float32),
        "r": rng.standard_normal((1, 16, 4)).astype(np.float32),
    }
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], name="lstm", hidden_size=4)
    model = networks.model_of([node], {"x": [5, "N", 3]}, {"y": [5, 1, "N", 4]}, weights)
    opened = open_model(networks.written(model, tmp_path), Context())
    feeds = {"x": rng.standard_normal((4, 5, 3)).astype(np.float32)}
    seen = see_activations(opened, "lstm", Data(feeds), Context())
    assert isinstance(seen, Text) and "not laid out by channels" in str(seen)
    assert activation_view(opened, "lstm", Plan(), seen).ranges is None


def test_no_samples_and_values_that_are_not_numbers(opened: OpenedModel) -> None:
    none = see_activations(opened, "conv1", Data({"x": networks.pictures(0)}), Context())
    assert isinstance(none, Text) and "no calibration samples" in str(none)
    pictures = networks.pictures(4)
    pictures[0, 0, 0, 0] = np.nan
    assert np.isfinite(ranges(look(opened, "fc", Data({"x": pictures}), INTEGERS)).quantiles.numpy()).all()
