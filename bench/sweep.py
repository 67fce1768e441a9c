"""How fast and how right the analysis is: the plain loop, estimates, predictions of plans.

    python bench/sweep.py MODEL --data D --calibration-data C --preprocess P
        [--plans 50] [--plain-layers 0] [--seed 0]

Prints markdown. `--plain-layers N` runs the plain loop on N evenly spaced layers only and scales its time up,
as each of its runs is one of the whole network.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from scipy.stats import spearmanr

from core.context import Context
from core.data import open_data
from core.data.preprocess import parse_preprocess
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.graph.weights import set_weight
from core.methods._bias import set_bias
from core.methods._taps import node_named
from core.predict import Curve, PlanDamage, predict
from core.sweep.analyze import analyze
from core.sweep.candidates import layer_errors, make
from core.sweep.crew import Crew
from core.sweep.figures import Figures
from core.sweep.meter import PlanMeter
from core.sweep.runs import Runs
from core.sweep.settings import settings_of, steps_of
from core.values import DataSpec, Plan, SensitivityPoint, Value

SHARES, BITS = (0.25, 0.5, 0.75, 0.9), (8, 4, 3)
SAMPLES = 512


class Kept(dict[str, bytes]):
    def put(self, key: str, value: bytes, /) -> None:
        self[key] = value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--calibration-data")
    parser.add_argument("--preprocess")
    parser.add_argument("--plans", type=int, default=50)
    parser.add_argument("--plain-layers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0, help="of the random plans")
    options = parser.parse_args()
    opened = open_model(options.model, Context())
    spec = DataSpec(
        path=options.data,
        calibration_path=options.calibration_data,
        preprocess=parse_preprocess(options.preprocess) if options.preprocess else None,
        judge_count=SAMPLES,
    )
    data = open_data(spec, opened.info.inputs, opened.info.outputs, Context())
    judge = Judge(opened.source, data, Context())
    print(f"## {opened.info.name}: {len(opened.info.layers)} layers, {SAMPLES} samples\n")
    measured, store = ours(opened, judge)
    plain(opened, judge, measured, options.plain_layers)
    warm(opened, judge, store)
    if options.plans:
        plans(opened, judge, store, options.plans, options.seed)


def ours(opened: OpenedModel, judge: Judge) -> tuple[dict[tuple[object, ...], SensitivityPoint], Kept]:
    started = time.perf_counter()
    first: dict[str, float] = {}
    estimates: dict[tuple[object, ...], SensitivityPoint] = {}
    measured: dict[tuple[object, ...], SensitivityPoint] = {}

    def take(value: Value) -> None:
        if isinstance(value, SensitivityPoint):
            key = (value.layer_id, value.sparsity, value.weight_bits)
            (estimates if value.estimate else measured)[key] = value
            first.setdefault(value.layer_id, time.perf_counter() - started)

    store = Kept()
    analyze(opened, judge, settings_of(SHARES, BITS), SAMPLES, (), store, Context(on_partial=take))  # type: ignore[arg-type]
    total = time.perf_counter() - started
    both = [key for key in estimates if key in measured]
    guess = np.array([estimates[key].damage for key in both], float)
    truth = np.array([measured[key].damage for key in both], float)
    off = np.abs(np.log(np.maximum(guess, 1e-12) / np.maximum(truth, 1e-12)))
    print(
        f"- whole sweep, compensation included: {total:.1f} s; {len(measured)} points, on average "
        f"{np.mean([p.measurement.count for p in measured.values()]):.0f} samples each"
    )
    print(
        f"- first estimates of all layers after {max(first.values()):.1f} s; Spearman with the measured "
        f"damage {spearmanr(guess, truth).statistic:.3f}, median factor {np.exp(np.median(off)):.2f}"
    )
    return measured, store


def plain(
    opened: OpenedModel, judge: Judge, measured: dict[tuple[object, ...], SensitivityPoint], some: int
) -> None:
    """New session, whole network, same samples, same weights; making the weights is not counted in either."""
    layers = list(opened.info.layers)
    chosen = {layer.id for layer in (layers if not some else layers[:: max(1, len(layers) // some)][:some])}
    errors = dict(layer_errors(opened, judge.data, layers, Plan(), Context()))
    made = [
        (layer, setting, make(opened, step, errors.get(layer.id), Plan()))
        for layer in layers
        for setting, step in steps_of(opened, layer, settings_of(SHARES, BITS), Plan())
    ]
    inside = points = 0
    started = time.perf_counter()
    for layer, setting, candidate in made:
        if layer.id not in chosen:
            continue
        model = opened.clone()
        for name, weight in candidate.weights().items():
            set_weight(model, name, weight)
        if candidate.bias is not None:
            set_bias(model, node_named(model, layer.id), candidate.bias)
        found = judge.measure(Runner(model, judge.threads), Context(), SAMPLES, stage=None)
        point = measured[layer.id, setting.sparsity, setting.weight_bits]
        points += 1
        inside += (
            point.loss_low is not None
            and point.loss_low - 1e-9 <= found.loss <= (point.loss_high or 0) + 1e-9
        )
    seconds = (time.perf_counter() - started) * len(made) / points  # each runs the whole network
    again = time.perf_counter()
    analyze_only_measuring(opened, judge, made)
    own = time.perf_counter() - again
    print(
        f"- the same weights measured: plain loop {seconds:.1f} s, here {own:.1f} s, {seconds / own:.1f} "
        f"times faster; {inside} of {points} of the plain loop's losses lie within the intervals"
    )


def analyze_only_measuring(opened: OpenedModel, judge: Judge, made: list) -> None:  # type: ignore[type-arg]
    """The measuring of `analyze` with the weights given."""
    runs = Runs(opened, judge, Plan(methods={"compensate": {"on": False}}), Context())
    layers = {layer.id: layer for layer, _, _ in made}
    steps = {
        name: dict(steps_of(opened, layer, settings_of(SHARES, BITS), Plan()))
        for name, layer in layers.items()
    }
    runs.start([(layer, list(steps[name].items())) for name, layer in layers.items()], SAMPLES)
    left = list(made)
    with Crew[str, Figures](runs.hands) as crew:
        while left or crew.tags:
            while left and not crew.full:
                layer, setting, candidate = left.pop(0)
                step = steps[layer.id][setting]
                crew.put(layer.id, partial(runs.figures, layer, setting, step, candidate))
            crew.take()


def warm(opened: OpenedModel, judge: Judge, store: Kept) -> None:
    started = time.perf_counter()
    analyze(opened, judge, settings_of(SHARES, BITS), SAMPLES, (), store, Context())  # type: ignore[arg-type]
    print(f"- from a warm store: {time.perf_counter() - started:.3f} s")


def plans(opened: OpenedModel, judge: Judge, store: Kept, count: int, seed: int) -> None:
    points, link = analyze(
        opened,
        judge,
        settings_of(SHARES, BITS, (8,)),
        SAMPLES,
        (),
        store,
        Context(),  # type: ignore[arg-type]
    )
    by_layer: dict[str, list[SensitivityPoint]] = {}
    for point in points:
        by_layer.setdefault(point.layer_id, []).append(point)
    curves = {name: Curve(own) for name, own in by_layer.items()}
    alone = {
        name: Curve(msgspec.structs.replace(point, shift=None) for point in own)
        for name, own in by_layer.items()
    }
    layers = [layer.id for layer in opened.info.layers]
    rng = np.random.default_rng(seed)
    errors: dict[str, list[float]] = {"as they add up": [], "first": [], "learning": []}
    ratios: dict[str, list[float]] = {"as they add up": [], "first": [], "learning": []}
    within = dict.fromkeys(errors, 0)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        meter = PlanMeter(opened, judge, SAMPLES, Path(folder))
        taught: tuple[PlanDamage, ...] = ()
        for _ in range(count):
            plan = random_plan(layers, rng)
            clock = time.perf_counter()
            learnt = predict(layers, plan, curves, link, taught)
            times.append(1000 * (time.perf_counter() - clock))
            first = predict(layers, plan, curves, link)
            added = predict(layers, plan, alone, link)
            found = meter.measure(plan, Context(), latency=False)
            if learnt is None or first is None or added is None:
                continue
            for way, guess in (("as they add up", added), ("first", first), ("learning", learnt)):
                errors[way].append(abs(guess.loss - found.loss))
                ratios[way].append(np.log(found.damage / guess.damage))
                within[way] += guess.low <= found.loss <= guess.high
            taught = (*taught, PlanDamage(summed=first.damage, measured=found.damage, loss=found.loss))
    for way, own in errors.items():
        print(
            f"- {len(own)} random plans, {way}: error of the predicted loss, median {np.median(own):.2f}, "
            f"90th percentile {np.percentile(own, 90):.2f}, most {max(own):.2f} points; {within[way]} within "
            f"the band; damage measured over predicted {np.exp(np.mean(ratios[way])):.2f}, give or take a "
            f"factor {np.exp(np.std(ratios[way])):.2f}"
        )
    print(f"- a prediction takes {np.percentile(times, 95):.2f} ms")


def random_plan(layers: list[str], rng: np.random.Generator) -> Plan:
    """As people make them: a common setting and some exceptions."""
    plan = Plan().with_defaults(
        sparsity=float(rng.choice((0.0, 0.0, 0.3, 0.5, 0.6))),
        weight_bits=int(rng.choice((32, 8, 4))),
    )
    if plan.defaults.weight_bits == 32:
        plan = plan.with_defaults(activation_bits=32)
    else:
        plan = plan.with_defaults(activation_bits=int(rng.choice((8, 32))))
    for name in rng.choice(layers, size=len(layers) // 3, replace=False):
        plan = plan.with_layer(str(name), sparsity=float(rng.choice((0.0, 0.4, 0.6, 0.7, 0.8))))
    return plan


if __name__ == "__main__":
    main()
