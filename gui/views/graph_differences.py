"""Figures of the plan in force against the original or a snapshot, on a scale with its zero in the middle."""

from __future__ import annotations

from collections.abc import Callable

from core.estimate import predicted_loss
from core.values import Layer, Plan
from gui import format as fmt
from gui.i18n import tr
from gui.models.against import Against
from gui.models.damage import loss_unit, nice_ceiling
from gui.models.plan_figures import bits_of, bytes_of, values_of, zeros_of
from gui.session import Session
from gui.views.graph_scales import Figures, bits_now
from gui.widgets.heat_legend import Legend

DIFFERENCES = ("size", "sparsity", "bits", "planned")
"""Figures that depend on the plan alone."""


def resolve_difference(session: Session, figure: str, against: Against) -> Figures:
    """Now minus then, for every layer where both are known."""
    layers = session.model.layers if session.model is not None else ()

    def loss(layer: Layer, plan: Plan | None) -> float | None:
        if plan is None:
            return 0.0
        return predicted_loss(session.points.get(layer.id, ()), plan.layer(layer.id))

    work_out: Callable[[Layer, Plan | None], float | None] = {
        "size": bytes_of,
        "sparsity": zeros_of,
        "bits": bits_of,
        "planned": loss,
    }[figure]
    now, then = values_of(layers, session.plan, work_out), values_of(layers, against.plan, work_out)
    values = {layer_id: now[layer_id] - then[layer_id] for layer_id in now if layer_id in then}
    unit = loss_unit()
    say: Callable[[float], str] = {
        "size": _bytes,
        "sparsity": _zeros,
        "bits": _bits,
        "planned": lambda value: tr("{n} {unit}").format(n=_signed(value), unit=unit),
    }[figure]
    top = nice_ceiling(max((abs(value) for value in values.values()), default=0.0)) or 1.0
    caption = {
        "size": tr("bytes, against {name}"),
        "sparsity": tr("zeros, against {name}"),
        "bits": tr("bits, against {name}"),
        "planned": tr("points lost, against {name}"),
    }[figure].format(name=against.label)
    legend = Legend(
        caption=caption,
        low=say(-top),
        high=say(top),
        known=bool(values),
        estimate=figure == "planned",
        scale="difference",
        state="" if values else tr("not measured yet"),
    )
    shares = {layer_id: 0.5 + value / (2 * top) for layer_id, value in values.items()}
    texts = {layer_id: say(value) for layer_id, value in values.items()}
    rule = "mean" if figure in ("sparsity", "bits") else "sum"
    return Figures(shares, texts, bits_now(session), legend, values, rule, say, "difference")


def _signed(value: float, digits: int = 1) -> str:
    """With a sign in front: a difference without one would read as a value."""
    written = fmt.number(abs(value), digits)
    return written if not float(f"{value:.{digits}f}") else ("+" if value > 0 else "−") + written


def _bytes(value: float) -> str:
    return ("" if not value else "+" if value > 0 else "−") + fmt.size(abs(value))


def _zeros(value: float) -> str:
    return ("" if not round(value * 100) else "+" if value > 0 else "−") + fmt.percent(abs(value))


def _bits(value: float) -> str:
    return tr("{n} b").format(n=_signed(value, 0 if value == round(value) else 1))
