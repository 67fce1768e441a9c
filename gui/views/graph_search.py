"""The search field over the graph: what matches, and the way from one match to the next."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from core.values import GraphNode
from gui import format as fmt
from gui.i18n import tr
from gui.models.graph_items import GraphItems


class GraphSearch(QWidget):
    changed = Signal()
    """Other matches."""
    reached = Signal(int)
    """The node that Enter led to."""
    left = Signal()
    """Escape: back to the graph."""

    def __init__(self, words_of: Callable[[GraphNode], str], parent: QWidget | None = None) -> None:
        """`words_of`: all that a node can be found by, in any case."""
        super().__init__(parent)
        self._words_of = words_of
        self._items: GraphItems | None = None
        self.matches: list[int] = []
        self._at = -1
        self.edit = QLineEdit()
        self.edit.setClearButtonEnabled(True)
        self.edit.setMinimumWidth(80)
        self.edit.textChanged.connect(self._on_text)
        self.edit.installEventFilter(self)
        self.found = QLabel()
        self.found.setProperty("small", True)
        self.found.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.edit, 1)
        row.addWidget(self.found)

    @property
    def searching(self) -> bool:
        return self._items is not None and bool(self.edit.text().strip())

    @property
    def hit(self) -> int | None:
        """The match that was jumped to."""
        return self.matches[self._at] if self._at >= 0 else None

    def show_items(self, items: GraphItems | None) -> None:
        """Search in another graph, for the same words."""
        self._items = items
        self.edit.setEnabled(items is not None)
        self._look()

    def clear(self) -> None:
        with QSignalBlocker(self.edit):
            self.edit.clear()
        self._look()

    def take_focus(self) -> None:
        self.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.edit.selectAll()

    def retranslate(self) -> None:
        self.edit.setPlaceholderText(tr("Search"))
        self.edit.setAccessibleName(tr("Search the graph"))
        self.edit.setToolTip(tr("Part of a name or kind; Enter goes to the next match"))
        self._show_found()

    def _on_text(self, _words: str) -> None:
        self._look()
        self.changed.emit()

    def _look(self) -> None:
        wanted = self.edit.text().strip().casefold()
        self.matches, self._at = [], -1
        if wanted and self._items is not None:
            nodes = self._items.nodes
            found = [index for index, node in enumerate(nodes) if wanted in self._words_of(node).casefold()]
            # as the eye goes: from the top, then from the left
            self.matches = sorted(found, key=lambda index: (nodes[index].y, nodes[index].x))
        self._show_found()

    def step(self, back: bool = False) -> None:
        """Go to the next match or to the one before, round and round."""
        if not self.matches:
            return
        if self._at < 0:
            self._at = len(self.matches) - 1 if back else 0
        else:
            self._at = (self._at + (-1 if back else 1)) % len(self.matches)
        self._show_found()
        self.reached.emit(self.matches[self._at])

    def _show_found(self) -> None:
        self.found.setVisible(bool(self.edit.text().strip()))
        if not self.matches:
            self.found.setText(tr("none"))
        elif self._at < 0:
            self.found.setText(fmt.count(len(self.matches)))
        else:
            total = fmt.count(len(self.matches))
            self.found.setText(tr("{n} of {total}").format(n=fmt.count(self._at + 1), total=total))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.edit and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.step(back=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.edit.clear()
                self.left.emit()
                return True
        return super().eventFilter(watched, event)
