"""Activations of 16 bits: what is written, and that it computes what it says."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from core.context import Context
from core.errors import PlanError
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import to_bytes
from core.methods.assemble import assemble, placement_for
from core.methods.calibrate import calibrate
from core.methods.resolve import base_model, resolve
from core.readback import read_back
from core.values import LayerPlan, Plan

W8A16 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=16))


def opened(folder: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), folder), Context())


def compressed(model: OpenedModel, plan: Plan, pictures: np.ndarray) -> onnx.ModelProto:
    steps = resolve(model, plan)
    base = base_model(model, steps)
    placement = placement_for(base, steps)
    batches = lambda: iter([{"x": pictures}])  # noqa: E731
    ranges = calibrate(base, placement.calibrated, batches, Context(), bits=placement.bits)
    return onnx.load_from_string(to_bytes(assemble(base, steps, ranges)))


def types_of_conversions(proto: onnx.ModelProto) -> list[int]:
    """The integer types that QuantizeLinear makes, in order."""
    constants = {tensor.name: tensor for tensor in proto.graph.initializer}
    nodes = [node for node in proto.graph.node if node.op_type == "QuantizeLinear"]
    return [constants[node.input[2]].data_type for node in nodes]


def test_every_conversion_is_to_uint16_at_the_first_opset_that_has_it(tmp_path: Path) -> None:
    model, pictures = opened(tmp_path), networks.pictures(32)
    proto = compressed(model, W8A16, pictures)
    onnx.checker.check_model(proto, full_check=True)
    assert set(types_of_conversions(proto)) == {TensorProto.UINT16}
    assert proto.opset_import[0].version == 21
    got = Runner(proto.SerializeToString()).run({"x": pictures[:4]})[0]
    wanted = ReferenceEvaluator(proto).run(None, {"x": pictures[:4]})[0]
    assert np.abs(got - wanted).max() < 1e-3


def test_it_is_nearer_to_float_than_eight_bits_are(tmp_path: Path) -> None:
    model, pictures = opened(tmp_path), networks.pictures(32)
    weights_alone = Plan(defaults=LayerPlan(weight_bits=8))
    rounded = compressed(model, weights_alone, pictures)
    answers = [
        Runner(proto.SerializeToString()).run({"x": pictures})[0]
        for proto in (
            rounded,
            compressed(model, W8A16, pictures),
            compressed(model, Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8)), pictures),
        )
    ]
    sixteen, eight = (float(np.abs(answer - answers[0]).max()) for answer in answers[1:])
    assert sixteen < eight / 20


def test_a_value_takes_the_bits_of_the_layer_that_reads_it(tmp_path: Path) -> None:
    model, pictures = opened(tmp_path), networks.pictures(32)
    plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8)).with_layer("conv2", activation_bits=16)
    proto = compressed(model, plan, pictures)
    # into conv1, out of conv1 into conv2, out of conv2; fc holds next to none of the work
    kinds = types_of_conversions(proto)
    assert kinds[:2] == [TensorProto.UINT8, TensorProto.UINT16]
    path = networks.written(proto, tmp_path, "out.onnx")
    found = {layer.layer_id: layer.activation_bits for layer in read_back(path, model.info.layers, plan)}
    assert found == {"conv1": 8, "conv2": 16, "fc": 32}
    original = Runner(model.source).run({"x": pictures})[0]
    assert np.abs(Runner(path).run({"x": pictures})[0] - original).max() < 0.03


def test_scale_and_zero_point_span_the_range_in_65535_steps(tmp_path: Path) -> None:
    model, pictures = opened(tmp_path), networks.pictures(32)
    proto = compressed(model, W8A16, pictures)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    first = next(node for node in proto.graph.node if node.op_type == "QuantizeLinear")
    scale, zero_point = constants[first.input[1]], constants[first.input[2]]
    low, high = float(pictures.min()), float(pictures.max())
    assert float(scale) * 65_535 == pytest.approx(high - min(low, 0.0), rel=0.01)
    assert int(zero_point) == pytest.approx(-min(low, 0.0) / float(scale), abs=1)


def test_float_weights_beside_them_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="integer weights"):
        resolve(opened(tmp_path), Plan(defaults=LayerPlan(activation_bits=16)))
