"""What plans take, worked out by hand from times of kernels that are given."""

from __future__ import annotations

import pytest

from core.kernel_model import KernelModel, between, channels_kept, setting_of
from core.values import (
    KernelTime,
    Latency,
    LatencyTable,
    LayerPlan,
    LayerTime,
    Plan,
    TimedNode,
    Timings,
)

FLOAT = KernelTime(ms=4.0, form="blocked", enter_ms=0.2, leave_ms=0.1)
INT8 = KernelTime(ms=1.0, form="integer", enter_ms=0.5, leave_ms=0.3)
ORIGINAL = Latency(median_ms=10.0, low_ms=9.0, high_ms=12.0, runs=50, threads=2)
W8A8 = LayerPlan(weight_bits=8, activation_bits=8)


def conv(name: str, entry: str, result: str, **settings: object) -> TimedNode:
    fields: dict[str, object] = {
        "op": "Conv",
        "kind": "layer",
        "conv": True,
        "integer": True,
        "times": (("float", FLOAT), ("int8", INT8)),
    }
    return TimedNode(name=name, inputs=(entry,), output=result, **{**fields, **settings})  # type: ignore[arg-type]


def table(*nodes: TimedNode, outputs: tuple[str, ...] = ("y",)) -> LatencyTable:
    return LatencyTable(nodes=nodes, outputs=outputs, threads=2)


CHAIN = table(conv("a", "x", "v"), conv("b", "v", "y"))


def model_of(made: LatencyTable, timings: Timings | None = None) -> KernelModel:
    return KernelModel(made, timings)


def test_values_are_converted_at_the_ends_and_between_unlike_neighbours_only() -> None:
    model = model_of(CHAIN)
    # two float convolutions, into blocks at the start and out of them at the end
    assert model.sum_ms(Plan()) == pytest.approx(0.2 + 4 + 4 + 0.1)
    assert model.sum_ms(Plan(defaults=W8A8)) == pytest.approx(0.5 + 1 + 1 + 0.3)
    # integers at first: into integers, out of them and into blocks in the middle, out of blocks at the end
    mixed = Plan().with_layer("a", weight_bits=8, activation_bits=8)
    assert model.sum_ms(mixed) == pytest.approx(0.5 + 1 + 0.3 + 0.2 + 4 + 0.1)


def test_a_value_that_several_read_is_converted_once() -> None:
    split = table(
        conv("a", "x", "v"),
        conv("b", "v", "p"),
        conv("c", "v", "q"),
        outputs=("p", "q"),
    )
    both = Plan().with_layer("b", weight_bits=8, activation_bits=8)
    both = both.with_layer("c", weight_bits=8, activation_bits=8)
    # a in float; out of blocks once, into integers once, out of them for each output
    assert model_of(split).sum_ms(both) == pytest.approx(0.2 + 4 + 0.1 + 0.5 + 1 + 1 + 0.3 + 0.3)


def test_the_sum_is_held_against_the_measured_original() -> None:
    model = model_of(CHAIN)
    # 8.3 ms of kernels; the run took 10 ms, so 1.7 ms are neither's
    found = model.predicted(Plan(defaults=W8A8), ORIGINAL)
    assert found.median_ms == pytest.approx(10.0 * (2.8 + 1.7) / (8.3 + 1.7))
    assert found.low_ms == pytest.approx(0.9 * found.median_ms)
    assert (found.runs, found.threads) == (0, 2)
    assert model.predicted(Plan(), ORIGINAL) == Latency(
        median_ms=10.0, low_ms=9.0, high_ms=12.0, runs=0, threads=2
    )


def test_what_the_profiler_saw_of_other_nodes_bounds_the_rest() -> None:
    layers = tuple(LayerTime(layer_id=name, time_ms=5.0, share=0.45) for name in "ab")
    model = model_of(CHAIN, Timings(layers=layers, total_ms=11.0, threads=2))
    # 11 - 10 in layers, less 0.3 for the conversions of the original
    assert model.rest_ms(ORIGINAL) == pytest.approx(0.7)
    found = model.predicted(Plan(defaults=W8A8), ORIGINAL)
    assert found.median_ms == pytest.approx(10.0 * (2.8 + 0.7) / (8.3 + 0.7))


def test_a_kernel_that_was_not_measured_goes_by_the_usual_factor() -> None:
    bare = table(conv("a", "x", "y", times=(("float", FLOAT),)))
    model = model_of(bare)
    assert model.sum_ms(Plan(defaults=W8A8)) == pytest.approx(4 / 2.5)
    assert model.sum_ms(Plan(defaults=LayerPlan(weight_bits=8, activation_bits=16))) == pytest.approx(4 * 1.8)
    assert not model.knows(Plan(defaults=W8A8))
    assert model_of(CHAIN).knows(Plan(defaults=W8A8))
    assert not model_of(table(conv("a", "x", "y", times=()))).usable


def test_weights_alone_change_nothing_because_they_are_widened_on_loading() -> None:
    for bits in (2, 4, 8, 16):
        plan = Plan(defaults=LayerPlan(weight_bits=bits))
        assert model_of(CHAIN).sum_ms(plan) == pytest.approx(8.3)


