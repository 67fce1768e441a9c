"""The Help menu's work: the guided tour, the glossary, the keys. Each is made when it is first asked for."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog

from gui.actions import Actions
from gui.commands import Commands
from gui.main_window import MainWindow
from gui.next_step import NextStep
from gui.settings import Settings
from gui.theme import Theme
from gui.tour import Tour
from gui.views.glossary_dialog import GlossaryDialog
from gui.views.shortcuts_dialog import ShortcutsDialog


class Help(QObject):
    def __init__(
        self,
        main: MainWindow,
        following: NextStep,
        theme: Theme,
        actions: Actions,
        commands: Commands,
        settings: Settings,
    ) -> None:
        super().__init__(main)
        self._main = main
        self._theme = theme
        self._actions = actions
        self._settings = settings
        self.tour = Tour(main, following, theme)
        self.dialogs: dict[str, QDialog] = {}
        commands.help_asked.connect(self.show)

    def greet(self) -> None:
        """Somebody's first start: the tour begins by itself, once, and takes no keys."""
        if not self._settings.values.greeted:
            self._settings.values.greeted = True
            self._settings.save()
            self.tour.start(with_keyboard=False)

    def show(self, what: str) -> None:
        """'tour', 'glossary' or 'keys'; what is there already comes to the front."""
        if what == "tour":
            self.tour.start()
            return
        if what not in self.dialogs:
            dialog = (
                GlossaryDialog(self._theme, self._main)
                if what == "glossary"
                else ShortcutsDialog(self._actions, self._theme, self._main)
            )
            dialog.setObjectName(what)
            dialog.finished.connect(self._on_finished)
            self.dialogs[what] = dialog
        for ask in (self.dialogs[what].show, self.dialogs[what].raise_, self.dialogs[what].activateWindow):
            ask()

    def _on_finished(self, _result: int) -> None:
        self.dialogs.pop(self.sender().objectName(), None)
