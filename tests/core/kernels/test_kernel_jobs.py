"""Analyzing a model times its kernels, once for all projects; a plan's own follow when it is measured."""

from __future__ import annotations

import math
from pathlib import Path

import networks
import numpy as np
import pytest

from core import jobs, plan_jobs
from core import messages as m
from core.context import Context
from core.kernel_model import KernelModel
from core.kernels import table
from core.project import Project
from core.values import DataSpec, LatencyTable, LayerPlan, Plan, PlanMeasured, Timings, Value
from core.workspace import Workspace

W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
SIXTEEN = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=16))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time."""
    monkeypatch.setattr(table, "SECONDS", 300.0)
    monkeypatch.setattr(table, "_UNSTEADY", math.inf)
    monkeypatch.setattr(plan_jobs, "PLAN_SECONDS", 300.0)


def place(folder: Path) -> tuple[Path, DataSpec]:
    folder.mkdir(exist_ok=True)
    path = networks.written(networks.cnn(), folder)
    np.savez(folder / "data.npz", x=networks.pictures(200))
    return path, DataSpec(path=str(folder / "data.npz"), calibration_count=50)


def perform_watched(request: m.Request, workspace: Workspace) -> tuple[list[Value], int, Value]:
    """(values told, kernels that were timed, result)."""
    told: list[Value] = []
    stages: list[str] = []
    context = Context(lambda stage, *_: stages.append(stage.template), told.append)
    result = jobs.perform(request, workspace, context)
    return told, stages.count("Timing single layers"), result


def test_an_analysis_times_the_kernels_once_for_all_projects(tmp_path: Path) -> None:
    path, data = place(tmp_path / "one")
    ask = {"sparsities": (), "weight_bits": (8,), "samples": 50, "plan": W8A8}
    cache = tmp_path / "cache"
    request = m.Analyze(model=str(path), data=data, **ask)  # type: ignore[arg-type]
    told, timed, _ = perform_watched(request, Workspace(cache, tmp_path / "first"))
    tables = [value for value in told if isinstance(value, LatencyTable)]
    timings = next(value for value in told if isinstance(value, Timings))
    assert timed and tables
    assert KernelModel(tables[-1], timings).knows(W8A8)
    # another project, another process: nothing is left to measure
    again, timed, _ = perform_watched(request, Workspace(cache, tmp_path / "second"))
    assert not timed
    assert [value for value in again if isinstance(value, LatencyTable)][-1] == tables[-1]


def test_what_a_plan_needs_more_is_timed_when_it_is_measured_and_kept(tmp_path: Path) -> None:
    path, data = place(tmp_path / "one")
    workspace = Workspace(tmp_path / "cache", tmp_path / "data")
    project = Project(tmp_path / "p.secateur")
    request = m.MeasurePlan(
        model=str(path), data=data, plan=SIXTEEN, samples=50, project=str(project.path), latency=False
    )
    told, timed, measured = perform_watched(request, workspace)
    grown = [value for value in told if isinstance(value, LatencyTable)][-1]
    assert timed and isinstance(measured, PlanMeasured)
    assert KernelModel(grown, None).knows(SIXTEEN)
    sha256 = workspace.opened(str(path), Context()).info.sha256
    ((key,),) = set(project.connection.read("SELECT DISTINCT data_key FROM finding"))
    assert grown in project.findings.load(sha256, key)[0]
    # fewer channels: kernels of other widths
    cut = Plan(methods={"prune_channels": {"channels": 50.0, "score": "magnitude"}})
    told, timed, _ = perform_watched(
        m.MeasurePlan(model=str(path), data=data, plan=cut, samples=50, latency=False), workspace
    )
    grown = [value for value in told if isinstance(value, LatencyTable)][-1]
    assert timed and any(name == "float@50" for node in grown.nodes for name, _ in node.times)
    project.close()
