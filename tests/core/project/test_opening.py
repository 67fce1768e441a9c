"""Which files are opened, which are refused and stay as they were; old ones are brought up to date."""

import os
import sqlite3
import stat
import threading

import pytest
from refusals import refused
from version_1 import write_version_1

from core.project import Past, Project, ProjectReadError, ProjectWriteError, is_project
from core.project.schema import VERSION


def raw(path):
    return sqlite3.connect(path, isolation_level=None)


def test_what_was_put_is_there_after_reopening(tmp_path):
    path = tmp_path / "new folder" / "项目 é %20 #?.secateur"
    project = Project(path)
    assert project.get("a") is None
    project.put("a", b"1")
    project.put("a", b"2")
    project.close()
    assert path.read_bytes()[:15] == b"SQLite format 3"
    for read_only in (False, True):
        again = Project(path, create=False, read_only=read_only)
        assert again.get("a") == b"2"
        again.close()


def test_a_file_of_version_1_keeps_its_measurements(tmp_path):
    path = tmp_path / "old.secateur"
    write_version_1(path, {"a": b"1", "b": b"2"})
    project = Project(path)
    assert (project.get("a"), project.get("b")) == (b"1", b"2")
    project.put("c", b"3")
    assert project.history.load() == Past()
    project.close()
    connection = raw(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert connection.execute("PRAGMA application_id").fetchone() == (0x53454354,)
    connection.close()


def test_two_that_convert_an_old_file_at_once_both_get_it(tmp_path):
    path = tmp_path / "old.secateur"
    write_version_1(path, {str(number): b"x" for number in range(2000)})
    found, start = [], threading.Barrier(4)

    def convert():
        start.wait()
        project = Project(path)
        found.append(project.measurements.count)
        project.close()

    threads = [threading.Thread(target=convert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2000] * 4


def test_a_new_file_and_an_old_one_have_the_same_tables(tmp_path):
    write_version_1(tmp_path / "old.secateur", {})
    shapes = []
    for name in ("old", "new"):
        path = tmp_path / f"{name}.secateur"
        Project(path).close()
        connection = raw(path)
        shapes.append(set(connection.execute("SELECT type, name, sql FROM sqlite_master")))
        connection.close()
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "content",
    [
        b"something else entirely, certainly no database" * 50,
        b"version https://git-lfs.github.com/spec/v1\n",
        b"SQLite format 3\0 and then nothing that fits" * 40,
        b"SQLite format 3\0",
    ],
    ids=["words", "pointer", "false head", "breaks off"],
)
def test_a_file_that_is_no_project_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "p.secateur"
    path.write_bytes(content)
    for settings in ({}, {"create": False}, {"read_only": True}):
        with refused(ProjectReadError, "'p.secateur' cannot be read"):
            Project(path, **settings)
        assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.secateur"]


def test_an_empty_file_is_taken_for_a_new_one_only_where_one_may_be_made(tmp_path):
    path = tmp_path / "p.secateur"
    path.touch()
    with refused(ProjectReadError, "empty"):
        Project(path, create=False)
    assert path.stat().st_size == 0
    Project(path).close()
    assert path.stat().st_size > 0


def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "p.secateur"
    other = raw(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with refused(ProjectReadError, "another program"):
        Project(path)
    assert path.read_bytes() == before


def test_a_project_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "p.secateur"
    Project(path).close()
    newer = raw(path)
    newer.execute("PRAGMA user_version=99")
    newer.close()
    before = path.read_bytes()
    with refused(ProjectReadError, "newer Secateur.*version 99.*knows 2"):
        Project(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "smuggled",
    [
        "CREATE TRIGGER t AFTER INSERT ON measurement BEGIN DELETE FROM measurement; END",
        "CREATE VIEW v AS SELECT * FROM measurement",
        "CREATE TABLE extra (x)",
        "DROP TABLE snapshot",
        "ALTER TABLE snapshot ADD COLUMN evil DEFAULT (randomblob(10))",
    ],
)
def test_tables_that_we_did_not_make_are_refused(tmp_path, smuggled):
    path = tmp_path / "p.secateur"
    Project(path).close()
    stranger = raw(path)
    stranger.execute(smuggled)
    stranger.close()
    with refused(ProjectReadError, "did not make"):
        Project(path)


def test_statistics_of_sqlite_itself_do_no_harm(tmp_path):
    path = tmp_path / "p.secateur"
    project = Project(path)
    project.put("a", b"1")
    project.close()
    connection = raw(path)
    connection.execute("ANALYZE")
    connection.close()
    Project(path).close()


def test_damage_in_the_middle_is_found_when_a_person_opens_the_file(tmp_path):
    path = tmp_path / "p.secateur"
    project = Project(path)
    for number in range(200):
        project.put(f"{number:04}", bytes([number % 251]) * 500)
    project.close()
    content = bytearray(path.read_bytes())
    place = content.index(b"0100")
    content[place - 600 : place + 600] = b"\xff" * 1200
    path.write_bytes(content)
    with refused(ProjectReadError, "damaged"):
        Project(path, create=False, thorough=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
def test_folder_fifo_and_device_are_refused_without_a_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.secateur")
    (tmp_path / "folder.secateur").mkdir()
    for path in (tmp_path / "pipe.secateur", tmp_path / "folder.secateur", "/dev/zero"):
        with refused(ProjectReadError, "not a file"):
            Project(path)


def test_a_missing_file_is_made_only_if_asked(tmp_path):
    with refused(ProjectReadError, "moved, renamed"):
        Project(tmp_path / "none" / "p.secateur", create=False)
    assert not (tmp_path / "none").exists()


def test_a_project_is_known_by_its_content(tmp_path):
    path = tmp_path / "renamed.onnx"
    Project(tmp_path / "p.secateur").close()
    (tmp_path / "p.secateur").rename(path)
    assert is_project(path)
    assert not is_project(tmp_path)
    assert not is_project(tmp_path / "none.onnx")
    other = raw(tmp_path / "other.db")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    assert not is_project(tmp_path / "other.db")


# ---------------------------------------------------------------- writing


def test_reading_only_leaves_every_byte(tmp_path):
    path = tmp_path / "p.secateur"
    project = Project(path)
    project.put("a", b"1")
    project.close()
    before = path.read_bytes()
    reader = Project(path, create=False, read_only=True)
    with refused(ProjectWriteError, "cannot be written"):
        reader.put("b", b"2")
    reader.close()
    assert path.read_bytes() == before


def test_a_file_deleted_or_replaced_meanwhile_is_noticed(tmp_path):
    path = tmp_path / "p.secateur"
    project = Project(path)
    project.put("a", b"1")
    path.rename(tmp_path / "moved.secateur")
    with refused(ProjectWriteError, "deleted, moved or replaced"):
        project.put("b", b"2")
    Project(path).close()  # another in its place
    with refused(ProjectWriteError, "deleted, moved or replaced"):
        project.put("b", b"2")
    assert project.get("a") == b"1"
    rescued = project.save_as(tmp_path / "rescued.secateur")
    project.close()
    again = Project(rescued, create=False)
    assert again.get("a") == b"1"
    again.close()


def test_whoever_else_writes_is_waited_for_then_named(tmp_path, monkeypatch):
    monkeypatch.setattr("core.project.connection._BUSY_MS", 200)
    path = tmp_path / "p.secateur"
    project = Project(path)
    other = raw(path)
    other.execute("BEGIN IMMEDIATE")
    with refused(ProjectWriteError, "Another program"):
        project.put("a", b"1")
    other.execute("COMMIT")
    project.put("a", b"1")
    other.close()
    project.close()


def test_mode_of_a_new_project_is_the_persons_own(tmp_path):
    old = os.umask(0o022)
    try:
        project = Project(tmp_path / "p.secateur")
        copy = project.save_as(tmp_path / "copy.secateur")
        project.close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o644
