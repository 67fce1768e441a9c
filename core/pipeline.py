"""A run: the steps on the whole network in the plan's order, then the layers' bits, then what mends them.

Each step's result is kept in the store as soon as it exists, and the network after it is judged, so that a
stopped run goes on where it stopped. Steps follow from each other by their digests: whoever changes a step
does that one and those after it anew.
"""

from __future__ import annotations

import dataclasses
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
from core.graph.cost import costs
from core.graph.layers import find_layers
from core.graph.opened import OpenedModel
from core.steps import BITS, Done, Task, WholeStep, asked
from core.steps._keep import keep, kept
from core.values import LayerPlan, Plan, Result, RunPoint, digest, text

VERSION = 1
"""Raise it when all steps' kept results are to be made anew."""


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
    steps = alone(asked(opened, plan))
    for place, step in enumerate(steps):
        course.take(step, place + 1, len(steps))
    result = compress(
        course.now,
        data,
        judge,
        course.plan,
        work_dir,
        store,
        context,
        step_samples=step_samples,
        judge_steps=judge_steps,
    )
    return msgspec.structs.replace(
        result,
        plan=plan,
        notes=(*(sentence for point in course.points for sentence in point.did), *result.notes),
        course=tuple(course.points),
        seconds=time.monotonic() - started,
    )


def alone(steps: tuple[WholeStep, ...]) -> list[WholeStep]:
    """The steps that are carried out by themselves, before the layers get their bits.

    Zeros that come last are left to `compress`, which gives each layer zeros and bits together.
    """
    before = list(steps)
    names = [step.name for step in before]
    if BITS in names:
        before = before[: names.index(BITS)]
    if before and before[-1].name == "zeros":
        before.pop()
    return before


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

    def take(self, step: WholeStep, place: int, total: int) -> None:
        """Do a step, or find what it made before; then judge the network."""
        assert step.run is not None
        key = self._key(step)
        found = kept(key, self.store, self.work_dir) if self.store is not None else None
        if found is None:
            started = time.monotonic()
            task = Task(self.original, self.data, self.plan, self.store, self.context)
            done = step.run(self.now, task)
            seconds = time.monotonic() - started
            if self.store is not None:
                keep(done, seconds, key, self.store, self.work_dir)
        else:
            done, seconds = found
        self.now = _opened(self.original, done.model, key)
        self.plan = _with_layers(self.plan, done)
        if self.judge is not None:
            self._judge(step, place, total, done, seconds)

    def _key(self, step: WholeStep) -> str:
        about = step.about(self.plan) if step.about is not None else None
        data = data_key(self.data) if self.data is not None else None
        settings = step.settings(self.plan)
        return digest("step", VERSION, step.name, step.version, self.now.info.sha256, settings, about, data)

    def _judge(self, step: WholeStep, place: int, total: int, done: Done, seconds: float) -> None:
        assert self.judge is not None
        samples = min(self.samples, self.judge.count)
        about = (self.now.info.sha256, data_key(self.judge.data), samples)
        key = digest("after step", VERSION, *about)
        found = self.store.get(key) if self.store is not None else None
        if found is not None:
            point = msgspec.msgpack.decode(found, type=RunPoint)
        else:
            self.context.report(text("Measuring what the step changed"))
            judged = self.judge.measure(self.now.model, self.context, samples)
            point = RunPoint(step=place, total=total, measurement=judged.primary, loss=judged.loss)
            if self.store is not None:
                self.store.put(key, msgspec.msgpack.encode(point))
        point = msgspec.structs.replace(
            point,
            step=place,
            total=total,
            stage=step.name,
            did=done.did,
            seconds=seconds,
            from_store=found is not None,
        )
        self.points.append(point)
        self.context.publish(point)


def _opened(original: OpenedModel, model: ir.Model, key: str) -> OpenedModel:
    """The network as it is now, its layers found anew. Layers keep their ids; `bytes` are the original's."""
    before = {layer.id: layer.bytes for layer in original.info.layers}
    found = find_layers(model, costs(model).macs)
    layers = tuple(msgspec.structs.replace(layer, bytes=before.get(layer.id, layer.bytes)) for layer in found)
    info = msgspec.structs.replace(original.info, layers=layers, sha256=key)
    return dataclasses.replace(original, info=info, model=model)


def _with_layers(plan: Plan, done: Done) -> Plan:
    """The plan with what a step settled for layers."""
    for name, own in done.layers.items():
        settled = own.over(plan.exceptions.get(name, LayerPlan()))
        if own.sparsity is not None:
            settled = msgspec.structs.replace(settled, threshold=None)
        plan = msgspec.structs.replace(plan, exceptions={**plan.exceptions, name: settled})
    return plan
