"""Events: what the engine tells of a request, exactly one `Done` or `Failed` at the end of each."""

from __future__ import annotations

import msgspec

from core.values import Text
from core.values.payload import Payload


class Event(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    """Of the request it answers; 0: of none."""


class Ready(Event, frozen=True, kw_only=True, tag=True):
    """The engine's first word."""

    version: str


class Progress(Event, frozen=True, kw_only=True, tag=True):
    """Where a job is. `done` of `total` are the stage's."""

    stage: Text
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    """Of the whole job where `share` is known, else of the stage."""
    share: float | None = None
    """Of the whole job that is over, 0..1; it never falls."""


class Partial(Event, frozen=True, kw_only=True, tag=True):
    value: Payload


class Done(Event, frozen=True, kw_only=True, tag=True):
    value: Payload


class Failed(Event, frozen=True, kw_only=True, tag=True):
    """code: the error's class name ('Cancelled' when the person stopped it)."""

    code: str
    what: Text
    why: Text = Text("")
    next_step: Text = Text("")
    details: str = ""


class Log(Event, frozen=True, kw_only=True, tag=True):
    """A line that a library printed, kept for 'Copy report'."""

    line: str
