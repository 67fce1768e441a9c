"""The layer table with its header: what each layer is, costs and gets, edited in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.values import FLOAT_BITS, NO_CHANGE, Plan
from gui import format as fmt
from gui.i18n import tr
from gui.models.choices import (
    ANYWHERE,
    bits_settings,
    default_settings,
    fixes_share,
    scales_settings,
    sparsity_settings,
    steps_name,
    steps_settings,
    weight_bits_name,
)
from gui.models.layer_filter import LayerFilter
from gui.models.layer_table import ROW_ROLE, LayerTableModel, Row
from gui.session import Session
from gui.theme import Theme
from gui.widgets.defaults_popup import DefaultsPopup
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.labels import empty_state
from gui.widgets.layer_menu import LayerMenu
from gui.widgets.layer_table_widget import LayerTable
from gui.widgets.limit_dialogs import PatternDialog, ThresholdDialog, is_pattern
from gui.widgets.retranslating import Retranslating

NARROW = 400
"""Below this width the header keeps only what cannot be reached elsewhere."""


class TableView(Retranslating, QWidget):
    method_asked = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.model = LayerTableModel(session, self)
        self.filter = LayerFilter(self)
        self.filter.setSourceModel(self.model)
        self.table = LayerTable(self.filter, theme, self)
        self.menu = LayerMenu(self)
        self._bits_menu = LayerMenu(self)
        self.defaults = DefaultsPopup(self)
        self._menu_ids: list[str] = []
        self._syncing = False
        self._edits = 0
        self._build()
        self._connect()
        self.retranslate()

    # ------------------------------------------------------------ construction

    def _build(self) -> None:
        self._count = QLabel()
        self._count.setProperty("heading", True)
        self._changed = ElidedLabel()
        self._changed.setProperty("muted", True)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(170)
        self.search.setMinimumWidth(84)
        self.changed_only = QToolButton()
        self.changed_only.setCheckable(True)
        self.selected_button = QToolButton()
        self.defaults_button = QToolButton()
        for button in (self.changed_only, self.selected_button, self.defaults_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        bar = QHBoxLayout()
        bar.setContentsMargins(12, 7, 8, 7)
        bar.setSpacing(6)
        bar.addWidget(self._count)
        bar.addWidget(self._changed, 1)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.changed_only)
        bar.addWidget(self.selected_button)
        bar.addWidget(self.defaults_button)
        self._empty = empty_state()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._empty)
        line = QWidget()
        line.setFixedHeight(1)
        self._line = line
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 4)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(line)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        session, table = self._session, self.table
        session.model_changed.connect(self._on_model)
        session.plan_changed.connect(self._on_plan)
        session.selection_changed.connect(self._on_selection)
        self._theme.changed.connect(self._recolor)
        table.layer_chosen.connect(self._on_chosen)
        table.sparsity_moved.connect(self._on_sparsity)
        table.bits_asked.connect(self._on_bits_asked)
        table.customContextMenuRequested.connect(self._on_context_menu)
        table.selectionModel().selectionChanged.connect(self._on_rows_selected)
        self.menu.chosen.connect(self._on_menu)
        self._bits_menu.chosen.connect(self._on_menu)
        self.search.textChanged.connect(self._on_filter)
        self.changed_only.toggled.connect(self._on_filter)
        self.selected_button.clicked.connect(self._open_selected_menu)
        self.defaults_button.clicked.connect(self._open_defaults)
        self.defaults.changed.connect(self._on_defaults)
        self.defaults.method_asked.connect(self.method_asked)

    # ------------------------------------------------------------ texts

    def take_focus(self) -> None:
        """Not by a focus proxy: on a panel that holds other controls it traps the Tab key."""
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def retranslate(self) -> None:
        self.table.setAccessibleName(tr("Layers"))
        self.search.setPlaceholderText(tr("Search layers"))
        self.search.setAccessibleName(tr("Search layers by name or kind"))
        self.search.setToolTip(tr("Search layers by name or kind"))
        self.changed_only.setText(tr("Changed"))
        self.changed_only.setToolTip(tr("Show only layers that differ from the default"))
        self.changed_only.setAccessibleName(tr("Changed layers only"))
        self.selected_button.setToolTip(tr("Change all selected layers at once"))
        self.defaults_button.setToolTip(tr("What every layer gets unless you change it"))
        self.defaults.retranslate()
        self.model.retranslate()
        self._refresh_header()
        self._recolor()

    def _refresh_header(self) -> None:
        total = len(self.model.rows)
        self._count.setText(tr("1 layer") if total == 1 else tr("{n} layers").format(n=fmt.count(total)))
        changed = self.model.changed_count
        said = tr("· {n} changed").format(n=fmt.count(changed)) if changed else ""
        removed = self._session.plan.work_removed
        about = ""
        if removed:  # of whole channels no column says anything before the run
            share = fmt.percent(removed)
            about = tr("{share} of the work removed in channels").format(share=share)
            said = " ".join(part for part in (said, tr("· work −{share}").format(share=share)) if part)
        self._changed.set_full_text(said, about)
        defaults = self._session.plan.defaults.over(NO_CHANGE)
        zeros = defaults.pattern if fixes_share(defaults) else fmt.percent(defaults.zeros)
        shared = defaults.clusters
        bits = steps_name(shared) if shared else weight_bits_name(defaults.weight_bits or FLOAT_BITS)
        whole = tr("Default {sparsity} · {bits} ▾").format(sparsity=zeros, bits=bits)
        self.defaults_button.setText(whole if self.width() >= NARROW else f"{zeros} · {bits} ▾")
        self.defaults_button.setAccessibleName(whole)
        self._refresh_selected()
        shown = self.filter.rowCount()
        if total == 0:
            self._empty.setText(
                tr("Open a model to see its layers.")
                if self._session.model is None
                else tr("This model has no layers with trained weights.")
            )
        elif shown == 0:
            self._empty.setText(tr("No layer fits. Change the search, or show all layers again."))
        self._pages.setCurrentIndex(0 if shown else 1)
        for button in (self.search, self.changed_only, self.defaults_button):
            button.setEnabled(total > 0)

    def _refresh_selected(self) -> None:
        count = len(self.table.selectionModel().selectedRows())
        self.selected_button.setVisible(count > 1)
        self.selected_button.setText(tr("{n} selected ▾").format(n=fmt.count(count)))
        self.selected_button.setAccessibleName(self.selected_button.text())

    def _recolor(self, _name: str = "") -> None:
        self._line.setStyleSheet(f"background: {self._theme.color('line').name()};")
        self.table.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.changed_only.setVisible(self.width() >= NARROW or self.changed_only.isChecked())
        if (event.oldSize().width() >= NARROW) != (self.width() >= NARROW):
            self._refresh_header()

    def sizeHint(self) -> QSize:
        return QSize(700, 430)

    # ------------------------------------------------------------ from the session

    def _on_model(self, _model: object) -> None:
        self.search.clear()
        self.changed_only.setChecked(False)
        self._refresh_header()

    def _on_plan(self, plan: Plan) -> None:
        if self.defaults.isVisible():
            self.defaults.show_defaults(plan.defaults)
        if self.filter.changed_only and not self.table.dragging:
            self._on_filter()
        self._refresh_header()

    @contextmanager
    def _in_sync(self) -> Iterator[None]:
        """While it lasts, a selection that changes is an echo of one that is being shown."""
        self._syncing = True
        try:
            yield
        finally:
            self._syncing = False

    def _on_selection(self, layer_id: str | None) -> None:
        if not self._syncing:
            with self._in_sync():
                self.table.show_layer(layer_id, self.model.position(layer_id))

    # ------------------------------------------------------------ from the person

    def _on_chosen(self, layer_id: str) -> None:
        if not self._syncing:
            with self._in_sync():
                self._session.select(layer_id)

    def _on_rows_selected(self, _selected: object, _deselected: object) -> None:
        self._refresh_selected()

    def _on_sparsity(self, layer_id: str, sparsity: float, merge: str) -> None:
        self._set([layer_id], tr("Sparsity"), merge, **sparsity_settings(sparsity))

    def _on_bits_asked(self, index: QModelIndex, where: QPoint) -> None:
        row: Row = index.data(ROW_ROLE)
        self._menu_ids = [row.layer.id]
        self._bits_menu.fill_bits(row)
        self._bits_menu.popup(where)

    def _on_context_menu(self, where: QPoint) -> None:
        self._open_menu(self.table.viewport().mapToGlobal(where))

    def _open_selected_menu(self) -> None:
        button = self.selected_button
        self._open_menu(button.mapToGlobal(QPoint(0, button.height() + 4)))

    def _open_menu(self, where: QPoint) -> None:
        rows = self._selected_rows()
        if rows:
            self._menu_ids = [row.layer.id for row in rows]
            self.menu.fill(rows)
            self.menu.popup(where)

    def _selected_rows(self) -> list[Row]:
        chosen = set(self.table.selected_ids())
        return [row for row in self.model.rows if row.layer.id in chosen]

    def _on_menu(self, what: str, value: object) -> None:
        ids = self._menu_ids
        rows = [row for row in self.model.rows if row.layer.id in set(ids)]
        if what == "sparsity":
            able = [row for row in rows if row.layer.prunable]
            patterned = next((row.plan for row in able if not row.movable), None)
            settings = sparsity_settings(value, patterned)
            self._set([row.layer.id for row in able], tr("Sparsity"), "", **settings)
        elif what == "pattern":
            able = [row.layer.id for row in rows if row.layer.prunable]
            self._set(able, tr("Pattern"), "", pattern=value, threshold=None, keep=None)
        elif what == "threshold":
            able = [row.layer.id for row in rows if row.layer.prunable]
            self._set(able, tr("Threshold"), "", threshold=value or None, pattern=ANYWHERE, keep=None)
        elif what.startswith("ask"):
            self._ask(what, rows)
        elif what == "bits":
            able = [row.layer.id for row in rows if row.layer.quantizable]
            self._set(able, tr("Bits"), "", **bits_settings(value))
        elif what == "scales":
            able = [row.layer.id for row in rows if row.layer.quantizable]
            self._set(able, tr("Scales"), "", **scales_settings(str(value)), keep=None)
        elif what == "steps":
            able = [row.layer.id for row in rows if row.layer.quantizable]
            self._set(able, tr("Steps of weights"), "", **steps_settings(value) | {"keep": None})
        elif what == "keep":
            keep = None if all(row.plan.keep for row in rows) else True
            self._set(ids, tr("Keep as is"), "", keep=keep)
        else:
            self._session.reset_layers(ids, tr("Reset to default"))

    def _ask(self, what: str, rows: list[Row]) -> None:
        first = next((row.plan for row in rows if row.layer.prunable), rows[0].plan)
        if what == "ask threshold":
            session = self._session
            dialog: QInputDialog = ThresholdDialog(
                session.plan, session.catalogue, first.threshold or 0.0, self
            )
            dialog.doubleValueSelected.connect(self._on_threshold)
        else:
            dialog = PatternDialog(str(first.pattern) if fixes_share(first) else "2:8", self)
            dialog.textValueSelected.connect(self._on_other_pattern)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_threshold(self, threshold: float) -> None:
        self._on_menu("threshold", threshold)

    def _on_other_pattern(self, pattern: str) -> None:
        if is_pattern(pattern):
            self._on_menu("pattern", pattern.strip())

    def _set(self, ids: list[str], label: str, merge: str, **settings: object) -> None:
        if ids:
            self._session.set_layers(ids, label, merge, **settings)

    def _on_filter(self, _value: object = None) -> None:
        # rows that vanish move the current one: that is not the person's choice
        with self._in_sync():
            self.filter.set_filter(self.search.text(), self.changed_only.isChecked())
        self._on_selection(self._session.selection)
        self._refresh_header()

    def _open_defaults(self) -> None:
        self._edits += 1
        self.defaults.show_defaults(self._session.plan.defaults)
        self.defaults.open_under(self.defaults_button)

    def _on_defaults(self, name: str, value: object) -> None:
        # all moves of the slider while the popup is open are one step back
        merge = f"defaults {self._edits} {name}" if name == "sparsity" else ""
        settings = default_settings(name, value)
        self._session.set_defaults(tr("Defaults"), merge, **settings)
