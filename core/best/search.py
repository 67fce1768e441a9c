"""A plan that keeps to a goal: chosen on the curves, measured on unseen samples, chosen anew if need be."""

from __future__ import annotations

import math

import msgspec

from core.best.frontiers import Chosen, Frontiers
from core.best.pareto import Frontier
from core.context import Context
from core.errors import PlanError
from core.predict import PlanDamage
from core.sweep.meter import PlanMeter
from core.values import Text, text
from core.values.best import BestPlan, BestPlans, Goal

ROUNDS = 5
"""Plans that are measured at most."""
_EXACT = 1e-6
"""Points: one sample in five hundred is 0.2, and not 0.20000000000000001."""
_CLOSE = 0.85
"""A plan that uses this share of what may be lost is good enough."""


def find(
    frontiers: Frontiers, goal: Goal, meter: PlanMeter, latency_ms: float | None, context: Context
) -> BestPlans:
    """The smallest plan that keeps to the goal's loss, or the least damaging one within its limits.

    `meter` measures on samples that the curves were not made from. Publishes each `BestPlan` as it is
    measured. Raises PlanError for a goal that no plan can reach, and Cancelled.
    """
    frontier = frontiers.whole
    limits, notes = _limits(frontiers, goal, latency_ms), []
    allowed = frontier.damage_for(goal.max_loss) if goal.max_loss is not None else None
    low, high = 0.0, math.inf
    best: BestPlan | None = None
    last: BestPlan | None = None
    for turn in range(ROUNDS):
        context.report(text("Looking for the best plan"), turn, ROUNDS)
        chosen = _chosen(frontiers, limits, allowed)
        if chosen is None:
            if allowed is not None and limits:
                notes.append(
                    text("No plan keeps to all limits: this one keeps to size and time and loses the least.")
                )
                allowed = None
                chosen = _chosen(frontiers, limits, None)
            if chosen is None:
                if last is not None:
                    break  # what was measured is as close as it gets
                raise _unreachable(frontiers, goal)
        found = _measured(chosen, meter, context)
        last = found
        assert found.measured is not None
        frontier.plans.append(PlanDamage(summed=found.damage, measured=found.measured.damage))
        limits = _corrected(frontier, goal, limits, found, latency_ms)
        fits = _within(goal, found, latency_ms)
        kept = goal.max_loss is None or found.measured.loss <= goal.max_loss + _EXACT
        if fits and kept and (best is None or frontier.bytes_of(found) <= frontier.bytes_of(best)):
            best = found
        if goal.max_loss is None or allowed is None:
            if fits:
                break
            continue
        if kept:
            low = max(low, found.damage)
            if found.measured.loss >= _CLOSE * goal.max_loss or found.damage >= 0.98 * high:
                break
        else:
            high = min(high, found.damage)
        # the prediction has learnt from this plan; what was measured bounds it from both sides
        allowed = frontier.damage_for(goal.max_loss)
        if low and allowed <= low:
            allowed = low * 1.25 if math.isinf(high) else math.sqrt(low * high)
        if allowed >= high:
            allowed = math.sqrt(max(low, high / 16) * high)
        if low and not math.isinf(high) and high / low < 1.1:
            break
    chosen_plan = best or last
    return BestPlans(chosen=chosen_plan, reached=best is not None, notes=tuple(notes))


def _chosen(frontiers: Frontiers, limits: dict[str, float], allowed: float | None) -> Chosen | None:
    if allowed is None:
        return frontiers.choose("damage", limits)
    return frontiers.choose(frontiers.space, {**limits, "damage": allowed})


def _limits(frontiers: Frontiers, goal: Goal, latency_ms: float | None) -> dict[str, float]:
    limits: dict[str, float] = {}
    if goal.max_size_bytes is not None:
        limits[frontiers.space] = goal.max_size_bytes
    wanted = _latency_goal(goal, latency_ms)
    if wanted is not None:
        if not frontiers.whole.timed:
            raise PlanError(
                text("How fast a plan is cannot be told yet."),
                text("The layers' times have not been measured."),
                text("Analyze the model first."),
            )
        limits["time_ms"] = wanted
    if not limits and goal.max_loss is None:
        raise PlanError(
            text("The goal is empty."),
            next_step=text("Say how much accuracy may go, how large the file or how slow a run may be."),
        )
    return limits


def _latency_goal(goal: Goal, latency_ms: float | None) -> float | None:
    goals = [] if goal.max_latency_ms is None else [goal.max_latency_ms]
    if goal.speedup is not None and latency_ms is not None:
        goals.append(latency_ms / goal.speedup)
    return min(goals) if goals else None


def _measured(chosen: Chosen, meter: PlanMeter, context: Context) -> BestPlan:
    frontier, options = chosen
    plan = frontier.best(options)
    measured = meter.measure(plan.plan, context)
    found = msgspec.structs.replace(plan, measured=measured)
    context.publish(found)
    return found


def _within(goal: Goal, found: BestPlan, latency_ms: float | None) -> bool:
    assert found.measured is not None
    outcome = found.measured.outcome
    size = outcome.zipped_bytes if goal.profile == "download" else outcome.size_bytes
    # a speedup is of the original as it ran beside the plan
    original = latency_ms if found.measured.original is None else found.measured.original.median_ms
    wanted = _latency_goal(goal, original)
    slow = wanted is not None and outcome.latency is not None and outcome.latency.median_ms > wanted * 1.03
    return not slow and (goal.max_size_bytes is None or size <= goal.max_size_bytes)


def _corrected(
    frontier: Frontier, goal: Goal, limits: dict[str, float], found: BestPlan, latency_ms: float | None
) -> dict[str, float]:
    """The limits less what the last plan's file was larger or slower than predicted."""
    assert found.measured is not None
    outcome = found.measured.outcome
    result = dict(limits)
    if frontier.space in result and goal.max_size_bytes is not None:
        size = outcome.zipped_bytes if frontier.space == "zipped" else outcome.size_bytes
        result[frontier.space] = goal.max_size_bytes - max(0, size - frontier.bytes_of(found))
    if "time_ms" in result and outcome.latency is not None and found.latency_ms:
        slower = outcome.latency.median_ms / found.latency_ms
        beside = found.measured.original
        if goal.speedup is not None and beside is not None and latency_ms is not None:
            slower *= latency_ms / beside.median_ms  # of a computer as busy as when the prediction was made
        if slower > 1.0:
            result["time_ms"] = limits["time_ms"] / slower
    return result


def _unreachable(frontiers: Frontiers, goal: Goal) -> PlanError:
    reasons: Text = text(
        "The smallest file that the settings tried can give has about {size} kB.",
        size=round(frontiers.least / 1000),
    )
    return PlanError(
        text("No plan reaches this goal."),
        reasons,
        text(
            "Allow more loss, a larger file or more time, or other settings: {profile}.", profile=goal.profile
        ),
    )
