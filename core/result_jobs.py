"""The jobs on what a run has made: hand it over, and tell what it changed. `core.jobs` lists them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from core import messages as m
from core.compare import compare, keep_comparison, kept_comparison
from core.context import Context
from core.convert.to_torch import ENDING, export_program
from core.expected import expected
from core.export import export
from core.project import ProjectError
from core.recording import recorded_points
from core.report import Told
from core.sources import Sources
from core.try_sample import try_own
from core.values import Comparison, Exported, Tried
from core.workspace import Workspace


def export_result(request: m.Export, workspace: Workspace, context: Context) -> Exported:
    destination = Path(request.destination)
    reports = (destination.with_suffix(".report.html"),) if request.report else ()
    return export_to(request, reports, workspace, context)


def export_to(request: m.Export, reports: Sequence[Path], workspace: Workspace, context: Context) -> Exported:
    """Write, verify, then put in place, with the account of it at each of `reports`."""
    if Path(request.destination).suffix.lower() == ENDING:
        return export_program(request.result, Path(request.destination), context)
    opened = workspace.opened(request.model, context)
    samples = workspace.data(request.model, request.data, context) if request.data else None
    told = Told(request.points, expected=request.expected, language=request.language)
    if reports and samples is not None:
        # a report without these is better than none
        with contextlib.suppress(ProjectError):
            store = workspace.project(request.project, opened.info.sha256, request.read_only)
            alone = recorded_points(store, opened.info, samples.info)
            kept = kept_comparison(store, samples.info, request.result.sha256)
            told = dataclasses.replace(told, alone=alone, comparison=kept)
    return export(request.result, Path(request.destination), opened, samples, context, reports, told)


def compare_result(request: m.Compare, workspace: Workspace, context: Context) -> Comparison:
    """Kept in the store under the file's digest: the same result is not compared twice."""
    opened = expected(request, workspace, context)
    data = workspace.data(request.model, request.data, context)
    store = workspace.project(request.project, opened.info.sha256, request.read_only)
    kept = kept_comparison(store, data.info, request.sha256)
    if kept is not None:
        return kept
    judge = workspace.judge(request.model, request.data, context)
    with Sources(request.model, request.data).held(context) as context:
        comparison = compare(judge, Path(request.artefact), request.sha256, context)
    keep_comparison(store, data.info, comparison)
    return comparison


def try_sample(request: m.TrySample, workspace: Workspace, context: Context) -> Tried:
    opened = workspace.opened(request.model, context)
    data = workspace.data(request.model, request.data, context)
    places = data.info.task in ("segmentation", "detection")
    judge = workspace.judge(request.model, request.data, context) if places or request.plan else None
    if request.plan is None or judge is None:
        return try_own(request.sample, opened.source, Path(request.artefact), data, context, judge)
    store = workspace.project(None, opened.info.sha256, read_only=True)
    network = workspace.meter(opened, judge, store).network(request.plan, context)
    return try_own(request.sample, opened.source, network, data, context, judge)
