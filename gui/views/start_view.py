"""The first screen: open a model, try the sample, or go on with a recent one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from core.project import ENDING
from gui import samples
from gui.i18n import tr
from gui.icons import pixmap
from gui.job import Job
from gui.session import Session
from gui.theme import Theme
from gui.widgets.retranslating import Retranslating

SHOWN = 6
"""Recent files at most."""
NAME_WIDTH = 360
"""Points that a recent file's name may take."""


class StartView(Retranslating, QWidget):
    open_asked = Signal()
    sample_asked = Signal(str)
    """The name of one of the samples."""
    recent_asked = Signal(str)

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._session = session
        self._paths: list[str] = []
        self._interrupted = ("", "")
        self._logo = QLabel(self)
        self._title = QLabel(self)
        self._title.setProperty("title", True)
        self._hint = QLabel(self)
        self._hint.setProperty("muted", True)
        for label in (self._logo, self._title, self._hint):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._open = QPushButton(self)
        self._open.setProperty("primary", True)
        self._open.clicked.connect(self.open_asked)
        self.sample_button = QPushButton(self)
        self._others_label = QLabel(self)
        self._others_label.setProperty("small", True)
        first, *others = samples.samples()
        self._samples = {first.name: self.sample_button}
        self._samples |= {sample.name: QPushButton(self) for sample in others}
        for name, button in self._samples.items():
            button.setProperty("sample", name)
            button.clicked.connect(self._ask_sample)
        self._told = QLabel(self)
        self._told.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._continue = QPushButton(self)
        self._continue.clicked.connect(self._ask_continue)
        self._recent_title = QLabel(self)
        self._recent_title.setProperty("small", True)
        self._recent_title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch()
        buttons.addWidget(self._open)
        buttons.addWidget(self.sample_button)
        buttons.addStretch()
        more = QHBoxLayout()
        more.setSpacing(2)
        more.addStretch()
        more.addWidget(self._others_label)
        for button in list(self._samples.values())[1:]:
            button.setProperty("flat", True)
            more.addWidget(button)
        more.addStretch()
        column = QVBoxLayout(self)
        column.addStretch(4)
        column.addWidget(self._logo)
        column.addSpacing(14)
        column.addWidget(self._title)
        column.addSpacing(6)
        column.addWidget(self._hint)
        column.addSpacing(14)
        column.addLayout(buttons)
        column.addSpacing(22)
        column.addWidget(self._told)
        column.addSpacing(8)
        column.addWidget(self._continue, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(18)
        column.addWidget(self._recent_title)
        column.addSpacing(2)
        column.addLayout(self._recent)
        column.addStretch(5)
        column.addLayout(more)  # down here, where the tour's bubble does not lie over it
        theme.changed.connect(self._recolor)
        session.job_changed.connect(self._on_job)
        self._recolor()
        self.retranslate()

    def take_focus(self) -> None:
        self._open.setFocus()

    def set_interrupted(self, project: str, model: str) -> None:
        """Offer to go on where the last window was cut off; empty: it was not."""
        self._interrupted = (project, model)
        name = self.fontMetrics().elidedText(model, Qt.TextElideMode.ElideMiddle, NAME_WIDTH)
        self._told.setText(tr("Secateur did not close properly last time. Everything up to then is kept."))
        self._continue.setText(tr("Continue with {name}").format(name=name).replace("&", "&&"))
        for widget in (self._told, self._continue):
            widget.setVisible(bool(project))

    def _ask_sample(self) -> None:
        self.sample_asked.emit(self.sender().property("sample"))

    def _ask_continue(self) -> None:
        self.recent_asked.emit(self._interrupted[0])

    def set_recent(self, paths: list[str]) -> None:
        """Show these models' and projects' names, the latest first."""
        self._paths = paths = paths[:SHOWN]
        while (item := self._recent.takeAt(0)) is not None:
            item.widget().deleteLater()
        for path in paths:
            self._recent.addWidget(self._recent_button(path), 0, Qt.AlignmentFlag.AlignHCenter)
        self._recent_title.setVisible(bool(paths))

    def _recent_button(self, path: str) -> QPushButton:
        button = QPushButton(self)
        button.setProperty("flat", True)
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        metrics = self.fontMetrics()
        folder = str(Path(path).parent)
        shown = Path(path).name
        if shown.endswith(ENDING):
            shown = tr("{name} (project)").format(name=shown.removesuffix(ENDING))
        name = metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, NAME_WIDTH)
        place = metrics.elidedText(folder, Qt.TextElideMode.ElideMiddle, NAME_WIDTH)
        button.setText(f"{name}  ·  {place}".replace("&", "&&"))
        button.setToolTip(f"<qt>{_escaped(path)}</qt>" if "<" in path else path)
        button.setAccessibleName(tr("Open {path}").format(path=path))
        button.setProperty("path", path)
        button.clicked.connect(self._ask_recent)
        return button

    def _ask_recent(self) -> None:
        self.recent_asked.emit(self.sender().property("path"))

    def retranslate(self) -> None:
        self._title.setText(tr("What can your model spare?"))
        self._open.setText(tr("Open a model…"))
        self.sample_button.setText(tr("Try the sample"))
        self.sample_button.setToolTip(tr("A small network that reads handwritten digits, with its data"))
        self._others_label.setText(tr("Other samples:"))
        for sample in samples.samples()[1:]:
            self._samples[sample.name].setText(samples.title(sample))
        self._recent_title.setText(tr("Recent"))
        self._on_job(self._session.job)
        self.set_recent(self._paths)
        self.set_interrupted(*self._interrupted)

    def _on_job(self, job: Job | None) -> None:
        opening = job is not None and job.kind == "open"
        self._hint.setText(
            tr("Opening the model…")
            if opening
            else tr("Drop a model or a project here: ONNX, PyTorch, Keras")
        )

    def _recolor(self, *_: object) -> None:
        self._logo.setPixmap(pixmap("scissors", self._theme, 44, self.devicePixelRatioF()))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A dashed frame: here things may be dropped."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(self._theme.color("original"), 1)
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)


def _escaped(text: str) -> str:
    """Tooltips turn rich by themselves when they hold a tag: a name must stay plain."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
