"""What runs between layers: asks for the chosen layer's values on samples while somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from core.values import ActivationView, Text
from gui.engine_client import EngineClient

if TYPE_CHECKING:
    from gui.session import Session

PAUSE_MS = 60
"""While arrow keys run down the table, one question a pause is enough."""


class LayerActivations(QObject):
    """Belongs to the session. At most one question is under way, the latest one kept."""

    changed = Signal()

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._engine, self._session = engine, session
        self.view: ActivationView | None = None
        """Of the chosen layer under the plan in force, or None while it is not known."""
        self.failure: Text | None = None
        """Why the last question has no answer."""
        self._wanted = False
        self._asked: int | None = None
        self._asked_for: tuple[object, ...] | None = None
        self._shown_for: tuple[object, ...] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        engine.event.connect(self._on_event)
        for signal in (
            session.model_changed,
            session.data_changed,
            session.selection_changed,
            session.plan_changed,
        ):
            signal.connect(self._on_changed)

    def watch(self, wanted: bool) -> None:
        """Whether anybody looks; samples are run for nobody else."""
        self._wanted = wanted
        self._on_changed()

    @property
    def busy(self) -> bool:
        return self._wanted and self._subject() is not None and self._subject() != self._shown_for

    def _subject(self) -> tuple[object, ...] | None:
        """What a picture is of: it stays while nothing of this changes."""
        session = self._session
        if session.model is None or session.data is None or session.selection is None:
            return None
        bits = session.plan.layer(session.selection).activation_bits
        own = session.plan.methods.get("calibrate"), session.plan.methods.get("quantize_activations")
        return session.model.sha256, session.data.spec, session.selection, bits, own

    def _on_changed(self, _value: object = None) -> None:
        subject = self._subject()
        known = self._shown_for
        if known is not None and (subject is None or subject[:3] != known[:3]):
            # of another layer; under another plan the last picture stays until the next one comes
            self._shown_for = self.view = self.failure = None
            self.changed.emit()
        if self.busy:
            self._timer.start()

    def _ask(self) -> None:
        session, subject = self._session, self._subject()
        if self._asked is not None or not self.busy or subject is None:
            return
        assert session.model is not None and session.data is not None and session.selection is not None
        request = m.InspectActivations(
            model=session.model.path,
            layer_id=session.selection,
            plan=session.plan,
            data=session.data.spec,
        )
        self._asked_for = subject
        self._asked = self._engine.send(request).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._asked is None or event.id != self._asked or not isinstance(event, m.Done | m.Failed):
            return
        self._asked = None
        if self._asked_for == self._subject():
            self._shown_for = self._asked_for
            self.view = event.value if isinstance(event, m.Done) else None
            self.failure = event.what if isinstance(event, m.Failed) else None
            self.changed.emit()
        elif self.busy:
            self._timer.start()
