"""Looking at a layer: at once, then measured where the score looks at samples, never twice in vain."""

from __future__ import annotations

import msgspec
import pytest
from layer_values import SilentEngine, make_session, make_view
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core import messages as m
from core.values import DataInfo, DataSpec, text
from gui.session import Session

STEM, BODY = "/stem/Conv", "/body/Conv"


@pytest.fixture
def session(qapp: QApplication) -> Session:
    made = make_session()
    made.data = DataInfo(
        spec=DataSpec(path="d"), sha256="d", kind="x", task="unlabelled", sample_count=9,
        calibration_count=4, judge_count=5,
    )  # fmt: skip
    return made


def engine(session: Session) -> SilentEngine:
    return session._engine  # type: ignore[return-value]


def sent(session: Session) -> list[m.Inspect]:
    return [request for request in engine(session).sent if isinstance(request, m.Inspect)]


def answer(session: Session, request: m.Inspect, unmeasured: bool) -> None:
    view = msgspec.structs.replace(make_view(request.layer_id), unmeasured=unmeasured)
    engine(session).event.emit(m.Done(id=request.id, value=view))


def looked(qtbot: QtBot, session: Session, count: int) -> m.Inspect:
    """Wait until so many questions were asked; the last."""
    qtbot.waitUntil(lambda: len(sent(session)) == count)
    return sent(session)[-1]


def test_a_look_takes_the_data_along(qtbot: QtBot, session: Session) -> None:
    session.select(STEM)
    request = looked(qtbot, session, 1)
    assert request.data == session.data.spec and not request.measure
    answer(session, request, unmeasured=False)
    qtbot.wait(80)
    assert len(sent(session)) == 1


def test_what_is_not_measured_is_measured_and_looked_at_again(qtbot: QtBot, session: Session) -> None:
    progress: list[object] = []
    session.measuring_changed.connect(progress.append)
    session.select(STEM)
    answer(session, looked(qtbot, session, 1), unmeasured=True)
    measure = sent(session)[-1]
    assert measure.measure and measure.layer_id == STEM
    assert session.layer_view is not None  # shown at once
    engine(session).event.emit(m.Progress(id=measure.id, stage=text("x"), done=3, total=4))
    # a slider that is dragged meanwhile is answered, and nothing is measured twice
    session.set_layers([STEM], "x", sparsity=0.5)
    answer(session, looked(qtbot, session, 3), unmeasured=True)
    qtbot.wait(80)
    assert len(sent(session)) == 3
    answer(session, measure, unmeasured=False)
    again = looked(qtbot, session, 4)
    assert not again.measure and again.plan.layer(STEM).sparsity == 0.5
    assert progress == [(0, 0), (3, 4), None]


def test_another_score_stops_the_measuring(qtbot: QtBot, session: Session) -> None:
    cancelled: list[int] = []
    engine(session).cancel = lambda request_id, firm=True: cancelled.append((request_id, firm))  # type: ignore
    session.select(STEM)
    answer(session, looked(qtbot, session, 1), unmeasured=True)
    measure = sent(session)[-1]
    session.select(BODY)
    assert cancelled == []  # the same score of another layer waits for its turn
    session.set_score("obs")
    assert cancelled == [(measure.id, False)]


def test_what_failed_is_not_tried_again_and_again(qtbot: QtBot, session: Session) -> None:
    session.select(STEM)
    answer(session, looked(qtbot, session, 1), unmeasured=True)
    measure = sent(session)[-1]
    engine(session).event.emit(m.Failed(id=measure.id, code="EngineError", what=text("Broken.")))
    answer(session, looked(qtbot, session, 3), unmeasured=True)
    qtbot.wait(80)
    assert len(sent(session)) == 3
