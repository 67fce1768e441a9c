"""Every error that Secateur raises on purpose.

    SecateurError
    ├── OpenError               the model cannot be read
    │   ├── SourceChangedError  the file is not what it was when it was opened
    │   ├── UnsafeFileError     reading it could harm: refused
    │   └── UnsupportedModelError   read, but cannot be worked on
    ├── DataError               the samples cannot be used
    ├── PlanError               the plan asks for what cannot be done
    ├── ExportError             the result could not be written or did not verify
    ├── ProjectError            something about the project file
    │   ├── ProjectReadError    damaged, of a newer version, unsafe, or no project: not opened
    │   └── ProjectWriteError   full, locked or removed disk: what was to be kept is not kept yet
    ├── EngineError             the engine crashed, hung or ran out of memory
    └── Cancelled               the person asked to stop (not a failure)

Each carries three sentences: what happened, why, and what to do next.
"""

from __future__ import annotations

from core.values import Text

_NOTHING = Text("")


class SecateurError(Exception):
    """what, why and next_step are `Text`, so that the window can translate them."""

    def __init__(self, what: Text, why: Text = _NOTHING, next_step: Text = _NOTHING) -> None:
        super().__init__(str(what))
        self.what = what
        self.why = why
        self.next_step = next_step

    @property
    def code(self) -> str:
        return type(self).__name__

    def one_line(self) -> str:
        """All three sentences on one line, in English, for the command line."""
        return " ".join(str(part) for part in (self.what, self.why, self.next_step) if part.template)


class OpenError(SecateurError):
    pass


class SourceChangedError(OpenError):
    pass


class UnsafeFileError(OpenError):
    pass


class UnsupportedModelError(OpenError):
    pass


class DataError(SecateurError):
    pass


class PlanError(SecateurError):
    pass


class ExportError(SecateurError):
    pass


class ProjectError(SecateurError):
    pass


class ProjectReadError(ProjectError):
    pass


class ProjectWriteError(ProjectError):
    pass


class EngineError(SecateurError):
    pass


class Cancelled(SecateurError):  # noqa: N818 - not a failure
    pass
