"""What jobs keep in a project: before it is told, for whoever opens the file next; and whose sources went."""

import os
import time

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core import jobs
from core import messages as m
from core.context import Context
from core.errors import Cancelled, ProjectWriteError, SourceChangedError
from core.project import Project, untitled_path
from core.values import (
    DataSpec,
    LatencyTable,
    LayerPlan,
    Outcome,
    Plan,
    PlanMeasured,
    RunPoint,
    SensitivityPoint,
    Timings,
)
from core.workspace import Workspace


def write_model(path, seed=0):
    """8 features -> 32 -> 3 classes."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((8, 32), (32, 3))]
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1"], ["h"], "hidden"),
            helper.make_node("Relu", ["h"], ["r"], "relu"),
            helper.make_node("Gemm", ["r", "w2"], ["y"], "answers"),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(weight, name) for weight, name in zip(weights, ("w1", "w2"), strict=True)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "mlp.onnx"
    write_model(path)
    return path


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "data.npz"
    np.savez(path, x=rng.standard_normal((500, 8)).astype(np.float32), y=rng.integers(0, 3, 500))
    return DataSpec(path=str(path), calibration_count=50)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(cache_dir=tmp_path / "cache", data_dir=tmp_path / "data")


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "p.secateur")
    yield made
    made.close()


HALF = Plan(defaults=LayerPlan(sparsity=0.5, weight_bits=8, activation_bits=32))


def analyze(model, data, project, **settings):
    return m.Analyze(model=str(model), data=data, project=str(project.path), samples=100, **settings)


def compress(model, data, project, **settings):
    return m.Compress(model=str(model), data=data, plan=HALF, project=str(project.path), **settings)


def findings(project, model_sha256):
    (key,) = {key for (key,) in project.connection.read("SELECT DISTINCT data_key FROM finding")}
    return project.findings.load(model_sha256, key)


def is_estimate(value):
    return isinstance(value, SensitivityPoint) and value.estimate


def test_an_analysis_is_kept_before_it_is_told(workspace, model, data, project):
    early = []

    def check(value):
        sha256 = workspace.opened(str(model), Context()).info.sha256
        if not is_estimate(value):
            early.append(value in findings(project, sha256)[0])

    analysis = jobs.perform(analyze(model, data, project), workspace, Context(on_partial=check))
    assert len(early) > 10
    assert all(early)
    info = workspace.opened(str(model), Context()).info
    values, complete = findings(project, info.sha256)
    assert complete
    assert {value for value in values if isinstance(value, SensitivityPoint)} == set(analysis.points)
    assert analysis.baseline in values
    assert [value for value in values if isinstance(value, Timings)] == [analysis.timings]
    assert (project.references.model.path, project.references.model.sha256) == (str(model), info.sha256)
    found = project.references.data
    assert (found.spec.path, found.spec.kind, found.sample_count) == (data.path, "arrays", 500)
    # the key is the one that the window computes from what it was sent
    told = jobs.perform(m.OpenData(model=str(model), data=data), workspace, Context())
    assert project.findings.load(info.sha256, told.key)[0] == values


def test_a_plan_that_was_measured_whole_is_kept(workspace, model, data, project):
    request = m.MeasurePlan(model=str(model), data=data, plan=HALF, samples=100, project=str(project.path))
    measured = jobs.perform(request, workspace, Context())
    other = msgspec.structs.replace(request, plan=Plan(defaults=LayerPlan(sparsity=0.25)))
    another = jobs.perform(other, workspace, Context())
    values, complete = findings(project, workspace.opened(str(model), Context()).info.sha256)
    plans = [value for value in values if isinstance(value, PlanMeasured)]
    assert (plans, complete) == ([measured, another], False)


def test_one_layer_by_itself_is_no_whole_analysis(workspace, model, data, project):
    jobs.perform(analyze(model, data, project, layers=("hidden",)), workspace, Context())
    values, complete = findings(project, workspace.opened(str(model), Context()).info.sha256)
    assert not complete
    assert {value.layer_id for value in values if isinstance(value, SensitivityPoint)} == {"hidden"}


def test_a_run_is_kept_with_its_points_result_and_artefact(workspace, model, data, project):
    told = []
    result = jobs.perform(compress(model, data, project), workspace, Context(on_partial=told.append))
    (run,) = project.runs.all()
    assert (run.state, run.plan, run.result) == ("done", HALF, result)
    assert run.partials == tuple(value for value in told if isinstance(value, RunPoint))
    assert len(run.partials) == 2
    assert (run.artefacts[0].path, run.artefacts[0].sha256) == (result.artefact, result.sha256)


def test_a_stopped_run_keeps_its_points_and_the_next_reads_them(workspace, model, data, project):
    context = Context(on_partial=lambda value: context.cancel() if isinstance(value, RunPoint) else None)
    with pytest.raises(Cancelled):
        jobs.perform(compress(model, data, project), workspace, context)
    told = []
    jobs.perform(compress(model, data, project), workspace, Context(on_partial=told.append))
    stopped, done = project.runs.all()
    assert (stopped.state, len(stopped.partials), done.state) == ("stopped", 1, "done")
    points = [value for value in told if isinstance(value, RunPoint)]
    assert [point.from_store for point in points] == [True, False]
    same = {"from_store": False, "elapsed_seconds": 0.0, "memory_bytes": 0}
    first = msgspec.structs.replace(stopped.partials[0], **same)
    assert msgspec.structs.replace(points[0], **same) == first


def test_without_a_project_the_model_has_an_untitled_one(workspace, model, data, tmp_path):
    request = m.Analyze(model=str(model), data=data, samples=100)
    jobs.perform(request, workspace, Context())
    sha256 = workspace.opened(str(model), Context()).info.sha256
    untitled = Project(untitled_path(sha256, tmp_path / "data"), create=False)
    assert untitled.measurements.count > 0
    assert findings(untitled, sha256)[1]
    untitled.close()


def test_a_project_that_is_only_read_stays_as_it_is_and_is_made_use_of(workspace, model, data, project):
    first = jobs.perform(analyze(model, data, project), workspace, Context())
    with project.connection.transaction() as connection:  # one that only the project knows
        connection.execute("UPDATE finding SET made=0")
    count, findings_count = project.measurements.count, project.findings.count
    again = jobs.perform(
        analyze(model, data, project, read_only=True, sparsities=(0.25, 0.5, 0.75, 0.9, 0.95)),
        workspace,
        Context(),
    )
    assert set(first.points) < set(again.points)
    assert (project.measurements.count, project.findings.count) == (count, findings_count)


def test_a_project_that_is_gone_is_not_made_anew_behind_ones_back(workspace, model, data, project):
    project.path.unlink()
    with pytest.raises(Exception, match="cannot be read"):
        jobs.perform(analyze(model, data, project), workspace, Context())
    assert not project.path.exists()


def test_a_disk_that_is_full_stops_the_job_and_what_was_told_is_kept(workspace, model, data, project):
    told = []
    request = analyze(model, data, project)
    full = workspace.project(request.project, "")
    pages = full.connection.read("PRAGMA page_count")[0][0]
    full.connection.read(f"PRAGMA max_page_count={pages}")  # SQLite's own word for a full disk
    with pytest.raises(ProjectWriteError) as stopped:
        jobs.perform(request, workspace, Context(on_partial=told.append))
    assert "disk is full" in stopped.value.one_line()
    sha256 = workspace.opened(str(model), Context()).info.sha256
    values, complete = findings(project, sha256)
    assert not complete
    tables = [value for value in told if isinstance(value, LatencyTable)]
    # a table that has grown takes the place of the one before
    replaced = {table for table in tables if table != tables[-1]}
    assert set(values) == {value for value in told if not is_estimate(value)} - replaced
    full.connection.read("PRAGMA max_page_count=1000000")
    again = []
    analysis = jobs.perform(request, workspace, Context(on_partial=again.append))
    measured = [value for value in told if isinstance(value, SensitivityPoint) and not value.estimate]
    assert set(measured) <= set(analysis.points)


# ---------------------------------------------------------------- sources that change


def touch_later(path):
    """Another file of the same name, as a second export would leave it."""
    write_model(path, seed=1)
    os.utime(path, (time.time() + 5, time.time() + 5))


@pytest.mark.parametrize("change", [touch_later, os.unlink], ids=["changed", "deleted"])
@pytest.mark.parametrize("request_of", [analyze, compress])
def test_a_model_that_changes_during_a_job_stops_it(workspace, model, data, project, change, request_of):
    told = []

    def after_the_second(value):
        told.append(value)
        if len(told) == 2:
            change(model)

    with pytest.raises(SourceChangedError) as stopped:
        jobs.perform(request_of(model, data, project), workspace, Context(on_partial=after_the_second))
    assert "'mlp.onnx' changed or went away" in stopped.value.one_line()
    assert len(told) == 2
    assert all(run.state == "failed" for run in project.runs.all())


def test_samples_that_change_during_a_job_stop_it(workspace, model, data, project):
    def change(value):
        if isinstance(value, Outcome):
            np.savez(data.path, x=np.zeros((500, 8), np.float32), y=np.zeros(500, np.int64))

    with pytest.raises(SourceChangedError) as stopped:
        jobs.perform(analyze(model, data, project), workspace, Context(on_partial=change))
    assert "'data.npz' changed or went away" in stopped.value.one_line()


def test_another_model_at_the_same_path_is_not_taken_for_the_one_that_is_meant(
    workspace, model, data, project
):
    sha256 = workspace.opened(str(model), Context()).info.sha256
    touch_later(model)
    for request in (
        analyze(model, data, project, model_sha256=sha256),
        compress(model, data, project, model_sha256=sha256),
        m.MeasurePlan(model=str(model), data=data, plan=HALF, model_sha256=sha256),
    ):
        with pytest.raises(SourceChangedError):
            jobs.perform(request, workspace, Context())
    assert project.findings.count == 0
