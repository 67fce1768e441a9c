"""Tab 'Run': the accuracy after each layer while the plan is carried out, the state, the log folded."""

from __future__ import annotations

from collections import deque

import msgspec
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.estimate import predicted_loss
from core.values import Measurement, RunPoint
from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.job import Job, Problem
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.labels import empty_state
from gui.widgets.panels import scrolled
from gui.widgets.retranslating import Retranslating
from gui.widgets.run_chart import NOTABLE, RunChart, Step
from gui.widgets.training_curve import TrainingCurve

LOG_LINES = 500
NAMED = 3
"""Layers that are named for what they cost."""


class RunView(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.chart = RunChart(theme)
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._stage = ""
        self._trouble = ""
        self._seen = 0
        self._state = ElidedLabel()
        self._caption = ElidedLabel()
        self._caption.setProperty("small", True)
        self.log_button = QToolButton()
        self.log_button.setCheckable(True)
        self.log_button.setProperty("flat", True)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setTabChangesFocus(True)
        self.log.setMaximumBlockCount(LOG_LINES)
        self.log.hide()
        self._empty = empty_state()
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self.training = TrainingCurve(theme)
        charts = QWidget()
        both = QHBoxLayout(charts)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(10)
        both.addWidget(self.chart, 5)
        both.addWidget(self.training, 2)
        self._pages.addWidget(scrolled(charts))
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self._state, 1)
        line.addWidget(self.log_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 6)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self._caption)
        column.addWidget(self._pages, 1)
        column.addWidget(self.log, 1)
        session.run_changed.connect(self._on_run)
        session.training_changed.connect(self._on_training)
        session.job_changed.connect(self._on_job)
        session.problem.connect(self._on_problem)
        for signal in (
            session.model_changed,
            session.data_changed,
            session.baseline_changed,
            session.selection_changed,
            session.plan_changed,
            session.result_changed,
        ):
            signal.connect(self._refresh)
        self.log_button.toggled.connect(self.log.setVisible)
        self.retranslate()

    def add_bar(self, bar: QWidget) -> None:
        """A line above everything: what else there is to say of runs."""
        self.layout().insertWidget(0, bar)

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Run"))
        self.chart.setAccessibleName(tr("Accuracy after each layer of the run"))
        self.training.setAccessibleName(tr("Loss of the training"))
        self.log_button.setText(tr("Log"))
        self.log_button.setToolTip(tr("Show or hide what was done, line by line"))
        self.log_button.setAccessibleName(tr("Show the log"))
        self.log.setAccessibleName(tr("Log of the run"))
        self._refresh()

    # ------------------------------------------------------------ from the session

    def _on_run(self, point: RunPoint | None) -> None:
        run_points = self._session.run_points
        if point is None:
            self._seen = 0
            self._stage = self._trouble = ""
            self._lines.clear()
            self.log.clear()
        for fresh in run_points[self._seen :]:
            self._write(self._line_of(fresh))
            for sentence in fresh.did:
                self._write("    " + tr_text(sentence))
        self._seen = len(run_points)
        self._refresh()

    def _on_training(self, _point: object) -> None:
        self._show_training()

    def _show_training(self) -> None:
        training = self._session.training
        self.training.show_points(training)
        self.training.setVisible(bool(training))
        self.chart.setVisible(bool(self._session.run_points))
        self._pages.setCurrentIndex(1 if self._session.run_points or training else 0)

    def _on_job(self, job: Job | None) -> None:
        if job is not None and job.kind == "compress":
            stage = tr_text(job.stage)
            if stage and stage != self._stage:
                self._stage = stage
                self._write(stage)
        self._refresh_state()
        if not self._session.run_points:
            self._refresh()

    def _on_problem(self, problem: Problem) -> None:
        if problem.kind == "compress":
            self._trouble = tr_text(problem.what)
            self._write(self._trouble)
            self._refresh()

    def _write(self, line: str) -> None:
        self._lines.append(line)
        self.log_button.show()
        self.log.appendPlainText(line)

    def _line_of(self, point: RunPoint) -> str:
        line = tr("{step} of {total}  {layer}  {value} {interval}, lost so far {loss}").format(
            step=fmt.count(point.step),
            total=fmt.count(point.total),
            layer=self._name(point),
            value=fmt.measured(point.measurement),
            interval=fmt.interval(point.measurement),
            loss=fmt.number(point.loss, 2),
        )
        if point.elapsed_seconds and point.memory_bytes:
            line += "  " + tr("after {time}, memory {size}").format(
                time=fmt.duration(point.elapsed_seconds), size=fmt.size(point.memory_bytes)
            )
        return line + "  " + tr("(measured earlier)") if point.from_store else line

    # ------------------------------------------------------------ content

    def _refresh(self, _value: object = None) -> None:
        session = self._session
        points = session.run_points
        self._show_training()
        self.log_button.setVisible(bool(self._lines))
        self._refresh_state()
        if not points:
            self._empty.setText(self._hint())
            self._caption.hide()
            return
        self._caption.show()
        first = points[-1].measurement
        metric = fmt.metric_name(first.metric)
        words = tr("{metric}, on {n} samples, 95 % interval").format(
            metric=f"{metric} ({first.unit})" if first.unit else metric, n=fmt.count(first.count)
        )
        # beside the state it took the room of the layers to blame
        memory = max(point.memory_bytes or 0 for point in points)
        if memory:
            words += " · " + tr("memory {size}").format(size=fmt.size(memory))
        self._caption.set_full_text(words)
        self.chart.show_steps(self.steps(), self._original(), session.selection)

    def steps(self) -> list[Step]:
        """What was measured, in its order, then the layers that the run has not reached."""
        session = self._session
        done: list[Step] = []
        before = 0.0
        for point in session.run_points:
            cost = point.loss - before
            done.append(
                Step(point.layer_id, self._name(point), point.measurement, cost, whole=bool(point.stage))
            )
            before = point.loss
        if session.run_state != "running" or session.model is None:
            return done
        plan = session.run_plan or session.plan  # which may have been edited meanwhile
        reached = {step.layer_id for step in done}
        latest = session.run_points[-1].measurement
        value: float | None = latest.value
        layers = [point for point in session.run_points if not point.stage]
        room = layers[-1].total - len(layers) if layers else len(session.model.layers)
        for layer in session.model.layers:
            if room <= 0:
                break
            able = layer.prunable or layer.quantizable
            if layer.id in reached or not able or not plan.changes(layer.id):
                continue
            loss = predicted_loss(session.points.get(layer.id, ()), plan.layer(layer.id))
            value = (
                value + latest.after(loss) - latest.value if loss is not None and value is not None else None
            )
            done.append(Step(layer.id, layer.label, guess=value))
            room -= 1
        return done

    def _original(self) -> Measurement:
        """The original on the same samples, so that line and points compare."""
        points, baseline = self._session.run_points, self._session.baseline
        primary = baseline.primary if baseline else None
        last = points[-1]
        if primary is not None and primary.count == last.measurement.count:
            return primary
        return msgspec.structs.replace(last.measurement, value=last.measurement.after(-last.loss))

    def _name(self, point: RunPoint) -> str:
        """Of the step on the whole network, or of the layer."""
        if not point.stage:
            return self._label(point.layer_id)
        steps = self._session.catalogue.steps
        return next((tr_text(step.label) for step in steps if step.name == point.stage), point.stage)

    def _label(self, layer_id: str) -> str:
        model = self._session.model
        found = next((layer.label for layer in model.layers if layer.id == layer_id), None) if model else None
        return found or layer_id

    def _hint(self) -> str:
        session = self._session
        if session.run_state == "running":
            return tr("Preparing. The accuracy after each layer will appear here.")
        if self._trouble:
            return self._trouble
        if session.model is None:
            return tr("Open a model, choose data, then press Run to see the accuracy layer by layer.")
        if session.data is None:
            return tr("Choose data, then press Run to see the accuracy layer by layer.")
        return tr(
            "Press Run to carry out the plan. The accuracy after each layer appears here as it is measured."
        )

    def _refresh_state(self) -> None:
        session = self._session
        job = session.job if session.job is not None and session.job.kind == "compress" else None
        points = session.run_points
        parts: list[str] = []
        if job is not None:
            parts.append(tr("Stopping") if job.stopping else tr_text(job.stage) or tr("Running"))
            total = job.total or (points[-1].total if points else 0)
            if total:
                parts.append(fmt.progress(job.done if job.total else len(points), total))
            if job.seconds_left and not job.stopping:
                parts.append(tr("about {time} left").format(time=fmt.duration(job.seconds_left)))
        elif session.run_state == "done":
            seconds = session.result.seconds if session.result is not None else 0.0
            parts.append(tr("Done in {time}").format(time=fmt.duration(seconds)) if seconds else tr("Done"))
            if session.result is not None and not session.result_is_current:
                parts.append(tr("the plan has changed since"))
        elif session.run_state == "stopped":
            if session.run_plan == session.plan:
                parts.append(tr("Stopped. Press Run to go on where it stopped."))
            else:
                parts.append(tr("Stopped. The plan has changed since: Run begins anew with it."))
        elif session.run_state == "failed":
            parts.append(tr("Failed"))
            parts.append(self._trouble)
        parts.append(self._blamed())
        self._state.set_full_text(" · ".join(part for part in parts if part))

    def _blamed(self) -> str:
        """The steps that cost most, by name; empty where none cost anything to speak of."""
        if not self._session.run_points:
            return ""
        costs = [step for step in self.steps() if step.cost is not None and step.cost >= NOTABLE]
        costs.sort(key=lambda step: -(step.cost or 0.0))
        named = fmt.listed(f"{step.label[-40:]} {fmt.points(step.cost or 0.0, 2)}" for step in costs[:NAMED])
        return tr("cost most: {layers} pt").format(layers=named) if named else ""
