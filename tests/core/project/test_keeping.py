"""What is kept comes back as it was, also for another process."""

import time
import zlib

import msgspec
import pytest
from refusals import refused

from core.project import PlanStep, Project, ProjectReadError, Snapshot, places
from core.values import (
    DataInfo,
    DataSpec,
    LayerPlan,
    Measurement,
    ModelInfo,
    Outcome,
    Plan,
    Preprocess,
    Result,
    RunPoint,
    SensitivityPoint,
)

TOP1 = Measurement(metric="top1", value=91.0, low=89.0, high=92.5, count=300, unit="%")
OUTCOME = Outcome(measurements=(TOP1,), size_bytes=1000, zipped_bytes=900)


def plan(sparsity):
    return Plan(defaults=LayerPlan(sparsity=sparsity), exceptions={"层/conv": LayerPlan(weight_bits=4)})


def steps(*sparsities, label="Sparsity"):
    return [PlanStep(plan=plan(one), label=label, made=float(place)) for place, one in enumerate(sparsities)]


def sparsities(project):
    found, index, _ = project.history.load()
    return [step.plan.defaults.sparsity for step in found], index


def model_info(path, sha256="aa"):
    return ModelInfo(path=str(path), name="net.onnx", sha256=sha256, size_bytes=12, opset=17, ir_version=8)


def data_info(path, sha256="dd", **spec):
    return DataInfo(
        spec=DataSpec(path=str(path), kind="image_folder", preprocess=Preprocess(mean=(1.5,)), **spec),
        sha256=sha256,
        kind="image_folder",
        task="classification",
        sample_count=50,
        calibration_count=10,
        judge_count=40,
    )


# ---------------------------------------------------------------- plans


def test_steps_come_back_with_words_and_place(project, reopened):
    kept = steps(0.0, 0.25, 0.5)
    kept[2] = msgspec.structs.replace(kept[2], label="稀疏度", merge="drag conv", made=1234.5)
    project.history.save(0, kept, 1)
    assert reopened().history.load() == (tuple(kept), 1, 0)


def test_an_edit_after_undo_takes_the_place_of_what_was_undone(project):
    project.history.save(0, steps(0.0, 0.25, 0.5, 0.75), 3)
    project.history.save(4, [], 1)  # undone twice
    assert sparsities(project) == ([0.0, 0.25, 0.5, 0.75], 1)
    project.history.save(2, steps(0.9), 2)
    assert sparsities(project) == ([0.0, 0.25, 0.9], 2)
    # every plan that was in force is still in the file
    assert project.history.count == 5
    kept = project.connection.read("SELECT place FROM plan_step ORDER BY id")
    assert kept == [(0,), (1,), (None,), (None,), (2,)]


def test_a_drag_is_one_row(project):
    project.history.save(0, steps(0.0, 0.1), 1)
    for sparsity in (0.2, 0.3, 0.4):
        project.history.save(1, steps(sparsity), 1, merged=True)
    assert sparsities(project) == ([0.0, 0.4], 1)
    assert project.history.count == 2


def test_a_past_is_of_one_moment_while_another_window_edits(project, reopened, monkeypatch):
    """An undone step, then another edit in its place: the older step must not be told as the one in force."""
    project.history.save(0, steps(0.0, 0.25, 0.5), 2)
    project.history.save(3, [], 1)  # 0.5 is undone
    reader = reopened()
    connection = reader.history._connection
    read = connection.read

    def slow_read(*arguments):
        rows = read(*arguments)
        project.history.save(2, steps(0.9), 2)
        return rows

    monkeypatch.setattr(connection, "read", slow_read)
    assert sparsities(reader) == ([0.0, 0.25, 0.5], 1)
    monkeypatch.setattr(connection, "read", read)
    assert sparsities(reader) == ([0.0, 0.25, 0.9], 2)


def test_a_long_history_gives_back_a_thousand_steps_around_the_one_in_force(project):
    project.history.save(0, steps(*(number / 4000 for number in range(1500))), 100)
    found, index = sparsities(project)
    assert len(found) == 1000
    assert found[index] == 100 / 4000
    project.history.save(1500, [], 1499)
    found, index = sparsities(project)
    assert (len(found), index, found[-1]) == (1000, 999, 1499 / 4000)


