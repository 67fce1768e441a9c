"""Which samples: how many judge, how many calibrate, and from where the calibration ones come."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from core.values import DataSpec
from gui.glossary import explain
from gui.i18n import tr
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.flow import Flow
from gui.widgets.retranslating import Retranslating

MOST = 10_000_000
STEP = 100
LABEL_WIDTH = 136
"""As the preprocessing form's below it, so that the fields stand in one line."""
FIELD_WIDTH = 118


class SamplesForm(Retranslating, QWidget):
    edited = Signal()
    """A number was changed; `changes` says which."""
    folder_asked = Signal()
    file_asked = Signal()
    same_asked = Signal()
    """Calibrate on the same source as is judged on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spec: DataSpec | None = None
        self._labels = [QLabel(self) for _ in range(3)]
        for label, term in zip(self._labels, ("judging", "calibration", "calibration"), strict=True):
            explain(label, term)
        self.judge, self.calibration = QSpinBox(self), QSpinBox(self)
        self.judge.setRange(0, MOST)  # 0: all that there are
        self.calibration.setRange(1, MOST)
        for spin in (self.judge, self.calibration):
            spin.setSingleStep(STEP)
            spin.setGroupSeparatorShown(True)
            spin.lineEdit().setTextMargins(5, 0, 0, 0)
            spin.valueChanged.connect(self._on_edit)
        self._source = ElidedLabel(Qt.TextElideMode.ElideMiddle, self)
        self.folder, self.file, self.same = (QPushButton(self) for _ in range(3))
        self.folder.clicked.connect(self.folder_asked)
        self.file.clicked.connect(self.file_asked)
        self.same.clicked.connect(self.same_asked)
        buttons = Flow()
        for button in (self.same, self.folder, self.file):
            button.setStyleSheet("padding: 3px 9px;")
            buttons.addWidget(button)
        source = QVBoxLayout()  # a path is long: it has the line for itself
        source.setContentsMargins(0, 4, 0, 0)
        source.setSpacing(6)
        source.addWidget(self._source)
        source.addLayout(buttons)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(7)
        for label, field in zip(self._labels, (self.judge, self.calibration, source), strict=True):
            label.setProperty("muted", True)
            label.setWordWrap(True)
            label.setFixedWidth(LABEL_WIDTH)
            form.addRow(label, field)
        self._labels[0].setBuddy(self.judge)
        self._labels[1].setBuddy(self.calibration)
        self.retranslate()

    def set_spec(self, spec: DataSpec) -> None:
        self._spec = spec
        for spin, count in ((self.judge, spec.judge_count or 0), (self.calibration, spec.calibration_count)):
            spin.blockSignals(True)
            spin.setValue(count)
            spin.blockSignals(False)
        self._show_source()

    def changes(self) -> dict[str, object]:
        """The fields of `DataSpec` that were edited, with their new values."""
        if self._spec is None:
            return {}
        wanted = {"judge_count": self.judge.value() or None, "calibration_count": self.calibration.value()}
        return {name: value for name, value in wanted.items() if value != getattr(self._spec, name)}

    def set_busy(self, busy: bool) -> None:
        """While samples are being read no other source can be chosen."""
        for button in (self.folder, self.file, self.same):
            button.setEnabled(not busy)

    def _on_edit(self, _value: int) -> None:
        self.edited.emit()

    def _show_source(self) -> None:
        apart = self._spec.calibration_path if self._spec is not None else None
        self._source.set_full_text(apart or tr("the same data"))
        self.same.setVisible(bool(apart))

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        names = (tr("Judge on at most"), tr("Calibrate on at most"), tr("Calibrate on"))
        for label, name in zip(self._labels, names, strict=True):
            label.setText(name)
        self.judge.setAccessibleName(tr("Judging samples"))
        self.judge.setToolTip(
            tr("More samples make the accuracy more certain and every measurement slower. 0: all.")
        )
        self.judge.setSpecialValueText(tr("all"))
        self.calibration.setAccessibleName(tr("Calibration samples"))
        self.calibration.setToolTip(
            tr("Samples that the compression may look at. They never judge, and need no answers.")
        )
        for spin in (self.judge, self.calibration):
            spin.setSuffix(" " + tr("samples"))
            spin.setFixedWidth(max(spin.sizeHint().width(), FIELD_WIDTH))
            spin.lineEdit().setAccessibleName(spin.accessibleName())
        self.folder.setText(tr("Folder…"))
        self.folder.setAccessibleName(tr("Calibrate on a folder"))
        self.file.setText(tr("File…"))
        self.file.setAccessibleName(tr("Calibrate on a file"))
        self.same.setText(tr("Same data"))
        self.same.setToolTip(tr("Take the calibration samples from the same data again"))
        self._show_source()
