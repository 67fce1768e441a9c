"""What is open: a model and its samples, and all that goes with them when they are replaced."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from core.values import DataInfo, ModelInfo, Outcome, SensitivityPoint
from gui.inspection import Inspection
from gui.session_state import DEFAULT_PLAN, SessionState


class OpenedSession(SessionState):
    leaving = Signal()
    """The model, and the project with it, are about to be replaced: the last moment to keep something."""

    _inspection: Inspection

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)

    def _take_model(self, model: ModelInfo | None) -> None:
        self.leaving.emit()
        # what was measured goes while nothing is open: for each of it views would resolve all new layers anew
        self.model = None
        self.graphs = {}
        self.undo_stack.clear()
        self.plan = DEFAULT_PLAN
        self.selection = None
        self._inspection.forget()
        self.layer_view = None
        self._forget_data()
        self.model = model
        self.model_changed.emit(model)
        self.plan_changed.emit(self.plan)
        self.selection_changed.emit(None)
        self.layer_view_changed.emit(None)
        self.data_changed.emit(None)

    def _take_data(self, data: DataInfo) -> None:
        changed = self.data is None or (self.data.spec, self.data.sha256) != (data.spec, data.sha256)
        if changed:
            self._forget_data()
        self.data = data
        self.failed_data = None
        self.data_changed.emit(data)
        self._ask_inspect()

    def _forget_data(self) -> None:
        """Everything that was measured on other data, or on another model, goes.

        Only what was there is announced: each signal makes views resolve all layers anew.
        """
        timed, ran = self.timings is not None, self.run_state != "none" or bool(self.run_points)
        had_result = self.result is not None
        self.data = None
        self.failed_data = None
        self.timings = self.latency_table = None
        self.link = None
        self.plans, self.plan_measured = (), None
        self.analyzed = False
        self.run_points, self.training = (), ()
        self.run_state, self.run_plan = "none", None
        self.result = None
        self.last_export = None
        if self.points:
            self._set_points({})
        if self.baseline is not None:
            self._set_baseline(None)
        if timed:
            self.timings_changed.emit(None)
        if ran:
            self.run_changed.emit(None)
        if had_result:
            self.result_changed.emit(None)

    def _set_points(self, points: dict[str, tuple[SensitivityPoint, ...]]) -> None:
        self.points = points
        self.points_changed.emit(None)

    def _set_baseline(self, baseline: Outcome | None) -> None:
        self.baseline = baseline
        self.baseline_changed.emit(baseline)

    def _ask_inspect(self) -> None:
        raise NotImplementedError
