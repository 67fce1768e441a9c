"""Which weights go where a score is to say it: layer by layer, or by one limit over the whole network.

The result is the same steps with their zeros chosen (`Step.masks`); everything after it, compensation and
rounding, leaves those zeros where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import DataSet
from core.graph.opened import OpenedModel
from core.graph.weights import get_weights
from core.methods import setting
from core.methods.masks import Masks
from core.methods.prune_weights import AUTOMATIC, NETWORK, keep_mask
from core.methods.resolve import Step
from core.scoring import Scoring
from core.values import Layer, LayerPlan, Plan, Text, text

LEAST_KEPT = 0.01
"""Of each layer's weights at least this share stays under one limit, lest a layer go as a whole."""
_AT_ONCE = 4_000_000
"""Weights up to which the limit of a whole network is worked out while somebody looks at a layer."""
_GONE = -1.0
"""Below every score: weights that are zero already go first."""


@dataclass(frozen=True)
class Chosen:
    """Steps with their zeros chosen, and the plan as it came to be."""

    plan: Plan
    """With the share that each layer really loses."""
    steps: tuple[Step, ...]
    shares: frozenset[str] = frozenset()
    """Layers, by id, whose share one limit over the network decided."""


def chosen_by(plan: Plan) -> str | None:
    """The score that chooses the zeros; None where it is left to magnitude and compensation."""
    name = str(setting(plan, "prune_weights", "score"))
    by_network = setting(plan, "prune_weights", "scope") == NETWORK
    return (name if name != AUTOMATIC else "magnitude") if by_network or name != AUTOMATIC else None


def choose_zeros(
    opened: OpenedModel,
    plan: Plan,
    steps: Sequence[Step],
    data: DataSet | None,
    store: MeasurementStore | None,
    context: Context,
    scoring: Scoring | None = None,
) -> Chosen:
    """Give every step that prunes the mask that the plan's score says.

    A layer that has no such score is pruned by magnitude, with a note. Raises PlanError for an unknown
    score, DataError or UnsupportedModelError where the score cannot be had at all, Cancelled.
    """
    name = chosen_by(plan)
    pruning = [step for step in steps if step.prunes]
    if name is None or not pruning:
        return Chosen(plan, tuple(steps))
    scoring = scoring or Scoring(opened, data, store)
    scoring.measure([step.layer.id for step in pruning], name, context)
    choice = _Choice(opened, plan, scoring, name, int(setting(plan, "prune_weights", "seed")))
    limit = choice.common_limit(pruning) if setting(plan, "prune_weights", "scope") == NETWORK else None
    done: dict[str, Step] = {}
    for place, step in enumerate(pruning):
        context.report(text("Choosing the weights that go"), place, len(pruning))
        done[step.layer.id] = choice.masked(step, limit)
    common = [step.layer.id for step in pruning if limit is not None and choice.follows_the_limit(step)]
    for layer_id in common:
        plan = plan.with_layer(layer_id, sparsity=done[layer_id].sparsity)
    return Chosen(plan, tuple(done.get(step.layer.id, step) for step in steps), frozenset(common))


def zeros_at_once(
    opened: OpenedModel, plan: Plan, steps: Sequence[Step], step: Step, scoring: Scoring
) -> tuple[Step, Text | None]:
    """One step with its zeros chosen, as far as that can be said without measuring; and what cannot.

    For a look at a layer: where the score is not known yet, the zeros stay those by magnitude.
    """
    name = chosen_by(plan)
    if name is None or not step.prunes:
        return step, None
    if scoring.why_not(name) is not None or scoring.to_measure([step.layer.id], name):
        return step, text(
            "The zeros are shown by magnitude: the score that chooses them is not measured yet."
        )
    choice = _Choice(opened, plan, scoring, name, int(setting(plan, "prune_weights", "seed")))
    if setting(plan, "prune_weights", "scope") != NETWORK or not choice.follows_the_limit(step):
        return choice.masked(step, None), None
    pruning = [other for other in steps if other.prunes]
    weights = sum(int(np.prod(other.layer.shape)) for other in pruning)
    unknown = scoring.to_measure([other.layer.id for other in pruning], name)
    if unknown or weights > _AT_ONCE:
        return choice.masked(step, None), text(
            "One limit for the whole network decides how much this layer loses; here it is shown with an "
            "even share."
        )
    return choice.masked(step, choice.common_limit(pruning)), None


