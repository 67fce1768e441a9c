"""The chosen layer from near: importance, weights, what sparsity and bits cost; all of it can be dragged."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.values import FLOAT_BITS, Layer, LayerPlan, LayerView
from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.models.damage import in_decibels, loss_unit, scale_top
from gui.session import Session
from gui.theme import Theme
from gui.widgets.bits_bars import BitsBars
from gui.widgets.curve import Curve
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.heatmap import Heatmap
from gui.widgets.histogram import Histogram
from gui.widgets.plain_tip import plain_tip


class InspectorView(QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.heatmap = Heatmap(theme)
        self.histogram = Histogram(theme)
        self.curve = Curve(theme)
        self.bits = BitsBars(theme)
        self.order = QComboBox()
        self.score = QComboBox()
        self.keep = QPushButton()
        self.reset = QPushButton()
        self._build()
        self._connect()
        self._fill_scores()
        self.retranslate()

    # ------------------------------------------------------------ construction

    def _build(self) -> None:
        self._name = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self._name.setProperty("heading", True)
        self._kind = ElidedLabel()
        self._kind.setProperty("muted", True)
        title = QHBoxLayout()
        title.setContentsMargins(14, 9, 14, 9)
        title.setSpacing(8)
        title.addWidget(self._name, 0)
        title.addWidget(self._kind, 1)
        self._line = QWidget()
        self._line.setFixedHeight(1)
        self._why = _small()
        self._importance = _heading()
        self.order.addItems(["", ""])
        for box in (self.order, self.score):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumWidth(88)  # a long name of a score must not widen the panel
        self._weights = _heading()
        self._weights_note = _note()
        self._accuracy = _heading()
        self._accuracy_note = _note()
        self._hint = _small()
        self._bits_title = _heading()
        self._bits_note = _note()
        self.keep.setCheckable(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.keep)
        buttons.addWidget(self.reset)
        buttons.addStretch(1)

        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(14, 8, 14, 12)
        column.setSpacing(5)
        column.addWidget(self._why)
        column.addLayout(_line(self._importance, self.order, self.score))
        column.addWidget(self.heatmap, 3)
        column.addLayout(_line(self._weights, self._weights_note))
        column.addWidget(self.histogram, 2)
        column.addLayout(_line(self._accuracy, self._accuracy_note))
        column.addWidget(self.curve, 3)
        column.addWidget(self._hint)
        column.addLayout(_line(self._bits_title, self._bits_note))
        column.addWidget(self.bits)
        column.addSpacing(4)
        column.addLayout(buttons)
        column.addStretch(0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(content)
        content.setAutoFillBackground(False)
        self._scroll.viewport().setAutoFillBackground(False)

        filled = QWidget()
        outer = QVBoxLayout(filled)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        outer.addLayout(title)
        outer.addWidget(self._line)
        outer.addWidget(self._scroll, 1)
        self._empty = QLabel()
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(28)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(filled)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)

    def _connect(self) -> None:
        session = self._session
        for signal in (
            session.model_changed,
            session.selection_changed,
            session.baseline_changed,
            session.points_changed,
            session.data_changed,
        ):
            signal.connect(self._refresh)
        session.plan_changed.connect(self._refresh_plan)
        session.layer_view_changed.connect(self._on_view)
        session.catalogue_changed.connect(self._fill_scores)
        session.score_changed.connect(self._fill_scores)
        self._theme.changed.connect(self._recolor)
        self.histogram.cut_moved.connect(self._on_sparsity)
        self.curve.sparsity_moved.connect(self._on_sparsity)
        self.bits.bits_chosen.connect(self._on_bits)
        self.order.currentIndexChanged.connect(self._on_order)
        self.score.activated.connect(self._on_score)
        self.keep.clicked.connect(self._on_keep)
        self.reset.clicked.connect(self._on_reset)

    def sizeHint(self) -> QSize:
        return QSize(350, 680)

    # ------------------------------------------------------------ texts

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Inspector"))
        self._importance.setText(tr("Importance"))
        self.order.setItemText(0, tr("sorted"))
        self.order.setItemText(1, tr("as stored"))
        self.order.setAccessibleName(tr("Order of the channels"))
        self.order.setToolTip(tr("Sorted: the most important channels at the top left"))
        self.score.setAccessibleName(tr("Importance score"))
        self.heatmap.setAccessibleName(tr("Importance of the weights, outputs by inputs"))
        self._weights.setText(tr("Weights"))
        self.histogram.setAccessibleName(tr("Histogram of the weights; Left and Right move the cut"))
        self.curve.setAccessibleName(tr("Accuracy against sparsity; Left and Right change the sparsity"))
        self._bits_title.setText(tr("Fewer bits"))
        self.bits.setAccessibleName(tr("Bits of this layer; Up and Down choose"))
        self.keep.setText(tr("Keep as is"))
        self.keep.setToolTip(tr("Leave this layer alone, whatever the defaults say"))
        self.keep.setAccessibleName(self.keep.text())
        self.reset.setText(tr("Reset"))
        self.reset.setToolTip(tr("Let this layer follow the defaults again"))
        self.reset.setAccessibleName(tr("Reset this layer to the defaults"))
        self._fill_scores()
        self._refresh()
        self._recolor()

    def _recolor(self, _name: str = "") -> None:
        self._line.setStyleSheet(f"background: {self._theme.color('line').name()};")
        accent = self._theme.color("accent").name()
        for box in (self.order, self.score):
            box.setStyleSheet(
                "QComboBox { border: 1px solid transparent; padding: 1px 3px; }"
                f"QComboBox:focus, QComboBox:hover {{ border: 1px solid {accent}; }}"
            )

    def _fill_scores(self, _value: object = None) -> None:
        scores = self._session.catalogue.scores
        self.score.clear()
        for score in scores:
            self.score.addItem(tr_text(score.label), score.name)
            self.score.setItemData(self.score.count() - 1, tr_text(score.help), Qt.ItemDataRole.ToolTipRole)
        if not scores:
            self.score.addItem(tr("magnitude"), "magnitude")
        self.score.setCurrentIndex(max(self.score.findData(self._session.score), 0))

    # ------------------------------------------------------------ what is shown

    @property
    def _layer(self) -> Layer | None:
        model, chosen = self._session.model, self._session.selection
        if model is None or chosen is None:
            return None
        return next((layer for layer in model.layers if layer.id == chosen), None)

    def _refresh(self, _value: object = None) -> None:
        layer = self._layer
        if layer is None:
            self._empty.setText(
                tr("Open a model to look into its layers.")
                if self._session.model is None
                else tr("Choose a layer in the table or in the graph to see what it can spare.")
            )
            self._pages.setCurrentIndex(0)
            return
        self._pages.setCurrentIndex(1)
        self._name.set_full_text(layer.label)
        self._name.setToolTip(plain_tip(layer.id))
        self._kind.set_full_text(
            f"{layer.kind} · {fmt.count(layer.in_channels)} → {fmt.count(layer.out_channels)}"
        )
        view = self._session.layer_view
        notes = view.notes if view is not None and view.layer_id == layer.id else ()
        reasons = [tr_text(sentence) for sentence in (*layer.why_not, *layer.warnings, *notes)]
        coupled = [
            other.label
            for other in self._session.model.layers
            if layer.group and other.group == layer.group and other.id != layer.id
        ]
        if coupled:
            reasons.append(tr("Changed together with {names}").format(names=", ".join(coupled[:6])))
        self._why.setText("\n".join(reasons))
        self._why.setVisible(bool(reasons))
        self._refresh_plan()

    def _on_view(self, view: LayerView | None) -> None:
        self.heatmap.show_view(view, self._layer)
        self.histogram.show_view(view)
        self._refresh()

    def _refresh_plan(self, _plan: object = None) -> None:
        """What follows the sliders: cut, points, bits."""
        layer = self._layer
        if layer is None:
            return
        session = self._session
        plan = session.plan.layer(layer.id)
        movable = layer.prunable
        self.histogram.set_cut(plan.sparsity or 0.0, plan.threshold, movable)
        share = self._share_going(layer, plan)
        self.heatmap.set_share(share if movable else 0.0)
        going = tr("{share} go").format(share=fmt.percent(share))
        self._weights_note.set_full_text(
            tr("drag to cut · {going}").format(going=going) if movable else tr("cannot be cut")
        )
        points = session.points.get(layer.id, ())
        primary = session.baseline.primary if session.baseline else None
        self.curve.show_points(points, primary, plan.sparsity or 0.0, movable)
        has_curve = any(point.sparsity > 0 for point in points)
        self.curve.setVisible(has_curve)
        metric = fmt.metric_name(primary.metric) if primary else tr("Accuracy")
        self._accuracy.setText(tr("{metric} against sparsity").format(metric=metric))
        count = points[0].measurement.count if points else 0
        self._accuracy_note.set_full_text(
            tr("○ on {n} samples").format(n=fmt.count(count)) if has_curve else ""
        )
        self._hint.setVisible(not has_curve)
        self._hint.setText(self._hint_text(layer))
        self._refresh_bits(layer, plan)
        self.keep.setChecked(bool(plan.keep))
        self.reset.setEnabled(layer.id in session.plan.exceptions)

    def _share_going(self, layer: Layer, plan: LayerPlan) -> float:
        if plan.threshold:
            return self.histogram.share_below(plan.threshold)
        return plan.sparsity or 0.0

    def _hint_text(self, layer: Layer) -> str:
        if not layer.prunable:
            return tr("This layer cannot be pruned, so there is nothing to measure.")
        if self._session.data is None:
            return tr("Choose data, then press Analyze to measure what cutting this layer costs.")
        if self._session.job is not None and self._session.job.kind == "analyze":
            return tr("Being measured: this layer's turn comes.")
        return tr("Press Analyze to measure what cutting this layer costs.")

    def _refresh_bits(self, layer: Layer, plan: LayerPlan) -> None:
        session = self._session
        possible = layer.quantizable
        self.bits.setVisible(possible)
        self._bits_note.set_full_text(
            (tr("decibels lost") if in_decibels(session) else tr("points lost"))
            if possible
            else tr("cannot be quantised")
        )
        if not possible:
            return
        measured = {
            point.weight_bits: point.loss
            for point in session.points.get(layer.id, ())
            if point.weight_bits < FLOAT_BITS and point.sparsity == 0
        }
        known = sorted({8, 4} | set(measured), reverse=True)
        choices: list[tuple[int, float | None]] = [(FLOAT_BITS, 0.0)]
        choices += [(bits, measured.get(bits)) for bits in known if bits < layer.weight_bits]
        top = scale_top(session.sensitivity(other.id) for other in session.model.layers)
        self.bits.show_bits(choices, plan.weight_bits or FLOAT_BITS, top, loss_unit(session))

    # ------------------------------------------------------------ from the person

    def _on_sparsity(self, sparsity: float, merge: str) -> None:
        self._set(tr("Sparsity"), merge, sparsity=sparsity, threshold=None, keep=None)

    def _on_bits(self, bits: int) -> None:
        activations = FLOAT_BITS if bits == FLOAT_BITS else None
        self._set(tr("Bits"), "", weight_bits=bits, activation_bits=activations, keep=None)

    def _on_keep(self, keep: bool) -> None:
        self._set(tr("Keep as is"), "", keep=True if keep else None)

    def _on_reset(self) -> None:
        if self._layer is not None:
            self._session.reset_layers([self._layer.id], tr("Reset to default"))

    def _set(self, label: str, merge: str, **settings: object) -> None:
        layer = self._layer
        if layer is not None:
            key = f"{layer.id} {merge}" if merge else ""
            self._session.set_layers([layer.id], label, key, **settings)

    def _on_order(self, index: int) -> None:
        self.heatmap.set_sorted(index == 0)

    def _on_score(self, _index: int) -> None:
        self._session.set_score(self.score.currentData())


def _heading() -> QLabel:
    label = QLabel()
    label.setProperty("heading", True)
    return label


def _note() -> ElidedLabel:
    label = ElidedLabel()
    label.setProperty("small", True)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return label


def _small() -> QLabel:
    label = QLabel()
    label.setProperty("small", True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _line(title: QLabel, *others: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 5, 0, 0)
    row.setSpacing(6)
    row.addWidget(title)
    if not any(isinstance(other, ElidedLabel) for other in others):
        row.addStretch(1)
    for other in others:
        row.addWidget(other, 1 if isinstance(other, ElidedLabel) else 0)
    return row
