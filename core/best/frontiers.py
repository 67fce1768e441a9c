"""The plans of a network whole and with fewer channels, as one: whichever start serves best is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.best.options import Option
from core.best.pareto import Frontier
from core.best.solve import total
from core.best.starts import Start
from core.values.best import BestPlan

Chosen = tuple[Frontier, list[Option]]


class Frontiers:
    """`whole` first; the others begin with part of the channels gone."""

    def __init__(self, whole: Frontier, starts: Sequence[Start] = ()) -> None:
        self.whole = whole
        self.members = [whole, *(whole.from_start(start) for start in starts)]

    @property
    def space(self) -> str:
        """'size' or 'zipped': what the profile counts."""
        return self.whole.space

    @property
    def least(self) -> float:
        """Bytes of the smallest file, whatever the damage."""
        return self.whole.rest() + min(member.least for member in self.members)

    @property
    def most(self) -> float:
        """Bytes of the file with nothing done."""
        return self.whole.rest() + self.whole.most

    def choose(self, minimise: str, limits: Mapping[str, float]) -> Chosen | None:
        """The start and its options with the least `minimise`; limits as of `Frontier.choose`."""
        best: tuple[float, Chosen] | None = None
        for member in self.members:
            chosen = member.choose(minimise, limits)
            if chosen is None:
                continue
            cost = total(chosen, minimise) + (member.damage if minimise == "damage" else 0.0)
            if best is None or cost < best[0] * (1 - 1e-9):
                best = cost, (member, chosen)
        return best[1] if best is not None else None

    def curve(self, count: int = 16) -> list[BestPlan]:
        """Best plans for `count` budgets from the whole size to the smallest, each once."""
        found: list[BestPlan] = []
        for budget in np.geomspace(max(self.most, 1.0), max(self.least, 1.0), count):
            chosen = self.choose("damage", {self.space: float(budget) * (1 + 1e-9) + 1.0})
            if chosen is not None:
                plan = chosen[0].best(chosen[1])
                if not found or plan.plan != found[-1].plan:
                    found.append(plan)
        return found
