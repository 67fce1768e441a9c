"""Each job: (request, workspace, context) -> value. The engine and the command line both call these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import messages as m
from core.activation_view import activation_view
from core.best import job as best
from core.best.job import frontier_of, samples_for, unseen
from core.best.rescue import rescue
from core.context import Context
from core.convert.architecture import networks
from core.data import KINDS
from core.errors import Cancelled, SecateurError
from core.evaluate.data_check import check_data
from core.evaluate.give_back import give_back
from core.evaluate.latency import measure_latency
from core.evaluate.metrics import METRICS
from core.evaluate.outcome import outcome
from core.evaluate.profile import layer_times
from core.evaluate.runner import Runner
from core.evaluate.size import size_bytes
from core.expected import expected
from core.formats import FORMATS
from core.graph_jobs import compare_graphs, couple_layers, lay_out, open_model, weigh_layers
from core.importance import SCORES
from core.layer_view import under_plan
from core.methods import METHODS
from core.pipeline import run
from core.plan_jobs import compare_plan, judged, measure_plan
from core.presets import PRESETS
from core.recording import recorded_analysis, recorded_curves, recorded_run
from core.result_jobs import compare_result, export_result, try_sample
from core.routes import FOLLOWED, Routes
from core.run_clock import stamping
from core.sources import Sources
from core.steps import STEPS
from core.sweep.analyze import analyze
from core.sweep.blame import blame
from core.sweep.meter import PlanMeter
from core.sweep.samples import draw
from core.sweep.settings import settings_of
from core.values import (
    ActivationView,
    Analysis,
    Benchmark,
    BenchmarkRow,
    BestPlans,
    Blame,
    Catalogue,
    DataCheck,
    DataInfo,
    LayerView,
    Networks,
    Outcome,
    Rescue,
    Result,
    Timings,
    Value,
)
from core.workspace import Workspace

PROFILE_SAMPLES = 1
BUDGETS = 16


def describe(request: m.Describe, workspace: Workspace, context: Context) -> Catalogue:
    return Catalogue(
        scores=SCORES.descriptions(),
        methods=METHODS.descriptions(),
        formats=FORMATS.descriptions(),
        data_kinds=KINDS.descriptions(),
        metrics=METRICS.descriptions(),
        presets=PRESETS,
        steps=tuple(step.info for step in STEPS.values()),
    )


def read_architecture(request: m.ReadArchitecture, workspace: Workspace, context: Context) -> Networks:
    return networks(request.path, request.guess)


def open_data(request: m.OpenData, workspace: Workspace, context: Context) -> DataInfo:
    return workspace.data(request.model, request.data, context).info


def check_samples(request: m.CheckData, workspace: Workspace, context: Context) -> DataCheck:
    """Tries the usual ways to prepare the samples, and looks whether the classes are in the model's order."""
    data = workspace.data(request.model, request.data, context)
    return check_data(Runner(Path(request.model)), data, context)


def analyze_model(request: m.Analyze, workspace: Workspace, context: Context) -> Analysis:
    """The original's own figures, the layers estimated, milliseconds per layer, the layers measured."""
    opened = expected(request, workspace, context)
    data = workspace.data(request.model, request.data, context)
    store = workspace.project(request.project, opened.info.sha256, request.read_only)
    settings = settings_of(request.sparsities, request.weight_bits, request.activation_bits, request.patterns)
    whole = not request.layers
    with (
        Sources(request.model, request.data).held(context) as context,
        recorded_analysis(store, opened.info, data.info, context, whole) as context,
    ):
        judge = workspace.judge(request.model, request.data, context)
        baseline = outcome(opened.source, judge, context)
        context.publish(baseline)
        timings: list[Timings] = []

        def time_layers() -> None:
            """Takes some seconds by the clock, which the estimates need not wait for."""
            feeds = next(iter(data.batches("judge", PROFILE_SAMPLES, PROFILE_SAMPLES))).feeds
            timings.append(layer_times(opened, feeds, context))
            context.publish(timings[0])
            kernels = workspace.kernels(opened, judge)
            context.publish(kernels.fill(request.plan, timings[0], context))

        points, link = analyze(
            opened,
            judge,
            settings,
            request.samples,
            request.layers,
            store,
            context,
            request.plan,
            request.first,
            time_layers,
        )
    return Analysis(baseline=baseline, timings=timings[0], points=points, link=link)


