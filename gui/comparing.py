"""What a result changed, sample by sample: asks the engine once it is looked at, keeps, tells."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from core.values import Comparison, OwnSample, Result, Text, Tried
from gui.engine_client import EngineClient
from gui.job import Job, Problem
from gui.restore import in_project
from gui.session import Session


class ResultComparison(QObject):
    """Beside the session's jobs, and behind them: a job that begins comes first."""

    changed = Signal()

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._engine = engine
        self._session = session
        self._wanted = False
        self._asked: m.Request | None = None
        self._trying: int | None = None
        self.comparison: Comparison | None = None
        """Of the session's result; while it grows `done` is below `total`."""
        self.tried: Tried | None = None
        self.trouble: Text | None = None
        """Why there is none."""
        engine.event.connect(self._on_event)
        session.result_changed.connect(self._on_result)
        session.data_changed.connect(self._on_result)
        session.job_changed.connect(self._on_job)

    @property
    def possible(self) -> bool:
        session = self._session
        return session.model is not None and session.data is not None and session.result is not None

    @property
    def busy(self) -> bool:
        return self._asked is not None or self._trying is not None

    @property
    def complete(self) -> bool:
        return self.comparison is not None and self.comparison.done >= self.comparison.total

    def look(self) -> None:
        """Somebody looks at it: compare, unless that was done."""
        self._wanted = self.possible and not self.complete and self.trouble is None
        self._ask_soon()

    def retry(self) -> None:
        self.trouble = None
        self.look()

    def try_file(self, path: str) -> None:
        self.try_own(OwnSample(path=path))

    def try_own(self, sample: OwnSample) -> None:
        """Ask both networks about a sample of the person's own."""
        session = self._session
        if session.model is None or session.data is None or session.result is None:
            return
        request = m.TrySample(
            model=session.model.path, data=session.data.spec, artefact=session.result.artefact, sample=sample
        )
        self._trying = self._engine.send(request).id
        self.changed.emit()

    def forget_tried(self) -> None:
        self.tried = None
        self.changed.emit()

    def _ask_soon(self) -> None:
        """A job that has just ended has not handed its result over yet."""
        QTimer.singleShot(0, self, self._ask)

    def _ask(self) -> None:
        session = self._session
        if not self._wanted or self._asked is not None or session.job is not None or not self.possible:
            return
        self._wanted = False
        request = m.Compare(
            model=session.model.path,
            data=session.data.spec,
            artefact=session.result.artefact,
            sha256=session.result.sha256,
        )
        self._asked = self._engine.send(in_project(session, request))
        self.changed.emit()

    def _on_event(self, event: m.AnyEvent) -> None:
        if self._trying is not None and event.id == self._trying:
            self._on_tried(event)
        elif self._asked is not None and event.id == self._asked.id:
            self._on_compared(event)

    def _on_tried(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Done):
            self.tried = event.value
        elif isinstance(event, m.Failed):
            self._session.problem.emit(
                Problem(
                    kind="try",
                    what=event.what,
                    why=event.why,
                    next_step=event.next_step,
                    details=event.details,
                )
            )
        if isinstance(event, m.Done | m.Failed):
            self._trying = None
            self.changed.emit()

    def _on_compared(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Partial | m.Done) and isinstance(event.value, Comparison):
            result = self._session.result
            if result is not None and result.sha256 == event.value.sha256:
                self.comparison = event.value
        if isinstance(event, m.Failed) and event.code != "Cancelled":
            self.trouble = event.what
        if isinstance(event, m.Done | m.Failed):
            self._asked = None
            self._ask()
        if isinstance(event, m.Partial | m.Done | m.Failed):
            self.changed.emit()

    def _on_job(self, job: Job | None) -> None:
        if job is None:
            self._ask_soon()
        elif self._asked is not None and not self.complete:
            # whoever waits for a job waits for nothing else; it is taken up again afterwards
            self._wanted = True
            self._engine.cancel(self._asked.id)

    def _on_result(self, _value: Result | object) -> None:
        """Another result, or other samples: what was compared is of no use any more."""
        result = self._session.result
        if result is not None and self.comparison is not None and result.sha256 == self.comparison.sha256:
            return
        if self._asked is not None:
            self._engine.cancel(self._asked.id)
        self.comparison = self.tried = self.trouble = None
        self.changed.emit()
