"""Tab 'Snapshots': plans kept under a name, as a table or as points; how two of them differ, in words.

Take, restore, rename, delete, by key as well. Two chosen rows are told against each other, one against
the plan in force.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QComboBox,
    QHeaderView,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.project import Snapshot
from core.values import Outcome
from gui import format as fmt
from gui.i18n import tr
from gui.models.plan_words import plan_difference
from gui.models.snapshot_table import SNAPSHOT_ROLE, Column, SnapshotTable
from gui.project_keeper import ProjectKeeper
from gui.session import Session
from gui.theme import Theme
from gui.widgets.chosen_row import ChosenRow
from gui.widgets.difference_text import DifferenceText
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.flow import Flow
from gui.widgets.labels import empty_state
from gui.widgets.panels import LowStack, scrolled
from gui.widgets.panels import column as fill
from gui.widgets.retranslating import Retranslating
from gui.widgets.snapshot_chart import Dot, SnapshotChart, dot_words

ROW_HEIGHT = 28
WIDTHS = {Column.NAME: 104, Column.SIZE: 76, Column.LATENCY: 92, Column.ACCURACY: 116, Column.WHEN: 158}
NAME_PADDING, MOST_NAME = 18, 240


class _Table(QTableView):
    restore_asked = Signal()
    delete_asked = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        editing = self.state() == QAbstractItemView.State.EditingState
        if not editing and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.restore_asked.emit()
        elif not editing and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_asked.emit()
        else:
            super().keyPressEvent(event)


class SnapshotsView(Retranslating, QWidget):
    take_asked = Signal()
    compare_asked = Signal(object)
    """The snapshot whose answers are to be held against the original's."""
    run_asked = Signal(object, str)
    """A plan that is to be run, and its name; once for each chosen snapshot."""

    def __init__(
        self, session: Session, theme: Theme, keeper: ProjectKeeper, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._keeper = keeper
        self._deleted: Snapshot | None = None
        self.model = SnapshotTable(session, theme, keeper, self)
        self.table = self._made_table(theme)
        self.chart = SnapshotChart(theme)
        self.across = QComboBox(self)
        self.across.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.across.addItems(("size", "time"))
        self.as_table, self.as_points = (QToolButton(self) for _ in range(2))
        kinds = QButtonGroup(self)
        for button in (self.as_table, self.as_points):
            button.setCheckable(True)
            kinds.addButton(button)
        self.as_table.setChecked(True)
        self.difference = DifferenceText(self)
        self._take, self._restore, self._run, self._changes, self._rename, self._delete, self._back = (
            QPushButton(self) for _ in range(7)
        )
        self._take.clicked.connect(self.take_asked)
        self._restore.clicked.connect(self.restore)
        self._run.clicked.connect(self.run)
        self._changes.clicked.connect(self.compare)
        self._rename.clicked.connect(self.rename)
        self._delete.clicked.connect(self.delete)
        self._back.clicked.connect(self.bring_back)
        self._back.setProperty("flat", True)
        self._said = ElidedLabel(parent=self)
        self._said.setProperty("small", True)
        self._empty = empty_state()
        self._pages = LowStack(self)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.chart)
        row = Flow()
        for button in (self._take, self._restore, self._run, self._changes, self._rename, self._delete):
            row.addWidget(button)
        row.addWidget(self._said)
        row.addWidget(self._back)
        row.add_break()
        row.addWidget(self.across)
        row.add_together(self.as_table, self.as_points)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        column.addWidget(self.difference)
        fill(self, scrolled(whole))
        keeper.snapshots_changed.connect(self._refresh)
        keeper.changed.connect(self._on_project)
        session.plan_changed.connect(self._refresh)
        session.model_changed.connect(self._refresh)
        session.data_changed.connect(self._refresh)
        session.baseline_changed.connect(self._refresh)
        session.catalogue_changed.connect(self._refresh)
        kinds.buttonToggled.connect(self._refresh)
        self.across.currentIndexChanged.connect(self._refresh)
        self.chart.chosen.connect(self.show_taken)
        self.table.selectionModel().currentRowChanged.connect(self._refresh)
        self.table.selectionModel().selectionChanged.connect(self._refresh)
        self.model.modelReset.connect(self._refresh)
        self.table.restore_asked.connect(self.restore)
        self.table.delete_asked.connect(self.delete)
        self.table.doubleClicked.connect(self._on_double_click)
        self.retranslate()

    def _made_table(self, theme: Theme) -> _Table:
        table = _Table(self)
        table.setModel(self.model)
        table.setItemDelegate(ChosenRow(theme, table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setStyleSheet("QTableView::item, QHeaderView::section { padding: 0 8px; }")
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        for column, width in WIDTHS.items():
            header.resizeSection(column, width)
        header.setSectionResizeMode(Column.NOTE, QHeaderView.ResizeMode.Stretch)
        return table

    # ------------------------------------------------------------ what is done

    def show_taken(self, snapshot_id: int) -> None:
        """Choose the one that has just been taken; its name may be written at once."""
        row = self.model.position(snapshot_id)
        if row >= 0:
            self.table.setCurrentIndex(self.model.index(row, Column.NAME))
            self.table.scrollTo(self.table.currentIndex())

    def chosen(self) -> Snapshot | None:
        index = self.table.currentIndex()
        return index.data(SNAPSHOT_ROLE) if index.isValid() else None

    def restore(self) -> None:
        snapshot = self.chosen()
        if snapshot is not None:
            label = tr("Snapshot “{name}”").format(name=snapshot.label[:60])
            self._keeper.restore_snapshot(snapshot, label)

    def run(self) -> None:
        """The chosen plans are carried out one after another."""
        for snapshot in self._selected():
            self.run_asked.emit(snapshot.plan, snapshot.label)

    def compare(self) -> None:
        """What the chosen one changes, measured if it was not run."""
        snapshot = self.chosen()
        if snapshot is not None:
            self.compare_asked.emit(snapshot)

    def _selected(self) -> list[Snapshot]:
        """The chosen rows from top to bottom."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [one for row in rows if (one := self.model.snapshot(row)) is not None]

    def rename(self) -> None:
        index = self.table.currentIndex()
        # a second click while the name is being written already would be refused
        if index.isValid() and self.table.state() != QAbstractItemView.State.EditingState:
            self.as_table.setChecked(True)  # among the points there is no place to write
            self.table.setFocus()
            self.table.edit(index.siblingAtColumn(Column.NAME))

    def delete(self) -> None:
        snapshot = self.chosen()
        if snapshot is None or self._keeper.read_only:
            return
        row = self.table.currentIndex().row()
        self._deleted = snapshot
        self._keeper.delete_snapshot(snapshot.id)
        left = self.model.rowCount()
        if left:
            self.table.setCurrentIndex(self.model.index(min(row, left - 1), Column.NAME))
        self._refresh()

    def bring_back(self) -> None:
        snapshot, self._deleted = self._deleted, None
        if snapshot is not None:
            self._keeper.bring_back_snapshot(snapshot.id)
            self.show_taken(snapshot.id)
            self.table.setFocus()

    def _on_double_click(self, index: QModelIndex) -> None:
        if index.column() == Column.NOTE:
            self.table.edit(index)
        else:
            self.restore()

    # ------------------------------------------------------------ what is shown

    def retranslate(self) -> None:
        self._take.setText(tr("Take a snapshot"))
        self._restore.setText(tr("Restore"))
        self._restore.setToolTip(tr("Make this plan the one in force; Undo takes it back (Enter)"))
        self._run.setText(tr("Run"))
        self._run.setToolTip(tr("Carry out the chosen plans, one after another"))
        self._run.setAccessibleName(tr("Run the chosen snapshots"))
        self._changes.setText(tr("What it changes"))
        self._changes.setToolTip(
            tr("Hold its answers against the original's, class by class; what was not run is measured for it")
        )
        self._rename.setText(tr("Rename"))
        self._rename.setToolTip(tr("Write another name (F2)"))
        self._delete.setText(tr("Delete"))
        self._delete.setToolTip(tr("Delete this snapshot; it can be brought back (Del)"))
        self._back.setText(tr("Bring back"))
        self.table.setAccessibleName(tr("Snapshots"))
        self.as_table.setText(tr("Table"))
        self.as_points.setText(tr("As points"))
        self.as_points.setToolTip(tr("Every snapshot as a point: the further up and left, the better"))
        self.across.setAccessibleName(tr("What the points are laid out by"))
        for index, words in enumerate((tr("by size"), tr("by time"))):
            self.across.setItemText(index, words)
        self.chart.setAccessibleName(tr("Snapshots as points"))
        self.model.retranslate()
        self._refresh()

    def _draw(self) -> None:
        """The points: snapshots of this model with a figure like the original's, and the original."""
        session = self._session
        by_time = self.across.currentIndex() == 1
        rows = [(one.id, one.label, one.outcome, one.measured) for one in self.model.comparable()]
        rows.insert(0, (None, tr("original"), session.baseline, True))
        dots = [
            dot
            for snapshot_id, label, outcome, measured in rows
            if (dot := _dot(snapshot_id, label, outcome, measured, by_time)) is not None
        ]
        metric = dots[-1].measurement.metric if dots else ""
        dots = [dot for dot in dots if dot.measurement.metric == metric]
        chosen = self.chosen()
        write = fmt.milliseconds if by_time else fmt.size
        self.chart.show_dots(dots, write, chosen.id if chosen is not None else None)

    def _tell_difference(self) -> None:
        """Between the two chosen rows, or between the chosen one and the plan in force."""
        session = self._session
        chosen = self._selected()
        if session.model is None or not chosen or len(chosen) > 2:
            self.difference.show_sentences("", ())
            return
        first = chosen[0]
        if len(chosen) == 2:
            names = {"one": first.label[:60], "other": chosen[1].label[:60]}
            heading, other = tr("From “{one}” to “{other}”:").format(**names), chosen[1].plan
        else:
            heading = tr("From “{one}” to the plan in force:").format(one=first.label[:60])
            other = session.plan
        sentences = plan_difference(first.plan, other, session.model, session.catalogue)
        self.difference.show_sentences(heading, sentences or (tr("no difference"),))

    def _comparable(self) -> bool:
        chosen, model = self.chosen(), self._session.model
        same = chosen is not None and model is not None and chosen.model_sha256 == model.sha256
        return same and self._session.data is not None

    def _on_project(self) -> None:
        self._deleted = None
        self._refresh()

    def _widen_names(self) -> None:
        """Names get the room that they need, the note the rest: shared evenly, names lost their number."""
        wanted = self.table.sizeHintForColumn(Column.NAME) + NAME_PADDING
        width = min(max(wanted, WIDTHS[Column.NAME]), MOST_NAME)
        self.table.horizontalHeader().resizeSection(Column.NAME, width)

    def _refresh(self, *_: object) -> None:
        opened, writable = self._session.model is not None, not self._keeper.read_only
        chosen = self.chosen() is not None
        self._take.setEnabled(opened and writable)
        self._restore.setEnabled(chosen)
        self._run.setEnabled(bool(self._selected()) and self._session.data is not None)
        self._changes.setEnabled(self._comparable())
        self._rename.setEnabled(chosen and writable)
        self._delete.setEnabled(chosen and writable)
        self._back.setVisible(self._deleted is not None)
        row = self.table.currentIndex().row()
        if self._deleted is not None:
            self._said.set_full_text(tr("“{name}” was deleted").format(name=self._deleted.label[:60]))
        elif chosen and row < self.model.rowCount() and self.model.is_in_force(row):
            self._said.set_full_text(tr("This is the plan in force"))
        else:
            self._said.set_full_text("")
        self._widen_names()
        points = self.as_points.isChecked()
        self._pages.setCurrentIndex((2 if points else 0) if self.model.rowCount() else 1)
        self.across.setVisible(points)
        if points:
            self._draw()
        self._tell_difference()
        if opened:
            self._empty.setText(
                tr("Take a snapshot to keep the plan as it is now, with its figures, under a name.")
            )
        else:
            self._empty.setText(tr("Open a model first."))


def _dot(
    snapshot_id: int | None, label: str, outcome: Outcome | None, measured: bool, by_time: bool
) -> Dot | None:
    """None where size, time or accuracy is not known."""
    if outcome is None or outcome.primary is None or (by_time and outcome.latency is None):
        return None
    across = outcome.latency.median_ms if by_time and outcome.latency is not None else outcome.size_bytes
    time = fmt.milliseconds(outcome.latency.median_ms) if outcome.latency is not None else ""
    words = dot_words(label, fmt.size(outcome.size_bytes), time, outcome.primary, measured)
    return Dot(snapshot_id, label, across, outcome.primary, measured, words)
