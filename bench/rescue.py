"""How few layers a rescue gives back, against giving back those that cost most by themselves.

    python -m bench.rescue --models ../shared/models --data ../shared/data/cifar10 --work build/rescue
        [--network resnet20_cifar10] [--sparsity 0.75] [--weight-bits 4] [--max-loss 1.0 2.0]

Both look at the same 512 test samples and are checked on 512 others, and so often as the check fails both go
on for less damage. Layers that cost most come from a sweep of these samples; they are given back in
its order until the plan keeps to the goal. Seconds are of the processor, all threads.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.best_subject import subject_of
from core.best.rescue import ROUNDS, changed, keeps, less_damage, rescue
from core.context import Context
from core.predict import Curve
from core.project import Project
from core.sweep.analyze import analyze
from core.sweep.blame import in_order, units
from core.sweep.figures import Tally
from core.sweep.meter import PlanMeter
from core.sweep.samples import Samples
from core.sweep.settings import settings_of
from core.values import FLOAT_BITS, LayerPlan, Plan, PlanMeasured

SEEN = UNSEEN = 512


@dataclass
class Counting(PlanMeter):
    """Says how many plans were run."""

    runs: int = 0

    def run(self, *given: Any, **named: Any) -> Tally:
        self.runs += 1
        return super().run(*given, **named)


def by_single_damage(
    meter: PlanMeter,
    seen: Samples,
    unseen: Samples,
    plan: Plan,
    max_loss: float,
    curves: Mapping[str, Curve],
) -> tuple[int, PlanMeasured]:
    """(layers given back, the plan then on `unseen`), in the order of what layers cost alone."""
    order = in_order(meter.opened, plan, curves, units(meter.opened, plan))
    allowed, count = (max_loss, math.inf), 0
    for _ in range(ROUNDS):
        figures = meter.run(changed(plan, order[:count]), seen, Context()).figures()
        while not keeps((figures.loss, figures.damage), allowed) and count < len(order):
            count += 1
            figures = meter.run(changed(plan, order[:count]), seen, Context()).figures()
        found, _tally = meter.measure_on(unseen, changed(plan, order[:count]), Context(), latency=False)
        if keeps((found.loss, 0.0), (max_loss, math.inf)) or count == len(order):
            break
        allowed = max_loss, less_damage(figures.damage, max_loss, found.loss)
    return count, found


def row(name: str, layers: str, found: PlanMeasured, meter: Counting, begun: float) -> str:
    outcome = found.outcome
    assert outcome.zipped_bytes is not None
    return (
        f"| {name} | {layers} | {found.loss:.2f} | {outcome.size_bytes:,} ({outcome.zipped_bytes:,}) "
        f"| {meter.runs} | {time.process_time() - begun:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--network", default="resnet20_cifar10")
    parser.add_argument("--sparsity", type=float, default=0.75)
    parser.add_argument("--weight-bits", type=int, default=4)
    parser.add_argument("--max-loss", type=float, nargs="+", default=(1.0, 2.0))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    opened, judge = subject_of(options.network, options, judged=SEEN + UNSEEN)
    store = Project(options.work / f"{options.network}.secateur")
    settings = settings_of((0.25, 0.5, 0.75, 0.9), (8, 4, 3))
    points, _link = analyze(opened, judge, settings, SEEN, (), store, Context(), Plan())
    curves = {
        layer.id: Curve([point for point in points if point.layer_id == layer.id])
        for layer in opened.info.layers
    }
    defaults = LayerPlan(
        sparsity=options.sparsity, weight_bits=options.weight_bits, activation_bits=FLOAT_BITS
    )
    plan = Plan(defaults=defaults)
    print("| goal, way | layers given back | lost, unseen | bytes (zipped) | plans run | seconds |")
    print("|---|---:|---:|---:|---:|---:|")
    for goal in options.max_loss:
        meter = Counting(opened, judge, SEEN, options.work)
        seen, unseen = meter.drawn(SEEN), PlanMeter(opened, judge, UNSEEN, options.work, SEEN).drawn(UNSEEN)
        begun = time.process_time()
        found = rescue(meter, seen, unseen, plan, goal, curves, None, Context())
        mild = f" ({len(found.milder)} of them to a milder setting)" if found.milder else ""
        reached = "" if found.reached else ", missed"
        name = f"at most {goal:g}: rescue{reached}"
        print(row(name, f"{len(found.layers)}{mild}", found.after, meter, begun), flush=True)
        (options.work / f"{options.network}_{goal:g}.json").write_bytes(msgspec.json.encode(found))
        meter, begun = Counting(opened, judge, SEEN, options.work), time.process_time()
        count, after = by_single_damage(meter, seen, unseen, plan, goal, curves)
        print(row(f"at most {goal:g}: by single-layer damage", str(count), after, meter, begun), flush=True)


if __name__ == "__main__":
    main()
