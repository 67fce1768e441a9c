"""A network cut behind a layer answers as the whole one does, for any graph."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.context import Context
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.suffix import border, prefix, suffix


def residual() -> onnx.ModelProto:
    """x → a → Relu → b → (+ a's Relu) → c, and a second output from a alone."""
    rng = np.random.default_rng(3)
    weights = {name: rng.standard_normal((6, 6)).astype(np.float32) for name in ("wa", "wb", "wc")}
    nodes = [
        helper.make_node("MatMul", ["x", "wa"], ["a"], name="a"),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "wb"], ["b"], name="b"),
        helper.make_node("Add", ["b", "r"], ["s"], name="sum"),
        helper.make_node("MatMul", ["s", "wc"], ["y"], name="c"),
        helper.make_node("Neg", ["r"], ["z"], name="side"),
    ]
    shape: list[int | str] = ["N", 6]
    return networks.model_of(nodes, {"x": shape}, {"y": shape, "z": shape}, weights)


def opened_of(model: onnx.ModelProto, folder: Path) -> OpenedModel:
    return open_model(networks.written(model, folder), Context())


def test_the_border_of_a_branch_is_what_its_rest_reads(tmp_path: Path) -> None:
    model = opened_of(residual(), tmp_path).model
    assert border(model, ["b"], 0) == ("r",)
    assert set(border(model, ["c"], 0) or ()) == {"s"}
    assert border(model, ["a"], 0) == ("x",)
    assert border(model, ["b"], 1) is None  # the second output has nothing to do with it
    with pytest.raises(KeyError):
        border(model, ["nobody"], 0)


@pytest.mark.parametrize("layer", ["a", "b", "c"])
@pytest.mark.parametrize("apart", [False, True])
def test_the_rest_answers_like_the_whole(tmp_path: Path, layer: str, apart: bool) -> None:
    opened = opened_of(residual(), tmp_path)
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    whole = Runner(opened.model).run({"x": x})[0]
    names = [name for name in border(opened.model, [layer], 0) or () if name != "x"]
    values = dict(zip(names, Runner(prefix(opened.model, names)).run({"x": x}), strict=True)) if names else {}
    at_border = {"x": x, **values}
    cut = suffix(opened.model, [layer], 0, [f"w{layer}"], at_border, apart)
    assert cut is not None
    assert len(cut.model.graph) < len(opened.model.graph) or layer == "a"
    feeds = {name: at_border[name] for name in cut.border}
    feeds |= {name: at_border[source] for name, source in cut.own.items()}
    assert bool(cut.own) is apart
    runner = Runner(cut.model)
    weight = opened.model.graph.initializers[f"w{layer}"].const_value
    assert weight is not None
    np.testing.assert_allclose(runner.run({**feeds, f"w{layer}": weight.numpy()})[0], whole, rtol=1e-5)

    changed = opened.clone()
    other = np.eye(6, dtype=np.float32)
    changed.graph.initializers[f"w{layer}"].const_value = ir.Tensor(other, name=f"w{layer}")
    expected = Runner(changed).run({"x": x})[0]
    np.testing.assert_allclose(runner.run({**feeds, f"w{layer}": other})[0], expected, rtol=1e-5, atol=1e-6)


def test_an_input_of_its_own_changes_nothing_for_others(tmp_path: Path) -> None:
    opened = opened_of(residual(), tmp_path)
    r = np.random.default_rng(0).random((4, 6)).astype(np.float32)
    cut = suffix(opened.model, ["b"], 0, [], {"r": r}, apart=True)
    assert cut is not None and list(cut.own.values()) == ["r"] and cut.border == ("r",)
    (own,) = cut.own
    weights = {n: v.const_value.numpy() for n, v in opened.model.graph.initializers.items() if v.const_value}
    found = Runner(cut.model).run({"r": r, own: np.zeros_like(r)})[0]
    # b sees zeros, the shortcut still sees r
    np.testing.assert_allclose(found, r @ weights["wc"], rtol=1e-5, atol=1e-6)


def test_a_layer_inside_a_branch_is_cut_before_the_branch(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)

    def body(name: str, factor: float) -> onnx.GraphProto:
        nodes = [
            helper.make_node("MatMul", ["h", "w"], [f"{name}_m"], name=f"{name}_mul"),
            helper.make_node("Mul", [f"{name}_m", f"{name}_f"], [f"{name}_y"], name=f"{name}_scale"),
        ]
        out = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, ["N", 3])
        constant = numpy_helper.from_array(np.float32(factor).reshape(1), f"{name}_f")
        return helper.make_graph(nodes, name, [], [out], [constant])

    nodes = [
        helper.make_node("Relu", ["x"], ["h"], name="relu"),
        helper.make_node("ReduceSum", ["x"], ["total"], name="total", keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"], name="greater"),
        helper.make_node(
            "If", ["positive"], ["y"], name="choose", then_branch=body("t", 2.0), else_branch=body("e", -1.0)
        ),
    ]
    model = networks.model_of(
        nodes, {"x": ["N", 3]}, {"y": ["N", 3]}, {"w": weight, "zero": np.zeros((), np.float32)}
    )
    opened = opened_of(model, tmp_path)
    names = border(opened.model, ["t_mul"], 0)
    assert names is not None and "h" in names and "x" not in names
    x = np.random.default_rng(1).random((2, 3)).astype(np.float32)
    inner = [name for name in names if name != "x"]
    values = dict(zip(inner, Runner(prefix(opened.model, inner)).run({"x": x}), strict=True))
    shared = next(layer.weights[0] for layer in opened.info.layers if layer.id == "t_mul")
    cut = suffix(opened.model, ["t_mul"], 0, [shared], values)
    assert cut is not None
    found = Runner(cut.model).session.run(None, {**values, shared: 2 * weight})[0]
    np.testing.assert_allclose(found, 2.0 * (x @ (2 * weight)), rtol=1e-5)
