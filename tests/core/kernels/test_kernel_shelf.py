"""The file of kernel times: shared by processes, thrown away where it is damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.kernels.shelf import NAME, Shelf


def test_what_one_session_keeps_the_next_one_finds(tmp_path: Path) -> None:
    first = Shelf(tmp_path / "deep" / "folder")
    first.put("a", b"1")
    first.put("a", b"2")
    assert first.get("a") == b"2" and first.get("b") is None
    first.close()
    assert Shelf(tmp_path / "deep" / "folder").get("a") == b"2"


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    shelf = Shelf(tmp_path)
    assert shelf.get("a") is None
    shelf.put("a", b"1")
    shelf.close()
    assert Shelf(tmp_path).get("a") == b"1"


def test_damage_that_shows_later_costs_the_file_and_not_the_session(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for number in range(2000):
        shelf.put(f"key {number}", b"x" * 40)
    shelf.close()
    path = tmp_path / NAME
    whole = path.read_bytes()
    # the head is intact, the tree below it is not
    path.write_bytes(whole[:4096] + b"\xaa" * (len(whole) - 4096))
    again = Shelf(tmp_path)
    assert again.get("key 5") is None
    again.put("key 5", b"new")
    again.close()
    assert Shelf(tmp_path).get("key 5") == b"new"


def test_where_nothing_can_be_written_times_last_as_long_as_the_session(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    shelf = Shelf(tmp_path / "file")
    shelf.put("a", b"1")
    assert shelf.get("a") == b"1"


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.kernels.shelf import Shelf\n"
        "shelf = Shelf(Path(sys.argv[1]))\n"
        "for number in range(150): shelf.put(f'{sys.argv[2]} {number}', sys.argv[2].encode())\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b")]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    shelf = Shelf(tmp_path)
    found = [shelf.get(f"{name} {number}") for name in ("a", "b") for number in range(150)]
    assert found == [b"a"] * 150 + [b"b"] * 150
