"""Whole channels, neurons and heads go, with everything coupled to them: files and times really shrink.

How many units each group loses is decided greedily: again and again the step that costs least damage for
each multiply-accumulate saved, costs worked out anew after each step. What is left is repaired in closed
form. In several rounds the second choice already sees the repaired network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from core.context import Context
from core.errors import PlanError
from core.graph.coupling import ChannelGroup, channel_groups
from core.graph.surgery import remove_channels
from core.methods import METHODS, setting
from core.methods._channel_costs import ChannelCosts
from core.methods._channel_curves import Curve, by_moments, importances, magnitude
from core.methods._pieces import Feeds
from core.methods.prune_weights import CHANGED_ANSWERS, SCORE_CHOICES
from core.methods.repair_channels import Answers, Repair, repair
from core.values import Choice, Described, Parameter, Plan, text

Batches = Callable[[], Iterable[Feeds]]
Units = Callable[[ir.Model, Sequence[ChannelGroup]], Mapping[str, Curve]]
"""The order in which the units of a network's groups go, and at what damage."""


@dataclass(frozen=True)
class Goal:
    """What is to go. Exactly one of the two shares is set, 0..1."""

    channels: float | None = None
    """Of the units of every group."""
    macs: float | None = None
    """Of the multiply-accumulates of the whole network."""
    multiple: int = 16
    """What is left of a group is a multiple of this where the group is large enough; see `multiple_of`."""


@dataclass(frozen=True)
class PrunedChannels:
    """A network without some channels, and how it came about."""

    model: ir.Model
    cuts: dict[str, np.ndarray]
    """Group id of the original -> units that have gone."""
    repairs: tuple[Repair, ...]
    macs_share: float
    """Multiply-accumulates left, of the original's."""
    rounds: int = 1
    """How many were carried out and kept."""
    refused: float | None = None
    """Set where a round was taken back: the share of answers that had changed after it."""


def multiple_of(size: int, wanted: int = 16) -> int:
    """Kernels work on 8 or 16 channels at once: what is left of a group comes in such numbers.

    16 from 64 units on, 8 from 16 on, below it any. A float convolution of 11 channels is slower than one of
    16: onnxruntime lays channels out in blocks of 8 only where their number allows it.
    """
    if wanted <= 1 or size < 16:
        return 1
    return min(wanted, 16) if size >= 64 else min(wanted, 8)


def choose_channels(
    model: ir.Model,
    groups: Sequence[ChannelGroup],
    goal: Goal,
    curves: Mapping[str, Curve] | None = None,
    gone: Mapping[str, int] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, np.ndarray]:
    """Return the units to remove of each removable group.

    `curves` say in which order units go and at what damage (by magnitude if left out). For rounds after the
    first `sizes` holds the groups' original sizes, so that multiples are those of the finished network.
    Raises PlanError if the goal cannot be reached.
    """
    free = [group for group in groups if group.removable]
    if curves is None:
        curves = importances(model, free, magnitude)
    if goal.channels is not None:
        counts = {group.id: _share(group, goal, (sizes or {}).get(group.id, group.size)) for group in free}
    else:
        counts = _greedy(model, free, goal, curves, sizes or {})
    limit = {name: min(count, len(curves[name].order)) for name, count in counts.items()}
    return {name: np.sort(curves[name].order[:count]) for name, count in limit.items() if count}


