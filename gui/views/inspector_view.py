"""The chosen layer from near: importance, weights, what sparsity and bits cost; all of it can be dragged."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.values import Layer, LayerPlan, LayerView
from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.models.choices import (
    ANYWHERE,
    WEIGHT_BITS,
    bits_settings,
    fixed_reason,
    fixes_share,
    pattern_help,
    scored_reason,
    sparsity_settings,
)
from gui.models.damage import loss_unit, scale_top
from gui.models.tie_words import coupling_lines
from gui.session import Session
from gui.theme import Theme
from gui.views.importance_section import ImportanceSection
from gui.views.weights_section import WeightsSection
from gui.widgets.bits_section import BitsSection
from gui.widgets.curve import Curve
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.flow import Flow
from gui.widgets.labels import heading, line, note, small
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating

SPARSITIES = (0.25, 0.5, 0.75, 0.9)
"""What is measured of one layer, as of all; and what its plan says."""


class InspectorView(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.importance = ImportanceSection(session, theme)
        self.values = WeightsSection(session, theme)
        self.heatmap, self.histogram = self.importance.heatmap, self.values.histogram
        self.order, self.score = self.importance.order, self.importance.score
        self.pattern = self.values.pattern
        self.curve = Curve(theme)
        self.bits = BitsSection(theme)
        self.keep = QPushButton()
        self.measure = QPushButton()
        self.reset = QPushButton()
        self._build()
        self._connect()
        self.retranslate()

    # ------------------------------------------------------------ construction

    def _build(self) -> None:
        self._name = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self._name.setProperty("heading", True)
        self._kind = ElidedLabel()
        self._kind.setProperty("muted", True)
        title = QHBoxLayout()
        title.setContentsMargins(14, 8, 14, 8)
        title.setSpacing(8)
        title.addWidget(self._name, 0)
        title.addWidget(self._kind, 1)
        self._line = QWidget()
        self._line.setFixedHeight(1)
        self._why = small()
        self._accuracy = heading()
        explain(self._accuracy, "accuracy", "sparsity")
        self._accuracy_note = note()
        self._hint = small()
        self.keep.setCheckable(True)
        buttons = Flow(8)
        for button in (self.measure, self.keep, self.reset):
            buttons.addWidget(button)

        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(14, 6, 14, 4)
        column.setSpacing(4)
        column.addWidget(self._why)
        column.addWidget(self.importance, 3)
        column.addWidget(self.values, 2)
        column.addLayout(line(self._accuracy, self._accuracy_note))
        column.addWidget(self.curve, 3)
        column.addWidget(self._hint)
        column.addWidget(self.bits)
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
        foot = QVBoxLayout()
        foot.setContentsMargins(14, 4, 14, 8)
        foot.addLayout(buttons)
        outer.addLayout(foot)  # outside what scrolls: what can be done is always in sight
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
            session.job_changed,
        ):
            signal.connect(self._refresh)
        session.plan_changed.connect(self._refresh_plan)
        session.layer_view_changed.connect(self._on_view)
        session.couplings.changed.connect(self._refresh)
        self._theme.changed.connect(self._recolor)
        self.histogram.cut_moved.connect(self._on_sparsity)
        self.curve.sparsity_moved.connect(self._on_sparsity)
        self.bits.bits_chosen.connect(self._on_bits)
        self.bits.activation_bits_chosen.connect(self._on_activation_bits)
        self.bits.scales_chosen.connect(self._on_scales)
        self.pattern.activated.connect(self._on_pattern)
        self.measure.clicked.connect(self._on_measure)
        self.keep.clicked.connect(self._on_keep)
        self.reset.clicked.connect(self._on_reset)

    def sizeHint(self) -> QSize:
        return QSize(350, 680)

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Inspector"))
        self.curve.setAccessibleName(tr("Accuracy against sparsity; Left and Right change the sparsity"))
        self.measure.setText(tr("Measure now"))
        self.measure.setAccessibleName(tr("Measure this layer now"))
        self.keep.setText(tr("Keep as is"))
        self.keep.setToolTip(tr("Leave this layer alone, whatever the defaults say"))
        self.keep.setAccessibleName(self.keep.text())
        self.reset.setText(tr("Reset"))
        self.reset.setToolTip(tr("Let this layer follow the defaults again"))
        self.reset.setAccessibleName(tr("Reset this layer to the defaults"))
        self._refresh()
        self._recolor()

    def _recolor(self, _name: str = "") -> None:
        self._line.setStyleSheet(f"background: {self._theme.color('line').name()};")
        accent = self._theme.color("accent").name()
        boxes = self.order, self.score, self.importance.position, self.pattern, self.bits.activations
        for box in (*boxes, self.values.what):
            # the one that is a heading begins where the other headings do
            heads = box is self.values.what
            looks = "padding: 1px 3px 1px 0; font-weight: 600;" if heads else "padding: 1px 3px;"
            box.setStyleSheet(
                f"QComboBox {{ border: 1px solid transparent; {looks} }}"
                f"QComboBox:focus, QComboBox:hover {{ border: 1px solid {accent}; }}"
            )

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
            f"{fmt.layer_kind(layer.kind)} · {fmt.count(layer.in_channels)} → {fmt.count(layer.out_channels)}"
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
            reasons.append(tr("Changed together with {names}").format(names=fmt.listed(coupled[:6])))
        reasons += coupling_lines(self._session, layer.id)
        self._why.setText("\n".join(reasons))
        self._why.setVisible(bool(reasons))
        self._refresh_plan()

    def _on_view(self, view: LayerView | None) -> None:
        self.values.show_view(view)
        self._refresh()
        # last: the mask that the engine worked out stands until the share changes
        self.importance.show_view(view, self._layer)

    def _refresh_plan(self, _plan: object = None) -> None:
        """What follows the sliders: cut, points, bits."""
        layer = self._layer
        if layer is None:
            return
        session = self._session
        plan = session.plan.layer(layer.id)
        fixed = fixed_reason(plan)
        movable = layer.prunable and not fixed
        # a pattern cuts within each few neighbours, and a score has its own order: then no magnitude parts
        # what stays from what goes
        uncut = fixed or scored_reason(session.plan, session.catalogue)
        cut = (0.0, None) if uncut else (plan.zeros, plan.threshold)
        self.histogram.set_cut(*cut, movable and not uncut)
        drag = tr("Drag a handle, or press Left and Right, to choose what goes") if movable else ""
        self.histogram.setToolTip(uncut or drag)
        self.curve.setToolTip(fixed)
        share = self._share_going(layer, plan)
        self.heatmap.set_share(share if layer.prunable else 0.0)
        self.pattern.show_value(plan.pattern)
        self.pattern.setToolTip(pattern_help(plan.pattern or ANYWHERE))
        self.values.show_cut(self._cut_text(layer, share), layer.prunable)
        points = session.points.get(layer.id, ())
        primary = session.baseline.primary if session.baseline else None
        self.curve.show_points(points, primary, plan.zeros, movable)
        has_curve = any(point.sparsity > 0 for point in points)
        self.curve.setVisible(has_curve)
        expected = fmt.metric_expected(session.data)
        metric = fmt.metric_name(primary.metric, short=True) if primary else expected
        self._accuracy.setText(tr("{metric} by sparsity").format(metric=metric))
        count = max((point.measurement.count for point in points), default=0)
        words = tr("○ {n} samples").format(n=fmt.count(count)) if count else tr("estimate")
        self._accuracy_note.set_full_text(words if has_curve else "")
        self._hint.setVisible(not has_curve)
        self._hint.setText(self._hint_text(layer))
        self._refresh_bits(layer, plan)
        self._refresh_measure(layer)
        self.keep.setChecked(bool(plan.keep))
        self.reset.setEnabled(layer.id in session.plan.exceptions)

    def _share_going(self, layer: Layer, plan: LayerPlan) -> float:
        if plan.threshold and not fixes_share(plan):
            return self.histogram.share_below(plan.threshold)
        return plan.zeros

    @staticmethod
    def _cut_text(layer: Layer, share: float) -> str:
        if not layer.prunable:
            return tr("cannot be cut")
        return tr("{share} go").format(share=fmt.percent(share))

    def _hint_text(self, layer: Layer) -> str:
        if not layer.prunable:
            return tr("This layer cannot be pruned, so there is nothing to measure.")
        if self._session.data is None:
            return tr("Choose data, then press Analyze to measure what cutting this layer costs.")
        if self._session.job is not None and self._session.job.kind == "analyze":
            return tr("Being measured: this layer's turn comes.")
        if self._session.analyzed:  # a search for bits alone leaves zeros out
            return tr("Zeros were not measured here. Press Analyze, or measure this layer below.")
        return tr("Press Analyze to measure what cutting this layer costs.")

    def _refresh_bits(self, layer: Layer, plan: LayerPlan) -> None:
        session = self._session
        top = scale_top(session.sensitivity(other.id) for other in session.model.layers)
        points = session.points.get(layer.id, ())
        self.bits.show_layer(layer, plan, points, top, loss_unit())

    def _refresh_measure(self, layer: Layer) -> None:
        session = self._session
        reason = ""
        if not (layer.prunable or layer.quantizable):
            reason = tr("This layer cannot be changed, so there is nothing to measure.")
        elif session.data is None:
            reason = tr("Choose data first.")
        elif session.job is not None:
            reason = tr("Something is running: stop it, or wait until it is done.")
        self.measure.setEnabled(not reason)
        what = tr("Measure what this layer alone costs at every sparsity and every number of bits")
        self.measure.setToolTip(reason or what)

    # ------------------------------------------------------------ from the person

    def _on_sparsity(self, sparsity: float, merge: str) -> None:
        self._set(tr("Sparsity"), merge, **sparsity_settings(sparsity))

    def _on_pattern(self, _index: int) -> None:
        self._set(tr("Pattern"), "", pattern=self.pattern.currentData(), threshold=None, keep=None)

    def _on_bits(self, bits: int) -> None:
        self._set(tr("Bits"), "", **bits_settings(bits))

    def _on_activation_bits(self, bits: int) -> None:
        self._set(tr("Activations"), "", activation_bits=bits, keep=None)

    def _on_scales(self, settings: dict[str, object]) -> None:
        self._set(tr("Scales"), "", **settings | {"keep": None})

    def _on_measure(self) -> None:
        layer = self._layer
        if layer is not None:
            zeros = self._session.plan.layer(layer.id).zeros
            sparsities = sorted({*SPARSITIES, *([zeros] if 0 < zeros < 1 else [])})
            bits = tuple(bits for bits in WEIGHT_BITS if bits < layer.weight_bits)
            self._session.measure_layer(layer.id, tuple(sparsities), bits)

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
