"""The menu of the project: new, open, save as, recent ones, a snapshot."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from core.project import ENDING
from gui.actions import Actions
from gui.commands import Commands
from gui.i18n import tr
from gui.widgets.plain_tip import plain_tip

LONGEST_NAME = 60


class ProjectMenu(QMenu):
    def __init__(self, actions: Actions, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._commands = commands
        self._recent = QMenu(self)
        self._recent.setToolTipsVisible(True)
        self._recent.triggered.connect(self._open)
        for name in ("new", "open_project", "save_as"):
            self.addAction(actions[name])
        self.addMenu(self._recent)
        self.addSeparator()
        self.addAction(actions["snapshot"])
        self.aboutToShow.connect(self._fill)

    def _fill(self) -> None:
        self._recent.setTitle(tr("Recent projects"))
        self._recent.clear()
        for path in self._commands.recent_projects:
            name = Path(path).name.removesuffix(ENDING)[:LONGEST_NAME]
            action = self._recent.addAction(name.replace("&", "&&"))
            action.setData(path)
            action.setToolTip(plain_tip(path))
        self._recent.setEnabled(not self._recent.isEmpty())

    def _open(self, action: QAction) -> None:
        self._commands.open_project_path(action.data())
