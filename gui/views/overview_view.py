"""Tab 'Overview': every layer against every setting, coloured by what it costs; click to set."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QToolButton, QVBoxLayout, QWidget

from gui import format as fmt
from gui.i18n import tr
from gui.models.damage import in_noise, loss_unit
from gui.models.overview_table import CELL_ROLE, Cell, OverviewModel, plan_settings, top_of
from gui.session import Session
from gui.theme import Theme
from gui.widgets.copying import Copies
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.flow import Flow
from gui.widgets.labels import empty_state
from gui.widgets.overview_grid import OverviewGrid
from gui.widgets.retranslating import Retranslating
from gui.widgets.scale_bar import ScaleBar


class OverviewView(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.model = OverviewModel(session, self)
        self.table = OverviewGrid(self.model, theme, self)
        self.copies = Copies(self.table, theme, self.model.table, self.table.whole_picture)
        self._caption = ElidedLabel()
        self._caption.setProperty("small", True)
        self._scale = ScaleBar(theme, "damage")
        self.glance = QToolButton()
        self.glance.setCheckable(True)
        self.glance.setProperty("flat", True)
        self._head = QWidget()
        head = Flow(12)
        self._head.setLayout(head)
        head.addWidget(self._caption)
        head.add_break()
        head.add_together(self._scale, self.glance, spacing=12)
        self._empty = empty_state()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addWidget(self._head)
        column.addWidget(self._pages, 1)
        session.model_changed.connect(self._refresh)
        session.points_changed.connect(self._refresh)
        session.selection_changed.connect(self._on_selection)
        theme.changed.connect(self._recolor)
        self.table.clicked.connect(self.apply)
        self.glance.toggled.connect(self.table.set_at_a_glance)
        self.table.activated_by_key.connect(self.apply)
        self.retranslate()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.model.set_awake(True)
        self._refresh()
        self._on_selection(self._session.selection)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.model.set_awake(False)

    def retranslate(self) -> None:
        self.table.setAccessibleName(tr("Loss of every layer at every setting"))
        self.glance.setText(tr("All layers"))
        self.glance.setToolTip(tr("Make every layer fit in, without figures where there is no room"))
        self.glance.setAccessibleName(self.glance.text())
        self.model.retranslate()
        self._refresh()

    def _refresh(self, _value: object = None) -> None:
        if not self.isVisible():
            return  # asked for at each point of a sweep; being shown does it anew
        noise = in_noise(self._session)
        unit = tr("points lost, each 1 % of noise") if noise else tr("points lost")
        self._caption.set_full_text(
            tr("{unit}, each layer alone · hatched: estimate · empty: unknown").format(unit=unit)
        )
        top = top_of(self._session)
        self._scale.show_ends("0", f"{fmt.number(top, 0 if top >= 1 else 1)} {loss_unit()}")
        has_points = any(self._session.points.values())
        self._head.setVisible(has_points)
        self._pages.setCurrentIndex(0 if has_points else 1)
        if self._session.model is None:
            self._empty.setText(tr("Open a model to see what each layer can spare."))
        elif self._session.data is None:
            self._empty.setText(tr("Choose data, then press Analyze to measure what each layer can spare."))
        else:
            self._empty.setText(
                tr("Press Analyze to measure what each layer loses at 25 to 90 % zeros, 8 bits and 4 bits.")
            )

    def _recolor(self, _name: str = "") -> None:
        self.table.viewport().update()

    def _on_selection(self, layer_id: str | None) -> None:
        row = self.model.position(layer_id)
        if row is not None and row != self.table.currentIndex().row():
            column = max(self.table.currentIndex().column(), 0)
            self.table.setCurrentIndex(self.model.index(row, column))

    def apply(self, index: QModelIndex) -> None:
        """Give the cell's layer the cell's setting."""
        cell: Cell = index.data(CELL_ROLE)
        layer = self.model.layer(index.row())
        self._session.select(layer.id)
        if not cell.possible:
            return
        setting = self.model.settings[index.column()]
        settings = plan_settings(setting, self._session.plan.layer(layer.id))
        self._session.set_layers([layer.id], tr("Bits") if setting.by_bits else tr("Sparsity"), **settings)
