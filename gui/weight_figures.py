"""Ranges and errors of all layers' weights under the plan: asked from the engine while a view shows them."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from core.values import LayerWeights, WeightFigures
from gui.engine_client import EngineClient
from gui.session_state import SessionState

PAUSE_MS = 150
"""After the last edit; a drag asks once."""


class WeightsOfLayers(QObject):
    changed = Signal()

    def __init__(self, engine: EngineClient, state: SessionState) -> None:
        super().__init__(state)
        self._engine = engine
        self._state = state
        self._figures: WeightFigures | None = None
        self._by_layer: dict[str, LayerWeights] = {}
        self._wanted = False
        self._asked: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        engine.event.connect(self._on_event)
        state.model_changed.connect(self._on_model)
        state.plan_changed.connect(self._consider)

    def want(self, wanted: bool) -> None:
        """Whether anybody looks at these figures now."""
        self._wanted = wanted
        self._consider()

    def by_layer(self) -> dict[str, LayerWeights]:
        """What is known; of an earlier plan until the answer for this one is there."""
        return self._by_layer

    @property
    def current(self) -> bool:
        return self._figures is not None and self._figures.plan == self._state.plan

    def _consider(self, _plan: object = None) -> None:
        if self._wanted and self._state.model is not None and not self.current:
            self._timer.start()

    def _ask(self) -> None:
        model = self._state.model
        if model is None or self.current:
            return
        if self._asked is not None:
            self._engine.cancel(self._asked, firm=False)
        request = m.WeighLayers(model=model.path, plan=self._state.plan, model_sha256=model.sha256)
        self._asked = self._engine.send(request).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id != self._asked or not isinstance(event, m.Done | m.Failed):
            return
        self._asked = None
        if isinstance(event, m.Done) and isinstance(event.value, WeightFigures):
            self._figures = event.value
            self._by_layer = {layer.layer_id: layer for layer in event.value.layers}
            self.changed.emit()
            self._consider()

    def _on_model(self, _model: object) -> None:
        self._figures, self._by_layer, self._asked = None, {}, None
        self._timer.stop()
        self._consider()
