"""Which layers of a plan cost how much: what comes back when one of them is left as it was."""

from __future__ import annotations

from core.values.base import Value
from core.values.run import PlanMeasured


class GiveBack(Value, frozen=True, kw_only=True, tag=True):
    """A plan with these layers as in the original, the others as planned, measured on the same samples."""

    plan_key: str
    """`digest` of the plan."""
    layers: tuple[str, ...]
    """One layer, or those that share its weights."""
    points: float
    """That come back, of those that the plan loses (`PlanMeasured.loss`); negative: it loses more without."""
    low: float | None = None
    high: float | None = None
    damage: float = 0.0
    """That goes, as in `SensitivityPoint`: tells layers apart where points cannot yet."""
    damage_low: float | None = None
    damage_high: float | None = None
    count: int = 0
    """Samples."""


class Blame(Value, frozen=True, kw_only=True, tag=True):
    """The damage of a whole plan, by layers. The parts need not add up: layers make up for each other."""

    plan: PlanMeasured
    layers: tuple[GiveBack, ...]
    """What costs most first."""


class Rescue(Value, frozen=True, kw_only=True, tag=True):
    """The fewest layers to give back so that a plan keeps to its goal; measured on samples unseen before."""

    max_loss: float
    """Points that may be lost: the goal."""
    before: PlanMeasured
    after: PlanMeasured
    """Its `plan` is the one to take."""
    reached: bool
    layers: tuple[tuple[str, ...], ...] = ()
    """What is given back; those that share weights are one. None: the plan keeps to the goal as it is."""
    milder: tuple[tuple[str, ...], ...] = ()
    """Those of `layers` that need not be as in the original: one notch milder than planned does."""
