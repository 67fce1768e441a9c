"""The only mutable state of the window: what is open, chosen, planned, measured, running.

Views read its properties, listen to its signals and call its methods; they never call each other.
One signal per field; each carries the new value (or nothing where several values change together).
"""

from __future__ import annotations

from typing import Any

import msgspec
from PySide6.QtCore import QObject

from core import messages as m
from core.values import (
    FLOAT_BITS,
    Analysis,
    BestPlan,
    BestPlans,
    DamageLink,
    DataInfo,
    DataSpec,
    Exported,
    Foreign,
    Graph,
    GraphGroups,
    LatencyTable,
    ModelInfo,
    Outcome,
    Plan,
    Recipe,
    Result,
    RunPoint,
    SensitivityPoint,
    Timings,
    TrainingPoint,
    Wiring,
)
from core.values.plan import parse_pattern
from gui.activations import LayerActivations
from gui.blame import PlanBlame
from gui.couplings import LayerCouplings
from gui.data_check import DataChecking
from gui.engine_client import EngineClient
from gui.foreign import ForeignFile
from gui.graph_layouts import GraphLayouts
from gui.inspection import Inspection
from gui.job import Job, Problem
from gui.points import with_point
from gui.remedies import remedies
from gui.rescue import PlanRescue
from gui.restore import in_project
from gui.session_plan import PlanningSession
from gui.weight_figures import WeightsOfLayers
from gui.whatif import WhatIf

USUAL_BITS = (8, 4)
"""What an analysis measures besides the bits that the plan asks for."""


