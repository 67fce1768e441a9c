import io
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from data_makers import AS_IT_IS, PICTURE, all_feeds, class_folders, opened, save_picture, scores, sentences
from PIL import Image

from core.context import Context
from core.data import open_data
from core.data.batch_cache import CachedSource
from core.data.picture_source import PictureSource
from core.errors import Cancelled, DataError
from core.values import DataSpec, Preprocess, TensorInfo


def test_class_folders_give_labels_in_alphabetical_order(tmp_path: Path) -> None:
    class_folders(tmp_path, {"zebra": 6, "ant": 6})
    data = opened(tmp_path, preprocess=AS_IT_IS)
    assert data.info.kind == "images"
    assert data.info.task == "classification"
    assert data.info.class_names == ("ant", "zebra")
    for batch in data.batches("judge", 5):
        # zebras were made first: their red is 0 to 5
        red = batch.feeds["image"][:, 0, 0, 0]
        assert batch.labels is not None
        assert ((red < 6) == (batch.labels == 1)).all()


def test_the_last_batch_is_short_and_samples_come_in_the_same_order(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 10, "b": 10})
    data = opened(tmp_path, calibration_count=3)
    batches = list(data.batches("judge", 7))
    assert [len(batch.indices) for batch in batches] == [7, 7, 3]
    assert [batch.feeds["image"].shape[0] for batch in batches] == [7, 7, 3]
    again = np.concatenate([batch.indices for batch in data.batches("judge", 4)])
    assert np.concatenate([batch.indices for batch in batches]).tolist() == again.tolist()
    assert [len(batch.indices) for batch in data.batches("judge", 7, limit=9)] == [7, 2]
    assert (data.info.calibration_count, data.info.judge_count) == (3, 17)


def test_roles_share_no_picture_and_are_stratified(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 40, "b": 20})
    data = opened(tmp_path, calibration_count=12, judge_count=30)
    (calibration,) = data.batches("calibration", 100)
    (judge,) = data.batches("judge", 100)
    assert Counter(calibration.labels.tolist()) == {0: 8, 1: 4}
    assert Counter(judge.labels.tolist()) == {0: 20, 1: 10}
    assert not set(calibration.indices) & set(judge.indices)


def test_seed_and_names_decide_alone(tmp_path: Path) -> None:
    class_folders(tmp_path / "one", {"a": 20, "b": 20})
    for folder in ("b", "a"):  # written in another order
        for source in sorted((tmp_path / "one" / folder).iterdir(), reverse=True):
            target = tmp_path / "two" / folder / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    one = opened(tmp_path / "one", judge_count=10, preprocess=AS_IT_IS)
    two = opened(tmp_path / "two", judge_count=10, preprocess=AS_IT_IS)
    assert one.info.sha256 == two.info.sha256
    assert (all_feeds(one) == all_feeds(two)).all()
    other = opened(tmp_path / "one", judge_count=10, preprocess=AS_IT_IS, seed=1)
    assert not np.array_equal(all_feeds(one), all_feeds(other))


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    for number in range(5):
        save_picture(tmp_path / f"{number}.jpg")
    data = opened(tmp_path)
    assert data.info.task == "unlabelled"
    assert next(data.batches("judge", 2)).labels is None
    assert "agreement" in sentences(data.info)


@pytest.mark.parametrize("other", ["test", "Val"])
def test_train_calibrates_and_test_judges(tmp_path: Path, other: str) -> None:
    class_folders(tmp_path / "train", {"a": 5, "b": 5})
    class_folders(tmp_path / other, {"a": 2, "b": 3})
    data = opened(tmp_path)
    assert (data.info.calibration_count, data.info.judge_count) == (10, 5)
    assert f"judged on '{other}'" in sentences(data.info)


def test_a_separate_calibration_folder(tmp_path: Path) -> None:
    class_folders(tmp_path / "here", {"a": 5, "b": 5})
    class_folders(tmp_path / "there", {"a": 2, "b": 2})
    data = opened(tmp_path / "here", calibration_path=str(tmp_path / "there"))
    assert (data.info.calibration_count, data.info.judge_count) == (4, 10)
    same = opened(tmp_path / "here", calibration_path=str(tmp_path / "here"))
    assert (same.info.calibration_count, same.info.judge_count) == (3, 7)


