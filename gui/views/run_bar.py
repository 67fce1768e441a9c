"""Above the run: which of the project's runs is shown, what waits behind it, and the plan it carried out."""

from __future__ import annotations

from PySide6.QtCore import QDateTime, QEvent, QLocale
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from core.project import RunRecord
from gui import format as fmt
from gui.i18n import tr
from gui.project_keeper import ProjectKeeper
from gui.run_queue import RunQueue
from gui.session import Session
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.yielding_box import YieldingBox

MOST_RUNS = 100
"""The latest; a list of more is no help."""


class RunBar(QWidget):
    def __init__(
        self, session: Session, keeper: ProjectKeeper, queue: RunQueue, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._keeper = keeper
        self._queue = queue
        self._records: tuple[RunRecord, ...] = ()
        self.runs = YieldingBox(self)
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.setMinimumContentsLength(30)
        self.runs.setMinimumWidth(150)
        self.take_plan = QPushButton(self)
        self.queue_plan = QPushButton(self)
        self.clear_queue = QPushButton(self)
        self.clear_queue.setProperty("flat", True)
        self.waiting = ElidedLabel(parent=self)
        self.waiting.setProperty("small", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.runs)
        row.addWidget(self.take_plan)
        row.addWidget(self.queue_plan)
        row.addWidget(self.waiting, 1)
        row.addStretch()
        row.addWidget(self.clear_queue)
        self.runs.activated.connect(self._on_chosen)
        self.take_plan.clicked.connect(self._take)
        self.queue_plan.clicked.connect(self._enqueue)
        self.clear_queue.clicked.connect(queue.clear)
        queue.changed.connect(self.refresh)
        queue.ended.connect(self.reload)
        keeper.changed.connect(self.reload)
        session.data_changed.connect(self.reload)
        for signal in (session.plan_changed, session.job_changed, session.result_changed):
            signal.connect(self.refresh)
        self.retranslate()
        self.reload()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
            self.reload()
        super().changeEvent(event)

    def retranslate(self) -> None:
        self.runs.setAccessibleName(tr("Runs of this project"))
        self.runs.setToolTip(tr("Show an earlier run again, with what came of it"))
        self.take_plan.setText(tr("Take its plan"))
        self.take_plan.setToolTip(tr("Make the plan of this run the one in force; Undo takes it back"))
        self.queue_plan.setText(tr("Run this plan next"))
        self.queue_plan.setToolTip(tr("Carry out the plan as it stands now when the present run is done"))
        self.clear_queue.setText(tr("Forget those waiting"))

    def reload(self, *_: object) -> None:
        """The list of runs as the project has it now."""
        self._records = tuple(reversed(self._keeper.runs()[-MOST_RUNS:]))
        self.runs.clear()
        for record in self._records:
            self.runs.addItem(_words(record))
        self.refresh()

    def refresh(self, *_: object) -> None:
        session, queue = self._session, self._queue
        running = queue.running is not None
        self.runs.setVisible(bool(self._records) and not running)
        self.runs.setEnabled(session.job is None)
        shown = self._shown()
        if shown and self.runs.currentIndex() not in shown:
            self.runs.setCurrentIndex(shown[0])
        stale = bool(shown) and self._records[self.runs.currentIndex()].plan != session.plan
        self.take_plan.setVisible(stale and not running)
        changed = running and session.plan != queue.running
        self.queue_plan.setVisible(changed and all(one.plan != session.plan for one in queue.waiting))
        names = tr(", ").join(one.label[:40] for one in queue.waiting)
        count = len(queue.waiting)
        words = tr("{n} waiting: {names}").format(n=fmt.count(count), names=names) if count else ""
        self.waiting.set_full_text(words)
        self.waiting.setVisible(bool(words))
        self.clear_queue.setVisible(count > 0)
        self.setVisible(bool(self._records) or running or count > 0)

    def _shown(self) -> list[int]:
        """Places of the runs that may be the one that is shown, the latest first.

        One that ended without a result is shown beside the result before it, which can still be exported.
        """
        without = self._session.run_state in ("stopped", "failed")
        wanted = None if without else self._session.result
        if wanted is None and not without:
            return []
        return [i for i, one in enumerate(self._records) if one.result == wanted]

    def _on_chosen(self, index: int) -> None:
        if 0 <= index < len(self._records):
            self._keeper.show_run(self._records[index])

    def _take(self) -> None:
        index = self.runs.currentIndex()
        if 0 <= index < len(self._records):
            self._session.replace_plan(self._records[index].plan, tr("Plan of an earlier run"))

    def _enqueue(self) -> None:
        now = QLocale().toString(QDateTime.currentDateTime().time(), QLocale.FormatType.ShortFormat)
        size = fmt.size(self._session.estimate().size_bytes)
        self._queue.add(self._session.plan, tr("plan of {time}, {size}").format(time=now, size=size))


def _words(record: RunRecord) -> str:
    """'26/11/2026 04:50 · 296 kB · 86.7 %', or how it ended without a result."""
    when = QLocale().toString(
        QDateTime.fromSecsSinceEpoch(int(record.started)), QLocale.FormatType.ShortFormat
    )
    if record.result is None:
        ended = {"stopped": tr("stopped"), "failed": tr("failed"), "running": tr("cut off")}
        return f"{when} · {ended.get(record.state, record.state)}"
    after = record.result.after
    parts = [when, fmt.size(after.size_bytes)]
    if after.primary is not None:
        parts.append(fmt.measured(after.primary))
    return " · ".join(parts)
