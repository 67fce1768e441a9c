"""Netron as a panel: every operation with its attributes, in step with the selection.

The web engine is loaded when the panel is first seen and may be missing or crash: a sentence then
stands here, and the rest of the program goes on.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from gui import format as fmt
from gui.i18n import tr
from gui.netron_page import LARGEST_MODEL_BYTES, MANY_NODES, NetronFiles, sandbox_works
from gui.session import Session
from gui.theme import Theme
from gui.views.graph_figures import resolve
from gui.widgets.retranslating import Retranslating

REPAINT_MS = 150
"""A sweep or a slider under way recolours the page at most so often."""


class NetronView(Retranslating, QWidget):
    """`state`: 'empty', 'large', 'heavy', 'missing', 'unsafe',
    'loading', 'drawn', 'crashed'."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self._files = NetronFiles()
        self._web = None
        self._module: ModuleType | None = None
        """While the web engine is being made."""
        self._profile = None
        self._shown_for: tuple | None = None
        self._asked_for: object = None
        self._from_page = False
        self._painted: tuple[object, ...] | None = None
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(REPAINT_MS)
        self._repaint.timeout.connect(self._paint)
        self.state = "empty"
        self.sentence = QLabel()
        self.sentence.setProperty("muted", True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self.button = QPushButton()
        self.button.clicked.connect(self._on_asked)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(40, 24, 40, 24)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(page)
        session.model_changed.connect(self._on_model)
        session.selection_changed.connect(self._on_selection)
        theme.changed.connect(self._on_theme)
        for signal in (
            session.figure_changed,
            session.weights.changed,
            session.plan_changed,
            session.points_changed,
            session.timings_changed,
            session.blame.changed,
        ):
            signal.connect(self._on_figures)
        self.retranslate()

    @property
    def web(self):
        """The web view, or None while there is none."""
        return self._web

    # ------------------------------------------------------------ what to show

    def _on_model(self, _model) -> None:
        self._asked_for = None
        self._update()

    def _on_theme(self, _name: str) -> None:
        if self._web is not None:
            self._update()

    def _on_asked(self) -> None:
        self._asked_for = self._session.model
        self._shown_for = None
        self.state = "loading"
        self._update()
        if self._web is not None:
            self._web.setFocus()

    def _model_file(self) -> Path | None:
        """A copy without weights where there is one, else the file itself unless it is heavy."""
        copy = self._session.netron_path
        if copy and Path(copy).exists():  # of a large graph it comes a little later
            return Path(copy)
        model = self._session.model
        return Path(model.path) if model is not None and model.size_bytes <= LARGEST_MODEL_BYTES else None

    def _update(self) -> None:
        """Bring the panel in step with the session; loads nothing while nobody looks."""
        model = self._session.model
        if model is None:
            self._say("empty")
            return
        if not self.isVisible():
            return
        file = self._model_file()
        asked = self._asked_for is model
        if file is None:
            self._say("heavy")
        elif model.node_count > MANY_NODES and not asked:
            self._say("large")
        elif self.state == "crashed" and self._shown_for is not None and self._shown_for[0] == str(file):
            # it would only crash again: wait until the person asks
            self._say("crashed")
        elif self._shown_for != (str(file), self._theme.name):
            self._load(file)

    def _load(self, file: Path) -> None:
        if self._web is None:
            self._prepare_web()
            return
        self._shown_for = (str(file), self._theme.name)
        self._files.model = file
        self._files.title = self._session.model.name or file.name
        self._files.dark = self._theme.dark
        self._files.background = self._theme.color("panel").name()
        self.state = "loading"
        self._stack.setCurrentWidget(self._web)
        self._web.open(self._theme.color("panel"))

    def _prepare_web(self) -> None:
        """Load the web engine, or say that it is missing or would end the program.

        Its parts are single native calls of up to a tenth of a second: each has a turn of the event loop for
        itself, and so has the page.
        """
        if self._module is not None:
            return  # under way
        if not sandbox_works():
            self._say("unsafe")
            return
        try:
            self._module = importlib.import_module("gui.netron_web")
        except ImportError:
            self._module = None
        if self._module is None or not self._files.installed:
            self._module = None
            self._say("missing")
            return
        self._say("loading")
        QTimer.singleShot(0, self, self._make_profile)

    def _make_profile(self) -> None:
        self._profile = self._module.NetronProfile(self._files)
        QTimer.singleShot(0, self, self._make_web)

    def _make_web(self) -> None:
        self._web = self._module.NetronWeb(self._profile, self)
        self._module = self._profile = None
        self._web.setAccessibleName(tr("Netron"))
        self._web.drawn.connect(self._on_drawn)
        self._web.node_clicked.connect(self._on_node_clicked)
        self._web.crashed.connect(self._on_crashed)
        self._stack.addWidget(self._web)
        QTimer.singleShot(0, self, self._on_web)

    def _on_web(self) -> None:
        self._update()
        if self._web is not None and self._asked_for is not None:
            self._web.setFocus()  # the button that was pressed is gone

    def _on_drawn(self) -> None:
        self.state = "drawn"
        self._painted = None
        self._paint()
        if self._session.selection is not None:
            self._on_selection(self._session.selection)

    def _on_crashed(self) -> None:
        self._say("crashed")
        web, self._web = self._web, None
        if web is not None:
            self._stack.removeWidget(web)
            web.leave()

    # ------------------------------------------------------------ the graph's colours

    def _on_figures(self, _value: object = None) -> None:
        if not self._repaint.isActive():
            self._repaint.start()

    def _paint(self) -> None:
        """The heads of layers as the layer graph paints them now; loads nothing and repeats nothing."""
        if self._web is None or self.state != "drawn" or not self.isVisible():
            return
        theme = self._theme
        figures = resolve(self._session, self._session.figure, self._session.against)
        fills = {key: theme.scale_color(figures.scale, share) for key, share in figures.shares.items()}
        colors = {key: (fill.name(), theme.text_on(fill).name()) for key, fill in fills.items()}
        other = theme.color("track").name(), theme.color("muted").name()
        if (colors, other) != self._painted:
            self._painted = colors, other
            self._web.paint(colors, other)

    # ------------------------------------------------------------ one selection

    def _on_selection(self, layer_id: str | None) -> None:
        if self._web is not None and self.state == "drawn":
            self._web.mark(layer_id, self._theme.color("accent"), scroll=not self._from_page)

    def _on_node_clicked(self, name: str) -> None:
        model = self._session.model
        if model is not None and any(layer.id == name for layer in model.layers):
            self._from_page = True
            try:
                self._session.select(name)
            finally:
                self._from_page = False

    # ------------------------------------------------------------ words

    def _say(self, state: str) -> None:
        self.state = state
        self._stack.setCurrentIndex(0)
        self.retranslate()

    def retranslate(self) -> None:
        model = self._session.model
        nodes = fmt.count(model.node_count) if model is not None else ""
        words = {
            "loading": tr("Opening Netron…"),
            "empty": tr("Open a model to see it in Netron."),
            "large": tr("This model has {n} operations. Netron needs several seconds for so many.").format(
                n=nodes
            ),
            "heavy": tr("This model is too large for Netron. The layer graph at the left shows it."),
            "missing": tr(
                "Netron needs Qt WebEngine, which is not installed here. "
                "The layer graph at the left shows the model without it."
            ),
            "unsafe": tr(
                "Netron's web view cannot run safely in this account: the system allows it no sandbox. "
                "The layer graph at the left shows the model without it."
            ),
            "crashed": tr("Netron stopped unexpectedly. Everything else goes on."),
        }
        self.sentence.setText(words.get(self.state, ""))
        self.button.setText(tr("Open it again") if self.state == "crashed" else tr("Open in Netron"))
        self.button.setAccessibleName(self.button.text())
        self.button.setVisible(self.state in ("large", "crashed"))
        self.setAccessibleName(tr("Netron"))

    # ------------------------------------------------------------ Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._update()
        self._paint()
