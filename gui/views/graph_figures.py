"""What colours the graph: one figure per layer, resolved from the session, with its legend."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.values import FLOAT_BITS, Layer
from gui import format as fmt
from gui.i18n import tr
from gui.models.blame_words import damage_share, points_text
from gui.models.choices import fixes_share
from gui.models.damage import loss_unit, nice_ceiling, scale_top
from gui.session import Session
from gui.widgets.heat_legend import Legend, Swatch

FIGURES = ("sensitivity", "size", "time", "sparsity", "bits", "blame")
BITS_SHARE = {32: 0.0, 16: 0.15, 8: 0.32, 6: 0.45, 5: 0.53, 4: 0.62, 3: 0.8, 2: 1.0}
"""Place of a bit width on the colour scale: the fewer bits, the stronger."""


@dataclass(frozen=True)
class Figures:
    """`shares`: place on the colour scale, 0..1, of every layer whose figure is known.
    `texts`: the figure with its unit, for the tooltip. `bits`: planned weight bits by layer."""

    shares: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    legend: Legend = field(default_factory=Legend)


def figure_name(figure: str) -> str:
    """What the menu shows."""
    return {
        "sensitivity": tr("Sensitivity"),
        "size": tr("Size"),
        "time": tr("Time"),
        "sparsity": tr("Sparsity"),
        "bits": tr("Bits"),
        "blame": tr("Blame"),
    }[figure]


def resolve(session: Session, figure: str) -> Figures:
    """The figures of all layers as the session stands."""
    layers = session.model.layers if session.model is not None else ()
    plans = {layer.id: session.plan.layer(layer.id) for layer in layers}
    # a plan asks in vain where the layer allows no change: the box shows what the layer will have
    bits = {
        layer.id: min(plans[layer.id].weight_bits or FLOAT_BITS, layer.weight_bits)
        if layer.quantizable
        else layer.weight_bits
        for layer in layers
    }
    if figure == "bits":
        shares = {layer_id: _bits_share(count) for layer_id, count in bits.items()}
        texts = {layer_id: tr("{n} bits").format(n=count) for layer_id, count in bits.items()}
        used = sorted(set(bits.values()) | {4, 8, 32})
        legend = Legend(
            caption=tr("bits per weight, as planned"),
            swatches=tuple(Swatch(str(count), _bits_share(count)) for count in used),
            known=bool(layers),
        )
        return Figures(shares, texts, bits, legend)
    if figure == "sparsity":
        values = {
            layer.id: max(plans[layer.id].zeros, layer.sparsity) if layer.prunable else layer.sparsity
            for layer in layers
            # a threshold's share of zeros is known only after the weights were looked at
            if plans[layer.id].threshold is None or fixes_share(plans[layer.id]) or not layer.prunable
        }
        texts = {layer_id: fmt.percent(value) for layer_id, value in values.items()}
        legend = Legend(
            caption=tr("zeros, as planned"), low=fmt.percent(0), high=fmt.percent(1), known=bool(values)
        )
        return Figures(values, texts, bits, legend)
    if figure == "sensitivity":
        return _sensitivity(session, layers, bits)
    if figure == "blame":
        return _blame(session, layers, bits)
    if figure == "size":
        total = sum(layer.bytes for layer in layers)
        values = {layer.id: layer.bytes / total for layer in layers} if total else {}
        return _of_whole(values, bits, tr("share of the layers' size"), len(layers))
    times = {layer.id: session.time_share(layer.id) for layer in layers}
    values = {layer_id: share for layer_id, share in times.items() if share is not None}
    return _of_whole(values, bits, tr("share of the time, this computer"), len(layers))


def _sensitivity(session: Session, layers: tuple[Layer, ...], bits: dict[str, int]) -> Figures:
    losses = {layer.id: session.sensitivity(layer.id) for layer in layers}
    values = {layer_id: loss for layer_id, loss in losses.items() if loss is not None}
    points = [point for layer_points in session.points.values() for point in layer_points]
    decibels = bool(points) and points[0].measurement.unit == "dB"
    top = scale_top(values.values())
    unit = tr("{n} dB") if decibels else tr("{n} points lost")
    caption = tr("decibels lost at 50 % · 4 bits") if decibels else tr("points lost at 50 % · 4 bits")
    legend = Legend(
        caption=caption,
        low="0",
        high=fmt.number(top, 0 if top >= 1 else 1),
        state=_state(len(values), len(layers)),
        estimate=any(point.measurement.estimate for point in points),
        known=bool(values),
    )
    return Figures(
        {layer_id: loss / top for layer_id, loss in values.items()},
        {layer_id: unit.format(n=fmt.number(loss)) for layer_id, loss in values.items()},
        bits,
        legend,
    )


def _blame(session: Session, layers: tuple[Layer, ...], bits: dict[str, int]) -> Figures:
    """Shares of the plan's damage: few answers change for one layer, so points colour nothing yet."""
    whole, backs = session.blame.whole, session.blame.by_layer()
    planned = sum(session.plan.changes(layer.id) for layer in layers)
    if whole is None or not backs:
        caption = tr("share of the damage, measured")
        return Figures(bits=bits, legend=Legend(caption=caption, state=_state(0, planned), known=False))
    shares = {layer_id: damage_share(back, whole) for layer_id, back in backs.items()}
    top = nice_ceiling(max(*shares.values(), 0.05) * 100) / 100
    unit = loss_unit(session)
    legend = Legend(
        caption=tr("of the damage · {n} {unit} lost").format(n=fmt.number(whole.loss, 2), unit=unit),
        low=fmt.percent(0),
        high=fmt.percent(top),
        state=_state(len(backs), planned),
    )
    texts = {
        layer_id: tr("{share} of the damage; left as it was it gives back {points}").format(
            share=fmt.percent(shares[layer_id]), points=points_text(back, unit)
        )
        for layer_id, back in backs.items()
    }
    return Figures({layer_id: share / top for layer_id, share in shares.items()}, texts, bits, legend)


def _of_whole(values: dict[str, float], bits: dict[str, int], caption: str, count: int) -> Figures:
    """Shares of a whole: the scale ends at a round percentage above the largest."""
    top = nice_ceiling(max(values.values(), default=1.0) * 100) / 100 or 1.0
    legend = Legend(
        caption=caption,
        low=fmt.percent(0),
        high=fmt.percent(top, 0 if top >= 0.01 else 1),
        state=_state(len(values), count),
        known=bool(values),
    )
    return Figures(
        {layer_id: value / top for layer_id, value in values.items()},
        {layer_id: fmt.percent(value, 1) for layer_id, value in values.items()},
        bits,
        legend,
    )


def _state(known: int, total: int) -> str:
    if known == 0:
        return tr("not measured yet")
    if known < total:
        return tr("{n} of {total} layers measured").format(n=fmt.count(known), total=fmt.count(total))
    return ""


def _bits_share(bits: int) -> float:
    return BITS_SHARE.get(bits, 0.0)
