from pathlib import Path

import numpy as np
import pytest
from data_makers import AS_IT_IS, PICTURE, ROW, all_feeds, all_labels, opened, scores, sentences

from core.context import Context
from core.data import open_data
from core.data.array_reader import read_rows, read_whole
from core.data.npy_header import read_entries
from core.errors import DataError
from core.values import DataSpec, Preprocess, TensorInfo

ROWS = np.arange(40, dtype=np.float64).reshape(20, 2)


@pytest.mark.parametrize("packed", [False, True])
def test_x_and_y(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "d.npz"
    (np.savez_compressed if packed else np.savez)(path, x=ROWS, y=np.arange(20) % 2)
    data = opened(path, inputs=ROW, calibration_count=4)
    assert (data.info.kind, data.info.task) == ("arrays", "classification")
    assert (data.info.calibration_count, data.info.judge_count) == (4, 16)
    for batch in data.batches("judge", 3):
        values = batch.feeds["x"]
        assert values.dtype == np.float32
        assert values.tolist() == ROWS[batch.indices].tolist()
        assert batch.labels is not None
        assert batch.labels.tolist() == (batch.indices % 2).tolist()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">f4", "<i2", "|u1", "?"])
def test_rows_are_those_that_numpy_reads(tmp_path: Path, packed: bool, order: str, dtype: str) -> None:
    values = np.asarray(np.arange(7 * 5 * 3).reshape(7, 5, 3).astype(dtype), order=order)
    path = tmp_path / "d.npz"
    (np.savez_compressed if packed else np.savez)(path, first=np.zeros(3), x=values)
    entry = read_entries(path, b"PK\x03\x04")[1]
    chosen = np.array([1, 2, 6])
    assert read_rows(entry, chosen).tolist() == values[chosen].tolist()
    assert read_whole(entry).tolist() == values.tolist()
    assert read_rows(entry, chosen).dtype.isnative


def test_npy_has_no_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", ROWS)
    data = opened(tmp_path / "d.npy", inputs=ROW)
    assert data.info.task == "unlabelled"
    assert next(data.batches("judge", 5)).labels is None
    assert data.info.guessed


def test_train_and_test_arrays(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x_train=ROWS, y_train=np.arange(20) % 2, x_test=ROWS[:6] + 100, y_test=np.arange(6) % 2)
    data = opened(path, inputs=ROW)
    assert (data.info.calibration_count, data.info.judge_count) == (20, 6)
    assert all_feeds(data).tolist() == (ROWS[:6] + 100).tolist()
    assert "_train" in sentences(data.info)


def test_calibration_from_a_file_of_its_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "judge.npz", x=ROWS, y=np.arange(20) % 2)
    np.save(tmp_path / "calibrate.npy", ROWS[:5] - 100)
    data = opened(tmp_path / "judge.npz", inputs=ROW, calibration_path=str(tmp_path / "calibrate.npy"))
    assert (data.info.calibration_count, data.info.judge_count) == (5, 20)
    assert all_feeds(data, "calibration").tolist() == (ROWS[:5] - 100).tolist()
    assert next(data.batches("calibration", 9)).labels is None
    assert data.info.task == "classification"


