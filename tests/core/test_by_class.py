"""IoU and average precision by class: held against their definitions, worked out another way."""

from __future__ import annotations

import msgspec
import networks
import numpy as np
import pytest
from test_detection_whole import AS_IT_IS, PICTURES
from test_detection_whole import written as detector_and_data
from test_tasks_whole import answers, segmenter

from core import messages as m
from core.context import Context
from core.data.dataset import Batch
from core.evaluate.answers import Subject
from core.evaluate.by_class import AREA_DRAWS, AreasByClass
from core.evaluate.dense import Dense
from core.evaluate.metrics.box_map import BoxMap, evaluated
from core.evaluate.precision_by_class import BoxMatches
from core.jobs import perform
from core.values import Comparison, DataSpec, LayerPlan, Plan
from core.workspace import Workspace

PLACES = 4
SUBJECT = Subject(
    task="segmentation", output=0, dense=Dense(classes=3, axis=-1, columns=1, label_at=np.arange(PLACES))
)


def areas(labels: list, before: list, after: list):
    counted = AreasByClass(SUBJECT)
    for rows in zip(labels, before, after, strict=True):
        wanted, one, two = (np.array([row]) for row in rows)
        counted.add(Batch({}, wanted, np.arange(1)), one, two)
    return counted.changes(("sky", "road", "car"))


def test_areas_by_hand() -> None:
    sky, road = areas(
        [[0, 0, 1, 1], [0, 0, 0, -1]],
        [[0, 0, 1, 1], [0, 0, 0, 1]],
        [[0, 1, 1, 1], [0, 0, 2, 0]],
    )
    # five places of sky, all found; then three of them, and nothing more. What has no label does not count
    assert (sky.name, sky.count, sky.before, sky.after) == ("sky", 2, 100.0, pytest.approx(60.0))
    assert sky.lost == pytest.approx(40.0)
    # two places of road; then three were called so. 'car' is in no label: there is nothing to find
    assert (road.name, road.count, road.before, road.after) == ("road", 1, 100.0, pytest.approx(200 / 3))
    # the two pictures alone give 1/2 and 2/3 of sky, and 1/2 to 2/3 lie between what any drawing gives
    assert (sky.after_low, sky.after_high) == (pytest.approx(50.0), pytest.approx(200 / 3))
    assert (sky.lost_low, sky.lost_high) == (pytest.approx(100 / 3), pytest.approx(50.0))
    assert (road.after_low, road.after_high) == (0.0, 100.0), "one picture says nothing of others"


def test_areas_of_a_whole_network_and_their_intervals(tmp_path) -> None:
    rng = np.random.default_rng(7)
    model = networks.written(segmenter(), tmp_path)
    x = rng.standard_normal((40, 3, 8, 8)).astype(np.float32)
    given = answers(model, {"x": x}).argmax(1)
    y = np.where(rng.random(given.shape) < 0.1, (given + 1) % 3, given).astype(np.uint8)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    spec = DataSpec(path=str(tmp_path / "data.npz"), calibration_count=8, judge_count=32, task="segmentation")
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    plan = Plan(defaults=LayerPlan(weight_bits=2))
    result = perform(m.Compress(model=str(model), data=spec, plan=plan), workspace, Context())
    ask = m.Compare(model=str(model), data=spec, artefact=result.artefact, sha256=result.sha256)
    found = perform(ask, workspace, Context())
    assert isinstance(found, Comparison)
    assert found.classes_by == "iou" and found.labelled and found.before is None and found.quantiles
    rows = np.array([sample.index for sample in found.samples])
    judged = np.concatenate([one.indices for one in workspace.judge(str(model), spec, Context())._kept])
    assert set(rows) <= set(judged) and len(judged) == 32
    now = answers(result.artefact, {"x": x}).argmax(1)
    # the same pictures drawn in another way: one by one, with another generator
    draws = np.random.RandomState(5).randint(0, 32, (AREA_DRAWS, 32))

    def iou(answer: np.ndarray, pictures: np.ndarray, number: int) -> float:
        a, b = answer[pictures] == number, y[pictures] == number
        return 100 * (a & b).sum() / (a | b).sum()

    for number, one in enumerate(found.classes):
        assert one.before == pytest.approx(iou(given, judged, number))
        assert one.after == pytest.approx(iou(now, judged, number))
        assert one.count == int((y[judged] == number).any(axis=(1, 2)).sum())
        before, after = (
            np.array([iou(answer, judged[draw], number) for draw in draws]) for answer in (given, now)
        )
        for low, high, drawn in (
            (one.before_low, one.before_high, before),
            (one.after_low, one.after_high, after),
            (one.lost_low, one.lost_high, before - after),
        ):
            wanted = np.quantile(drawn, [0.025, 0.975])
            assert [low, high] == pytest.approx(wanted.tolist(), abs=0.15 * (wanted[1] - wanted[0]))
    assert np.mean([one.after for one in found.classes]) == pytest.approx(result.after.primary.value)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Comparison) == found


