"""Bytes, milliseconds and the whole outcome of a model file."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import networks
import numpy as np
import onnx
import pytest

from core.context import Context
from core.errors import Cancelled, DataError
from core.evaluate import latency as turns
from core.evaluate import size
from core.evaluate.example_feeds import example_feeds
from core.evaluate.judge import Judge
from core.evaluate.latency import MIN_RUNS, measure_latency, time_in_turns
from core.evaluate.outcome import outcome
from core.evaluate.runner import Runner
from core.evaluate.size import size_bytes, zipped_bytes


def test_size_counts_external_data(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    path = tmp_path / "model.onnx"
    onnx.save(
        networks.dense(weight), str(path), save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert (tmp_path / "w.bin").stat().st_size >= 64 * 64 * 4
    assert size_bytes(path) == path.stat().st_size + (tmp_path / "w.bin").stat().st_size


def test_zipped_bytes_are_those_of_deflate_at_level_6(tmp_path: Path) -> None:
    weight = np.zeros((512, 600), np.float32)
    weight[:, ::7] = 1.5
    path = networks.written(networks.dense(weight), tmp_path)
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    content = path.read_bytes()
    assert zipped_bytes(path) == len(raw.compress(content) + raw.flush())
    assert zipped_bytes(path) < size_bytes(path) / 50


def test_zipping_can_be_cancelled(tmp_path: Path) -> None:
    path = networks.written(networks.dense(np.ones((2, 2))), tmp_path)
    context = Context()
    context.cancel()
    with pytest.raises(Cancelled):
        zipped_bytes(path, context)


def test_latency_tells_a_slow_model_from_a_fast_one(tmp_path: Path) -> None:
    paths = [
        networks.written(networks.dense(np.ones((size, size))), tmp_path, f"{size}.onnx")
        for size in (8, 1500)
    ]
    small, large = measure_latency(paths, threads=1, seconds=0.05)
    assert large.median_ms > 3 * small.median_ms
    for latency in (small, large):
        assert 0 < latency.low_ms <= latency.median_ms <= latency.high_ms
        assert latency.runs >= MIN_RUNS and latency.threads == 1 and latency.batch == 1


def test_runs_take_turns() -> None:
    order: list[str] = []
    runs = [lambda: (time.sleep(0.05), order.append("A")), lambda: (time.sleep(0.05), order.append("B"))]
    times = time_in_turns(runs, Context(), seconds=0.1)
    assert "".join(order).endswith("AB" * MIN_RUNS)
    assert [len(t) for t in times] == [MIN_RUNS, MIN_RUNS]
    assert all(50 <= np.median(t) < 500 for t in times)


def test_runs_that_the_system_interrupted_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = interrupted = 0

    def run() -> None:
        nonlocal runs, interrupted
        runs += 1
        if runs % 3:  # two of three are held up
            interrupted += 1
            time.sleep(0.003)

    monkeypatch.setattr(turns, "MAX_RUNS", 90)
    monkeypatch.setattr(turns, "interruptions", lambda: interrupted)
    (times,) = time_in_turns([run], Context(), seconds=10.0)
    assert len(times) == 30 and np.median(times) < 2
    # where all are, they have to do
    monkeypatch.setattr(turns, "interruptions", iter(range(10_000)).__next__)
    (times,) = time_in_turns([lambda: time.sleep(0.001)], Context(), seconds=10.0)
    assert len(times) == 90 and np.median(times) >= 1


def test_a_fixed_batch_is_what_is_timed(tmp_path: Path) -> None:
    path = networks.written(networks.cnn(batch=3), tmp_path)
    assert measure_latency([path], seconds=0.02)[0].batch == 3


def test_latency_can_be_cancelled(tmp_path: Path) -> None:
    path = networks.written(networks.cnn(), tmp_path)
    context = Context()
    context.cancel()
    with pytest.raises(Cancelled):
        measure_latency([path], context=context)


def test_inputs_are_made_up_for_every_shared_model(shared_models: Path) -> None:
    for path in sorted(shared_models.glob("*.onnx")):
        runner = Runner(path)
        runner.run(example_feeds(runner))


def test_a_model_that_no_random_input_fits_says_what_is_needed() -> None:
    node = onnx.helper.make_node("Reshape", ["x", "s"], ["y"], name="r")
    weights = {"s": np.array([7, 11], dtype=np.int64)}
    runner = Runner(networks.model_of([node], {"x": ["N", "M"]}, {"y": [7, 11]}, weights).SerializeToString())
    with pytest.raises(DataError) as caught:
        example_feeds(runner)
    assert "Choose data" in str(caught.value.next_step)


def test_an_outcome_holds_every_figure(tmp_path: Path) -> None:
    path = networks.written(networks.cnn(), tmp_path)
    other = networks.written(networks.cnn(seed=3), tmp_path, "other.onnx")
    judge = Judge(path, networks.ArrayData({"x": networks.pictures(20)}), Context())
    own = outcome(path, judge, Context())
    assert own.measurements == judge.baseline
    assert own.size_bytes == path.stat().st_size and 0 < own.zipped_bytes < own.size_bytes
    assert own.latency is not None and own.latency.median_ms > 0
    without = outcome(other, judge, Context(), latency=False)
    assert without.latency is None
    assert without.measurements == judge.measure(other, Context()).measurements
    assert outcome(other, None, Context(), latency=False).measurements == ()


def test_large_files_are_zipped_in_parts_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size, "_LARGE_BYTES", 1 << 18)
    monkeypatch.setattr(size, "_PART_BYTES", 1 << 16)
    rng = np.random.default_rng(0)
    # the same 8 kB again and again, some of it noise: what a part finds in the one before it counts
    weight = np.tile(rng.integers(0, 9, 2048).astype(np.float32), 64)
    path = tmp_path / "m.onnx"
    tensor = onnx.numpy_helper.from_array(weight, "w")
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    whole = len(packer.compress(path.read_bytes())) + len(packer.flush())
    parts = -(-path.stat().st_size // (1 << 16))
    found = size.zipped_bytes(path)
    assert parts == 9 and whole < found < whole + 120 * parts
    # another file in its place is another file
    path.write_bytes(path.read_bytes() + onnx.ModelProto(doc_string="another").SerializeToString())
    assert size.zipped_bytes(path) > found
