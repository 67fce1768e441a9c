"""The section of a report on what got worse: class by class, and the samples whose answer changed."""

from __future__ import annotations

import base64

from core.report.marked import marked_picture
from core.report.words import Words, points
from core.values import Answer, ChangedSample, ClassChange, ClassName, Comparison, text

MOST_CLASSES = 20
MOST_SAMPLES = 24


def changed_section(comparison: Comparison | None, words: Words) -> str:
    """The section as HTML, pictures inside; '' where nothing was compared."""
    if comparison is None or not comparison.done:
        return ""
    heading = words(text("What changed"))
    parts = [f"<h2>{heading}</h2><p>{_summary(comparison, words)}</p>"]
    if comparison.classes:
        parts.append(_classes(comparison, words))
    if comparison.samples:
        tiles = "".join(_sample(one, words) for one in comparison.samples[:MOST_SAMPLES])
        lead = words(text("The samples whose answers changed most:"))
        kind = "samples pairs" if comparison.samples[0].before_marks is not None else "samples"
        parts.append(f'<p class="muted">{lead}</p><div class="{kind}">{tiles}</div>')
    return f"<section>{''.join(parts)}</section>"


def _summary(comparison: Comparison, words: Words) -> str:
    counts = {"n": f"{comparison.changed:,}", "total": f"{comparison.done:,}"}
    said = words(text("{n} of {total} answers changed", **counts))
    if not comparison.classes or comparison.quantiles:
        return said
    if not comparison.labelled:
        return said + " · " + words(text("without labels: the original's answers count as right"))
    turned = text(
        "{broken} to wrong, {mended} to right",
        broken=f"{comparison.broken:,}",
        mended=f"{comparison.mended:,}",
    )
    return said + " · " + words(turned)


def _classes(comparison: Comparison, words: Words) -> str:
    lead = {
        "accuracy": None,
        "iou": text(
            "By class: the area where answer and label agree, as a share of the area of both (IoU), with "
            "the number of pictures that hold it; intervals from drawing the pictures anew."
        ),
        "ap": text(
            "By class: how well its boxes are found and ranked (average precision over overlaps of 50 to "
            "95 %), with the number of pictures that hold it; intervals from drawing the pictures anew."
        ),
    }[comparison.classes_by]
    said = f'<p class="muted">{words(lead)}</p>' if lead is not None else ""
    samples = text("Samples") if lead is None else text("Pictures")
    ordered = sorted(comparison.classes, key=lambda one: -one.lost)
    rows = "".join(_class(one, words) for one in ordered[:MOST_CLASSES])
    heads = "".join(
        f'<th class="number">{words(name)}</th>'
        for name in (samples, text("original"), text("compressed"), text("points lost, 95 %"))
    )
    left = len(ordered) - MOST_CLASSES
    more = ""
    if left > 0:
        sentence = text("{n} more classes lost less.", n=left)
        more = f'<p class="muted">{words(sentence)}</p>'
    name = words(text("Class of the samples"))
    return (
        f'{said}<div class="wide"><table><thead><tr><th>{name}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div><p></p>{more}"
    )


def _class(one: ClassChange, words: Words) -> str:
    lost = f"{points(one.lost)} ({points(one.lost_low)} … {points(one.lost_high)})"
    if one.lost_low > 0:
        # more than chance: worth the eye
        lost = f"<strong>{lost}</strong>"
    cells = (f"{one.count:,}", f"{one.before:.1f} %", f"{one.after:.1f} %", lost)
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><td class="name">{words.name(one.name)}</td>{numbers}</tr>'


def _sample(sample: ChangedSample, words: Words) -> str:
    picture = ""
    if sample.picture_png and sample.before_marks is not None and sample.after_marks is not None:
        both = (sample.before_marks, sample.after_marks)
        pictures = "".join(marked_picture(sample.picture_png, marks, words) for marks in both)
        picture = f'<span class="pair">{pictures}</span>'
    elif sample.picture_png:
        data = base64.b64encode(sample.picture_png).decode()
        picture = f'<img alt="" src="data:image/png;base64,{data}">'
    elif sample.row:
        picture = f'<span class="muted">{words.name(", ".join(sample.row))}</span>'
    label = words.name(sample.label) if sample.label else words(text("sample {n}", n=sample.index))
    kind = {"broken": "broken", "mended": "mended", "other": "other"}[sample.kind]
    return (
        f"<div>{picture}<b>{label}</b><span>{_before(sample, words)}</span>"
        f'<span class="{kind}">→ {_after(sample, words)}</span></div>'
    )


def _before(sample: ChangedSample, words: Words) -> str:
    return _parts(sample.before_parts, words) or _answer(sample.before, sample.before_share, words)


def _after(sample: ChangedSample, words: Words) -> str:
    return _parts(sample.after_parts, words) or _answer(sample.after, sample.after_share, words)


def _parts(parts: tuple[Answer, ...], words: Words) -> str:
    return words.listed([_answer(one.name, one.share, words, 1) for one in parts])


def _answer(name: ClassName, share: float | None, words: Words, digits: int = 0) -> str:
    """'cat 61 %', but 'class 3 (61 %)', as in the window."""
    said = words.name(name)
    if share is None:
        return said
    sure = f"{100 * share:.{digits}f} %"
    return f"{said} ({sure})" if str(name)[-1:].isdigit() else f"{said} {sure}"
