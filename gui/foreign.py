"""A file of another framework that was opened: what must be asked about it before it is turned into ONNX."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import Foreign, InputSize
from gui.engine_client import EngineClient
from gui.job import Problem


class ForeignFile(QObject):
    asked = Signal(object)
    """The Foreign about which the person must say something."""
    read_networks = Signal(object)
    """Networks: what the Python file that was chosen defines."""
    unreadable = Signal(object)
    """Problem: it is no Python file."""

    def __init__(self, engine: EngineClient, parent: QObject) -> None:
        super().__init__(parent)
        self._engine = engine
        self._reading: int | None = None
        self._guess: tuple[InputSize, ...] = ()
        engine.event.connect(self._on_event)

    def ask(self, foreign: Foreign) -> None:
        self._guess = foreign.inputs
        self.asked.emit(foreign)

    def read(self, path: str) -> None:
        """Find the networks that a Python file defines; the engine reads it, nobody runs it."""
        self._reading = self._engine.send(m.ReadArchitecture(path=path, guess=self._guess)).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id != self._reading or not isinstance(event, m.Done | m.Failed):
            return
        self._reading = None
        if isinstance(event, m.Done):
            self.read_networks.emit(event.value)
        else:
            self.unreadable.emit(
                Problem(kind="architecture", what=event.what, why=event.why, next_step=event.next_step)
            )
