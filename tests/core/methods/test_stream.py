"""A network in parts: the same values as in one go, each part run once, the least put aside at a cut."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from core.context import Context
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.methods import _shelf
from core.methods._shelf import Shelf
from core.methods._stream import Stream, dynamic, live_before
from core.methods._taps import Tap, node_named


@pytest.mark.parametrize("in_memory", [0, 100, 1 << 20])
def test_a_shelf_gives_back_what_was_put_there(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shelf, "IN_MEMORY", in_memory)
    rng = np.random.default_rng(0)
    arrays = [
        rng.standard_normal((3, 4)).astype(np.float32),
        rng.integers(0, 255, (2, 3, 5)).astype(np.uint8).transpose(2, 0, 1),
        np.array(7, np.int64),
        np.array([True, False]),
        np.empty((0, 3), np.float32),
    ]
    shelf = Shelf()
    for key, array in enumerate(arrays):
        shelf.put(("a", key), array)
    for key in (3, 0, 4, 1, 2):
        found = shelf.get(("a", key))
        np.testing.assert_array_equal(found, arrays[key])
        assert found.dtype == arrays[key].dtype and found.shape == arrays[key].shape
    shelf.close()
    with pytest.raises(KeyError):
        shelf.get(("a", 0))


def diamond(folder: Path) -> OpenedModel:
    """x → a → b → c → y with a shortcut from a to the Add before c, and a dequantised value in it."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], "relu"),
        helper.make_node("QuantizeLinear", ["a", "s", "z"], ["q"], "quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantize"),
        helper.make_node("Neg", ["d"], ["b"], "neg"),
        helper.make_node("Add", ["b", "d"], ["c"], "add"),
        helper.make_node("Mul", ["c", "half"], ["y"], "mul"),
    ]
    weights = {
        "s": np.array(0.1, np.float32),
        "z": np.array(0, np.uint8),
        "half": np.array(0.5, np.float32),
    }
    model = networks.model_of(nodes, {"x": ["N", 4]}, {"y": ["N", 4]}, weights)
    return open_model(networks.written(model, folder), Context())


def test_what_lives_at_a_cut_is_what_is_read_behind_it(tmp_path: Path) -> None:
    model = diamond(tmp_path).clone()
    keys = dynamic(model)
    assert set(keys) == {"a", "q", "d", "b", "c", "y"}

    def names(node: str) -> list[str | None]:
        return [value.name for value in live_before(model, node_named(model, node), keys)]

    assert names("quantize") == ["a"]
    assert names("neg") == ["q"]  # eight bits of it, not the float behind them
    assert names("add") == ["b", "q"]
    assert names("mul") == ["c"]


def shelved(feeds: list[np.ndarray]) -> Shelf:
    inputs = Shelf()
    for piece, array in enumerate(feeds):
        inputs.put((piece, "x"), array)
    return inputs


def test_parts_give_what_the_whole_gives_and_do_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = diamond(tmp_path)
    rng = np.random.default_rng(1)
    feeds = [rng.standard_normal((count, 4)).astype(np.float32) for count in (3, 2)]
    stream = Stream(shelved(feeds), ["x"], 2)
    operators: list[set[str]] = []
    monkeypatch.setattr(
        "core.methods._stream.tidy", lambda model: operators.append({node.op_type for node in model.graph})
    )
    for node, wanted in (("neg", "d"), ("add", "b"), ("mul", "c"), ("mul", "y")):
        model = opened.clone()
        value = dynamic(model)[wanted]
        twin = opened.clone()
        tap = Tap(twin, [dynamic(twin)[wanted]])
        found = dict(stream.run(model, node_named(model, node), [value]))
        assert sorted(found) == [0, 1]
        for piece, array in enumerate(feeds):
            np.testing.assert_array_equal(found[piece][0], tap.run({"x": array})[0])
    assert operators == [
        {"Relu", "QuantizeLinear", "DequantizeLinear", "Identity"},
        {"DequantizeLinear", "Neg", "Identity"},
        {"DequantizeLinear", "Add", "Identity"},
        {"Mul", "Identity"},
    ]
    stream.close()


def test_what_lies_behind_the_cut_may_change(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.cnn(), tmp_path), Context())
    x = networks.pictures(4)
    stream = Stream(shelved([x]), ["x"], 1)
    model = opened.clone()
    list(stream.run(model, node_named(model, "conv2"), []))
    changed = opened.clone()
    tensor = changed.graph.initializers[node_named(changed, "conv2").inputs[1].name or ""]  # type: ignore[union-attr]
    assert tensor.const_value is not None
    tensor.const_value = ir.Tensor(2 * tensor.const_value.numpy())
    output = node_named(changed, "conv2").outputs[0]
    last = list(changed.graph)[-1]
    ((_, (found,)),) = stream.run(changed, last, [output])
    twin = opened.clone()
    (plain,) = Tap(twin, [node_named(twin, "conv2").outputs[0]]).run({"x": x})
    np.testing.assert_allclose(found, 2 * plain, rtol=1e-4, atol=1e-5)


def test_inputs_and_values_of_the_cut_itself_are_handed_through(tmp_path: Path) -> None:
    opened = diamond(tmp_path)
    x = np.ones((2, 4), np.float32)
    stream = Stream(shelved([x]), ["x"], 1)
    model = opened.clone()
    ((_, (fed,)),) = stream.run(model, node_named(model, "relu"), [model.graph.inputs[0]])
    np.testing.assert_array_equal(fed, x)
    model = opened.clone()
    list(stream.run(model, node_named(model, "mul"), []))
    model = opened.clone()
    ((_, (held,)),) = stream.run(model, node_named(model, "mul"), [dynamic(model)["c"]])
    np.testing.assert_allclose(held, 0.0)
