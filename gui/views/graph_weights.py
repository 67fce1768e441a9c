"""Figures of the weights themselves: how far they reach, and how far the plan moves them."""

from __future__ import annotations

from gui import format as fmt
from gui.i18n import tr
from gui.models.damage import nice_ceiling
from gui.session import Session
from gui.views.graph_scales import Figures
from gui.widgets.heat_legend import Legend

_LEAST_ERROR = 0.01


def weight_range(session: Session, bits: dict[str, int]) -> Figures:
    """The largest magnitude in each layer; the words say both ends."""
    weights = session.weights.by_layer()
    values = {layer_id: max(abs(one.minimum), abs(one.maximum)) for layer_id, one in weights.items()}
    top = nice_ceiling(max(values.values(), default=0.0)) or 1.0
    legend = Legend(
        caption=tr("largest magnitude of the weights"),
        low="0",
        high=_magnitude(top),
        state="" if values else tr("looking at the weights …"),
        known=bool(values),
    )
    texts = {
        layer_id: tr("from {low} to {high}").format(low=_magnitude(one.minimum), high=_magnitude(one.maximum))
        for layer_id, one in weights.items()
    }
    shares = {layer_id: value / top for layer_id, value in values.items()}
    return Figures(shares, texts, bits, legend, values, "worst", _magnitude)


def weight_error(session: Session, bits: dict[str, int]) -> Figures:
    """How strong the change is beside the weights, root mean square; without a run's corrections."""
    known = {
        layer_id: one.sqnr_db
        for layer_id, one in session.weights.by_layer().items()
        if one.sqnr_db is not None
    }
    values = {layer_id: 10 ** (-decibels / 20) for layer_id, decibels in known.items()}
    top = nice_ceiling(max([_LEAST_ERROR, *values.values()]) * 100) / 100
    if session.weights.by_layer():
        state = "" if values else tr("the plan changes no weights")
    else:
        state = tr("looking at the weights …")
    legend = Legend(
        caption=tr("change of the weights, of their strength"),
        low=fmt.percent(0),
        high=fmt.percent(top),
        state=state,
        known=bool(values),
    )
    texts = {
        layer_id: tr("{share} of the weights' strength ({n} dB)").format(
            share=fmt.percent(values[layer_id], 1), n=fmt.number(known[layer_id])
        )
        for layer_id in values
    }
    shares = {layer_id: value / top for layer_id, value in values.items()}
    return Figures(shares, texts, bits, legend, values, "worst", lambda value: fmt.percent(value, 1))


def _magnitude(value: float) -> str:
    """Weights of a thousandth are usual: three figures, whatever the size."""
    size = abs(value)
    digits = (
        0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 or not size else 4
    )
    return fmt.number(value, digits)
