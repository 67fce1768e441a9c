"""What a data set is, in words."""

from __future__ import annotations

from core.values import DataInfo, Text
from gui import format as fmt
from gui.i18n import tr, tr_text

LISTED = 8
"""So many skipped files are named; the rest is counted."""


def facts(data: DataInfo) -> str:
    """'5,000 samples · 10 classes · 256 to calibrate, 1,000 to judge'."""
    parts = [tr("{n} samples").format(n=fmt.count(data.sample_count))]
    if data.class_names:
        parts.append(tr("{n} classes").format(n=fmt.count(len(data.class_names))))
    parts.append(
        tr("{calibration} to calibrate, {judge} to judge").format(
            calibration=fmt.count(data.calibration_count), judge=fmt.count(data.judge_count)
        )
    )
    return " · ".join(parts)


def meaning(data: DataInfo) -> str:
    if data.task == "unlabelled":
        return tr(
            "These samples come without the right answers. Secateur then measures how often the "
            "compressed model answers as the original does, instead of accuracy."
        )
    if data.task == "regression":
        return tr("The answers are numbers: Secateur measures the error instead of accuracy.")
    others = {
        "multilabel": tr(
            "Each sample may have several labels: Secateur measures how well they overlap (F1)."
        ),
        "segmentation": tr(
            "Each pixel has a class: Secateur measures how well the areas overlap (mean IoU)."
        ),
        "detection": tr(
            "Each picture has boxes of objects: Secateur measures how well they are found (mAP)."
        ),
        "language": tr("Each token is guessed from those before it: Secateur measures the perplexity."),
        "embedding": tr(
            "Embeddings have no right answers: Secateur measures whether they point where the original's do."
        ),
    }
    if data.task in others:
        return others[data.task]
    names = fmt.listed(data.class_names[:10])
    return tr("Classes: {names}").format(names=names + ("…" if len(data.class_names) > 10 else ""))


def lines(sentences: tuple[Text, ...]) -> str:
    return "\n".join(tr_text(sentence) for sentence in sentences)


def skipped(data: DataInfo) -> str:
    if not data.skipped_count:
        return ""
    count = tr("{n} left out:").format(n=fmt.count(data.skipped_count))
    shown = [count, *(tr_text(sentence) for sentence in data.skipped[:LISTED])]
    if data.skipped_count > len(data.skipped[:LISTED]):
        shown.append("…")
    return "\n".join(shown)
