"""Parquet tables, written here by pyarrow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_makers import ROW, all_feeds, all_labels, opened, sentences

from core.errors import DataError

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def saved(path: Path, **columns: object) -> Path:
    parquet.write_table(arrow.table(columns), path, row_group_size=4)
    return path


def test_numbers_and_text_labels(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "t.parquet",
        a=np.arange(10, dtype=np.float64),
        b=np.arange(10, dtype=np.int32) * 2,
        species=["x", "y"] * 5,
    )
    data = opened(path, classes=2, inputs=ROW, calibration_count=2)
    assert (data.info.kind, data.info.task, data.info.class_names) == (
        "parquet",
        "classification",
        ("x", "y"),
    )
    feeds = all_feeds(data)
    assert (feeds[:, 1] == 2 * feeds[:, 0]).all()
    assert all_labels(data) == [int(a) % 2 for a in feeds[:, 0]]
    assert "10 rows, 3 columns" in sentences(data.info)
    assert data.info.preview_rows[0] == ("0.0", "0", "x")


def test_numbers_to_predict_and_missing_values(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "t.parquet",
        a=[1.0, None, 3.0, 4.0, 5.0],
        b=[True, False, True, True, False],
        target=[0.5, 1.5, 2.5, None, 4.5],
    )
    data = opened(path, classes=1, inputs=ROW, calibration_count=1, label_column="target")
    assert data.info.task == "regression"
    said = sentences(data.info)
    assert "Row 2, column 'a': no value" in said
    assert "1 rows have no label in column 'target'" in said


def test_text_columns_and_damage_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.parquet", a=["p", "q"], b=[1.0, 2.0], label=[0, 1])
    with pytest.raises(DataError, match="Column 'a' holds string"):
        opened(path, classes=2, inputs=ROW)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="cannot be read"):
        opened(path, classes=2, inputs=ROW)


def test_nested_columns_are_named_and_not_taken_for_numbers(tmp_path: Path) -> None:
    numbers = {"a": [1.0, 2.0, 3.0, 4.0], "b": [4.0, 3.0, 2.0, 1.0]}
    places = [{"x": 1.0, "y": {"z": 2}}] * 4
    for kind, nested in (("struct", places), ("list", [[1.0, 2.0]] * 4), ("map", None)):
        column = (
            arrow.array([[("k", 1)]] * 4, arrow.map_(arrow.string(), arrow.int64()))
            if nested is None
            else nested
        )
        path = saved(tmp_path / f"{kind}.parquet", **numbers, inner=column)
        with pytest.raises(DataError, match=f"Column 'inner' holds {kind}<"):
            opened(path, classes=2, inputs=ROW, label_column="a")
        # neither is it a label
        with pytest.raises(DataError, match=f"Column 'inner' holds {kind}<.*no label"):
            opened(path, classes=2, inputs=ROW, label_column="inner")


def test_a_nested_column_beside_does_not_move_the_others(tmp_path: Path) -> None:
    """A struct is several columns in the file, but one of the table."""
    path = saved(
        tmp_path / "t.parquet",
        inner=[{"x": 7.0, "y": 8.0}] * 6,
        a=np.arange(6.0),
        species=["x", "y"] * 3,
    )
    with pytest.raises(DataError, match="Column 'inner' holds struct<x: double, y: double>"):
        opened(path, classes=2, inputs=ROW)
