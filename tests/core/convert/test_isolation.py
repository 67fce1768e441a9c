"""Code that was trusted wrongly: no network, no other programs, no writing elsewhere, an end when told."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import torch
from foreign_files import SIZES, converted, network

from core.context import Context
from core.convert import conversion, process
from core.convert.conversion import resolve
from core.errors import Cancelled, EngineError, OpenError
from core.values import Recipe

NET = "class Net(__import__('torch').nn.Module):\n    def __init__(self):\n        super().__init__()\n"


def hostile(folder: Path, lines: str) -> tuple[Path, dict]:
    """Weights, and what is said of them: an architecture that does `lines` when it is imported."""
    torch.save(network().state_dict(), folder / "w.pt")
    (folder / "evil.py").write_text(lines + "\n" + NET)
    said = {"trusted": True, "inputs": SIZES, "architecture": str(folder / "evil.py"), "network": "Net"}
    return folder / "w.pt", said


@pytest.mark.parametrize(
    "lines",
    [
        "open({marker!r}, 'w')",
        "import os; os.open({marker!r}, os.O_CREAT | os.O_WRONLY)",
        "import os; os.system('touch ' + {marker!r})",
        "import subprocess; subprocess.run(['touch', {marker!r}])",
        "import ctypes; assert ctypes.CDLL(None).open({marker!r}.encode(), 65, 420) < 0; raise OSError(1)",
        "import ctypes; ctypes.CDLL(None).system(b'touch ' + {marker!r}.encode()); raise OSError(1)",
        "import os; os.remove({precious!r})",
        "import ctypes; ctypes.CDLL(None).unlink({precious!r}.encode()); raise OSError(1)",
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import ctypes; assert ctypes.CDLL(None).socket(2, 1, 0) < 0; raise OSError(1)",
        "import os, signal; os.kill({parent}, signal.SIGKILL)",
    ],
)
def test_what_a_hostile_file_tries_fails(tmp_path: Path, cache: Path, lines: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    marker = tmp_path / "marker"
    path, said = hostile(
        tmp_path, lines.format(marker=str(marker), precious=str(precious), parent=os.getpid())
    )
    with pytest.raises(OpenError, match="could not be turned into ONNX"):
        converted(path, cache, **said)
    assert not marker.exists()
    assert precious.read_text() == "mine"
    assert not [one for one in cache.rglob("*") if one.is_file()], "no trace of it is left"


def test_secrets_of_the_environment_stay_here(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "swordfish")
    lines = "import os\nraise ValueError('|'.join(sorted(os.environ)) + os.environ['HOME'])"
    path, said = hostile(tmp_path, lines)
    with pytest.raises(OpenError) as caught:
        converted(path, cache, **said)
    line = caught.value.one_line()
    assert "HOME" in line
    assert "API_TOKEN" not in line and os.path.expanduser("~") + "/" not in line.replace(str(tmp_path), "")


def test_code_that_never_ends_is_stopped(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = hostile(tmp_path, "while True: pass")
    real = process.run
    monkeypatch.setattr(conversion, "run", lambda task, context: real(task, context, seconds=4))
    with pytest.raises(EngineError, match="took too long"):
        converted(path, cache, **said)


def test_code_that_kills_its_process_is_a_crash_in_words(tmp_path: Path, cache: Path) -> None:
    path, said = hostile(tmp_path, "import os; os._exit(7)")
    with pytest.raises(EngineError, match=r"The conversion crashed.*") as caught:
        converted(path, cache, **said)
    assert "7" in caught.value.one_line()


def test_stop_ends_the_process(tmp_path: Path, cache: Path) -> None:
    note = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    path, said = hostile(tmp_path, note)
    context = Context()
    pids: list[int] = []

    def stop_when_it_runs() -> None:
        for _ in range(6000):
            for found in cache.rglob("home/pid"):
                if text := found.read_text():
                    pids.append(int(text))
                    context.cancel()
                    return
            time.sleep(0.05)

    watcher = threading.Thread(target=stop_when_it_runs)
    watcher.start()
    with pytest.raises(Cancelled):
        resolve(str(path), Recipe(**said), cache, context)
    watcher.join()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert not [one for one in cache.rglob("*") if one.is_file()]
