"""How far a whole job is, and how long it still takes: learnt from earlier jobs of its kind.

A job goes through stages whose number and length depend on what is asked, and each tells only of itself. What
the stages took the last time on this computer, stretched to what this job's own first ones take, says what
is still to come: a bar that covers the whole job, and one time for all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

_PRIOR_SECONDS = 0.5
_PRIOR_SHARE = 0.1
"""How much of a job, as it went the last time, must be over before it says more of its pace than that."""
_FIRST_SHARE = 0.1
"""Of a stage: from here on its own pace counts."""
_LEAST_SCALE, _MOST_SCALE = 0.02, 200.0
_MOST_SHARE = 0.99
_LONGEST = 40
"""Stages that are remembered."""


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """What one stage took in an earlier job."""

    stage: str
    """The template of its text: of all layers the same."""
    seconds: float
    """All passes together, without what other stages took meanwhile."""
    passes: int
    """How often it began anew."""
    visits: int
    """How often it was come to: more than `passes` where it takes turns with others."""


@dataclass
class _Stretch:
    """A stage of the job under way."""

    spent: float = 0.0
    passes: int = 0
    visits: int = 0
    share: float | None = None
    """Of the pass under way, 0..1; None for a stage that counts nothing."""
    in_pass: float = 0.0
    visits_in_pass: int = 0


class Route:
    """The stages of one job. `known`: those of an earlier one, in the order in which they began."""

    def __init__(self, known: Sequence[Leg] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._known = {leg.stage: leg for leg in known}
        self._places = {leg.stage: place for place, leg in enumerate(known)}
        self._clock = clock
        self._started = self._last = self._told = clock()
        self._usual = sum(leg.seconds for leg in known)
        self._stretches: dict[str, _Stretch] = {}
        self._current: str | None = None
        self._furthest = -1
        self._reached = 0.0

    def at(self, stage: str, done: int, total: int, anew: bool) -> tuple[float, float] | None:
        """The job has come to `done` of `total` of a stage: (share of the whole job 0..1, seconds left).

        `anew`: the stage begins here, perhaps once more. None if nothing is known of jobs of this kind.
        The share never falls.
        """
        now = self._pass_time()
        stretch = self._stretches.setdefault(stage, _Stretch())
        if anew or not stretch.passes:
            stretch.passes += 1
            stretch.in_pass, stretch.visits_in_pass = 0.0, 0
        if anew or stage != self._current:
            stretch.visits += 1
            stretch.visits_in_pass += 1
        stretch.share = min(1.0, done / total) if total else None
        self._current = stage
        self._furthest = max(self._furthest, self._places.get(stage, -1))
        if not self._known:
            return None
        left = self._left()
        elapsed, since = now - self._started, now - self._told
        self._told = now
        if left:
            # where the end has moved away, what is left of the bar goes by in the time that is left
            onwards = self._reached + (1 - self._reached) * since / (since + left)
            self._reached = min(_MOST_SHARE, max(onwards, elapsed / (elapsed + left)))
        return self._reached, left

    def legs(self) -> tuple[Leg, ...]:
        """What to remember once the job is done: this job's stages among those known, in their order.

        Stages that did not occur this time, since their results were kept, stay as they were; those that did
        are averaged with what they took before.
        """
        self._pass_time()
        order = list(self._places)
        before: str | None = None
        for stage in self._stretches:
            if stage not in self._places:
                order.insert(order.index(before) + 1 if before is not None else 0, stage)
            before = stage
        return tuple(self._leg(stage) for stage in order)[:_LONGEST]

    def _leg(self, stage: str) -> Leg:
        known, stretch = self._known.get(stage), self._stretches.get(stage)
        if stretch is None:
            assert known is not None
            return known
        seconds = stretch.spent if known is None else (stretch.spent + known.seconds) / 2
        return Leg(stage, round(seconds, 3), stretch.passes, stretch.visits)

    def _pass_time(self) -> float:
        now = self._clock()
        if self._current is not None:
            stretch = self._stretches[self._current]
            stretch.spent += now - self._last
            stretch.in_pass += now - self._last
        self._last = now
        return now

    def _left(self) -> float:
        scale = self._scale()
        left = 0.0
        for stage, stretch in self._stretches.items():
            left += self._rest_of_pass(stage, stretch, scale)
            known = self._known.get(stage)
            if known is not None and known.passes > stretch.passes:
                left += (known.passes - stretch.passes) * known.seconds / known.passes * scale
        for stage, known in self._known.items():
            if stage not in self._stretches and self._places[stage] > self._furthest:
                left += known.seconds * scale
        return left

    def _rest_of_pass(self, stage: str, stretch: _Stretch, scale: float) -> float:
        """Seconds; none of a stage that was left and does not take turns with others."""
        known = self._known.get(stage)
        takes_turns = stretch.visits_in_pass > 1 or (known is not None and known.visits > known.passes)
        if stage != self._current and not takes_turns:
            return 0.0
        share = stretch.share
        if share is not None and share >= _FIRST_SHARE:
            return stretch.in_pass * (1 - share) / share
        if known is None or (share is None and stage != self._current):
            return 0.0
        return max(0.0, known.seconds / known.passes * scale - stretch.in_pass)

    def _scale(self) -> float:
        """How much longer this job takes than the last one, from the stages of which something is over.

        A stage that is over at once mostly found its results kept, which says nothing of those to come: the
        more is still to come, the less is a job taken to be faster than the last.
        """
        prior = _PRIOR_SECONDS + _PRIOR_SHARE * self._usual
        took = expected = 0.0
        for stage, stretch in self._stretches.items():
            known = self._known.get(stage)
            if known is None:
                continue
            usual = known.seconds / known.passes
            took += stretch.spent - stretch.in_pass
            expected += (stretch.passes - 1) * usual
            left_behind = stage != self._current and not stretch.visits_in_pass > 1
            share = 1.0 if left_behind else stretch.share
            if share is not None and share >= _FIRST_SHARE:
                took += stretch.in_pass
                expected += share * usual
        least = max(_LEAST_SCALE, 1 - expected / self._usual if self._usual else 0.0)
        return min(max((took + prior) / (expected + prior), least), _MOST_SCALE)
