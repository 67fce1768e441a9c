"""Snapshots as rows: name, note, size, latency, accuracy, when. Name and note are written in place."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QDateTime,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtWidgets import QApplication

from core.project import Snapshot
from gui import format
from gui.i18n import tr
from gui.project_keeper import ProjectKeeper
from gui.session import Session
from gui.theme import Theme
from gui.widgets.axis import small_font
from gui.widgets.plain_tip import plain_tip

Index = QModelIndex | QPersistentModelIndex
SNAPSHOT_ROLE = Qt.ItemDataRole.UserRole
MOST_WORDS = 2000
"""Characters of a name or a note that are kept."""


class Column(IntEnum):
    NAME = 0
    SIZE = 1
    LATENCY = 2
    ACCURACY = 3
    WHEN = 4
    NOTE = 5


FIGURES = (Column.SIZE, Column.LATENCY, Column.ACCURACY)


class SnapshotTable(QAbstractTableModel):
    def __init__(
        self, session: Session, theme: Theme, keeper: ProjectKeeper, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._session = session
        self._keeper = keeper
        self._rows: tuple[Snapshot, ...] = keeper.snapshots
        keeper.snapshots_changed.connect(self.refresh)
        session.plan_changed.connect(self._on_plan)
        session.data_changed.connect(self.retranslate)
        session.baseline_changed.connect(self.retranslate)

    def refresh(self) -> None:
        """Only rows that differ are touched, so that the chosen one stays chosen."""
        rows = self._keeper.snapshots
        if [row.id for row in rows] == [row.id for row in self._rows]:
            self._rows = rows
            self._on_plan()
        else:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()

    def judged_by(self, short: bool = True) -> str:
        """What the answers of this network are judged by, for people."""
        baseline = self._session.baseline
        primary = baseline.primary if baseline is not None else None
        if primary is None:
            return format.metric_expected(self._session.data)
        return format.metric_name(primary.metric, short)

    def retranslate(self, _value: object = None) -> None:
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        self._on_plan()

    def _on_plan(self, _plan: object = None) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(Column) - 1))

    def position(self, snapshot_id: int) -> int:
        """-1: there is none."""
        return next((row for row, one in enumerate(self._rows) if one.id == snapshot_id), -1)

    # ------------------------------------------------------------ Qt's questions

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (tr("Name"), tr("Size"), tr("Time"), self.judged_by(), tr("When"), tr("Note"))[section]
        if role == Qt.ItemDataRole.ToolTipRole and section == Column.ACCURACY:
            return plain_tip(self.judged_by(short=False))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() in (Column.NAME, Column.NOTE) and not self._keeper.read_only:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        snapshot = self._rows[index.row()]
        if role == SNAPSHOT_ROLE:
            return snapshot
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(snapshot, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(snapshot, index.column()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.FontRole and index.column() in FIGURES:
            return small_font(QApplication.font(), 13, italic=not self._counts(snapshot))
        if role == Qt.ItemDataRole.ForegroundRole and index.column() in FIGURES:
            return None if self._counts(snapshot) else self._theme.color("estimate")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(index.column(), Qt.Orientation.Horizontal)}: " + self._text(
                snapshot, index.column()
            )
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        snapshot, words = self._rows[index.row()], " ".join(str(value).split())[:MOST_WORDS]
        label = words if index.column() == Column.NAME else snapshot.label
        note = words if index.column() == Column.NOTE else snapshot.note
        if not label:
            return False
        if (label, note) != (snapshot.label, snapshot.note):
            self._keeper.rename_snapshot(snapshot.id, label, note)
        return True

    # ------------------------------------------------------------ words

    def _text(self, snapshot: Snapshot, column: int) -> str:
        outcome = snapshot.outcome
        if column == Column.NAME:
            return snapshot.label
        if column == Column.NOTE:
            return snapshot.note
        if column == Column.WHEN:
            made = QDateTime.fromSecsSinceEpoch(int(snapshot.made))
            return QLocale().toString(made, QLocale.FormatType.ShortFormat)
        if outcome is None:
            return "–"
        about = "" if snapshot.measured else "≈ "
        if column == Column.SIZE:
            return about + format.size(outcome.size_bytes) if outcome.size_bytes else "–"
        if column == Column.LATENCY:
            return about + format.milliseconds(outcome.latency.median_ms) if outcome.latency else "–"
        primary = outcome.primary
        if primary is None:
            return "–"
        parts = (about + format.measured(primary), format.interval(primary) if snapshot.measured else "")
        return " ".join(part for part in parts if part)

    def _tip(self, snapshot: Snapshot, column: int) -> str:
        if column in (Column.NAME, Column.NOTE):
            return self._text(snapshot, column)
        if self._is_of_another_model(snapshot):
            return tr("Of an earlier version of the model: kept, but not to be compared.")
        if snapshot.outcome is None:
            return tr("Nothing was known of this plan yet.")
        if not snapshot.measured:
            return tr("An estimate. Restore the snapshot and run it to measure it.")
        primary = snapshot.outcome.primary
        return (
            tr("Measured on {n} samples").format(n=format.count(primary.count)) if primary else tr("Measured")
        )

    def _counts(self, snapshot: Snapshot) -> bool:
        return snapshot.measured and not self._is_of_another_model(snapshot)

    def _is_of_another_model(self, snapshot: Snapshot) -> bool:
        model = self._session.model
        return model is not None and bool(snapshot.model_sha256) and snapshot.model_sha256 != model.sha256

    def snapshot(self, row: int) -> Snapshot | None:
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def comparable(self) -> tuple[Snapshot, ...]:
        """Those of the model that is open."""
        return tuple(one for one in self._rows if not self._is_of_another_model(one))

    def is_in_force(self, row: int) -> bool:
        return self._rows[row].plan == self._session.plan


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = (
        Qt.AlignmentFlag.AlignRight
        if Column.SIZE <= column <= Column.ACCURACY
        else Qt.AlignmentFlag.AlignLeft
    )
    return side | Qt.AlignmentFlag.AlignVCenter
