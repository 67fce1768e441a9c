import zlib

import msgspec
import numpy as np
import pytest

from core.context import Context
from core.estimate import estimate, layer_bytes, predicted_loss, zipped_layer_bytes, zipped_share
from core.formats import open_model
from core.graph.weights import to_bytes
from core.methods.assemble import assemble, placement_for
from core.methods.quantize_activations import Range
from core.methods.quantize_weights import quantize
from core.methods.resolve import base_model, resolve
from core.values import (
    Latency,
    Layer,
    LayerPlan,
    LayerTime,
    Measurement,
    ModelInfo,
    Outcome,
    Plan,
    SensitivityPoint,
    Timings,
)

DENSE = Layer(
    id="fc",
    label="fc",
    op="Gemm",
    kind="Dense",
    weights=("w",),
    shape=(10, 100),
    out_channels=10,
    in_channels=100,
    params=1010,
    bytes=4040,
)
MODEL = ModelInfo(
    path="m.onnx", name="m", sha256="0", size_bytes=5000, opset=17, ir_version=8, layers=(DENSE,)
)
BASELINE = Outcome(
    measurements=(Measurement(metric="top1", value=90.0, low=88, high=92, count=500, unit="%"),),
    size_bytes=5000,
    zipped_bytes=4600,
    latency=Latency(median_ms=10.0, low_ms=9.0, high_ms=12.0, runs=50, threads=2),
)


def point(loss: float, **settings) -> SensitivityPoint:
    measurement = Measurement(metric="top1", value=90.0 - loss, count=500, unit="%")
    return SensitivityPoint(layer_id="fc", measurement=measurement, loss=loss, **settings)


POINTS = (
    point(1.0, sparsity=0.5),
    point(5.0, sparsity=0.75),
    point(0.2, weight_bits=8),
    point(3.0, weight_bits=4),
)


def test_bytes_of_a_layer_by_bits():
    # 1000 weights of one byte, 10 biases of four, 10 scales of four
    assert layer_bytes(DENSE, LayerPlan(weight_bits=8)) == 1000 + 40 + 40
    assert layer_bytes(DENSE, LayerPlan(weight_bits=4)) == 500 + 40 + 40
    # the engine writes two bits as int2, four to a byte
    assert layer_bytes(DENSE, LayerPlan(weight_bits=2)) == 250 + 40 + 40
    assert layer_bytes(DENSE, LayerPlan(weight_bits=32)) == 4040


def test_bits_without_a_type_take_the_room_of_the_next_one_until_zipped():
    for bits, room in ((6, 8), (5, 8), (3, 4)):
        few, next_one = LayerPlan(weight_bits=bits), LayerPlan(weight_bits=room)
        assert layer_bytes(DENSE, few) == layer_bytes(DENSE, next_one)
        assert zipped_layer_bytes(DENSE, few) < 0.9 * zipped_layer_bytes(DENSE, next_one)


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("bits", [8, 6, 4, 3, 2])
def test_zipped_sizes_are_those_of_weights_that_were_zipped(bits, sparsity):
    weights = np.random.default_rng(0).normal(size=(32, 1152)).astype(np.float32)
    weights[np.abs(weights) < np.quantile(np.abs(weights), sparsity)] = 0
    numbers = quantize(weights, bits)[0].astype(np.uint8).reshape(-1)
    room = 8 if bits > 4 else 4 if bits > 2 else 2
    parts = (numbers & (2**room - 1)).reshape(-1, 8 // room)
    packed = (parts << (room * np.arange(8 // room, dtype=np.uint8))).sum(axis=1, dtype=np.uint8)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    share = len(deflate.compress(packed.tobytes()) + deflate.flush()) / len(packed)
    assert zipped_share(bits, sparsity) == pytest.approx(share, rel=0.15)


def test_a_pattern_counts_as_the_zeros_it_makes():
    assert predicted_loss(POINTS, LayerPlan(pattern="2:4")) == pytest.approx(1.0)
    assert predicted_loss(POINTS, LayerPlan(pattern="2:4", sparsity=0.75)) == pytest.approx(1.0)


def test_fewer_bits_than_any_measured_are_not_guessed():
    assert predicted_loss(POINTS, LayerPlan(weight_bits=6)) == pytest.approx(3.0)
    assert predicted_loss(POINTS, LayerPlan(weight_bits=3)) is None


@pytest.mark.parametrize(
    ("plan", "loss"),
    [
        (LayerPlan(sparsity=0.25), 0.5),
        (LayerPlan(sparsity=0.5), 1.0),
        (LayerPlan(sparsity=0.625), 3.0),
        (LayerPlan(weight_bits=8), 0.2),
        (LayerPlan(weight_bits=4, sparsity=0.5), 4.0),
        (LayerPlan(), 0.0),
    ],
)
def test_predicted_loss_is_linear_between_measured_points(plan, loss):
    assert predicted_loss(POINTS, plan) == pytest.approx(loss)


def test_nothing_measured_nothing_predicted():
    assert predicted_loss((), LayerPlan(sparsity=0.5)) is None
    outcome = estimate(MODEL, Plan(defaults=LayerPlan(weight_bits=8)), BASELINE)
    assert outcome.measurements == ()
    assert outcome.size_bytes == 5000 - 4040 + 1080


def test_an_estimate_says_that_it_is_one_and_has_no_interval():
    timings = Timings(layers=(LayerTime(layer_id="fc", time_ms=5.0, share=0.5),), total_ms=10.0, threads=2)
    plan = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=8, activation_bits=8))
    outcome = estimate(MODEL, plan, BASELINE, POINTS, timings)
    assert outcome.estimate
    assert outcome.primary.estimate
    assert outcome.primary.low is None
    assert outcome.primary.value == pytest.approx(90.0 - 1.2)
    # half of the time goes 2.5 times faster
    assert outcome.latency.median_ms == pytest.approx(10.0 * (1 - 0.5 * (1 - 1 / 2.5)))


def test_zeros_alone_change_neither_size_nor_time():
    timings = Timings(layers=(LayerTime(layer_id="fc", time_ms=5.0, share=0.5),), total_ms=10.0, threads=2)
    outcome = estimate(MODEL, Plan(defaults=LayerPlan(sparsity=0.75)), BASELINE, POINTS, timings)
    assert outcome.size_bytes == 5000
    assert outcome.latency.median_ms == 10.0
    assert outcome.zipped_bytes < 4600


def test_whole_channels_take_size_and_time_along_and_leave_the_accuracy_to_the_run():
    plan = Plan(methods={"prune_channels": {"macs": 50.0}})
    timings = Timings(layers=(LayerTime(layer_id="fc", time_ms=5.0, share=0.5),), total_ms=10.0, threads=2)
    outcome = estimate(MODEL, plan, BASELINE, POINTS, timings)
    assert outcome.size_bytes == 2500
    assert outcome.latency.median_ms == pytest.approx(5.0)
    assert outcome.measurements == ()


def test_sixteen_bit_activations_cost_time_and_eight_bit_ones_save_it():
    timings = Timings(layers=(LayerTime(layer_id="fc", time_ms=5.0, share=0.5),), total_ms=10.0, threads=2)

    def milliseconds(bits: int) -> float:
        plan = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=bits))
        return estimate(MODEL, plan, BASELINE, timings=timings).latency.median_ms

    # half of 10 ms in a layer that is 2.5 times as fast, as fast, 1.8 times as slow
    assert milliseconds(8) == pytest.approx(7.0)
    assert milliseconds(32) == pytest.approx(10.0)
    assert milliseconds(16) == pytest.approx(14.0)


