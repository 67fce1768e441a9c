"""What became different, sample by sample: counted by hand on small answers, and on a real file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import networks
import numpy as np
import pytest
from PIL import Image
from runs import Data

from core import jobs
from core import messages as m
from core.compare import MOST_CLASSES, MOST_SAMPLES, Tally, compare
from core.compress import compress
from core.context import Context
from core.data.dataset import Batch
from core.errors import DataError, ExportError
from core.evaluate.answers import Subject
from core.evaluate.dense import find_dense
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.values import (
    Comparison,
    DataInfo,
    DataSpec,
    LayerPlan,
    OwnSample,
    Plan,
    PlanMeasured,
    Preprocess,
    Tried,
)
from core.workspace import Workspace

NAMES = ("cat", "dog", "eel")
LABELS = np.array([0, 0, 1, 2, 2, 1])
BEFORE = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]]
)
AFTER = np.array(
    [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.2, 0.7], [0.2, 0.3, 0.5], [0.7, 0.2, 0.1], [0.4, 0.5, 0.1]]
)


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


def info_of(task: str = "classification", **changes: object) -> DataInfo:
    plain = DataInfo(
        spec=DataSpec(path="x"),
        sha256="d",
        kind="arrays",
        task=task,
        sample_count=6,
        calibration_count=0,
        judge_count=6,
    )
    return msgspec.structs.replace(plain, **changes)


def batch_of(opened: OpenedModel, count: int = 6, labels: np.ndarray | None = LABELS) -> Batch:
    return Batch({opened.info.inputs[0].name: networks.pictures(count)}, labels, np.arange(count) + 10)


def tallied(
    opened: OpenedModel, info: DataInfo, subject: Subject, before, after, labels=LABELS
) -> Comparison:
    tally = Tally(subject, info, Runner(opened.source))
    tally.add(batch_of(opened, len(before), labels), before, after)
    return tally.comparison("s", len(before))


PROBABILITIES = Subject(task="classification", output=0, classes=3, probabilities=True)


def test_classes_matrices_and_samples_are_counted(opened: OpenedModel) -> None:
    found = tallied(opened, info_of(class_names=NAMES), PROBABILITIES, BEFORE, AFTER)
    # 11 cat called dog, 12 dog called eel, 14 eel called cat; 15, a dog called cat, is a dog again
    assert (found.changed, found.broken, found.mended, found.done) == (4, 3, 1, 6)
    assert found.before.numpy().tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 2]]
    assert found.after.numpy().tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert found.names == NAMES and found.left_out == 0
    cat, dog, eel = found.classes
    assert (cat.count, cat.before, cat.after, cat.lost) == (2, 100.0, 50.0, 50.0)
    assert (dog.before, dog.after, dog.lost) == (50.0, 50.0, 0.0)
    assert eel.lost == 50.0
    # Wilson's interval for 1 of 2: (0.5 ± 1.96·sqrt(0.25/2 + 1.96²/16)/ (1+1.96²/2))
    assert (cat.after_low, cat.after_high) == (
        pytest.approx(9.453, abs=0.001),
        pytest.approx(90.547, abs=0.001),
    )
    assert cat.lost_low < 50.0 < cat.lost_high
    # half of what the probabilities moved: 12 moved by (0 + 0.6 + 0.6) / 2
    assert [(one.index, round(one.change, 3)) for one in found.samples] == [
        (12, 0.6), (14, 0.6), (11, 0.3), (15, 0.1)
    ]  # fmt: skip
    first = found.samples[0]
    assert (first.label, first.before, first.after, first.kind) == ("dog", "dog", "eel", "broken")
    assert (first.before_share, first.after_share) == (pytest.approx(0.8), pytest.approx(0.7))
    assert found.samples[-1].kind == "mended"
    assert len(first.row) == 12 and not first.picture_png


def test_without_labels_the_original_is_right(opened: OpenedModel) -> None:
    found = tallied(opened, info_of("unlabelled"), PROBABILITIES, BEFORE, AFTER, None)
    assert not found.labelled and (found.changed, found.mended) == (4, 0)
    # the original called three cats; one of them still is
    assert found.before.numpy().tolist() == [[3, 0, 0], [0, 1, 0], [0, 0, 2]]
    assert str(found.classes[0].name) == "class 0" and found.classes[0].after == pytest.approx(100 / 3)
    assert {one.kind for one in found.samples} == {"other"} and not found.samples[0].label


def test_numbers_that_moved_most(opened: OpenedModel) -> None:
    before = np.arange(6.0)[:, None]
    after = before + np.array([[0.0], [0.5], [0.0], [-1.0], [0.0], [0.001]])
    subject = Subject(task="regression", output=0)
    labels = np.array([0.0, 2.0, 2.0, 3.0, 4.0, 5.0], np.float32)
    found = tallied(opened, info_of("regression"), subject, before, after, labels)
    spread = np.std(np.arange(6.0))
    assert found.changed == 2, "a thousandth is no change"
    assert [one.index for one in found.samples] == [13, 11, 15]
    assert found.samples[0].change == pytest.approx(1.0 / spread)
    assert [one.kind for one in found.samples[:2]] == ["broken", "mended"]
    assert (found.samples[0].before, found.samples[0].after) == ("3", "2")
    assert found.quantiles[2] == pytest.approx(1.0 / spread) and not found.classes


def test_texts_are_shown_with_the_token_that_changed(opened: OpenedModel) -> None:
    before = np.zeros((2, 3, 4), np.float32)
    before[:, :, 1] = 2.0
    after = before.copy()
    after[1, 2] = [0, 0, 0, 5]
    dense = find_dense(before, np.zeros((2, 3), np.int64), last=True)
    subject = Subject(task="language", output=0, dense=dense)
    found = tallied(opened, info_of("language"), subject, before, after, np.zeros((2, 3), np.int64))
    (sample,) = found.samples
    assert sample.index == 11 and not sample.before and not found.classes
    (one,), (two,) = sample.before_parts, sample.after_parts
    assert (str(one.name), str(two.name)) == ("token 1", "token 3")
    assert one.share == pytest.approx(np.exp(2) / (np.exp(2) + 3))
    assert two.share == pytest.approx(np.exp(5) / (np.exp(5) + 3))


def test_answers_that_are_no_numbers_are_counted_as_wrong(opened: OpenedModel) -> None:
    broken = AFTER.copy()
    broken[3] = np.nan
    found = tallied(opened, info_of(class_names=NAMES), PROBABILITIES, BEFORE, broken)
    assert found.broken == 4 and found.after.numpy()[2].tolist() == [1, 0, 0]
    assert next(one for one in found.samples if one.index == 13).after == "–"


def test_only_the_most_changed_samples_are_kept_whatever_the_order(opened: OpenedModel) -> None:
    count = 200
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1.0, count)
    before = np.stack([sure, 1 - sure], axis=1)
    subject = Subject(task="classification", output=0, classes=2, probabilities=True)
    info = info_of(class_names=("a", "b"))
    found = tallied(opened, info, subject, before, before[:, ::-1], np.zeros(count, np.int64))
    # all answers turned round: by how much is 2·sure − 1
    wanted = np.sort(2 * sure - 1)[::-1][:MOST_SAMPLES]
    np.testing.assert_allclose([one.change for one in found.samples], wanted)
    assert found.changed == found.broken == count


def test_of_many_classes_those_are_shown_that_changed(opened: OpenedModel) -> None:
    classes, count = 100, 6
    before, after = np.eye(classes)[[3, 3, 50, 60, 70, 80]], np.eye(classes)[[3, 99, 50, 60, 70, 80]]
    subject = Subject(task="classification", output=0, classes=classes, probabilities=True)
    labels = np.array([3, 3, 50, 60, 70, 80])
    found = tallied(opened, info_of(), subject, before, after, labels)
    assert len(found.names) == MOST_CLASSES and found.left_out == classes - MOST_CLASSES
    names = [str(name) for name in found.names]
    assert {"class 3", "class 99"} <= set(names) and len(found.classes) == 5
    place = [names.index(name) for name in ("class 3", "class 99")]
    assert found.after.numpy()[place[0], place[1]] == 1 and count == found.done


def test_a_real_file_agrees_with_what_the_judge_says(opened: OpenedModel, tmp_path: Path) -> None:
    feeds = {opened.info.inputs[0].name: networks.pictures(90)}
    data = Data(feeds, np.arange(90) % 4, "classification", ("a", "b", "c", "d"))
    judge = Judge(opened.source, data, Context())
    plan = Plan(defaults=LayerPlan(weight_bits=2))
    result = compress(opened, data, judge, plan, tmp_path / "work", None, Context())
    told: list[object] = []
    found = compare(judge, Path(result.artefact), result.sha256, Context(on_partial=told.append))
    before, after = result.before.primary, result.after.primary
    assert np.trace(found.before.numpy()) / 90 * 100 == pytest.approx(before.value)
    assert np.trace(found.after.numpy()) / 90 * 100 == pytest.approx(after.value)
    assert sum(one.count for one in found.classes) == found.done == 90
    assert found.broken - found.mended == round((before.value - after.value) * 0.9)
    agreement = next(one for one in result.after.measurements if one.metric == "agreement")
    assert found.changed == round(90 - 0.9 * agreement.value)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Comparison) == found
    assert all(isinstance(value, Comparison) for value in told)
    Path(result.artefact).unlink()
    with pytest.raises(ExportError, match="no longer there"):
        compare(judge, Path(result.artefact), result.sha256, Context())


def test_the_job_keeps_it_and_tries_a_picture(opened: OpenedModel, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    rng = np.random.default_rng(2)
    for name in ("ant", "bee", "cow", "dog"):
        (folder / name).mkdir(parents=True)
        for index in range(4):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name / f"{index}.png")
    preprocess = Preprocess(mean=(127.0,), std=(127.0,), layout="NCHW", color="RGB")
    spec = DataSpec(path=str(folder), preprocess=preprocess, calibration_count=4)
    workspace = Workspace(tmp_path / "cache", tmp_path / "data")
    model = str(opened.source)
    plan = Plan(defaults=LayerPlan(weight_bits=2))
    result = jobs.perform(m.Compress(model=model, data=spec, plan=plan), workspace, Context())
    asked = m.Compare(model=model, data=spec, artefact=result.artefact, sha256=result.sha256)
    found = jobs.perform(asked, workspace, Context())
    assert found.total == 12 and all(one.picture_png for one in found.samples)
    judged = workspace._judge
    Path(result.artefact).rename(tmp_path / "moved.onnx")
    assert jobs.perform(asked, workspace, Context()) == found, "kept, so the file need not be there"
    assert workspace._judge is judged

    own = tmp_path / "mine.png"
    picture = Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8))
    picture.save(own)
    ask = m.TrySample(
        model=model, data=spec, artefact=str(tmp_path / "moved.onnx"), sample=OwnSample(path=str(own))
    )
    tried = jobs.perform(ask, workspace, Context())
    assert isinstance(tried, Tried) and tried.name == "mine.png" and tried.picture_png
    # the middle 20 × 20 of it, made 8 × 8
    middle = picture.crop((5, 0, 25, 20)).resize((8, 8), Image.Resampling.BILINEAR)
    values = ((np.asarray(middle, np.float32) - 127) / 127).transpose(2, 0, 1)[None]
    logits = Runner(opened.source).run({opened.info.inputs[0].name: values})[0][0]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert tried.before[0].name == ("ant", "bee", "cow", "dog")[int(logits.argmax())]
    assert tried.before[0].share == pytest.approx(float(shares.max()), abs=1e-3)
    (tmp_path / "no.png").write_text("<html>")
    with pytest.raises(DataError, match="cannot be tried"):
        jobs.perform(
            msgspec.structs.replace(ask, sample=OwnSample(path=str(tmp_path / "no.png"))),
            workspace,
            Context(),
        )


def test_a_row_of_ones_own_is_answered_by_both(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    table = tmp_path / "t.csv"
    rows = [f"{a:.2f},{b:.2f},{'ab'[int(a > b)]}" for a, b in rng.standard_normal((20, 2))]
    table.write_text("\n".join(["one,two,label", *rows]))
    weight = np.array([[2.0, -1.0], [-1.0, 3.0]])
    first = networks.written(networks.dense(weight), tmp_path, "first.onnx")
    other = networks.written(networks.dense(weight / 2), tmp_path, "other.onnx")
    ask = m.TrySample(
        model=str(first),
        data=DataSpec(path=str(table)),
        artefact=str(other),
        sample=OwnSample(cells=("1", "0.5")),
    )
    tried = jobs.perform(ask, Workspace(tmp_path / "cache", tmp_path / "data"), Context())
    assert (tried.name, tried.fields, tried.cells) == ("", ("one", "two"), ("1", "0.5"))
    # logits 1.5 and 0.5: e over 1 + e for the first; half of both for the other network
    assert [one.name for one in tried.before] == ["a", "b"]
    assert tried.before[0].share == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-6)
    assert tried.after[0].share == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-6)


def test_a_plan_that_was_not_run_is_made_and_compared(opened: OpenedModel, tmp_path: Path) -> None:
    arrays = tmp_path / "t.npz"
    np.savez(arrays, x=networks.pictures(40), y=np.arange(40) % 4)
    spec = DataSpec(path=str(arrays), calibration_count=8, preprocess=Preprocess(layout="NCHW", color="RGB"))
    workspace = Workspace(tmp_path / "cache", tmp_path / "data")
    plan = Plan(defaults=LayerPlan(weight_bits=2, activation_bits=32))
    told: list[object] = []
    ask = m.ComparePlan(model=str(opened.source), data=spec, plan=plan, samples=32)
    found = jobs.perform(ask, workspace, Context(on_partial=told.append))
    (measured,) = [one for one in told if isinstance(one, PlanMeasured)]
    assert measured.plan == plan and not measured.outcome.estimate
    # counted anew from the very file that was measured
    judge = workspace.judge(str(opened.source), spec, Context())
    path = workspace.meter(opened, judge, workspace.project(None, opened.info.sha256)).path
    feeds = {opened.info.inputs[0].name: np.concatenate(
        [batch.feeds[opened.info.inputs[0].name] for batch in judge.data.batches("judge", 40)]
    )}  # fmt: skip
    before, after = (Runner(one).run(feeds)[0].argmax(axis=1) for one in (opened.source, path))
    assert (found.done, found.total) == (32, 32)
    assert found.changed == int((before != after).sum()) > 0
    told.clear()
    path.unlink()
    assert jobs.perform(ask, workspace, Context(on_partial=told.append)) == found, "kept under the plan"
    own = tmp_path / "own.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(own)
    tried = m.TrySample(
        model=str(opened.source), data=spec, artefact="", plan=plan, sample=OwnSample(path=str(own))
    )
    answers = jobs.perform(tried, workspace, Context())
    logits = [
        Runner(one).run({opened.info.inputs[0].name: np.zeros((1, 3, 8, 8), np.float32)})[0][0]
        for one in (opened.source, path)
    ]
    assert [str(one.name) for one in (answers.before[0], answers.after[0])] == [
        f"class {int(one.argmax())}" for one in logits
    ]
