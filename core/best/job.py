"""From a request to the curve of best plans and the plan for a goal; curves come from the store if known."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.best.frontiers import Frontiers
from core.best.pareto import Frontier
from core.best.search import find
from core.best.starts import Start, with_fewer_channels
from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import data_key
from core.errors import DataError
from core.evaluate.judge import Judge
from core.evaluate.outcome import outcome
from core.evaluate.profile import layer_times
from core.graph.opened import OpenedModel
from core.kernel_model import KernelModel
from core.kernels.table import KernelTable
from core.predict import Curve
from core.sweep.analyze import analyze
from core.sweep.meter import PlanMeter
from core.sweep.settings import settings_of
from core.values import LayerPlan, Outcome, Plan, SensitivityPoint, Timings, Value, digest, text
from core.values.best import LEAST_JUDGED, LEAST_UNSEEN, BestPlans, Goal

_BITS = {"cpu": (8, 4), "accelerator": (8,), "microcontroller": (8, 4), "download": (8, 4, 3, 2)}
_INTEGER = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
_SHARES = (0.25, 0.5, 0.75, 0.9)


class _Known(Value, frozen=True, kw_only=True):
    """The original's own figures, kept so that asking again measures nothing again."""

    baseline: Outcome
    timings: Timings


def frontier_of(
    opened: OpenedModel,
    judge: Judge,
    goal: Goal,
    plan: Plan,
    samples: int,
    store: MeasurementStore | None,
    context: Context,
    work_dir: Path | None = None,
    kernels: KernelTable | None = None,
) -> tuple[Frontiers, Outcome]:
    """The plans to choose from; without a folder to work in every channel stays. Raises Cancelled.

    With `kernels` they are as fast as those were on this computer, else by the usual factor.
    """
    # how many channels go is for the search to say
    plan = plan.without_parameters(("prune_channels", name) for name in ("macs", "channels"))
    known = _known(opened, judge, store, context)
    context.publish(known.baseline)
    context.publish(known.timings)
    clock = None
    if kernels is not None:
        limited = goal.max_latency_ms is not None or goal.speedup is not None
        table = kernels.fill(_INTEGER, known.timings, context, widths=limited and work_dir is not None)
        context.publish(table)
        clock = KernelModel(table, known.timings)
    zeros = goal.profile == "download"
    shares = _SHARES if zeros else ()
    patterns = (goal.pattern,) if zeros and goal.pattern is not None else ()
    settings = settings_of(shares, _BITS[goal.profile], (8,), patterns)
    points, link = analyze(opened, judge, settings, samples, (), store, context, plan)
    by_layer: dict[str, list[SensitivityPoint]] = {}
    for point in points:
        by_layer.setdefault(point.layer_id, []).append(point)
    curves = {layer_id: Curve(own) for layer_id, own in by_layer.items()}
    baseline, timings = known.baseline, known.timings
    frontier = Frontier(opened.info, curves, link, goal, timings, baseline, plan.methods, clock)
    starts: list[Start] = []
    if work_dir is not None:
        meter = PlanMeter(opened, judge, samples, work_dir, store=store)
        starts = with_fewer_channels(opened, meter, goal, plan, store, context)
    return Frontiers(frontier, starts), known.baseline


def best_curve(frontiers: Frontiers, budgets: int) -> BestPlans:
    return BestPlans(points=tuple(frontiers.curve(budgets)), uniform=tuple(frontiers.whole.uniform()))


def find_plan(
    frontiers: Frontiers, baseline: Outcome, goal: Goal, meter: PlanMeter, budgets: int, context: Context
) -> BestPlans:
    """The plan for a goal, verified on the meter's samples, and the curve it lies on."""
    latency = baseline.latency.median_ms if baseline.latency is not None else None
    found = find(frontiers, goal, meter, latency, context)
    curve = best_curve(frontiers, budgets)
    return msgspec.structs.replace(found, points=curve.points, uniform=curve.uniform)


def unseen(judge: Judge, samples: int, wanted: int) -> tuple[int, int]:
    """(first, count) of the judging samples that the curves are not made from. Raises DataError."""
    count = min(wanted, judge.count - samples)
    if count < LEAST_UNSEEN:
        raise DataError(
            text("There are too few samples to look for a plan and to check it."),
            text(
                "{count} samples judge; {needed} are needed.",
                count=judge.count,
                needed=LEAST_JUDGED,
            ),
            text("Choose more data, or set the layers by hand."),
        )
    return samples, count


def _known(opened: OpenedModel, judge: Judge, store: MeasurementStore | None, context: Context) -> _Known:
    key = digest("original", 1, opened.info.sha256, data_key(judge.data))
    kept = store.get(key) if store is not None else None
    if kept is not None:
        return msgspec.msgpack.decode(kept, type=_Known)
    baseline = outcome(opened.source, judge, context)
    timings = layer_times(opened, judge.feeds(1), context)
    known = _Known(baseline=baseline, timings=timings)
    if store is not None:
        store.put(key, msgspec.msgpack.encode(known))
    return known


def samples_for(judge: Judge, asked: int) -> int:
    """How many samples make the curves: at most half of those that judge."""
    return max(1, min(asked, judge.count // 2))
