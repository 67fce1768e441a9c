"""Has the guesses about new samples tried on the model; whatever a person begins goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal

from core import messages as m
from core.values import DataCheck, Preprocess
from gui.engine_client import EngineClient
from gui.job import Job

if TYPE_CHECKING:
    from gui.session import Session


class DataChecking(QObject):
    """Belongs to the session. Guesses are checked by themselves, what a person chose when asked."""

    changed = Signal()

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._engine = engine
        self._session = session
        self._asked: m.CheckData | None = None
        self._wanted = False
        self._found: DataCheck | None = None
        engine.event.connect(self._on_event)
        session.data_changed.connect(self._on_data)
        session.job_changed.connect(self._on_job)

    @property
    def busy(self) -> bool:
        return self._wanted or self._asked is not None

    @property
    def possible(self) -> bool:
        """Whether there are right answers to try ways on."""
        data = self._session.data
        return data is not None and data.task == "classification"

    @property
    def found(self) -> DataCheck | None:
        """For the samples as they are prepared now; None: not checked."""
        data = self._session.data
        same = self._found is not None and data is not None and self._found.spec == data.spec
        return self._found if same else None

    def ask(self) -> None:
        """Check the samples as they are prepared now, as soon as nothing else runs."""
        self._found = None
        self._wanted = self.possible
        self._begin()
        self.changed.emit()

    def use(self, preprocess: Preprocess | None = None) -> None:
        """Prepare the samples so; without a preprocessing, take all that the check proposes."""
        found = self.found
        if found is None or self._session.job is not None:
            return
        spec = (
            found.better if preprocess is None else msgspec.structs.replace(found.spec, preprocess=preprocess)
        )
        self._session.open_data(spec)

    def _on_data(self, _data: object = None) -> None:
        data, asked = self._session.data, self._session.asked_data
        if self._asked is not None and (data is None or data.spec != self._asked.data):
            self._engine.cancel(self._asked.id, firm=False)
        if self.found is None:
            self._found = None
            # what a person or an earlier life of the project settled is not tried again unasked
            guessed = (
                asked is not None and not asked.kind and asked.preprocess is None and not asked.label_order
            )
            self._wanted = guessed and self.possible
            self._begin()
        self.changed.emit()

    def _on_job(self, job: Job | None) -> None:
        if job is None:
            self._begin()
        elif self._asked is not None:
            # a person is waiting for the job: the check comes again after it
            self._engine.cancel(self._asked.id, firm=False)
            self._wanted = True

    def _begin(self) -> None:
        session = self._session
        if not self._wanted or self._asked is not None or session.job is not None:
            return
        if session.model is None or session.data is None:
            self._wanted = False
            return
        self._wanted = False
        request = m.CheckData(model=session.model.path, data=session.data.spec)
        self._asked = self._engine.send(request)
        self.changed.emit()

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._asked is None or event.id != self._asked.id or not isinstance(event, m.Done | m.Failed):
            return
        self._asked = None
        # a check that fails says nothing: the analysis itself will say what is wrong
        if isinstance(event, m.Done) and isinstance(event.value, DataCheck):
            self._found = event.value
        self._begin()
        self.changed.emit()
