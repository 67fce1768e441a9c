"""A pass over a real network: what its values were."""

from __future__ import annotations

import networks
import numpy as np
import onnx_ir as ir
import pytest

from core.context import Context
from core.errors import Cancelled, DataError
from core.evaluate.runner import Runner
from core.methods._probes import Probes
from core.methods._ranges import RANGES
from core.methods.calibrate import calibrate


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


def test_every_range_of_a_network_lies_within_what_was_seen() -> None:
    model = ir.from_proto(networks.cnn())
    pictures = networks.pictures(40)
    batches = lambda: iter([{"x": pictures}])  # noqa: E731
    widest = calibrate(model, ["x", "r1", "y"], batches, Context(), "min-max")
    for method in RANGES:
        found = calibrate(model, ["x", "r1", "y"], batches, Context(), method)
        for name, within in widest.items():
            assert within.low <= found[name].low <= 0 <= found[name].high <= within.high


def test_a_fixed_batch_is_met() -> None:
    pictures = networks.pictures(10)
    free, fixed = ir.from_proto(networks.cnn()), ir.from_proto(networks.cnn(batch=4))
    batches = lambda: iter([{"x": pictures}])  # noqa: E731
    expected = calibrate(free, ["r1", "y"], batches, Context(), "min-max")
    found = calibrate(fixed, ["r1", "y"], batches, Context(), "min-max")
    for name, range_ in expected.items():
        assert (found[name].low, found[name].high) == pytest.approx((range_.low, range_.high), rel=1e-5)


def test_a_sample_of_a_large_value_has_the_wanted_size_and_moves() -> None:
    model = ir.from_proto(networks.cnn())
    pictures = networks.pictures(2)
    probes = Probes(model, ["r1"], most=50)
    first, second = probes.run({"x": pictures})[0], probes.run({"x": pictures})[0]
    whole = Runner(_with_output(model, "r1")).run({"x": pictures})[-1].reshape(-1)
    assert first.size == whole.size and first.high == pytest.approx(float(whole.max()))
    stride = 2 * (whole.size // 200) + 1
    assert np.array_equal(first.sample, whole[::stride])
    assert np.array_equal(second.sample, whole[1_000_003 % stride :: stride])
    assert probes.sample_bytes == 4 * whole.size // 1


def _with_output(model: ir.Model, name: str) -> ir.Model:
    copy = model.clone()
    copy.graph.outputs.append(next(v for n in copy.graph for v in n.outputs if v.name == name))
    copy.graph.outputs[-1].type = ir.TensorType(ir.DataType.FLOAT)
    return copy
