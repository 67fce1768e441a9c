"""Which answers are held against the original's: those of the last run, or of a snapshot."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.project import Snapshot
from gui.comparing import ResultComparison
from gui.i18n import tr
from gui.project_keeper import ProjectKeeper
from gui.session import Session
from gui.widgets.yielding_box import YieldingBox

LONGEST = 40
"""Characters of a snapshot's name that are shown."""
WIDEST = 190


class ComparedChoice(YieldingBox):
    """Hidden while there is nothing to choose."""

    def __init__(
        self,
        session: Session,
        comparing: ResultComparison,
        keeper: ProjectKeeper,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._comparing = comparing
        self._keeper = keeper
        self._shown: tuple[tuple[str, int | None], ...] = ()
        self.setMaximumWidth(WIDEST)
        self.activated.connect(self._on_activated)
        keeper.snapshots_changed.connect(self.refresh)

    def snapshots(self) -> list[Snapshot]:
        """Those of this model."""
        model = self._session.model
        return [one for one in self._keeper.snapshots if model and one.model_sha256 == model.sha256]

    def refresh(self) -> None:
        rows: list[tuple[str, int | None]] = [(one.label[:LONGEST], one.id) for one in self.snapshots()]
        if self._session.result is not None or not rows:
            rows.insert(0, (tr("The last run"), None))
        elif self._comparing.snapshot is None:
            rows.insert(0, (tr("Choose a snapshot"), None))
        if tuple(rows) != self._shown:
            self._shown = tuple(rows)
            self.clear()
            for label, snapshot_id in rows:
                self.addItem(label, snapshot_id)
                self.setItemData(self.count() - 1, label, Qt.ItemDataRole.AccessibleTextRole)
        chosen = self._comparing.snapshot
        self.setCurrentIndex(max(self.findData(chosen.id if chosen is not None else None), 0))
        self.setVisible(len(rows) > 1 and self._session.data is not None)
        self.setAccessibleName(tr("Whose answers are held against the original's"))
        self.setToolTip(tr("A snapshot that was not run is measured for it"))

    def _on_activated(self, row: int) -> None:
        wanted = self.itemData(row)
        self._comparing.choose(next((one for one in self.snapshots() if one.id == wanted), None))
