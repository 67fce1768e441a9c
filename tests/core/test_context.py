"""What a job says of its progress: the seconds left follow from the pace of a stage."""

from __future__ import annotations

import pytest

from core import context as module
from core.context import Context
from core.values import PARTS, text


def test_stages_that_take_turns_keep_their_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer takes 2 s to compensate and 1 s to compress: of 4 layers 3 s each are left."""
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    told: list[tuple[str, float | None]] = []
    context = Context(lambda stage, done, total, left: told.append((stage.template, left)))
    for layer in range(3):
        context.report(text("Compressing layer '{layer}'", layer=str(layer)), layer, 4)
        now += 1.0
        context.report(text("Compensating layer '{layer}'", layer=str(layer)), layer, 4)
        now += 2.0
    assert [left for stage, left in told if stage.startswith("Compressing")] == [None, 9.0, 6.0]
    assert [left for stage, left in told if stage.startswith("Compensating")] == [None, 9.0, 6.0]


def test_a_stage_that_begins_anew_has_a_pace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    told: list[float | None] = []
    context = Context(lambda _stage, _done, _total, left: told.append(left))
    stage = text("Judging the original")
    for done in (0, 10, 20):
        context.report(stage, done, 20)
        now += 1.0
    now += 60.0
    for done in (10, 15, 20):  # the first thing that the second time says is no beginning
        context.report(stage, done, 20)
        now += 3.0
    assert told == [None, 1.0, None, None, 3.0, None]


def test_a_stage_that_counts_nothing_says_its_share() -> None:
    told: list[tuple[int, int]] = []
    context = Context(lambda _stage, done, total, _left: told.append((done, total)))
    context.report_share(text("Fine-tuning"), 0.255)
    assert told == [(255_000, PARTS)]
