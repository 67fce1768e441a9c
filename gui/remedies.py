"""What can be done about a job that failed, by the kind of its error."""

from __future__ import annotations

from core.values import text
from gui.job import Choice

RETRY = Choice(key="retry", label=text("Try again"))
SAVE_AS = Choice(key="save_as", label=text("Save elsewhere…"))
REOPEN = Choice(key="reopen", label=text("Open it again"))

_BY_CODE = {
    "EngineError": (RETRY,),
    "ProjectWriteError": (RETRY, SAVE_AS),
    "ProjectReadError": (REOPEN,),
    "SourceChangedError": (REOPEN,),
}


def remedies(code: str) -> tuple[Choice, ...]:
    """`code` is the error's class name, as in `Failed`."""
    return _BY_CODE.get(code, ())
