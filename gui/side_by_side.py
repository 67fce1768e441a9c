"""The compressed network's drawing and its counterparts: asked from the engine while somebody looks."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import SideBySide
from gui.engine_client import EngineClient
from gui.session_state import SessionState


class SideBySideDrawing(QObject):
    changed = Signal()

    def __init__(self, engine: EngineClient, state: SessionState) -> None:
        super().__init__(state)
        self._engine = engine
        self._state = state
        self._detail = "layers"
        self._wanted = False
        self._kept: dict[tuple[str, str], SideBySide] = {}
        self._asked: dict[int, tuple[str, str]] = {}
        self.failed = False
        """The compressed file could not be read: it was cleared away, or changed."""
        engine.event.connect(self._on_event)
        state.model_changed.connect(self._forget)
        state.result_changed.connect(self._on_result)

    @property
    def value(self) -> SideBySide | None:
        """Of the last result, in the detail that was wanted; None while it is not there."""
        result = self._state.result
        return self._kept.get((result.sha256, self._detail)) if result is not None else None

    def want(self, detail: str, wanted: bool = True) -> None:
        self._detail, self._wanted = detail, wanted
        self._consider()

    def _consider(self) -> None:
        result, model = self._state.result, self._state.model
        if not self._wanted or result is None or model is None:
            return
        key = (result.sha256, self._detail)
        if key in self._kept or key in self._asked.values():
            return
        self.failed = False
        request = m.CompareGraphs(
            model=model.path,
            compressed=result.artefact,
            detail="nodes" if self._detail == "nodes" else "layers",
            model_sha256=model.sha256,
        )
        self._asked[self._engine.send(request).id] = key

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id not in self._asked or not isinstance(event, m.Done | m.Failed):
            return
        key = self._asked.pop(event.id)
        if isinstance(event, m.Done) and isinstance(event.value, SideBySide):
            self._kept[key] = event.value
        else:
            self.failed = True
        self.changed.emit()

    def _on_result(self, _result: object) -> None:
        self._kept = {key: value for key, value in self._kept.items() if self._is_current(key)}
        self._consider()
        self.changed.emit()

    def _is_current(self, key: tuple[str, str]) -> bool:
        return self._state.result is not None and key[0] == self._state.result.sha256

    def _forget(self, _model: object) -> None:
        self._kept, self._asked, self.failed = {}, {}, False
        self.changed.emit()
