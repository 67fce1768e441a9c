"""Trying again asks what failed, of the samples that are open now."""

from __future__ import annotations

import msgspec
import pytest
from layer_values import SilentEngine, make_session
from PySide6.QtWidgets import QApplication

from core import messages as m
from core.values import DataInfo, DataSpec, text
from gui.session import Session


def made(path: str) -> DataInfo:
    return DataInfo(
        spec=DataSpec(path=path), sha256=path, kind="x", task="unlabelled", sample_count=9,
        calibration_count=4, judge_count=5,
    )  # fmt: skip


@pytest.fixture
def session(qapp: QApplication) -> Session:
    session = make_session()
    session._take_data(made("old"))
    return session


def engine(session: Session) -> SilentEngine:
    return session._engine  # type: ignore[return-value]


def failing(session: Session) -> m.Request:
    """The last request, which the engine did not live through."""
    request = engine(session).sent[-1]
    engine(session).event.emit(m.Failed(id=request.id, code="EngineError", what=text("Broken.")))
    return request


def test_what_failed_is_asked_again_whatever_was_asked_since(session: Session) -> None:
    session.analyze()
    analysis = failing(session)
    session.run()
    run = failing(session)
    session.retry("analyze")
    again = engine(session).sent[-1]
    assert again.id not in (analysis.id, run.id)
    assert msgspec.structs.replace(again, id=analysis.id) == analysis


def test_other_samples_are_not_measured_by_what_was_asked_of_the_first(session: Session) -> None:
    session.analyze()
    failing(session)
    session._take_data(made("new"))
    before = list(engine(session).sent)
    session.retry("analyze")
    assert [one for one in engine(session).sent if one not in before and isinstance(one, m.Analyze)] == []
