"""The files that a job stands on: noticed when they change or go while it is under way.

The network in work and most samples are in memory, but the original is judged and timed from its file:
figures of two different files must not stand beside each other.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from core.context import Context
from core.errors import Cancelled, SourceChangedError
from core.evaluate.size import model_files
from core.values import DataSpec, Value, text

_MAY_HAVE_DATA_BESIDE = 64 << 20
"""A larger ONNX file holds its weights itself, and takes long to look through."""

Identity = tuple[int, int]


class Sources:
    """Model and samples as they were when this was made. Folders are left out: whoever reads a picture
    that is gone says so, and one that was added is not looked at."""

    def __init__(self, model: str | Path, data: DataSpec | None) -> None:
        self._model = {path: _identity(path) for path in _files(Path(model))}
        paths = [] if data is None else [Path(p) for p in (data.path, data.calibration_path) if p is not None]
        self._data = {path: _identity(path) for path in paths if path.is_file()}

    def check(self) -> None:
        """Raises SourceChangedError, naming the file."""
        for path, identity in self._model.items():
            if _identity(path) != identity:
                raise model_changed(path)
        for path, identity in self._data.items():
            if _identity(path) != identity:
                raise SourceChangedError(
                    text("The samples in '{name}' changed or went away meanwhile.", name=path.name),
                    text("What was measured before and after would not be comparable."),
                    text("Open the data again, then start once more."),
                )

    @contextlib.contextmanager
    def held(self, context: Context) -> Iterator[Context]:
        """The context for a job that stands on them: each partial result is checked before it is told.

        What fails because a source is gone is told as that. Raises SourceChangedError.
        """

        def check(_value: Value) -> None:
            self.check()

        try:
            yield context.keeping(check)
        except Cancelled:
            raise
        except Exception:
            self.check()
            raise
        self.check()


def model_changed(path: str | Path) -> SourceChangedError:
    return SourceChangedError(
        text("The model file '{name}' changed or went away meanwhile.", name=Path(path).name),
        text("What was measured before and after would not be of the same model."),
        text("Put it back, or open it again, then start once more. What was measured is kept."),
    )


def _files(model: Path) -> tuple[Path, ...]:
    identity = _identity(model)
    if identity is None or identity[0] > _MAY_HAVE_DATA_BESIDE:
        return (model,)
    return model_files(model)


def _identity(path: Path) -> Identity | None:
    """Size and time of change; None: it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
