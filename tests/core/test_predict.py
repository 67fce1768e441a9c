"""Predictions worked out by hand from a few points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.predict import DOUBT, LEAST, Curve, PlanDamage, interaction, predict, unfamiliar
from core.values import DamageLink, LayerPlan, Measurement, Plan, SensitivityPoint

LINK = DamageLink(damages=(0.0, 0.01, 0.1, 1.0), losses=(0.0, 1.0, 4.0, 20.0), spreads=(0.05, 0.1, 0.2, 1.0))


def point(damage: float, layer: str = "a", estimate: bool = False, **settings: object) -> SensitivityPoint:
    measurement = Measurement(metric="top1", value=80.0, count=0 if estimate else 512, estimate=estimate)
    return SensitivityPoint(
        layer_id=layer,
        measurement=measurement,
        loss=0.0,
        damage=damage,
        damage_low=0.9 * damage,
        damage_high=1.1 * damage,
        **settings,  # type: ignore[arg-type]
    )


CURVE = Curve(
    [
        point(0.001, sparsity=0.5),
        point(0.016, sparsity=0.8),
        point(0.5, sparsity=0.5, estimate=True),
        point(0.0001, weight_bits=8),
        point(0.0004, weight_bits=8, activation_bits=8),
        point(0.01, weight_bits=4),
        point(0.004, pattern="2:4"),
    ]
)


def damage(**settings: object) -> float:
    found = CURVE.damage(LayerPlan(**settings))  # type: ignore[arg-type]
    assert found is not None
    return found[0]


def test_a_measured_point_wins_over_an_estimate():
    assert damage(sparsity=0.5) == 0.001


def test_between_two_shares_the_logarithm_is_a_line_over_the_logit():
    middle = 1 / (1 + math.exp(-math.log(4) / 2))  # logit half-way between 0.5 and 0.8
    assert damage(sparsity=middle) == pytest.approx(0.004)


def test_below_the_first_share_damage_falls_as_the_cube():
    assert damage(sparsity=0.25) == pytest.approx(0.001 / 8)
    assert damage(sparsity=0.0) == 0.0


def test_beyond_the_last_share_it_grows_on():
    assert damage(sparsity=0.9) > 0.016 * 2
    assert damage(sparsity=0.95) > damage(sparsity=0.9)


def test_bits_between_measured_ones_and_more_than_measured():
    assert damage(weight_bits=6) == pytest.approx(0.001)  # geometric mean of 8 and 4 bits
    five = Curve([point(0.01, weight_bits=4)]).damage(LayerPlan(weight_bits=5))
    assert five is not None and five[0] == pytest.approx(0.0025)  # half the step, a quarter of the noise
    assert CURVE.damage(LayerPlan(weight_bits=2)) is None


def test_rounded_activations_add_what_they_cost_at_8_bits():
    assert damage(weight_bits=8, activation_bits=8) == pytest.approx(0.0004)
    assert damage(weight_bits=4, activation_bits=8) == pytest.approx(0.01 + 0.0003)


def test_zeros_and_bits_add_up_and_patterns_have_points_of_their_own():
    assert damage(sparsity=0.5, weight_bits=4) == pytest.approx(0.011)
    assert damage(pattern="2:4") == 0.004
    assert CURVE.damage(LayerPlan(threshold=0.1)) is None


def test_a_plan_is_the_sum_of_its_layers_through_the_link():
    curves = {"a": CURVE, "b": Curve([point(0.009, "b", sparsity=0.5)])}
    plan = Plan().with_layer("a", sparsity=0.5).with_layer("b", sparsity=0.5)
    found = predict(("a", "b"), plan, curves, LINK)
    assert found is not None
    assert found.damage == pytest.approx(0.01)
    assert found.loss == pytest.approx(1.0)
    assert found.low < found.loss < found.high
    nothing = predict(("a", "b"), Plan(), curves, LINK)
    assert nothing is not None and nothing.loss == nothing.high == 0.0
    assert predict(("a", "b"), plan.with_layer("b", weight_bits=4), curves, LINK) is None


def test_measured_plans_teach_the_factor_and_narrow_the_band():
    factor, doubt = interaction(0.01, ())
    assert (factor, doubt) == (1.0, DOUBT)
    taught = tuple(PlanDamage(summed=0.01, measured=0.02) for _ in range(20))
    factor, doubt = interaction(0.01, taught)
    assert factor == pytest.approx(2.0, rel=0.03)
    assert doubt < 0.15
    far, _ = interaction(10.0, taught)
    assert far == pytest.approx(1.0, abs=0.01)


def way(*numbers: float, samples: bytes = b"same") -> bytes:
    return samples + np.array(numbers, np.float16).tobytes()


def damage_of(*points_of: SensitivityPoint, **settings: object) -> float:
    """Of a plan that changes all layers of these points so."""
    layers = {one.layer_id: [] for one in points_of}
    for one in points_of:
        layers[one.layer_id].append(one)
    curves = {name: Curve(own) for name, own in layers.items()}
    plan = Plan()
    for name in layers:
        plan = plan.with_layer(name, **settings)  # type: ignore[arg-type]
    found = predict(tuple(layers), plan, curves, LINK)
    assert found is not None
    return found.damage


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((1.0, 0.0), 0.1**2 + 0.2**2 + 2 * 0.1 * 0.2),  # both move the answers alike
        ((0.0, 1.0), 0.1**2 + 0.2**2),
        ((0.6, 0.8), 0.1**2 + 0.2**2 + 2 * 0.1 * 0.2 * 0.6),
        ((-0.6, 0.8), 0.1**2 + 0.2**2 - 2 * 0.1 * 0.2 * 0.6),
        ((-1.0, 0.0), LEAST * (0.1**2 + 0.2**2)),  # never nothing
    ],
)
def test_layers_add_up_as_the_ways_go_in_which_they_move_the_answers(
    other: tuple[float, float], expected: float
) -> None:
    one = point(0.01, "a", sparsity=0.5, shift=way(1, 0))
    two = point(0.04, "b", sparsity=0.5, shift=way(*other))
    assert damage_of(one, two, sparsity=0.5) == pytest.approx(expected, rel=1e-3)


def test_a_layer_whose_way_is_not_known_adds_its_damage() -> None:
    one, two = (point(0.01, name, sparsity=0.5, shift=way(1, 0)) for name in "ab")
    old = point(0.03, "c", sparsity=0.5)
    assert damage_of(one, two, old, sparsity=0.5) == pytest.approx(0.04 + 0.03, rel=1e-3)


def test_ways_of_other_samples_say_nothing_of_each_other() -> None:
    """A search measures on half of the samples, an analysis on all: the window knows points of both."""
    one = point(0.01, "a", sparsity=0.5, shift=way(1, 0))
    two = point(0.04, "b", sparsity=0.5, shift=way(1, 0, samples=b"half"))
    three = point(0.04, "c", sparsity=0.5, shift=way(1, 0, 0, samples=b"some"))
    alike = point(0.01, "d", sparsity=0.5, shift=way(1, 0))
    found = damage_of(one, two, three, alike, sparsity=0.5)
    assert found == pytest.approx((0.1 + 0.1) ** 2 + 0.04 + 0.04, rel=1e-3)


def test_a_layer_known_from_different_samples_keeps_what_each_says() -> None:
    eight = point(0.0001, "a", weight_bits=8, shift=way(0, 1, samples=b"half"))
    both = point(0.0101, "a", weight_bits=8, activation_bits=8, shift=way(1, 0, 0))
    assert damage_of(eight, both, weight_bits=8, activation_bits=8) == pytest.approx(0.0001 + 0.01, rel=1e-3)
    low = point(0.01, "a", sparsity=0.5, shift=way(1, 0, samples=b"half"))
    high = point(0.01, "a", sparsity=0.8, shift=way(0, 1, 0))
    other = point(0.01, "b", sparsity=0.6, shift=way(0, 1, 0))
    # nearer to 0.5, whose way is of other samples
    assert damage_of(low, high, other, sparsity=0.6) == pytest.approx(0.02, rel=1e-3)


def test_zeros_bits_and_rounded_inputs_of_a_layer_have_ways_of_their_own() -> None:
    zeros = point(0.01, "a", sparsity=0.5, shift=way(1, 0, 0))
    eight = point(0.0001, "a", weight_bits=8, shift=way(0, 1, 0))
    four = point(0.01, "a", weight_bits=4, shift=way(1, 0, 0))
    both = point(0.0002, "a", weight_bits=8, activation_bits=8, shift=way(0, math.sqrt(0.5), math.sqrt(0.5)))
    # 0.1 and 0.1 the same way; the inputs' own part of the last point, its difference from `eight`, is across
    found = damage_of(zeros, eight, four, both, sparsity=0.5, weight_bits=4, activation_bits=8)
    assert found == pytest.approx((0.1 + 0.1) ** 2 + 0.0001, rel=1e-2)


def test_between_two_shares_the_way_turns_from_one_to_the_other() -> None:
    at = 1 / (1 + math.exp(-math.log(4) / 2))  # logit half-way between 0.5 and 0.8
    low, high = (
        point(0.01, "a", sparsity=0.5, shift=way(1, 0)),
        point(0.01, "a", sparsity=0.8, shift=way(0, 1)),
    )
    other = point(0.01, "b", sparsity=0.5, shift=way(1, 0))
    last = point(0.01, "b", sparsity=0.8, shift=way(1, 0))
    # 45 degrees apart: 0.01 + 0.01 + 2 · 0.01 · cos 45°
    assert damage_of(low, high, other, last, sparsity=at) == pytest.approx(
        0.02 + 0.02 * math.sqrt(0.5), rel=1e-3
    )


def test_plans_that_lost_more_than_the_link_says_bend_it_and_narrow_the_band() -> None:
    one = point(0.1, "a", sparsity=0.5)
    plan, curves = Plan().with_layer("a", sparsity=0.5), {"a": Curve([one])}
    before = predict(("a",), plan, curves, LINK)
    assert before is not None and before.loss == pytest.approx(4.0)
    # seven plans of just this damage lost 6 points where the link says 4; it counts as five
    taught = tuple(PlanDamage(summed=0.1, measured=0.1, loss=6.0) for _ in range(7))
    after = predict(("a",), plan, curves, LINK, taught)
    assert after is not None and after.loss == pytest.approx(4.0 + 2.0 * 7 / 12)
    assert after.high - after.low < before.high - before.low
    without = tuple(PlanDamage(summed=0.1, measured=0.1) for _ in range(7))
    same = predict(("a",), plan, curves, LINK, without)
    assert same is not None and same.loss == pytest.approx(4.0)


def test_the_band_is_twice_as_wide_where_no_plan_was_measured() -> None:
    assert unfamiliar(0.1, ()) == 2.0
    near = PlanDamage(summed=0.1, measured=0.1)
    assert unfamiliar(0.1, (near,)) == pytest.approx(1.5)
    assert unfamiliar(0.1, (near,) * 9) == pytest.approx(1.1)
    assert unfamiliar(100.0, (near,)) == pytest.approx(2.0, abs=1e-9)