def test_a_plan_that_is_none_is_damage(project):
    project.history.save(0, steps(0.0), 0)
    with project.connection.transaction() as connection:
        connection.execute("UPDATE plan_step SET plan=x'00'")
    with refused(ProjectReadError, "damaged"):
        project.history.load()


def test_a_plan_that_swells_is_refused(project):
    bomb = zlib.compress(b"\0" * (65 << 20), 1)
    project.history.save(0, steps(0.0), 0)
    with project.connection.transaction() as connection:
        connection.execute("UPDATE plan_step SET plan=?", (bomb,))
    with refused(ProjectReadError, "more than 64 MB"):
        project.history.load()


# ---------------------------------------------------------------- snapshots


def test_snapshots_are_kept_renamed_measured_deleted_and_brought_back(project, reopened):
    before = time.time()
    first = project.snapshots.add(Snapshot(label="小 small", plan=plan(0.5), model_sha256="aa"))
    second = project.snapshots.add(Snapshot(label="b", note="n", plan=plan(0.7), outcome=OUTCOME))
    assert reopened().snapshots.all() == (first, second)
    assert before <= first.made <= time.time()
    assert (first.measured, second.measured) == (False, True)
    project.snapshots.rename(first.id, "c", "why")
    project.snapshots.measured(first.id, OUTCOME)
    project.snapshots.delete(second.id)
    (left,) = reopened().snapshots.all()
    assert (left.label, left.note, left.plan, left.outcome) == ("c", "why", plan(0.5), OUTCOME)
    project.snapshots.bring_back(second.id)
    assert reopened().snapshots.all()[1] == second


# ---------------------------------------------------------------- runs


def test_a_run_comes_back_with_its_way_and_its_artefact(project, reopened):
    run_id = project.runs.begin(plan(0.5), "aa", "dd")
    points = [
        RunPoint(step=step, total=2, layer_id="conv", measurement=TOP1, loss=0.5 * step) for step in (1, 2)
    ]
    for point in points:
        project.runs.keep(run_id, point)
    interrupted = reopened().runs.last("aa")
    assert (interrupted.state, interrupted.partials, interrupted.result) == ("running", tuple(points), None)
    result = Result(artefact="/tmp/a.onnx", sha256="ff", plan=plan(0.5), before=OUTCOME, after=OUTCOME)
    project.runs.finish(run_id, result)
    done = reopened().runs.last("aa")
    assert (done.state, done.plan, done.result) == ("done", plan(0.5), result)
    (artefact,) = done.artefacts
    assert (artefact.path, artefact.sha256, artefact.size_bytes) == ("/tmp/a.onnx", "ff", 1000)
    assert done.started <= done.ended <= time.time()
    assert reopened().runs.last("other") is None


def test_a_new_run_means_that_the_last_was_interrupted(project):
    project.runs.begin(plan(0.5), "aa", "dd")
    second = project.runs.begin(plan(0.6), "aa", "dd")
    project.runs.end(second, "failed")
    assert [run.state for run in project.runs.all()] == ["stopped", "failed"]


def test_what_another_version_wrote_of_a_run_is_left_out(project):
    run_id = project.runs.begin(plan(0.5), "aa", "dd")
    with project.connection.transaction() as connection:
        connection.execute("INSERT INTO run_partial(run, value) VALUES (?, ?)", (run_id, b"\x81\xa1x\x01"))
        connection.execute("UPDATE run SET result=x'80'")
    last = project.runs.last("aa")
    assert (last.partials, last.result) == ((), None)


# ---------------------------------------------------------------- findings


def point(layer, sparsity, loss, bits=32):
    return SensitivityPoint(layer_id=layer, sparsity=sparsity, weight_bits=bits, measurement=TOP1, loss=loss)


def test_findings_belong_to_a_model_and_its_samples(project, reopened):
    keep = project.findings.keep
    keep("aa", "d1", OUTCOME)
    keep("aa", "d1", point("a", 0.5, 1.0))
    keep("aa", "d1", point("b", 0.5, 2.0))
    keep("aa", "d1", point("a", 0.0, 4.0, bits=4))
    keep("aa", "d2", point("a", 0.5, 9.0))
    keep("aa", "d1", point("a", 0.5, 1.5))  # measured again
    values, complete = reopened().findings.load("aa", "d1")
    assert set(values) == {OUTCOME, point("a", 0.5, 1.5), point("b", 0.5, 2.0), point("a", 0.0, 4.0, bits=4)}
    assert not complete
    project.findings.complete("aa", "d1")
    assert reopened().findings.load("aa", "d1")[1]
    assert reopened().findings.load("bb", "d1") == ((), False)