class _Choice:
    def __init__(self, opened: OpenedModel, plan: Plan, scoring: Scoring, name: str, seed: int) -> None:
        self._opened, self._plan, self._scoring = opened, plan, scoring
        self._name, self._seed = name, seed
        self._by_weight: dict[str, np.ndarray] = {}

    def masked(self, step: Step, limit: float | None) -> Step:
        """The step with its zeros chosen; layers that share a weight get the same."""
        scores, reason = self._scores(step.layer)
        keep: dict[str, np.ndarray] = {}
        sparsity = step.sparsity
        common = limit is not None and self.follows_the_limit(step)
        unit = self._scoring.unit(step.layer.id, self._name)
        for name, values in zip(step.layer.weights, scores, strict=True):
            if name not in self._by_weight:
                if common:
                    assert limit is not None
                    self._by_weight[name] = _protected(values) >= limit * unit
                else:
                    self._by_weight[name] = keep_mask(
                        values, step.sparsity, step.threshold, step.pattern, step.row_axes
                    )
            keep[name] = self._by_weight[name]
        if common:
            total = sum(mask.size for mask in keep.values())
            kept = sum(int(np.count_nonzero(mask)) for mask in keep.values())
            sparsity = 1.0 - kept / max(1, total)
        planned = msgspec.structs.replace(step.planned, sparsity=sparsity) if common else step.planned
        note = step.note or reason
        return replace(step, masks=Masks(keep), sparsity=sparsity, planned=planned, note=note)

    def common_limit(self, steps: Sequence[Step]) -> float:
        """The score below which weights go in all layers that follow the defaults, so that as many go in
        all as planned: scores in units of their layers."""
        parts: list[np.ndarray] = []
        going = 0.0
        seen: set[str] = set()
        for step in steps:
            if not self.follows_the_limit(step) or seen & set(step.layer.weights):
                continue
            seen |= set(step.layer.weights)
            unit = self._scoring.unit(step.layer.id, self._name)
            scores, _ = self._scores(step.layer)
            for values in scores:
                parts.append((_protected(values).reshape(-1) / unit).astype(np.float32))
                going += step.sparsity * values.size
        if not parts:
            return 0.0
        every = np.concatenate(parts)
        count = min(int(going + 0.5), every.size)
        if not count:
            return -np.inf
        return float(np.partition(every, count)[count]) if count < every.size else np.inf

    def follows_the_limit(self, step: Step) -> bool:
        """Whether the layer's share is the network's and not its own."""
        own = self._plan.exceptions.get(step.layer.id, LayerPlan())
        own_settings = (own.sparsity, own.threshold, own.pattern, own.keep)
        return step.pattern is None and not step.threshold and all(value is None for value in own_settings)

    def _scores(self, layer: Layer) -> tuple[list[np.ndarray], Text | None]:
        scores, reason = self._scoring.weights(layer.id, self._name, self._seed)
        weights = get_weights(self._opened.model, layer)
        return [
            np.where(weight == 0, np.float32(_GONE), values)
            for weight, values in zip(weights, scores, strict=True)
        ], reason


def _protected(scores: np.ndarray) -> np.ndarray:
    """Scores with the best hundredth beyond every limit."""
    count = int(np.ceil(LEAST_KEPT * scores.size))
    flat = scores.reshape(-1).astype(np.float32)
    best = np.argpartition(flat, flat.size - count)[flat.size - count :]
    result = flat.copy()
    result[best] = np.where(flat[best] >= 0, np.inf, flat[best])
    return result.reshape(scores.shape)
