"""A project in the window: kept from the first click, found again, saved under a name, asked about."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from person import CONTROL, choose_path, click, press
from project_windows import Desk
from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from shell_values import make_result

from core import messages as m
from core.project import Project, previous_path, untitled_path
from core.values import (
    DamageLink,
    DataSpec,
    Measurement,
    Outcome,
    PlanMeasured,
    RunPoint,
    SensitivityPoint,
    Text,
)
from gui import disk_work
from gui.restore import LEARNT
from gui.session_state import DEFAULT_PLAN

SHIFT = Qt.KeyboardModifier.ShiftModifier
TOP1 = Measurement(metric="top1", value=91.0, low=89.0, high=92.5, count=300, unit="%")
BASELINE = Outcome(measurements=(TOP1,), size_bytes=4000, zipped_bytes=3000)
POINT = SensitivityPoint(layer_id="stem", sparsity=0.5, measurement=TOP1, loss=1.5)


@pytest.fixture
def desk(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(qapp, qtbot, tmp_path / "window.json")
    made.start()
    yield made
    made.end()


@pytest.fixture
def model(desk: Desk, tmp_path: Path) -> Path:
    path = tmp_path / "models" / "网 tiny.onnx"
    desk.make_model(path)
    return path


@pytest.fixture
def pets(desk: Desk, tmp_path: Path) -> Path:
    path = tmp_path / "pets"
    desk.make_data(path)
    return path


def labels(desk: Desk) -> list[str]:
    stack = desk.window.session.undo_stack
    return [stack.command(index).text() for index in range(stack.count())]


def edit(desk: Desk, *sparsities: float) -> None:
    for sparsity in sparsities:
        desk.window.session.set_layers(["stem"], f"Sparsity {sparsity}", sparsity=sparsity)


# ---------------------------------------------------------------- found again


@pytest.mark.parametrize("ended", ["closed", "cut off"])
def test_plans_undo_and_redo_are_there_after_a_restart(desk: Desk, model: Path, ended: str) -> None:
    desk.open(model)
    edit(desk, 0.25, 0.5, 0.75)
    desk.window.session.undo_stack.undo()
    plan = desk.window.session.plan
    desk.end() if ended == "closed" else desk.cut_off()
    session = desk.start().session
    desk.open(model)
    assert session.plan == plan
    assert session.plan.layer("stem").sparsity == 0.5
    assert labels(desk) == ["Sparsity 0.25", "Sparsity 0.5", "Sparsity 0.75"]
    assert "Undo: Sparsity 0.5" in desk.window.actions["undo"].toolTip()
    session.undo_stack.redo()
    assert session.plan.layer("stem").sparsity == 0.75
    for _ in range(3):
        session.undo_stack.undo()
    assert session.plan == DEFAULT_PLAN
    assert not session.undo_stack.canUndo()


def test_a_drag_is_one_step_before_and_after(desk: Desk, model: Path) -> None:
    desk.open(model)
    for sparsity in (0.1, 0.2, 0.3):
        desk.window.session.set_layers(["stem"], "Sparsity", "drag stem", sparsity=sparsity)
    desk.end()
    session = desk.start().session
    desk.open(model)
    session.set_layers(["stem"], "Sparsity", "drag stem", sparsity=0.9)
    assert labels(desk) == ["Sparsity", "Sparsity"]  # a new drag is a new step
    session.undo_stack.undo()
    assert session.plan.layer("stem").sparsity == 0.3
    project = desk.window.keeper.project
    assert project.history.count == 3


def test_edits_go_on_after_a_restart_where_they_stopped(desk: Desk, model: Path) -> None:
    for sparsity in (0.1, 0.2, 0.3):
        desk.open(model)
        edit(desk, sparsity)
        desk.end()
        desk.start()
    desk.open(model)
    assert labels(desk) == ["Sparsity 0.1", "Sparsity 0.2", "Sparsity 0.3"]


def test_samples_findings_and_run_come_back_by_themselves(desk: Desk, model: Path, pets: Path) -> None:
    desk.open(model)
    desk.open(pets)
    info, data = desk.window.session.model, desk.window.session.data
    engine = Project(desk.window.keeper.project.path, create=False)  # as the other process has it
    for value in (BASELINE, POINT):
        engine.findings.keep(info.sha256, data.key, value)
    edit(desk, 0.5)
    plan = desk.window.session.plan
    run = engine.runs.begin(plan, info.sha256, data.sha256)
    point = RunPoint(step=1, total=2, layer_id="stem", measurement=TOP1, loss=0.5)
    engine.runs.keep(run, point)
    desk.end()

    # cut off on its way
    session = desk.start().session
    desk.open(model)
    assert (session.data, session.baseline) == (data, BASELINE)
    assert session.points == {"stem": (POINT,)}
    assert not session.analyzed
    assert (session.run_state, session.run_points, session.result) == ("stopped", (point,), None)
    assert not [one for one in desk.window.engine.sent if isinstance(one, m.Analyze | m.Compress)]
    desk.end()

    # finished, and ready to be exported
    engine.findings.complete(info.sha256, data.key)
    result = make_result(plan)
    engine.runs.finish(run, result)
    session = desk.start().session
    desk.open(model)
    assert session.analyzed
    assert (session.run_state, session.result, session.result_is_current) == ("done", result, True)
    assert desk.window.actions["export"].isEnabled()
    engine.close()


def test_jobs_are_told_where_to_keep_what_they_find(desk: Desk, model: Path, pets: Path) -> None:
    desk.open(model)
    desk.open(pets)
    desk.window.session.analyze()
    request = desk.window.engine.last(m.Analyze)
    assert request.project == str(untitled_path("a")) == desk.window.session.project_path
    assert (request.read_only, request.model_sha256) == (False, "a")


def test_of_many_measured_plans_the_latest_teach_the_prediction(desk: Desk, model: Path, pets: Path) -> None:
    """Each takes milliseconds; the plan in force keeps its figure whatever its age among them."""
    desk.open(model)
    desk.open(pets)
    edit(desk, 0.2)
    session = desk.window.session
    key, project = session.data.key, desk.window.keeper.project
    project.findings.keep("a", key, DamageLink(damages=(0.0, 1.0), losses=(0.0, 10.0), spreads=(0.0, 1.0)))
    for name in ("stem", "middle", "head"):
        for settings, damage in (
            ({"sparsity": 0.25}, 0.01),
            ({"sparsity": 0.5}, 0.05),
            ({"weight_bits": 8}, 0.001),
        ):
            point = SensitivityPoint(layer_id=name, measurement=TOP1, loss=1.0, damage=damage, **settings)
            project.findings.keep("a", key, point)
    for number in range(LEARNT + 10):
        plan = session.plan.with_layer("stem", sparsity=0.2 + number / 1000)
        project.findings.keep("a", key, PlanMeasured(plan=plan, outcome=BASELINE, loss=0.2, damage=0.02))
    desk.cut_off()
    desk.start()
    desk.open(model)
    assert len(desk.window.session.plans) == LEARNT + 1
    assert desk.window.session.plan_is_measured, "the first of them, which is in force"


def test_other_samples_that_were_used_before_have_their_findings_at_once(
    desk: Desk, model: Path, pets: Path, tmp_path: Path
) -> None:
    desk.open(model)
    desk.open(pets)
    session = desk.window.session
    desk.window.keeper.project.findings.keep("a", session.data.key, POINT)
    other = tmp_path / "others"
    desk.make_data(other, "e")
    desk.open(other)
    assert session.points == {}
    desk.open(pets)
    assert session.points == {"stem": (POINT,)}


def test_a_store_of_version_1_is_found_by_the_models_hash(desk: Desk, model: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "core" / "project"))
    from version_1 import write_version_1

    write_version_1(untitled_path("a"), {"old": b"measured"})
    desk.open(model)
    assert desk.window.keeper.project.get("old") == b"measured"


# ---------------------------------------------------------------- a name


def test_saved_under_a_name_it_goes_on_there_and_the_model_by_itself_begins_anew(
    desk: Desk, model: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    desk.open(model)
    edit(desk, 0.25)
    place = tmp_path / "my work.secateur"
    press(Qt.Key.Key_S, CONTROL | SHIFT)
    choose_path(qtbot, place.with_suffix(""))  # the ending comes by itself
    qtbot.waitUntil(lambda: desk.window.keeper.name == "my work")
    assert desk.window.main.windowTitle().startswith("my work – 网 tiny.onnx")
    assert desk.window.session.project_path == str(place)
    edit(desk, 0.5)
    assert Project(place, create=False).history.load().in_force == 2
    desk.end()

    desk.start()
    shown = [each.text() for each in desk.window.main.start.findChildren(QPushButton)]
    assert any(text.startswith("my work (project)") for text in shown)
    desk.open(model)
    assert labels(desk) == []
    desk.open(place)
    assert labels(desk) == ["Sparsity 0.25", "Sparsity 0.5"]
    assert desk.window.keeper.name == "my work"
    menu = desk.window.main.top_bar._project.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu._recent.actions()] == ["my work"]


def test_the_same_model_opened_again_stays_in_its_project(desk: Desk, model: Path, tmp_path: Path) -> None:
    desk.open(model)
    desk.window.keeper.save_as(tmp_path / "p.secateur")
    edit(desk, 0.25)
    desk.open(model)
    assert desk.window.keeper.name == "p"
    assert labels(desk) == ["Sparsity 0.25"]


def test_new_begins_anew_and_what_was_planned_stays(desk: Desk, model: Path) -> None:
    desk.open(model)
    edit(desk, 0.25)
    desk.window.keeper.project.put("m", b"measured")
    press(Qt.Key.Key_N, CONTROL)
    assert desk.window.session.model is None
    assert desk.window.main.start.isVisible()
    assert desk.window.main.windowTitle() == "Secateur"
    desk.open(model)
    assert labels(desk) == []
    assert desk.window.keeper.project.get("m") == b"measured"
    (aside,) = untitled_path("a").parent.glob("*-*.secateur")
    desk.open(aside)
    assert labels(desk) == ["Sparsity 0.25"]


def test_a_name_that_another_window_has_is_refused(desk: Desk, model: Path, tmp_path: Path) -> None:
    place = tmp_path / "p.secateur"
    Project(place).close()
    before = place.read_bytes()
    with another_window(place):
        desk.open(model)
        assert not desk.window.keeper.save_as(place)
        assert "open in another window" in desk.asked()
    assert place.read_bytes() == before


# ---------------------------------------------------------------- asked


class another_window:  # noqa: N801 - reads as words
    """Another process that holds a project, until it is killed."""

    def __init__(self, path: Path) -> None:
        script = textwrap.dedent(
            """
            import sys
            from pathlib import Path
            from PySide6.QtCore import QCoreApplication
            from gui.project_lock import ProjectLock
            application = QCoreApplication([])
            lock = ProjectLock(Path(sys.argv[1]))
            print(lock.take(), flush=True)
            sys.stdin.read()
            """
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "True\n"

    def __enter__(self) -> another_window:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def saved(desk: Desk, model: Path, place: Path, data: Path | None = None) -> Path:
    """A project with two edits, closed."""
    desk.open(model)
    if data is not None:
        desk.open(data)
    edit(desk, 0.25, 0.5)
    desk.window.keeper.save_as(place)
    desk.end()
    desk.start()
    return place


def test_a_second_window_may_look_and_save_elsewhere(
    desk: Desk, model: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    before = place.read_bytes()
    with another_window(place):
        desk.open(place)
        assert desk.asked() == "The project 'p.secateur' is open in another window."
        assert desk.window.session.model is None
        click(desk.way("Open read-only"))
        desk.work()
        assert desk.window.keeper.read_only
        assert labels(desk) == ["Sparsity 0.25", "Sparsity 0.5"]
        assert "p (read-only)" in desk.window.main.windowTitle()
        assert desk.asked() == "The project 'p.secateur' is open read-only."
        edit(desk, 0.9)
        assert desk.window.keeper.take_snapshot("s") is None
        assert place.read_bytes() == before
        click(desk.way("Save elsewhere…"))
        choose_path(qtbot, tmp_path / "q.secateur")
        qtbot.waitUntil(lambda: desk.window.keeper.name == "q")
    assert place.read_bytes() == before
    assert not desk.window.keeper.read_only
    copy = Project(tmp_path / "q.secateur", create=False)
    assert [step.label for step in copy.history.load().steps] == [
        "", "Sparsity 0.25", "Sparsity 0.5", "Sparsity 0.9",
    ]  # fmt: skip
    copy.close()
    desk.open(place)  # its holder was killed: the lock died with it
    assert (desk.window.keeper.name, desk.window.keeper.read_only) == ("p", False)


def test_two_windows_on_one_untitled_model_have_a_project_each(desk: Desk, model: Path) -> None:
    first = Project(untitled_path("a"))
    first.put("m", b"measured")
    first.close()
    with another_window(untitled_path("a")):
        desk.open(model)
        project = desk.window.keeper.project
        assert project.path.name == f"{untitled_path('a').stem}-2.secateur"
        assert project.get("m") == b"measured"


def test_a_model_that_moved_is_asked_for(desk: Desk, model: Path, tmp_path: Path, qtbot: QtBot) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    moved = tmp_path / "elsewhere" / "renamed.onnx"
    moved.parent.mkdir()
    model.rename(moved)
    desk.files[str(moved)] = msgspec.structs.replace(desk.files.pop(str(model)), path=str(moved))
    desk.open(place)
    assert "is not where this project had it" in desk.asked()
    assert str(model) in desk.window.main.error_bar._why.text()
    press(Qt.Key.Key_Return)  # the first way out has the focus
    choose_path(qtbot, moved)
    qtbot.waitUntil(lambda: desk.window.session.job is not None)
    desk.work()
    assert labels(desk) == ["Sparsity 0.25", "Sparsity 0.5"]
    desk.end()
    desk.start()
    desk.open(place)  # it is known now
    assert desk.asked() == ""
    assert desk.window.session.model.path == str(moved)


def test_project_and_model_moved_together_are_no_question(desk: Desk, model: Path, tmp_path: Path) -> None:
    place = saved(desk, model, model.parent / "p.secateur")
    model.parent.rename(tmp_path / "new")
    there = tmp_path / "new" / model.name
    desk.files[str(there)] = msgspec.structs.replace(desk.files.pop(str(model)), path=str(there))
    desk.open(tmp_path / "new" / place.name)
    assert desk.asked() == ""
    assert desk.window.keeper.name == "p"


@pytest.mark.parametrize("answer", ["Use the changed file", "Cancel"])
def test_a_model_that_changed_is_asked_about(
    desk: Desk, model: Path, pets: Path, tmp_path: Path, answer: str
) -> None:
    place = saved(desk, model, tmp_path / "p.secateur", pets)
    project = Project(place, create=False)
    project.findings.keep("a", desk.data[str(pets)].key, POINT)
    project.close()
    desk.make_model(model, "changed")
    desk.open(place)
    assert "has changed since the project 'p.secateur' was last open" in desk.asked()
    assert desk.window.keeper.project is None
    click(desk.way(answer))
    desk.work()
    session = desk.window.session
    if answer == "Cancel":
        assert session.model is None
        assert Project(place, create=False).references.model.sha256 == "a"
        return
    assert labels(desk) == ["Sparsity 0.25", "Sparsity 0.5"]
    assert session.points == {}
    project = desk.window.keeper.project
    assert [one.sha256 for one in project.references.models] == ["a", "changed"]
    assert project.findings.load("a", session.data.key)[0] == (POINT,)


def test_settings_of_layers_that_are_gone_are_left_out(desk: Desk, model: Path, tmp_path: Path) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    info = desk.make_model(model, "changed")
    desk.files[str(model)] = msgspec.structs.replace(info, layers=info.layers[1:])
    desk.open(place)
    click(desk.way("Use the changed file"))
    assert desk.window.session.plan.exceptions == {}


def test_samples_that_are_gone_are_asked_for(
    desk: Desk, model: Path, pets: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    place = saved(desk, model, tmp_path / "p.secateur", pets)
    moved = tmp_path / "moved pets"
    pets.rename(moved)
    found = desk.data.pop(str(pets))
    spec = msgspec.structs.replace(found.spec, path=str(moved))
    desk.data[str(moved)] = msgspec.structs.replace(found, spec=spec)
    desk.open(place)
    assert desk.asked() == "The samples are not where this project had them."
    click(desk.way("Show the folder…"))
    choose_path(qtbot, moved)
    qtbot.waitUntil(lambda: desk.window.session.job is not None)
    desk.work()
    assert desk.window.session.data.spec == spec


def test_samples_that_changed_are_told(desk: Desk, model: Path, pets: Path, tmp_path: Path) -> None:
    place = saved(desk, model, tmp_path / "p.secateur", pets)
    desk.make_data(pets, "more of them")
    desk.open(place)
    assert desk.asked() == "The samples in 'pets' have changed since this project was last open."


def test_other_samples_to_calibrate_on_are_no_change_of_those_that_are_there(
    desk: Desk, model: Path, pets: Path, tmp_path: Path
) -> None:
    desk.open(model)
    desk.open(pets)
    found = desk.data[str(pets)]  # with another folder to calibrate on, what is read is other files
    spec = msgspec.structs.replace(found.spec, calibration_path=str(tmp_path / "more pets"))
    desk.data[str(pets)] = msgspec.structs.replace(found, spec=spec, sha256="both")
    desk.window.commands.calibrate_on(str(tmp_path / "more pets"))
    desk.work()
    assert desk.window.session.data.sha256 == "both"
    assert not desk.window.main.error_bar.isVisible()


# ---------------------------------------------------------------- refused


def test_a_damaged_project_offers_its_previous_copy(desk: Desk, model: Path, tmp_path: Path) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    assert previous_path(place).exists()
    damaged = b"SQLite format 3\0" + b"\xff" * 3000
    place.write_bytes(damaged)
    desk.open(place)
    assert desk.asked() == "The project file 'p.secateur' cannot be read."
    (way, _) = desk.window.main.error_bar._ways
    made = QDateTime.fromSecsSinceEpoch(int(previous_path(place).stat().st_mtime))
    assert way.text() == "Open the copy of " + QLocale().toString(made, QLocale.FormatType.ShortFormat)
    click(way)
    desk.work()
    assert desk.window.keeper.name == "p-previous"
    assert labels(desk) == ["Sparsity 0.25", "Sparsity 0.5"]
    assert place.read_bytes() == damaged


def test_a_project_of_a_newer_version_is_refused_in_one_sentence(desk: Desk, tmp_path: Path) -> None:
    place = tmp_path / "p.secateur"
    project = Project(place)
    project.connection.read("PRAGMA user_version=99")
    project.close()
    desk.open(place)
    assert desk.asked() == "The project file 'p.secateur' is of a newer Secateur."
    assert desk.window.engine.sent == []


@pytest.mark.parametrize("path", ["/dev/zero", "../../net.onnx", "/tmp/a\nb.onnx"])
def test_paths_that_could_do_harm_are_not_even_looked_at(
    desk: Desk, model: Path, tmp_path: Path, path: str
) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    project = Project(place, create=False)
    with project.connection.transaction() as connection:
        connection.execute("UPDATE model SET path=?", (path,))
    project.close()
    desk.open(place)
    assert desk.asked() == "The project file 'p.secateur' cannot be read."
    assert "tampered" in desk.window.main.error_bar._why.text()
    assert desk.window.engine.sent == []


def test_another_computer_is_asked_about_before_it_is_contacted(
    desk: Desk, model: Path, tmp_path: Path
) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    project = Project(place, create=False)
    with project.connection.transaction() as connection:
        connection.execute("UPDATE model SET path='//evil/share/net.onnx', relative=NULL")
    project.close()
    desk.open(place)
    assert "lies on another computer: '//evil/share/net.onnx'" in desk.asked()
    assert desk.window.engine.sent == []
    click(desk.way("Cancel"))
    assert desk.window.session.model is None


def test_what_is_open_stays_when_another_project_is_refused(desk: Desk, model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.secateur").write_bytes(b"no project")
    desk.open(model)
    edit(desk, 0.25)
    desk.open(tmp_path / "bad.secateur")
    assert "cannot be read" in desk.asked()
    edit(desk, 0.5)
    assert desk.window.keeper.project.history.load().in_force == 2


# ---------------------------------------------------------------- a full disk


def test_edits_on_a_full_disk_wait_and_are_kept_when_there_is_room(desk: Desk, model: Path) -> None:
    desk.open(model)
    edit(desk, 0.25)
    connection = desk.window.keeper.project.connection
    pages = connection.read("PRAGMA page_count")[0][0]
    connection.read(f"PRAGMA max_page_count={pages}")  # SQLite's own word for a full disk
    for number in range(200):
        edit(desk, 0.3 + number / 1000)
    assert desk.asked().startswith("The project ") and "could not be saved" in desk.asked()
    assert desk.window.main.error_bar._why.text() == "The disk is full."
    assert desk.window.keeper.unsaved
    assert len([one for one in desk.problems if one.kind == "project"]) == 1  # told once, not at every edit
    connection.read("PRAGMA max_page_count=1000000")
    click(desk.way("Try again"))
    assert not desk.window.keeper.unsaved
    assert desk.window.keeper.project.history.load().in_force == 201


def test_a_full_disk_is_left_for_another_place(desk: Desk, model: Path, tmp_path: Path, qtbot: QtBot) -> None:
    desk.open(model)
    connection = desk.window.keeper.project.connection
    pages = connection.read("PRAGMA page_count")[0][0]
    connection.read(f"PRAGMA max_page_count={pages}")
    for number in range(200):
        edit(desk, 0.3 + number / 1000)
    click(desk.way("Save elsewhere…"))
    choose_path(qtbot, tmp_path / "elsewhere.secateur")
    qtbot.waitUntil(lambda: desk.window.keeper.name == "elsewhere")
    assert not desk.window.keeper.unsaved
    assert Project(tmp_path / "elsewhere.secateur", create=False).history.load().in_force == 200


def test_what_could_be_kept_nowhere_is_saved_under_a_name(
    desk: Desk, model: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = untitled_path("a").parent
    disk_work.settle()
    shutil.rmtree(folder)
    folder.write_text("in the way: no folder can be made here")
    desk.open(model)
    assert desk.asked() == "Your work cannot be kept at the moment."
    assert desk.window.keeper.project is None
    edit(desk, 0.25, 0.5)
    other = tmp_path / "other.secateur"
    other.write_text("somebody's")
    assert not desk.window.keeper.save_as(other)
    assert desk.asked() == "There is a file named 'other.secateur' already."
    assert other.read_text() == "somebody's"
    click(desk.way("Save elsewhere…"))
    choose_path(qtbot, tmp_path / "mine.secateur")
    qtbot.waitUntil(lambda: desk.window.keeper.name == "mine")
    edit(desk, 0.75)
    past = Project(tmp_path / "mine.secateur", create=False).history.load()
    assert [step.label for step in past.steps] == ["", "Sparsity 0.25", "Sparsity 0.5", "Sparsity 0.75"]
    assert past.in_force == 3


def test_a_job_that_could_not_save_is_tried_again(desk: Desk, model: Path, pets: Path) -> None:
    desk.open(model)
    desk.open(pets)
    desk.window.session.analyze()
    first = desk.window.engine.last(m.Analyze)
    desk._tell(m.Failed(id=first.id, code="ProjectWriteError", what=Text("Not saved.")))
    assert [button.text() for button in desk.window.main.error_bar._ways] == ["Try again", "Save elsewhere…"]
    click(desk.way("Try again"))
    again = desk.window.engine.last(m.Analyze)
    assert again.id != first.id
    assert msgspec.structs.replace(again, id=first.id) == first
    assert desk.asked() == ""


# ---------------------------------------------------------------- cut off


def test_after_a_cut_the_first_screen_offers_to_go_on(desk: Desk, model: Path) -> None:
    desk.open(model)
    edit(desk, 0.25)
    desk.cut_off()
    desk.start()
    way = next(
        each for each in desk.window.main.start.findChildren(QPushButton) if "Continue with" in each.text()
    )
    assert way.isVisible()
    click(way)
    desk.work()
    assert labels(desk) == ["Sparsity 0.25"]
    desk.end()
    desk.start()
    assert not desk.window.main.start._continue.isVisible()


def test_every_question_is_asked_in_chinese(desk: Desk, model: Path, tmp_path: Path) -> None:
    place = saved(desk, model, tmp_path / "p.secateur")
    model.unlink()
    desk.end()
    desk.start("zh_CN")
    desk.open(place)
    assert "不在本项目记录的位置" in desk.asked()
    assert [each.text() for each in desk.window.main.error_bar._ways] == ["指出位置…", "取消"]


def test_the_command_lines_spec_is_found_again(desk: Desk, model: Path, tmp_path: Path) -> None:
    """What `secateur compress --project` left is opened like any other, random samples included."""
    project = Project(tmp_path / "cli.secateur")
    project.references.set_model(desk.files[str(model)])
    data = msgspec.structs.replace(
        desk.make_data(tmp_path / "x"), spec=DataSpec(path="random", kind="random")
    )
    project.references.set_data(data)
    project.close()
    desk.data["random"] = data
    desk.open(tmp_path / "cli.secateur")
    assert desk.window.session.data == data
