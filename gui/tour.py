"""The guided tour: goes from stop to stop with the work, or as the person likes, and is never in the way."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer, Signal
from PySide6.QtWidgets import QWidget

from gui.main_window import MainWindow
from gui.next_step import NextStep
from gui.theme import Theme
from gui.tour_stops import FALLBACK, STOPS, words
from gui.widgets.coach_mark import AROUND, EDGE, CoachMark, Ring

LOOK_MS = 120
"""Panels move when others come and go, and tell only their parents: the tour looks where its control is."""


class Tour(QObject):
    ended = Signal()

    def __init__(self, main: MainWindow, following: NextStep, theme: Theme) -> None:
        super().__init__(main)
        self._main = main
        self._following = following
        self._theme = theme
        self._bubble: CoachMark | None = None
        self._ring: Ring | None = None
        self._shown: tuple[QRect, QRect] | None = None
        """The control's place and the room for the bubble, as they were laid out last."""
        self.at = 0
        """Index of the stop that is shown."""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        following.changed.connect(self._follow)
        theme.changed.connect(self._recolor)

    @property
    def active(self) -> bool:
        return self._bubble is not None

    @property
    def bubble(self) -> CoachMark | None:
        return self._bubble

    @property
    def stop(self) -> str:
        """The name of the stop that is shown."""
        return STOPS[self.at].name

    def start(self, with_keyboard: bool = True) -> None:
        """Show where the work stands; once more: begin anew. `with_keyboard`: the bubble takes the keys."""
        if self._bubble is None:
            self._ring = Ring(self._theme, self._main)
            self._bubble = CoachMark(self._theme, self._main)
            self._bubble.next_asked.connect(self.forward)
            self._bubble.back_asked.connect(self.back)
            self._bubble.closed.connect(self.end)
            self._bubble.installEventFilter(self)
        self.at = self._turn()
        self._show()
        self._timer.start()
        if with_keyboard:
            self._bubble.next.setFocus()

    def end(self) -> None:
        if self._bubble is None or self._ring is None:
            return
        self._timer.stop()
        had_keys = self._bubble.isAncestorOf(self._main.focusWidget() or self._main)
        for widget in (self._bubble, self._ring):
            widget.hide()
            widget.deleteLater()
        self._bubble = self._ring = None
        if had_keys:
            self._main.steps.next_button.setFocus()
        self.ended.emit()

    def forward(self) -> None:
        if self.at < len(STOPS) - 1:
            self.at += 1
            self._show()

    def back(self) -> None:
        if self.at > 0:
            self.at -= 1
            self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LanguageChange and self.active:
            self._show()
        return False

    # ------------------------------------------------------------ with the work

    def _turn(self) -> int:
        return max(index for index, stop in enumerate(STOPS) if stop.its_turn(self._following))

    def _follow(self) -> None:
        """The work has gone on; the tour goes along, and never back."""
        if self.active and (turn := self._turn()) > self.at:
            self.at = turn
            self._show()

    def _show(self) -> None:
        if self._bubble is None:
            return
        title, said = words(self.stop)
        self._bubble.say(self.at + 1, len(STOPS), title, said)
        self._shown = None
        self._look()

    def _look(self) -> None:
        """Put ring and bubble where the control is now."""
        if self._bubble is None or self._ring is None:
            return
        target = self._target()
        where = QRect(target.mapTo(self._main, QPoint(0, 0)), target.size())
        top = self._main.steps.mapTo(self._main, QPoint(0, self._main.steps.height())).y()
        room = QRect(EDGE, top, self._main.width() - 2 * EDGE, self._main.height() - top - EDGE)
        if self._shown == (where, room):
            return
        self._shown = where, room
        self._ring.setGeometry(
            where.adjusted(-AROUND, -AROUND, AROUND, AROUND).intersected(self._main.rect())
        )
        # the bars above stay free: there is the button that does what comes next
        self._bubble.place(self._ring.geometry(), room)
        for widget in (self._ring, self._bubble):
            widget.show()
            widget.raise_()

    def _target(self) -> QWidget:
        stop = STOPS[self.at]
        target = stop.target(self._main)
        if stop.name == "data" and self._main.data_view.isVisible():
            return self._main.data_view.first_choice
        if target.isVisible():
            return target
        return self._main.steps.button(FALLBACK.get(stop.name, "analyze"))

    def _recolor(self, _name: str) -> None:
        for widget in (self._ring, self._bubble):
            if widget is not None:
                widget.update()
