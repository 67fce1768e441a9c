"""What colours the graph: one figure per layer, resolved from the session, with its legend."""

from __future__ import annotations

from core.values import Layer
from gui import format as fmt
from gui.i18n import tr
from gui.models.against import Against
from gui.models.blame_words import damage_share, points_text
from gui.models.damage import loss_unit, nice_ceiling, scale_top
from gui.models.plan_figures import values_of, zeros_of
from gui.session import Session
from gui.views.graph_differences import DIFFERENCES, resolve_difference
from gui.views.graph_scales import Figures, bits_now, of_whole, state_of
from gui.views.graph_weights import weight_error, weight_range
from gui.widgets.heat_legend import Legend, Swatch

LEAST_PLANNED = 0.1
"""Points at the end of the scale of planned losses even if no layer costs so much."""
FIGURES = (
    "sensitivity", "size", "time", "sparsity", "bits", "blame", "planned", "measured", "range", "error"
)  # fmt: skip
WEIGHTS = ("range", "error")
"""Figures that the engine works out from the weights themselves, when somebody looks."""
BITS_SHARE = {32: 0.0, 16: 0.15, 8: 0.32, 6: 0.45, 5: 0.53, 4: 0.62, 3: 0.8, 2: 1.0}
"""Place of a bit width on the colour scale: the fewer bits, the stronger."""


def figure_name(figure: str) -> str:
    """What the menu shows."""
    return {
        "sensitivity": tr("Sensitivity"),
        "measured": tr("Measured only"),
        "planned": tr("Planned loss"),
        "size": tr("Size"),
        "time": tr("Time"),
        "sparsity": tr("Sparsity"),
        "bits": tr("Bits"),
        "blame": tr("Blame"),
        "range": tr("Weight range"),
        "error": tr("Weight error"),
    }[figure]


def resolve(session: Session, figure: str, against: Against | None = None) -> Figures:
    """The figures of all layers as the session stands; `against`: their difference to another plan's."""
    if against is not None and figure in DIFFERENCES:
        return resolve_difference(session, figure, against)
    layers = session.model.layers if session.model is not None else ()
    bits = bits_now(session)
    if figure == "bits":
        return _bits(layers, bits)
    if figure == "sparsity":
        values = values_of(layers, session.plan, zeros_of)
        texts = {layer_id: fmt.percent(value) for layer_id, value in values.items()}
        legend = Legend(
            caption=tr("zeros, as planned"), low=fmt.percent(0), high=fmt.percent(1), known=bool(values)
        )
        return Figures(values, texts, bits, legend, values, "mean", fmt.percent)
    if figure in ("sensitivity", "measured"):
        return _sensitivity(session, layers, bits, measured_only=figure == "measured")
    if figure == "planned":
        return _planned(session, layers, bits)
    if figure == "blame":
        return _blame(session, layers, bits)
    if figure in WEIGHTS:
        return weight_range(session, bits) if figure == "range" else weight_error(session, bits)
    if figure == "size":
        total = sum(layer.bytes for layer in layers)
        values = {layer.id: layer.bytes / total for layer in layers} if total else {}
        return of_whole(values, bits, tr("share of the layers' size"), len(layers))
    times = {layer.id: session.time_share(layer.id) for layer in layers}
    values = {layer_id: share for layer_id, share in times.items() if share is not None}
    return of_whole(values, bits, tr("share of the time, this computer"), len(layers))


def _bits(layers: tuple[Layer, ...], bits: dict[str, int]) -> Figures:
    shares = {layer_id: bits_share(count) for layer_id, count in bits.items()}
    texts = {layer_id: tr("{n} bits").format(n=count) for layer_id, count in bits.items()}
    used = sorted(set(bits.values()) | {4, 8, 32})
    legend = Legend(
        caption=tr("bits per weight, as planned"),
        swatches=tuple(Swatch(str(count), bits_share(count)) for count in used),
        known=bool(layers),
    )
    numbers = {layer_id: float(count) for layer_id, count in bits.items()}
    return Figures(shares, texts, bits, legend, numbers, "mean", _short_bits)


