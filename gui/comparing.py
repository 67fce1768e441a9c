"""What a result or a snapshot changes, sample by sample: asks the engine once it is looked at, and tells."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from core import messages as m
from core.project import Snapshot
from core.values import Comparison, OwnSample, PlanMeasured, Text, Tried
from gui.engine_client import EngineClient
from gui.job import Job, Problem
from gui.restore import in_project
from gui.session import Session


class ResultComparison(QObject):
    """Beside the session's jobs, and behind them: a job that begins comes first."""

    changed = Signal()
    measured = Signal(object)
    """PlanMeasured of a snapshot that was not run."""

    def __init__(self, engine: EngineClient, session: Session) -> None:
        super().__init__(session)
        self._engine = engine
        self._session = session
        self._wanted = False
        self._asked: m.Request | None = None
        self._meant = False
        """Whether what was asked is still what is looked at."""
        self._trying: int | None = None
        self.snapshot: Snapshot | None = None
        """What is compared with the original; None: the session's result."""
        self._seen = ""
        self.comparison: Comparison | None = None
        """While it grows `done` is below `total`."""
        self.stage: Text | None = None
        """What is done before there is one."""
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
        there = self.snapshot is not None or session.result is not None
        return session.model is not None and session.data is not None and there

    @property
    def quick(self) -> bool:
        """Whether what is looked at was not run: its layers are made by themselves and put together."""
        result = self._session.result
        return self.snapshot is not None and (result is None or result.plan != self.snapshot.plan)

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

    def choose(self, snapshot: Snapshot | None) -> None:
        """Look at a snapshot, which is measured for it, or at the last run."""
        if (snapshot is None) != (self.snapshot is None) or (
            snapshot is not None and self.snapshot is not None and snapshot.plan != self.snapshot.plan
        ):
            self.snapshot = snapshot
            self._forget()
            self.look()

    def retry(self) -> None:
        self.trouble = None
        self.look()

    def try_file(self, path: str) -> None:
        self.try_own(OwnSample(path=path))

    def try_own(self, sample: OwnSample) -> None:
        """Ask both networks about a sample of the person's own."""
        session = self._session
        if not self.possible:
            return
        request = m.TrySample(
            model=session.model.path,
            data=session.data.spec,
            artefact="" if self.quick else session.result.artefact,
            plan=self.snapshot.plan if self.quick else None,
            sample=sample,
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
        self._wanted, self._meant = False, True
        request: m.Request = (
            m.ComparePlan(model=session.model.path, data=session.data.spec, plan=self.snapshot.plan)
            if self.quick
            else m.Compare(
                model=session.model.path,
                data=session.data.spec,
                artefact=session.result.artefact,
                sha256=session.result.sha256,
            )
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
        if isinstance(event, m.Partial | m.Done):
            if isinstance(event.value, PlanMeasured):
                self.measured.emit(event.value)
            elif isinstance(event.value, Comparison) and self._meant:
                self.comparison = event.value
        if isinstance(event, m.Progress) and self._meant and self.comparison is None:
            self.stage = event.stage
            self.changed.emit()
        if isinstance(event, m.Failed) and event.code != "Cancelled" and self._meant:
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

    def _on_result(self, _value: object) -> None:
        """Another result, or other samples: what was compared is of no use any more."""
        result = self._session.result
        seen = result.sha256 if result is not None else ""
        if seen and seen == self._seen:
            return
        self._seen = seen
        self.snapshot = None
        self._forget()

    def _forget(self) -> None:
        if self._asked is not None:
            self._engine.cancel(self._asked.id)
        self._meant = False
        self.comparison = self.tried = self.trouble = self.stage = None
        self.changed.emit()
