"""Second moments and im2col columns, against explicit sums and onnxruntime."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from core.context import Context
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods._bias import read_bias, set_bias
from core.methods._factor import factorise
from core.methods._matrices import Form, form_of, outputs_at, patches, places
from core.methods._taps import Tap, joined, node_named
from core.methods.hessian import Moments, inverse
from core.methods.match_statistics import spread_ratio

CONVOLUTIONS = {
    "plain": ((6, 4, 3, 3), {"pads": [1, 1, 1, 1]}),
    "stride and dilation": ((6, 4, 3, 2), {"strides": [2, 1], "dilations": [1, 2], "pads": [1, 0, 0, 2]}),
    "grouped": ((6, 2, 3, 3), {"group": 2}),
    "depthwise": ((4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "depthwise, two each": ((8, 1, 3, 3), {"group": 4}),
    "same upper": ((6, 4, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "same lower": ((6, 4, 2, 2), {"auto_pad": "SAME_LOWER"}),
    "one dimension": ((6, 4, 5), {"pads": [2, 2], "strides": [3]}),
    "three dimensions": ((6, 4, 2, 3, 2), {"pads": [0, 1, 0, 1, 1, 0]}),
}


def convolution(shape: tuple[int, ...], attributes: dict[str, object], folder: Path) -> OpenedModel:
    rng = np.random.default_rng(0)
    group = int(attributes.get("group", 1))  # type: ignore[call-overload]
    weights = {
        "w": rng.standard_normal(shape).astype(np.float32),
        "b": rng.random(shape[0]).astype(np.float32),
    }
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", **attributes)
    dims = ["a", "c", "d"][: len(shape) - 2]
    model = networks.model_of(
        [node],
        {"x": ["N", shape[1] * group, *dims]},
        {"y": ["N", shape[0], *["?" + d for d in dims]]},
        weights,
    )
    return open_model(networks.written(model, folder), Context())


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_patches_times_matrices_are_onnxruntimes_outputs(name: str, tmp_path: Path) -> None:
    shape, attributes = CONVOLUTIONS[name]
    opened = convolution(shape, attributes, tmp_path)
    node = node_named(opened.model, "conv")
    form = form_of(node)
    assert form is not None
    group = int(attributes.get("group", 1))  # type: ignore[call-overload]
    sizes = (11, 9, 7)[: len(shape) - 2]
    x = np.random.default_rng(1).standard_normal((3, shape[1] * group, *sizes)).astype(np.float32)
    y = Runner(opened.model).run({"x": x})[0]
    weight = opened.model.graph.initializers["w"].const_value.numpy()  # type: ignore[union-attr]
    at = places(form, y.shape, 5, np.random.default_rng(2))
    columns = patches(form, x, y.shape[2:], at)
    products = np.einsum("ngc,grc->ngr", columns, form.matrices(weight)).reshape(len(columns), -1)
    bias = read_bias(node, form.channels)
    np.testing.assert_allclose(products + bias, outputs_at(form, y, at), atol=1e-4)
    np.testing.assert_array_equal(form.weight(form.matrices(weight)), weight)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_dense_layer_is_one_matrix_or_blocks_that_add_up(
    transposed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    plain = rng.standard_normal((5, 12)).astype(np.float32)
    weights = {"w": plain if transposed else np.ascontiguousarray(plain.T)}
    node = helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=transposed)
    model = networks.model_of([node], {"x": ["N", 12]}, {"y": ["N", 5]}, weights)
    opened = open_model(networks.written(model, tmp_path), Context())
    x = rng.standard_normal((7, 12)).astype(np.float32)
    for most, groups in ((8192, 1), (4, 3)):
        monkeypatch.setattr("core.methods._matrices.MOST_COLUMNS", most)
        form = form_of(node_named(opened.model, "fc"))
        assert form is not None and form.groups == groups
        stored = weights["w"]
        np.testing.assert_array_equal(form.weight(form.matrices(stored)), stored)
        columns = patches(form, x, (), np.arange(7))
        products = np.einsum("ngc,grc->nr", columns, form.matrices(stored))
        np.testing.assert_allclose(products, x @ plain.T, atol=1e-5)


def test_moments_of_groups_are_each_groups_own_sums(tmp_path: Path) -> None:
    opened = convolution(*CONVOLUTIONS["grouped"], tmp_path)
    form = form_of(node_named(opened.model, "conv"))
    assert form is not None
    rng = np.random.default_rng(3)
    samples = (rng.standard_normal((40, form.groups, form.columns)) + 1).astype(np.float32)
    missed = rng.standard_normal((40, form.channels)).astype(np.float32)
    moments = Moments(form)
    moments.add(samples[:25], missed[:25])
    moments.add(samples[25:], missed[25:])
    quadratic = moments.quadratic(damping=0.0)
    for g in range(form.groups):
        rows = slice(g * form.rows, (g + 1) * form.rows)
        np.testing.assert_allclose(
            quadratic.hessian[g], np.cov(samples[:, g].astype(np.float64).T, bias=True), atol=1e-5
        )
        centred = samples[:, g] - samples[:, g].mean(axis=0)
        expected = (missed[:, rows] - missed[:, rows].mean(axis=0)).T @ centred / 40
        assert quadratic.cross is not None
        np.testing.assert_allclose(quadratic.cross[g], expected, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_wide_sums_are_halved_but_the_hessian_is_whole(
    groups: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.methods.hessian.FLOAT64_COLUMNS", 8)
    monkeypatch.setattr("core.methods.hessian._MIRRORED", 5)
    opened = convolution((6, 4 // groups, 3, 3), {"group": groups}, tmp_path)
    form = form_of(node_named(opened.model, "conv"))
    assert form is not None
    rng = np.random.default_rng(3)
    samples = (rng.standard_normal((90, groups, form.columns)) + 1).astype(np.float32)
    moments = Moments(form)
    moments.add(samples[:25])
    moments.add(samples[25:])
    found = moments.quadratic(damping=0.0).hessian
    assert found.dtype == np.float32
    for g in range(groups):
        exact = np.cov(samples[:, g].astype(np.float64).T, bias=True)
        np.testing.assert_allclose(found[g], exact, atol=1e-5)
    np.testing.assert_array_equal(found, moments.quadratic(damping=0.0).hessian)
    sums = moments._second
    last = moments.quadratic(damping=0.0, last=True).hessian
    np.testing.assert_array_equal(found, last)
    assert last is sums, "no copy of what is not needed any more"


def test_best_weights_and_bias_are_the_least_squares_fit(tmp_path: Path) -> None:
    # the outputs wanted are another layer's: the fit must find that layer
    opened = convolution((3, 2, 1, 1), {}, tmp_path)
    form = form_of(node_named(opened.model, "conv"))
    assert form is not None
    rng = np.random.default_rng(4)
    inputs = (rng.standard_normal((200, 1, 2)) + 3).astype(np.float32)
    ours, theirs = rng.standard_normal((2, 1, 3, 2)).astype(np.float32)
    wanted = inputs[:, 0] @ theirs[0].T + np.array([1.0, 2.0, 3.0], np.float32)
    moments = Moments(form)
    moments.add(inputs, wanted - inputs[:, 0] @ ours[0].T, wanted)
    quadratic = moments.quadratic(damping=0.0)
    found = quadratic.best(ours)
    np.testing.assert_allclose(found, theirs, atol=1e-3)
    np.testing.assert_allclose(quadratic.bias_shift(ours, found), [1, 2, 3], atol=1e-2)
    np.testing.assert_allclose(spread_ratio(quadratic, theirs), 1.0, atol=1e-3)
    np.testing.assert_allclose(spread_ratio(quadratic, theirs / 2), 2.0, atol=1e-2)
    np.testing.assert_allclose(spread_ratio(quadratic, theirs / 9), 4.0)


def test_samples_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    form = form_of(node_named(convolution((3, 2, 1, 1), {}, tmp_path).model, "conv"))
    assert form is not None
    moments = Moments(form)
    samples = np.ones((4, 1, 2), np.float32)
    samples[1] = np.nan
    moments.add(samples)
    assert moments.count == 3 and np.isfinite(moments.quadratic().hessian).all()
    with pytest.raises(ValueError, match="no samples"):
        Moments(form).quadratic()


def test_a_tap_gives_inner_values_and_the_models_own_inputs(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    model = opened.clone()
    conv = node_named(model, "conv2")
    first = node_named(model, "conv1")
    feeds = {"x": networks.pictures(4)}
    inner, fed, own = Tap(model, [conv.inputs[0], first.inputs[0], conv.outputs[0]]).run(feeds)  # type: ignore[list-item]
    np.testing.assert_array_equal(fed, feeds["x"])
    assert (inner >= 0).all() and own.shape[:2] == (4, 8)
    assert joined(node_named(opened.model, "conv2")) is None


def test_a_bias_can_be_read_replaced_and_added(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    feeds = {"x": networks.pictures(2)}
    for name in ("conv1", "conv2"):  # the second has none
        model = opened.clone()
        node = node_named(model, name)
        before = read_bias(node, 8)
        assert before is not None
        set_bias(model, node, before + 1)
        after = Tap(model, [node.outputs[0]]).run(feeds)[0]
        original = opened.clone()
        expected = Tap(original, [node_named(original, name).outputs[0]]).run(feeds)[0]
        np.testing.assert_allclose(after, expected + 1, atol=1e-5)
    assert isinstance(opened.model, ir.Model)


def test_inputs_that_never_change_can_still_be_inverted() -> None:
    """Behind a layer that pruning has silenced only rounding errors are left of the centred moments."""
    form = Form(op="MatMul", shape=(6, 2), groups=1, rows=2, columns=6, transposed=True)
    moments = Moments(form)
    rows = np.tile(np.array([0.1, 0.3, 7.7, 1e-3, 0.7, 123.4], np.float32), (50, 1))
    moments.add(rows[:, None, :], np.zeros((50, 2), np.float32))
    quadratic = moments.quadratic(0.01)
    factorise(quadratic.hessian)
    assert np.isfinite(inverse(quadratic.hessian)).all()


def test_a_bias_follows_large_weights_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    form = Form(op="Conv", shape=(12, 40, 1), groups=3, rows=4, columns=40)
    rng = np.random.default_rng(0)
    moments = Moments(form)
    moments.add(rng.normal(1.0, 1.0, (50, 3, 40)).astype(np.float32))
    quadratic = moments.quadratic()
    before, after = rng.normal(size=(2, 3, 4, 40)).astype(np.float32)
    monkeypatch.setattr("core.methods.hessian._AT_ONCE", 250)  # two rows of each group
    moved = np.einsum("grc,gc->gr", before.astype(np.float64) - after, quadratic.mean)
    np.testing.assert_allclose(quadratic.bias_shift(before, after), moved.reshape(-1), rtol=1e-12)