def prune_channels(
    original: ir.Model,
    goal: Goal,
    batches: Batches | None = None,
    held_out: Sequence[Feeds] = (),
    score: str = "measured",
    rounds: int = 1,
    repair_rounds: int = 1,
    positions: int = 50,
    context: Context | None = None,
    units: Units | None = None,
    most_changed: float = 0.0,
) -> PrunedChannels:
    """Choose, remove and repair; the original stays as it is.

    score: 'magnitude' (needs no data), 'moments' (damage to the consumers), or 'measured' (the same order,
    damage measured on the whole network); `units` say it instead. With several rounds each takes an equal
    part of what is to go; where more than `most_changed` of the held-out answers (0..1; 0: no limit) then
    differ from the original's, the state before is what comes back. Raises PlanError if the goal cannot be
    reached, Cancelled.
    """
    context = context or Context()
    groups = channel_groups(original)
    costs = ChannelCosts(original, groups)
    sizes = {group.id: group.size for group in groups}
    alive = {group.id: np.arange(group.size) for group in groups}
    judge = Answers(original, held_out) if held_out and (score == "measured" or most_changed) else None
    answers = judge if score == "measured" else None
    model = original
    repairs: tuple[Repair, ...] = ()
    total: dict[str, np.ndarray] = {}
    changed: float | None = None
    done = 0
    for turn in range(1, rounds + 1):
        before = model, alive, total, repairs
        # whoever may stop early wants numbers of channels that suit the processor at every stop
        part = _part(goal, turn, rounds, even=bool(most_changed))
        now = channel_groups(model)
        curves: Mapping[str, Curve] | None = None
        free = [group for group in now if group.removable]
        if units is not None:
            curves = units(model, free)
        elif score != "magnitude" and batches is not None:
            curves = by_moments(model, free, batches, context, answers, positions=positions)
        aim = part if part.channels is not None else _of_what_is_left(part, costs, sizes, alive)
        cuts = choose_channels(model, now, aim, curves, sizes=sizes)
        model = remove_channels(model, cuts)
        alive = {name: np.delete(left, cuts.get(name, ())) for name, left in alive.items()}
        total = {name: np.setdiff1d(np.arange(sizes[name]), left) for name, left in alive.items()}
        total = {name: gone for name, gone in total.items() if gone.size}
        if batches is not None and repair_rounds:
            model, log = repair(
                original, model, total, batches, held_out, context, positions, rounds=repair_rounds
            )
            repairs += log
        done = turn
        if most_changed and judge is not None:
            changed = judge.changed(model)
            if changed > most_changed:
                (model, alive, total, repairs), done = before, turn - 1
                break
    left_macs = costs.total({name: sizes[name] - len(left) for name, left in alive.items()})
    share = left_macs / max(costs.total(), 1.0)
    return PrunedChannels(model, total, repairs, share, done, None if done == rounds else changed)


def from_plan(
    original: ir.Model,
    plan: Plan,
    batches: Batches | None,
    held_out: Sequence[Feeds],
    context: Context,
    units: Units | None = None,
) -> PrunedChannels | None:
    """`prune_channels` as the plan's settings say; None if the plan removes no channels.

    Without samples channels are chosen by magnitude and nothing is repaired. Raises as `prune_channels`.
    """
    macs, channels = (float(setting(plan, "prune_channels", name)) / 100 for name in ("macs", "channels"))
    if macs <= 0 and channels <= 0:
        return None
    multiple = int(setting(plan, "prune_channels", "multiple"))
    return prune_channels(
        original,
        Goal(macs=macs, multiple=multiple) if macs > 0 else Goal(channels=channels, multiple=multiple),
        batches,
        held_out,
        score=str(setting(plan, "prune_channels", "score")),
        rounds=int(setting(plan, "prune_channels", "rounds")),
        repair_rounds=int(setting(plan, "repair_channels", "rounds")),
        positions=int(setting(plan, "repair_channels", "positions")),
        context=context,
        units=units,
        most_changed=float(setting(plan, "prune_channels", "limit")) / 100,
    )


def _part(goal: Goal, turn: int, rounds: int, even: bool = False) -> Goal:
    """The goal after this many rounds, of the original's channels or MACs."""
    multiple = goal.multiple if turn == rounds or even else 1
    if goal.channels is not None:
        return Goal(channels=goal.channels * turn / rounds, multiple=multiple)
    return Goal(macs=(goal.macs or 0.0) * turn / rounds, multiple=multiple)


def _of_what_is_left(
    goal: Goal, costs: ChannelCosts, sizes: Mapping[str, int], alive: Mapping[str, np.ndarray]
) -> Goal:
    """The goal as a share of the MACs that the network has now."""
    now = costs.total({name: sizes[name] - len(left) for name, left in alive.items()})
    wanted = (1.0 - (goal.macs or 0.0)) * costs.total()
    return Goal(macs=max(0.0, 1.0 - wanted / max(now, 1.0)), multiple=goal.multiple)


