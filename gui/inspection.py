"""Asks the engine for the chosen layer's view: at most one question under way, the latest one kept.

The view is there at once. Where its score looks at samples and they have not been looked at, the same
question is asked once more with the measuring, beside everything else, and the view again after it.
"""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from core.values import LayerView
from gui.engine_client import EngineClient
from gui.session_state import SessionState

PAUSE_MS = 40
"""While a slider is dragged, one question per pause is enough."""


class Inspection(QObject):
    answered = Signal(object)
    """LayerView."""
    measuring = Signal(object)
    """(done, total) of the samples while a score is being measured, None when it is not any more."""

    def __init__(self, engine: EngineClient, parent: QObject) -> None:
        super().__init__(parent)
        self._engine = engine
        self._wanted: m.Inspect | None = None
        self._last: m.Inspect | None = None
        self._asked: int | None = None
        self._measured: m.Inspect | None = None
        self._failed: tuple[object, ...] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        engine.event.connect(self._on_event)

    def look(self, state: SessionState) -> None:
        """Ask for the chosen layer as the session has it."""
        if state.model is None or state.selection is None:
            return
        self.ask(
            m.Inspect(
                model=state.model.path,
                layer_id=state.selection,
                plan=state.plan,
                score=state.score,
                data=state.data.spec if state.data is not None else None,
                project=state.project_path,
                position=state.kernel_position,
            )
        )

    def ask(self, request: m.Inspect) -> None:
        """Replaces whatever was still waiting to be asked."""
        if self._measured is not None and _subject(self._measured) != _subject(request):
            self._stop_measuring()
        self._wanted = request
        self._timer.start()

    def forget(self) -> None:
        self._wanted = self._last = None
        self._stop_measuring()
        self._timer.stop()

    def _ask(self) -> None:
        if self._asked is None and self._wanted is not None:
            request, self._wanted = self._wanted, None
            self._last = request
            self._asked = self._engine.send(request).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._measured is not None and event.id == self._measured.id:
            self._on_measuring(event)
        elif event.id == self._asked and isinstance(event, m.Done | m.Failed):
            self._asked = None
            if isinstance(event, m.Done):
                self.answered.emit(event.value)
                self._measure_if_needed(event.value)
            if self._wanted is not None:
                self._timer.start()

    # ------------------------------------------------------------ scores that look at samples

    def _measure_if_needed(self, view: LayerView) -> None:
        last = self._last
        if not view.unmeasured or last is None or self._measured is not None or self._wanted is not None:
            return
        if _subject(last) == self._failed:
            return  # the engine died of it: not again and again
        self._measured = self._engine.send(msgspec.structs.replace(last, measure=True))
        self.measuring.emit((0, 0))

    def _on_measuring(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Progress):
            self.measuring.emit((event.done, event.total))
        elif isinstance(event, m.Done | m.Failed):
            measured, self._measured = self._measured, None
            if isinstance(event, m.Failed) and event.code != "Cancelled" and measured is not None:
                self._failed = _subject(measured)
            self.measuring.emit(None)
            if self._last is not None:
                self.ask(self._last if self._wanted is None else self._wanted)

    def _stop_measuring(self) -> None:
        if self._measured is not None:
            # it may be in the middle of a batch: nothing depends on how soon it hears
            self._engine.cancel(self._measured.id, firm=False)
            self._measured = None
            self.measuring.emit(None)


def _subject(request: m.Inspect) -> tuple[object, ...]:
    """What a measurement is of; another layer is measured after it."""
    return request.model, request.score, request.data
