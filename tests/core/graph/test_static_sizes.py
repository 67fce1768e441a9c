"""Sizes that never change become constants; those that follow the input stay computed."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from coupled_networks import Maker
from graph_makers import run

from core.graph.coupling import channel_groups
from core.graph.normalize import normalize
from core.graph.static_sizes import fold_static_sizes
from core.graph.surgery import remove_channels


def heads_from_sizes() -> ir.Model:
    """(N, 6, 5) → heads of width 3, split by sizes that the graph reads: N, and 12 over 4."""
    m = Maker(0)
    x = m.add("MatMul", f"x {m.weight(5, 12)}")
    sizes = m.add("Shape", x)
    axis = m.numbers(0)
    samples = m.add("Gather", f"{sizes} {axis}")
    width = m.add("Div", f"{m.add('Gather', f'{sizes} {m.numbers(2)}')} {m.numbers(4)}")
    target = m.add("Concat", f"{samples} {m.numbers(6)} {m.numbers(4)} {width}", axis=0)
    heads = m.add("Transpose", m.add("Reshape", f"{x} {target}"), perm=[0, 2, 1, 3])
    turned = m.add("Transpose", heads, perm=[0, 1, 3, 2])
    scores = m.add("Softmax", m.add("MatMul", f"{heads} {turned}"), axis=-1)
    y = m.add("Transpose", m.add("MatMul", f"{scores} {heads}"), perm=[0, 2, 1, 3])
    back = m.add("Concat", f"{samples} {m.numbers(6)} {m.numbers(12)}", axis=0)
    y = m.add("MatMul", f"{m.add('Reshape', f'{y} {back}')} {m.weight(12, 2)}")
    model = ir.from_proto(m.done({"x": ["N", 6, 5]}, y))
    normalize(model)
    return model


def test_only_sizes_that_never_change_become_constants() -> None:
    model = heads_from_sizes()
    assert fold_static_sizes(model) >= 1
    assert [node.op_type for node in model.graph].count("Gather") == 0
    original = heads_from_sizes()
    for count in (1, 4):
        feeds = {"x": np.random.default_rng(0).normal(size=(count, 6, 5)).astype(np.float32)}
        np.testing.assert_array_equal(run(model, feeds)[0], run(original, feeds)[0])


def test_heads_split_by_sizes_that_the_graph_reads_can_go() -> None:
    model = heads_from_sizes()
    group = channel_groups(model)[0]
    assert (group.removable, group.size, group.unit) == (True, 4, 3)
    after = remove_channels(model, {group.id: [1, 2]})
    feeds = {"x": np.ones((3, 6, 5), np.float32)}
    assert run(after, feeds)[0].shape == (3, 6, 2)
    # the weights of heads 0 and 3 alone, by hand
    stored = [value.const_value.numpy() for value in model.graph.initializers.values()]
    w, v = (next(array for array in stored if array.shape == shape) for shape in ((5, 12), (12, 2)))
    kept = [0, 1, 2, 9, 10, 11]
    z = (feeds["x"] @ w[:, kept]).reshape(3, 6, 2, 3).transpose(0, 2, 1, 3)
    e = np.exp(z @ z.transpose(0, 1, 3, 2))
    y = ((e / e.sum(-1, keepdims=True)) @ z).transpose(0, 2, 1, 3).reshape(3, 6, 6) @ v[kept]
    np.testing.assert_allclose(run(after, feeds)[0], y, rtol=1e-4, atol=1e-5)
