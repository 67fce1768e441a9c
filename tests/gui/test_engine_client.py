"""The window's end of the pipe against a real engine that is killed, stopped and crashed."""

import os
import signal
import sys
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PySide6.QtCore import QTimer

from core.engine import STEP_BACK
from core.messages import Describe, Done, Failed, OpenModel, Partial, Progress
from core.values import Catalogue, DataSpec
from gui.engine_client import CANCEL_GRACE_MS, EngineClient
from gui.session import Session


@pytest.fixture
def engine(qtbot):
    client = EngineClient()
    client.start()
    yield client
    client.close()


@pytest.fixture
def model(tmp_path):
    weight = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"], "dense")],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(weight, "w")],
    )
    path = tmp_path / "one.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_model_opens(qtbot, engine, model):
    session = Session(engine)
    session.open_model(str(model))
    qtbot.waitUntil(lambda: session.model is not None and session.job is None, timeout=20_000)
    assert [layer.id for layer in session.model.layers] == ["dense"]
    assert set(session.graphs) == {"layers", "nodes"}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no nice")
def test_the_window_comes_before_the_engine(qtbot, engine):
    qtbot.waitSignal(engine.started, timeout=20_000).wait()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, engine.process_id) == min(19, own + STEP_BACK)


def test_row_34_an_engine_that_dies_is_reported_and_replaced(qtbot, engine, model):
    session = Session(engine)
    problems = []
    session.problem.connect(problems.append)
    qtbot.waitSignal(engine.started, timeout=20_000).wait()
    session.open_model(str(model))
    qtbot.waitUntil(lambda: session.model is not None and session.job is None, timeout=20_000)
    # a pipe nobody reads: the job cannot end before the kill
    fifo = model.parent / "samples.npz"
    np.savez(fifo, x=np.zeros((50, 8), np.float32))
    os.kill(engine.process_id, signal.SIGSTOP)
    first = engine.process_id
    session.open_data(DataSpec(path=str(fifo)))
    os.kill(first, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(problems), timeout=5_000)
    assert str(problems[0].what) == "This step crashed."
    assert session.job is None
    assert session.model is not None, "what was open stays open"
    session.open_data(DataSpec(path=str(fifo)))
    qtbot.waitUntil(lambda: session.data is not None, timeout=20_000)
    assert engine.process_id != first


def test_an_engine_that_hangs_is_stopped_within_three_seconds(qtbot, engine, model):
    session = Session(engine)
    problems = []
    session.problem.connect(problems.append)
    qtbot.waitSignal(engine.started, timeout=20_000).wait()
    # as native code that never returns: nothing in the process runs any more
    os.kill(engine.process_id, signal.SIGSTOP)
    session.open_model(str(model))
    started = time.monotonic()
    session.stop()
    qtbot.waitUntil(lambda: session.job is None, timeout=3_000)
    assert time.monotonic() - started < 3
    assert problems == [], "stopping is no failure"
    session.open_model(str(model))
    qtbot.waitUntil(lambda: session.model is not None, timeout=20_000)


def test_what_waited_behind_a_job_that_hung_is_done_by_the_next_engine(qtbot, engine, model):
    qtbot.waitSignal(engine.started, timeout=20_000).wait()
    answers = []
    engine.event.connect(answers.append)
    os.kill(engine.process_id, signal.SIGSTOP)
    hanging = engine.send(OpenModel(model=str(model)))
    engine.cancel(hanging.id)
    following = engine.send(OpenModel(model=str(model)))

    def ends():
        return {one.id: one for one in answers if isinstance(one, Done | Failed)}

    qtbot.waitUntil(lambda: len(ends()) == 2, timeout=30_000)
    assert ends()[hanging.id].code == "Cancelled"
    assert ends()[following.id].value.layers[0].label == "dense"
    assert sum(one.id == following.id for one in answers if isinstance(one, Done | Failed)) == 1


def test_closing_the_window_leaves_no_engine(qtbot, model):
    client = EngineClient()
    client.start()
    qtbot.waitSignal(client.started, timeout=20_000).wait()
    process_id = client.process_id
    client.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


def test_each_cancelled_job_has_its_own_time(qtbot, engine):
    """The time of one that has stopped must not run out on the next."""
    ended: list[int] = []
    engine.event.connect(lambda event: ended.append(event.id) if isinstance(event, Done | Failed) else None)
    qtbot.waitSignal(engine.started, timeout=20_000).wait()
    first = engine.send(Describe())
    engine.cancel(first.id)
    qtbot.waitUntil(lambda: first.id in ended, timeout=20_000)
    qtbot.wait(1200)
    os.kill(engine.process_id, signal.SIGSTOP)
    second = engine.send(Describe())
    asked = time.monotonic()
    engine.cancel(second.id)
    qtbot.waitUntil(lambda: second.id in ended, timeout=20_000)
    assert time.monotonic() - asked > 1.85


def test_an_answer_on_its_way_does_not_make_a_stop_a_crash(qtbot, engine):
    crashes: list[str] = []
    failed: list[Failed] = []
    engine.crashed.connect(crashes.append)
    engine.event.connect(lambda event: failed.append(event) if isinstance(event, Failed) else None)
    qtbot.waitSignal(engine.started, timeout=20_000).wait()
    os.kill(engine.process_id, signal.SIGSTOP)
    asked, beside = engine.send(Describe()), engine.send(Describe())
    engine.cancel(asked.id)
    # no event is handled between the kill and the answer that was on its way
    time.sleep(CANCEL_GRACE_MS / 1000 + 0.01)
    engine._enforce_cancel()
    assert engine._ended_by_us
    engine._dispatch(Done(id=asked.id, value=Catalogue()))
    qtbot.waitUntil(lambda: beside.id not in engine._open, timeout=20_000)
    assert crashes == []
    assert failed == [], "what waited beside it is done by the next process"


BURST = """
import sys, time
from core.frames import encode
from core.messages import Partial, Progress
from core.values import DamageLink, text
frames = b""
for n in range(60):
    frames += encode(Progress(id=1, stage=text("Drawing the graph"), done=n, total=60))
    frames += encode(Partial(id=1, value=DamageLink(damages=(float(n),), losses=(0.0,), spreads=(0.0,))))
sys.stdout.buffer.write(frames)
sys.stdout.buffer.flush()
time.sleep(60)
"""


def test_much_that_comes_at_once_leaves_the_window_its_turns(qtbot, monkeypatch):
    """A process that says a hundred things in one breath, and a listener that takes its time for each."""
    monkeypatch.setattr("gui.engine_client.engine_command", lambda: (sys.executable, ["-c", BURST]))
    client = EngineClient()
    told, turns = [], []

    def hear(event):
        told.append(event)
        time.sleep(0.004)

    client.event.connect(hear)
    heart = QTimer()
    heart.timeout.connect(lambda: turns.append(len(told)))
    client.start()
    heart.start(0)
    qtbot.waitUntil(lambda: len([one for one in told if isinstance(one, Partial)]) == 60, timeout=20_000)
    client.close()
    assert [one.value.damages[0] for one in told if isinstance(one, Partial)] == [float(n) for n in range(60)]
    steps = [one.done for one in told if isinstance(one, Progress)]
    assert steps == sorted(steps) and steps[-1] == 59 and len(steps) < 60
    assert len({count for count in turns if 0 < count < len(told)}) >= 3
