"""Handing the file over: verified before it is moved, and the destination safe whatever happens."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import msgspec
import networks
import onnx
import pytest

import core.export as export_module
from core.compress import compress
from core.context import Context
from core.errors import Cancelled, ExportError
from core.export import export, same_answers
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.values import LayerPlan, Plan, Result, text

OLD = b"what was there before"


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


@pytest.fixture
def result(opened: OpenedModel, tmp_path: Path) -> Result:
    plan = Plan(defaults=LayerPlan(weight_bits=8, sparsity=0.25))
    return compress(opened, None, None, plan, tmp_path / "work", None, Context())


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "我的 models 🌿"
    folder.mkdir()
    path = folder / "small.onnx"
    path.write_bytes(OLD)
    return path


def untouched(destination: Path) -> bool:
    return destination.read_bytes() == OLD and [p.name for p in destination.parent.iterdir()] == [
        "small.onnx"
    ]


def test_the_written_file_is_the_judged_one_and_the_report_reads_it_back(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    report = destination.with_suffix(".json")
    exported = export(result, destination, opened, None, Context(), (report,))
    judged, written = Path(result.artefact).read_bytes(), destination.read_bytes()
    assert written.startswith(judged) and len(written) - len(judged) < 1000
    assert exported.sha256 == hashlib.sha256(written).hexdigest() and exported.size_bytes == len(written)
    content = json.loads(report.read_text("utf-8"))
    assert [layer["weight_bits"] for layer in content["layers"]] == [8, 8, 8]
    assert all(layer["sparsity"] >= 0.25 for layer in content["layers"])
    assert content["after"]["bytes"] < content["before"]["bytes"]
    assert content["before"]["latency"]["threads"] >= 1
    assert sorted(p.name for p in destination.parent.iterdir()) == ["small.json", "small.onnx"]


def test_what_the_run_chose_for_a_layer_is_no_difference_from_the_plan(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    """The plan says 4 bits and leaves it to the run which layers need 8, as the preset 'balanced' does."""
    asked = Plan(defaults=LayerPlan(weight_bits=4, sparsity=0.25))
    report = destination.with_suffix(".json")
    export(msgspec.structs.replace(result, plan=asked), destination, opened, None, Context(), (report,))
    assert [layer["note"] for layer in json.loads(report.read_text("utf-8"))["layers"]] == [None] * 3


def test_row_44_an_artefact_that_changed_since_it_was_judged(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    model = onnx.load(result.artefact)
    model.graph.doc_string = "changed"
    onnx.save(model, result.artefact)
    with pytest.raises(ExportError) as raised:
        export(result, destination, opened, None, Context())
    assert "changed since it was judged" in raised.value.one_line()
    assert untouched(destination)


def test_row_44_a_copy_that_differs_from_the_judged_file(
    result: Result, opened: OpenedModel, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export_module._copy_file

    def torn(source: Path, target: Path, context: Context, behind: bytes) -> None:
        whole(source, target, context, behind)
        content = bytearray(target.read_bytes())
        content[len(content) // 2] ^= 0xFF
        target.write_bytes(content)

    monkeypatch.setattr(export_module, "_copy_file", torn)
    with pytest.raises(ExportError):
        export(result, destination, opened, None, Context())
    assert untouched(destination)


def test_row_37_a_full_disk(
    result: Result, opened: OpenedModel, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError) as raised:
        export(result, destination, opened, None, Context())
    assert "disk is full" in raised.value.one_line()
    assert untouched(destination)


def test_row_39_a_folder_that_is_gone(result: Result, opened: OpenedModel, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as raised:
        export(result, tmp_path / "unplugged" / "out.onnx", opened, None, Context())
    assert "not there" in raised.value.one_line()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_row_39_a_folder_that_is_read_only(result: Result, opened: OpenedModel, destination: Path) -> None:
    destination.parent.chmod(0o500)
    try:
        with pytest.raises(ExportError, match=r"small\.onnx"):
            export(result, destination, opened, None, Context())
        assert untouched(destination)
    finally:
        destination.parent.chmod(0o700)


def test_the_original_is_never_overwritten(result: Result, opened: OpenedModel) -> None:
    before = opened.source.read_bytes()
    with pytest.raises(ExportError, match="original"):
        export(result, opened.source, opened, None, Context())
    assert opened.source.read_bytes() == before


def test_a_result_that_was_cleared_away(result: Result, opened: OpenedModel, destination: Path) -> None:
    Path(result.artefact).unlink()
    with pytest.raises(ExportError, match="no longer there"):
        export(result, destination, opened, None, Context())
    assert untouched(destination)


def test_cancelling_leaves_everything_as_it_was(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    context = Context()
    context.cancel()
    with pytest.raises(Cancelled):
        export(result, destination, opened, None, context)
    assert untouched(destination)


def test_what_a_crash_left_is_cleared_but_not_what_is_being_written(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    stale, fresh = (destination.parent / f".secateur-{name}.tmp" for name in ("stale", "fresh"))
    for folder in (stale, fresh):
        folder.mkdir()
        (folder / "part.onnx").write_bytes(b"part")
    hour_ago = time.time() - 3600
    os.utime(stale, (hour_ago, hour_ago))
    export(result, destination, opened, None, Context())
    assert not stale.exists() and fresh.exists()


def test_a_report_that_cannot_be_written_leaves_the_destination_too(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    with pytest.raises(ExportError, match=r"r\.json"):
        export(result, destination, opened, None, Context(), (destination.parent / "none" / "r.json",))
    assert untouched(destination)


def test_answers_agree_but_for_rounding() -> None:
    import numpy as np

    one = np.array([1.0, 100.0], np.float32)
    assert same_answers(one, one + np.float32(1e-5))
    assert not same_answers(one, one + np.float32(1))
    assert not same_answers(one, one.astype(np.float64))
    assert same_answers(np.array([np.nan]), np.array([np.nan]))


def test_a_result_crosses_the_pipe_whole(result: Result) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(result), type=Result) == result


def test_a_slower_file_is_never_handed_over_without_saying_so(
    result: Result, opened: OpenedModel, destination: Path
) -> None:
    said = (text("It is slower than the original: {ratio} times the time of one run.", ratio=2.0),)
    slow = msgspec.structs.replace(result, slower=said)
    assert export(slow, destination, opened, None, Context()).warnings == said
    unknown = msgspec.structs.replace(result.after, latency=None)
    unmeasured = msgspec.structs.replace(result, after=unknown)
    (warning,) = export(unmeasured, destination, opened, None, Context()).warnings
    assert "not measured" in str(warning)