def test_which_kernel_a_setting_means() -> None:
    node = conv("a", "x", "y")
    dense = conv("a", "x", "y", op="Gemm", conv=False)

    def setting(one: TimedNode, **fields: object) -> str:
        return setting_of(one, Plan(defaults=LayerPlan(**fields)))  # type: ignore[arg-type]

    assert setting(node, weight_bits=4, activation_bits=8) == "int8"
    assert setting(node, weight_bits=8, activation_bits=8, symmetric=False) == "int8-shifted"
    # zero points of few bits are taken into the weights
    assert setting(node, weight_bits=4, activation_bits=8, symmetric=False) == "int8"
    assert setting(node, weight_bits=8, activation_bits=16) == "int16"
    assert setting(node, sparsity=0.9) == "float"
    blocks = {"weight_bits": 3, "granularity": "block", "block_size": 64}
    assert setting(dense, **blocks) == "nbits-4-64-even"
    assert setting(dense, **blocks, symmetric=False) == "nbits-4-64-shifted"
    assert setting(node, **blocks) == "float"
    assert setting(conv("a", "x", "y", integer=False), weight_bits=8, activation_bits=8) == "float"


def test_the_ends_stay_in_float_unless_asked_for_by_themselves() -> None:
    node = conv("a", "x", "y", end=True)
    assert setting_of(node, Plan(defaults=W8A8)) == "float"
    assert setting_of(node, Plan().with_layer("a", weight_bits=8, activation_bits=8)) == "int8"
    off = Plan(defaults=W8A8, methods={"quantize_activations": {"float_ends": False}})
    assert setting_of(node, off) == "int8"
    assert setting_of(node, Plan(defaults=LayerPlan(weight_bits=4, activation_bits=8))) == "int8"


def test_blocks_are_computed_with_where_they_are_faster() -> None:
    def dense(slow: float) -> KernelModel:
        times = (("float", KernelTime(ms=2.0)), ("nbits-4-32-even", KernelTime(ms=slow)))
        return model_of(table(conv("a", "x", "y", op="MatMul", conv=False, times=times)))

    plan = Plan(defaults=LayerPlan(weight_bits=4, granularity="block", block_size=32))
    assert dense(1.0).sum_ms(plan) == pytest.approx(1.0)
    assert dense(1.9).sum_ms(plan) == pytest.approx(2.0)  # less than a tenth faster: not worth it
    always = Plan(defaults=plan.defaults, methods={"matmul_nbits": {"use": "always"}})
    assert dense(3.0).sum_ms(always) == pytest.approx(3.0)
    never = Plan(defaults=plan.defaults, methods={"matmul_nbits": {"use": "never"}})
    assert dense(1.0).sum_ms(never) == pytest.approx(2.0)


def residual() -> LatencyTable:
    add = TimedNode(
        name="add",
        op="Add",
        kind="between",
        inputs=("v", "w"),
        output="s",
        times=(("float", KernelTime(ms=0.7)), ("int8", KernelTime(ms=0.4, form="integer", leave_ms=0.3))),
    )
    return table(conv("a", "x", "v"), conv("b", "v", "w"), add, conv("c", "s", "y"))


def test_a_convolution_adds_the_other_summand_by_itself_only_in_float() -> None:
    model = model_of(residual())
    # in blocks the sum costs nothing
    assert model.sum_ms(Plan()) == pytest.approx(0.2 + 4 + 4 + 4 + 0.1)
    assert model.sum_ms(Plan(defaults=W8A8)) == pytest.approx(0.5 + 1 + 1 + 0.4 + 1 + 0.3)
    # one summand is integers: both leave their form, and a plain sum is computed
    mixed = Plan().with_layer("a", weight_bits=8, activation_bits=8)
    assert model.sum_ms(mixed) == pytest.approx(0.5 + 1 + (0.3 + 0.2) + 4 + 0.1 + 0.7 + 0.2 + 4 + 0.1)


def test_fewer_channels_by_the_measured_widths() -> None:
    widths = (
        ("float@25", KernelTime(ms=1.0)),
        ("float@50", KernelTime(ms=1.5)),
        ("float@75", KernelTime(ms=3.5)),
    )
    cut = table(conv("a", "x", "y", times=(("float", KernelTime(ms=4.0)), *widths)))
    whole = table(conv("a", "x", "y", times=(("float", KernelTime(ms=4.0)),)))

    def plan(percent: float) -> Plan:
        return Plan(methods={"prune_channels": {"channels": percent}})

    assert channels_kept(plan(25.0)) == pytest.approx(0.75)
    assert model_of(cut).sum_ms(plan(25.0)) == pytest.approx(3.5)
    assert model_of(cut).sum_ms(plan(40.0)) == pytest.approx(1.5 + (3.5 - 1.5) * 0.4)
    assert model_of(cut).sum_ms(plan(90.0)) == pytest.approx(1.0 * 0.1 / 0.25)
    # without them work falls with the square of the channels
    assert model_of(whole).sum_ms(plan(50.0)) == pytest.approx(1.0)
    # a quarter of the work is half of the channels
    work = Plan(methods={"prune_channels": {"macs": 75.0}})
    assert channels_kept(work) == pytest.approx(0.5)


def test_lines_between_points() -> None:
    points = ((0.5, 1.0), (1.0, 3.0))
    assert [between(points, at) for at in (0.25, 0.5, 0.75, 1.0, 2.0)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_three_hundred_layers_are_added_up_well_within_a_frame() -> None:
    import time

    nodes = [conv(f"l{i}", f"v{i}", f"v{i + 1}") for i in range(300)]
    model = model_of(table(*nodes, outputs=("v300",)))
    plan = Plan(defaults=W8A8)
    for index in range(0, 300, 3):
        plan = plan.with_layer(f"l{index}", activation_bits=32)
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        model.predicted(plan, ORIGINAL)
        best = min(best, time.perf_counter() - began)
    assert best < 0.05