def blame_plan(request: m.BlamePlan, workspace: Workspace, context: Context) -> Blame:
    """What each layer of the plan costs beside the others; what is published is kept in the project."""
    opened, judge, store = judged(request, workspace, context)
    with (
        Sources(request.model, request.data).held(context) as context,
        recorded_analysis(store, opened.info, judge.data.info, context, whole=False) as context,
    ):
        meter = workspace.meter(opened, judge, store)
        curves = recorded_curves(store, opened.info, judge.data.info)
        return blame(meter, meter.drawn(request.samples), request.plan, curves, store, context)


def rescue_plan(request: m.RescuePlan, workspace: Workspace, context: Context) -> Rescue:
    """The fewest layers to give back, verified on samples that the search did not see. Raises DataError."""
    opened, judge, store = judged(request, workspace, context)
    samples = samples_for(judge, request.samples)
    start, count = unseen(judge, samples, request.unseen)
    with (
        Sources(request.model, request.data).held(context) as context,
        recorded_analysis(store, opened.info, judge.data.info, context, whole=False) as context,
    ):
        meter = workspace.meter(opened, judge, store)
        curves = recorded_curves(store, opened.info, judge.data.info)
        fresh = draw(judge, count, start=start)
        seen = meter.drawn(samples)
        return rescue(meter, seen, fresh, request.plan, request.max_loss, curves, store, context)


def find_plan(request: m.FindPlan, workspace: Workspace, context: Context) -> BestPlans:
    """The curves of the layers, then the plan for the goal, verified on samples that they did not see."""
    opened, judge, store = judged(request, workspace, context)
    samples = samples_for(judge, request.samples)
    start, count = unseen(judge, samples, request.unseen)
    with (
        Sources(request.model, request.data).held(context) as context,
        recorded_analysis(store, opened.info, judge.data.info, context, whole=True) as context,
    ):
        folder, kernels = workspace.run_dir(), workspace.kernels(opened, judge)
        frontiers, baseline = frontier_of(
            opened, judge, request.goal, request.plan, samples, store, context, folder, kernels
        )
        meter = PlanMeter(opened, judge, count, folder, start, store)
        return best.find_plan(frontiers, baseline, request.goal, meter, BUDGETS, context)


def curve_of_plans(request: m.BestCurve, workspace: Workspace, context: Context) -> BestPlans:
    opened, judge, store = judged(request, workspace, context)
    samples = samples_for(judge, request.samples)
    with recorded_analysis(store, opened.info, judge.data.info, context, whole=True) as context:
        folder, kernels = workspace.run_dir(), workspace.kernels(opened, judge)
        frontiers, _ = frontier_of(
            opened, judge, request.goal, request.plan, samples, store, context, folder, kernels
        )
    return best.best_curve(frontiers, request.budgets)


def inspect(request: m.Inspect, workspace: Workspace, context: Context) -> LayerView:
    opened = workspace.opened(request.model, context)
    scoring = workspace.scoring(request, context)
    if request.measure:
        try:
            scoring.measure([request.layer_id], request.score, context)
        except Cancelled:
            raise
        except SecateurError as error:
            scoring.give_up(
                [request.layer_id], request.score, error.why if error.why.template else error.what
            )
    return under_plan(opened, workspace.look(request, scoring, context), request.plan, scoring)


def inspect_activations(
    request: m.InspectActivations, workspace: Workspace, context: Context
) -> ActivationView:
    opened = workspace.opened(request.model, context)
    seen = workspace.seen_activations(request.model, request.data, request.layer_id, context)
    return activation_view(opened, request.layer_id, request.plan, seen)


