"""The table of a report: what was done to each layer, as read back from the file, and what it cost."""

from __future__ import annotations

from core.estimate import predicted_loss
from core.report.account import Account
from core.report.words import Words, signed, size
from core.values import FLOAT_BITS, HALF_BITS, LayerPlan, LayerReport, SensitivityPoint, text
from core.values.plan import parse_pattern


def layer_section(account: Account, words: Words) -> str:
    """The section as HTML: steps on the whole network in words, then a row for each layer."""
    did = [sentence for point in account.result.course for sentence in point.did]
    steps = (
        "<ul>" + "".join(f"<li>{words(sentence)}</li>" for sentence in did) + "</ul><p></p>" if did else ""
    )
    kinds = {layer.id: layer.kind for layer in account.opened.info.layers}
    costs = _costs(account)
    alone: dict[str, list[SensitivityPoint]] = {}
    for point in account.told.alone:
        alone.setdefault(point.layer_id, []).append(point)
    most = max((layer.before_bytes for layer in account.layers), default=1) or 1
    rows = "".join(
        _row(
            layer,
            kinds.get(layer.layer_id, layer.op),
            _alone(alone.get(layer.layer_id, []), layer.planned, words) if alone else None,
            costs.get(layer.layer_id) if costs else None,
            bool(costs),
            most,
            words,
        )
        for layer in account.layers
    )
    heads = [
        f"<th>{words(text('Layer'))}</th>",
        f"<th>{words(text('Kind'))}</th>",
        f"<th>{words(text('What was done'))}</th>",
        f'<th class="number">{words(text("Bytes before, after"))}</th><th></th>',
    ]
    if alone:
        heads.append(f'<th class="number">{words(text("Points, alone"))}</th>')
    if costs:
        heads.append(f'<th class="number">{words(text("Points, in the run"))}</th>')
    remark = words(text("Read back from the written file, not from the plan."))
    if alone:
        own = text("Points, alone: what the network loses with only this layer changed; dashed: estimated.")
        remark += " " + words(own)
    if costs:
        remark += " " + words(text("Points, in the run: what was lost when this layer's turn came."))
    heading = words(text("What was done to each layer"))
    return (
        f'<section><h2>{heading}</h2>{steps}<div class="wide"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="muted">{remark}</p></section>'
    )


def _row(
    layer: LayerReport,
    kind: str,
    alone: str | None,
    cost: float | None,
    with_costs: bool,
    most: int,
    words: Words,
) -> str:
    note = f'<span class="note">{words(layer.note)}</span>' if layer.note is not None else ""
    before, after = (100 * value / most for value in (layer.before_bytes, layer.bytes))
    bar = (
        f'<span class="bar"><i style="width:{before:.1f}%"></i>'
        f'<u style="width:{min(after, 100):.1f}%"></u></span>'
    )
    cells = [
        f'<td class="name">{words.layer(layer.label)}</td>',
        f'<td class="kind">{words.kind(kind)}</td>',
        f"<td>{_done(layer, words)}{note}</td>",
        f'<td class="number">{size(layer.before_bytes)} → {size(layer.bytes)}</td><td>{bar}</td>',
    ]
    if alone is not None:
        cells.append(f'<td class="number">{alone}</td>')
    if with_costs:
        cells.append(f'<td class="number">{signed(-cost) if cost is not None else ""}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _done(layer: LayerReport, words: Words) -> str:
    """What the file holds of the layer in words."""
    parts = []
    planned = layer.planned
    if planned.clusters:
        parts.append(words(text("{count} shared values", count=planned.clusters)))
    elif layer.weight_bits == HALF_BITS:
        parts.append(words(text("float16 weights")))
    elif layer.weight_bits < FLOAT_BITS:
        parts.append(words(text("{bits}-bit weights", bits=layer.weight_bits)))
    if layer.activation_bits < FLOAT_BITS:
        parts.append(words(text("{bits}-bit activations", bits=layer.activation_bits)))
    pattern = parse_pattern(planned.pattern)
    if pattern is not None:
        parts.append(words(text("pattern {pattern}", pattern=planned.pattern or "")))
    if planned.zeros > 0 or planned.threshold or layer.sparsity >= 0.05:
        parts.append(words(text("{share} % zeros", share=f"{100 * layer.sparsity:.0f}")))
    if not parts:
        return (
            words(text("left as it was"))
            if layer.bytes == layer.before_bytes
            else words(text("fewer channels"))
        )
    return words.listed(parts)


def _alone(points: list[SensitivityPoint], planned: LayerPlan, words: Words) -> str:
    """Points lost with the layer changed alone: measured at just this setting, else estimated from others."""
    for point in points:
        same = (point.sparsity, point.weight_bits, point.pattern) == (
            planned.sparsity or 0.0,
            planned.weight_bits or FLOAT_BITS,
            planned.pattern if parse_pattern(planned.pattern) else None,
        )
        if same and not point.estimate and not planned.clusters and not planned.threshold:
            return signed(-point.loss)
    guess = predicted_loss(points, planned)
    return words.estimate("≈ " + signed(-guess)) if guess is not None else ""


def _costs(account: Account) -> dict[str, float]:
    """Points that each layer lost when its turn came; {} where the run did not measure layer by layer."""
    found: dict[str, float] = {}
    lost = 0.0
    for point in account.told.points:
        if point.layer_id:
            found[point.layer_id] = point.loss - lost
        lost = point.loss
    return found
