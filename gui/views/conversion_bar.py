"""Above the work area: what must be said about a file of another framework, then what came of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.values import Foreign, InputSize, ModelInfo, Networks, Origin, Recipe, sizes_line, sizes_of
from gui.i18n import tr, tr_text
from gui.job import Job
from gui.session import Session
from gui.theme import Theme
from gui.widgets.plain_tip import plain_tip
from gui.widgets.retranslating import Retranslating


class ConversionBar(Retranslating, QFrame):
    answered = Signal(object, object)
    """The Foreign and the Recipe for it."""
    declined = Signal()
    architecture_asked = Signal()
    """A dialog for the Python file is wanted."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("conversionBar")
        self._session = session
        self._theme = theme
        self._foreign: Foreign | None = None
        self._origin: Origin | None = None
        self._architecture = ""
        self._networks: Networks | None = None
        self._filled: tuple[InputSize, ...] = ()
        """Sizes as they were guessed, which the person may have changed."""
        self._what, self._why, self._size_label, self._size_hint, self._code_label, self._class_label = (
            QLabel(self) for _ in range(6)
        )
        for label in (self._what, self._why, self._size_hint):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self._what.setProperty("heading", True)
        self._size_hint.setProperty("muted", True)
        self._sizes = QLineEdit(self)
        self._sizes.textChanged.connect(self._refresh)
        self._choose = QPushButton(self)
        self._choose.clicked.connect(self.architecture_asked)
        self._class = QComboBox(self)
        self._class.setEditable(True)
        self._class.setMinimumWidth(220)
        self._class.editTextChanged.connect(self._on_class)
        self._go, self._cancel = QPushButton(self), QPushButton(self)
        self._go.setProperty("primary", True)
        self._go.setAutoDefault(True)
        self._go.clicked.connect(self._accept)
        self._cancel.setAutoDefault(True)
        self._cancel.clicked.connect(self._decline)
        self._lay_out()
        session.foreign.asked.connect(self.ask)
        session.foreign.read_networks.connect(self._show_networks)
        session.foreign.unreadable.connect(session.problem)
        session.model_changed.connect(self._on_model)
        session.job_changed.connect(self._on_job)
        theme.changed.connect(self._recolor)
        self._recolor()
        self.retranslate()
        self.hide()

    def _lay_out(self) -> None:
        self._form = QWidget(self)
        grid = QGridLayout(self._form)
        grid.setContentsMargins(0, 6, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.addWidget(self._code_label, 0, 0)
        grid.addWidget(self._choose, 0, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self._class_label, 1, 0)
        grid.addWidget(self._class, 1, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self._size_label, 2, 0)
        grid.addWidget(self._sizes, 2, 1)
        grid.addWidget(self._size_hint, 3, 1)
        grid.setColumnStretch(1, 1)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self._what)
        words.addWidget(self._why)
        words.addWidget(self._form)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 10, 10)
        row.setSpacing(8)
        row.addLayout(words, 1)
        for button in (self._go, self._cancel):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    # ------------------------------------------------------------ the question

    def ask(self, foreign: Foreign) -> None:
        """Show what the file is and what must be said; the guess is filled in."""
        self._foreign, self._origin, self._architecture = foreign, None, ""
        self._networks = None
        self._class.clear()
        self._fill(foreign.inputs)
        self.retranslate()
        self.show()
        (self._choose if foreign.needs_architecture else self._cancel).setFocus()

    def _show_networks(self, networks: Networks) -> None:
        self._architecture, self._networks = networks.path, networks
        self._class.clear()
        self._class.addItems(list(networks.names))
        self.retranslate()

    def _on_class(self, *_: object) -> None:
        """Another network takes other inputs, unless the person has said what goes in."""
        foreign, networks = self._foreign, self._networks
        if foreign is not None and networks is not None and sizes_of(self._sizes.text()) == self._filled:
            self._fill(networks.sizes.get(self._chosen, foreign.inputs))
        self._size_hint.setText(self._hint())
        self._refresh()

    @property
    def _chosen(self) -> str:
        """The class, without arguments."""
        return self._class.currentText().partition("(")[0].strip()

    def _fill(self, sizes: tuple[InputSize, ...]) -> None:
        self._filled = sizes
        self._sizes.setText(sizes_line(sizes))

    def _accept(self) -> None:
        foreign = self._foreign
        if foreign is None:
            return
        sizes = sizes_of(self._sizes.text()) or ()
        guessed = not foreign.asks_inputs or sizes == self._filled
        recipe = Recipe(
            trusted=foreign.runs_code,
            # what was left as it was guessed may be corrected by what the network really takes
            inputs=() if guessed else sizes,
            architecture=self._architecture if foreign.needs_architecture else "",
            network=self._class.currentText().strip() if foreign.needs_architecture else "",
        )
        self.answered.emit(foreign, recipe)

    def _decline(self) -> None:
        if self._foreign is not None and self._session.job is not None:
            self._session.stop()  # the question stands: something else may be said
            return
        asked = self._foreign is not None
        self._foreign = self._origin = None
        self.hide()
        if asked:
            self.declined.emit()

    # ------------------------------------------------------------ what came of it

    def _on_model(self, model: ModelInfo | None) -> None:
        self._foreign = None
        self._origin = model.origin if model is not None else None
        self.setVisible(self._origin is not None)
        self.retranslate()

    def _on_job(self, job: Job | None) -> None:
        if self._origin is not None and job is not None and job.kind not in ("open", "data"):
            self._origin = None  # it has been read
            self.hide()
        elif self._foreign is not None:
            stage = tr_text(job.stage) if job is not None else ""
            self._why.setText(stage + " …" if stage else _warning(self._foreign))
            self._refresh()

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self._size_label.setText(tr("Size of the input"))
        self._size_hint.setText(self._hint())
        self._code_label.setText(tr("Code of the network"))
        self._class_label.setText(tr("Class"))
        self._class.setToolTip(tr("With arguments where it needs them: Net(10, width=32)"))
        for widget, label in (
            (self._sizes, self._size_label),
            (self._class, self._class_label),
        ):
            widget.setAccessibleName(label.text())
        chosen = Path(self._architecture).name
        self._choose.setText(
            self.fontMetrics().elidedText(chosen, Qt.TextElideMode.ElideMiddle, 300).replace("&", "&&")
            if chosen
            else tr("Choose the Python file…")
        )
        self._choose.setAccessibleName(tr("Code of the network"))
        foreign = self._foreign
        if foreign is not None:
            self._what.setText(tr_text(foreign.what))
            self._what.setToolTip("")
            self._why.setText(_warning(foreign))
            self._go.setText(tr("I trust it: convert") if foreign.runs_code else tr("Convert"))
            self._cancel.setText(tr("Cancel"))
            self.setAccessibleName(self._what.text())
        elif self._origin is not None:
            origin = self._origin
            self._what.setText(tr_text(origin.summary))
            self._what.setToolTip(plain_tip(f"{origin.path}\nSHA-256 {origin.sha256}"))
            fixed = tr("It takes a fixed number of samples at a time, as the original does.")
            told = [
                tr_text(origin.made) if origin.made is not None else "",
                fixed if origin.fixed_batch else "",
            ]
            self._why.setText("\n".join(line for line in told if line))
            self._cancel.setText(tr("Close"))
            self.setAccessibleName(self._what.text())
        self._refresh()

    def _hint(self) -> str:
        """How sizes are written, and whose they are."""
        foreign = self._foreign
        if foreign is None:
            return ""
        named = self._networks.inputs.get(self._chosen, ()) if self._networks is not None else ()
        names = named or foreign.input_names
        lines = [tr("What goes in: {names}.").format(names=", ".join(names)[:300])] if names else []
        lines.append(
            tr("The number of samples first. As the file was traced; several inputs with ; between.")
            if foreign.traced
            else tr("The number of samples first. A guess from the weights; several inputs with ; between.")
        )
        return ("" if lines[0].endswith("。") else " ").join(lines)

    def _refresh(self, *_: object) -> None:
        foreign = self._foreign
        asked = foreign is not None
        code = foreign is not None and foreign.needs_architecture
        sized = foreign is not None and foreign.asks_inputs
        self._why.setVisible(bool(self._why.text()))
        self._form.setVisible(code or sized)
        for widget in (self._code_label, self._choose, self._class_label, self._class):
            widget.setVisible(code)
        for widget in (self._size_label, self._sizes, self._size_hint):
            widget.setVisible(sized)
        self._go.setVisible(asked)
        readable = not sized or sizes_of(self._sizes.text()) is not None
        named = not code or bool(self._architecture and self._class.currentText().strip())
        idle = self._session.job is None
        self._go.setEnabled(readable and named and idle)
        self._form.setEnabled(idle)

    def _recolor(self, *_: object) -> None:
        back = self._theme.color("panel").name()
        line = self._theme.color("accent").name()
        self.setStyleSheet(
            f"QFrame#conversionBar {{ background: {back}; border: 1px solid {line}; border-radius: 9px; }}"
        )


def _warning(foreign: Foreign) -> str:
    if foreign.needs_architecture:
        return tr(
            "Choose the Python file and the class that make the network. That code will run: in a process of "
            "its own, without network, writing only into a folder of its own. Go on only if you trust it."
        )
    if foreign.runs_code:
        return tr(
            "Nothing of it has run yet. It will run in a process of its own, without network, writing only "
            "into a folder of its own. Still, go on only if you trust where the file comes from."
        )
    return tr("It says how it computes, but not the size of what goes in.")
