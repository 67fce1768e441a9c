"""One window a project: a lock beside the file, which dies with the window that holds it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLockFile


class ProjectLock:
    """Held from a successful `take` until `release`."""

    def __init__(self, project: Path) -> None:
        self._lock = QLockFile(str(project.with_name(f".{project.name}.lock")))
        self._held = False
        # old is no reason: only a holder that no longer runs has lost it
        self._lock.setStaleLockTime(0)

    def take(self) -> bool:
        """False if another window holds it. Where no lock can be made, nobody else can have one."""
        self._held = self._held or self._lock.tryLock(0)
        if self._held:
            return True
        return self._lock.error() != QLockFile.LockError.LockFailedError

    @property
    def is_free(self) -> bool:
        """Whether nobody holds it."""
        if not self.take():
            return False
        self.release()
        return True

    @property
    def holder(self) -> int:
        """The process that holds it; 0 if that is not known."""
        known = self._lock.getLockInfo()
        return int(known[0]) if known else 0

    def release(self) -> None:
        self._held = False
        self._lock.unlock()