def test_bytes_of_blocks_and_zero_points_by_hand():
    blocks = LayerPlan(weight_bits=4, granularity="block", block_size=25)
    # 100 weights a row: four scales of four bytes for each of ten rows
    assert layer_bytes(DENSE, blocks) == 500 + 40 + 160
    # and zero points of half a byte
    assert layer_bytes(DENSE, msgspec.structs.replace(blocks, symmetric=False)) == 500 + 40 + 160 + 20
    # with integer activations one scale a row, and a factor and a zero point of half a byte for each block
    assert layer_bytes(DENSE, msgspec.structs.replace(blocks, activation_bits=8)) == 500 + 40 + 40 + 20
    lopsided = msgspec.structs.replace(blocks, activation_bits=8, symmetric=False)
    assert layer_bytes(DENSE, lopsided) == 500 + 40 + 40 + 20 + 20
    # eight bits leave integer kernels no room for blocks
    wide = msgspec.structs.replace(blocks, activation_bits=8, weight_bits=8)
    assert layer_bytes(DENSE, wide) == 1000 + 40 + 40
    assert layer_bytes(DENSE, LayerPlan(weight_bits=4, granularity="tensor", symmetric=False)) == 500 + 40 + 5


@pytest.mark.parametrize("weight_bits", [4, 8])
@pytest.mark.parametrize("activation_bits", [8, 32])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("granularity", ["channel", "block"])
@pytest.mark.parametrize("name", ["resnet20_cifar10", "mobilenet_cifar10"])
def test_the_size_is_that_of_the_written_file(
    name, granularity, symmetric, activation_bits, weight_bits, shared_models
):
    opened = open_model(shared_models / f"{name}.onnx", Context())
    defaults = LayerPlan(
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        granularity=granularity,
        block_size=64,
        symmetric=symmetric,
    )
    plan = Plan(defaults=defaults, methods={"quantize_weights": {"reduce_range": "off"}})
    steps = resolve(opened, plan)
    base = base_model(opened, steps)
    ranges = {value: Range(-1.0, 1.0) for value in placement_for(base, steps).calibrated}
    size = len(to_bytes(assemble(base, steps, ranges)))
    assert estimate(opened.info, plan, None).size_bytes == pytest.approx(size, rel=0.05)


def test_what_layers_share_is_saved_once() -> None:
    twice = (DENSE, msgspec.structs.replace(DENSE, id="again", label="again"))
    model = msgspec.structs.replace(MODEL, layers=twice)
    outcome = estimate(model, Plan(defaults=LayerPlan(weight_bits=8)), BASELINE)
    # 1,000 weights of a byte, 10 biases of 4 and 10 scales of 4 instead of 4,040, in the file once
    assert outcome.size_bytes == 5000 - 4040 + 1080


def test_what_is_lost_of_decibels_is_noise() -> None:
    first = Measurement(metric="sqnr_db", value=150.0, count=64, unit="dB")
    baseline = msgspec.structs.replace(BASELINE, measurements=(first,))
    outcome = estimate(MODEL, Plan(defaults=LayerPlan(sparsity=0.5)), baseline, POINTS)
    # one point: the noise has a hundredth of the answers' power
    assert outcome.primary.value == pytest.approx(20.0)
