"""What the answers are judged as: the task that was guessed, and the others to choose from."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from core.values import Task
from gui.i18n import tr
from gui.widgets.retranslating import Retranslating
from gui.widgets.yielding_box import YieldingBox

TASKS: tuple[Task, ...] = (
    "classification",
    "multilabel",
    "regression",
    "segmentation",
    "detection",
    "language",
    "embedding",
    "unlabelled",
)


class TaskChoice(Retranslating, QWidget):
    chosen = Signal(str)
    """A person picked another task."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task: str = ""
        self._title = QLabel(self)
        self._title.setProperty("muted", True)
        self.box = YieldingBox(self)
        self.box.setMinimumWidth(120)
        for task in TASKS:
            self.box.addItem("", task)
        self._title.setBuddy(self.box)
        self.box.activated.connect(self._on_chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._title)
        row.addWidget(self.box)
        row.addStretch()
        self.retranslate()

    def set_task(self, task: str) -> None:
        self._task = task
        self.box.setCurrentIndex(self.box.findData(task))

    def retranslate(self) -> None:
        self._title.setText(tr("The answers are judged as"))
        self.box.setAccessibleName(tr("The answers are judged as"))
        names = {
            "classification": tr("One class a sample: accuracy"),
            "multilabel": tr("Several labels a sample: F1"),
            "regression": tr("Numbers: the error"),
            "segmentation": tr("Areas of a picture: mean IoU"),
            "detection": tr("Boxes of objects: mean average precision"),
            "language": tr("The next token: perplexity"),
            "embedding": tr("Embeddings: cosine and neighbours"),
            "unlabelled": tr("Compared with the original"),
        }
        for index in range(self.box.count()):
            self.box.setItemText(index, names[self.box.itemData(index)])

    def _on_chosen(self, index: int) -> None:
        task = self.box.itemData(index)
        # until the samples are read so, what holds stays shown
        self.set_task(self._task)
        if task != self._task:
            self.chosen.emit(task)