def test_precision_of_boxes_is_that_of_pycocotools_for_any_pictures() -> None:
    values = boxes(30)
    matches = BoxMatches(values, 4)
    drawn = np.random.default_rng(3).integers(0, 30, (4, 30))
    drawn[0] = np.arange(30)
    counts = np.stack([np.bincount(draw, minlength=30) for draw in drawn]).astype(float)
    for own, draw in zip(matches.precision(counts), drawn, strict=True):
        whole = evaluated(values[draw])
        whole.accumulate()
        precision = whole.eval["precision"][:, :, :, 0, 0]
        wanted = {number: 100 * precision[:, :, k].mean() for k, number in enumerate(whole.params.catIds)}
        assert own[:3].tolist() == pytest.approx([wanted[number] for number in range(3)], abs=1e-9)
        assert np.isnan(own[3]), "no picture holds one"


def boxes(count: int) -> np.ndarray:
    """Boxes found and right ones of three classes, some moved, missed or made up; now and then a crowd."""
    rng = np.random.default_rng(0)
    found, labels = np.full((count, 100, 6), -1.0), np.empty(count, object)
    for row in range(count):
        corner, size = rng.uniform(0, 50, (6, 2)), rng.uniform(8, 30, (6, 2))
        kind = rng.integers(0, 3, 6)
        own = np.column_stack([kind, corner, corner + size])
        own[5, 0] = own[5, 0] if row % 5 else -2 - own[5, 0]
        labels[row] = own[:5] if row % 2 else own
        for place in range(9):
            near = own[place % 6, 1:] + rng.normal(0, 2.5, 4)
            told = kind[place % 6] if rng.random() < 0.8 else rng.integers(0, 3)
            found[row, place] = [*near, rng.random(), told]
    return BoxMap().per_sample(
        found.reshape(count, -1), type("R", (), {"labels": labels}), Subject(task="detection", output=0)
    )


def test_a_detector_by_class(tmp_path) -> None:
    model, data = detector_and_data(tmp_path)
    spec = DataSpec(path=str(data), preprocess=AS_IT_IS, calibration_count=8, judge_count=None)
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    plan = Plan(defaults=LayerPlan(weight_bits=2))
    result = perform(m.Compress(model=str(model), data=spec, plan=plan), workspace, Context())
    ask = m.Compare(model=str(model), data=spec, artefact=result.artefact, sha256=result.sha256)
    found = perform(ask, workspace, Context())
    assert [one.name for one in found.classes] == ["a", "b", "c"] and found.classes_by == "ap"
    for which, primary in (("before", result.before.primary), ("after", result.after.primary)):
        assert np.mean([getattr(one, which) for one in found.classes]) == pytest.approx(primary.value)
    for one in found.classes:
        assert one.before_low <= one.before <= one.before_high
        assert one.lost_low < one.lost < one.lost_high and 1 < one.count <= PICTURES - 8
