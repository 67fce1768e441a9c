"""An empty project that lies ready becomes the one of a model that is opened for the first time."""

import stat

from core.project import Project, prepare_spare, take_spare
from core.project.schema import is_as_made
from core.project.spare import spare_path


def test_it_is_a_project_like_any_other(tmp_path):
    prepare_spare(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [spare_path(tmp_path).name], "nothing beside it"
    place, made = tmp_path / "p.secateur", tmp_path / "made.secateur"
    assert take_spare(place)
    Project(made).close()
    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(made.stat().st_mode)
    project = Project(place, create=False, thorough=True)
    assert is_as_made(project.connection._connection)
    project.put("a", b"1")
    project.close()
    again = Project(place, create=False)
    assert again.get("a") == b"1"
    again.close()
    assert not spare_path(tmp_path).exists(), "it serves once"


def test_nothing_that_is_there_is_replaced(tmp_path):
    prepare_spare(tmp_path)
    place = tmp_path / "p.secateur"
    place.write_bytes(b"somebody's")
    assert not take_spare(place)
    assert place.read_bytes() == b"somebody's"
    place.unlink()
    log = tmp_path / "p.secateur-wal"  # of an earlier file: it would be played into a new one
    log.write_bytes(b"old")
    assert not take_spare(place)
    assert not place.exists()


def test_without_one_a_project_is_made_in_the_usual_way(tmp_path):
    assert not take_spare(tmp_path / "p.secateur")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_nothing_costs_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    prepare_spare(tmp_path / "file" / "projects")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
