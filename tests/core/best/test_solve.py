"""The chosen options are the best there are: held against trying all."""

from __future__ import annotations

import ctypes
import itertools
import os

import numpy as np
import pytest

from core.best._quiet import quiet
from core.best.options import Option, options_of
from core.best.solve import choose, total
from core.best.times import LayerTimes
from core.estimate import CONVERSION_GRAPH_BYTES
from core.predict import Curve
from core.values import Layer, LayerPlan, Measurement, ModelInfo, SensitivityPoint


def option(damage: float, size: float, time: float = 1.0) -> Option:
    return Option(("a",), LayerPlan(), damage, 0.0, size, size, time)


def some(seed: int) -> list[list[Option]]:
    rng = np.random.default_rng(seed)
    return [
        [option(0.0, 100.0, 4.0)]
        + [option(float(d), float(s), float(t)) for d, s, t in rng.random((3, 3)) * (1.0, 90.0, 3.0)]
        for _ in range(5)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_it_is_as_good_as_trying_all(seed: int) -> None:
    options = some(seed)
    limits = {"size": 230.0, "time_ms": 9.0}
    every = [
        chosen
        for chosen in itertools.product(*options)
        if total(chosen, "size") <= 230.0 and total(chosen, "time_ms") <= 9.0
    ]
    found = choose(options, "damage", limits)
    if not every:
        assert found is None
        return
    assert found is not None and len(found) == 5
    assert total(found, "size") <= 230.0 + 1e-6 and total(found, "time_ms") <= 9.0 + 1e-6
    assert total(found, "damage") == pytest.approx(min(total(c, "damage") for c in every), rel=1e-3)


def test_the_smallest_within_a_damage() -> None:
    options = some(3)
    found = choose(options, "size", {"damage": 0.8})
    every = [c for c in itertools.product(*options) if total(c, "damage") <= 0.8]
    assert found is not None
    assert total(found, "size") == pytest.approx(min(total(c, "size") for c in every), rel=1e-3)
    assert choose(options, "damage", {"size": 0.001}) is None
    assert choose([], "damage", {}) == []


def layer(name: str, group: str | None = None) -> Layer:
    return Layer(
        id=name, label=name, op="Gemm", kind="Dense", weights=("w",), shape=(10, 100), out_channels=10,
        in_channels=100, params=1010, bytes=4040, group=group,
    )  # fmt: skip


def point(name: str, damage: float, **settings: object) -> SensitivityPoint:
    measurement = Measurement(metric="top1", value=90.0, count=512)
    return SensitivityPoint(
        layer_id=name, measurement=measurement, loss=0.0, damage=damage, damage_low=damage,
        damage_high=damage,
        **settings,  # type: ignore[arg-type]
    )  # fmt: skip


def test_options_follow_profile_locks_and_what_is_known() -> None:
    layers = (layer("a"), layer("b"), layer("c"), layer("t1", "tied"), layer("t2", "tied"))
    model = ModelInfo(
        path="m", name="m", sha256="0", size_bytes=20_000, opset=17, ir_version=8, layers=layers
    )
    curves = {
        name: Curve([point(name, 0.001, weight_bits=8), point(name, 0.01, weight_bits=4)])
        for name in ("a", "b", "t1", "t2")
    }
    locks = {"a": LayerPlan(keep=True), "b": LayerPlan(weight_bits=8)}
    found = options_of(model, curves, "cpu", locks, LayerTimes(None))
    bits = [[each.plan.weight_bits for each in options] for options in found]
    # a is kept, b at least 8 bits, of c nothing is known, the tied layers are one
    assert bits == [[32], [32, 8], [32], [32, 8, 4]]
    assert found[3][0].layers == ("t1", "t2") and found[3][2].damage == 0.01
    # weights, bias and scales are stored once, the operators that convert stand at both uses
    assert found[3][1].size == 1000 + 40 + 40 + 2 * CONVERSION_GRAPH_BYTES and found[1][0].size == 4040
    simple = options_of(model, curves, "accelerator", {}, LayerTimes(None))[0]
    assert all(each.plan.granularity == "tensor" for each in simple[1:])


def test_a_download_has_zeros_with_few_bits_too_and_bits_before_zeros_where_they_pack_better() -> None:
    model = ModelInfo(
        path="m", name="m", sha256="0", size_bytes=5000, opset=17, ir_version=8, layers=(layer("a"),)
    )
    zeros = [point("a", 0.002, sparsity=0.25), point("a", 0.004, sparsity=0.5)]
    bits = [point("a", damage, weight_bits=bits) for bits, damage in ((8, 0.0), (4, 0.002), (3, 0.005))]
    bits += [point("a", 0.0, weight_bits=8, activation_bits=8)]
    (found,) = options_of(model, {"a": Curve([*zeros, *bits])}, "download", {}, LayerTimes(None))
    by_setting = {(each.plan.sparsity, each.plan.weight_bits): each for each in found}
    assert {(0.0, 3), (0.5, 3), (0.25, 4), (0.5, 32)} <= set(by_setting)
    # half of the places to tell cost as much as a bit does
    assert by_setting[0.0, 3].zipped < by_setting[0.5, 4].zipped
    assert by_setting[0.5, 3].zipped < by_setting[0.0, 3].zipped
    assert by_setting[0.5, 3].damage == pytest.approx(0.009)


def test_nothing_is_printed_while_a_library_prints(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(1, b"before ")
    with quiet():
        os.write(1, b"a line of a library")
        ctypes.CDLL(None).puts(b"and one that C puts aside")
    os.write(1, b"after")
    assert capfd.readouterr().out == "before after"
