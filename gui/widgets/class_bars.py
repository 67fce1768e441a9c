"""Each class's figure before and after, with intervals; what it lost stands beside it.

The figure is the share of right answers, or where a picture has many classes IoU or average precision.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core.values import ClassChange
from core.values.compared import ClassFigure
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.plain_tip import plain_tip

HEAD = 20
"""Points of the line that says which bar is which."""
ROW = 30
FIGURE = 62
LEAST_SHOWN = 0.05
"""Points that are more than '0.0'."""
NARROWEST_NAMES, WIDEST_NAMES = 70, 150


class ClassBars(QWidget):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._classes: tuple[ClassChange, ...] = ()
        self._figure: ClassFigure = "accuracy"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        theme.changed.connect(self._recolor)

    @property
    def classes(self) -> tuple[ClassChange, ...]:
        """What lost most first."""
        return self._classes

    def show_classes(self, classes: tuple[ClassChange, ...], figure: ClassFigure = "accuracy") -> None:
        self._classes, self._figure = tuple(sorted(classes, key=lambda one: -one.lost)), figure
        self.setAccessibleDescription("\n".join(describe(one, figure) for one in self._classes[:100]))
        self.setMinimumHeight(HEAD + ROW * len(self._classes))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(340, HEAD + ROW * len(self._classes))

    def _recolor(self, _name: str) -> None:
        self.update()

    def _names(self) -> int:
        longest = max(
            (self.fontMetrics().horizontalAdvance(fmt.class_name(one.name)[:40]) for one in self._classes),
            default=0,
        )
        return min(max(longest + 12, NARROWEST_NAMES), WIDEST_NAMES, self.width() // 3)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = self._names()
        track = QRectF(names, 0, max(self.width() - names - FIGURE - 8, 20), ROW)
        if self._classes:
            self._paint_legend(painter, track.left())
            self._paint_figure(painter, names)
        first = max((event.rect().top() - HEAD) // ROW, 0)
        last = min((event.rect().bottom() - HEAD) // ROW + 1, len(self._classes))
        for row in range(first, last):
            top = HEAD + row * ROW
            self._paint_row(painter, self._classes[row], top, names, track.translated(0, top))

    def _paint_row(self, painter: QPainter, one: ClassChange, top: int, names: int, track: QRectF) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(self.font())
        painter.setPen(self._theme.color("text"))
        name = painter.fontMetrics().elidedText(
            fmt.class_name(one.name)[:400], Qt.TextElideMode.ElideRight, names - 10
        )
        painter.drawText(QRectF(0, top, names - 10, ROW), int(Qt.AlignmentFlag.AlignRight | middle), name)
        bars = (
            ("before", track.top() + 6, one.before, one.before_low, one.before_high),
            ("after", track.top() + 16, one.after, one.after_low, one.after_high),
        )
        for which, y, value, low, high in bars:
            self._paint_bar(painter, which, QRectF(track.left(), y, max(track.width() * value / 100, 2), 7))
            painter.setPen(QPen(self._theme.color("text"), 1))
            left, right = (track.left() + track.width() * end / 100 for end in (low, high))
            painter.drawLine(QPointF(left, y + 3.5), QPointF(right, y + 3.5))
            for x in (left, right):
                painter.drawLine(QPointF(x, y + 1.5), QPointF(x, y + 5.5))
        # what rounds to nothing is not worth the eye, however sure it is
        certain = (one.lost_low > 0 or one.lost_high < 0) and abs(one.lost) >= LEAST_SHOWN
        painter.setFont(small_font(self.font(), 12, bold=certain))
        worse = one.lost_low > 0
        painter.setPen(
            self._theme.color("attention" if certain and worse else "text" if certain else "muted")
        )
        area = QRectF(track.right() + 8, top, FIGURE, ROW)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | middle), change_words(one.lost))

    def _paint_bar(self, painter: QPainter, which: str, place: QRectF) -> None:
        """'before' is hollow, 'after' is filled: told apart without colours too."""
        if which == "after":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            painter.drawRoundedRect(place, 3.5, 3.5)
            return
        painter.setPen(QPen(self._theme.color("original"), 1.4))
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(place.adjusted(0.7, 0.7, -0.7, -0.7), 2.8, 2.8)

    def _paint_legend(self, painter: QPainter, left: float) -> None:
        painter.setFont(small_font(self.font(), 11))
        for which, words in (("before", tr("original")), ("after", tr("compressed"))):
            self._paint_bar(painter, which, QRectF(left, HEAD / 2 - 3.5, 18, 7))
            painter.setPen(self._theme.color("muted"))
            width = painter.fontMetrics().horizontalAdvance(words) + 2
            area = QRectF(left + 24, 0, width, HEAD)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), words)
            left += 24 + width + 16

    def _paint_figure(self, painter: QPainter, names: int) -> None:
        """What the bars are, above the names; of right answers the button says it."""
        words = figure_name(self._figure)
        where = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRectF(0, 0, names - 10, HEAD), where, words)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            one = self.class_at(event.pos())
            if one is not None:
                QToolTip.showText(event.globalPos(), plain_tip(describe(one, self._figure)), self)
                return True
        return super().event(event)

    def class_at(self, place: QPoint) -> ClassChange | None:
        row = (place.y() - HEAD) // ROW
        return self._classes[row] if 0 <= row < len(self._classes) else None


def change_words(lost: float) -> str:
    """'▼ 3.1' for points lost, '▲ 0.3' for points won, '0.0' for neither."""
    figure = fmt.number(abs(lost))
    if abs(lost) < LEAST_SHOWN:
        return figure
    return ("▼ " if lost > 0 else "▲ ") + figure


def figure_name(figure: ClassFigure) -> str:
    """What a class is judged by, in short; '' for the share of right answers."""
    return {"accuracy": "", "iou": tr("IoU"), "ap": tr("AP")}[figure]


def describe(one: ClassChange, figure: ClassFigure = "accuracy") -> str:
    """A class in words, intervals and all."""
    template = (
        tr(
            "{name}, {n} samples: {before} % before ({before_low} to {before_high}), {after} % after "
            "({after_low} to {after_high}); lost {lost} points ({lost_low} to {lost_high}, 95 %)"
        )
        if figure == "accuracy"
        else tr(
            "{name}, in {n} pictures: {figure} {before} % before ({before_low} to {before_high}), {after} % "
            "after ({after_low} to {after_high}); lost {lost} points ({lost_low} to {lost_high}, 95 %)"
        )
    )
    return template.format(
        name=fmt.class_name(one.name)[:200],
        n=fmt.count(one.count),
        figure=figure_name(figure),
        **{
            field: fmt.number(getattr(one, field))
            for field in (
                "before", "before_low", "before_high", "after", "after_low", "after_high",
                "lost", "lost_low", "lost_high",
            )
        },
    )  # fmt: skip
