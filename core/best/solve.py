"""One option for each layer: a knapsack with several limits, solved by integer programming (HiGHS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from core.best._quiet import quiet
from core.best.options import Option

COSTS = ("damage", "size", "zipped", "time_ms")
SECONDS = 5.0
_GAP = 1e-4


def choose(
    options: Sequence[Sequence[Option]], minimise: str, limits: Mapping[str, float]
) -> list[Option] | None:
    """The options with the least sum of `minimise` whose other sums stay within `limits` (keys of `COSTS`).

    None if nothing does. Exact within 0.01 %, or the best found within `SECONDS`.
    """
    flat = [option for each in options for option in each]
    if not flat:
        return []
    objective = _scaled(flat, minimise)
    if minimise != "damage":
        # among equals the one that hurts less
        objective = objective + 1e-6 * _scaled(flat, "damage")
    rows: list[int] = []
    columns: list[int] = []
    start = 0
    for row, each in enumerate(options):
        rows += [row] * len(each)
        columns += range(start, start + len(each))
        start += len(each)
    one_each = csr_matrix((np.ones(len(flat)), (rows, columns)), shape=(len(options), len(flat)))
    constraints = [LinearConstraint(one_each, 1, 1)]
    for cost, limit in limits.items():
        values = np.array([getattr(option, cost) for option in flat])
        unit = max(float(np.abs(values).max()), 1e-30)
        constraints.append(LinearConstraint((values / unit)[None, :], -np.inf, limit / unit))
    with quiet():
        found = milp(
            objective,
            constraints=constraints,
            integrality=np.ones(len(flat)),
            bounds=Bounds(0, 1),
            options={"time_limit": SECONDS, "mip_rel_gap": _GAP},
        )
    if found.x is None:
        return None
    chosen = np.asarray(found.x) > 0.5
    return [option for option, taken in zip(flat, chosen, strict=True) if taken]


def total(chosen: Sequence[Option], cost: str) -> float:
    return float(sum(getattr(option, cost) for option in chosen))


def _scaled(flat: Sequence[Option], cost: str) -> np.ndarray:
    values = np.array([getattr(option, cost) for option in flat], dtype=float)
    return values / max(float(np.abs(values).max()), 1e-30)
