"""The jobs on a plan that was not run: its network is made quickly, layers by themselves, and measured."""

from __future__ import annotations

import msgspec

from core import messages as m
from core.compare import compare, keep_comparison, kept_comparison
from core.context import Context
from core.data.dataset import data_key
from core.evaluate.judge import Judge
from core.expected import expected
from core.graph.opened import OpenedModel
from core.project import Project
from core.recording import record
from core.sources import Sources
from core.sweep.meter import VERSION as METER_VERSION
from core.values import Comparison, PlanMeasured, digest
from core.workspace import Reading, Workspace

PLAN_SECONDS = 3.0
"""For times of kernels that a plan needs and that are not known yet."""


def judged(
    request: m.OnSamples,
    workspace: Workspace,
    context: Context,
) -> tuple[OpenedModel, Judge, Project | Reading]:
    """The model that the request means, what judges its changes, and where measurements are kept."""
    opened = expected(request, workspace, context)
    judge = workspace.judge(request.model, request.data, context)
    return opened, judge, workspace.project(request.project, opened.info.sha256, request.read_only)


def measure_plan(request: m.MeasurePlan, workspace: Workspace, context: Context) -> PlanMeasured:
    """Kept in the store under the plan: the same plan is not measured twice."""
    opened, judge, store = judged(request, workspace, context)
    key = digest(
        "plan", METER_VERSION, opened.info.sha256, data_key(judge.data), request.plan, request.samples
    )
    kept = store.get(key)
    if kept is not None:
        return msgspec.msgpack.decode(kept, type=PlanMeasured)
    kernels = workspace.kernels(opened, judge)
    if kernels.lacks(request.plan):
        table = kernels.fill(request.plan, None, context, seconds=PLAN_SECONDS)
        context.publish(table)
        record(store, opened.info, judge.data.info, table)
    meter = workspace.meter(opened, judge, store)
    measured, _ = meter.measure_on(meter.drawn(request.samples), request.plan, context, request.latency)
    store.put(key, msgspec.msgpack.encode(measured))
    record(store, opened.info, judge.data.info, measured)
    return measured


def compare_plan(request: m.ComparePlan, workspace: Workspace, context: Context) -> Comparison:
    """What the plan would change, kept under the plan's digest; its figures are published first."""
    opened, judge, store = judged(request, workspace, context)
    asked = m.MeasurePlan(
        model=request.model, data=request.data, plan=request.plan, samples=request.samples,
        project=request.project, read_only=request.read_only, model_sha256=request.model_sha256,
    )  # fmt: skip
    key = digest("what-if", METER_VERSION, opened.info.sha256, request.plan)
    with Sources(request.model, request.data).held(context) as context:
        context.publish(measure_plan(asked, workspace, context))
        kept = kept_comparison(store, judge.data.info, key)
        if kept is not None:
            return kept
        network = workspace.meter(opened, judge, store).network(request.plan, context)
        comparison = compare(judge, network, key, context)
    keep_comparison(store, judge.data.info, comparison)
    return comparison
