"""Tab 'Snapshots': plans kept under a name, side by side; take, restore, rename, delete, by key as well."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.project import Snapshot
from gui.i18n import tr
from gui.models.snapshot_table import SNAPSHOT_ROLE, Column, SnapshotTable
from gui.project_keeper import ProjectKeeper
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel

ROW_HEIGHT = 28
WIDTHS = {Column.SIZE: 92, Column.LATENCY: 92, Column.ACCURACY: 124, Column.WHEN: 148}


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


class SnapshotsView(QWidget):
    take_asked = Signal()

    def __init__(
        self, session: Session, theme: Theme, keeper: ProjectKeeper, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._keeper = keeper
        self._deleted: Snapshot | None = None
        self.model = SnapshotTable(session, theme, keeper, self)
        self.table = self._made_table()
        self._take, self._restore, self._rename, self._delete, self._back = (
            QPushButton(self) for _ in range(5)
        )
        self._take.clicked.connect(self.take_asked)
        self._restore.clicked.connect(self.restore)
        self._rename.clicked.connect(self.rename)
        self._delete.clicked.connect(self.delete)
        self._back.clicked.connect(self.bring_back)
        self._back.setProperty("flat", True)
        self._said = ElidedLabel(parent=self)
        self._said.setProperty("small", True)
        self._empty = QLabel(self)
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(24)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._empty)
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self._take, self._restore, self._rename, self._delete):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self._said, 1)
        row.addWidget(self._back)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        keeper.snapshots_changed.connect(self._refresh)
        keeper.changed.connect(self._on_project)
        session.plan_changed.connect(self._refresh)
        session.model_changed.connect(self._refresh)
        self.table.selectionModel().currentRowChanged.connect(self._refresh)
        self.model.modelReset.connect(self._refresh)
        self.table.restore_asked.connect(self.restore)
        self.table.delete_asked.connect(self.delete)
        self.table.doubleClicked.connect(self._on_double_click)
        self.retranslate()

    def _made_table(self) -> _Table:
        table = _Table(self)
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setStyleSheet("QTableView::item { padding: 0 8px; }")
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        for column, width in WIDTHS.items():
            header.resizeSection(column, width)
        for column in (Column.NAME, Column.NOTE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
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

    def rename(self) -> None:
        index = self.table.currentIndex()
        if index.isValid():
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

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def retranslate(self) -> None:
        self._take.setText(tr("Take a snapshot"))
        self._restore.setText(tr("Restore"))
        self._restore.setToolTip(tr("Make this plan the one in force; Undo takes it back (Enter)"))
        self._rename.setText(tr("Rename"))
        self._rename.setToolTip(tr("Write another name (F2)"))
        self._delete.setText(tr("Delete"))
        self._delete.setToolTip(tr("Delete this snapshot; it can be brought back (Del)"))
        self._back.setText(tr("Bring back"))
        self.table.setAccessibleName(tr("Snapshots"))
        self.model.retranslate()
        self._refresh()

    def _on_project(self) -> None:
        self._deleted = None
        self._refresh()

    def _refresh(self, *_: object) -> None:
        opened, writable = self._session.model is not None, not self._keeper.read_only
        chosen = self.chosen() is not None
        self._take.setEnabled(opened and writable)
        self._restore.setEnabled(chosen)
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
        self._pages.setCurrentIndex(0 if self.model.rowCount() else 1)
        if opened:
            self._empty.setText(
                tr("Take a snapshot to keep the plan as it is now, with its figures, under a name.")
            )
        else:
            self._empty.setText(tr("Open a model first."))
