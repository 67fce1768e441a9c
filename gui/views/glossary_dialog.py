"""The glossary: every term of the field in plain words, found by typing any word of it."""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QUrl
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from gui import format as fmt
from gui.glossary import Entry, in_force
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.chosen_row import ChosenRow
from gui.widgets.retranslating import Retranslating

KEY = Qt.ItemDataRole.UserRole


class GlossaryDialog(Retranslating, QDialog):
    """Stays beside the window, which can be used meanwhile."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.terms = QListWidget(self)
        self.terms.setFixedWidth(260)
        self.terms.setProperty("panel", True)
        self.terms.setItemDelegate(ChosenRow(theme, self.terms))
        self.terms.setStyleSheet("QListView::item { padding: 4px 8px; }")
        self.meaning = QTextBrowser(self)
        self.meaning.setOpenLinks(False)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.search)
        left.addWidget(self.terms, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 14, 14, 14)
        row.setSpacing(12)
        row.addLayout(left)
        row.addWidget(self.meaning, 1)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.terms.currentItemChanged.connect(self._show)
        self.meaning.anchorClicked.connect(self._follow)
        theme.changed.connect(self._show)
        self.retranslate()
        self.search.setFocus()

    def sizeHint(self) -> QSize:
        return QSize(760, 460)

    def retranslate(self) -> None:
        self.setWindowTitle(tr("What the words mean"))
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search the glossary"))
        self.terms.setAccessibleName(tr("Terms"))
        self.meaning.setAccessibleName(tr("Meaning"))
        at = self.key
        self.terms.clear()
        for entry in self._entries().values():
            item = QListWidgetItem(entry.term, self.terms)
            item.setData(KEY, entry.key)
        self._filter(self.search.text())
        self.show_term(at or next(iter(self._entries())))

    @property
    def key(self) -> str:
        """Of the term that is shown; empty: none."""
        item = self.terms.currentItem()
        return item.data(KEY) if item is not None else ""

    def show_term(self, key: str) -> None:
        for place in range(self.terms.count()):
            if self.terms.item(place).data(KEY) == key:
                self.terms.setCurrentRow(place)

    def _entries(self) -> dict[str, Entry]:
        return in_force()

    def _filter(self, words: str) -> None:
        """Show what has all of these words; what has them in the term itself is chosen first."""
        found, entries = [], self._entries()
        for place in range(self.terms.count()):
            item = self.terms.item(place)
            entry = entries[item.data(KEY)]
            item.setHidden(not entry.found_by(words))
            if not item.isHidden():
                found.append((words.casefold() not in entry.term.casefold(), place))
        if found and words:
            self.terms.setCurrentRow(min(found)[1])
        elif not found:
            self.terms.setCurrentItem(None)
            self.meaning.setPlainText(tr("No term has these words. Try another one."))

    def _show(self, *_: object) -> None:
        if not self.key:
            return
        entry = self._entries()[self.key]
        accent = self._theme.color("accent").name()
        links = fmt.listed(
            f'<a style="color: {accent}" href="{other}">{html.escape(self._entries()[other].term)}</a>'
            for other in entry.see
        )
        also = html.escape(tr("See also: {terms}")).format(terms=links)
        see = f"<p>{also}</p>" if links else ""
        self.meaning.setHtml(f"<h3>{html.escape(entry.term)}</h3><p>{html.escape(entry.meaning)}</p>{see}")

    def _follow(self, link: QUrl) -> None:
        self.search.clear()
        self.show_term(link.toString())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down go through the terms while one types."""
        if (
            watched is self.search
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        ):
            self._step(1 if event.key() == Qt.Key.Key_Down else -1)
            return True
        return super().eventFilter(watched, event)

    def _step(self, by: int) -> None:
        shown = [place for place in range(self.terms.count()) if not self.terms.item(place).isHidden()]
        if shown:
            at = shown.index(self.terms.currentRow()) if self.terms.currentRow() in shown else -by
            self.terms.setCurrentRow(shown[min(max(at + by, 0), len(shown) - 1)])
