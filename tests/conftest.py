"""What every test starts from: no screen, no trace in the user's settings, shared models if there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import resources

# before Qt is imported by any test
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if hasattr(os, "geteuid") and os.geteuid() == 0:
    # Chromium's sandbox refuses root; only tests run as root
    os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
KERNEL_TIMES = "kernel-times.sqlite"
"""As `core.kernels.shelf` calls it, which tests of the window alone do not import."""


def _move_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, folder in (
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
    ):
        (home / folder).mkdir()
        monkeypatch.setenv(variable, str(home / folder))


@pytest.fixture(scope="session", autouse=True)
def _home_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is made once for several tests is at home here, not in the user's folders."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _move_home(tmp_path_factory.mktemp("home"), monkeypatch)
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings, data and caches of each test, and of the processes that it starts, go to its own folder.

    But for the times of kernels, which are of the computer: an engine need not measure what one has before.
    """
    home = tmp_path_factory.mktemp("home")
    _move_home(home, monkeypatch)
    if os.name == "posix":
        (home / "cache" / "secateur").mkdir()
        (home / "cache" / "secateur" / KERNEL_TIMES).symlink_to(tmp_path_factory.getbasetemp() / KERNEL_TIMES)
    yield


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets by the clock, which steady figures need and no check: as much is done, less often."""
    # tests of the window alone need no engine
    from core.evaluate import latency
    from core.kernels import table

    monkeypatch.setattr(latency, "WARM_UP_SECONDS", 0.02)
    monkeypatch.setattr(latency, "MAX_RUNS", 2 * latency.MIN_RUNS)
    monkeypatch.setattr(table, "SECONDS", 1.5)


def _shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path


@pytest.fixture
def shared_models() -> Path:
    """Real networks made elsewhere; a user's clone has none."""
    return _shared("models")


@pytest.fixture
def cifar10() -> Path:
    """CIFAR-10 photographs: `train` and `test`, a folder per class."""
    return _shared("data", "cifar10")


@pytest.fixture
def digits_resnet() -> Path:
    return resources.sample_path("digits_resnet.onnx")


@pytest.fixture
def digits_mobilenet() -> Path:
    return resources.sample_path("digits_mobilenet.onnx")


@pytest.fixture
def digits() -> Path:
    """Pictures that the digit networks have not seen, a folder per class."""
    return resources.sample_path("digits/test")