def test_bytes_are_scaled_and_laid_out_like_pictures(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", images=pixels, labels=np.arange(9) % 2)
    preprocess = Preprocess(mean=(10, 20, 30), std=(2, 4, 5))
    data = opened(tmp_path / "d.npz", preprocess=preprocess, calibration_count=0)
    expected = ((pixels - np.array([10, 20, 30])) / np.array([2, 4, 5])).transpose(0, 3, 1, 2)
    assert np.allclose(all_feeds(data), expected, atol=1e-6)
    assert len(data.info.preview_png) == 8
    guessed = opened(tmp_path / "d.npz")
    assert guessed.info.spec.preprocess is not None
    assert guessed.info.spec.preprocess.mean[0] == 123.675
    assert "guess" in sentences(guessed.info)


def test_bytes_are_resized_by_the_preprocessing(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.full((6, 8, 8, 3), 9, np.uint8))
    data = opened(tmp_path / "d.npy", preprocess=Preprocess(resize=4))
    assert all_feeds(data).tolist() == np.full((4, 3, 4, 4), 9.0).tolist()


def test_floats_are_taken_as_they_are(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((9, 3, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=values)
    data = opened(tmp_path / "d.npz", inputs=PICTURE, calibration_count=0)
    assert (all_feeds(data) == values).all()
    flipped = values.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "d.npz", x=flipped)
    assert (all_feeds(opened(tmp_path / "d.npz", calibration_count=0)) == values).all()


def test_grey_pictures_get_their_channel(tmp_path: Path) -> None:
    values = np.arange(9 * 16, dtype=np.float32).reshape(9, 4, 4)
    info = TensorInfo(name="x", dtype="float32", shape=("N", 1, 4, 4))
    np.savez(tmp_path / "d.npz", x=values)
    data = opened(tmp_path / "d.npz", inputs=info, calibration_count=0)
    assert all_feeds(data).tolist() == values[:, None].tolist()
    np.savez(tmp_path / "d.npz", x=values.reshape(9, 16))  # flattened, as many tables of digits are
    flat = opened(tmp_path / "d.npz", inputs=info, calibration_count=0)
    assert all_feeds(flat).tolist() == values[:, None].tolist()
    assert "taken as 1 × 4 × 4" in sentences(flat.info)


def test_mean_and_std_of_values(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", ROWS)
    preprocess = Preprocess(mean=(1.0, 2.0), std=(2.0,))
    data = opened(tmp_path / "d.npy", inputs=ROW, preprocess=preprocess, calibration_count=0)
    assert all_feeds(data).tolist() == ((ROWS - [1, 2]) / 2).tolist()
    for wrong, says in ((Preprocess(mean=(1, 2, 3)), "3 numbers"), (Preprocess(resize=3), "no pictures")):
        with pytest.raises(DataError, match=says):
            opened(tmp_path / "d.npy", inputs=ROW, preprocess=wrong)


def test_several_inputs_by_name(tmp_path: Path) -> None:
    inputs = (
        TensorInfo(name="input", dtype="float32", shape=("batch", "sequence")),
        TensorInfo(name="sr", dtype="int64", shape=()),
        TensorInfo(name="state", dtype="float32", shape=(2, "batch", 3)),
    )
    state = np.arange(2 * 9 * 3, dtype=np.float32).reshape(2, 9, 3)
    np.savez(tmp_path / "d.npz", input=np.zeros((9, 5)), sr=np.int32(16000), state=state)
    data = opened(tmp_path / "d.npz", inputs=inputs)
    batch = next(data.batches("judge", 4))
    assert batch.feeds["input"].shape == (4, 5)
    assert batch.feeds["sr"].shape == ()
    assert batch.feeds["sr"].dtype == np.int64
    assert batch.feeds["sr"] == 16000
    assert batch.feeds["state"].tolist() == state[:, batch.indices].tolist()


def test_what_is_missing_or_unequal_is_named(tmp_path: Path) -> None:
    two = (ROW, TensorInfo(name="mask", dtype="float32", shape=("N", 4)))
    np.savez(tmp_path / "d.npz", x=ROWS)
    with pytest.raises(DataError, match="no array for the model's input 'mask'"):
        opened(tmp_path / "d.npz", inputs=two)
    np.savez(tmp_path / "d.npz", x=ROWS, mask=np.ones((3, 4)))
    with pytest.raises(DataError, match="'mask' holds 3 samples, 'x' 20"):
        opened(tmp_path / "d.npz", inputs=two)
    np.savez(tmp_path / "d.npz", x=ROWS, y=np.arange(3))
    with pytest.raises(DataError, match="'y' holds 3 labels for 20 samples"):
        opened(tmp_path / "d.npz", inputs=ROW)
    np.savez(tmp_path / "d.npz", p=ROWS, q=ROWS)
    with pytest.raises(DataError, match="not clear which array"):
        opened(tmp_path / "d.npz", inputs=ROW)
    with pytest.raises(DataError, match="no array 'z' for labels"):
        opened(tmp_path / "d.npz", inputs=ROW, label_column="z")


def test_labels_of_text_and_one_hot(tmp_path: Path) -> None:
    names = np.array(["dog", "cat"] * 10)
    np.savez(tmp_path / "d.npz", x=ROWS, y=names)
    data = opened(tmp_path / "d.npz", inputs=ROW, calibration_count=0)
    assert data.info.class_names == ("cat", "dog")
    assert all_labels(data) == [1, 0] * 10
    np.savez(tmp_path / "d.npz", x=ROWS, y=np.eye(2)[np.arange(20) % 2])
    assert all_labels(opened(tmp_path / "d.npz", inputs=ROW, calibration_count=0)) == [0, 1] * 10


def test_numbers_to_predict(tmp_path: Path) -> None:
    targets = np.linspace(0, 1, 20)
    np.savez(tmp_path / "d.npz", x=ROWS, y=targets)
    data = opened(tmp_path / "d.npz", classes=1, inputs=ROW, calibration_count=0)
    assert data.info.task == "regression"
    assert np.allclose(all_labels(data), targets)
    assert next(data.batches("judge", 2)).labels.dtype == np.float32


def test_the_file_changing_meanwhile_is_said(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    np.save(path, ROWS)
    data = opened(path, inputs=ROW, calibration_count=0)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(DataError, match=r"'d' in 'd\.npy' cannot be read"):
        list(data.batches("judge", 20))


def test_hash_follows_the_content(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ROWS)
    np.save(tmp_path / "b.npy", ROWS + 1)
    np.save(tmp_path / "c.npy", ROWS)
    hashes = [opened(tmp_path / f"{name}.npy", inputs=ROW).info.sha256 for name in "abc"]
    assert hashes[0] == hashes[2] != hashes[1]


def test_the_spec_in_the_info_gives_the_same_data_again(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", x=pixels, y=np.arange(9) % 2)
    first = opened(tmp_path / "d.npz")
    again = open_data(first.info.spec, (PICTURE,), (scores(2),), Context())
    assert (all_feeds(first) == all_feeds(again)).all()
    floats = pixels.astype(np.float32)
    np.savez(tmp_path / "f.npz", x=floats)
    first = opened(tmp_path / "f.npz")
    again = open_data(first.info.spec, (PICTURE,), (scores(2),), Context())
    assert (all_feeds(first) == all_feeds(again)).all()


def test_a_spec_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="damaged or incomplete"):
        open_data(DataSpec(path=str(tmp_path / "d.csv"), kind="arrays"), (ROW,), (), Context())
    assert AS_IT_IS.mean == (0.0,)
