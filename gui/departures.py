"""Projects that the window has left and whose copy is still being made, beside the window's thread."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from pathlib import Path

from core.project import Project
from gui import disk_work
from gui.project_lock import ProjectLock


class Departures:
    """A project that is left gets its copy and is closed while the window goes on.

    It stays locked until then, so that no other window writes into what is being copied; this window may have
    it back at once.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks: dict[Path, ProjectLock] = {}
        self._last: Future[None] | None = None

    def leave(self, project: Project, lock: ProjectLock | None) -> None:
        """Nobody uses this project any more; its lock goes with it."""
        if lock is not None:
            with self._mutex:
                self._locks[project.path] = lock
        self._last = disk_work.later(self._end, project, lock)

    def lock(self, path: Path) -> ProjectLock:
        """The lock of the project at `path`, held already where that is being left."""
        with self._mutex:
            return self._locks.pop(Path(path).absolute(), None) or ProjectLock(path)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for all copies, so long at most. Returns whether they are made."""
        return self._last is None or not wait([self._last], seconds).not_done

    def _end(self, project: Project, lock: ProjectLock | None) -> None:
        try:
            project.keep_previous()
            project.close()
        finally:
            with self._mutex:
                ours = lock is not None and self._locks.get(project.path) is lock
                if ours:
                    del self._locks[project.path]
                    lock.release()
