"""The engine as the window meets it: a process, frames in, frames out."""

import subprocess
import sys
import textwrap
import time

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from core import messages as m
from core.frames import EventReader, encode
from core.values import DataSpec, Graph, LayerPlan, ModelInfo, Plan, SensitivityPoint

START = [sys.executable, "-m", "core.engine"]


class Peer:
    """The other end of the pipe."""

    def __init__(self, command=START):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._reader, self._events = EventReader(), []

    def send(self, request):
        self.process.stdin.write(encode(request))

    def next(self):
        while not self._events:
            data = self.process.stdout.read(65536)
            assert data, "the engine closed the pipe"
            self._events += self._reader.feed(data)
        return self._events.pop(0)

    def until_end(self, request_id):
        """All events of a request, the last one Done or Failed."""
        found = []
        while True:
            event = self.next()
            if event.id == request_id:
                found.append(event)
                if isinstance(event, m.Done | m.Failed):
                    return found

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture
def peer():
    peer = Peer()
    yield peer
    if peer.process.poll() is None:
        peer.close()


@pytest.fixture
def small_model(tmp_path):
    """8 features -> 32 -> 3 classes, and samples that it was not trained on."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((8, 32), (32, 3))]
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1"], ["h"], "hidden"),
            helper.make_node("Relu", ["h"], ["r"], "relu"),
            helper.make_node("Gemm", ["r", "w2"], ["y"], "answers"),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(weight, name) for weight, name in zip(weights, ("w1", "w2"), strict=True)],
    )
    path = tmp_path / "mlp.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    samples = rng.standard_normal((3000, 8)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=samples, y=rng.integers(0, 3, 3000))
    return path, DataSpec(path=str(tmp_path / "data.npz"), judge_count=None)


def test_opening_publishes_the_model_and_its_graphs_then_ends_once(peer, small_model):
    path, _ = small_model
    assert isinstance(peer.next(), m.Ready)
    peer.send(m.OpenModel(id=5, model=str(path)))
    events = peer.until_end(5)
    values = [event.value for event in events if isinstance(event, m.Partial)]
    assert isinstance(values[0], ModelInfo)
    assert [value.detail for value in values if isinstance(value, Graph)] == ["layers", "nodes"]
    assert isinstance(events[-1], m.Done)
    assert [layer.id for layer in events[-1].value.layers] == ["hidden", "answers"]
    assert [layer.params for layer in events[-1].value.layers] == [256, 96]
    peer.send(m.OpenModel(id=6, model=str(path), first="nodes"))
    values = [event.value for event in peer.until_end(6) if isinstance(event, m.Partial)]
    assert [value.detail for value in values if isinstance(value, Graph)] == ["nodes", "layers"]


def test_a_bad_file_gets_three_sentences_and_the_engine_goes_on(peer, small_model, tmp_path):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"<html>not found</html>")
    peer.send(m.OpenModel(id=1, model=str(bad)))
    failed = peer.until_end(1)[-1]
    assert isinstance(failed, m.Failed)
    assert failed.code in ("OpenError", "UnsupportedModelError")
    assert all(str(sentence) for sentence in (failed.what, failed.why, failed.next_step))
    peer.send(m.OpenModel(id=2, model=str(small_model[0])))
    assert isinstance(peer.until_end(2)[-1], m.Done)


def test_analyze_streams_and_inspect_is_answered_beside_it(peer, small_model):
    path, data = small_model
    peer.send(m.Analyze(id=1, model=str(path), data=data))
    peer.send(
        m.Inspect(id=2, model=str(path), layer_id="hidden", plan=Plan(defaults=LayerPlan(sparsity=0.5)))
    )
    seen, ended = [], {}
    while len(ended) < 2:
        seen.append(peer.next())
        if isinstance(seen[-1], m.Done | m.Failed):
            ended[seen[-1].id] = seen[-1]
    view = ended[2]
    assert isinstance(view, m.Done), view
    assert view.value.heatmap.shape == (32, 8)
    found = [event.value for event in seen if isinstance(event, m.Partial)]
    points = [value for value in found if isinstance(value, SensitivityPoint) and not value.estimate]
    assert len(points) == 2 * (4 + 2), "two layers, four sparsities and two bit widths"


def test_cancel_stops_a_long_job_within_three_seconds(peer, small_model):
    path, data = small_model
    peer.send(m.OpenModel(id=1, model=str(path)))
    peer.until_end(1)
    # thousands of points: far more than three seconds of work
    sparsities = tuple(float(share) for share in np.linspace(0.001, 0.999, 4000))
    peer.send(m.Analyze(id=2, model=str(path), data=data, sparsities=sparsities, samples=3000))
    while not (isinstance(event := peer.next(), m.Partial) and event.id == 2):
        pass
    started = time.monotonic()
    peer.send(m.Cancel(id=3, target=2))
    assert peer.until_end(2)[-1].code == "Cancelled"
    assert time.monotonic() - started < 3


def test_row_47_what_a_library_prints_does_not_break_the_frames(small_model):
    """Row 47: both Python's print and writing to descriptor 1."""
    noisy = textwrap.dedent(
        """
        import os
        from core import engine, jobs
        from core.messages import Describe
        quiet = jobs.describe
        def describe(*arguments):
            for _ in range(2000):
                print("Warning: " + "x" * 200)
            os.write(1, b"native noise" * 1000)
            return quiet(*arguments)
        jobs._JOBS[Describe] = describe
        engine.main()
        """
    )
    peer = Peer([sys.executable, "-c", noisy])
    peer.send(m.Describe(id=1))
    assert isinstance(peer.until_end(1)[-1], m.Done)
    peer.close()


