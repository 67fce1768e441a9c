"""Which layers' channels stand or fall together: asked from the engine once somebody looks at a layer."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import CoupledChannels, Couplings, Text
from gui.engine_client import EngineClient
from gui.session_state import SessionState


class LayerCouplings(QObject):
    changed = Signal()

    def __init__(self, engine: EngineClient, state: SessionState) -> None:
        super().__init__(state)
        self._engine = engine
        self._state = state
        self._groups: dict[str, list[CoupledChannels]] = {}
        self._asked: int | None = None
        self._known = False
        self.why_not: Text | None = None
        """Why it is not known what is coupled, where the engine gave up."""
        engine.event.connect(self._on_event)
        state.model_changed.connect(self._on_model)
        state.selection_changed.connect(self._on_selection)

    def mates(self, layer_id: str | None) -> tuple[str, ...]:
        """The other layers that lose a channel where this one does, in the network's order."""
        groups = self._groups.get(layer_id, ()) if layer_id is not None else ()
        found = dict.fromkeys(other for group in groups for other in group.layers if other != layer_id)
        return tuple(found)

    def why_fixed(self, layer_id: str) -> Text | None:
        """Why none of its channels can go; None where some can, or where that is not known."""
        groups = self._groups.get(layer_id, [])
        reasons = [group.why_fixed for group in groups]
        return reasons[0] if reasons and None not in reasons else None

    def _on_selection(self, layer_id: str | None) -> None:
        model = self._state.model
        if layer_id is None or model is None or self._known or self._asked is not None:
            return
        request = m.CoupleLayers(model=model.path, model_sha256=model.sha256)
        self._asked = self._engine.send(request).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id != self._asked or not isinstance(event, m.Done | m.Failed):
            return
        self._asked = None
        if isinstance(event, m.Done) and isinstance(event.value, Couplings):
            self._known, self.why_not = True, event.value.why_not
            for group in event.value.groups:
                for layer_id in group.layers:
                    self._groups.setdefault(layer_id, []).append(group)
            self.changed.emit()

    def _on_model(self, _model: object) -> None:
        self._groups, self._asked, self._known, self.why_not = {}, None, False, None
