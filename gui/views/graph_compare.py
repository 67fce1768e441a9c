"""The choice of what the graph's figures are compared with: nothing, the original, or a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from core.project import Snapshot
from core.values import Plan
from gui.i18n import tr

_LONGEST = 40
"""Characters of a snapshot's name in the menu and in the legend."""


class Snapshots(Protocol):
    """Where snapshots are kept."""

    @property
    def snapshots(self) -> Sequence[Snapshot]: ...

    @property
    def snapshots_changed(self) -> SignalInstance: ...


@dataclass(frozen=True)
class Compared:
    plan: Plan | None
    label: str


class GraphComparison(QObject):
    changed = Signal()

    def __init__(self, keeper: Snapshots | None, parent: QObject) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._chosen: str | int = ""
        if keeper is not None:
            keeper.snapshots_changed.connect(self._on_snapshots)

    @property
    def against(self) -> Compared | None:
        """None: figures stand for themselves."""
        if self._chosen == "original":
            return Compared(None, tr("the original"))
        found = [one for one in self._snapshots() if one.id == self._chosen]
        return Compared(found[0].plan, found[0].label[:_LONGEST]) if found else None

    def _snapshots(self) -> Sequence[Snapshot]:
        return self._keeper.snapshots if self._keeper is not None else ()

    def fill(self, menu: QMenu) -> None:
        """Add the choice as a submenu."""
        inner = menu.addMenu(tr("Show differences to"))
        group = QActionGroup(inner)
        choices: list[tuple[str, str | int]] = [
            (tr("nothing: the figures themselves"), ""),
            (tr("the original"), "original"),
        ]
        # '&' would become a mnemonic
        choices += [(one.label[:_LONGEST].replace("&", "&&"), one.id) for one in self._snapshots()]
        for words, value in choices:
            action = QAction(words, inner)
            action.setCheckable(True)
            action.setChecked(value == self._chosen)
            action.setData(value)
            group.addAction(action)
            inner.addAction(action)
        group.triggered.connect(self._on_chosen)

    def choose(self, value: str | int) -> None:
        """'' for nothing, 'original', or a snapshot's id."""
        if value != self._chosen:
            self._chosen = value
            self.changed.emit()

    def _on_chosen(self, action: QAction) -> None:
        self.choose(action.data())

    def _on_snapshots(self) -> None:
        if isinstance(self._chosen, int):
            # deleted, renamed, or of another project
            self._chosen = self._chosen if self.against is not None else ""
            self.changed.emit()
