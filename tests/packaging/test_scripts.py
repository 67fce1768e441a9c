"""The set-up scripts say what is missing and how to go on; a second run changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")


def tools(folder: Path, *names: str) -> str:
    """A PATH with these programs only."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(script), *arguments], env=environment, capture_output=True, text=True, timeout=60
    )


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_missing_python_is_explained(tmp_path: Path) -> None:
    done = run(PACKAGING / "find-python.sh", PATH=tools(tmp_path / "bin"))
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr


def test_python_of_another_version_is_passed_over(tmp_path: Path) -> None:
    path = tools(tmp_path / "bin")
    program(tmp_path / "bin" / "python3.11", "exit 1")
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    done = run(PACKAGING / "find-python.sh", PATH=path)
    assert done.stdout.strip() == str(tmp_path / "bin" / "python3")


def test_other_linux_is_told_the_packages_and_goes_on(tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", "dirname", "sed", "uname")
    done = run(PACKAGING / "install-system-packages.sh", PATH=path)
    assert done.returncode == 0
    if sys.platform == "linux":
        assert "libxcb-cursor0" in done.stderr


def test_only_missing_packages_are_asked_of_an_administrator(tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", "dirname", "sed", "tr")
    program(
        tmp_path / "bin" / "dpkg-query", "echo 'ii libgl1 '; echo 'ii libasound2t64 libasound2 (= 1.2.11-1)'"
    )
    program(tmp_path / "bin" / "apt-get", "echo must not run >&2; exit 9")
    program(tmp_path / "bin" / "id", "echo 1000")
    done = run(PACKAGING / "install-system-packages.sh", PATH=path, PYTHON=sys.executable)
    assert done.returncode == 0
    line = next(line for line in done.stderr.splitlines() if "sudo apt-get install" in line)
    assert "libnss3" in line.split()
    assert not {"libgl1", "libasound2"} & set(line.split())
    assert "must not run" not in done.stderr


def test_second_set_up_touches_nothing(tmp_path: Path) -> None:
    """A stamp of the same state ends the script before it looks for a Python."""
    checkout = tmp_path / "checkout"
    shutil.copytree(PACKAGING, checkout / "packaging")
    (checkout / "packaging" / "install-system-packages.sh").write_text("exit 0\n")
    (checkout / "pyproject.toml").write_text("[project]\n")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    program(checkout / ".venv" / "bin" / "python", "echo ran >>python.log")
    path = os.environ["PATH"]
    first = run(checkout / "packaging" / "setup.sh", "run", PATH=path, PYTHON=sys.executable)
    assert first.returncode == 0, first.stderr
    log = checkout / "python.log"
    assert log.exists()
    log.unlink()
    assert run(checkout / "packaging" / "setup.sh", "run", PATH=path).stdout == ""
    assert not log.exists()
    (checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    run(checkout / "packaging" / "setup.sh", "run", PATH=path, PYTHON=sys.executable)
    assert log.exists()