def _share(group: ChannelGroup, goal: Goal, original: int) -> int:
    """How many units go for a share of the original's, what is left being a multiple (rounded up)."""
    multiple = multiple_of(original, goal.multiple)
    left = (1.0 - (goal.channels or 0.0)) * original
    kept = int(np.ceil(round(left, 6) / multiple)) * multiple
    return group.size - max(1, min(kept, group.size))


def _greedy(
    model: ir.Model,
    groups: Sequence[ChannelGroup],
    goal: Goal,
    curves: Mapping[str, Curve],
    sizes: Mapping[str, int],
) -> dict[str, int]:
    costs = ChannelCosts(model, groups)
    start = costs.total()
    wanted = (1.0 - (goal.macs or 0.0)) * start
    removed = {group.id: 0 for group in groups}
    left = start
    while left > wanted * (1 + 1e-9):
        best: tuple[float, str, int] | None = None
        for group in groups:
            curve, count = curves[group.id], removed[group.id]
            multiple = multiple_of(sizes.get(group.id, group.size), goal.multiple)
            for after in _stops(group.size, count, multiple, len(curve.order)):
                saved = costs.saved(group.id, removed, after - count)
                if saved <= 0:
                    continue
                price = float(curve.damage[after] - curve.damage[count]) / saved
                if best is None or price < best[0]:
                    best = (price, group.id, after)
                if left - saved < wanted:
                    break  # a longer step would go past the goal
        if best is None:
            raise PlanError(
                text("Not so much can be saved by removing channels."),
                text(
                    "With every group at its least, {share} % of the work is left.",
                    share=round(100 * left / start),
                ),
                text("Choose a smaller share, or remove less and use fewer bits as well."),
            )
        removed[best[1]] = best[2]
        left = costs.total(removed)
    return removed


def _stops(size: int, count: int, multiple: int, most: int) -> list[int]:
    """Numbers removed, beyond `count`, that leave a multiple."""
    return [after for after in range(count + 1, most + 1) if (size - after) % multiple == 0]


METHODS.add(
    Described(
        name="prune_channels",
        label=text("Remove channels"),
        help=text(
            "Removes whole channels, neurons and attention heads: the network becomes smaller and faster."
        ),
        parameters=(
            Parameter(
                name="macs",
                label=text("Share of the work to remove"),
                help=text("How much of all multiply-accumulates goes; spread where it harms least."),
                kind="number",
                default=0.0,
                low=0.0,
                high=95.0,
                unit="%",
            ),
            Parameter(
                name="channels",
                label=text("Share of every layer's channels"),
                help=text("Instead: the same share of the channels of every layer that can lose some."),
                kind="number",
                default=0.0,
                low=0.0,
                high=95.0,
                unit="%",
            ),
            Parameter(
                name="score",
                label=text("Choose by"),
                help=text("Which channels count as the least important."),
                kind="choice",
                default="measured",
                choices=(
                    Choice(
                        "measured",
                        text("Measured damage"),
                        text(
                            "What the network's answers lose without them: slowest, keeps the most accuracy."
                        ),
                    ),
                    Choice(
                        "moments",
                        text("Damage to the next layers"),
                        text("Worked out from what the next layers read: faster, nearly as good."),
                    ),
                    *SCORE_CHOICES,
                ),
            ),
            Parameter(
                name="multiple",
                label=text("Channels in multiples of"),
                help=text("Processors work on 8 or 16 channels at once; other numbers are slower."),
                kind="integer",
                default=16,
                low=1,
                high=16,
            ),
            Parameter(
                name="rounds",
                label=text("Rounds of removal"),
                help=text("In several rounds each choice sees the network repaired after the one before."),
                kind="integer",
                default=1,
                low=1,
                high=10,
            ),
            CHANGED_ANSWERS,
        ),
    ),
    prune_channels,
)
