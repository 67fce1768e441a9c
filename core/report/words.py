"""Numbers and names as a report writes them: escaped, in one language, plain text whatever they hold."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from core.console import human_bytes
from core.evaluate.metrics import METRICS
from core.graph.labels import clean
from core.language import teller
from core.values import ClassName, Measurement, Text, text
from core.values.layer_kind import split_kind

LONGEST_NAME = 200
LONGEST_PARAMETER = 2000


class Words:
    """Everything that goes into the page comes through here, and comes out as HTML."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._tell: Callable[[Text | None], str] = teller(language)

    def __call__(self, sentence: Text | None) -> str:
        """A sentence in the page's language. What was filled in cannot turn the text around it."""
        if sentence is None:
            return ""
        params = {
            name: clean(value, LONGEST_PARAMETER) if isinstance(value, str) else value
            for name, value in sentence.params.items()
        }
        return html.escape(self._tell(Text(sentence.template, params)))

    def name(self, name: ClassName) -> str:
        """A name from a file: one plain line, kept apart from the direction of what surrounds it."""
        return f"<bdi>{self.label(name)}</bdi>" if isinstance(name, str) else self(name)

    def layer(self, name: str) -> str:
        """A layer's name, which goes on in the next line behind a part of it: 'encoder.0.' 'conv'."""
        return f"<bdi>{re.sub(r'(?<=[._/])(?=[^._/])', '<wbr>', self.label(name))}</bdi>"

    def sentence(self, *parts: str) -> str:
        """Parts (HTML) with the language's comma between them and its full stop behind; '' parts left out."""
        comma, stop = ("，", "。") if self.language.startswith("zh") else (", ", ".")
        return comma.join(part for part in parts if part) + stop

    def listed(self, parts: Sequence[str]) -> str:
        """Things (HTML) one after another, with the comma that the language has for it."""
        return ("、" if self.language.startswith("zh") else ", ").join(parts)

    def label(self, name: str) -> str:
        """A name inside a picture, where there is no <bdi>."""
        return html.escape(clean(name, LONGEST_NAME))

    def kind(self, kind: str) -> str:
        """A layer's kind: what of it is a word, in the page's language."""
        word, rest = split_kind(kind)
        return f"{self(word)}{self.name(rest) if rest else ''}"

    def metric(self, metric: str) -> str:
        """What a metric is called; its own name where it is not known."""
        label = next((one.label for one in METRICS.descriptions() if one.name == metric), None)
        return self(label) if label is not None else self.name(metric)

    def figure(self, measurement: Measurement) -> str:
        """'91.40 %'; dashed and in italics if it is an estimate."""
        value = html.escape(f"{number(measurement.value, measurement.unit)} {measurement.unit}".strip())
        return self.estimate("≈ " + value) if measurement.estimate else value

    def sure(self, measurement: Measurement) -> str:
        """On how many samples, and between what the figure lies; '' for an estimate."""
        if measurement.estimate or not measurement.count:
            return ""
        count = f"{measurement.count:,}"
        if measurement.low is None or measurement.high is None:
            return self(text("measured on {count} samples", count=count))
        low, high = (number(end, measurement.unit) for end in (measurement.low, measurement.high))
        return self(
            text(
                "measured on {count} samples; 95 % interval {low} to {high} {unit}",
                count=count,
                low=low,
                high=high,
                unit=measurement.unit,
            )
        )

    def estimate(self, written: str) -> str:
        """`written` (HTML) as something that was not measured."""
        tip = self(text("An estimate: it was not measured."))
        return f'<span class="estimate" title="{tip}">{written}</span>'


def size(size_bytes: int) -> str:
    """'238.00 kB'."""
    return human_bytes(size_bytes)


def number(value: float, unit: str = "%") -> str:
    """Two decimals; more for the small numbers that divergences and errors are."""
    if unit in ("%", "dB"):
        return f"{value:.2f}"
    return f"{value:.4g}"


def points(value: float) -> str:
    """'0.40', or '−0.40' for what was won; a typographic minus."""
    return signed(value).removeprefix("+")


def signed(value: float) -> str:
    """'+0.40' or '−0.40'; a typographic minus, and no sign for what rounds to nothing."""
    written = f"{abs(value):.2f}"
    if float(written) == 0:
        return written
    return ("+" if value > 0 else "−") + written
