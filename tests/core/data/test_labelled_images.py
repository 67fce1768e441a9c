"""Pictures with a table of labels: which table, which pictures, which labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_makers import AS_IT_IS, all_feeds, all_labels, opened, save_picture, sentences

from core.errors import DataError


def pictures(root: Path, count: int, ending: str = ".png") -> list[str]:
    """So many pictures whose red is their number."""
    for place in range(count):
        save_picture(root / f"p{place}{ending}", (place, 0, 0))
    return [f"p{place}{ending}" for place in range(count)]


def table(path: Path, rows: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_folder_with_a_table_in_it(tmp_path: Path) -> None:
    names = pictures(tmp_path / "photos", 6)
    kinds = ["cat", "dog", "cat", "dog", "dog", "cat"]
    table(tmp_path / "labels.csv", ["file,kind", *(f"{n},{k}" for n, k in zip(names, kinds, strict=True))])
    data = opened(tmp_path, classes=2, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.kind == "labelled images"
    assert data.info.class_names == ("cat", "dog")
    # each picture keeps its own label: the red of p0 … p5 tells which it is
    red = all_feeds(data)[:, 0, 0, 0].astype(int)
    assert all_labels(data) == [int(kinds[place] == "dog") for place in red]
    assert "'file' of 'labels.csv'; labels: kind" in sentences(data.info)


def test_a_table_by_itself_names_pictures_without_endings(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 4, ".jpg")
    path = table(tmp_path / "train.csv", ["id,label", *(f"p{n},{n % 2}" for n in range(4))])
    data = opened(path, classes=2, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.sample_count == 4
    assert data.info.task == "classification"


def test_a_column_for_each_output_is_several_labels(tmp_path: Path) -> None:
    names = pictures(tmp_path, 5)
    rows = ["image,sun,rain,snow", *(f"{n},{i % 2},{int(i > 2)},1" for i, n in enumerate(names))]
    path = table(tmp_path / "weather.csv", rows)
    data = opened(path, classes=3, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.task == "multilabel"
    red = all_feeds(data)[:, 0, 0, 0].astype(int)
    assert np.array(all_labels(data)).tolist() == [[i % 2, int(i > 2), 1] for i in red]


def test_several_words_in_a_cell_are_several_labels_if_asked(tmp_path: Path) -> None:
    names = pictures(tmp_path, 4)
    held = ["sun|rain", "rain", "", "snow sun"]
    path = table(tmp_path / "t.csv", ["file;tags", *(f"{n};{t}" for n, t in zip(names, held, strict=True))])
    data = opened(path, classes=3, preprocess=AS_IT_IS, calibration_count=1, task="multilabel")
    order = ["rain", "snow", "sun"]
    red = all_feeds(data)[:, 0, 0, 0].astype(int)
    wanted = [[int(name in held[i].replace("|", " ").split()) for name in order] for i in red]
    assert np.array(all_labels(data)).tolist() == wanted


def test_numbers_to_predict_and_a_column_that_was_chosen(tmp_path: Path) -> None:
    names = pictures(tmp_path, 4)
    path = table(tmp_path / "t.csv", ["file,age,label", *(f"{n},{20.5 + i},x" for i, n in enumerate(names))])
    data = opened(path, classes=1, preprocess=AS_IT_IS, calibration_count=1, label_column="age")
    assert data.info.task == "regression"
    red = all_feeds(data)[:, 0, 0, 0].astype(int)
    assert all_labels(data) == [20.5 + i for i in red]


def test_rows_without_their_picture_are_listed(tmp_path: Path) -> None:
    names = pictures(tmp_path, 4)
    outside = tmp_path.parent / "outside.png"
    save_picture(outside)
    rows = ["file,label", *(f"{n},{i % 2}" for i, n in enumerate(names))]
    path = table(tmp_path / "t.csv", [*rows, "gone.png,0", "../outside.png,1", "p0.png"])
    data = opened(path, classes=2, preprocess=AS_IT_IS, calibration_count=1)
    assert data.info.sample_count == 4
    said = sentences(data.info)
    assert "Row 6: there is no picture 'gone.png'" in said
    assert "Row 7: there is no picture '../outside.png'" in said
    assert "Row 8: 1 cells instead of 2" in said


def test_a_table_that_names_no_pictures_is_a_table_of_numbers(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", ["a,b", "1,2", "3,4"])
    with pytest.raises(DataError, match="takes 48"):
        opened(path)


def test_the_spec_in_the_info_gives_the_same_again(tmp_path: Path) -> None:
    names = pictures(tmp_path, 6)
    path = table(tmp_path / "t.csv", ["file,label", *(f"{n},{i % 2}" for i, n in enumerate(names))])
    first = opened(path, classes=2, preprocess=AS_IT_IS, calibration_count=2)
    spec = first.info.spec
    again = opened(
        spec.path,
        classes=2,
        kind=spec.kind,
        preprocess=spec.preprocess,
        calibration_count=spec.calibration_count,
    )
    assert again.info.key == first.info.key
    assert (all_feeds(again) == all_feeds(first)).all()
