"""The top bar: the name of the program, what can be done, what is open."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from core.values import ModelInfo
from gui import format
from gui.actions import Actions
from gui.commands import Commands
from gui.i18n import tr, tr_text
from gui.icons import icon, pixmap
from gui.project_keeper import ProjectKeeper
from gui.session import Session
from gui.theme import Theme
from gui.widgets.centred_button import CentredButton
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.plain_tip import plain_tip
from gui.widgets.project_menu import ProjectMenu
from gui.widgets.retranslating import Retranslating

TITLE_WIDTH, ROOMY_TITLE_WIDTH = 84, 180
"""Points that the model's name keeps in the narrowest window, and beside facts, which give way before."""

ROOM_FOR_FACTS = 1040
"""Below this width nothing but the model's name stands in the middle, and the program's gives way."""


class TopBar(Retranslating, QFrame):
    def __init__(
        self,
        session: Session,
        theme: Theme,
        actions: Actions,
        keeper: ProjectKeeper,
        commands: Commands,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("bar", True)
        self._session = session
        self._theme = theme
        self._actions = actions
        self._logo = QLabel(self)
        self._name = QLabel("Secateur", self)  # a name, never translated
        self._name.setProperty("name", True)
        self._title = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self._title.setProperty("heading", True)
        self._facts = ElidedLabel(parent=self)
        self._facts.setProperty("muted", True)
        self._keeper = keeper
        self._project = self._menu_button()
        self._project.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self._project.setMenu(ProjectMenu(actions, commands, self))
        self._buttons = {name: self._button(name) for name in ("open", "data", "analyze")}
        self._undo = self._button("undo", icon_only=True)
        self._redo = self._button("redo", icon_only=True)
        self._tone = self._button("theme", icon_only=True)
        self._language = self._menu_button()
        self._language_menu = QMenu(self)
        self._language_menu.addActions(actions.languages)
        self._language.setMenu(self._language_menu)
        self.help_button = self._menu_button()
        self._more_menu = QMenu(self)
        for name in ("tour", "glossary", "keys", "", "sample", "notify", "", "about", "quit"):
            self._more_menu.addAction(actions[name]) if name else self._more_menu.addSeparator()
        self.help_button.setMenu(self._more_menu)
        self._run = self._button("run", flat=False, kind=CentredButton)
        self._run.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._run.setIconSize(QSize(14, 14))
        self._export = self._button("export", flat=False)
        self._lay_out()
        for signal in (
            session.model_changed, session.data_changed, session.plan_changed, session.result_changed,
            session.job_changed, session.exported,
        ):  # fmt: skip
            signal.connect(self._refresh)
        keeper.changed.connect(self._refresh)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(4)
        row.addWidget(self._logo)
        row.addSpacing(4)
        row.addWidget(self._name)
        row.addSpacing(12)
        row.addWidget(self._project)
        for button in self._buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._title)
        row.addWidget(self._facts)
        row.addStretch(1)
        for button in (self._undo, self._redo, self._tone, self._language, self.help_button):
            row.addWidget(button)
        row.addSpacing(6)
        row.addWidget(self._run)
        row.addSpacing(4)
        row.addWidget(self._export)

    def _button(
        self, name: str, icon_only: bool = False, flat: bool = True, kind: type[QToolButton] = QToolButton
    ) -> QToolButton:
        button = kind(self)
        button.setDefaultAction(self._actions[name])
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if icon_only else Qt.ToolButtonStyle.ToolButtonTextOnly
        button.setToolButtonStyle(style)
        button.setIconSize(QSize(17, 17))
        button.setProperty("flat", flat)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _menu_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("flat", True)
        button.setIconSize(QSize(17, 17))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def retranslate(self) -> None:
        self._language.setToolTip(tr("Language"))
        self._language.setAccessibleName(tr("Language"))
        self._project.setText(tr("Project"))
        self._project.setAccessibleName(tr("Project"))
        self.help_button.setToolTip(tr("Help and more"))
        self.help_button.setAccessibleName(tr("Help and more"))
        self._refresh()

    def _refresh(self, *_: object) -> None:
        session = self._session
        running = session.job is not None
        wanted = self._actions["stop" if running else "run"]
        if self._run.defaultAction() is not wanted:
            self._run.removeAction(self._run.defaultAction())
            self._run.setDefaultAction(wanted)
        model = session.model
        self._title.set_full_text(model.name if model is not None else "", _about(model))
        self._title.setVisible(model is not None)
        self._facts.set_full_text(" ".join(filter(None, (self._project_facts(), self._data_facts()))))
        path = str(self._keeper.project.path) if self._keeper.project is not None else ""
        self._project.setToolTip(
            plain_tip(tr("Everything is kept as you go, in {path}").format(path=path)) if path else ""
        )
        self._show_facts()

    def _show_facts(self) -> None:
        roomy = self.width() >= ROOM_FOR_FACTS
        # what the samples are gives way before the model's name does
        least = ROOMY_TITLE_WIDTH if roomy else TITLE_WIDTH
        self._title.setMinimumWidth(min(self._title.sizeHint().width(), least))
        self._facts.setVisible(bool(self._facts.full_text) and roomy)
        self._name.setVisible(roomy or self._session.model is None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_facts()

    def _project_facts(self) -> str:
        if not self._keeper.name:
            return ""
        name = self._keeper.name[:60]
        return "· " + (tr("{name} (read-only)").format(name=name) if self._keeper.read_only else name)

    def _data_facts(self) -> str:
        data = self._session.data
        if data is None:
            return ""
        count = format.count(data.sample_count)
        if data.preview_png:
            facts = tr("{n} pictures").format(n=count)
        elif data.columns:
            facts = tr("{n} rows").format(n=count)
        else:
            facts = tr("{n} samples").format(n=count)
        if data.task == "classification" and data.class_names:
            classes = tr("{n} classes").format(n=format.count(len(data.class_names)))
            facts = tr("{first}, {second}").format(first=facts, second=classes)
        return "· " + facts

    def _recolor(self, *_: object) -> None:
        self._logo.setPixmap(pixmap("scissors", self._theme, 26, self.devicePixelRatioF()))
        self._language.setIcon(icon("language", self._theme))
        self.help_button.setIcon(icon("info", self._theme))


def _about(model: ModelInfo | None) -> str:
    """Where the file lies; of one that was converted also by what, and how far the answers are apart."""
    if model is None:
        return ""
    lines = [model.source_path]
    if model.origin is not None:
        lines.append(tr_text(model.origin.summary))
        lines += [tr_text(model.origin.made)] if model.origin.made is not None else []
    return "\n".join(lines)
