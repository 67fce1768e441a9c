"""A run: the steps on the whole network in the plan's order, then the layers' bits, then what mends them.

Each step's result is kept in the store as soon as it exists, and the network after it is judged, so that a
stopped run goes on where it stopped. Steps follow from each other by their digests: whoever changes a step
does that one and those after it anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import onnx_ir as ir

from core.compress import compress
from core.context import Context
from core.corrections import MeasurementStore
from core.data.dataset import DataSet, data_key
from core.evaluate.judge import Judge
from core.graph.opened import OpenedModel
from core.steps import BITS, Rounded, Task, WholeStep, asked
from core.steps._keep import keep_refined, kept_refined
from core.steps._take import VERSION, alone, step_key, take, with_settled
from core.values import Plan, Result, RunPoint, Text, digest, text


def run(
    opened: OpenedModel,
    data: DataSet | None,
    judge: Judge | None,
    plan: Plan,
    work_dir: Path,
    store: MeasurementStore | None,
    context: Context,
    step_samples: int = 1000,
    judge_steps: bool = True,
) -> Result:
    """Carry out `plan`; publishes a `RunPoint` after each step and each layer; returns the judged artefact.

    `judge_steps`: also after each layer. Raises PlanError for an order that cannot be, and as the steps
    and `compress` do.
    """
    started = time.monotonic()
    course = _Course(opened, data, judge, plan, Path(work_dir), store, context, step_samples)
    order = asked(opened, plan)
    before, after = alone(order, plan), _after_bits(order)
    course.total = len(before) + len(after)
    course.trainings = {step.name: order.count(step) for step in order}
    for step in before:
        course.take(step)

    def refine(rounded: Rounded) -> None:
        for step in after:
            course.refine(step, rounded)

    result = compress(
        course.handed_over(),
        data,
        judge,
        course.plan,
        work_dir,
        store,
        context,
        step_samples=step_samples,
        judge_steps=judge_steps,
        refine=refine if after else None,
    )
    return msgspec.structs.replace(
        result,
        plan=plan,
        notes=(*result.notes, *course.did),
        course=tuple(course.points),
        seconds=time.monotonic() - started,
    )


def _after_bits(steps: tuple[WholeStep, ...]) -> list[WholeStep]:
    names = [step.name for step in steps]
    return list(steps[names.index(BITS) + 1 :]) if BITS in names else []


@dataclass
class _Course:
    """How far a run has come with the steps on the whole network."""

    original: OpenedModel
    data: DataSet | None
    judge: Judge | None
    plan: Plan
    work_dir: Path
    store: MeasurementStore | None
    context: Context
    samples: int

    def __post_init__(self) -> None:
        self.now = self.original
        self.points: list[RunPoint] = []
        self.did: list[Text] = []
        self.done = self.total = 0
        self.trainings: dict[str, int] = {}

    def handed_over(self) -> OpenedModel:
        """The network as it is, of which nothing is kept here: whoever gets it lets go of it when it can."""
        now, self.now = self.now, self.original
        return now

    def take(self, step: WholeStep) -> None:
        """Do a step, or find what it made before; then judge the network."""
        taken = take(step, self.now, self._task(step), self.work_dir, self.trainings[step.name])
        self.now = taken.opened
        self.plan = with_settled(self.plan, taken.done)
        self._judge(step, self.now.model, taken.key, taken.done.did, taken.seconds)

    def refine(self, step: WholeStep, rounded: Rounded) -> None:
        """Do a step on layers that have their bits, or find what it made before; then judge the network."""
        assert step.refine is not None
        key = step_key(step, rounded.key, self._task(step), self.trainings[step.name])
        found = kept_refined(key, self.store, self.work_dir) if self.store is not None else None
        if found is None:
            started = time.monotonic()
            refined = step.refine(rounded, self._task(step))
            seconds = time.monotonic() - started
            if self.store is not None:
                keep_refined(refined, seconds, key, self.store, self.work_dir)
        else:
            refined, seconds = found
        rounded.apply(refined, key)
        self._judge(step, rounded.network(), key, refined.did, seconds)

    def _task(self, step: WholeStep) -> Task:
        share = 1.0 / self.trainings[step.name]
        return Task(self.original, self.data, self.plan, self.store, self.context, share)

    def _judge(
        self, step: WholeStep, network: ir.Model, key: str, did: tuple[Text, ...], seconds: float
    ) -> None:
        """Publish what a step made of the accuracy: kept, or measured now."""
        self.done += 1
        self.did += did
        if self.judge is None:
            return
        samples = min(self.samples, self.judge.count)
        place = digest("after step", VERSION, key, data_key(self.judge.data), samples)
        found = self.store.get(place) if self.store is not None else None
        if found is not None:
            point = msgspec.msgpack.decode(found, type=RunPoint)
        else:
            self.context.report(text("Measuring what the step changed"))
            judged = self.judge.measure(network, self.context, samples)
            point = RunPoint(step=0, total=0, measurement=judged.primary, loss=judged.loss)
            if self.store is not None:
                self.store.put(place, msgspec.msgpack.encode(point))
        point = msgspec.structs.replace(
            point,
            step=self.done,
            total=self.total,
            stage=step.name,
            did=did,
            seconds=seconds,
            from_store=found is not None,
        )
        self.points.append(point)
        self.context.publish(point)
