"""Zeros in several rounds: prune a part, compensate, look again at what is left, prune on.

The share of zeros rises as 1 − (1 − r/n)³ over the rounds r of n (Zhu & Gupta 2017, eq. 1): fast while much
can go, slowly at the end. Each round's scores and moments are those of the network as it is then, its aim is
the original's answers. Where a limit on changed answers is passed, the state before is what comes back.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import msgspec
import onnx_ir as ir

from core.corrections import Corrections
from core.errors import DataError, PlanError
from core.graph.opened import OpenedModel
from core.methods import setting
from core.methods.assemble import assemble
from core.methods.repair_channels import Answers
from core.methods.resolve import Step, base_model, resolve
from core.pruning import choose_zeros
from core.steps import Task
from core.steps._samples import split
from core.values import LayerPlan, Plan, Text, digest, text
from core.values.plan import parse_pattern


@dataclass(frozen=True)
class Pruned:
    """A network with its zeros, and how it came about."""

    model: ir.Model
    steps: tuple[Step, ...]
    """As of the last round that was kept."""
    shares: frozenset[str]
    """Layers whose share one limit over the network decided."""
    rounds: int
    """How many were kept."""
    refused: float | None = None
    """Set where a round was taken back: the share of answers that had changed after it."""


def stopped(rounds: int, changed: float) -> Text:
    """That the rounds ended early; `changed`: the share of answers after the one that was taken back."""
    return text(
        "Stopped after round {count}: the next would change {share} % of the held-out answers.",
        count=rounds,
        share=round(100 * changed, 1),
    )


def prune_in_rounds(opened: OpenedModel, plan: Plan, task: Task) -> Pruned:
    """The zeros of `plan`, which asks for nothing else, in as many rounds as it says.

    Raises DataError for a limit without samples, PlanError if already the first of the layers' zeros pass it
    and the run has nothing else to do, and what choosing and compensating raise.
    """
    count = int(setting(plan, "prune_weights", "rounds"))
    limit = float(setting(plan, "prune_weights", "limit")) / 100
    held_out = split(task.data).held_out if limit else ()
    if limit and not held_out:
        raise DataError(
            text("A limit on changed answers needs data."),
            text("How many answers change is counted on calibration samples."),
            text("Choose data, or set the limit to 0."),
        )
    answers = Answers(opened.model, held_out) if limit else None
    now, kept = opened, Pruned(opened.model, (), frozenset(), 0)
    for turn in range(1, count + 1):
        part = plan if turn == count else part_of(plan, 1 - (1 - turn / count) ** 3)
        found = _once(now, part, task, opened.model, turn)
        if answers is not None:
            changed = answers.changed(found.model)
            if changed > limit:
                if not kept.rounds and not _more_to_do(opened, task):
                    raise PlanError(
                        text(
                            "Already the first zeros change {share} % of the answers.",
                            share=_percent(changed),
                        ),
                        text("The limit is {limit} %.", limit=_percent(limit)),
                        text("Allow more changed answers, fewer zeros, or take more rounds."),
                    )
                return dataclasses.replace(kept, refused=changed)
        kept = found
        key = digest("round", turn, now.info.sha256, part, task.plan.methods)
        info = msgspec.structs.replace(opened.info, sha256=key)
        now = dataclasses.replace(opened, info=info, model=found.model)
    return kept


def part_of(plan: Plan, share: float) -> Plan:
    """The plan with this part of every layer's zeros: of N:M so many fewer of each M go."""
    exceptions = {name: _part(layer, share) for name, layer in plan.exceptions.items()}
    return msgspec.structs.replace(plan, defaults=_part(plan.defaults, share), exceptions=exceptions)


def _part(layer: LayerPlan, share: float) -> LayerPlan:
    changes: dict[str, object] = {}
    if layer.sparsity:
        changes["sparsity"] = layer.sparsity * share
    if layer.threshold:
        changes["threshold"] = layer.threshold * share
    pattern = parse_pattern(layer.pattern)
    if pattern is not None:
        kept, of = pattern
        gone = round((of - kept) * share)
        changes |= {"pattern": f"{of - gone}:{of}"} if gone else {"pattern": "unstructured", "sparsity": 0.0}
    return msgspec.structs.replace(layer, **changes)


def _once(opened: OpenedModel, plan: Plan, task: Task, original: ir.Model, turn: int) -> Pruned:
    pruning = [step for step in resolve(opened, plan) if step.prunes]
    chosen = choose_zeros(opened, plan, pruning, task.data, task.store, task.context)
    steps = list(chosen.steps)
    base = base_model(opened, chosen.steps)
    aim = original if turn > 1 else None
    corrections = Corrections.start(opened, base, steps, {}, plan, task.data, task.store, task.context, aim)
    for place, step in enumerate(steps):
        task.context.report(
            text("Round {round}: zeros for layer '{layer}'", round=turn, layer=step.layer.label),
            place,
            len(steps),
        )
        corrections.ensure(place + 1)
    model = assemble(base, steps, {}, corrections.cache, corrections.biases)
    return Pruned(model, chosen.steps, chosen.shares, turn)


def _more_to_do(opened: OpenedModel, task: Task) -> bool:
    """Whether the run changes anything besides the zeros."""
    bits = any(step.weight_bits < 32 for step in resolve(opened, task.plan))
    return bits or task.plan.restructures or opened.model is not task.original.model


def _percent(share: float) -> float:
    return round(100 * share, 1)
