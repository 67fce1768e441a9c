"""The run tab: chart, state line and log follow the session."""

from __future__ import annotations

import itertools

import pytest
from layer_values import accuracy, make_outcome, make_session, make_theme
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core import messages as m
from core.values import PARTS, Catalogue, Measurement, Result, RunPoint, StepInfo, TrainingPoint, text
from gui.job import Job
from gui.session import Session
from gui.views.run_view import RunView
from gui.widgets.axis import digits_for, nice_ticks
from gui.widgets.run_chart import LABEL_STEP, RunChart, Step


@pytest.fixture
def session(qapp: QApplication) -> Session:
    return make_session()


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot, session: Session) -> RunView:
    made = RunView(session, make_theme())
    qtbot.addWidget(made)
    made.resize(760, 280)
    made.show()
    qtbot.waitExposed(made)
    return made


def start(session: Session) -> None:
    session.run_state, session.run_plan = "running", session.plan
    session.run_points = ()
    session.run_changed.emit(None)
    session._set_job(Job(kind="compress", id=77, stage=text("Pruning"), done=1, total=3, seconds_left=40.0))


def arrive(session: Session, step: int, name: str, loss: float) -> None:
    point = RunPoint(
        step=step, total=3, layer_id=f"/{name}/Conv", measurement=accuracy(90.0 - loss), loss=loss
    )
    session._on_event(m.Partial(id=77, value=point))


def test_it_teaches_before_the_first_run(view: RunView) -> None:
    assert view._empty.isVisible()
    assert "press Run" in view._empty.text()


def test_points_appear_as_they_arrive_and_the_rest_is_estimated(view: RunView, session: Session) -> None:
    start(session)
    arrive(session, 1, "stem", 0.2)
    assert view.chart.isVisible()
    steps = view.steps()
    assert [step.label for step in steps] == ["stem", "body", "head"]
    assert [step.measurement is not None for step in steps] == [True, False, False]
    # eight bits: body loses 0.05, head 0.025 more
    assert [step.guess for step in steps[1:]] == pytest.approx([89.75, 89.725])
    assert view._caption.full_text == "Accuracy (%), on 1,000 samples, 95 % interval"
    assert view._state.full_text == "Pruning · 1 of 3 · about 40 s left · cost most: stem 0.20 pt"


def test_a_stage_says_how_far_it_is_itself_whatever_was_measured_before(
    view: RunView, session: Session
) -> None:
    start(session)
    arrive(session, 1, "stem", 0.0)
    for done, said in ((0, "0 %"), (250_000, "25 %")):
        session._set_job(Job(kind="compress", id=77, stage=text("Fine-tuning"), done=done, total=PARTS))
        assert view._state.full_text == f"Fine-tuning · {said}"
    session._set_job(Job(kind="compress", id=77, stage=text("Loading"), done=0, total=100))
    assert view._state.full_text == "Loading · 0 of 100"


def test_the_layer_that_cost_most_is_named(view: RunView, session: Session) -> None:
    start(session)
    for step, (name, loss) in enumerate((("stem", 0.2), ("body", 1.1), ("head", 1.2)), start=1):
        arrive(session, step, name, loss)
    assert [step.cost for step in view.steps()] == pytest.approx([0.2, 0.9, 0.1])
    assert view.chart.costliest == 1
    assert view._state.full_text.endswith("cost most: body 0.90, stem 0.20, head 0.10 pt")
    assert "this layer cost 0.90" in view.chart.describe(view.chart.plot().x(1))


def test_the_original_is_the_one_of_the_same_samples(view: RunView, session: Session) -> None:
    start(session)
    arrive(session, 1, "stem", 0.2)
    assert view._original().value == 90.0
    fewer = RunPoint(step=2, total=3, layer_id="/body/Conv", measurement=accuracy(91.0, count=300), loss=0.5)
    session._on_event(m.Partial(id=77, value=fewer))
    # the original on those 300 samples: 91 and half a point
    assert view._original().value == 91.5


