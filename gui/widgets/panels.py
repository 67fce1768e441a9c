"""Panels beside each other: frames around the views, and splitters that stand where they stood last time."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from gui.settings import Settings

GAP = 10
"""Between panels, in points."""
SIZES = {"columns": [290, 1110], "work": [750, 350], "middle": [400, 300]}
"""Splitters' sizes at first start."""
STRETCH = {"columns": (1, 6), "work": (3, 1), "middle": (1, 1)}
"""How a change of the window's size is shared out."""


class Splitters:
    """Those of a window by name: their sizes are remembered, and the window's place with them."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._made: dict[str, QSplitter] = {}

    def add(self, name: str, orientation: Qt.Orientation, *widgets: QWidget) -> QSplitter:
        splitter = QSplitter(orientation)
        splitter.setHandleWidth(GAP)
        splitter.setChildrenCollapsible(False)
        for widget in widgets:
            splitter.addWidget(widget)
            splitter.setStretchFactor(splitter.count() - 1, STRETCH[name][splitter.count() - 1])
        splitter.setObjectName(name)
        self._made[name] = splitter
        return splitter

    def restore(self, settings: Settings) -> None:
        """As it was last time; the sizes of the first start where the remembered ones do not fit."""
        values = settings.values
        if values.geometry:
            self._window.restoreGeometry(QByteArray.fromBase64(values.geometry.encode()))
        for name, splitter in self._made.items():
            sizes = values.splitters.get(name, [])
            usable = len(sizes) == splitter.count() and all(size > 0 for size in sizes)
            splitter.setSizes(sizes if usable else SIZES[name])

    def remember(self, settings: Settings, with_sizes: bool) -> None:
        """Keep place and sizes for next time."""
        values = settings.values
        values.geometry = self._window.saveGeometry().toBase64().data().decode()
        if with_sizes:
            values.splitters = {name: splitter.sizes() for name, splitter in self._made.items()}
        settings.save()


def panel(view: QWidget, narrowest: int = 0) -> QFrame:
    """A frame around a view. `narrowest` in points: below it the view's contents would be cut off."""
    frame = QFrame()
    frame.setMinimumWidth(narrowest)
    frame.setProperty("panel", True)
    column(frame, view)
    frame.layout().setContentsMargins(1, 1, 1, 1)
    return frame


def column(parent: QWidget, *widgets: QWidget) -> None:
    """Put the widgets into the parent one below the other, without gaps."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget)


def scrolled(widget: QWidget) -> QScrollArea:
    """The widget where there may be less height than it needs: squeezed, its parts would overlap."""
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.viewport().setAutoFillBackground(False)
    widget.setAutoFillBackground(False)
    return area


class LowStack(QStackedWidget):
    """Pages that take what height is left, and ask for no more than their least: what scrolls by itself
    would like to show all of its rows."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.minimumSizeHint().height())


def tab_through(first: QWidget, *others: QWidget) -> None:
    """Tab goes on from `first` through `others`: Qt would go by the order in which they were made."""
    for one, other in pairwise((first, *others)):
        QWidget.setTabOrder(one, other)
