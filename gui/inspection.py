"""Asks the engine for the chosen layer's view: at most one question under way, the latest one kept."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from gui.engine_client import EngineClient

PAUSE_MS = 40
"""While a slider is dragged, one question per pause is enough."""


class Inspection(QObject):
    answered = Signal(object)
    """LayerView."""

    def __init__(self, engine: EngineClient, parent: QObject) -> None:
        super().__init__(parent)
        self._engine = engine
        self._wanted: m.Inspect | None = None
        self._asked: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        engine.event.connect(self._on_event)

    def ask(self, request: m.Inspect) -> None:
        """Replaces whatever was still waiting to be asked."""
        self._wanted = request
        self._timer.start()

    def forget(self) -> None:
        self._wanted = None
        self._timer.stop()

    def _ask(self) -> None:
        if self._asked is None and self._wanted is not None:
            request, self._wanted = self._wanted, None
            self._asked = self._engine.send(request).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id != self._asked or not isinstance(event, m.Done | m.Failed):
            return
        self._asked = None
        if isinstance(event, m.Done):
            self.answered.emit(event.value)
        if self._wanted is not None:
            self._timer.start()
