"""What every rewrite of a graph must keep, on networks drawn at random.

Two judges that share nothing with the program: onnxruntime with all its optimisations off, and onnx's
reference evaluator, which is slow and therefore asked about the smaller part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
from graph_makers import run
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from random_networks import RandomNetwork, random_networks
from test_surgery import normalised, silenced, some_of_each

from core.graph.blocks import remove_block, residual_blocks
from core.graph.coupling import ChannelGroup, channel_groups, prepared
from core.graph.fold import fold_constants
from core.graph.normalize import normalize
from core.graph.opset import raise_opset
from core.graph.surgery import remove_channels
from core.graph.weights import set_weight, to_bytes
from core.methods._spatial_mean import pool_spatial_means
from core.methods._tidy import tidy
from core.methods.merge_channels import merge_channels


def examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same examples in every run; no database, no deadline on busy machines."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def assert_same(
    before: onnx.ModelProto | ir.Model,
    after: ir.Model,
    feeds: dict[str, np.ndarray],
    tolerance: float = 1e-4,
) -> None:
    expected, found = run(before, feeds), run(after, feeds)
    assert [array.shape for array in found] == [array.shape for array in expected]
    for want, got in zip(expected, found, strict=True):
        reach = max(float(np.abs(want).max(initial=0.0)), 1e-6)
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * reach)


def referred(model: ir.Model, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    return ReferenceEvaluator(onnx.load_from_string(to_bytes(model))).run(None, feeds)


def more(network: RandomNetwork) -> dict[str, np.ndarray]:
    """Five samples, where the network was drawn with two."""
    return {name: np.concatenate([array, array, array[:1]]) for name, array in network.feeds.items()}


@examples(60)
@given(random_networks())
def test_normalising_keeps_the_answers(network: RandomNetwork) -> None:
    model = normalised(network.proto)
    assert_same(network.proto, model, network.feeds)
    assert_same(network.proto, model, more(network))
    # once more changes nothing
    again = model.clone()
    assert fold_constants(again) == 0


@examples(30)
@given(random_networks(), st.sampled_from([13, 17, 21, 25]))
def test_raising_the_opset_keeps_the_answers(network: RandomNetwork, target: int) -> None:
    model = normalised(network.proto)
    assert_same(model, raise_opset(model, target), network.feeds, 1e-6)


@examples(40)
@given(random_networks())
def test_small_rewrites_keep_the_answers(network: RandomNetwork) -> None:
    model = normalised(network.proto)
    for rewrite in (pool_spatial_means, tidy):
        changed = model.clone()
        rewrite(changed)
        assert_same(model, changed, network.feeds, 1e-6)
    ready = prepared(model)
    assert_same(model, ready, network.feeds, 1e-6)
    assert_same(model, ready, more(network), 1e-6)


@examples(60)
@given(random_networks(keeps_zero=True), st.floats(0.1, 0.9), st.integers(0, 99))
def test_channels_that_are_made_of_zeros_go_without_a_trace(
    network: RandomNetwork, share: float, seed: int
) -> None:
    model = normalised(network.proto)
    groups = channel_groups(model)
    cuts = some_of_each(groups, share, seed)
    assume(cuts)
    before = silenced(model, groups, cuts)
    after = remove_channels(before, cuts)
    assert_same(before, after, network.feeds)
    assert_same(before, after, more(network))
    inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(to_bytes(after)), True, True)
    onnx.checker.check_model(inferred, full_check=True)


@examples(60)
@given(random_networks(), st.floats(0.1, 0.9), st.integers(0, 99))
def test_channels_that_nobody_makes_or_reads_go_without_a_trace(
    network: RandomNetwork, share: float, seed: int
) -> None:
    """Whatever stands between: everything coupled is zero, what is made and what reads it."""
    model = normalised(network.proto)
    groups = tuple(group for group in channel_groups(model) if not group.notes)
    cuts = some_of_each(groups, share, seed)
    assume(cuts)
    before = unread(silenced(model, groups, cuts), groups, cuts)
    after = remove_channels(before, cuts)
    assert_same(before, after, network.feeds)
    assert all(np.isfinite(array).all() for array in run(after, more(network)))


def unread(model: ir.Model, groups: tuple[ChannelGroup, ...], cuts: dict[str, np.ndarray]) -> ir.Model:
    """The model with everything that reads these units at zero too."""
    for group in groups:
        for part in group.slices:
            if group.id in cuts and part.role == "in":
                array = model.graph.initializers[part.weight].const_value.numpy().copy()
                np.moveaxis(array, part.axis, 0)[part.index[cuts[group.id]].ravel()] = 0
                set_weight(model, part.weight, array)
    return model


@examples(50)
@given(random_networks())
def test_any_cut_gives_a_network_that_runs(network: RandomNetwork) -> None:
    model = normalised(network.proto)
    groups = channel_groups(model)
    assert all(str(group.why_fixed) for group in groups if not group.removable)
    after = remove_channels(model, some_of_each(groups, 0.5, 0))
    expected, found = run(model, network.feeds), run(after, network.feeds)
    assert [array.shape for array in found] == [array.shape for array in expected]
    assert all(np.isfinite(array).all() for array in found)


@examples(60)
@given(random_networks(), st.integers(0, 99))
def test_identical_channels_become_one_without_a_trace(network: RandomNetwork, seed: int) -> None:
    model = normalised(network.proto)
    rng = np.random.default_rng(seed)
    for group in channel_groups(model):
        if group.removable:
            one, other = rng.choice(group.size, 2, replace=False)
            for part in group.slices:
                if part.role != "in":
                    array = model.graph.initializers[part.weight].const_value.numpy().copy()
                    along = np.moveaxis(array, part.axis, 0)
                    along[part.index[one]] = along[part.index[other]]
                    set_weight(model, part.weight, array)
    assert_same(model, merge_channels(model, 1e-7).model, network.feeds)


@examples(8)
@given(random_networks())
def test_blocks_that_add_zeros_go_without_a_trace(network: RandomNetwork) -> None:
    model = normalised(network.proto)
    blocks = residual_blocks(model)
    assume(blocks)
    block = blocks[0]
    last = next(node for node in model.graph if node.name == block.layers[-1])
    add = next(node for node in model.graph if node.name == block.id)
    # the layer whose output is what is added, if nothing but its bias comes between
    branch = next(value for value in add.inputs if value is not None and value.name != block.shortcut)
    made = branch.producer()
    silent = [made] if made is not None else []
    if made is not None and made.op_type == "Add":
        silent += [value.producer() for value in made.inputs if value is not None and value.producer()]
    assume(last in silent)
    for node in silent:
        for value in node.inputs:
            if value is not None and value.is_initializer() and value.const_value is not None:
                set_weight(model, value.name or "", np.zeros_like(value.const_value.numpy()))
    assert_same(model, remove_block(model, block.id), network.feeds, 1e-5)


@examples(12)
@given(random_networks(), st.integers(0, 99))
def test_the_reference_evaluator_agrees(network: RandomNetwork, seed: int) -> None:
    """The same rewrites, judged without onnxruntime on either side."""
    # it lacks forms of these, and adds up the groups of a ConvTranspose wrongly
    beyond = {"recurrent", "resized", "space_to_depth", "transposed"}
    assume(not beyond & set(network.text.split(", ")))
    model = normalised(network.proto)
    groups = tuple(group for group in channel_groups(model) if not group.notes)
    cuts = some_of_each(groups, 0.5, seed)
    before = unread(silenced(model, groups, cuts), groups, cuts)
    changed = raise_opset(remove_channels(before, cuts), 21)
    expected = run(before, network.feeds)
    for want, got in zip(expected, referred(changed, network.feeds), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * max(float(np.abs(want).max()), 1e-6))


@examples(40)
@given(random_networks(), st.integers(0, 10**6))
def test_an_unknown_operator_stops_what_it_touches_by_name(network: RandomNetwork, place: int) -> None:
    proto = onnx.ModelProto()
    proto.CopyFrom(network.proto)
    float_nodes = [node for node in proto.graph.node if node.op_type in ("Conv", "MatMul", "Gemm")]
    node = float_nodes[place % len(float_nodes)]
    name = node.output[0]
    assume(name not in {value.name for value in proto.graph.output})
    for other in proto.graph.node:
        for index, given_name in enumerate(other.input):
            if given_name == name:
                other.input[index] = "strange"
    position = list(proto.graph.node).index(node)
    proto.graph.node.insert(
        position + 1, onnx.helper.make_node("Strange", [name], ["strange"], "odd", domain="custom")
    )
    proto.opset_import.add(domain="custom", version=1)
    model = ir.from_proto(proto)
    normalize(model, fold=False)
    for group in channel_groups(model):
        if node.name in group.members:
            assert not group.removable
            assert "Strange" in str(group.why_fixed) or "not known" in str(group.why_fixed) or group.size == 1
