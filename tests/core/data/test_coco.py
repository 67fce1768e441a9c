"""COCO annotations: pictures by name, categories as labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_makers import AS_IT_IS, all_feeds, all_labels, opened, save_picture, sentences

from core.data import DataSet
from core.errors import DataError


def document(shown: list[list[int]]) -> dict[str, list[dict[str, object]]]:
    """Pictures 0.png … with these categories; the numbers of the categories have gaps, as in COCO."""
    numbers = {0: 1, 1: 18, 2: 90}
    return {
        "images": [{"id": 100 + i, "file_name": f"{i}.png"} for i in range(len(shown))],
        "annotations": [
            {"id": j, "image_id": 100 + i, "category_id": numbers[c], "bbox": [0, 0, 2, 2]}
            for i, own in enumerate(shown)
            for j, c in enumerate(own)
        ],
        "categories": [
            {"id": numbers[c], "name": name} for c, name in ((2, "brush"), (0, "person"), (1, "dog"))
        ],
    }


def written(root: Path, shown: list[list[int]]) -> Path:
    for place in range(len(shown)):
        save_picture(root / "val2017" / f"{place}.png", (place, 0, 0))
    (root / "annotations").mkdir()
    path = root / "annotations" / "instances.json"
    path.write_text(json.dumps(document(shown)), encoding="utf-8")
    return path


SHOWN = [[0, 1], [2], [], [1, 1, 2], [0]]


def test_categories_are_several_labels_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    data = opened(written(tmp_path, SHOWN), classes=3, preprocess=AS_IT_IS, calibration_count=1)
    assert (data.info.kind, data.info.task) == ("coco", "multilabel")
    assert data.info.class_names == ("person", "dog", "brush")
    red = all_feeds(data)[:, 0, 0, 0].astype(int)
    assert np.array(all_labels(data)).tolist() == [[int(c in SHOWN[i]) for c in range(3)] for i in red]
    assert "in 'val2017', 3 categories" in sentences(data.info)


def test_one_category_each_is_a_class(tmp_path: Path) -> None:
    shown = [[0], [1], [2], [1, 1], [0]]
    data = opened(written(tmp_path, shown), classes=3, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.task == "classification"
    red = all_feeds(data)[:, 0, 0, 0].astype(int)
    assert all_labels(data) == [shown[i][0] for i in red]


def test_a_model_of_other_outputs_is_compared_with_the_original(tmp_path: Path) -> None:
    data = opened(written(tmp_path, SHOWN), classes=7, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.task == "unlabelled"
    assert "no score for each of the 3 categories" in sentences(data.info)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[:-20], "damaged or incomplete"),
        (lambda text: "{}", "no COCO file"),
        (lambda text: text.replace('"image_id": 101', '"image_id": "x"'), "Entry 3 of 'annotations'"),
        (lambda text: text.replace(".png", ".bmp"), "None of the pictures"),
        (lambda text: text.replace('"file_name": "', '"file_name": "../val2017/'), "None of the pictures"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change, says: str) -> None:
    path = written(tmp_path, SHOWN)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        opened(path, classes=3, preprocess=AS_IT_IS)
    assert says in str(caught.value.what)


def detected(path: Path) -> tuple[DataSet, dict[int, list[list[float]]]]:
    """The data as a detector's, and by the number of the picture its boxes as class, x0, y0, x1, y1."""
    data = opened(path, classes=3, preprocess=AS_IT_IS, calibration_count=1, task="detection")
    found = {}
    for batch in data.batches("judge", 100):
        for picture, boxes in zip(batch.feeds["image"], batch.labels, strict=True):
            found[int(picture[0, 0, 0])] = boxes.tolist()
    return data, found


def changed(path: Path, change: Callable[[dict], None]) -> Path:
    read = json.loads(path.read_text(encoding="utf-8"))
    for one in read["images"]:
        one |= {"width": 4, "height": 4}
    change(read)
    path.write_text(json.dumps(read), encoding="utf-8")
    return path


def test_a_crowd_shows_its_category_but_is_no_box_to_find(tmp_path: Path) -> None:
    """Its segmentation is run-length encoded, and its box is about many at once: class 0 of a crowd is -2."""
    path = written(tmp_path, SHOWN)

    def crowd(read: dict) -> None:
        read["annotations"][0] |= {"iscrowd": 1, "segmentation": {"counts": [3, 13], "size": [4, 4]}}

    _, found = detected(changed(path, crowd))
    left = {place: [[c, 0, 0, 2, 2] for c in own] for place, own in enumerate(SHOWN)}
    left[0] = [*left[0][1:], [-2, 0, 0, 2, 2]]
    assert found == {place: left[place] for place in found} and len(found) == 4
    labelled = opened(path, classes=3, preprocess=AS_IT_IS, calibration_count=1)
    red = all_feeds(labelled)[:, 0, 0, 0].astype(int)
    assert np.array(all_labels(labelled)).tolist() == [[int(c in SHOWN[i]) for c in range(3)] for i in red]


def test_pictures_without_annotations_are_judged_as_showing_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, [[0], [], [1], []])
    _, found = detected(changed(path, lambda read: None))
    assert all(found[place] == [] for place in found if place in (1, 3))
    assert len(found) == 3


@pytest.mark.parametrize(
    "change",
    [lambda read: read.update(annotations=[]), lambda read: read.pop("annotations")],
    ids=["empty", "none"],
)
def test_without_any_annotation_there_is_nothing_to_be_right_about(tmp_path: Path, change) -> None:
    path = changed(written(tmp_path, SHOWN), change)
    data = opened(path, classes=3, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.sample_count == len(SHOWN)
    assert data.info.task == "unlabelled"
    assert "No annotation says" in sentences(data.info)


def test_boxes_that_are_empty_or_no_numbers_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, [[0, 1, 2, 0], [1]])

    def spoil(read: dict) -> None:
        for one, box in zip(
            read["annotations"], ([], [0, 0, 0, 3], [0, 0, float("nan"), 2], [1, 1, 2, 3]), strict=False
        ):
            one["bbox"] = box

    data = opened(changed(path, spoil), classes=3, preprocess=AS_IT_IS, calibration_count=0, task="detection")
    rows = [boxes.tolist() for batch in data.batches("judge", 9) for boxes in batch.labels]
    assert sorted(map(len, rows)) == [1, 1]
    assert [0, 1, 1, 3, 4] in [row[0] for row in rows]