def test_states_stopped_failed_and_done(view: RunView, session: Session) -> None:
    start(session)
    arrive(session, 1, "stem", 0.2)
    session._on_event(m.Failed(id=77, code="Cancelled", what=text("Stopped")))
    assert view._state.full_text.startswith("Stopped. Press Run to go on where it stopped.")
    session.set_defaults("x", sparsity=0.25)
    assert view._state.full_text.startswith("Stopped. The plan has changed since: Run begins anew with it.")
    session.undo_stack.undo()
    assert view._state.full_text.startswith("Stopped. Press Run to go on where it stopped.")
    assert view.chart.isVisible()
    start(session)
    session._on_event(m.Failed(id=77, code="DataError", what=text("The data is gone.")))
    assert view._state.full_text == "Failed · The data is gone."
    start(session)
    arrive(session, 1, "stem", 0.2)
    result = Result(
        artefact="a", sha256="b", plan=session.plan, before=make_outcome(), after=make_outcome(), seconds=12.0
    )
    session._on_event(m.Done(id=77, value=result))
    assert view._state.full_text == "Done in 12 s · cost most: stem 0.20 pt"
    session.set_defaults("x", sparsity=0.5)
    assert view._state.full_text == "Done in 12 s · the plan has changed since · cost most: stem 0.20 pt"


def test_the_log_is_folded_until_asked_for(qtbot: QtBot, view: RunView, session: Session) -> None:
    start(session)
    arrive(session, 1, "stem", 0.2)
    assert not view.log.isVisible()
    qtbot.mouseClick(view.log_button, Qt.MouseButton.LeftButton)
    assert view.log.isVisible()
    assert "1 of 3  stem  89.8 % ± 2.0, lost so far 0.20" in view.log.toPlainText()


def test_a_step_on_the_whole_network_has_its_point_its_name_and_its_words(
    qtbot: QtBot, view: RunView, session: Session
) -> None:
    info = StepInfo(name="prune_channels", label=text("Remove channels"), help=text("Cuts."), place=40)
    session.catalogue = Catalogue(steps=(info,))
    start(session)
    did = text("Removed {count} channels; {share} % of the work is left.", count=8, share=60.5)
    point = RunPoint(
        step=1, total=2, stage="prune_channels", measurement=accuracy(88.0), loss=2.0, did=(did,), seconds=3.0
    )
    session._on_event(m.Partial(id=77, value=point))
    assert [step.label for step in view.steps()] == ["Remove channels", "stem", "body", "head"]
    assert "1 of 2  Remove channels  88.0 % ± 2.0, lost so far 2.00" in view.log.toPlainText()
    assert "Removed 8 channels; 60.5 % of the work is left." in view.log.toPlainText()
    # layers begin to count anew, what they cost is beyond what the step did
    arrive(session, 1, "stem", 2.5)
    steps = view.steps()
    assert [(step.whole, step.cost) for step in steps[:2]] == [(True, 2.0), (False, 0.5)]
    assert len(steps) == 4
    assert "this step cost 2.00" in view.chart.describe(view.chart.plot().x(0))
    view.chart.grab()


