"""The field's terms in plain words, one file a language; terms in the window explain themselves by them."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

import msgspec
from PySide6.QtCore import QEvent, QLocale, QObject
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, Qt
from PySide6.QtWidgets import QLabel, QToolTip, QWidget

from gui.i18n import in_pseudo, pseudo

FOLDER = Path(__file__).parent / "translations" / "glossary"
TIP_WIDTH = 340
"""Points."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    key: str
    term: str
    meaning: str
    see: tuple[str, ...] = ()
    """Keys of entries that belong to it."""

    def found_by(self, words: str) -> bool:
        """Whether every one of these words occurs in term or meaning, whatever the case."""
        text = f"{self.term} {self.meaning} {self.key}".casefold()
        return all(word in text for word in words.casefold().split())


@cache
def entries(language: str) -> dict[str, Entry]:
    """All entries of a language by key, in its own order of terms; English where there is no file for it."""
    path = FOLDER / f"{language}.json"
    read = msgspec.json.decode(
        (path if path.is_file() else FOLDER / "en.json").read_bytes(), type=list[Entry]
    )
    order = sorted(read, key=lambda entry: entry.term.casefold()) if language != "zh_CN" else read
    return {entry.key: entry for entry in order}


def in_force() -> dict[str, Entry]:
    """All entries in the language of the window, by key."""
    known = entries(QLocale().name())
    if not in_pseudo():
        return known
    return {
        key: msgspec.structs.replace(one, term=pseudo(one.term), meaning=pseudo(one.meaning))
        for key, one in known.items()
    }


def entry(key: str) -> Entry:
    """The entry in the language of the window. Raises KeyError if there is no such term."""
    return in_force()[key]


def explain(widget: QWidget, *keys: str) -> None:
    """Let `widget`, which shows these terms, explain them under the pointer; labels get dots below.

    What the widget's own tooltip says stays in front. The latest call counts.
    """
    for old in widget.findChildren(_Explainer, options=Qt.FindChildOption.FindDirectChildrenOnly):
        widget.removeEventFilter(old)
        old.setParent(None)
    if isinstance(widget, QLabel) and widget.findChild(_Dots) is None:
        _Dots(widget)
    widget.installEventFilter(_Explainer(widget, keys))


def explained(tip: str, *keys: str) -> str:
    """A tooltip: `tip` as it stands, then what each of the terms means."""
    parts = []
    if tip:
        parts.append(tip if Qt.mightBeRichText(tip) else html.escape(tip).replace("\n", "<br>"))
    for key in keys:
        told = entry(key)
        parts.append(f"<b>{html.escape(told.term)}</b><br>{html.escape(told.meaning)}")
    return f'<table width="{TIP_WIDTH}"><tr><td>' + "<br><br>".join(parts) + "</td></tr></table>"


class _Explainer(QObject):
    """Answers a widget's ToolTip event; nothing is worked out before somebody points."""

    def __init__(self, widget: QWidget, keys: tuple[str, ...]) -> None:
        super().__init__(widget)
        self.keys = keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(watched, QWidget):
            QToolTip.showText(event.globalPos(), explained(watched.toolTip(), *self.keys), watched)
            return True
        if event.type() == QEvent.Type.Resize and isinstance(watched, QLabel):
            watched.findChild(_Dots).resize(watched.size())
        return False


class _Dots(QWidget):
    """Dots under a label's text, as wide as the text: they say that there is more to know."""

    def __init__(self, label: QLabel) -> None:
        super().__init__(label)
        self._label = label
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(label.size())

    def paintEvent(self, event: QPaintEvent) -> None:
        label = self._label
        if not label.text():
            return
        shown = label.style().itemTextRect(
            label.fontMetrics(), label.contentsRect(), int(label.alignment()), True, label.text()
        )
        painter = QPainter(self)
        color = label.palette().color(QPalette.ColorRole.WindowText)
        color.setAlphaF(0.5)
        painter.setPen(QPen(color, 1, Qt.PenStyle.DotLine))
        y = min(shown.bottom() + 1, self.height() - 1)
        painter.drawLine(shown.left(), y, shown.right(), y)
        painter.end()
