"""The one table of actions: text, icon, shortcut, why it is not possible now, handler.

The top bar, the menu, the steps strip and the keyboard all use these QActions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from shiboken6 import isValid

from gui.commands import Commands
from gui.i18n import LANGUAGES, Translations, tr, tr_text
from gui.icons import icon
from gui.next_step import NextStep
from gui.retold import retold_step
from gui.session import Session
from gui.theme import Theme

Reason = Callable[[Session], str]


class Row(NamedTuple):
    text: str
    tip: str
    icon: str
    shortcut: str
    why_not: Reason
    handler: str
    """Name of the method of `Commands`."""


def always(session: Session) -> str:
    return ""


def needs_model(session: Session) -> str:
    return "" if session.model is not None else tr("Open a model first.")


def needs_data(session: Session) -> str:
    if session.model is None:
        return tr("Open a model first.")
    if session.data is None:
        return tr("Choose data first.")
    if session.job is not None:
        return tr("Something is running: stop it, or wait until it is done.")
    return ""


def can_run(session: Session) -> str:
    reason = needs_data(session)
    if reason or session.model is None:
        return reason
    if not session.model.compressible:
        return tr_text(session.model.why_not[0]) if session.model.why_not else tr("Nothing to compress.")
    plan = session.plan
    if not plan.restructures and not any(plan.changes(layer.id) for layer in session.model.layers):
        return tr("The plan changes nothing: set bits or sparsity first.")
    return ""


def can_stop(session: Session) -> str:
    if session.job is None:
        return tr("Nothing is running.")
    return tr("Stopping already.") if session.job.stopping else ""


def can_export(session: Session) -> str:
    if session.result is None:
        return tr("Run the plan first: there is nothing to export yet.")
    if not session.result_is_current:
        return tr("The plan has changed since the last run: run again first.")
    if session.job is not None:
        return tr("Something is running: stop it, or wait until it is done.")
    return ""


def can_undo(session: Session) -> str:
    return "" if session.undo_stack.canUndo() else tr("Nothing to undo.")


def can_redo(session: Session) -> str:
    return "" if session.undo_stack.canRedo() else tr("Nothing to redo.")


def table() -> dict[str, Row]:
    """Read anew at each change of language."""
    return {
        "next": Row(
            tr("Do what comes next"), tr("Do what comes next"), "", "Ctrl+Return", always, "go_on",
        ),
        "new": Row(
            tr("New project"), tr("Close this project and begin anew"), "", "Ctrl+N",
            needs_model, "new_project",
        ),
        "open_project": Row(
            tr("Open project…"), tr("Go on with a project that was saved"), "", "Ctrl+P",
            always, "open_project",
        ),
        "save_as": Row(
            tr("Save project as…"),
            tr("Give the project a name and a place. Everything is kept as you go."),
            "", "Ctrl+Shift+S", needs_model, "save_project_as",
        ),
        "snapshot": Row(
            tr("Take a snapshot"), tr("Keep this plan under a name, to compare or to come back to"),
            "", "Ctrl+S", needs_model, "take_snapshot",
        ),
        "open": Row(tr("Open"), tr("Open a model"), "open", "Ctrl+O", always, "open_model"),
        "data": Row(
            tr("Data"), tr("Choose the samples that judge the model"), "data", "Ctrl+D",
            needs_model, "show_data",
        ),
        "analyze": Row(
            tr("Analyze"), tr("Measure what each layer can spare"), "analyze", "Ctrl+Shift+A",
            needs_data, "analyze",
        ),
        "choose": Row(
            tr("Choose"), tr("Set sparsity and bits, layer by layer"), "", "Ctrl+J",
            needs_model, "choose",
        ),
        "run": Row(tr("Run"), tr("Compress the model as planned"), "run", "Ctrl+R", can_run, "run"),
        "stop": Row(tr("Stop"), tr("Stop what is running"), "stop", "Esc", can_stop, "stop"),
        "export": Row(
            tr("Export…"), tr("Write the compressed model to a file"), "export", "Ctrl+E",
            can_export, "export",
        ),
        "undo": Row(tr("Undo"), tr("Undo"), "undo", "Ctrl+Z", can_undo, "undo"),
        "redo": Row(tr("Redo"), tr("Redo"), "redo", "Ctrl+Shift+Z", can_redo, "redo"),
        "theme": Row(tr("Light or dark"), tr("Light or dark"), "theme", "Ctrl+T", always, "toggle_theme"),
        "sample": Row(
            tr("Try the sample"), tr("Open a small model with its data"), "", "Ctrl+Shift+O",
            always, "open_sample",
        ),
        "notify": Row(
            tr("Tell when a run ends"),
            tr("Say so through the system when a run ends while this window is not in front"),
            "", "", always, "toggle_notify",
        ),
        "tour": Row(
            tr("Show me around"), tr("A short tour of the window, from a model to a smaller file"), "", "F1",
            always, "show_tour",
        ),
        "glossary": Row(
            tr("What the words mean"), tr("The field's terms in plain words"), "", "Ctrl+G",
            always, "show_glossary",
        ),
        "keys": Row(
            tr("Keyboard shortcuts"), tr("All keys that do something"), "", "Ctrl+/", always, "show_keys"
        ),
        "about": Row(tr("About Secateur"), tr("Version and licences"), "", "", always, "about"),
        "quit": Row(tr("Quit"), tr("Close the window"), "", "Ctrl+Q", always, "quit"),
    }  # fmt: skip


class Actions(QObject):
    """Builds the QActions once and keeps text, icon and enabled state true."""

    def __init__(
        self,
        session: Session,
        theme: Theme,
        translations: Translations,
        commands: Commands,
        following: NextStep,
    ) -> None:
        super().__init__(session)
        self._session = session
        self._theme = theme
        self._translations = translations
        self._commands = commands
        self._following = following
        self._actions: dict[str, QAction] = {}
        for name, row in table().items():
            action = QAction(self)
            action.setObjectName(name)
            action.setShortcut(QKeySequence(row.shortcut))
            action.triggered.connect(getattr(commands, row.handler))
            self._actions[name] = action
        self.languages = self._language_actions()
        # which follows all fields of the session that matter here
        following.changed.connect(self.refresh)
        session.undo_stack.indexChanged.connect(self.refresh)
        theme.changed.connect(self._recolor)
        translations.changed.connect(self.refresh)
        self._recolor()
        self.refresh()

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def refresh(self, *_: object) -> None:
        stack = self._session.undo_stack
        if not isValid(stack):
            return  # it says good-bye with a last indexChanged when the program ends
        for name, row in table().items():
            action = self._actions[name]
            reason = row.why_not(self._session)
            tip, label = row.tip, row.text
            if name == "next" and self._following.kind:
                tip, label = self._following.tip, self._following.label
            if name == "next" and not self._following.kind:
                running = tr("Something is running: stop it, or wait until it is done.")
                reason = running if self._session.job is not None else can_run(self._session)
            if name == "undo" and stack.canUndo():
                tip = tr("Undo: {what}").format(what=retold_step(stack.undoText()))
            if name == "redo" and stack.canRedo():
                tip = tr("Redo: {what}").format(what=retold_step(stack.redoText()))
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setText(row.text)
            action.setIconText(label)
            shown = f"{tip} ({keys})" if keys else tip
            action.setToolTip(shown + (f"\n{reason}" if reason else ""))
            action.setStatusTip(reason)
            action.setEnabled(not reason)
        self._actions["notify"].setCheckable(True)
        self._actions["notify"].setChecked(self._commands.notifies)
        for action in self.languages:
            action.setChecked(action.data() == self._translations.language)

    def _recolor(self, *_: object) -> None:
        for name, row in table().items():
            if row.icon:
                self._actions[name].setIcon(icon(row.icon, self._theme))

    def _language_actions(self) -> list[QAction]:
        group = QActionGroup(self)
        for code, name in LANGUAGES.items():
            action = QAction(name, group)  # a language is always named in itself
            action.setCheckable(True)
            action.setData(code)
        group.triggered.connect(self._choose_language)
        return group.actions()

    def _choose_language(self, action: QAction) -> None:
        self._commands.choose_language(action.data())
