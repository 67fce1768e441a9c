"""Plans that change every layer, predicted from single layers and measured: on the sample network."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from core.context import Context
from core.data import open_data
from core.evaluate.judge import Judge
from core.formats import open_model
from core.predict import Curve, predict
from core.sweep.analyze import analyze
from core.sweep.meter import PlanMeter
from core.sweep.settings import settings_of
from core.values import DataSpec, LayerPlan, Plan, SensitivityPoint

SAMPLES = Path(__file__).parents[3] / "resources" / "samples"
COUNT = 192


def test_layers_that_move_the_answers_alike_are_predicted_better_than_by_adding_up(tmp_path: Path) -> None:
    opened = open_model(str(SAMPLES / "digits_mobilenet.onnx"), Context())
    spec = DataSpec(path=str(SAMPLES / "digits"), judge_count=COUNT)
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    judge = Judge(opened.source, data, Context())
    told: list[SensitivityPoint] = []

    def take(value: object) -> None:
        if isinstance(value, SensitivityPoint):
            told.append(value)

    settings = settings_of((0.8,), (4,))
    points, link = analyze(opened, judge, settings, COUNT, (), None, Context(on_partial=take))
    assert all(point.shift is not None for point in points if point.damage and point.damage > 1e-6)
    assert any(point.estimate and point.shift is not None for point in told)
    layers = [layer.id for layer in opened.info.layers]
    ways, sums = curves(points), curves([msgspec.structs.replace(point, shift=None) for point in points])
    meter = PlanMeter(opened, judge, COUNT, tmp_path)
    for defaults in (LayerPlan(sparsity=0.8), LayerPlan(weight_bits=4, activation_bits=32)):
        plan = Plan(defaults=defaults)
        found = meter.measure(plan, Context(), latency=False)
        better, worse = (predict(layers, plan, known, link) for known in (ways, sums))
        assert better is not None and worse is not None
        off, added = (abs(math.log(found.damage / each.damage)) for each in (better, worse))
        assert off < 0.8 * added  # in all layers together they favour the same classes
        assert better.low <= found.loss <= better.high


def curves(points: list[SensitivityPoint] | tuple[SensitivityPoint, ...]) -> dict[str, Curve]:
    by_layer: dict[str, list[SensitivityPoint]] = {}
    for point in points:
        by_layer.setdefault(point.layer_id, []).append(point)
    return {name: Curve(own) for name, own in by_layer.items()}
