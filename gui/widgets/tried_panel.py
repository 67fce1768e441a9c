"""A sample of the person's own: what the original and the compressed network take it for."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from core.values import Tried
from gui import format as fmt
from gui.i18n import tr
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.marked_picture import paint_marked
from gui.widgets.retranslating import Retranslating

EDGE = 62


class TriedPanel(Retranslating, QFrame):
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("triedPanel")
        self._theme = theme
        self._tried: Tried | None = None
        self._picture = QLabel(self)
        self._picture.setFixedSize(EDGE, EDGE)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.name = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self.name.setProperty("heading", True)
        self.before, self.after, self.apart = (ElidedLabel(parent=self) for _ in range(3))
        self.apart.setProperty("small", True)
        self._close = QPushButton(self)
        self._close.setProperty("flat", True)
        self._close.clicked.connect(self.closed)
        words = QGridLayout()
        words.setVerticalSpacing(1)
        words.addWidget(self.name, 0, 0)
        words.addWidget(self._close, 0, 1)
        words.addWidget(self.before, 1, 0, 1, 2)
        words.addWidget(self.after, 2, 0, 1, 2)
        words.addWidget(self.apart, 3, 0, 1, 2)
        words.setColumnStretch(0, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 6, 6)
        row.setSpacing(10)
        row.addWidget(self._picture)
        row.addLayout(words, 1)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def show_tried(self, tried: Tried | None) -> None:
        self._tried = tried
        self.setVisible(tried is not None)
        seen = tried is not None and (bool(tried.picture_png) or tried.envelope is not None)
        self._picture.setVisible(seen)
        self._picture.setFixedWidth(EDGE if tried is None or tried.before_marks is None else 2 * EDGE + 4)
        if tried is not None and tried.picture_png:
            self._picture.setPixmap(self._seen(tried))
        elif tried is not None and tried.envelope is not None:
            self._picture.setPixmap(self._wave(tried.envelope.numpy()))
        self.retranslate()

    def _seen(self, tried: Tried) -> QPixmap:
        """What the networks saw; twice, with both answers over it, where they are places in the picture."""
        ratio, image = self.devicePixelRatioF(), QImage.fromData(tried.picture_png)
        pixmap = QPixmap(self._picture.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_marked(painter, image, tried.before_marks, QPointF(0, 0), EDGE)
        if tried.before_marks is not None:
            paint_marked(painter, image, tried.after_marks, QPointF(EDGE + 4, 0), EDGE)
        painter.end()
        return pixmap

    def _wave(self, envelope: np.ndarray) -> QPixmap:
        """A sound as one line from its lowest to its highest value for each stretch; envelope: (2, n)."""
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(EDGE, EDGE) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        most = max(float(np.abs(envelope).max(initial=0.0)), 1e-9)
        painter = QPainter(pixmap)
        painter.setPen(self._theme.color("accent"))
        middle, count = EDGE / 2, envelope.shape[1]
        for x in range(EDGE):
            low, high = envelope[:, min(x * count // EDGE, count - 1)] / most * (middle - 2)
            painter.drawLine(x, round(middle - float(high)), x, round(middle - float(low)))
        painter.end()
        return pixmap

    def retranslate(self) -> None:
        self._close.setText(tr("Close"))
        tried = self._tried
        if tried is None:
            return
        name = tried.name or _typed(tried)
        self.name.set_full_text(name)
        self.before.set_full_text(tr("original: {answer}").format(answer=fmt.answers(tried.before)))
        self.after.set_full_text(tr("compressed: {answer}").format(answer=fmt.answers(tried.after)))
        self.apart.setVisible(tried.apart is not None)
        self.apart.set_full_text(
            tr("They differ by {share} of the answer's size.").format(share=fmt.percent(tried.apart, 2))
            if tried.apart is not None
            else ""
        )
        words = tr("Your sample {name}: {before}; {after}").format(
            name=name, before=self.before.full_text, after=self.after.full_text
        )
        self.setAccessibleName(". ".join(part for part in (words, self.apart.full_text) if part))

    def _recolor(self, *_: object) -> None:
        back = self._theme.color("hover").name()
        if self._tried is not None and self._tried.envelope is not None:
            self._picture.setPixmap(self._wave(self._tried.envelope.numpy()))
        self.setStyleSheet(f"QFrame#triedPanel {{ background: {back}; border: none; border-radius: 8px; }}")


def _typed(tried: Tried) -> str:
    return fmt.listed(f"{name} {cell}" for name, cell in zip(tried.fields, tried.cells, strict=False))
