"""Trying a sample of the person's own: a file, or values that are typed; and what both networks answered."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from core.values import OwnSample
from gui.comparing import ResultComparison
from gui.i18n import tr
from gui.session import Session
from gui.theme import Theme
from gui.widgets.own_form_panel import OwnFormPanel
from gui.widgets.tried_panel import TriedPanel

ENDINGS = {
    "picture": {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"},
    "sound": {".wav", ".wave"},
}


class OwnSection(QWidget):
    file_asked = Signal(str)
    """Choose a file to try: 'picture' or 'sound'."""

    def __init__(
        self, session: Session, comparing: ResultComparison, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._comparing = comparing
        self.button = QPushButton()
        """Begins it; it stands where the view has room for it."""
        self.form, self.tried = OwnFormPanel(theme, self), TriedPanel(theme, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.tried)
        column.addWidget(self.form, 1)
        self.button.clicked.connect(self._begin)
        self.form.tried.connect(self._try_typed)
        self.form.closed.connect(self._close)
        self.tried.closed.connect(comparing.forget_tried)

    @property
    def kind(self) -> str:
        """Of the samples: 'picture', 'sound', 'row' or 'tokens'; empty where none can be tried."""
        data = self._session.data
        return data.own.kind if data is not None and data.own is not None else ""

    @property
    def typing(self) -> bool:
        """Whether the form has the place of the gallery."""
        return self.form.isVisibleTo(self)

    def refresh(self) -> None:
        """The button's words, the form of the data at hand, and the last answers."""
        kind, data = self.kind, self._session.data
        possible = self._comparing.possible and bool(kind)
        self.button.setVisible(possible)
        self.button.setText(
            {
                "sound": tr("Try a sound…"),
                "row": tr("Try a row…"),
                "tokens": tr("Try tokens…"),
            }.get(kind, tr("Try a picture…"))
        )
        self.button.setToolTip(
            {
                "sound": tr("See what both networks make of a sound of your own; or drop it here"),
                "row": tr("See what both networks make of values of your own"),
                "tokens": tr("See what both networks make of tokens of your own"),
            }.get(kind, tr("See what both networks make of a picture of your own; or drop it here"))
        )
        self.form.show_form(data.own if data is not None and kind in ("row", "tokens") else None)
        if not possible or self.form.form is None:
            self.form.hide()
        self.tried.show_tried(self._comparing.tried)

    def _begin(self) -> None:
        if self.kind in ENDINGS:
            self.file_asked.emit(self.kind)
            return
        self.form.show()
        self.form.take_focus()
        self._comparing.changed.emit()

    def _close(self) -> None:
        self.form.hide()
        self.button.setFocus()
        self._comparing.changed.emit()

    def _try_typed(self, cells: tuple[str, ...]) -> None:
        self._comparing.try_own(OwnSample(cells=cells))

    def dropped(self, mime: QMimeData) -> str:
        """The path of a single dropped file of this kind; anything else is the window's business."""
        paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
        fitting = ENDINGS.get(self.kind, set())
        return paths[0] if len(paths) == 1 and Path(paths[0]).suffix.lower() in fitting else ""
