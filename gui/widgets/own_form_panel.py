"""A sample of the person's own to be typed: a row of a table, or the numbers of each input."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.values import OwnField, OwnForm
from gui import format as fmt
from gui.i18n import tr
from gui.models.own_line import LineError, cells_of
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.labels import heading
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating

ROW, HINT = 26, 20
MOST_HEIGHT = (1 << 24) - 1
"""Qt's own: as high as there is room."""
CELL_MARGIN, WIDEST = 16, 150
LOOKED_AT = 200
"""Rows whose words decide how wide a column is."""
NAME, VALUE, WANTED = range(3)
LINES = {"row": 1, "tokens": 2}
"""Lines of the table for a field: what tokens are wanted stands below them, which need all of the width."""


class _Fields(QTableWidget):
    entered = Signal()
    pasted = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.state() == QAbstractItemView.State.EditingState:
            super().keyPressEvent(event)  # Enter ends the editing first
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.pasted.emit(QApplication.clipboard().text())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class OwnFormPanel(Retranslating, QFrame):
    """A line for each field with what belongs there; a line of the table can be pasted whole."""

    tried = Signal(object)
    """A text for each field."""
    file_asked = Signal()
    """Tokens are to come from a file."""
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.form: OwnForm | None = None
        self._title = heading()
        self.line = QLineEdit(self)
        self.line.setMaxLength(1_000_000)
        self.said = ElidedLabel(parent=self)
        self.said.setProperty("small", True)
        self.fields = _Fields(0, 3, self)
        self.fields.setTabKeyNavigation(False)
        self.fields.setMinimumHeight(2 * ROW + 4)
        self.fields.setShowGrid(False)
        self.fields.verticalHeader().hide()
        self.fields.horizontalHeader().hide()
        self.fields.verticalHeader().setDefaultSectionSize(ROW)
        self.fields.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.fields.setEditTriggers(
            QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.SelectedClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        header = self.fields.horizontalHeader()
        header.setSectionResizeMode(VALUE, QHeaderView.ResizeMode.Stretch)
        for column in (NAME, WANTED):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        self.try_button, self.file_button, self._close = (QPushButton(self) for _ in range(3))
        self.file_button.setProperty("flat", True)
        self._close.setProperty("flat", True)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._title, 1)
        top.addWidget(self.try_button)
        top.addWidget(self._close)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addLayout(top)
        whole.addWidget(self.line)
        whole.addWidget(self.said)
        whole.addWidget(self.fields, 1)
        whole.addWidget(self.file_button, 0, Qt.AlignmentFlag.AlignLeft)
        # of few inputs the table is no higher than they are
        whole.addStretch(0)
        self.line.textEdited.connect(self.paste)
        self.line.returnPressed.connect(self.go)
        self.fields.pasted.connect(self.paste)
        self.fields.entered.connect(self.go)
        self.fields.itemChanged.connect(self._on_edited)
        self.try_button.clicked.connect(self.go)
        self.file_button.clicked.connect(self.file_asked)
        self._close.clicked.connect(self.closed)
        theme.changed.connect(self._mark)
        self.retranslate()

    # ------------------------------------------------------------ what is typed

    def show_form(self, form: OwnForm | None) -> None:
        """Another form begins with the values of one of the samples."""
        if form == self.form:
            return
        self.form = form
        fields = form.fields if form is not None else ()
        self.fields.blockSignals(True)
        self.fields.clearSpans()
        self.fields.setRowCount(len(fields) * self._lines)
        self.fields.setColumnHidden(WANTED, self._lines > 1)
        for place, field in enumerate(fields):
            for column, words in enumerate((field.name, field.example, _wanted(field))):
                item = QTableWidgetItem(words)
                if column != VALUE:
                    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(plain_tip(words[:1000]))
                self.fields.setItem(*self._cell(place, column), item)
            self.fields.setRowHeight(place * self._lines, ROW)
            if self._lines > 1:
                self.fields.setRowHeight(place * self._lines + 1, HINT)
        height = len(fields) * (ROW + HINT) + 4 if self._lines > 1 else MOST_HEIGHT
        self.fields.setMaximumHeight(max(height, self.fields.minimumHeight()))
        self.fields.blockSignals(False)
        self.line.clear()
        self.retranslate()

    @property
    def _lines(self) -> int:
        return LINES.get(self.form.kind, 1) if self.form is not None else 1

    def _cell(self, place: int, column: int) -> tuple[int, int]:
        """Row and column in the table of a part of a field."""
        if self._lines > 1 and column == WANTED:
            return place * self._lines + 1, VALUE
        return place * self._lines, column

    def _item(self, place: int, column: int) -> QTableWidgetItem | None:
        return self.fields.item(*self._cell(place, column))

    def _fit_columns(self) -> None:
        """Names and what is wanted are as wide as their words, if these are short; the value has the rest."""
        metrics = self.fields.fontMetrics()
        for column in (NAME, WANTED):
            count = len(self.form.fields) if self.form is not None else 0
            items = (self._item(place, column) for place in range(min(count, LOOKED_AT)))
            widths = (metrics.horizontalAdvance(item.text()[:60]) for item in items if item is not None)
            self.fields.setColumnWidth(column, min(max(widths, default=0) + CELL_MARGIN, WIDEST))

    def cells(self) -> tuple[str, ...]:
        count = len(self.form.fields) if self.form is not None else 0
        items = (self._item(place, VALUE) for place in range(count))
        return tuple(item.text().strip() for item in items if item is not None)

    def paste(self, line: str) -> None:
        """A line of the table goes to its fields; of tokens to the field that is chosen."""
        if self.form is None or not line.strip():
            self._say("")
            return
        if self.form.kind != "row":
            self._fill({max(self.fields.currentRow(), 0) // self._lines: " ".join(line.split())})
            return
        try:
            cells = cells_of(line, self.form)
        except LineError as error:
            self._say(str(error))
            return
        self._fill(dict(enumerate(cells)))

    def _fill(self, cells: dict[int, str]) -> None:
        for place, cell in cells.items():
            item = self._item(place, VALUE)
            if item is not None:
                item.setText(cell)
        self._mark()

    def go(self) -> None:
        """Ask for the answers, unless a value is none."""
        wrong = self._mark()
        if wrong is None:
            self.tried.emit(self.cells())
        else:
            self.fields.setCurrentCell(*self._cell(wrong, VALUE))

    def take_focus(self) -> None:
        self.fields.setCurrentCell(0, VALUE)
        self.fields.setFocus()

    def _on_edited(self, _item: QTableWidgetItem) -> None:
        self._mark()

    def _mark(self, *_: object) -> int | None:
        """Colour values that are none, and say it of the first; returns its place."""
        if self.form is None:
            return None
        first = None
        self.fields.blockSignals(True)
        for place, field in enumerate(self.form.fields):
            item = self._item(place, VALUE)
            hint = self._item(place, WANTED)
            if hint is not None and self._lines > 1:
                hint.setForeground(self._theme.color("muted"))
            fine = item is None or _fits(item.text(), self.form)
            if item is not None:
                item.setForeground(self._theme.color("text" if fine else "attention"))
            if not fine and first is None and item is not None:
                first = place
                words = tr("{name}: “{value}” is no number").format(
                    name=field.name[:60], value=item.text()[:40]
                )
                self._say(words)
        self.fields.blockSignals(False)
        if first is None:
            self._say("")
        return first

    def _say(self, words: str) -> None:
        self.said.set_full_text(words)
        self.said.setVisible(bool(words))
        self.said.setStyleSheet(f"color: {self._theme.color('attention').name()};")

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        form = self.form
        row = form is None or form.kind == "row"
        tokens = tr("Bytes of your own") if of_bytes(form) else tr("Tokens of your own")
        self._title.setText(tr("A row of your own") if row else tokens)
        self.line.setPlaceholderText(tr("Paste a line of the table here, or write the values below"))
        self.line.setAccessibleName(tr("A line of the table"))
        self.line.setVisible(row)
        self.fields.setAccessibleName(tr("Values of the sample"))
        self.fields.setHorizontalHeaderLabels(
            (tr("Column") if row else tr("Input"), tr("Value"), tr("Takes"))
        )
        self.try_button.setText(tr("Try"))
        self.try_button.setToolTip(tr("See what both networks answer (Enter)"))
        self.file_button.setVisible(not row)
        self.file_button.setText(tr("Or from a file…"))
        self.file_button.setToolTip(
            tr("A file with an array for each input, as numpy.savez writes it; or drop it here")
        )
        self._close.setText(tr("Close"))
        for place, field in enumerate(form.fields if form is not None else ()):
            item = self._item(place, WANTED)
            if item is not None:
                item.setText(_wanted(field))
        self._fit_columns()
        self._mark()


def of_bytes(form: OwnForm | None) -> bool:
    """Whether the whole numbers that the model takes are a file's bytes, from the name of its input."""
    return form is not None and form.kind == "tokens" and "byte" in form.fields[0].name.lower()


def _wanted(field: OwnField) -> str:
    """What belongs into a field, and what the samples have there."""
    if field.low is None or field.high is None:
        return tr("a number")
    low, high = (
        fmt.number(value, 0) if field.whole else fmt.short(value) for value in (field.low, field.high)
    )
    if field.length is not None:
        template = tr("{n} whole numbers, {low} to {high}")
        return template.format(n=fmt.count(field.length), low=low, high=high)
    template = tr("whole number, {low} to {high}") if field.whole else tr("number, {low} to {high}")
    return template.format(low=low, high=high)


def _fits(cell: str, form: OwnForm) -> bool:
    """Whether the engine will be able to read it; whether it makes sense is not for the window to say."""
    if form.kind == "tokens":
        words = cell.replace(",", " ").replace("[", " ").replace("]", " ").split()
        return all(word.lstrip("+-").isdigit() for word in words)
    try:
        float(cell.replace(",", ".") if form.decimal_comma else cell)
    except ValueError:
        return False
    return "_" not in cell
