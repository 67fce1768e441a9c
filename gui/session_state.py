"""What the window knows: the session's fields, a signal for each, and what follows from them.

Views read these; only `Session` changes them.
"""

from __future__ import annotations

import operator

from PySide6.QtCore import QObject, Signal

from core.estimate import estimate, predicted_loss
from core.kernel_model import KernelModel
from core.predict import Curve, PlanDamage
from core.values import (
    Catalogue,
    DamageLink,
    DataInfo,
    DataSpec,
    Exported,
    Graph,
    LatencyTable,
    LayerPlan,
    LayerView,
    ModelInfo,
    Outcome,
    Plan,
    PlanMeasured,
    Result,
    RunPoint,
    SensitivityPoint,
    Timings,
    TrainingPoint,
)
from gui.job import Job
from gui.models.against import Against

DEFAULT_PLAN = Plan(defaults=LayerPlan(sparsity=0.0, weight_bits=8, activation_bits=8))
"""What a newly opened model starts with: eight bits pay nearly always and cost next to nothing."""


class SessionState(QObject):
    model_changed = Signal(object)
    """ModelInfo or None."""
    graph_changed = Signal(object)
    """A Graph that has just arrived (detail 'layers' or 'nodes')."""
    data_changed = Signal(object)
    """DataInfo or None."""
    plan_changed = Signal(object)
    """Plan."""
    baseline_changed = Signal(object)
    """Outcome of the original, or None."""
    timings_changed = Signal(object)
    """Timings or None."""
    latency_table_changed = Signal(object)
    """LatencyTable or None."""
    points_changed = Signal(object)
    """The SensitivityPoint that has just arrived, or None when all were dropped."""
    run_changed = Signal(object)
    """The RunPoint that has just arrived, or None when a run began anew."""
    training_changed = Signal(object)
    """The TrainingPoint that has just arrived."""
    result_changed = Signal(object)
    """Result or None (also when the plan moved on from it: see `result_is_current`)."""
    exported = Signal(object)
    """Exported."""
    selection_changed = Signal(object)
    """Layer id or None."""
    layer_view_changed = Signal(object)
    """LayerView or None."""
    score_changed = Signal(str)
    figure_changed = Signal(str)
    """What colours the layers, in the graph and in Netron."""
    measuring_changed = Signal(object)
    """(done, total) of the samples while the shown score is measured, or None."""
    job_changed = Signal(object)
    """Job or None."""
    plan_measured_changed = Signal(object)
    """PlanMeasured, or None when it is gone."""
    problem = Signal(object)
    """Problem."""
    catalogue_changed = Signal(object)
    """Catalogue."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model: ModelInfo | None = None
        self.graphs: dict[str, Graph] = {}
        self.data: DataInfo | None = None
        self.failed_data: DataSpec | None = None
        """What could not be read while there is no data: there to be corrected."""
        self.plan = DEFAULT_PLAN
        self.baseline: Outcome | None = None
        self.timings: Timings | None = None
        self.latency_table: LatencyTable | None = None
        """Times of single kernels on this computer."""
        self._kernels: tuple[LatencyTable, Timings | None, KernelModel] | None = None
        self.points: dict[str, tuple[SensitivityPoint, ...]] = {}
        self.link: DamageLink | None = None
        """What damage costs in points, for this model and data."""
        self.plans: tuple[PlanDamage, ...] = ()
        """Plans measured so far, for better predictions."""
        self.plan_measured: PlanMeasured | None = None
        """The last plan that was measured by itself."""
        self._estimated: tuple[tuple[object, ...], Outcome] | None = None
        self._curves: dict[str, tuple[tuple[SensitivityPoint, ...], Curve]] = {}
        self.run_points: tuple[RunPoint, ...] = ()
        self.training: tuple[TrainingPoint, ...] = ()
        """Of all trainings of the run that is shown, in their order."""
        self.run_state = "none"
        """'none', 'running', 'done', 'stopped', 'failed'."""
        self.run_plan: Plan | None = None
        """What the run that is shown carries out, or did."""
        self.analyzed = False
        self.result: Result | None = None
        self.last_export: Exported | None = None
        self.selection: str | None = None
        self.layer_view: LayerView | None = None
        self.score = "magnitude"
        self.figure = "sensitivity"
        self.against: Against | None = None
        self.kernel_position: int | None = None
        """The one position of the kernels that heatmaps show; None: all summed."""
        self.job: Job | None = None
        self.catalogue = Catalogue()
        self.project_path: str | None = None
        """The project file into which jobs keep their findings; None: the model's untitled one."""
        self.project_read_only = False

    @property
    def step(self) -> int:
        """Where the person is: 0 model, 1 data, 2 analyze, 3 choose, 4 compress, 5 export, 6 done."""
        if self.model is None:
            return 0
        if self.data is None:
            return 1
        if self.last_export is not None and self.result_is_current:
            return 6
        if self.result is not None and self.result_is_current:
            return 5
        if self.job is not None and self.job.kind == "compress":
            return 4
        if self.analyzed:
            return 3
        return 2

    @property
    def netron_path(self) -> str:
        """The copy without weights that the engine made, or empty."""
        return self.model.light_path if self.model is not None else ""

    @property
    def result_is_current(self) -> bool:
        """Whether the last result is of the plan as it stands."""
        return self.result is not None and self.result.plan == self.plan

    def estimate(self) -> Outcome | None:
        """What the plan as it stands is likely to give, at once."""
        if self.model is None:
            return None
        given = (self.model, self.plan, self.baseline, self.timings, self.link, self.plans, self.kernels())
        made_from = (*given, *self.points.values())
        kept = self._estimated
        # several signals tell of one change, and thousands of layers take time
        if kept is not None and len(kept[0]) == len(made_from) and all(map(operator.is_, kept[0], made_from)):
            return kept[1]
        points = [point for points in self.points.values() for point in points]
        model, plan, baseline, timings, link, plans, kernels = given
        found = estimate(model, plan, baseline, points, timings, link, self.curves(), plans, kernels)
        self._estimated = made_from, found
        return found

    def take_latency_table(self, table: LatencyTable) -> None:
        self.latency_table = table
        self.latency_table_changed.emit(table)

    def kernels(self) -> KernelModel | None:
        """Adds up how long plans take; made anew only where times came."""
        table, timings = self.latency_table, self.timings
        if table is None:
            return None
        if self._kernels is None or self._kernels[0] is not table or self._kernels[1] is not timings:
            self._kernels = table, timings, KernelModel(table, timings)
        return self._kernels[2]

    @property
    def kernels_are_timed(self) -> bool:
        """Whether the plan's kernels were timed on this computer, so that no usual factor stands in."""
        kernels = self.kernels()
        return kernels is not None and kernels.usable and kernels.knows(self.plan)

    def curves(self) -> dict[str, Curve]:
        """Each layer's damage by setting; made anew only where points came."""
        for layer_id, points in self.points.items():
            if layer_id not in self._curves or self._curves[layer_id][0] is not points:
                self._curves[layer_id] = points, Curve(points)
        return {layer_id: self._curves[layer_id][1] for layer_id in self.points}

    @property
    def plan_is_measured(self) -> bool:
        """Whether the plan as it stands was measured by itself, before any run."""
        return self.plan_measured is not None and self.plan_measured.plan == self.plan

    @property
    def every_layer_is_measured(self) -> bool:
        """Whether of each layer that can be changed a point was measured, not estimated."""
        known = {
            layer_id
            for layer_id, points in self.points.items()
            if any(not point.measurement.estimate for point in points)
        }
        layers = self.model.layers if self.model is not None else ()
        return bool(layers) and all(
            layer.id in known for layer in layers if layer.prunable or layer.quantizable
        )

    def predicted_loss(self, layer_id: str) -> float | None:
        """Points lost if only this layer were changed as planned; an estimate."""
        return predicted_loss(self.points.get(layer_id, ()), self.plan.layer(layer_id))

    def sensitivity(self, layer_id: str) -> float | None:
        """The number that colours a layer: points lost at its hardest common setting
        (the worst measured of 50 % zeros and 4 bits), or None while unknown."""
        losses = [
            point.loss
            for point in self.points.get(layer_id, ())
            if point.sparsity == 0.5 or point.weight_bits == 4
        ]
        return max(0.0, *losses) if losses else None

    def time_share(self, layer_id: str) -> float | None:
        """Share of the original's time, 0..1, or None while unknown."""
        if self.timings is None:
            return None
        return next((time.share for time in self.timings.layers if time.layer_id == layer_id), 0.0)
