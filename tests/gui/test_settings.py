"""What the window remembers survives damage and a read-only disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from gui.settings import Settings


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    first = Settings(tmp_path / "window.json")
    first.values.language = "zh_CN"
    first.values.splitters = {"work": [700, 300]}
    first.save()
    second = Settings(tmp_path / "window.json")
    assert second.values == first.values
    assert [path.name for path in tmp_path.iterdir()] == ["window.json"], "no temporary file stays"


def test_recent_keeps_ten_latest_first_without_doubles(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "window.json")
    for name in "abcdefghijklc":
        settings.add_recent(name)
    assert Settings(tmp_path / "window.json").values.recent == list("clkjihgfed")


def test_nobody_waits_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, forced = threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        assert disk.wait(30)
        forced(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    settings = Settings(tmp_path / "window.json")
    settings.add_recent("a")
    settings.add_recent("b")
    assert not (tmp_path / "window.json").exists(), "the disk has not taken it, and nobody stands still"
    disk.set()
    assert Settings(tmp_path / "window.json").values.recent == ["b", "a"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"recent": 7}', b"\xff\xfe", b"[]"])
def test_damaged_file_means_defaults(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "window.json"
    path.write_bytes(content)
    assert Settings(path).values.recent == []


def test_unwritable_place_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = Settings(tmp_path / "file" / "window.json")
    settings.add_recent("a")
    assert settings.values.recent == ["a"]
