"""Pictures with masks: matched by name, prepared alike, pixels that do not count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_makers import AS_IT_IS, PICTURE, save_picture, sentences
from PIL import Image

from core.context import Context
from core.data import DataSet, open_data
from core.errors import DataError
from core.values import DataSpec, Preprocess, TensorInfo

MAP = TensorInfo(name="y", dtype="float32", shape=("N", 3, 4, 4))


def made(root: Path, masks: list[np.ndarray], mode: str = "L", mask_ending: str = "") -> Path:
    for place, mask in enumerate(masks):
        height, width = mask.shape[:2]
        save_picture(root / "images" / f"{place}.png", (place, 0, 0), (width, height))
        (root / "masks").mkdir(exist_ok=True)
        picture = Image.fromarray(mask.astype(np.uint8))
        if mode == "P":
            picture = picture.convert("L")
            picture.putpalette([v for c in range(256) for v in (255 - c, c, 0)])
        picture.save(root / "masks" / f"{place}{mask_ending}.png")
    return root


def opened(root: Path, preprocess: Preprocess = AS_IT_IS, **spec: object) -> DataSet:
    asked = DataSpec(path=str(root), preprocess=preprocess, calibration_count=1, **spec)
    return open_data(asked, (PICTURE,), (MAP,), Context())


def by_red(data: DataSet) -> dict[int, np.ndarray]:
    """Labels by the red of the picture that they come with."""
    (batch,) = data.batches("judge", 100)
    assert batch.labels is not None
    red = batch.feeds["image"][:, 0, 0, 0].astype(int)
    return dict(zip(red.tolist(), batch.labels, strict=True))


@pytest.mark.parametrize(("mode", "ending"), [("L", ""), ("P", "_mask")])
def test_masks_are_those_of_their_pictures(tmp_path: Path, mode: str, ending: str) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 3, (4, 4)) for _ in range(6)]
    masks[2][0] = 255
    data = opened(made(tmp_path, masks, mode, ending))
    assert (data.info.kind, data.info.task) == ("masks", "segmentation")
    for place, labels in by_red(data).items():
        assert (labels == np.where(masks[place] == 255, -1, masks[place])).all()
    assert "mean IoU" in sentences(data.info)


def test_masks_are_resized_to_the_nearest_and_cropped_as_the_pictures(tmp_path: Path) -> None:
    mask = np.kron(np.arange(9).reshape(3, 3) % 3, np.ones((4, 4), int))  # 12 × 12, blocks of 4
    data = opened(made(tmp_path, [mask] * 3), Preprocess(mean=(0.0,), std=(1.0,), resize=6, crop=4))
    (batch,) = data.batches("judge", 100)
    assert batch.labels is not None
    small = mask[1::2, 1::2]  # the nearest of each 2 × 2: all alike within a block
    assert (batch.labels[0] == small[1:5, 1:5]).all()


def test_black_and_white_masks_have_two_classes(tmp_path: Path) -> None:
    mask = np.zeros((4, 4), int)
    mask[1:3, 1:3] = 255
    data = opened(made(tmp_path, [mask] * 3))
    assert data.info.class_names == ("0", "1")
    assert next(iter(by_red(data).values())).tolist() == (mask // 255).tolist()
    assert "255 is taken as the second class" in sentences(data.info)


def test_pictures_without_a_mask_are_listed_and_colours_refused(tmp_path: Path) -> None:
    made(tmp_path, [np.zeros((4, 4), int)] * 3)
    save_picture(tmp_path / "images" / "alone.png")
    data = opened(tmp_path)
    assert data.info.sample_count == 3
    assert "alone.png: it has no mask of its name" in sentences(data.info)
    save_picture(tmp_path / "masks" / "0.png", (255, 0, 0))
    with pytest.raises(DataError, match="holds colours"):
        opened(tmp_path)
    for mask in (tmp_path / "masks").iterdir():
        mask.rename(mask.with_name("other-" + mask.name))
    with pytest.raises(DataError, match="has a mask"):
        opened(tmp_path)


def test_folders_to_train_and_to_test_are_told_apart(tmp_path: Path) -> None:
    made(tmp_path / "train", [np.zeros((4, 4), int)] * 5)
    made(tmp_path / "val", [np.full((4, 4), 2)] * 3)
    data = opened(tmp_path, judge_count=None)
    assert (data.info.judge_count, data.info.calibration_count) == (3, 1)
    (judged,) = data.batches("judge", 10)
    (calibrated,) = data.batches("calibration", 10)
    assert judged.labels is not None
    assert calibrated.labels is not None
    assert (judged.labels == 2).all()
    assert (calibrated.labels == 0).all()
    assert "judged on 'val'" in sentences(data.info)