def _sensitivity(
    session: Session, layers: tuple[Layer, ...], bits: dict[str, int], measured_only: bool
) -> Figures:
    losses = {
        layer.id: session.sensitivity(layer.id)
        for layer in layers
        if not measured_only or not any(p.measurement.estimate for p in session.points.get(layer.id, ()))
    }
    values = {layer_id: loss for layer_id, loss in losses.items() if loss is not None}
    points = [point for layer_points in session.points.values() for point in layer_points]
    top = scale_top(values.values())
    unit = tr("{n} points lost")
    legend = Legend(
        caption=tr("points lost at 50 % · 4 bits"),
        low="0",
        high=fmt.number(top, 0 if top >= 1 else 1),
        state=state_of(len(values), len(layers)),
        estimate=not measured_only and any(point.measurement.estimate for point in points),
        known=bool(values),
    )
    return Figures(
        {layer_id: min(loss / top, 1.0) for layer_id, loss in values.items()},
        {layer_id: unit.format(n=fmt.points(loss, 1)) for layer_id, loss in values.items()},
        bits,
        legend,
        values,
        "worst",
        lambda loss: fmt.points(loss, 1),
    )


def _planned(session: Session, layers: tuple[Layer, ...], bits: dict[str, int]) -> Figures:
    """What each layer alone would cost as the plan has it: from what was measured of it, interpolated."""
    losses = {layer.id: session.predicted_loss(layer.id) for layer in layers if layer.id in session.points}
    values = {layer_id: max(loss, 0.0) for layer_id, loss in losses.items() if loss is not None}
    top = nice_ceiling(max([LEAST_PLANNED, *values.values()]))
    unit = loss_unit()
    legend = Legend(
        caption=tr("{unit} lost by the layer alone, as planned").format(unit=unit),
        low="0",
        high=fmt.number(top),
        state=tr("estimate") if values else tr("not measured yet"),
        estimate=True,
        known=bool(values),
    )
    texts = {
        layer_id: tr("about {n} {unit}").format(n=fmt.number(value, 2), unit=unit)
        for layer_id, value in values.items()
    }
    shares = {layer_id: value / top for layer_id, value in values.items()}
    return Figures(shares, texts, bits, legend, values, "sum", lambda value: fmt.number(value, 2))


def _blame(session: Session, layers: tuple[Layer, ...], bits: dict[str, int]) -> Figures:
    """Shares of the plan's damage: few answers change for one layer, so points colour nothing yet."""
    whole, backs = session.blame.whole, session.blame.by_layer()
    planned = sum(session.plan.changes(layer.id) for layer in layers)
    if whole is None or not backs:
        caption = tr("share of the damage, measured")
        return Figures(bits=bits, legend=Legend(caption=caption, state=state_of(0, planned), known=False))
    shares = {layer_id: damage_share(back, whole) for layer_id, back in backs.items()}
    top = nice_ceiling(max(*shares.values(), 0.05) * 100) / 100
    unit = loss_unit()
    legend = Legend(
        caption=tr("of the damage · {n} {unit} lost").format(n=fmt.number(whole.loss, 2), unit=unit),
        low=fmt.percent(0),
        high=fmt.percent(top),
        state=state_of(len(backs), planned),
    )
    texts = {
        layer_id: tr("{share} of the damage; left as it was it gives back {points}").format(
            share=fmt.percent(shares[layer_id]), points=points_text(back, unit)
        )
        for layer_id, back in backs.items()
    }
    places = {layer_id: share / top for layer_id, share in shares.items()}
    return Figures(places, texts, bits, legend, shares, "sum", fmt.percent)


def _short_bits(count: float) -> str:
    return tr("{n} b").format(n=fmt.number(count, 0 if count == round(count) else 1))


def bits_share(bits: int) -> float:
    """The place of a bit width on the colour scale."""
    return BITS_SHARE.get(bits, 0.0)
