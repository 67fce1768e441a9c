"""Tab 'Method': ways to compress that say what they are for, and below the settings of each step."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.values import Catalogue, Described, Plan, Preset
from gui import format as fmt
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.models.method_values import changed_count, changed_of, layer_by_layer, nearest_preset, values_of
from gui.session import Session
from gui.theme import Theme
from gui.views.order_section import OrderSection
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.panels import tab_through
from gui.widgets.parameter_form import ParameterForm
from gui.widgets.preset_cards import PresetCards
from gui.widgets.retranslating import Retranslating

TERMS = {
    "calibrate": ("calibration",),
    "cluster_weights": ("shared_values",),
    "compensate": ("compensation",),
    "correct_bias": ("compensation",),
    "finetune": ("fine_tuning",),
    "merge_channels": ("channel", "coupling"),
    "prune_channels": ("pruning", "coupling", "mac"),
    "prune_weights": ("pruning", "magnitude"),
    "quantize_activations": ("quantisation", "activation"),
    "quantize_weights": ("quantisation", "float"),
    "repair_channels": ("compensation",),
}
"""Terms that a step's title explains, by the step's name."""


class _StepSection(QWidget):
    """One step: its name, what it does, its form."""

    def __init__(self, step: Described, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.step = step
        self._title = QLabel(self)
        self._title.setProperty("heading", True)
        self._words = QLabel(self)
        self._words.setProperty("small", True)
        self._words.setWordWrap(True)
        for label in (self._title, self._words):
            label.setTextFormat(Qt.TextFormat.PlainText)
        if step.name in TERMS:
            explain(self._title, *TERMS[step.name])
        self.form = ParameterForm(step.parameters, theme, self)
        self.form.setObjectName(step.name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 6)
        column.setSpacing(4)
        column.addWidget(self._title)
        column.addWidget(self._words)
        column.addWidget(self.form)
        self.retranslate()

    def show_plan(self, plan: Plan) -> None:
        self.form.show_values(values_of(self.step, plan), changed_of(self.step, plan))

    def retranslate(self) -> None:
        self._title.setText(tr_text(self.step.label))
        self._words.setText(tr_text(self.step.help))


class MethodView(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.sections: list[_StepSection] = []
        self._caption = ElidedLabel()
        self._caption.setProperty("small", True)
        self.cards = PresetCards(theme)
        self.fold = QToolButton()
        self.fold.setCheckable(True)
        self.fold.setProperty("flat", True)
        self.fold.setStyleSheet("padding: 4px 8px 4px 4px;")
        self.fold.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._state = ElidedLabel()
        self._state.setProperty("small", True)
        self.reset = QToolButton()
        self.reset.setProperty("flat", True)
        self.reset.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._body = QWidget()
        self._body.hide()
        self.order = OrderSection(session, theme, self._body)
        self._build()
        session.catalogue_changed.connect(self._on_catalogue)
        session.plan_changed.connect(self._on_plan)
        self.cards.chosen.connect(self._on_preset)
        self.fold.toggled.connect(self._on_fold)
        self.reset.clicked.connect(self._on_reset)
        self._on_catalogue(session.catalogue)

    def _build(self) -> None:
        header = QHBoxLayout()
        header.setSpacing(6)
        header.addWidget(self.fold)
        header.addWidget(self._state, 1)
        header.addWidget(self.reset)
        self._steps = QVBoxLayout(self._body)
        self._steps.setContentsMargins(4, 0, 0, 0)
        self._steps.setSpacing(8)
        self._steps.addWidget(self.order)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(8)
        column.addWidget(self._caption)
        column.addWidget(self.cards)
        column.addLayout(header)
        column.addWidget(self._body)
        column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(content)
        content.setAutoFillBackground(False)  # setting it made it opaque
        self._scroll.viewport().setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._scroll)

    def take_focus(self) -> None:
        first = next((card for card in self.cards.cards if card.isChecked()), None)
        target = first or next(iter(self.cards.cards), self.fold)
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Method"))
        self._scroll.setAccessibleName(tr("Method"))
        for section in self.sections:
            section.retranslate()
        self.reset.setText(tr("All defaults"))
        self.reset.setToolTip(tr("Set every setting of every step back to its default"))
        self._show()

    def _show(self) -> None:
        session = self._session
        preset, changed = nearest_preset(session.catalogue, session.plan)
        layers = session.model.layers if session.model is not None else ()
        own = layer_by_layer(session.plan, [layer.id for layer in layers])
        if own:
            preset = None
        self.cards.mark(preset, changed)
        if not session.catalogue.presets:
            caption = tr("The ways to compress appear here as soon as the engine is ready.")
        elif own:
            caption = tr("What is it for? · most layers have settings of their own, none of these")
        elif preset is None:
            caption = tr("What is it for? · your own settings, none of these")
        elif changed:
            caption = tr("What is it for? · {preset}, settings changed: {n}").format(
                preset=tr_text(preset.label), n=fmt.count(changed)
            )
        else:
            caption = tr("What is it for? · one click sets all layers that you have not changed yourself")
        self._caption.set_full_text(caption)
        opened = self.fold.isChecked()
        self.fold.setText(("▾ " if opened else "▸ ") + tr("Steps and settings"))
        self.fold.setAccessibleName(tr("Steps and settings"))
        count = changed_count(session.catalogue, session.plan)
        self._state.set_full_text(
            tr("{n} changed from the default").format(n=fmt.count(count)) if count else tr("all at default")
        )
        self.fold.setVisible(bool(self.sections))
        self._state.setVisible(bool(self.sections))
        self.reset.setVisible(bool(count))

    # ------------------------------------------------------------ from the session

    def _on_catalogue(self, catalogue: Catalogue) -> None:
        self.cards.show_presets(catalogue.presets)
        for section in self.sections:
            section.hide()
            section.deleteLater()
        self.sections = [
            _StepSection(step, self._theme, self._body) for step in catalogue.methods if step.parameters
        ]
        for section in self.sections:
            section.form.changed.connect(self._on_parameter)
            self._steps.addWidget(section)
        # not the lists that boxes open, which are windows, nor what a box of numbers is made of
        fields = [field for section in self.sections for field in section.findChildren(QWidget)]
        stops = [
            field
            for field in fields
            if field.focusPolicy() & Qt.FocusPolicy.TabFocus
            and field.window() is self.window()
            and not isinstance(field.parent(), QAbstractSpinBox)
        ]
        tab_through(self.fold, *self.cards.cards, self.fold, self.reset, *stops)
        self._on_plan(self._session.plan)
        self.retranslate()

    def _on_plan(self, plan: Plan) -> None:
        for section in self.sections:
            section.show_plan(plan)
        self._show()

    # ------------------------------------------------------------ from the person

    def _on_preset(self, preset: Preset) -> None:
        self._session.use_preset(preset, tr_text(preset.label))
        self._show()  # a click on the one in force must not take its mark

    def _on_parameter(self, name: str, value: object) -> None:
        step = self.sender().objectName()
        kind = next(
            parameter.kind
            for section in self.sections
            if section.step.name == step
            for parameter in section.step.parameters
            if parameter.name == name
        )
        # the steps of a number's arrow keys are one step back
        merge = f"parameter {step} {name}" if kind in ("number", "integer") and value is not None else ""
        self._session.set_parameter(step, name, value, tr("Steps and settings"), merge)

    def _on_reset(self) -> None:
        self._session.reset_parameters(tr("All defaults"))
        self.fold.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_fold(self, opened: bool) -> None:
        self._body.setVisible(opened)
        self._show()
