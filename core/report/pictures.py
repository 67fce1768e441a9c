"""The pictures of a report, as SVG inside the page: they follow its colours and print sharply."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.values import Measurement

WIDTH = 920
LEFT, RIGHT = 64, 20


@dataclass(frozen=True)
class Stop:
    """A layer or a step of the run with the accuracy after it. `label` is HTML."""

    label: str
    measurement: Measurement
    cost: float


def course(stops: Sequence[Stop], original: Measurement | None, original_label: str, worst_label: str) -> str:
    """The accuracy after each stop beside the original's, with its 95 % band; '' below two stops.

    The stop that lost most is marked and named with `worst_label`. Labels are HTML already.
    """
    if len(stops) < 2:
        return ""
    height, top, bottom = 250, 20, 46
    ends = [
        value
        for one in (*(stop.measurement for stop in stops), *((original,) if original else ()))
        for value in (one.value, one.low, one.high)
        if value is not None and math.isfinite(value)
    ]
    low, high = _span(ends)

    def x(index: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * index / (len(stops) - 1)

    def y(value: float) -> float:
        value = min(max(value if math.isfinite(value) else low, low), high)
        return top + (height - top - bottom) * (high - value) / (high - low)

    parts = [_grid(_ticks(low, high, stops[0].measurement), low, high, y)]
    upper = [(x(i), y(_or(s.measurement.high, s.measurement.value))) for i, s in enumerate(stops)]
    lower = [(x(i), y(_or(s.measurement.low, s.measurement.value))) for i, s in enumerate(stops)]
    parts.append(f'<polygon class="band" points="{_points([*upper, *reversed(lower)])}"/>')
    if original is not None:
        at = y(original.value)
        parts.append(
            f'<line class="original" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{WIDTH - RIGHT}" y="{at - 6:.1f}" text-anchor="end">{original_label}</text>'
        )
    line = [(x(i), y(s.measurement.value)) for i, s in enumerate(stops)]
    parts.append(f'<polyline class="line" points="{_points(line)}"/>')
    radius = 3.5 if len(stops) <= 80 else 1.5
    worst = max(range(len(stops)), key=lambda index: stops[index].cost)
    for index, (cx, cy) in enumerate(line):
        mark = "worst" if index == worst and worst_label else "after"
        title = f"<title>{stops[index].label}: {stops[index].measurement.value:.2f}</title>"
        parts.append(f'<circle class="{mark}" cx="{cx:.1f}" cy="{cy:.1f}" r="{radius}">{title}</circle>')
    if worst_label:
        anchor = "end" if x(worst) > WIDTH * 0.6 else "start"
        parts.append(
            f'<text class="worst" x="{x(worst):.1f}" y="{height - bottom + 18}" text-anchor="{anchor}">'
            f"{worst_label}</text>"
        )
    for index, anchor in ((0, "start"), (len(stops) - 1, "end")):
        parts.append(
            f'<text x="{x(index):.1f}" y="{height - 8}" text-anchor="{anchor}">{stops[index].label}</text>'
        )
    return _svg(height, parts)


def ranges(rows: Sequence[tuple[str, Measurement]]) -> str:
    """Figures of the same metric one below the other, each with its interval; estimates hollow and dashed."""
    ends = [
        value for _, one in rows for value in (one.value, one.low, one.high) if _finite(value) is not None
    ]
    if not ends:
        return ""
    low, high = _span([value for value in ends if value is not None])
    label_room, row_height = 200, 34
    height = row_height * len(rows) + 26

    def x(value: float) -> float:
        value = min(max(value if math.isfinite(value) else low, low), high)
        return label_room + (WIDTH - label_room - 70) * (value - low) / (high - low)

    parts = []
    for tick in _ticks(low, high, rows[0][1]):
        parts.append(
            f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 22}"/>'
            f'<text x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle">{_tick(tick, low, high)}</text>'
        )
    for index, (label, one) in enumerate(rows):
        cy = row_height * (index + 0.5) + 4
        parts.append(f'<text class="strong" x="0" y="{cy + 4:.1f}">{label}</text>')
        kind = "guess" if one.estimate else "before" if index == 0 else "after"
        if one.low is not None and one.high is not None:
            first, last = x(one.low), x(one.high)
            ends_path = "".join(f"M{at:.1f} {cy - 6:.1f}V{cy + 6:.1f}" for at in (first, last))
            parts.append(
                f'<path class="{kind}" fill="none" stroke-width="1.6" '
                f'd="M{first:.1f} {cy:.1f}H{last:.1f}{ends_path}"/>'
            )
        parts.append(f'<circle class="{kind}" cx="{x(one.value):.1f}" cy="{cy:.1f}" r="5"/>')
        at = x(one.high if one.high is not None else one.value)
        parts.append(
            f'<text class="strong" x="{at + 12:.1f}" y="{cy + 4:.1f}">'
            f"{'≈ ' if one.estimate else ''}{one.value:.2f}</text>"
        )
    return _svg(height, parts)


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-hidden="true">{"".join(parts)}</svg>'


def _grid(ticks: Sequence[float], low: float, high: float, y: Callable[[float], float]) -> str:
    parts = []
    for tick in ticks:
        at = y(tick)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_tick(tick, low, high)}</text>'
        )
    return "".join(parts)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Both ends with a margin, never the same."""
    low, high = min(values), max(values)
    margin = max((high - low) * 0.08, abs(high) * 0.002, 1e-9)
    return low - margin, high + margin


def _ticks(low: float, high: float, of: Measurement, count: int = 4) -> list[float]:
    """Round numbers between the ends, at which figures like `of` can be: no share is more than all of it."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    most = min(high, 100.0) if of.unit == "%" else high
    return [index * step for index in range(math.ceil(low / step), math.floor(most / step) + 1)]


def _tick(value: float, low: float, high: float) -> str:
    digits = max(0, -math.floor(math.log10((high - low) / 4)))
    return f"{value:.{min(digits, 6)}f}"


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
