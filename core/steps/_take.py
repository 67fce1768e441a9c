"""Carrying out the steps that come before the bits, or finding what they made before."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import onnx_ir as ir

from core.data.dataset import data_key
from core.graph.cost import costs
from core.graph.layers import find_layers
from core.graph.opened import OpenedModel
from core.steps import BITS, Done, Task, WholeStep
from core.steps._keep import keep, kept
from core.steps.zeros import by_itself
from core.values import LayerPlan, Plan, digest

VERSION = 2
"""Raise it when all steps' kept results are to be made anew."""


@dataclass(frozen=True)
class Taken:
    """A step that was done, now or earlier."""

    opened: OpenedModel
    """The network after it."""
    done: Done
    key: str
    """Of what was made: the digest of all that decides it."""
    seconds: float


def alone(steps: tuple[WholeStep, ...], plan: Plan) -> list[WholeStep]:
    """The steps that are carried out by themselves, before the layers get their bits.

    Zeros that come last are left to `compress`, which gives each layer zeros and bits together, unless they
    come in rounds or stop at a limit.
    """
    before = list(steps)
    names = [step.name for step in before]
    if BITS in names:
        before = before[: names.index(BITS)]
    if before and before[-1].name == "zeros" and not by_itself(plan):
        before.pop()
    return before


def take(step: WholeStep, now: OpenedModel, task: Task, work_dir: Path, times: int = 1) -> Taken:
    """Do a step that comes before the bits; `times`: how often it comes in the plan. Raises as the step."""
    assert step.run is not None
    key = step_key(step, now.info.sha256, task, times)
    found = kept(key, task.store, work_dir) if task.store is not None else None
    if found is None:
        started = time.monotonic()
        done = step.run(now, task)
        seconds = time.monotonic() - started
        if task.store is not None:
            keep(done, seconds, key, task.store, work_dir)
    else:
        done, seconds = found
    return Taken(_opened(task.original, done.model, key), done, key, seconds)


def step_key(step: WholeStep, before: str, task: Task, times: int) -> str:
    """Under which a step's result is kept; `before` is the digest of the network that it gets."""
    about = step.about(task.plan) if step.about is not None else None
    data = data_key(task.data) if task.data is not None else None
    return digest(
        "step", VERSION, step.name, step.version, before, step.settings(task.plan), about, data, times
    )


def with_settled(plan: Plan, done: Done) -> Plan:
    """The plan with what a step settled."""
    methods = {name: {**plan.methods.get(name, {}), **changed} for name, changed in done.methods.items()}
    plan = msgspec.structs.replace(plan, methods={**plan.methods, **methods})
    for name, own in done.layers.items():
        settled = own.over(plan.exceptions.get(name, LayerPlan()))
        if own.sparsity is not None:
            settled = msgspec.structs.replace(settled, threshold=None)
        plan = msgspec.structs.replace(plan, exceptions={**plan.exceptions, name: settled})
    return plan


def _opened(original: OpenedModel, model: ir.Model, key: str) -> OpenedModel:
    """The network as it is now, its layers found anew. Layers keep their ids; `bytes` are the original's."""
    before = {layer.id: layer.bytes for layer in original.info.layers}
    found = find_layers(model, costs(model).macs)
    layers = tuple(msgspec.structs.replace(layer, bytes=before.get(layer.id, layer.bytes)) for layer in found)
    info = msgspec.structs.replace(original.info, layers=layers, sha256=key)
    return dataclasses.replace(original, info=info, model=model)
