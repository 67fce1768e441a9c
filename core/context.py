"""What a job gets besides its request: progress out, partial results out, cancellation in."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import Cancelled
from core.route import Route
from core.values import PARTS, Text, Value, text


@dataclass
class _Pace:
    """Of one stage: since when, from where to where of how much."""

    started: float
    first: int
    last: int
    total: int


class Context:
    """Handed to every job. The default reports to nobody and is never cancelled.

    A job calls `report` at each batch boundary (it raises `Cancelled`) and `publish` with each
    partial result the moment it exists.
    """

    def __init__(
        self,
        on_progress: Callable[[Text, int, int, float | None], None] | None = None,
        on_partial: Callable[[Value], None] | None = None,
        on_whole: Callable[[float, float], None] | None = None,
    ) -> None:
        """`on_progress`: a stage, what of how much is done, seconds left of it. `on_whole`, called before it
        if the job's route is known: the share of the whole job that is over, 0..1, and the seconds left."""
        self._on_progress = on_progress
        self._on_partial = on_partial
        self._on_whole = on_whole
        self._route: Route | None = None
        self._cancelled = threading.Event()
        self._preferred: list[str] = []
        self._paces: dict[str, _Pace] = {}

    def cancel(self) -> None:
        self._cancelled.set()

    def prefer(self, layers: Sequence[str]) -> None:
        """Layers that are to be looked at next, the first one first. Safe from any thread."""
        self._preferred[:] = layers

    @property
    def preferred(self) -> tuple[str, ...]:
        return tuple(self._preferred)

    def follow(self, route: Route | None) -> None:
        """From here on the stages are those of one job, which takes this route; None: nobody knows."""
        self._route = route

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the person asked to stop."""
        if self._cancelled.is_set():
            raise Cancelled(text("Stopped."))

    def report(self, stage: Text, done: int = 0, total: int = 0) -> None:
        """Say where the job is. Seconds left follow from the pace within this stage.

        Stages may take turns, as those of each layer do: one that goes on where it was keeps its pace.
        """
        self.check()
        now = time.monotonic()
        pace = self._paces.get(stage.template)
        anew = pace is None or done < pace.last or (total > 0 and pace.last >= total) or total != pace.total
        if pace is None or anew or not total:
            pace = self._paces[stage.template] = _Pace(now, done, done, total)
        pace.last = done
        advanced = done - pace.first
        seconds_left = None
        if advanced > 0 and done < total:  # at its end a stage may go on a little: no time is the right one
            seconds_left = (now - pace.started) / advanced * (total - done)
        whole = self._route.at(stage.template, done, total, anew) if self._route is not None else None
        if whole is not None and self._on_whole is not None:
            self._on_whole(*whole)
        if self._on_progress is not None:
            self._on_progress(stage, done, total, seconds_left)

    def report_share(self, stage: Text, share: float) -> None:
        """As `report`, of a stage that counts nothing: how much of its time is over, 0..1."""
        self.report(stage, round(share * PARTS), PARTS)

    def keeping(self, keep: Callable[[Value], None]) -> Context:
        """The same job's context, in which `keep` has each partial result before anybody hears of it."""
        tell = self._on_partial

        def keep_and_tell(value: Value) -> None:
            keep(value)
            if tell is not None:
                tell(value)

        same = copy.copy(self)
        same._on_partial = keep_and_tell
        return same

    def changing(self, change: Callable[[Value], Value]) -> Context:
        """The same job's context, in which each partial result goes through `change` first."""
        tell = self._on_partial

        def change_and_tell(value: Value) -> None:
            if tell is not None:
                tell(change(value))

        same = copy.copy(self)
        same._on_partial = change_and_tell
        return same

    def publish(self, value: Value) -> None:
        self.check()
        if self._on_partial is not None:
            self._on_partial(value)
