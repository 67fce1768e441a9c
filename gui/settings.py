"""What the window remembers between starts: one small JSON file in the person's own folder."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from pathlib import Path

import msgspec
import platformdirs

from gui import disk_work

RECENT_LIMIT = 10
_LOG = logging.getLogger(__name__)


class Remembered(msgspec.Struct, kw_only=True):
    """The file's content. Empty strings and lists: not chosen yet."""

    language: str = ""
    theme: str = ""
    recent: list[str] = msgspec.field(default_factory=list)
    """Paths of models and projects, the latest first."""
    working: str = ""
    """Path of the project that is open: still set at the next start, the window was cut off."""
    working_name: str = ""
    """Of its model."""
    folder: str = ""
    """Where the last file was chosen."""
    greeted: bool = False
    """Whether the guided tour has been offered."""
    notify: bool = True
    """Whether the system is told when a run ends that nobody watches."""
    geometry: str = ""
    """Base64 of QWidget.saveGeometry."""
    splitters: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Sizes in pixels by splitter name."""


def default_path() -> Path:
    return Path(platformdirs.user_config_dir("secateur", appauthor=False)) / "window.json"


class Settings:
    """Reads once, writes the whole file at each `save`; a damaged or unwritable file costs nothing.

    Files are written beside the window's thread, one after the other; the program's end waits for the last.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()
        self.values = Remembered()
        disk_work.settle()  # another window's last words
        try:
            self.values = msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            _LOG.warning("settings not read, starting with defaults: %s", error)

    def add_recent(self, path: str) -> None:
        """Put a model's or project's path first; the list keeps `RECENT_LIMIT`."""
        others = [known for known in self.values.recent if known != path]
        self.values.recent = [path, *others][:RECENT_LIMIT]
        self.save()

    def set_working(self, project: str, name: str) -> None:
        """This project is open; empty: none, the last was closed in order."""
        self.values.working, self.values.working_name = project, name
        self.save()

    def save(self) -> None:
        """Have what is remembered now written. A crash leaves the old file or the new one."""
        disk_work.later(_write, self._path, msgspec.json.format(msgspec.json.encode(self.values)))


def _write(path: Path, content: bytes) -> None:
    """Write beside the file, force it to the disk, then move it into place."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".window-", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        _LOG.warning("settings not saved: %s", error)
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