def test_estimates_come_back_by_themselves_and_are_not_kept(project):
    measured = point("a", 0.5, 1.0)
    guess = msgspec.structs.replace(
        measured, measurement=msgspec.structs.replace(TOP1, estimate=True, count=0), loss=7.0
    )
    for value in (guess, measured, guess):
        project.findings.keep("aa", "d1", value)
    assert project.findings.load("aa", "d1")[0] == (measured,)


def test_the_key_of_samples_is_how_they_are_read_not_where_they_lie(tmp_path):
    here, there = data_info(tmp_path / "a"), data_info(tmp_path / "b")
    assert here.key == there.key
    assert here.key != data_info(tmp_path / "a", seed=1).key
    assert here.key != data_info(tmp_path / "a", sha256="ee").key


# ---------------------------------------------------------------- references


def test_references_are_of_the_last_model_and_samples(project, reopened, tmp_path):
    model = tmp_path / "models" / "网 net.onnx"
    project.references.set_model(model_info(model))
    project.references.set_model(model_info(model))  # not twice
    project.references.set_data(data_info(tmp_path / "pictures", calibration_path=str(tmp_path / "more")))
    found = reopened().references
    assert [one.sha256 for one in found.models] == ["aa"]
    assert (found.model.path, found.model.relative, found.model.size_bytes) == (
        str(model),
        "models/网 net.onnx",
        12,
    )
    assert found.data.spec == data_info(tmp_path / "pictures", calibration_path=str(tmp_path / "more")).spec
    assert (found.data.sha256, found.data.sample_count) == ("dd", 50)
    project.references.set_model(model_info(model, "bb"))
    assert [one.sha256 for one in reopened().references.models] == ["aa", "bb"]
    assert reopened().references.model.sha256 == "bb"


def test_paths_given_from_here_are_kept_whole(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project.references.set_model(model_info("net.onnx"))
    project.references.set_data(data_info("pictures"))
    assert project.references.model.path == str(tmp_path / "net.onnx")
    assert project.references.data.spec.path == str(tmp_path / "pictures")
    project.references.set_data(data_info("random"))
    assert project.references.data.spec.path == "random"


def test_model_and_project_moved_together_find_each_other(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    project = Project(old / "p.secateur")
    project.references.set_model(model_info(old / "deep" / "net.onnx"))
    project.close()
    old.rename(new)
    project = Project(new / "p.secateur")
    found = places(project.references.model, project.path)
    assert found == [old / "deep" / "net.onnx", new / "deep" / "net.onnx"]
    project.close()


@pytest.mark.parametrize(
    "path",
    ["", "net.onnx", "../net.onnx", "/dev/zero", "/a\0b", "/a\nb", "\\\\.\\PhysicalDrive0", "/x" * 40000],
)
def test_paths_that_could_do_harm_are_refused(project, tmp_path, path):
    project.references.set_model(model_info(tmp_path / "net.onnx"))
    project.references.set_data(data_info(tmp_path / "pictures"))
    with project.connection.transaction() as connection:
        connection.execute("UPDATE model SET path=?", (path,))
        spec = msgspec.structs.replace(data_info("/x").spec, path=path)
        connection.execute("UPDATE data SET spec=?", (msgspec.msgpack.encode(spec),))
    for reference in ("model", "data"):
        with refused(ProjectReadError, "tampered"):
            getattr(project.references, reference)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "C:\\x", "a/../../b", "\\\\host\\x"])
def test_a_relative_path_that_leaves_the_folder_is_not_followed(project, tmp_path, path):
    project.references.set_model(model_info(tmp_path / "net.onnx"))
    with project.connection.transaction() as connection:
        connection.execute("UPDATE model SET relative=?", (path,))
    reference = project.references.model
    assert places(reference, project.path) == [tmp_path / "net.onnx"]