def test_names_below_the_chart_never_touch(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    chart.resize(700, 220)
    steps = [Step(str(index), f"layer {index}", accuracy(90.0), 0.0) for index in range(120)]
    steps[61] = Step("61", "layer 61", accuracy(88.0), 2.0)
    chart.show_steps(steps, accuracy(90.0), None)
    named = chart.labelled()
    assert 61 in named
    places = [chart.plot().x(index) for index in named]
    assert min(b - a for a, b in itertools.pairwise(places)) >= LABEL_STEP
    chart.grab()


def test_a_few_short_names_lie_level_and_whole(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    chart.resize(600, 220)
    names = ("embedding", "lstm", "head")
    chart.show_steps([Step(name, name, accuracy(90.0), 0.0) for name in names], accuracy(90.0), "lstm")
    assert chart.names_lie_level(chart.plot())
    chart.grab()
    chart.resize(160, 220)
    assert not chart.names_lie_level(chart.plot())


@pytest.mark.parametrize("height", [84, 100, 118, 130, 220])
def test_names_end_within_the_chart_however_low_it_is(qapp: QApplication, qtbot: QtBot, height: int) -> None:
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    chart.resize(560, height)
    names = [f"blocks.{block}.way.{part}.0" for block in range(4) for part in range(3)]
    chart.show_steps([Step(name, name, accuracy(90.0), 0.0) for name in names], accuracy(90.0), names[3])
    assert chart.height() == height and chart.plot().rect.height() >= 40
    seen = chart.grab().toImage()
    last = {seen.pixelColor(x, seen.height() - 1).name() for x in range(seen.width())}
    assert len(last) == 1, "the last row of pixels has no ink"


def test_decibels_have_a_scale_of_their_own(qapp: QApplication, qtbot: QtBot) -> None:
    """The original is endlessly close to itself: what the layers do is told apart between 8 and 30 dB."""
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    decibels = [
        Measurement(metric="sqnr_db", value=value, low=value - 1, high=value + 1, unit="dB", count=8)
        for value in (30.0, 12.0, 8.0)
    ]
    original = Measurement(metric="sqnr_db", value=150.0, unit="dB", count=8)
    steps = [Step(str(place), "layer", one, 0.0) for place, one in enumerate(decibels)]
    chart.show_steps(steps, original, None)
    assert chart.plot().y_high < 40.0
    chart.grab()
    chart.show_steps([], original, None)
    assert chart.plot().y_low < 150.0 < chart.plot().y_high


def test_the_axis_follows_the_figures_and_their_intervals(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    chart.resize(600, 220)
    original = Measurement(metric="cosine", value=99.99, unit="%", count=99)
    near = [
        Measurement(metric="cosine", value=value, low=value - 0.02, high=value + 0.02, unit="%", count=99)
        for value in (99.96, 99.94)
    ]
    chart.show_steps([Step(str(place), "a", one, 0.0) for place, one in enumerate(near)], original, None)
    plot = chart.plot()
    # 99.92 to 99.99 with 7 % of it on both sides, and not two points of which all but a hair is empty
    assert plot.y_low == pytest.approx(99.92 - 0.07 * 0.07, abs=1e-6)
    assert plot.y_high == pytest.approx(99.99 + 0.07 * 0.07, abs=1e-6)
    bare = Measurement(metric="perplexity", value=20.0, unit="", count=9, higher_is_better=False, point=0.2)
    chart.show_steps([Step("a", "a", bare, 0.1)], None, None)
    plot = chart.plot()
    assert plot.y_high - plot.y_low == pytest.approx(2 * 0.2 * 1.14), "two points, as this figure counts them"
    assert plot.x(0) == pytest.approx(plot.rect.center().x()), "a lone step is not hidden by the axis"


def test_no_share_is_above_all_of_it(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    chart.resize(600, 220)
    all_of_it = Measurement(metric="cosine", value=99.9, unit="%", count=8)
    original = Measurement(metric="cosine", value=100.0, unit="%", count=8)
    chart.show_steps([Step("a", "a", all_of_it, 0.1)], original, None)
    plot = chart.plot()
    assert max(nice_ticks(plot.y_low, plot.y_high, 4)) <= 100.0
    assert plot.y_high - plot.y_low >= 2.0


def test_one_point_and_a_flat_line_are_drawn(qapp: QApplication, qtbot: QtBot) -> None:
    chart = RunChart(make_theme())
    qtbot.addWidget(chart)
    chart.show_steps([Step("a", "a", accuracy(90.0), 0.0)], accuracy(90.0), "a")
    chart.grab()
    assert chart.costliest is None


def test_ticks_are_round_numbers() -> None:
    assert nice_ticks(88.3, 92.1, 4) == [89, 90, 91, 92]
    assert nice_ticks(0.0, 0.5, 5) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert digits_for([0.1, 0.2]) == 1
    assert digits_for([89.0, 90.0]) == 0
    assert nice_ticks(5.0, 5.0) == [5.0]


def test_the_loss_of_a_training_is_drawn_while_it_goes_on(view: RunView, session: Session) -> None:
    start(session)
    assert not view.training.isVisible()
    for share, loss, held in ((0.1, 0.9, 0.8), (0.5, 0.5, None), (0.9, 0.4, 0.45)):
        point = TrainingPoint(share=share, step=int(share * 100), loss=loss, held_out=held, seconds=3.0)
        session._on_event(m.Partial(id=77, value=point))
    curve = view.training
    assert curve.isVisible() and not view.chart.isVisible()
    assert [one.loss for one in curve.points] == [0.9, 0.5, 0.4]
    assert curve.accessibleDescription() == (
        "90 % of the training, step 90, after 3 s: loss 0.4, held out 0.45"
    )
    # a second training on another network begins its own curve
    session._on_event(m.Partial(id=77, value=TrainingPoint(share=0.0, step=1, loss=2.0)))
    assert [one.loss for one in curve.points] == [2.0]
    assert not view.grab().isNull()
    arrive(session, 1, "stem", 0.2)
    assert view.chart.isVisible() and curve.isVisible()


def test_time_and_memory_stand_in_the_log(view: RunView, session: Session) -> None:
    start(session)
    point = RunPoint(
        step=1, total=3, layer_id="/stem/Conv", measurement=accuracy(89.8), loss=0.2,
        elapsed_seconds=12.0, memory_bytes=430_000_000,
    )  # fmt: skip
    session._on_event(m.Partial(id=77, value=point))
    assert "after 12 s, memory 430 MB" in view.log.toPlainText()
    assert view._caption.full_text.endswith("95 % interval · memory 430 MB")
