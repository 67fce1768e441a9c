"""Numbers as people read them, by locale. Views format here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PySide6.QtCore import QLocale

from core.values import JUDGED_BY, Answer, ClassName, DataInfo, Measurement
from core.values.layer_kind import split_kind
from gui.i18n import tr, tr_text

MOST_COUNTED = 20_000


def number(value: float, digits: int = 1) -> str:
    """What rounds to nothing has no sign: "−0.00" would look like a gain."""
    shown = float(value)
    return _signed(QLocale().toString(0.0 if round(shown, digits) == 0 else shown, "f", digits))


def points(value: float, digits: int) -> str:
    """Points lost, with fewer digits the more there are: beyond a hundred nothing is left to lose."""
    if abs(value) >= 999.5:
        return f"> {number(999, 0)}" if value > 0 else f"< {number(-999, 0)}"
    return number(value, digits if abs(value) < 99.95 else 0)


def short(value: float) -> str:
    """Four digits of a number, without zeros at its end."""
    return _signed(QLocale().toString(float(value), "g", 4))


def count(value: int) -> str:
    return QLocale().toString(int(value))


def significant(value: float, digits: int = 2) -> str:
    """So many significant digits, for the end of a scale: '0.13', '−2.5e-05'."""
    return _signed(QLocale().toString(float(value), "g", digits))


def _signed(written: str) -> str:
    """With a minus as wide as a plus, where the keyboard has a hyphen."""
    return f"−{written[1:]}" if written.startswith("-") else written


def size(size_bytes: float) -> str:
    """Decimal units, as the issue of sizes on disk is shown everywhere: 1 MB = 1,000,000 bytes."""
    if size_bytes < 1000:
        return tr("{n} B").format(n=count(int(size_bytes)))
    if size_bytes < 1_000_000:
        return tr("{n} kB").format(n=number(size_bytes / 1e3, 0 if size_bytes >= 1e5 else 1))
    if size_bytes < 1_000_000_000:
        digits = 2 if size_bytes < 1e7 else 1 if size_bytes < 1e8 else 0
        return tr("{n} MB").format(n=number(size_bytes / 1e6, digits))
    return tr("{n} GB").format(n=number(size_bytes / 1e9, 2))


def listed(names: Iterable[str]) -> str:
    """One after another, with the language's comma: 'a, b', 'a、b'."""
    return tr(", ").join(names)


def progress(done: int, total: int) -> str:
    """'14 of 22'; of what are no things that a person would count, such as bytes: '63 %'."""
    if total > MOST_COUNTED:
        return percent(min(done / total, 1.0))
    return tr("{done} of {total}").format(done=count(done), total=count(total))


def large(value: float) -> str:
    """41.1 M, 272 k."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= scale:
            scaled = value / scale
            return f"{number(scaled, 0 if scaled >= 100 else 1)} {unit}"
    return count(int(value))


def milliseconds(value_ms: float) -> str:
    digits = 0 if value_ms >= 100 else 1 if value_ms >= 10 else 2 if value_ms >= 0.1 else 3
    return tr("{n} ms").format(n=number(value_ms, digits))


def percent(share: float, digits: int = 0) -> str:
    """`share` is 0..1."""
    return tr("{n} %").format(n=number(share * 100, digits))


def part(share: float) -> str:
    """A part of a whole, 0..1, of which there may be thousands: '3.4 %', '0.012 %', 'below 0.001 %'."""
    size = abs(share)
    if 0 < size < 5e-6:
        return tr("below {least}").format(least=percent(1e-5, 3))
    return percent(share, 1 if size >= 1e-3 or size == 0 else 2 if size >= 1e-4 else 3)


def class_name(name: ClassName) -> str:
    """What a class is called, in the window's language where nobody named it."""
    return name if isinstance(name, str) else tr_text(name)


def class_mark(name: ClassName) -> str:
    """The least that tells a class from others where little room is left: its number, if it has no name."""
    return name[:2] if isinstance(name, str) else str(name.params["n"])


def answer(name: str, share: float | None, digits: int = 0) -> str:
    """A network's answer and how sure it is: 'cat 61 %', but '3 (61 %)', which would read as one number."""
    if share is None:
        return name
    sure = percent(share, digits)
    return f"{name} ({sure})" if name[-1:].isdigit() else f"{name} {sure}"


def answers(told: Iterable[Answer], digits: int = 0) -> str:
    """One after another, each with how sure it is or how much it covers."""
    return listed(answer(class_name(one.name), one.share, digits) for one in told)


def duration(seconds: float) -> str:
    if seconds < 60:
        return tr("{n} s").format(n=count(math.ceil(seconds)))
    if seconds < 3600:
        return tr("{n} min").format(n=count(round(seconds / 60)))
    return tr("{n} h").format(n=number(seconds / 3600, 1))


def measured(measurement: Measurement, digits: int = 1) -> str:
    """The bare value with its unit: '91.4 %', '31.2 dB'."""
    value = number(measurement.value, digits)
    return f"{value} {measurement.unit}".strip()


def interval(measurement: Measurement, digits: int = 1) -> str:
    """'± 0.8' from the 95 % interval, or empty."""
    if measurement.low is None or measurement.high is None:
        return ""
    return "± " + number((measurement.high - measurement.low) / 2, digits)


def layer_kind(kind: str) -> str:
    """A layer's kind in the window's language: 'Depthwise 3×3'."""
    word, rest = split_kind(kind)
    return tr_text(word) + rest


def metric_name(metric: str, short: bool = False) -> str:
    """A metric's name for people. `short`: where little room is left for it."""
    if short and metric in ("map", "box_map"):
        return tr("Precision (mAP)")
    names = {
        "top1": tr("Accuracy"),
        "top5": tr("Top-5 accuracy"),
        "agreement": tr("Same answers as the original"),
        "kl": tr("Divergence from the original"),
        "sqnr_db": tr("Closeness to the original"),
        "rmse": tr("Root mean square error"),
        "mae": tr("Mean absolute error"),
        "f1": tr("F1"),
        "map": tr("Mean average precision"),
        "box_map": tr("Mean average precision of boxes"),
        "miou": tr("Mean IoU"),
        "pixel_accuracy": tr("Pixels right"),
        "perplexity": tr("Perplexity"),
        "next_token": tr("Next token right"),
        "cosine": tr("Cosine similarity"),
        "retrieval": tr("Rank agreement"),
    }
    return names.get(metric, metric)


def metric_expected(data: DataInfo | None) -> str:
    """What answers to such samples are judged by first, before anything has been measured."""
    return metric_name(JUDGED_BY[data.task if data is not None else "classification"])