class Session(PlanningSession):
    def __init__(self, engine: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._pending_data: DataSpec | None = None
        self.asked_data: DataSpec | None = None
        """What was asked for last, with what the person left to be guessed left open."""
        self._requests: dict[str, m.Request] = {}
        self._describing: int | None = None
        self._inspection = Inspection(engine, self)
        self._inspection.answered.connect(self._on_inspected)
        self.layouts = GraphLayouts(engine, self)
        self.weights = WeightsOfLayers(engine, self)
        self.couplings = LayerCouplings(engine, self)
        self.whatif = WhatIf(engine, self)
        self.foreign = ForeignFile(engine, self)
        self.blame = PlanBlame(engine, self)
        self.rescue = PlanRescue(engine, self)
        self.check = DataChecking(engine, self)
        self._inspection.measuring.connect(self.measuring_changed)
        self.activations = LayerActivations(engine, self)
        engine.event.connect(self._on_event)
        engine.started.connect(self._on_engine_started)

    # ------------------------------------------------------------ jobs

    def open_model(self, path: str, data: DataSpec | None = None, recipe: Recipe | None = None) -> None:
        """Open a model; with `data` that is opened too as soon as the model is there.

        `recipe`: what was answered about a file of another framework.
        """
        self.stop()
        self._pending_data = data
        self.begin("open", m.OpenModel(model=path, recipe=recipe, first=self.layouts.shown))

    def open_data(self, spec: DataSpec) -> None:
        if self.model is not None:
            self.asked_data = spec
            self.begin("data", m.OpenData(model=self.model.path, data=spec))

    def open_data_later(self, spec: DataSpec) -> None:
        """As soon as the model is there with everything."""
        if self.job is None:
            self.open_data(spec)
        else:
            self._pending_data = spec

    @property
    def data_is_coming(self) -> bool:
        return self._pending_data is not None or (self.job is not None and self.job.kind == "data")

    def change_data(self, **changes: Any) -> None:
        """Read the data anew with these fields of its `DataSpec` changed, also after it could not be read."""
        spec = self.data.spec if self.data is not None else self.failed_data
        if spec is not None:
            self.open_data(msgspec.structs.replace(spec, **changes))

    def analyze(self) -> None:
        """Measure every layer. What is known stays: the engine answers it at once, and goes on from there."""
        if self.model is not None and self.data is not None:
            plans = [self.plan.layer(layer.id) for layer in self.model.layers]
            planned = {plan.weight_bits or FLOAT_BITS for plan in plans} - {FLOAT_BITS}
            rounded = {plan.activation_bits or FLOAT_BITS for plan in plans} - {FLOAT_BITS}
            self.begin(
                "analyze",
                m.Analyze(
                    model=self.model.path,
                    data=self.data.spec,
                    plan=self.plan,
                    weight_bits=tuple(sorted({*USUAL_BITS, *planned}, reverse=True)),
                    activation_bits=tuple(rounded),
                    patterns=tuple(sorted({plan.pattern for plan in plans if parse_pattern(plan.pattern)})),
                ),
            )

    def measure_layer(self, layer_id: str, sparsities: tuple[float, ...], bits: tuple[int, ...]) -> None:
        """Measure this layer alone at these settings; points of other settings and layers stay."""
        if self.model is not None and self.data is not None:
            self.begin(
                "measure",
                m.Analyze(
                    model=self.model.path,
                    data=self.data.spec,
                    plan=self.plan,
                    layers=(layer_id,),
                    sparsities=sparsities,
                    weight_bits=bits,
                ),
            )

    def run(self, plan: Plan | None = None) -> None:
        """Carry out the plan in force, or another one."""
        if self.model is None or self.data is None:
            return
        self.run_points, self.training = (), ()
        self.run_state, self.run_plan = "running", plan or self.plan
        self.run_changed.emit(None)
        self.begin("compress", m.Compress(model=self.model.path, data=self.data.spec, plan=self.run_plan))

    def export(self, destination: str, language: str = "en") -> None:
        if self.result is not None and self.model is not None:
            self.begin(
                "export",
                m.Export(
                    result=self.result,
                    model=self.model.path,
                    data=self.data.spec if self.data else None,
                    destination=destination,
                    language=language,
                    points=self.run_points,
                    expected=self.estimate() if self.result_is_current else None,
                ),
            )

    def stop(self) -> None:
        """Stop the running job, whatever it is."""
        if self.job is not None and not self.job.stopping:
            self._set_job(msgspec.structs.replace(self.job, stopping=True))
            self._engine.cancel(self.job.id)

    def begin(self, kind: str, request: m.Request) -> None:
        self._requests[kind] = request
        sent = self._engine.send(in_project(self, request))
        self._set_job(Job(kind=kind, id=sent.id))

    def retry(self, kind: str) -> None:
        """Do what failed once more; what it had found is kept and not measured again."""
        if kind == "compress":
            self.run()
        elif kind in self._requests and self.job is None:
            self.begin(kind, self._requests[kind])

    def _forget_data(self) -> None:
        super()._forget_data()
        # what was asked about the data before is not asked again about these
        self._requests = {kind: asked for kind, asked in self._requests.items() if kind in ("open", "data")}

    def close_model(self) -> None:
        """Nothing is open any more."""
        self.stop()
        self._take_model(None)

    # ------------------------------------------------------------ events

    def _on_engine_started(self) -> None:
        if not self.catalogue.scores:
            self._describing = self._engine.send(m.Describe()).id

    def _on_event(self, event: m.AnyEvent) -> None:
        if event.id == self._describing:
            if isinstance(event, m.Done):
                self.catalogue = event.value
                self.catalogue_changed.emit(event.value)
        elif self.job is not None and event.id == self.job.id:
            self._on_job_event(event)

    def _on_job_event(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Progress):
            self._set_job(
                msgspec.structs.replace(
                    self.job,
                    stage=event.stage,
                    done=event.done,
                    total=event.total,
                    seconds_left=event.seconds_left,
                    share=event.share,
                )
            )
        elif isinstance(event, m.Partial):
            # a layer's measurement times the original anew: what is compared with it already stays
            again = isinstance(event.value, Outcome | Timings) and self.baseline is not None
            if not (again and self.job.kind == "measure"):
                self._take(event.value)
        elif isinstance(event, m.Done):
            kind = self.job.kind
            self._set_job(None)
            self._take(event.value, finished=kind)
        elif isinstance(event, m.Failed):
            self._on_failed(event)

    def _on_failed(self, event: m.Failed) -> None:
        kind = self.job.kind
        if kind == "compress":
            self.run_state = "stopped" if event.code == "Cancelled" else "failed"
        if kind == "plan" and self.every_layer_is_measured:
            self.analyzed = True  # a search that reaches nothing has measured them all the same
        if kind == "data" and self.data is None and event.code != "Cancelled":
            self.failed_data = self.asked_data
        self._set_job(None)
        if kind == "compress":
            self.run_changed.emit(self.run_points[-1] if self.run_points else None)
        if event.code != "Cancelled":
            self.problem.emit(
                Problem(
                    kind=kind,
                    what=event.what,
                    why=event.why,
                    next_step=event.next_step,
                    details=event.details,
                    choices=remedies(event.code),
                )
            )

    def _take(self, value: object, finished: str = "") -> None:
        """Put a value that the engine sent where it belongs."""
        if isinstance(value, ModelInfo):
            # it comes twice: as soon as it is known, and at the end, when the graphs are there too
            if not finished or value != self.model:
                self._take_model(value)
        elif isinstance(value, Foreign):
            self.foreign.ask(value)
        elif isinstance(value, Graph):
            self.graphs[value.detail] = value
            self.graph_changed.emit(value)
        elif isinstance(value, GraphGroups):
            self.layouts.take_groups(value)
        elif isinstance(value, Wiring):
            self.layouts.take_wiring(value)
        elif isinstance(value, DataInfo):
            self._take_data(value)
        elif isinstance(value, Outcome):
            self._set_baseline(value)
        elif isinstance(value, Timings):
            self.timings = value
            self.timings_changed.emit(value)
        elif isinstance(value, LatencyTable):
            self.take_latency_table(value)
        elif isinstance(value, SensitivityPoint):
            self._take_point(value)
        elif isinstance(value, DamageLink):
            self.link = value
        elif isinstance(value, Analysis):
            if finished != "measure":  # one layer by itself is no analysis
                self.analyzed = True
                self._set_baseline(value.baseline)
        elif isinstance(value, BestPlan | BestPlans):
            self.analyzed = True  # every layer was measured for it
        elif isinstance(value, RunPoint):
            self.run_points = (*self.run_points, value)
            self.run_changed.emit(value)
        elif isinstance(value, TrainingPoint):
            self.training = (*self.training, value)
            self.training_changed.emit(value)
        elif isinstance(value, Result):
            self.run_state = "done"
            self.result = value
            self.last_export = None
            self._set_baseline(value.before)
            self.run_changed.emit(self.run_points[-1] if self.run_points else None)
            self.result_changed.emit(value)
        elif isinstance(value, Exported):
            self.last_export = value
            self.exported.emit(value)
        if finished:
            # the steps strip follows: a step may be done without any other field changing
            self.job_changed.emit(None)

    def _take_point(self, point: SensitivityPoint) -> None:
        """A point measured again takes the place of the earlier one."""
        self.points[point.layer_id] = with_point(self.points.get(point.layer_id, ()), point)
        self.points_changed.emit(point)

    def _set_job(self, job: Job | None) -> None:
        self.job = job
        self.job_changed.emit(job)
        if job is None and self._pending_data is not None and self.model is not None:
            spec, self._pending_data = self._pending_data, None
            self.open_data(spec)
        self.whatif.consider()