def test_row_35_the_engine_ends_with_the_pipe_even_in_the_middle_of_a_job(small_model):
    """Row 35: a killed window leaves no orphan."""
    path, data = small_model
    peer = Peer()
    sparsities = tuple(float(share) for share in np.linspace(0.001, 0.999, 4000))
    peer.send(m.Analyze(id=1, model=str(path), data=data, sparsities=sparsities, samples=3000))
    while not isinstance(peer.next(), m.Partial):
        pass
    peer.process.stdin.close()
    assert peer.process.wait(5) == 0
    peer.process.stdout.close()


def test_a_score_on_samples_comes_when_it_is_measured_and_the_first_look_does_not_wait(peer, small_model):
    path, data = small_model
    look = m.Inspect(id=1, model=str(path), layer_id="hidden", plan=Plan(), score="obs", data=data)
    peer.send(look)
    first = peer.until_end(1)[-1].value
    assert first.unmeasured and "not measured" in str(first.notes[0])
    peer.send(msgspec.structs.replace(look, id=2, measure=True))
    measured = peer.until_end(2)[-1]
    assert isinstance(measured, m.Done), measured
    assert not measured.value.unmeasured and not measured.value.notes
    assert not np.array_equal(measured.value.heatmap.numpy(), first.heatmap.numpy())
    peer.send(msgspec.structs.replace(look, id=3))
    assert peer.until_end(3)[-1].value.heatmap == measured.value.heatmap
    # without data the reason stands there, and everything else
    peer.send(msgspec.structs.replace(look, id=4, data=None))
    without = peer.until_end(4)[-1].value
    assert not without.unmeasured and "choose data" in str(without.notes[0])
    assert without.histogram == first.histogram


def test_measuring_a_score_can_be_stopped_and_leaves_the_rest_alone(peer, small_model):
    path, data = small_model
    look = m.Inspect(id=1, model=str(path), layer_id="hidden", plan=Plan(), score="taylor", data=data)
    peer.send(msgspec.structs.replace(look, measure=True))
    peer.send(m.Cancel(target=1))
    ended = peer.until_end(1)[-1]
    assert isinstance(ended, m.Done) or ended.code == "Cancelled"
    peer.send(msgspec.structs.replace(look, id=2))
    assert isinstance(peer.until_end(2)[-1], m.Done)
