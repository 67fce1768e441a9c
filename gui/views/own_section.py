"""Trying a sample of the person's own: a file, or values that are typed; and what both networks answered."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtWidgets import QPushButton

from core.values import OwnSample
from gui.comparing import ResultComparison
from gui.i18n import tr
from gui.session import Session
from gui.theme import Theme
from gui.widgets.own_form_panel import OwnFormPanel, of_bytes
from gui.widgets.tried_panel import TriedPanel

ENDINGS = {
    "picture": {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"},
    "sound": {".wav", ".wave"},
    "request": {".npz", ".npy"},
    "tokens": {".npz", ".npy"},
}


class OwnSection(QObject):
    """Its parts stand where the view has room for them: `button`, `form` and `tried`."""

    file_asked = Signal(str)
    """Choose a file to try: 'picture', 'sound' or 'request'."""

    def __init__(self, session: Session, comparing: ResultComparison, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._comparing = comparing
        self.typing = False
        """Whether a sample is being typed, for which the form needs a place."""
        self.button = QPushButton()
        self.form, self.tried = OwnFormPanel(theme), TriedPanel(theme)
        self.button.clicked.connect(self._begin)
        self.form.tried.connect(self._try_typed)
        self.form.file_asked.connect(self._ask_file)
        self.form.closed.connect(self._close)
        self.tried.closed.connect(comparing.forget_tried)

    @property
    def kind(self) -> str:
        """Of the samples: 'picture', 'sound', 'row', 'tokens' or 'request'; empty where none can be tried."""
        data = self._session.data
        return data.own.kind if data is not None and data.own is not None else ""

    def refresh(self) -> None:
        """The button's words, the form of the data at hand, and the last answers."""
        kind, data = self.kind, self._session.data
        possible = self._comparing.possible and bool(kind)
        self.button.setVisible(possible)
        bytes_asked = of_bytes(data.own if data is not None else None)
        self.button.setText(
            {
                "sound": tr("Try a sound…"),
                "row": tr("Try a row…"),
                "tokens": tr("Try bytes…") if bytes_asked else tr("Try tokens…"),
                "request": tr("Try a sample…"),
            }.get(kind, tr("Try a picture…"))
        )
        self.button.setToolTip(
            {
                "sound": tr("See what both networks make of a sound of your own; or drop it here"),
                "row": tr("See what both networks make of values of your own"),
                "tokens": tr("See what both networks make of bytes of your own")
                if bytes_asked
                else tr("See what both networks make of tokens of your own"),
                "request": tr(
                    "See what both networks make of a sample of your own: a file with an array for each "
                    "input, as numpy.savez writes it; or drop it here"
                ),
            }.get(kind, tr("See what both networks make of a picture of your own; or drop it here"))
        )
        self.form.show_form(data.own if data is not None and kind in ("row", "tokens") else None)
        if not possible or self.form.form is None:
            self.typing = False
        self.tried.show_tried(self._comparing.tried)

    def _begin(self) -> None:
        if self.kind in ENDINGS and self.kind != "tokens":
            self.file_asked.emit(self.kind)
            return
        self.typing = True
        self._comparing.changed.emit()
        self.form.take_focus()

    def _ask_file(self) -> None:
        self.file_asked.emit("request")

    def _close(self) -> None:
        self.typing = False
        self._comparing.changed.emit()
        self.button.setFocus()

    def _try_typed(self, cells: tuple[str, ...]) -> None:
        self._comparing.try_own(OwnSample(cells=cells))

    def dropped(self, mime: QMimeData) -> str:
        """The path of a single dropped file of this kind; anything else is the window's business."""
        paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
        fitting = ENDINGS.get(self.kind, set())
        return paths[0] if len(paths) == 1 and Path(paths[0]).suffix.lower() in fitting else ""
