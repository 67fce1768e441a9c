"""What a picture of figures shows can be copied: as a picture and as a table, by menu and by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage, QKeySequence, QPainter
from PySide6.QtWidgets import QAbstractScrollArea, QMenu, QToolTip, QWidget

from gui.i18n import tr
from gui.table_text import Value, csv_text
from gui.theme import Theme

SHARPNESS = 2
"""Pixels of a copied picture for each on the screen, so that it can be printed."""

Rows = Callable[[], Iterable[Sequence[Value]]]


class Copies(QObject):
    """Gives a widget the actions 'Copy as picture' and 'Copy as CSV', with their keys and its menu.

    `rows`: the table, the heading first. `picture`: another one than the widget as it stands.
    """

    def __init__(
        self, widget: QWidget, theme: Theme, rows: Rows, picture: Callable[[], QImage] | None = None
    ) -> None:
        super().__init__(widget)
        self._widget, self._theme = widget, theme
        self._rows = rows
        self._picture = picture or self._as_it_stands
        self.picture = self._action(QKeySequence("Ctrl+C"), self.copy_picture)
        self.table = self._action(QKeySequence("Ctrl+Shift+C"), self.copy_table)
        # Qt's own menu of actions waits in an event loop of its own, in which the rest of the window goes on
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        widget.customContextMenuRequested.connect(self._on_menu)
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(self)
        self.retranslate()

    def _action(self, keys: QKeySequence, handler: Callable[[], None]) -> QAction:
        action = QAction(self)
        action.setShortcut(keys)
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(handler)
        self._widget.addAction(action)
        return action

    def retranslate(self) -> None:
        self.picture.setText(tr("Copy as picture"))
        self.table.setText(tr("Copy as CSV"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        return super().eventFilter(watched, event)

    def _on_menu(self, place: QPoint) -> None:
        menu = QMenu(self._widget)
        menu.addActions(self._widget.actions())
        menu.aboutToHide.connect(menu.deleteLater)
        shown = self._widget
        inside = shown.viewport() if isinstance(shown, QAbstractScrollArea) else shown
        menu.popup(inside.mapToGlobal(place))

    def copy_picture(self) -> None:
        QGuiApplication.clipboard().setImage(self._picture())
        self._tell(tr("The picture is copied."))

    def copy_table(self) -> None:
        text = csv_text(self._rows())
        data = QMimeData()
        data.setText(text)
        data.setData("text/csv", text.encode("utf-8"))
        QGuiApplication.clipboard().setMimeData(data)
        self._tell(tr("The table is copied as CSV."))

    def _tell(self, words: str) -> None:
        place = self._widget.mapToGlobal(self._widget.rect().center())
        QToolTip.showText(place, words, self._widget)

    def _as_it_stands(self) -> QImage:
        image = blank(self._widget.width(), self._widget.height(), self._theme)
        painter = QPainter(image)
        self._widget.render(painter, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
        painter.end()
        return image


def blank(width: int, height: int, theme: Theme) -> QImage:
    """A picture of so many points in the colour of a panel."""
    image = QImage(width * SHARPNESS, height * SHARPNESS, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SHARPNESS)
    image.fill(theme.color("panel"))
    return image
