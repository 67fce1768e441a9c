"""The inspector's part about values: weights as a histogram, weights and activations channel by channel."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QLabel, QStackedWidget, QVBoxLayout, QWidget

from core.values import FLOAT_BITS, LayerView
from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.session import Session
from gui.theme import Theme
from gui.widgets.choice_boxes import pattern_box
from gui.widgets.histogram import Histogram
from gui.widgets.labels import line, note
from gui.widgets.ranges_chart import RangesChart
from gui.widgets.retranslating import Retranslating
from gui.widgets.yielding_box import YieldingBox

HISTOGRAM, CHANNELS, ACTIVATIONS = range(3)


class WeightsSection(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._cut_text = ""
        self._may_have_pattern = False
        self.what = YieldingBox()
        self.what.addItems(["", "", ""])
        self.pattern = pattern_box()
        explain(self.pattern, "pattern")
        for box in (self.what, self.pattern):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumWidth(82)  # a long name must not widen the panel
        self.note = note()
        self.histogram = Histogram(theme)
        self.ranges, self.activations = RangesChart(theme), RangesChart(theme)
        self.message = QLabel()
        self.message.setProperty("muted", True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.setWordWrap(True)
        self.pages = QStackedWidget()
        for page in (self.histogram, self.ranges, self.activations, self.message):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(line(self.what, self.pattern, self.note))
        column.addWidget(self.pages, 1)
        self.what.currentIndexChanged.connect(self._on_what)
        session.activations.changed.connect(self._refresh)
        session.data_changed.connect(self._refresh)
        self.retranslate()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._watch()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._watch()

    def retranslate(self) -> None:
        with QSignalBlocker(self.what):
            for index, words in enumerate((tr("Weights"), tr("Channels"), tr("Activations"))):
                self.what.setItemText(index, words)
        for index, words in enumerate(
            (
                tr("How many weights have which value"),
                tr("How far the weights of each channel reach"),
                tr("How far the values that each channel hands on reach, on your samples"),
            )
        ):
            self.what.setItemData(index, words, Qt.ItemDataRole.ToolTipRole)
        self.what.setAccessibleName(tr("What of the values is shown"))
        self.histogram.setAccessibleName(tr("Histogram of the weights; Left and Right move the cut"))
        self.ranges.setAccessibleName(tr("Ranges of the weights by channel; Left and Right go through them"))
        self.activations.setAccessibleName(
            tr("Ranges of the activations by channel; Left and Right go through them")
        )
        self.pattern.setAccessibleName(tr("Pattern of this layer's zeros"))
        self._refresh()

    def show_view(self, view: LayerView | None) -> None:
        self.histogram.show_view(view)
        self.ranges.show_ranges(view.ranges if view is not None else None)
        self._refresh()

    def show_cut(self, text: str, has_pattern: bool) -> None:
        """What stands beside the histogram, and whether a pattern may be chosen."""
        self._cut_text = text
        self._may_have_pattern = has_pattern
        self._refresh()

    def _on_what(self, _index: int) -> None:
        self._watch()
        self._refresh()

    def _watch(self) -> None:
        self._session.activations.watch(self.isVisible() and self.what.currentIndex() == ACTIVATIONS)

    def _refresh(self, _value: object = None) -> None:
        shown = self.what.currentIndex()
        self.what.setToolTip(self.what.itemData(shown, Qt.ItemDataRole.ToolTipRole) or "")
        self.pattern.setVisible(self._may_have_pattern and shown == HISTOGRAM)
        if shown == HISTOGRAM:
            self.note.set_full_text(self._cut_text)
        elif shown == CHANNELS:
            view = self._session.layer_view
            known = view is not None and view.ranges is not None and view.ranges.low is not None
            self.note.set_full_text(
                tr("▬ ends of the integers") if known else tr("box: the middle half of the weights")
            )
        else:
            shown = self._refresh_activations()
        self.pages.setCurrentIndex(shown)

    def _refresh_activations(self) -> int:
        """Show what is known, and return the page that does."""
        found = self._session.activations
        view = found.view
        self.activations.show_ranges(view.ranges if view is not None else None)
        self.note.set_full_text("")
        if view is not None and view.ranges is not None:
            bits = tr("▬ {n}-bit ends").format(n=view.bits) if view.bits < FLOAT_BITS else ""
            samples = tr("{operator} · {n} samples").format(operator=view.behind, n=fmt.count(view.samples))
            self.note.set_full_text(" · ".join(filter(None, (bits, samples))))
            return ACTIVATIONS
        if self._session.data is None:
            words = tr("Choose data to see how far the values between layers reach.")
        elif found.failure is not None:
            words = tr_text(found.failure)
        elif view is not None:
            words = "\n".join(map(tr_text, view.notes))
        else:
            words = tr("Looking at your samples…")
        self.message.setText(words)
        return self.pages.indexOf(self.message)
