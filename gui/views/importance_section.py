"""The inspector's part about importance: the heatmap, its score, its order, the position of the kernel."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from core.values import Layer, LayerView
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.session import Session
from gui.theme import Theme
from gui.widgets.heatmap import Heatmap
from gui.widgets.labels import heading, line
from gui.widgets.retranslating import Retranslating
from gui.widgets.score_note import ScoreNote
from gui.widgets.yielding_box import YieldingBox

MOST_POSITIONS = 256
"""Of a kernel, to choose from."""


class ImportanceSection(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.heatmap = Heatmap(theme)
        self.order, self.score, self.position = YieldingBox(), YieldingBox(), YieldingBox()
        self.score_note = ScoreNote()
        self._title = heading()
        explain(self._title, "importance")
        self._kernel: tuple[int, ...] = ()
        self.order.addItems(["", ""])
        for box in (self.order, self.score, self.position):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumWidth(82)  # a long name of a score must not widen the panel
        below = QHBoxLayout()
        below.setSpacing(6)
        below.addWidget(self.score_note, 1)
        below.addWidget(self.position, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(line(self._title, self.order, self.score))
        column.addLayout(below)
        column.addWidget(self.heatmap, 1)
        session.catalogue_changed.connect(self._fill_scores)
        session.score_changed.connect(self._fill_scores)
        session.measuring_changed.connect(self.score_note.show_progress)
        self.order.currentIndexChanged.connect(self._on_order)
        self.score.activated.connect(self._on_score)
        self.position.activated.connect(self._on_position)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(tr("Importance"))
        self.order.setItemText(0, tr("sorted"))
        self.order.setItemText(1, tr("as stored"))
        self.order.setAccessibleName(tr("Order of the channels"))
        self.order.setToolTip(tr("Sorted: the most important channels at the top left"))
        self.score.setAccessibleName(tr("Importance score"))
        self.position.setAccessibleName(tr("Position of the kernel"))
        self.position.setToolTip(tr("All positions of the kernel summed, or one by one"))
        self.heatmap.setAccessibleName(tr("Importance of the weights, outputs by inputs"))
        self._fill_scores()
        self._fill_positions()

    def show_view(self, view: LayerView | None, layer: Layer | None) -> None:
        self.heatmap.show_view(view, layer)
        if view is not None:
            if view.kernel != self._kernel:
                self._kernel = view.kernel
                self._fill_positions()
            with QSignalBlocker(self.position):
                self.position.setCurrentIndex(max(self.position.findData(view.position), 0))

    def _fill_scores(self, _value: object = None) -> None:
        scores = self._session.catalogue.scores
        self.score.clear()
        for score in scores:
            self.score.addItem(tr_text(score.label), score.name)
            self.score.setItemData(self.score.count() - 1, tr_text(score.help), Qt.ItemDataRole.ToolTipRole)
        if not scores:
            self.score.addItem(tr("magnitude"), "magnitude")
        self.score.setCurrentIndex(max(self.score.findData(self._session.score), 0))
        self.score_note.show_score(next((one for one in scores if one.name == self._session.score), None))

    def _fill_positions(self) -> None:
        with QSignalBlocker(self.position):
            chosen = self.position.currentData()
            self.position.clear()
            self.position.addItem(tr("kernel summed"), None)
            for place, where in enumerate(np.ndindex(*self._kernel) if self._kernel else ()):
                if place == MOST_POSITIONS:
                    break
                name = tr("kernel at {place}").format(place=", ".join(str(one + 1) for one in where))
                self.position.addItem(name, place)
            self.position.setCurrentIndex(max(self.position.findData(chosen), 0))
        self.position.setVisible(bool(self._kernel))

    def _on_order(self, index: int) -> None:
        self.heatmap.set_sorted(index == 0)

    def _on_score(self, _index: int) -> None:
        self._session.set_score(self.score.currentData())

    def _on_position(self, _index: int) -> None:
        self._session.set_kernel_position(self.position.currentData())
