"""'Save as picture': asks where, has the drawing written, and says what became of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QToolTip, QWidget

from core.values import text
from gui.graph_picture import PictureWriter
from gui.i18n import tr
from gui.job import Problem
from gui.session import Session
from gui.theme import Theme
from gui.widgets.graph_canvas import GraphCanvas
from gui.widgets.plain_tip import plain_tip


class GraphExport(QObject):
    saved = Signal(str)

    def __init__(self, session: Session, theme: Theme, canvas: GraphCanvas, anchor: QWidget) -> None:
        """`anchor`: the button beside which it is said that the picture is there."""
        super().__init__(canvas)
        self._session = session
        self._canvas = canvas
        self._anchor = anchor
        self.writer = PictureWriter(theme, self)
        self.writer.finished.connect(self._on_finished)
        self.writer.failed.connect(self._on_failed)

    def fill(self, menu: QMenu) -> None:
        action = menu.addAction(tr("Save as picture…"))
        action.setEnabled(self._canvas.items is not None and not self.writer.busy)
        action.triggered.connect(self.ask)

    def ask(self) -> None:
        model = self._session.model
        dialog = QFileDialog(self._canvas.window(), tr("Save the graph as a picture"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([tr("Drawing that stays sharp (*.svg)"), tr("Picture (*.png)")])
        dialog.setDefaultSuffix("svg")
        dialog.filterSelected.connect(
            lambda name: dialog.setDefaultSuffix("png" if "*.png" in name else "svg")
        )
        if model is not None:
            dialog.selectFile(str(Path(model.path).with_suffix(".svg")))
        dialog.fileSelected.connect(self.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save(self, path: str) -> None:
        """SVG or PNG by the ending; any other ending becomes SVG."""
        items = self._canvas.items
        if items is None or self.writer.busy:
            return
        if Path(path).suffix.lower() not in (".svg", ".png"):
            path += ".svg"
        self.writer.save(path, items, self._canvas.look)

    def _on_finished(self, path: str) -> None:
        words = tr("Saved as {name}").format(name=Path(path).name[:80])
        place = self._anchor.mapToGlobal(QPoint(0, self._anchor.height()))
        QToolTip.showText(place, plain_tip(words), self._anchor)
        self.saved.emit(path)

    def _on_failed(self, reason: str) -> None:
        self._session.problem.emit(
            Problem(
                kind="picture",
                what=text("The picture of the graph could not be saved."),
                why=text("The system says: {reason}.", reason=reason[:200]),
                next_step=text("Choose another folder, or make room on the disk."),
                details="",
                choices=(),
            )
        )
