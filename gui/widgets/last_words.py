"""What the program still does once its window is gone, said if it takes longer than a moment."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QLabel, QVBoxLayout

from gui.i18n import tr

MOMENT_SECONDS = 0.4
STEP_SECONDS = 0.03


def wait_visibly(done: Callable[[float], bool]) -> None:
    """Return once `done`, which waits so many seconds at most, says so."""
    if done(MOMENT_SECONDS):
        return
    note = QDialog()
    note.setWindowTitle("Secateur")
    room = QVBoxLayout(note)
    room.setContentsMargins(28, 22, 28, 22)
    room.addWidget(
        QLabel(tr("A copy of the project is being written. Secateur ends by itself when it is done."))
    )
    note.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
    note.show()
    while not done(STEP_SECONDS):
        QCoreApplication.processEvents()
    note.close()
    note.deleteLater()
