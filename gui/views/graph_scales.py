"""A figure of all layers with its place on a scale, its words and its legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gui import format as fmt
from gui.i18n import tr
from gui.models.damage import nice_ceiling
from gui.models.plan_figures import bits_of
from gui.session import Session
from gui.widgets.heat_legend import Legend


@dataclass(frozen=True)
class Figures:
    """`shares`: place on the colour scale, 0..1, of every layer whose figure is known.
    `texts`: the figure with its unit, for the tooltip. `bits`: planned weight bits by layer."""

    shares: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    legend: Legend = field(default_factory=Legend)
    values: dict[str, float] = field(default_factory=dict)
    """The figures themselves, in the unit that `short` writes."""
    rule: str = "worst"
    """How a group's figure comes about: see `rolled`."""
    short: Callable[[float], str] = str
    """A figure in as few letters as a box has room for."""
    scale: str = "damage"
    """The colours: 'damage', or 'difference' with its zero in the middle."""


def bits_now(session: Session) -> dict[str, int]:
    """What each layer's box shows: the bits that it will have."""
    layers = session.model.layers if session.model is not None else ()
    return {layer.id: bits_of(layer, session.plan) for layer in layers}


def of_whole(values: dict[str, float], bits: dict[str, int], caption: str, count: int) -> Figures:
    """Shares of a whole: the scale ends at a round percentage above the largest."""
    top = nice_ceiling(max(values.values(), default=1.0) * 100) / 100 or 1.0
    legend = Legend(
        caption=caption,
        low=fmt.percent(0),
        high=fmt.percent(top) if top >= 0.01 else fmt.part(top),
        state=state_of(len(values), count),
        known=bool(values),
    )
    return Figures(
        {layer_id: value / top for layer_id, value in values.items()},
        {layer_id: fmt.part(value) for layer_id, value in values.items()},
        bits,
        legend,
        values,
        "sum",
        _share,
    )


def state_of(known: int, total: int) -> str:
    """How much is measured; '' when all is."""
    if known == 0:
        return tr("not measured yet")
    if known < total:
        return tr("{n} of {total} layers measured").format(n=fmt.count(known), total=fmt.count(total))
    return ""


def _share(value: float) -> str:
    return fmt.percent(value) if value >= 0.1 else fmt.part(value)
