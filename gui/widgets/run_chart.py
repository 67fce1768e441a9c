"""The live accuracy chart of a run: one point after each layer, beside the original's line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from core.values import Measurement
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import Plot, digits_for, nice_ticks, paint_y_axis, small_font
from gui.widgets.cut_name import cut_name
from gui.widgets.plain_tip import plain_tip

LEFT, RIGHT, TOP = 46, 18, 14
LEFT_OF_WORDS = 108
"""Steps on the whole network come first and have longer names than layers."""
LABEL_ROOM, WORD_ROOM = 52, 66
"""Below the plot, for slanted names of layers; of steps."""
LEAST_ROOM = 22
"""What is left of it in a low chart, which has no slanted names."""
SLANTED_ROOM = 40
"""With less than this slanted names would be cut to nothing."""
FULL_HEIGHT, LEAST_HEIGHT = 130, 84
"""Pixels; a lower chart gives up room for names first."""
LABEL_DROP = 13
"""Below the plot, where their ends stand."""
SLANT = 24.0
"""Degrees."""
LABEL_STEP = 30.0
"""Slanted names closer than this would touch."""
LABEL_GAP = 10.0
"""Between names that lie side by side."""
LEAST_SPAN = 2.0
"""Points that the axis spans where no interval says how sure the figures are."""
ENDLESS = "sqnr_db"
"""Of this metric the original's figure stands for endless: on its scale everything else would lie flat."""
NOTABLE = 0.05
"""Points from which on a step is named for what it cost."""


@dataclass(frozen=True)
class Step:
    """A layer of the run, or a step on the whole network.

    `measurement` is None while it is still to come, `guess` then an estimate.
    """

    layer_id: str
    label: str
    measurement: Measurement | None = None
    cost: float | None = None
    """Points that this step alone lost."""
    guess: float | None = None
    whole: bool = False
    """Whether it changed the whole network."""


