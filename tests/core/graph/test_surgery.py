"""Removing channels: shapes follow everywhere, and removing zero channels changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from coupled_networks import NETWORKS
from graph_makers import run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory import most_bytes

from core.context import Context
from core.errors import PlanError
from core.formats import open_model
from core.graph.coupling import ChannelGroup, channel_groups
from core.graph.normalize import normalize
from core.graph.surgery import remove_channels
from core.graph.weights import set_weight, to_bytes


def normalised(proto: onnx.ModelProto) -> ir.Model:
    model = ir.from_proto(proto)
    normalize(model)
    return model


def silenced(model: ir.Model, groups: tuple[ChannelGroup, ...], cuts: dict[str, np.ndarray]) -> ir.Model:
    """The model with everything that makes these units, biases included, at zero."""
    result = model.clone()
    for group in groups:
        for part in group.slices:
            if group.id in cuts and part.role != "in":
                array = result.graph.initializers[part.weight].const_value.numpy().copy()
                np.moveaxis(array, part.axis, 0)[part.index[cuts[group.id]].ravel()] = 0
                set_weight(result, part.weight, array)
    return result


def numbers(model: ir.Model) -> int:
    return sum(value.const_value.size for value in model.graph.initializers.values())


def some_of_each(groups: tuple[ChannelGroup, ...], share: float, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = {group.id: min(int(np.ceil(share * group.size)), group.size - 1) for group in groups}
    return {
        group.id: rng.choice(group.size, counts[group.id], replace=False)
        for group in groups
        if group.removable
    }


@pytest.mark.parametrize("name", list(NETWORKS))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1000), width=st.integers(4, 9), share=st.floats(0.1, 0.9))
def test_removing_zero_channels_changes_nothing(name: str, seed: int, width: int, share: float) -> None:
    proto, shapes = NETWORKS[name](seed, width)
    model = normalised(proto)
    groups = channel_groups(model)
    cuts = some_of_each(groups, share, seed)
    assert cuts
    before = silenced(model, groups, cuts)
    after = remove_channels(before, cuts)
    inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(to_bytes(after)), True, True, True)
    onnx.checker.check_model(inferred, full_check=True)
    rng = np.random.default_rng(seed)
    feeds = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    for expected, found in zip(run(before, feeds), run(after, feeds), strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert numbers(after) < numbers(before)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_model_itself_stays(name: str) -> None:
    model = normalised(NETWORKS[name](0, 6)[0])
    before = to_bytes(model)
    remove_channels(model, some_of_each(channel_groups(model), 0.5, 0))
    assert to_bytes(model) == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_large_weight_that_loses_inputs_and_outputs_is_not_copied_in_between() -> None:
    rng = np.random.default_rng(0)
    shapes = {"w1": (8, 4000), "w2": (4000, 4000), "w3": (4000, 8)}
    weights = [
        onnx.numpy_helper.from_array(rng.random(shape, np.float32), name) for name, shape in shapes.items()
    ]
    nodes = [
        onnx.helper.make_node(kind, names, [made], made)
        for kind, names, made in (
            ("MatMul", ["x", "w1"], "a"),
            ("Relu", ["a"], "b"),
            ("MatMul", ["b", "w2"], "c"),
            ("Relu", ["c"], "d"),
            ("MatMul", ["d", "w3"], "y"),
        )
    ]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 8]) for name in ("x", "y")]
    graph = onnx.helper.make_graph(nodes, "two layers between", ends[:1], ends[1:], weights)
    model = normalised(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]))
    before = onnx.numpy_helper.to_array(weights[1])
    set_weight(model, "w2", before)
    first, second = (group for group in channel_groups(model) if group.removable)
    cuts = {first.id: np.arange(0, 4000, 10), second.id: np.arange(0, 4000, 4)}
    after, most = most_bytes(lambda: remove_channels(model, cuts))
    left = after.graph.initializers["w2"].const_value.numpy()
    rows, columns = (np.setdiff1d(np.arange(4000), gone) for gone in cuts.values())
    np.testing.assert_array_equal(left, before[np.ix_(rows, columns)])
    # 3,600 inputs of 3,000 outputs, 43 MB; by way of 3,600 of 4,000 it were 101
    assert left.shape == (3600, 3000) and most < 1.5 * left.nbytes


def test_wrong_cuts_are_refused() -> None:
    model = normalised(NETWORKS["residual"](0, 6)[0])
    groups = channel_groups(model)
    fixed = next(group for group in groups if not group.removable)
    free = next(group for group in groups if group.removable)
    for cuts in ({"nothing": [0]}, {fixed.id: [0]}, {free.id: [free.size]}, {free.id: range(free.size)}):
        with pytest.raises(PlanError):
            remove_channels(model, cuts)


FEEDS = {
    "silero": {"input": (2, 512), "state": (2, 2, 128)},
    "ch_ppocr": {"x": (2, 3, 48, 192)},
    "magika": {"bytes": (2, 2048)},
    "basic_pitch": {"serving_default_input_2:0": (2, 43844, 1)},
    "cifar10": {"image": (2, 3, 32, 32)},
}
REMOVABLE = {
    "basic_pitch_nmp": 3,
    "ch_ppocr_mobile_v2.0_cls_infer": 25,
    "magika_standard_v3_3": 2,
    "mobilenet_cifar10": 15,
    "resnet20_cifar10": 12,
    "silero_vad": 8,
    "silero_vad_op18_ifless": 10,
}
"""At least so many groups; those left have a reason."""


@pytest.mark.parametrize("name", list(REMOVABLE))
def test_real_networks_lose_a_quarter_of_every_group(shared_models: Path, name: str) -> None:
    opened = open_model(shared_models / f"{name}.onnx", Context())
    groups = channel_groups(opened)
    assert sum(group.removable for group in groups) >= REMOVABLE[name]
    assert all(str(group.why_fixed) for group in groups if not group.removable)
    result = remove_channels(opened.model, some_of_each(groups, 0.25, 0))
    rng = np.random.default_rng(0)
    feeds: dict[str, np.ndarray] = {}
    for key, shapes in FEEDS.items():
        if key in name:
            feeds = {given: rng.normal(size=shape).astype(np.float32) for given, shape in shapes.items()}
    if "silero" in name:
        feeds["sr"] = np.array(16000, np.int64)
    if "magika" in name:
        feeds = {"bytes": rng.integers(0, 257, (2, 2048)).astype(np.int32)}
    for expected, found in zip(run(opened.model, feeds), run(result, feeds), strict=True):
        assert expected.shape == found.shape
        assert np.isfinite(found).all()
    assert len(to_bytes(result)) < len(to_bytes(opened.model))
