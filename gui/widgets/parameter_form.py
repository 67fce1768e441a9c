"""A form built from the parameters that a method declares: one row each, marked where it was changed."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QLocale, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QLabel,
    QSpinBox,
    QToolButton,
    QWidget,
)

from core.values import Parameter, Text
from gui.i18n import tr, tr_text
from gui.icons import icon
from gui.theme import Theme
from gui.widgets.retranslating import Retranslating

Value = str | int | float | bool
LARGEST = 2_000_000_000
"""Where a parameter names no upper end; a spin box needs one."""
LABEL_WIDTH = 150
"""At least, so that the fields of several forms stand in one line."""
FIELD_WIDTH = 184
HELP_FROM = 580
"""From this width on the help stands beside the field; below it is only in the tooltip."""


class _Number(QDoubleSpinBox):
    """Shows as many decimals as the number has, not a row of zeros."""

    def textFromValue(self, value: float) -> str:
        locale = QLocale(self.locale())
        locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
        return locale.toString(value, "g", 10)


class ParameterForm(Retranslating, QWidget):
    changed = Signal(str, object)
    """Name of the parameter, and its new value or None: back to the default."""

    def __init__(
        self, parameters: tuple[Parameter, ...], theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parameters = {parameter.name: parameter for parameter in parameters}
        self._marks: dict[str, QFrame] = {}
        self._labels: dict[str, QLabel] = {}
        self.fields: dict[str, QWidget] = {}
        self.resets: dict[str, QToolButton] = {}
        self._helps: dict[str, QLabel] = {}
        self._filling = False
        self._shown_now: tuple[dict[str, Value], frozenset[str]] | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(5)
        self._grid = grid
        for row, parameter in enumerate(parameters):
            self._add_row(grid, row, parameter)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.show_values({}, frozenset())

    def _add_row(self, grid: QGridLayout, row: int, parameter: Parameter) -> None:
        mark = QFrame(self)
        mark.setFixedSize(3, 15)
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setMinimumWidth(80)
        field = self._field(parameter)
        field.setObjectName(parameter.name)
        field.setMinimumWidth(100)
        field.setMaximumWidth(FIELD_WIDTH)
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.installEventFilter(self)
        label.setBuddy(field)
        reset = QToolButton(self)
        reset.setObjectName(parameter.name)
        reset.setProperty("flat", True)
        reset.setIconSize(QSize(13, 13))
        reset.setStyleSheet("padding: 3px;")
        reset.clicked.connect(self._on_reset)
        # its place stays, so that nothing moves when it comes
        policy = reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        reset.setSizePolicy(policy)
        note = QLabel(self)
        note.setProperty("small", True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setWordWrap(True)
        for column, widget in enumerate((mark, label, field, reset, note)):
            grid.addWidget(widget, row, column)
        self._marks[parameter.name] = mark
        self._labels[parameter.name] = label
        self.fields[parameter.name] = field
        self.resets[parameter.name] = reset
        self._helps[parameter.name] = note

    def _field(self, parameter: Parameter) -> QWidget:
        low = parameter.low if parameter.low is not None else -LARGEST
        high = parameter.high if parameter.high is not None else LARGEST
        if parameter.kind == "switch":
            switch = QCheckBox(self)
            switch.toggled.connect(self._on_edit)
            return switch
        if parameter.kind == "choice":
            box = QComboBox(self)
            for choice in parameter.choices:
                box.addItem("", choice.name)
            box.activated.connect(self._on_edit)
            return box
        if parameter.kind == "integer":
            spin: QSpinBox | QDoubleSpinBox = QSpinBox(self)
            spin.setRange(int(low), int(high))
        else:
            spin = _Number(self)
            spin.setDecimals(_decimals(parameter))
            spin.setRange(low, high)
        spin.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        spin.setKeyboardTracking(False)
        spin.lineEdit().setTextMargins(5, 0, 0, 0)
        spin.valueChanged.connect(self._on_edit)
        return spin

    # ------------------------------------------------------------ values

    def show_values(self, values: Mapping[str, Value], changed: frozenset[str]) -> None:
        """Show what holds, the default where nothing is said, without announcing it."""
        if self._shown_now == (values, changed):
            return  # every edit of the plan comes by here, and hardly one concerns this step
        self._shown_now = dict(values), changed
        self._filling = True
        for name, parameter in self._parameters.items():
            value, field = values.get(name, parameter.default), self.fields[name]
            if isinstance(field, QCheckBox):
                field.setChecked(bool(value))
                field.setText(_state(field.isChecked()))
            elif isinstance(field, QComboBox):
                field.setCurrentIndex(max(field.findData(value), 0))
            elif isinstance(field, QSpinBox):
                field.setValue(int(value))
            elif isinstance(field, QDoubleSpinBox):
                field.setValue(float(value))
            own = name in changed
            self._marks[name].setProperty("on", own)
            self._recolor_mark(name)
            self._show_help(name)
            self.resets[name].setVisible(own)
            font = self._labels[name].font()
            font.setBold(own)
            self._labels[name].setFont(font)
        self._filling = False

    def _show_help(self, name: str) -> None:
        """What the parameter is, and what the value that is chosen is for."""
        parameter, field = self._parameters[name], self.fields[name]
        words = [tr_text(parameter.help)]
        if isinstance(field, QComboBox):
            chosen = field.currentData()
            words += [tr_text(choice.help) for choice in parameter.choices if choice.name == chosen]
        self._helps[name].setText("\n".join(line for line in words if line))

    def _value(self, name: str) -> Value:
        field = self.fields[name]
        if isinstance(field, QCheckBox):
            return field.isChecked()
        if isinstance(field, QComboBox):
            return field.currentData()
        assert isinstance(field, QSpinBox | QDoubleSpinBox)
        return field.value()

    def _on_edit(self, *_: object) -> None:
        if not self._filling:
            name = self.sender().objectName()
            value = self._value(name)
            if isinstance(value, bool):
                self.fields[name].setText(_state(value))
            self.changed.emit(name, value if value != self._parameters[name].default else None)

    def _on_reset(self) -> None:
        name = self.sender().objectName()
        self.fields[name].setFocus(Qt.FocusReason.OtherFocusReason)  # its button goes
        self.changed.emit(name, None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # scrolling past a field must not change it
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    # ------------------------------------------------------------ looks

    def retranslate(self) -> None:
        for name, parameter in self._parameters.items():
            label, field, reset = self._labels[name], self.fields[name], self.resets[name]
            title, words = tr_text(parameter.label), tr_text(parameter.help)
            label.setText(title)
            self._show_help(name)
            if isinstance(field, QComboBox):
                for index, choice in enumerate(parameter.choices):
                    field.setItemText(index, tr_text(choice.label))
                    field.setItemData(index, tr_text(choice.help), Qt.ItemDataRole.ToolTipRole)
            elif isinstance(field, QCheckBox):
                field.setText(_state(field.isChecked()))
            elif isinstance(field, QSpinBox | QDoubleSpinBox):
                field.setSuffix(f" {_named(parameter.unit)}" if parameter.unit else "")
            default = tr("Default: {value}").format(value=self._shown(parameter, parameter.default))
            tip = "\n".join(part for part in (words, _range(parameter), default) if part)
            for widget in (label, field):
                widget.setToolTip(tip)
            field.setAccessibleName(title)
            if isinstance(field, QSpinBox | QDoubleSpinBox):
                field.lineEdit().setAccessibleName(title)
            field.setAccessibleDescription(words)
            reset.setToolTip(tr("Back to the default"))
            reset.setAccessibleName(tr("{setting}: back to the default").format(setting=title))

    def _shown(self, parameter: Parameter, value: Value) -> str:
        if parameter.kind == "switch":
            return _state(bool(value))
        if parameter.kind == "choice":
            return next((tr_text(one.label) for one in parameter.choices if one.name == value), str(value))
        unit = f" {_named(parameter.unit)}" if parameter.unit else ""
        return _plain(float(value)) + unit

    def _recolor(self, *_: object) -> None:
        undo = icon("undo", self._theme, "muted")
        for name in self._marks:
            self._recolor_mark(name)
            self.resets[name].setIcon(undo)

    def _recolor_mark(self, name: str) -> None:
        mark = self._marks[name]
        color = self._theme.color("attention").name() if mark.property("on") else "transparent"
        mark.setStyleSheet(f"background: {color}; border: none; border-radius: 1px;")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= HELP_FROM
        for note in self._helps.values():
            note.setVisible(wide)
        self._grid.setColumnMinimumWidth(1, LABEL_WIDTH if wide else 0)
        self._grid.setColumnMinimumWidth(2, FIELD_WIDTH if wide else 0)
        self._grid.setColumnStretch(1, 0 if wide else 1)
        self._grid.setColumnStretch(4, 1 if wide else 0)


def _state(on: bool) -> str:
    return tr("on") if on else tr("off")


def _named(unit: str) -> str:
    """A unit as the catalogue writes it, translated where there is a translation."""
    return tr_text(Text(unit))


def _range(parameter: Parameter) -> str:
    if parameter.low is None or parameter.high is None:
        return ""
    return tr("{low} to {high}").format(low=_plain(parameter.low), high=_plain(parameter.high))


def _plain(number: float) -> str:
    return QLocale().toString(float(number), "g", 10)


def _decimals(parameter: Parameter) -> int:
    """One more than the default or an end of the range needs, 2 to 8."""
    known = [value for value in (parameter.default, parameter.low, parameter.high) if value is not None]
    needed = max(len(f"{float(value):.8f}".rstrip("0").partition(".")[2]) for value in known)
    return min(max(needed + 1, 2), 8)
