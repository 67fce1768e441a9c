"""Which layer costs the plan most, in a sentence that says no more than was measured."""

from __future__ import annotations

from core.values import GiveBack, PlanMeasured
from gui import format as fmt
from gui.i18n import tr
from gui.models.damage import loss_unit
from gui.session import Session


def blame_sentence(session: Session) -> str:
    """'conv3 costs 0.8 of the 1.4 pt lost', or its share of the damage where points cannot tell.

    Empty while nothing is known of the plan in force.
    """
    blame = session.blame
    whole, layers = blame.whole, blame.layers
    if whole is None or not layers or session.model is None:
        return ""
    top = layers[0]
    name = names_of(session, top)
    unit, count = loss_unit(), fmt.count(top.count)
    if whole.loss_low is not None and whole.loss_low > 0 and top.low is not None and top.low > 0:
        return tr("{layer} costs {n} of the {total} {unit} lost (on {count} samples).").format(
            layer=name, n=fmt.number(top.points), total=fmt.number(whole.loss), unit=unit, count=count
        )
    if whole.damage <= 0 or top.damage <= 0:
        return tr("No layer costs anything that {count} samples can tell.").format(count=count)
    share = fmt.percent(damage_share(top, whole))
    return tr("{layer} does {share} of the damage; {count} samples are too few to tell it in points.").format(
        layer=name, share=share, count=count
    )


def damage_share(back: GiveBack, whole: PlanMeasured) -> float:
    """Of the whole plan's damage, 0..1; shares need not add up to 1."""
    return min(max(back.damage / whole.damage, 0.0), 1.0) if whole.damage > 0 else 0.0


def names_of(session: Session, back: GiveBack) -> str:
    return labels_of(session, back.layers)


def labels_of(session: Session, layer_ids: tuple[str, ...]) -> str:
    """The names of layers that are given back together."""
    labels = {layer.id: layer.label for layer in session.model.layers} if session.model is not None else {}
    return " + ".join(labels.get(layer_id, layer_id)[:60] for layer_id in layer_ids)


def points_text(back: GiveBack, unit: str) -> str:
    """'0.8 pt (0.3 to 1.3)'."""
    words = f"{fmt.number(back.points, 2)} {unit}"
    if back.low is None or back.high is None:
        return words
    return tr("{points} ({low} to {high})").format(
        points=words, low=fmt.number(back.low, 1), high=fmt.number(back.high, 1)
    )
