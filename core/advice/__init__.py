"""Advice in words: which technique fits this model, its data and its target, and what stands in the way.

Pure functions of what is known. Each rule is one function: it looks at the facts and gives an `Advice` or
None. What a rule says rests on figures: those of the model at hand where it was measured, else those of
`docs/benchmarks.md`, `docs/compensation.md`, `docs/channels.md` and `docs/quantization.md`, of which the
evidence says on which network they were measured.
"""

from __future__ import annotations

from collections.abc import Callable

from core.advice.facts import Facts
from core.advice.hindrance import blocked, culprit, slower, who_is_to_blame
from core.advice.more import not_analyzed, spare_layers, training
from core.advice.network import depthwise, transformer
from core.advice.samples import hardly_any_data, no_data, no_labels
from core.advice.target import float_activations, smaller_download, zeros_for_speed
from core.values.advice import Advice

MOST = 5
"""Pieces of advice that are shown."""

Rule = Callable[[Facts], Advice | None]

RULES: tuple[Rule, ...] = (
    no_data, hardly_any_data, no_labels, depthwise, transformer, zeros_for_speed, float_activations,
    smaller_download, blocked, culprit, who_is_to_blame, slower, not_analyzed, spare_layers, training,
)  # fmt: skip


def advise(facts: Facts, most: int = MOST) -> list[Advice]:
    """The most useful pieces of advice first, at most `most`; none that would change nothing."""
    found = [advice for rule in RULES if (advice := rule(facts)) is not None]
    useful = [advice for advice in found if advice.plan is None or advice.plan != facts.plan]
    return sorted(useful, key=lambda advice: -advice.weight)[:most]
