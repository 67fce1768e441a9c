"""Save as, the copy that a clean close leaves, and its use when the file is damaged."""

import pytest
from refusals import refused

from core.project import (
    Past,
    Project,
    ProjectReadError,
    ProjectWriteError,
    open_previous,
    previous_path,
    untitled_path,
)


def test_a_copy_is_whole_while_the_other_process_writes(project, tmp_path):
    project.put("a", b"1")
    other = Project(project.path)
    other.put("b", b"2")
    copy = project.save_as(tmp_path / "away" / ".." / "copy.secateur")
    other.put("c", b"3")
    other.close()
    again = Project(copy, create=False, thorough=True)
    assert (again.get("a"), again.get("b"), again.get("c")) == (b"1", b"2", None)
    again.close()
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".secateur-")]


def test_a_copy_over_a_project_that_was_killed_takes_none_of_its_log(project, tmp_path):
    """What the old file's log holds would be played into whatever stands in its place."""
    old = tmp_path / "old.secateur"
    victim = Project(old)
    victim.put("a", b"old")
    victim.connection.checkpoint()
    victim.put("b", b"only in the log")
    # as kill -9 leaves it: file and log, nobody has closed
    dead = tmp_path / "dead.secateur"
    for ending in ("", "-wal"):
        dead.with_name(dead.name + ending).write_bytes(old.with_name(old.name + ending).read_bytes())
    victim.close()
    check = Project(tmp_path / "dead.secateur")
    assert check.get("b") == b"only in the log"
    check.close()
    for ending in ("", "-wal"):  # once more: closing tidied it up
        if (old.with_name(old.name + ending)).exists():
            dead.with_name(dead.name + ending).write_bytes(old.with_name(old.name + ending).read_bytes())
    project.put("a", b"new")
    project.save_as(dead)
    again = Project(dead, create=False, thorough=True)
    assert (again.get("a"), again.get("b")) == (b"new", None)
    again.close()


def test_saving_onto_itself_changes_nothing(project):
    project.put("a", b"1")
    assert project.save_as(project.path) == project.path
    assert project.get("a") == b"1"


@pytest.mark.parametrize("place", ["missing/copy.secateur", "folder.secateur"])
def test_a_copy_that_cannot_be_written_leaves_nothing(project, tmp_path, place):
    (tmp_path / "folder.secateur").mkdir()
    project.put("a", b"1")
    before = sorted(entry.name for entry in tmp_path.iterdir())
    with refused(ProjectWriteError, "could not be saved"):
        project.save_as(tmp_path / place)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before
    assert project.get("a") == b"1"


def test_the_previous_copy_is_that_of_the_last_clean_close(tmp_path):
    path = tmp_path / "p.secateur"
    for number in range(3):
        project = Project(path)
        project.put("a", str(number).encode())
        project.keep_previous()
        project.close()
    project = Project(path)
    project.put("a", b"after the last close")
    project.close()  # without a copy: as if killed
    previous = Project(previous_path(path), create=False, read_only=True)
    assert previous.get("a") == b"2"
    previous.close()


def test_a_damaged_project_is_left_as_it_is_beside_its_previous_copy(tmp_path):
    path = tmp_path / "项目.secateur"
    project = Project(path)
    project.put("a", b"1")
    project.keep_previous()
    project.close()
    damaged = b"SQLite format 3\0" + b"\xff" * 5000
    path.write_bytes(damaged)
    with refused(ProjectReadError, "damaged"):
        Project(path, create=False)
    rescued = [open_previous(path) for _ in range(2)]
    assert [one.name for one in rescued] == ["项目-previous.secateur", "项目-previous-2.secateur"]
    for one in rescued:
        project = Project(one, create=False)
        assert project.get("a") == b"1"
        project.close()
    assert path.read_bytes() == damaged


def test_a_previous_copy_that_is_no_better_is_refused(tmp_path):
    path = tmp_path / "p.secateur"
    with refused(ProjectReadError, "no previous copy"):
        open_previous(path)
    previous_path(path).write_bytes(b"x" * 5000)
    with refused(ProjectReadError, "damaged"):
        open_previous(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["p.secateur~"]


def test_starting_anew_keeps_what_was_measured(project, tmp_path):
    from test_keeping import OUTCOME, data_info, model_info, plan, steps

    from core.project import Snapshot

    project.put("a", b"1")
    project.references.set_model(model_info(tmp_path / "net.onnx"))
    project.references.set_data(data_info(tmp_path / "pictures"))
    project.findings.keep("aa", "d", OUTCOME)
    project.history.save(0, steps(0.0, 0.5), 1)
    project.snapshots.add(Snapshot(label="s", plan=plan(0.5)))
    project.runs.begin(plan(0.5), "aa", "dd")
    project.start_anew()
    assert project.history.load() == Past()
    assert (project.snapshots.all(), project.runs.all()) == ((), ())
    assert project.get("a") == b"1"
    assert project.references.model is not None
    assert project.findings.load("aa", "d")[0] == (OUTCOME,)


def test_an_untitled_project_lies_where_version_1_put_it(tmp_path):
    assert untitled_path("0123456789abcdef" * 4, tmp_path) == (
        tmp_path / "projects" / "0123456789abcdef01234567.secateur"
    )


def test_a_copy_is_one_file(project, tmp_path):
    project.put("a", b"1")
    (tmp_path / "away").mkdir()
    project.save_as(tmp_path / "away" / "copy.secateur")
    assert [entry.name for entry in (tmp_path / "away").iterdir()] == ["copy.secateur"]