def test_a_folder_around_the_folder_is_entered(tmp_path: Path) -> None:
    class_folders(tmp_path / "unpacked", {"a": 3, "b": 3})
    assert opened(tmp_path).info.class_names == ("a", "b")


def test_the_preview_shows_what_the_model_sees_of_each_class(tmp_path: Path) -> None:
    for name, color in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        for number in range(4):
            save_picture(tmp_path / name / f"{number}.png", color)
    preprocess = Preprocess(mean=(100, 100, 100), std=(50, 50, 50), color="BGR")
    info = opened(tmp_path, preprocess=preprocess).info
    assert info.preview_labels[:2] == ("blue", "red")
    shown = [Image.open(io.BytesIO(png)).convert("RGB").getpixel((0, 0)) for png in info.preview_png[:2]]
    assert shown == [(0, 0, 255), (255, 0, 0)]
    assert len(info.preview_png) <= 8


def test_the_spec_in_the_info_gives_the_same_data_again(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 9, "b": 9})
    first = opened(tmp_path)
    again = open_data(first.info.spec, (PICTURE,), (scores(2),), Context())
    assert first.info.spec.kind == "images"
    assert first.info.spec.preprocess is not None
    assert (all_feeds(first) == all_feeds(again)).all()
    assert first.info.sha256 == again.info.sha256


def test_data_that_changed_has_another_hash(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 3, "b": 3})
    before = opened(tmp_path).info.sha256
    save_picture(tmp_path / "a" / "new.png")
    assert opened(tmp_path).info.sha256 != before


def test_a_picture_that_went_away_since_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 3, "b": 3})
    data = opened(tmp_path, calibration_count=0)
    (tmp_path / "b" / "001.png").unlink()
    with pytest.raises(DataError, match="changed or went away") as caught:
        list(data.batches("judge", 2))
    assert "b/001.png" in caught.value.one_line()


def test_threads_and_a_single_file_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    for name, number in itertools.product("ab", range(6)):
        (tmp_path / name).mkdir(exist_ok=True)
        noise = generator.integers(0, 256, (120, 90, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / name / f"{number}.png")
    data = opened(tmp_path, preprocess=Preprocess(resize=8, crop=4))  # above 20 kB each: in threads
    one_by_one = np.concatenate([batch.feeds["image"] for batch in data.batches("judge", 1)])
    together = np.concatenate([batch.feeds["image"] for batch in data.batches("judge", 6)])
    assert (one_by_one == together).all()


def test_cancelling_stops_the_reading(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 3, "b": 3})
    context = Context()
    context.cancel()
    with pytest.raises(Cancelled):
        open_data(DataSpec(path=str(tmp_path)), (PICTURE,), (scores(2),), context)


def test_a_model_with_two_inputs_needs_arrays(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 3, "b": 3})
    with pytest.raises(DataError, match="2 inputs") as caught:
        opened(tmp_path, inputs=(PICTURE, TensorInfo(name="size", dtype="int64", shape=(2,))))
    assert "NPZ" in caught.value.one_line()


def test_cifar10_is_read_right(cifar10: Path, shared_models: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    preprocess = Preprocess(mean=(125.307, 122.961, 113.8575), std=(62.985, 62.0925, 66.708))
    info = TensorInfo(name="image", dtype="float32", shape=("N", 3, 32, 32))
    data = opened(cifar10, classes=10, inputs=info, preprocess=preprocess, judge_count=500)
    assert (data.info.calibration_count, data.info.judge_count) == (256, 500)
    assert "'train'" in sentences(data.info)
    session = onnxruntime.InferenceSession(str(shared_models / "resnet20_cifar10.onnx"))
    right = 0
    for batch in data.batches("judge", 100):
        assert np.bincount(batch.labels).tolist() == [10] * 10
        right += int((session.run(None, batch.feeds)[0].argmax(axis=1) == batch.labels).sum())
    assert right >= 410  # 85.7 % on all 5,000; a wrong colour order or class order falls far below


def test_source_keeps_no_pixels(tmp_path: Path) -> None:
    data = opened(class_folders(tmp_path, {"a": 3, "b": 3}))
    cached, _ = data._roles["judge"]
    assert isinstance(cached, CachedSource)
    source = cached._source
    assert isinstance(source, PictureSource)
    assert not any(isinstance(value, np.ndarray) and value.ndim > 1 for value in vars(source).values())
