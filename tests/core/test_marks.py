"""Where in a picture an answer is what, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.evaluate.answers import Subject
from core.evaluate.dense import Dense
from core.evaluate.detector import COLUMNS, MOST, Detector
from core.evaluate.marks import LONGEST_SIDE, marks, picture_size
from core.values import Preprocess, class_name

DENSE = Dense(classes=2, axis=0, columns=2, label_at=np.arange(6))


def test_areas_keep_the_pictures_shape_and_the_likeliest_class_of_each_place() -> None:
    subject = Subject(task="segmentation", output=0, dense=DENSE)
    # 2 rows of 3 places, of a picture of 6 x 4: class 1 ends the first row, nothing is known at the last
    scores = np.array([[[9, 9, 0, 9, 9, np.nan], [0, 0, 9, 0, 0, 0]]], np.float32)
    found = marks(scores, subject, (), (6, 4))
    assert found.areas.numpy().tolist() == [[0, 0, 1], [0, 0, 255]]
    assert found.boxes == ()


def test_large_areas_are_thinned_out() -> None:
    dense = Dense(classes=2, axis=-1, columns=1, label_at=np.arange(200 * 400))
    answer = np.zeros((1, 200, 400), np.int64)
    answer[:, :, 200:] = 1
    shown = marks(answer, Subject(task="segmentation", output=0, dense=dense), (), (400, 200)).areas.numpy()
    assert shown.shape == (LONGEST_SIDE, LONGEST_SIDE)
    assert (shown[:, : LONGEST_SIDE // 2] == 0).all() and (shown[:, LONGEST_SIDE // 2 :] == 1).all()


def test_areas_of_some_places_alone_are_no_map() -> None:
    thinned = replace(DENSE, part=np.arange(6))
    subject = Subject(task="segmentation", output=0, dense=thinned)
    assert marks(np.zeros((1, 2, 6), np.float32), subject, (), (6, 4)) is None


def test_boxes_are_shares_of_the_picture_and_faint_ones_are_left_out() -> None:
    rows = np.full((MOST, COLUMNS), -1, np.float32)
    rows[0], rows[1], rows[2] = (0, 8, 32, 32, 0.75, 1), (-9, 0, 16, 99, 0.875, 0), (2, 2, 4, 4, 0.25, 1)
    answer = np.concatenate([rows.reshape(-1), np.float32([7, 8])])[None]
    subject = Subject(task="detection", output=0, detector=Detector((0, 1), "pairs", 2, (64, 32)))
    found = marks(answer, subject, ("cat",), (64, 32)).boxes
    assert [(one.name, one.number, one.share) for one in found] == [
        ("cat", 0, 0.875),
        (class_name((), 1), 1, 0.75),
    ]
    sides = [(one.left, one.top, one.right, one.bottom) for one in found]
    assert sides == [(0.0, 0.0, 0.25, 1.0), (0.0, 0.25, 0.5, 1.0)]


def test_other_answers_and_other_samples_have_no_places() -> None:
    subject = Subject(task="segmentation", output=0, dense=DENSE)
    assert marks(np.zeros((1, 2, 6)), subject, (), (0, 0)) is None
    assert marks(np.zeros((1, 3)), Subject(task="regression", output=0), (), (6, 4)) is None
    assert picture_size((8, 3, 4, 6), Preprocess(layout="NCHW")) == (6, 4)
    assert picture_size((8, 4, 6, 3), Preprocess(layout="NHWC")) == (6, 4)
    assert picture_size((8, 4), Preprocess(layout="NCHW")) == picture_size((8, 3, 4, 6), None) == (0, 0)
