"""Options add up to what a plan takes; what they cannot know is told by the whole plan's time."""

from __future__ import annotations

import pytest

from core.best.pareto import Frontier
from core.best.solve import total
from core.best.times import LayerTimes
from core.kernel_model import KernelModel
from core.predict import Curve
from core.values import (
    DamageLink,
    Goal,
    KernelTime,
    Latency,
    LatencyTable,
    Layer,
    LayerPlan,
    LayerTime,
    Measurement,
    ModelInfo,
    Outcome,
    SensitivityPoint,
    TimedNode,
    Timings,
)

NAMES = ("a", "b", "c")
DAMAGES = {"a": 0.001, "b": 0.01, "c": 0.002}
FLOAT = KernelTime(ms=4.0, form="blocked", enter_ms=0.2, leave_ms=0.1)
INT8 = KernelTime(ms=1.0, form="integer", enter_ms=3.0, leave_ms=3.0)
W8A8 = LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8)
# three convolutions, one after the other: 12 ms, 0.3 ms for the way into blocks of channels and back
LATENCY = Latency(median_ms=12.3, low_ms=12.0, high_ms=13.0, runs=50, threads=2)
TIMINGS = Timings(
    layers=tuple(LayerTime(layer_id=name, time_ms=4.0, share=0.33) for name in NAMES),
    total_ms=12.3,
    threads=2,
)


def kernels() -> KernelModel:
    values = ("x", "v", "w", "y")
    nodes = tuple(
        TimedNode(
            name=name,
            op="Conv",
            kind="layer",
            inputs=(values[place],),
            output=values[place + 1],
            conv=True,
            integer=True,
            times=(("float", FLOAT), ("int8", INT8)),
        )
        for place, name in enumerate(NAMES)
    )
    return KernelModel(LatencyTable(nodes=nodes, outputs=("y",), threads=2), TIMINGS)


def frontier(timed: KernelModel | None) -> Frontier:
    layers = tuple(
        Layer(
            id=name,
            label=name,
            op="Conv",
            kind="Conv",
            weights=(f"w{name}",),
            shape=(10, 100),
            out_channels=10,
            in_channels=100,
            params=1000,
            bytes=4000,
        )
        for name in NAMES
    )
    model = ModelInfo(
        path="m", name="m", sha256="0", size_bytes=12_000, opset=17, ir_version=8, layers=layers
    )
    figure = Measurement(metric="top1", value=90.0, count=500, unit="%")
    curves = {
        name: Curve(
            [
                SensitivityPoint(
                    layer_id=name,
                    weight_bits=8,
                    activation_bits=bits,
                    measurement=figure,
                    loss=0.1,
                    damage=damage,
                    damage_low=damage,
                    damage_high=damage,
                )
                for bits in (8, 32)
            ]
        )
        for name, damage in DAMAGES.items()
    }
    link = DamageLink(damages=(0.0, 1.0), losses=(0.0, 10.0), spreads=(0.1, 0.1))
    baseline = Outcome(measurements=(figure,), size_bytes=12_000, zipped_bytes=11_000, latency=LATENCY)
    return Frontier(model, curves, link, Goal(speedup=1.1), TIMINGS, baseline, {}, timed)


def test_options_share_what_a_whole_network_of_integers_converts() -> None:
    times = LayerTimes(TIMINGS, kernels())
    assert times.ms("a", LayerPlan()) == pytest.approx(4.0)
    # all in integers: 3 ms of kernels and 6 ms of conversions, less the original's 0.3
    assert sum(times.ms(name, W8A8) for name in NAMES) == pytest.approx(3.0 + 6.0 - 0.3)
    assert LayerTimes(TIMINGS).ms("a", W8A8) == pytest.approx(4.0 / 2.5)
    assert LayerTimes(None).ms("a", W8A8) == 0.0


def test_the_time_of_a_choice_is_that_of_its_plan() -> None:
    plans = frontier(kernels())
    alone = [each[0] for each in plans.options]
    assert plans.latency_of(alone) == pytest.approx(12.3)
    integer = [next(option for option in each if option.plan.weight_bits == 8) for each in plans.options]
    assert plans.latency_of(integer) == pytest.approx(9.0)
    # in the middle alone: out of blocks, into integers, out of them and into blocks again
    middle = [alone[0], integer[1], alone[2]]
    assert plans.latency_of(middle) == pytest.approx(0.2 + 4 + 0.1 + 3 + 1 + 3 + 0.2 + 4 + 0.1)


def test_a_choice_that_its_neighbours_make_slow_is_chosen_anew() -> None:
    plans = frontier(kernels())
    # by their own times a and c would do, which hurt least; but with b in float between them they take 18 ms
    chosen = plans.choose("damage", {"time_ms": 11.0})
    assert chosen is not None
    assert [option.plan.weight_bits for option in chosen] == [8, 8, 8]
    assert plans.latency_of(chosen) == pytest.approx(9.0)
    assert plans.choose("damage", {"time_ms": 1.0}) is None
    # with the usual factor alone one layer is enough
    usual = frontier(None).choose("damage", {"time_ms": 11.0})
    assert usual is not None
    assert [option.plan.weight_bits for option in usual] == [8, 32, 32]
    assert total(usual, "time_ms") == pytest.approx(4 + 4 + 1.6)
