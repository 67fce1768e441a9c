"""Which channels are one: worked out by hand for each way of being coupled."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from coupled_networks import NETWORKS, Maker
from graph_makers import body_of, graph_of, node

from core.graph.coupling import ChannelGroup, channel_groups
from core.graph.coupling.reshape import segments
from core.graph.normalize import normalize
from core.graph.surgery import remove_channels


def groups_of(name: str, width: int) -> dict[str, ChannelGroup]:
    return listed(NETWORKS[name](0, width)[0])


def listed(proto: object) -> dict[str, ChannelGroup]:
    model = ir.from_proto(proto)
    normalize(model)
    return {group.id: group for group in channel_groups(model)}


def test_a_residual_stream_is_one_group() -> None:
    groups = groups_of("residual", 6)
    stream = groups["Conv0"]
    assert stream.members == ("Conv0", "Conv4", "Conv9")
    assert stream.consumers == ("Conv2", "Conv7", "Gemm14")
    assert (stream.size, stream.unit) == (6, 1)
    assert groups["Conv2"].size == 8
    assert "output" in str(groups["Gemm14"].why_fixed)


def test_slices_name_every_tensor_with_its_role() -> None:
    stream = groups_of("residual", 6)["Conv0"]
    found = {(part.weight, part.axis, part.role) for part in stream.slices}
    assert {("w0", 0, "out"), ("w2", 1, "in"), ("w4", 0, "out"), ("w10", 1, "in")} <= found
    # biases of the three producers
    assert {("w1", 0, "along"), ("w5", 0, "along"), ("w9", 0, "along")} <= found
    assert all(np.array_equal(part.index, np.arange(6)[:, None]) for part in stream.slices)


def test_concatenated_channels_are_found_at_their_offsets() -> None:
    groups = groups_of("concatenated", 4)
    reader = next(part for part in groups["Conv0"].slices if part.role == "in")
    # read twice: at 0..3, and behind the other branch (7 channels) at 11..14
    assert reader.index.tolist() == [[0, 11], [1, 12], [2, 13], [3, 14]]
    other = [part for part in groups["Conv2"].slices if part.role == "in"]
    assert sorted(part.index[:, 0].tolist()[0] for part in other) == [0, 4]


def test_flattened_channels_are_blocks_of_the_dense_weights() -> None:
    group = groups_of("flattened", 4)["Conv0"]
    channels_first, pixels_first = [part.index for part in group.slices if part.role == "in"]
    assert channels_first[1].tolist() == list(range(16, 32))
    assert pixels_first[1].tolist() == list(range(1, 64, 4))


def test_heads_go_whole() -> None:
    group = next(group for group in groups_of("attention", 5).values() if group.unit == 5)
    assert (group.size, group.unit) == (4, 5)
    reader = next(part for part in group.slices if part.role == "in")
    assert reader.index[2].tolist() == [10, 11, 12, 13, 14]


def test_a_hidden_unit_is_a_row_of_every_gate() -> None:
    group = next(g for g in groups_of("lstm, both directions", 3).values() if g.members == ("LSTM1",))
    parts = {(part.weight, part.axis): part.index for part in group.slices}
    assert parts["w1", 1][1].tolist() == [1, 4, 7, 10]
    assert parts["w3", 1][1].tolist() == [1, 4, 7, 10, 13, 16, 19, 22]
    # behind both directions one after the other
    assert parts["w5", 0][1].tolist() == [1, 4] if ("w5", 0) in parts else True


def test_narrow_groups_go_whole_and_wide_ones_evenly() -> None:
    groups = groups_of("grouped", 4)
    first = next(part for part in groups["Conv0"].slices if part.role == "out")
    assert first.index.tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    narrow = groups["Conv4"]
    assert narrow.size == 8
    assert {part.index.shape[1] for part in narrow.slices if part.role == "out"} == {3, 6}


def test_group_counts_follow() -> None:
    model = ir.from_proto(NETWORKS["grouped"](0, 4)[0])
    normalize(model)
    cut = remove_channels(model, {"Conv4": [0, 5, 6]})
    nodes = {item.name: item for item in cut.graph}
    assert nodes["Conv5"].attributes["group"].as_int() == 5
    assert cut.graph.initializers[nodes["Conv5"].inputs[1].name].shape == (30, 3, 3, 3)


@pytest.mark.parametrize("operator", ["Softmax", "LRN", "NonMaxSuppression2"])
def test_what_mixes_channels_stops_them_by_name(operator: str) -> None:
    m = Maker(0)
    x = m.conv("x", 3, 8)
    attributes = {"Softmax": {"axis": 1}, "LRN": {"size": 3}}.get(operator, {"domain": "custom"})
    y = m.add(operator, x, **attributes)
    proto = m.done({"x": ["N", 3, 4, 4]}, m.conv(y, 8, 2))
    proto.opset_import.add(domain="custom", version=1)
    model = ir.from_proto(proto)
    normalize(model, fold=False)
    first, *_ = channel_groups(model)
    assert not first.removable
    assert operator in str(first.why_fixed)


def test_a_size_that_is_computed_with_stays() -> None:
    m = Maker(0)
    x = m.conv("x", 3, 8)
    channels = m.add("Cast", m.add("Size", x), to=1)
    y = m.add("Mul", f"{x} {channels}")
    groups = listed(m.done({"x": ["N", 3, 4, 4]}, m.conv(y, 8, 2)))
    assert "computed" in str(groups["Conv0"].why_fixed)


def test_branches_give_what_the_if_gives() -> None:
    """An If whose shape is the same in both bodies passes channels on."""
    weights = {"w": np.ones((6, 3, 1, 1), np.float32), "v": np.ones((2, 6, 1, 1), np.float32)}
    weights["yes"] = np.array(True)
    then = body_of([node("Relu", "a", "b", name="relu")], ["b"])
    other = body_of([node("Neg", "a", "c", name="neg")], ["c"])
    nodes = [
        node("Conv", "x w", "a", name="first"),
        node("If", "flag", "d", name="if", then_branch=then, else_branch=other),
        node("Conv", "d v", "y", name="second"),
    ]
    proto = graph_of(nodes, {"x": ["N", 3, 4, 4]}, ["y"], weights)
    proto.graph.input.add(name="flag").type.tensor_type.elem_type = 9
    proto.graph.input[-1].type.tensor_type.shape.SetInParent()
    groups = listed(proto)
    assert groups["first"].removable
    assert groups["first"].consumers == ("second",)


def test_normalisation_parameters_go_along_and_say_that_they_average() -> None:
    m = Maker(0)
    x = m.add("MatMul", f"x {m.weight(5, 8)}")
    y = m.add("LayerNormalization", f"{x} {m.weight(8)} {m.weight(8)}", axis=-1)
    groups = listed(m.done({"x": ["N", 4, 5]}, m.add("MatMul", f"{y} {m.weight(8, 2)}")))
    group = groups["MatMul0"]
    assert {part.weight for part in group.slices} == {"w0", "w1", "w2", "w3"}
    assert len(group.notes) == 1


def test_axes_of_a_reshape_are_matched_from_the_front() -> None:
    assert segments((2, 768), (2, 12, 64)) == [((0,), (0,)), ((1,), (1, 2))]
    assert segments((1, 8, 1, 1), (1, 8)) == [((1,), (1,))]
    assert segments((2, 3, 4), (6, 4)) == [((0, 1), (0,)), ((2,), (1,))]
    assert segments((2, 3), (7,)) is None


def test_few_depthwise_channels_go_one_by_one() -> None:
    m = Maker(0)
    x = m.conv(m.conv("x", 3, 5), 5, 5, 3, group=5)
    group = listed(m.done({"x": ["N", 3, 4, 4]}, m.conv(x, 5, 2)))["Conv0"]
    assert (group.removable, group.size, group.unit) == (True, 5, 1)


def test_groups_of_one_channel_stay_together_with_theirs() -> None:
    """Two groups with one input and two outputs each: one unit is a whole group."""
    m = Maker(0)
    x = m.conv("x", 3, 2)
    y = m.add("ConvTranspose", f"{x} {m.weight(2, 2, 1, 1)} {m.weight(4)}", group=2)
    group = listed(m.done({"x": ["N", 3, 4, 4]}, m.conv(y, 4, 3)))["Conv0"]
    bias, reader = (next(p for p in group.slices if p.weight == name) for name in ("w3", "w4"))
    assert bias.index.tolist() == reader.index.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("op", ["ReduceSum", "MatMul"])
def test_a_sum_without_weights_is_told_of(op: str) -> None:
    m = Maker(0)
    x = m.add("MatMul", f"x {m.weight(5, 8)}")
    if op == "MatMul":
        total = m.add("MatMul", f"{x} {m.add('Transpose', x, perm=[0, 2, 1])}")
    else:
        total = m.add("ReduceSum", f"{x} {m.numbers(2)}", keepdims=1)
    y = m.add("MatMul", f"{x} {m.weight(8, 2)}")
    groups = listed(m.done({"x": ["N", 4, 5]}, f"{y} {total}"))
    assert (groups["MatMul0"].removable, groups["MatMul0"].summed) == (True, True)


def test_an_empty_input_is_no_obstacle() -> None:
    m = Maker(0)
    x = m.conv("x", 3, 8)
    scales = m.weight(4)
    m.weights[scales] = np.array([1, 1, 2, 2], np.float32)
    y = m.add("Resize", f"{x} {m.weight(0)} {scales}", mode="nearest")
    assert listed(m.done({"x": ["N", 3, 4, 4]}, m.conv(y, 8, 2)))["Conv0"].removable
