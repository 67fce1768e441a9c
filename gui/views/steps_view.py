"""The strip under the top bar: where the person is, what is next, and how far a job has come."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from gui import format
from gui.actions import Actions
from gui.i18n import tr, tr_text
from gui.job import Job
from gui.next_step import NextStep
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.goal_choice import GoalChoice
from gui.widgets.retranslating import Retranslating

ACTIONS = ("open", "data", "analyze", "choose", "run", "export")
"""What pressing each step does."""
CIRCLE = 20
MARGIN = 3
BAR_PARTS = 1000
ROOM_FOR_GOAL = 1100
"""Below this width the goal stands under Best plans alone."""
_CHECK = (QPointF(-4, 0), QPointF(-1.3, 2.9), QPointF(4, -3))


class StepButton(QAbstractButton):
    """A numbered circle and a word: done (a check), current (filled) or still to come."""

    def __init__(self, number: int, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self._theme = theme
        self.state = "later"
        """'done', 'current', 'later'."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_state(self, state: str) -> None:
        self.state = state
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        font = self.font()
        font.setBold(self.state == "current")
        return QSize(CIRCLE + 10 + QFontMetrics(font).horizontalAdvance(self.text()) + 6, CIRCLE + 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        circle = QRectF(3, (self.height() - CIRCLE) / 2, CIRCLE, CIRCLE)
        background = {"done": "accent_soft", "current": "accent", "later": "track"}[self.state]
        ink = {"done": "accent", "current": "on_accent", "later": "muted"}[self.state]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(background))
        painter.drawEllipse(circle)
        painter.setPen(QPen(color(ink), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        font = painter.font()
        if self.state == "done":
            middle = circle.center()
            painter.drawPolyline([middle + offset for offset in _CHECK])
        else:
            font.setPixelSize(11)
            font.setBold(True)
            painter.setFont(font)
            painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(self._number))
        font = self.font()
        font.setBold(self.state == "current")
        painter.setFont(font)
        painter.setPen(color("text" if self.state == "current" or self.underMouse() else "muted"))
        words = QRectF(CIRCLE + 10, 0, self.width() - CIRCLE - 10, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            painter.setPen(QPen(color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 7, 7)

    def enterEvent(self, event: QEvent) -> None:
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.update()
        super().leaveEvent(event)


class StepsView(Retranslating, QFrame):
    def __init__(
        self,
        session: Session,
        theme: Theme,
        actions: Actions,
        following: NextStep,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("bar", True)
        self._session = session
        self._theme = theme
        self._actions = actions
        self._following = following
        self._words = ElidedLabel(parent=self)
        self._words.setProperty("muted", True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(160)
        keep = self._bar.sizePolicy()
        keep.setRetainSizeWhenHidden(False)
        self._bar.setSizePolicy(keep)
        self.goal = GoalChoice(session, following.search, self)
        self.next_button = QToolButton(self)
        self.next_button.setDefaultAction(actions["next"])
        self.next_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.next_button.setProperty("primary", True)
        self.next_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, MARGIN, 12, MARGIN)
        row.setSpacing(5)
        self._buttons: list[StepButton] = []
        for index, name in enumerate(ACTIONS):
            if index:
                line = QFrame(self)
                line.setFixedSize(20, 1)
                line.setObjectName("stepLine")
                row.addWidget(line)
            button = StepButton(index + 1, theme, self)
            button.clicked.connect(actions[name].trigger)
            actions[name].changed.connect(self._refresh)
            row.addWidget(button)
            self._buttons.append(button)
        row.addSpacing(16)
        row.addWidget(self._words, 1)
        row.addSpacing(8)
        row.addWidget(self._bar)
        row.addWidget(self.goal)
        row.addWidget(self.next_button)
        following.changed.connect(self._refresh)
        session.plan_measured_changed.connect(self._refresh)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()

    def button(self, action: str) -> StepButton:
        """The step that does this action."""
        return self._buttons[ACTIONS.index(action)]

    def retranslate(self) -> None:
        names = (tr("Model"), tr("Data"), tr("Analyze"), tr("Choose"), tr("Compress"), tr("Export"))
        for button, name in zip(self._buttons, names, strict=True):
            button.setText(name)
        self._bar.setAccessibleName(tr("Progress"))
        self._refresh()
        self._show_job(self._session.job)

    def _on_job(self, job: Job | None) -> None:
        self._refresh()
        self._show_job(job)

    def _refresh(self, *_: object) -> None:
        step = self._session.step
        words = {"done": tr("done"), "current": tr("next"), "later": tr("later")}
        for index, (button, name) in enumerate(zip(self._buttons, ACTIONS, strict=True)):
            state = "done" if index < step else "current" if index == step else "later"
            button.set_state(state)
            button.setEnabled(self._actions[name].isEnabled())
            button.setToolTip(self._actions[name].toolTip())
            button.setAccessibleName(
                tr("Step {n} of {total}: {name}, {state}").format(
                    n=index + 1, total=len(ACTIONS), name=button.text(), state=words[state]
                )
            )
        self._show_next()

    def _show_next(self) -> None:
        """The button names what is next; the first screen has its own, larger ones."""
        kind = self._following.kind
        self.next_button.setVisible(kind not in ("", "open"))
        self.goal.setVisible(kind in ("goal", "closest") and self._has_room)
        if self._session.job is None:
            self._words.set_full_text(self._hint())

    @property
    def _has_room(self) -> bool:
        return self.width() >= ROOM_FOR_GOAL

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # the strip keeps its height while button and goal come and go
        tallest = max(widget.sizeHint().height() for widget in (self.next_button, self.goal))
        self.setMinimumHeight(tallest + 2 * MARGIN)
        self._show_next()

    def _hint(self) -> str:
        """One sentence: what is next."""
        kind = self._following.kind
        if kind == "goal":
            return tr("Your goal:") if self._has_room else ""
        if kind == "closest":
            return tr("The goal is not reached. Choose another one, or take what comes closest:")
        planned = self._session.plan_is_measured
        return (
            tr("Open a model to begin"),
            tr("Next: choose data that shows what the model is for"),
            tr("Next: analyze, to see what each layer can spare"),
            tr("Next: run the plan, or change it")
            if planned
            else tr("Next: choose sparsity and bits, then run"),
            tr("Compressing"),
            tr("Next: export the compressed model"),
            tr("Exported. Change the plan to go on"),
        )[self._session.step]

    def _show_job(self, job: Job | None) -> None:
        self._bar.setVisible(job is not None)
        if job is None:
            self._words.set_full_text(self._hint())
            return
        # Qt repaints a bar at once, and with it all of the window that waits to be painted: not amid a turn
        self._bar.setUpdatesEnabled(False)
        if job.share is not None:
            self._bar.setRange(0, BAR_PARTS)
            self._bar.setValue(round(job.share * BAR_PARTS))
        else:
            self._bar.setRange(0, job.total)  # a total of 0 shows a busy bar
            self._bar.setValue(job.done)
        self._bar.setUpdatesEnabled(True)
        parts = [tr("Stopping…") if job.stopping else tr_text(job.stage) or tr("Starting…")]
        if job.total and not job.stopping:
            parts.append(format.progress(job.done, job.total))
        if job.seconds_left and not job.stopping:
            parts.append(tr("about {time} left").format(time=format.duration(job.seconds_left)))
        self._words.set_full_text(" · ".join(parts))

    def _recolor(self, *_: object) -> None:
        line = self._theme.color("line").name()
        self.setStyleSheet(f"QFrame#stepLine {{ background: {line}; border: none; }}")
        self.update()