class RunChart(QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._steps: tuple[Step, ...] = ()
        self._original: Measurement | None = None
        self._chosen: str | None = None
        self.setMinimumHeight(LEAST_HEIGHT)
        theme.changed.connect(self._recolor)

    def show_steps(self, steps: Sequence[Step], original: Measurement | None, chosen: str | None) -> None:
        self._steps, self._original, self._chosen = tuple(steps), original, chosen
        self.update()

    def _recolor(self, _name: str) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(700, 220)

    # ------------------------------------------------------------ geometry

    @property
    def costliest(self) -> int | None:
        """The step that lost most, if it lost anything worth a name."""
        costs = [(step.cost, index) for index, step in enumerate(self._steps) if step.cost is not None]
        if not costs:
            return None
        cost, index = max(costs, key=lambda each: each[0])
        return index if cost >= NOTABLE else None

    def plot(self) -> Plot:
        values: list[float] = []
        for step in self._steps:
            if step.measurement is not None:
                known = (step.measurement.value, step.measurement.low, step.measurement.high)
                values += [value for value in known if value is not None]
            if step.guess is not None:
                values.append(step.guess)
        if self._original is not None and not (values and self._original.metric == ENDLESS):
            values.append(self._original.value)
        values = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(values), max(values)
        least = self._least_span()
        if high - low < least:
            middle = (low + high) / 2
            low, high = middle - least / 2, middle + least / 2
        if self._original is not None and self._original.unit == "%" and high > 100.0:
            low, high = low - (high - 100.0), 100.0  # nothing is more than all of it
        margin = (high - low) * 0.07
        left = LEFT_OF_WORDS if self._words_first else LEFT
        rect = QRectF(left, TOP, self.width() - left - RIGHT, self.height() - TOP - self.label_room)
        # a lone step stands in the middle: at the end it would lie on the axis
        first, last = (0.0, len(self._steps) - 1.0) if len(self._steps) != 1 else (-0.5, 0.5)
        return Plot(rect, first, max(last, 0.5), low - margin, high + margin)

    def _least_span(self) -> float:
        """Of the axis, in the figure's own unit: what intervals span says how much a difference means."""
        known = [step.measurement for step in self._steps if step.measurement is not None]
        if any(one.low is not None and one.high is not None and one.high > one.low for one in known):
            return 0.0
        return LEAST_SPAN * (known[0].point if known else 1.0)

    @property
    def label_room(self) -> int:
        """Below the plot, for names."""
        room = WORD_ROOM if self._words_first else LABEL_ROOM
        return min(room, max(LEAST_ROOM, LABEL_ROOM - (FULL_HEIGHT - self.height())))

    @property
    def _words_first(self) -> bool:
        return bool(self._steps) and self._steps[0].whole

    def labelled(self) -> list[int]:
        """Which steps are named: as many as fit, the costliest always, neighbours of it never."""
        if not self._steps:
            return []
        plot = self.plot()
        pitch = plot.rect.width() / max(len(self._steps) - 1, 1)
        every = max(1, math.ceil(LABEL_STEP / pitch))
        names = list(range(0, len(self._steps), every))
        worst = self.costliest
        if worst is not None and worst not in names:
            names = sorted([index for index in names if abs(index - worst) >= every] + [worst])
        return names

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._steps:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self.plot()
        ticks = nice_ticks(plot.y_low, plot.y_high, max(2, int(plot.rect.height() / 55)))
        digits = digits_for(ticks)
        labels = [(tick, fmt.number(tick, digits)) for tick in ticks]
        paint_y_axis(painter, self._theme, plot, labels, small_font(self.font(), 11))
        self._paint_original(painter, plot)
        self._paint_guess(painter, plot)
        self._paint_line(painter, plot)
        self._paint_value(painter, plot)
        self._paint_names(painter, plot)
        self._paint_callout(painter, plot)
        painter.end()

    def _measured(self) -> list[tuple[int, Measurement]]:
        return [
            (index, step.measurement)
            for index, step in enumerate(self._steps)
            if step.measurement is not None
        ]

    def _paint_original(self, painter: QPainter, plot: Plot) -> None:
        if self._original is None:
            return
        y = max(plot.y(self._original.value), plot.rect.top())
        painter.setPen(QPen(self._theme.color("original"), 1.3, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.rect.left(), y), QPointF(plot.rect.right(), y))

    def _paint_value(self, painter: QPainter, plot: Plot) -> None:
        """Of the original, in words; over the curves, which would strike it through."""
        if self._original is None:
            return
        y = plot.y(self._original.value)
        label = tr("original {value}").format(value=fmt.measured(self._original))
        if y < plot.rect.top():
            y, label = plot.rect.top(), f"↑ {label}"
        painter.setFont(small_font(self.font(), 11))
        width = painter.fontMetrics().horizontalAdvance(label) + 4
        above = y - 17 >= 0 and not self._hides_points(
            plot, QRectF(plot.rect.right() - width, y - 17, width, 15)
        )
        box = QRectF(plot.rect.right() - width, y - 17 if above else y + 2, width, 15)
        ground = self._theme.color("panel")
        ground.setAlphaF(0.85)
        painter.fillRect(box, ground)
        painter.setPen(self._theme.color("muted"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), label)

    def _hides_points(self, plot: Plot, box: QRectF) -> bool:
        around = box.adjusted(-5, -5, 5, 5)
        return any(around.contains(plot.point(index, one.value)) for index, one in self._measured())

    def _paint_line(self, painter: QPainter, plot: Plot) -> None:
        measured = self._measured()
        if not measured:
            return
        accent = self._theme.color("accent")
        upper = [plot.point(i, m.high if m.high is not None else m.value) for i, m in measured]
        lower = [plot.point(i, m.low if m.low is not None else m.value) for i, m in measured]
        band = self._theme.color("accent")
        band.setAlphaF(0.14)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(band)
        if len(measured) > 1:
            painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
        else:
            painter.drawRoundedRect(
                QRectF(upper[0].x() - 4, upper[0].y(), 8, lower[0].y() - upper[0].y()), 2, 2
            )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(accent, 2))
        points = [plot.point(i, m.value) for i, m in measured]
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        radius = 3.6 if len(self._steps) <= 80 else 1.8
        for at, (index, _) in zip(points, measured, strict=True):
            if self._steps[index].whole:
                side = radius + 1.4
                painter.drawRect(QRectF(at.x() - side, at.y() - side, 2 * side, 2 * side))
            else:
                painter.drawEllipse(at, radius, radius)
        painter.setPen(QPen(accent, 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for at, (index, _) in zip(points, measured, strict=True):
            if self._steps[index].layer_id == self._chosen:
                painter.drawEllipse(at, radius + 3.4, radius + 3.4)

    def _paint_guess(self, painter: QPainter, plot: Plot) -> None:
        """Steps still to come: dotted, an estimate."""
        measured = self._measured()
        points = [plot.point(measured[-1][0], measured[-1][1].value)] if measured else []
        points += [
            plot.point(index, step.guess) for index, step in enumerate(self._steps) if step.guess is not None
        ]
        if len(points) > 1:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("estimate"), 1.6, Qt.PenStyle.DotLine))
            painter.drawPolyline(QPolygonF(points))

    def _paint_names(self, painter: QPainter, plot: Plot) -> None:
        font, bold = small_font(self.font(), 11), small_font(self.font(), 11, bold=True)
        # as long as it may be before its beginning leaves the widget below
        room = (self.label_room - LABEL_DROP - 7) / math.sin(math.radians(SLANT))
        worst, level = self.costliest, self.names_lie_level(plot)
        if not level and self.label_room < SLANTED_ROOM:
            return
        for index in self.labelled():
            step = self._steps[index]
            painter.save()
            painter.setFont(bold if index == worst else font)
            token = "muted" if step.measurement is not None else "estimate"
            if step.layer_id == self._chosen:
                token = "accent"
                underlined = QFont(painter.font())
                underlined.setUnderline(True)
                painter.setFont(underlined)
            painter.setPen(self._theme.color("attention" if index == worst else token))
            if level:
                width = painter.fontMetrics().horizontalAdvance(step.label) + 2
                start = min(max(plot.x(index) - width / 2, 2), self.width() - width - 2)
                place = QRectF(start, plot.rect.bottom() + LABEL_DROP - 8, width, 16)
                painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), step.label)
                painter.restore()
                continue
            painter.translate(plot.x(index) + 3, plot.rect.bottom() + LABEL_DROP)
            painter.rotate(-SLANT)
            # a name may use what is left of the widget at this angle
            length = min(room, (plot.x(index) - 2) / math.cos(math.radians(SLANT)))
            name = cut_name(step.label, painter.fontMetrics(), length)
            painter.drawText(
                QRectF(-length, -8, length, 16),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                name,
            )
            painter.restore()

    def names_lie_level(self, plot: Plot) -> bool:
        """Whether there is room for all names side by side, whole."""
        metrics = QFontMetricsF(small_font(self.font(), 11, bold=True))
        pitch = plot.rect.width() / max(len(self._steps) - 1, 1)
        return all(metrics.horizontalAdvance(step.label) + LABEL_GAP <= pitch for step in self._steps)

    def _paint_callout(self, painter: QPainter, plot: Plot) -> None:
        worst = self.costliest
        if worst is None:
            return
        step = self._steps[worst]
        text = tr("{layer} cost most: {cost} pt").format(
            layer=step.label[-40:], cost=fmt.points(step.cost, 2)
        )
        painter.setFont(small_font(self.font(), 12))
        width = painter.fontMetrics().horizontalAdvance(text) + 20
        at = plot.point(worst, step.measurement.value)
        left = min(max(at.x() - width / 2, plot.rect.left()), plot.rect.right() - width)
        beside = at.x() - width - 18
        painter.setPen(QPen(self._theme.color("attention"), 1.3))
        if at.y() + 54 < plot.rect.bottom() + 4:
            box = QRectF(left, at.y() + 28, width, 24)
            painter.drawLine(QPointF(at.x(), at.y() + 6), QPointF(at.x(), box.top()))
        elif beside >= plot.rect.left():
            # the line came from above: to the left of where it fell there is room
            box = QRectF(beside, min(at.y() + 2, plot.rect.bottom() - 25), width, 24)
            painter.drawLine(QPointF(at.x() - 5, at.y()), QPointF(box.right(), box.center().y()))
        else:
            box = QRectF(left, max(at.y() - 52, 2), width, 24)
            painter.drawLine(QPointF(at.x(), at.y() - 6), QPointF(at.x(), box.bottom()))
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.setBrush(self._theme.color("hover"))
        painter.drawRoundedRect(box, 6, 6)
        painter.setPen(self._theme.color("text"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)

    # ------------------------------------------------------------ under the mouse

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), plain_tip(self.describe(event.pos().x())), self)
            return True
        return super().event(event)

    def describe(self, x: float) -> str:
        """The step nearest to a pixel, in words."""
        if not self._steps:
            return ""
        index = round(self.plot().value_x(x))
        step = self._steps[min(index, len(self._steps) - 1)]
        lines = [step.label]
        if step.measurement is not None:
            lines.append(f"{fmt.measured(step.measurement)} {fmt.interval(step.measurement)}".strip())
        elif step.guess is not None:
            lines.append(tr("estimate {value}").format(value=fmt.number(step.guess)))
        if step.cost is not None:
            words = tr("this step cost {cost}") if step.whole else tr("this layer cost {cost}")
            lines.append(words.format(cost=fmt.number(step.cost, 2)))
        return "\n".join(lines)
