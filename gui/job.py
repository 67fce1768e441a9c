"""What the window knows of a running job, and of one that failed."""

from __future__ import annotations

import msgspec

from core.values import Text


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A running job: open, data, analyze, measure, plan, blame, rescue, compress or export."""

    kind: str
    id: int
    stage: Text = Text("")
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    """Of the whole job where `share` is known, else of the stage."""
    share: float | None = None
    """Of the whole job that is over, 0..1."""
    stopping: bool = False


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A way out of a problem, as a button."""

    key: str
    label: Text


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that failed, or that only the person can decide, for the error bar."""

    kind: str
    what: Text
    why: Text = Text("")
    next_step: Text = Text("")
    details: str = ""
    choices: tuple[Choice, ...] = ()
