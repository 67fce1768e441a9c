"""Histograms and the ranges taken from them, and a pass over a real network."""

from __future__ import annotations

import networks
import numpy as np
import onnx_ir as ir
import pytest

from core.context import Context
from core.errors import Cancelled, DataError
from core.evaluate.runner import Runner
from core.methods.calibrate import HALF_BINS, Histogram, calibrate, least_error, min_max, percentile_range


def histogram(*parts: list[float] | np.ndarray) -> Histogram:
    filled = Histogram()
    for part in parts:
        filled.add(np.asarray(part, np.float32))
    return filled


def test_the_reach_doubles_and_counts_stay() -> None:
    filled = histogram([1.0, -0.5], [3.0])
    assert filled.reach == 4.0
    assert filled.counts.sum() == 3
    # 1.0 lies in the bin that begins at a quarter of the reach, or in the one before
    quarter = HALF_BINS + HALF_BINS // 4
    assert filled.counts[quarter - 1 : quarter + 1].sum() == 1


def test_counting_in_parts_equals_counting_at_once() -> None:
    values = np.random.default_rng(0).standard_normal(5000)
    values[0] = 8.0
    whole, parts = histogram(values), histogram(*np.split(values, 5))
    assert parts.reach == whole.reach
    assert np.abs(parts.counts - whole.counts).sum() == 0


def test_min_max_holds_zero() -> None:
    found = min_max(histogram([2.0, 5.0]))
    assert (found.low, found.high) == (0.0, 5.0)


def test_the_percentile_leaves_the_tail_out() -> None:
    values = np.linspace(0, 1, 10_000)
    values[-1] = 100.0
    found = percentile_range(histogram(values), 99.9)
    assert found.high == pytest.approx(1.0, abs=0.1)


def test_the_least_error_keeps_a_uniform_range_and_cuts_an_outlier() -> None:
    uniform = np.linspace(0.01, 1, 5000)
    assert least_error(histogram(uniform)).high == pytest.approx(1.0, rel=0.03)
    outlier = np.concatenate([np.tile(uniform, 100), [2.0]])
    assert least_error(histogram(outlier)).high < 1.7


def test_zeros_are_no_rounding_errors() -> None:
    values = np.concatenate([np.zeros(100_000), np.linspace(0.01, 1, 100), [3.0]])
    assert least_error(histogram(values)).high == pytest.approx(3.0, rel=0.05)


def test_uint8_by_hand() -> None:
    from core.methods.quantize_activations import Range

    scale, zero_point = Range(-1.0, 1.55).uint8()
    assert scale == pytest.approx(0.01) and zero_point == 100
    assert Range(0.0, 0.0).uint8() == (1.0, 0)


def test_ranges_of_a_network_are_those_of_its_activations() -> None:
    model = ir.from_proto(networks.cnn())
    pictures = networks.pictures(40)
    batches = lambda: ({"x": pictures[i : i + 16]} for i in range(0, 40, 16))  # noqa: E731
    found = calibrate(model, ["x", "r1", "y"], batches, Context(), "min-max")
    assert found["x"].high == pytest.approx(float(pictures.max()))
    answers = Runner(model).run({"x": pictures})[0]
    assert found["y"].low == pytest.approx(float(answers.min()), rel=1e-4)
    assert found["r1"].low == 0.0 and found["r1"].high > 0


def test_without_samples_it_says_so() -> None:
    with pytest.raises(DataError, match="calibration samples"):
        calibrate(ir.from_proto(networks.cnn()), ["r1"], lambda: iter(()), Context())


def test_it_stops_at_a_batch() -> None:
    context = Context()
    context.cancel()
    with pytest.raises(Cancelled):
        calibrate(ir.from_proto(networks.cnn()), ["r1"], lambda: iter([{"x": networks.pictures(4)}]), context)
