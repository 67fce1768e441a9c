"""A sample of one's own becomes what the model takes: the same numbers, by hand, as a sample of the data."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from core.context import Context
from core.data import DataSet, open_data
from core.data.own_feeds import own_feeds
from core.errors import DataError
from core.values import DataSpec, OwnForm, OwnSample, Preprocess, TensorInfo

ROWS = TensorInfo(name="x", dtype="float32", shape=("N", 2))
SOUND = TensorInfo(name="x", dtype="float32", shape=("N", 4))
IDS = TensorInfo(name="input_ids", dtype="int64", shape=("N", 5))
MASK = TensorInfo(name="attention_mask", dtype="int64", shape=("N", 5))
TYPES = TensorInfo(name="token_type_ids", dtype="int64", shape=("N", 5))
SCORES = TensorInfo(name="y", dtype="float32", shape=("N", 2))


def opened(path: Path, *inputs: TensorInfo, **spec: object) -> DataSet:
    return open_data(DataSpec(path=str(path), calibration_count=1, **spec), inputs, (SCORES,), Context())


def table(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_prepared_as_the_tables_rows_are(tmp_path: Path) -> None:
    path = table(tmp_path, "width,label,height\n1,a,0.5\n3,b,1.5\n2,a,2.5\n")
    data = opened(path, ROWS, label_column="label", preprocess=Preprocess(mean=(1.0, 0.5), std=(2.0, 0.5)))
    form = data.info.own
    assert form is not None and form.kind == "row"
    assert form.columns == ("width", "label", "height") and form.places == (0, 2)
    width, height = form.fields
    assert (width.name, width.whole, width.low, width.high, width.example) == ("width", True, 1.0, 3.0, "1")
    assert (height.name, height.whole, height.low, height.high, height.example) == (
        "height", False, 0.5, 2.5, "0.5",
    )  # fmt: skip
    feeds = own_feeds(OwnSample(cells=("5", " 1.5")), data, (ROWS,))
    assert feeds["x"].tolist() == [[2.0, 2.0]], "(5 − 1) / 2 and (1.5 − 0.5) / 0.5"


def test_a_decimal_comma_is_read_as_in_the_table(tmp_path: Path) -> None:
    path = table(tmp_path, "width;height;label\n1,5;0,5;a\n3,25;1,5;b\n2,75;2,5;a\n")
    data = opened(path, ROWS)
    assert data.info.own is not None and data.info.own.fields[0].example == "1,5"
    assert own_feeds(OwnSample(cells=("0,25", "0.75")), data, (ROWS,))["x"].tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("1",), "has 1 values instead of 2"),
        (("1", "two"), "'two' is not a number"),
        (("1", ""), "no value"),
        (("1", "inf"), "'inf' is not a number"),
        (("1_0", "2"), "'1_0' is not a number"),
    ],
)
def test_what_is_no_row_is_said(tmp_path: Path, cells: tuple[str, ...], said: str) -> None:
    data = opened(table(tmp_path, "width,height,label\n1,0.5,a\n3,1.5,b\n2,2.5,a\n"), ROWS)
    with pytest.raises(DataError) as caught:
        own_feeds(OwnSample(cells=cells), data, (ROWS,))
    assert said in f"{caught.value.what} {caught.value.why}"


def save(path: Path, values: list[int], rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.array(values, "<i2").tobytes())


def test_a_sound_is_cut_and_scaled_as_the_sounds_are(tmp_path: Path) -> None:
    for name in ("a/1", "a/2", "b/1", "b/2"):
        save(tmp_path / "sounds" / f"{name}.wav", [1, 2, 3, 4])
    data = opened(tmp_path / "sounds", SOUND)
    assert data.info.own is not None and data.info.own.kind == "sound"
    own = tmp_path / "own.wav"
    save(own, [9, 16384, -16384, 8192, 0, 9])
    feeds = own_feeds(OwnSample(path=str(own)), data, (SOUND,))
    assert feeds["x"].tolist() == [[0.5, -0.5, 0.25, 0.0]], "the middle four"
    own.write_bytes(b"no sound")
    with pytest.raises(DataError, match="cannot be tried"):
        own_feeds(OwnSample(path=str(own)), data, (SOUND,))


def test_tokens_with_the_other_inputs_as_they_follow(tmp_path: Path) -> None:
    ids = np.array([[7, 8, 9, 0, 0], [5, 6, 7, 8, 9], [1, 2, 0, 0, 0]])
    np.savez(tmp_path / "t.npz", input_ids=ids, attention_mask=(ids > 0).astype(int), token_type_ids=ids * 0)
    inputs = (IDS, MASK, TYPES)
    data = opened(tmp_path / "t.npz", *inputs)
    form = data.info.own
    assert form is not None and form.kind == "tokens"
    assert [(one.name, one.length) for one in form.fields] == [(one.name, 5) for one in inputs]
    feeds = own_feeds(OwnSample(cells=("[4, 3]", "", "")), data, inputs)
    assert {name: array.tolist() for name, array in feeds.items()} == {
        "input_ids": [[4, 3, 0, 0, 0]],
        "attention_mask": [[1, 1, 0, 0, 0]],
        "token_type_ids": [[0, 0, 0, 0, 0]],
    }
    assert feeds["attention_mask"].dtype == np.int64
    typed = own_feeds(OwnSample(cells=("4 3 2", "1 0 1", "1 1 1")), data, inputs)
    assert typed["attention_mask"].tolist() == [[1, 0, 1, 0, 0]]
    assert typed["token_type_ids"].tolist() == [[1, 1, 1, 0, 0]]
    for cells, said in (
        (("", "", ""), "no tokens"),
        (("1 2 3 4 5 6", "", ""), "has 6"),
        (("x", "", ""), "no whole"),
    ):
        with pytest.raises(DataError) as caught:
            own_feeds(OwnSample(cells=cells), data, inputs)
        assert said in f"{caught.value.what} {caught.value.why}"


def test_nothing_is_offered_for_noise_and_of_floats_a_file_is_asked(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.ones((6, 2), np.float32))
    assert opened(tmp_path / "t.npz", ROWS).info.own == OwnForm(kind="request")
    data = open_data(DataSpec(path="random", calibration_count=1), (IDS,), (SCORES,), Context())
    assert data.info.own is None
    with pytest.raises(DataError, match="cannot be tried"):
        own_feeds(OwnSample(cells=("1",)), data, (IDS,))