def evaluate(request: m.Evaluate, workspace: Workspace, context: Context) -> Outcome:
    """With a reference, the answers of `model` are compared with those of the reference."""
    judge = workspace.judge(request.reference or request.model, request.data, context)
    return outcome(Path(request.model), judge, context, latency=request.latency)


def compress_model(request: m.Compress, workspace: Workspace, context: Context) -> Result:
    opened = expected(request, workspace, context)
    data = judge = None
    if request.data is not None:
        data = workspace.data(request.model, request.data, context)
    store = workspace.project(request.project, opened.info.sha256, request.read_only)
    known = data.info if data is not None else None
    sources = Sources(request.model, request.data)
    with (
        sources.held(context) as context,
        recorded_run(store, opened.info, known, request.plan, context) as recorded,
    ):
        if request.data is not None:
            judge = workspace.judge(request.model, request.data, recorded.context)
        result = run(
            opened,
            data,
            judge,
            request.plan,
            workspace.run_dir(),
            store,
            recorded.context.changing(stamping()),
            step_samples=request.step_samples,
            judge_steps=request.judge_steps,
        )
        sources.check()
        return recorded.finish(result)


def run_benchmark(request: m.RunBenchmark, workspace: Workspace, context: Context) -> Benchmark:
    """All files in turns, so that a change of the computer's speed meets each alike."""
    paths = [Path(path) for path in request.models]
    latencies = measure_latency(paths, request.batch, request.threads, context)
    first = latencies[0].median_ms
    rows = tuple(
        BenchmarkRow(
            path=str(path),
            latency=latency,
            size_bytes=size_bytes(path),
            ratio=first / latency.median_ms if latency.median_ms else 0.0,
        )
        for path, latency in zip(paths, latencies, strict=True)
    )
    return Benchmark(rows=rows)


_JOBS: dict[type[m.Request], Callable[[Any, Workspace, Context], Value]] = {
    m.Describe: describe,
    m.OpenModel: open_model,
    m.ReadArchitecture: read_architecture,
    m.LayOut: lay_out,
    m.CoupleLayers: couple_layers,
    m.WeighLayers: weigh_layers,
    m.CompareGraphs: compare_graphs,
    m.OpenData: open_data,
    m.CheckData: check_samples,
    m.Analyze: analyze_model,
    m.MeasurePlan: measure_plan,
    m.BlamePlan: blame_plan,
    m.RescuePlan: rescue_plan,
    m.FindPlan: find_plan,
    m.BestCurve: curve_of_plans,
    m.Inspect: inspect,
    m.InspectActivations: inspect_activations,
    m.Evaluate: evaluate,
    m.Compress: compress_model,
    m.Export: export_result,
    m.Compare: compare_result,
    m.ComparePlan: compare_plan,
    m.TrySample: try_sample,
    m.RunBenchmark: run_benchmark,
}


_LONG = (m.Analyze, m.FindPlan, m.RescuePlan, m.BlamePlan, m.Compress, m.Export, m.Compare)
"""Jobs that may need as much memory as there is: what earlier ones have left goes first."""


def perform(
    request: m.Request, workspace: Workspace, context: Context, routes: Routes | None = None
) -> Value:
    """Do what the request asks. Raises SecateurError for everything that a person can understand.

    `routes`: what earlier jobs took; the workspace's own if none are given.
    """
    if isinstance(request, _LONG):
        give_back(networks=True)
    if not isinstance(request, FOLLOWED):
        return _JOBS[type(request)](request, workspace, context)
    routes = routes or Routes(workspace.shelf())
    route = routes.of(request)
    context.follow(route)
    try:
        value = _JOBS[type(request)](request, workspace, context)
    finally:
        context.follow(None)  # the command line does several jobs in one context
    routes.keep(request, route)
    return value
