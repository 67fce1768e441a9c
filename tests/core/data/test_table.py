from pathlib import Path

import numpy as np
import pytest
from data_makers import ROW, all_feeds, all_labels, opened, sentences

import resources
from core.errors import DataError
from core.values import Preprocess, TensorInfo


def table(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    return path


def wide(count: int) -> TensorInfo:
    return TensorInfo(name="x", dtype="float32", shape=(None, count))


def test_text_labels_in_the_last_column(tmp_path: Path) -> None:
    path = table(tmp_path, "a,b,kind\n1,2,pear\n3,4,apple\n5,6,pear\n")
    data = opened(path, inputs=ROW, calibration_count=0)
    assert (data.info.kind, data.info.task) == ("table", "classification")
    assert data.info.class_names == ("apple", "pear")
    assert data.info.columns == ("a", "b", "kind")
    assert data.info.label_column == "kind"
    assert all_feeds(data).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert all_labels(data) == [1, 0, 1]
    assert data.info.preview_rows == (("1", "2", "pear"), ("3", "4", "apple"), ("5", "6", "pear"))


def test_a_column_named_label_wins_over_the_last(tmp_path: Path) -> None:
    path = table(tmp_path, "Label,a,b\n0,1,2\n1,3,4\n")
    data = opened(path, inputs=ROW, calibration_count=0)
    assert data.info.label_column == "Label"
    assert all_labels(data) == [0, 1]


def test_the_label_column_that_is_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path, "a,b,label\n1,0,5\n2,1,6\n")
    data = opened(path, inputs=ROW, label_column="b", calibration_count=0)
    assert all_feeds(data).tolist() == [[1, 5], [2, 6]]
    assert all_labels(data) == [0, 1]
    with pytest.raises(DataError, match="no column 'z'") as caught:
        opened(path, inputs=ROW, label_column="z")
    assert "a, b, label" in caught.value.one_line()


def test_as_many_columns_as_inputs_have_no_label(tmp_path: Path) -> None:
    data = opened(table(tmp_path, "a,b\n1,2\n3,4\n"), inputs=ROW)
    assert data.info.task == "unlabelled"
    assert data.info.label_column is None


def test_without_a_header(tmp_path: Path) -> None:
    data = opened(table(tmp_path, "1,2,0\n3,4,1\n5,6,1\n"), inputs=ROW, calibration_count=0)
    assert data.info.columns == ("column 1", "column 2", "column 3")
    assert all_feeds(data).shape == (3, 2)
    assert "No row names the columns" in sentences(data.info)


def test_without_a_header_the_label_may_come_first(tmp_path: Path) -> None:
    path = table(tmp_path, "1,0.5,7\n0,1.5,7\n1,2.5,7\n")
    data = opened(path, inputs=ROW, calibration_count=0)
    assert data.info.label_column == "column 1"
    assert all_labels(data) == [1, 0, 1]


def test_numbered_rows_are_left_out(tmp_path: Path) -> None:
    data = opened(table(tmp_path, "Id,a,b,Species\n1,5,6,x\n2,7,8,y\n"), inputs=ROW, calibration_count=0)
    assert all_feeds(data).tolist() == [[5, 6], [7, 8]]
    assert "'Id' only numbers the rows" in sentences(data.info)


def test_numbers_to_predict(tmp_path: Path) -> None:
    data = opened(
        table(tmp_path, "a,b,price\n1,2,1.5\n3,4,2.5\n"), classes=1, inputs=ROW, calibration_count=0
    )
    assert data.info.task == "regression"
    assert all_labels(data) == [1.5, 2.5]


def test_classes_that_count_from_one(tmp_path: Path) -> None:
    data = opened(table(tmp_path, "a,b,label\n1,2,1\n3,4,2\n5,6,2\n"), inputs=ROW, calibration_count=0)
    assert data.info.class_names == ("1", "2")
    assert all_labels(data) == [0, 1, 1]


def test_both_column_counts_are_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"3 columns of inputs, the model takes 2 \(\? × 2\)") as caught:
        opened(table(tmp_path, "a,b,c,label\n1,2,3,x\n4,5,6,y\n"), inputs=ROW)
    assert "'label' was taken as the label" in caught.value.one_line()


def test_columns_become_a_picture_where_the_model_takes_one(tmp_path: Path) -> None:
    info = TensorInfo(name="x", dtype="float32", shape=("N", 1, 2, 2))
    data = opened(table(tmp_path, "a,b,c,d,label\n1,2,3,4,0\n5,6,7,8,1\n"), inputs=info, calibration_count=0)
    assert all_feeds(data).tolist() == [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]]


def test_mean_and_std_for_each_column(tmp_path: Path) -> None:
    data = opened(
        table(tmp_path, "a,b\n1,2\n3,4\n"),
        inputs=ROW,
        preprocess=Preprocess(mean=(1, 0), std=(2, 4)),
        calibration_count=0,
    )
    assert all_feeds(data).tolist() == [[0, 0.5], [1, 1]]


def test_an_input_for_each_column(tmp_path: Path) -> None:
    inputs = [TensorInfo(name=name, dtype="float32", shape=("N", 1)) for name in ("b", "a")]
    data = opened(table(tmp_path, "a,b,label\n1,2,x\n3,4,y\n"), inputs=inputs, calibration_count=0)
    (batch,) = data.batches("judge", 9)
    order = np.argsort(batch.indices)
    assert batch.feeds["a"][order].tolist() == [[1], [3]]
    assert batch.feeds["b"][order].tolist() == [[2], [4]]


def test_quotes_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    path = table(tmp_path, 'a,b,label\n"1",2,"x, ""big""\nand wide"\n3,4,y\nq,6,y\n7,8,y\n')
    info = opened(path, inputs=ROW).info
    assert info.class_names == ('x, "big"\nand wide', "y")
    # the quoted cell takes lines 2 and 3
    assert [str(one) for one in info.skipped] == ["Row 5, column 'a': 'q' is not a number"]


def test_a_missing_value_leaves_its_row_out(tmp_path: Path) -> None:
    info = opened(table(tmp_path, "a,b,label\n1,2,x\n3,,y\n5,NaN,y\n7,8,y\n9,9,x\n"), inputs=ROW).info
    assert [str(one) for one in info.skipped] == [
        "Row 3, column 'b': no value",
        "Row 4, column 'b': no value",
    ]
    assert info.calibration_count + info.judge_count == 3


def test_western_accents_are_not_taken_for_chinese(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("größe,naïve,label\n1,2,café\n3,4,thé\n".encode("cp1252"))
    info = opened(path, inputs=ROW).info
    assert info.columns[0] == "größe"
    assert info.class_names == ("café", "thé")


def test_a_calibration_table_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("a,b,label\n9,9,x\n8,8,y\n")
    path = table(tmp_path, "a,b,label\n1,2,x\n3,4,y\n5,6,y\n")
    data = opened(path, inputs=ROW, calibration_path=str(own))
    assert (data.info.calibration_count, data.info.judge_count) == (2, 3)
    assert all_feeds(data, "calibration").tolist() == [[9, 9], [8, 8]]
    own.write_text("b,a,label\n9,9,x\n8,8,y\n")
    with pytest.raises(DataError, match="other columns"):
        opened(path, inputs=ROW, calibration_path=str(own))


def test_iris_is_read_as_numpy_reads_it() -> None:
    path = resources.sample_path("iris.csv")
    data = opened(path, classes=3, inputs=wide(4), calibration_count=0)
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(4), dtype=np.float32)
    assert (all_feeds(data) == expected).all()
    assert data.info.class_names == ("setosa", "versicolor", "virginica")


def test_header_of_numbers_from_zero_is_one(tmp_path: Path) -> None:
    data = opened(table(tmp_path, "0,1,2\n1.5,2,0\n3,4,1\n5,6,1\n"), inputs=ROW, calibration_count=0)
    assert data.info.columns == ("0", "1", "2")
    assert all_feeds(data).shape == (3, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_as_an_office_program_in_another_country_writes_it(tmp_path: Path, encoding: str) -> None:
    """Semicolons, decimal commas, dates, notes with line ends in them, a missing value."""
    path = tmp_path / "table.csv"
    lines = [
        "日期;重量;长度;备注;类别",
        '02.01.2024;1,5;2,25;"第一\r\n行";苹果',
        "03.01.2024;3,5;;无;梨",
        "04.01.2024;4,5;1,0;好;梨",
    ]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    data = opened(path, inputs=ROW, calibration_count=0)
    assert all_feeds(data).tolist() == [[1.5, 2.25], [4.5, 1.0]]
    assert [data.info.class_names[int(label)] for label in all_labels(data)] == ["苹果", "梨"]
    said = sentences(data.info)
    for words in ("Column '日期' holds no numbers", "Column '备注' holds no numbers", "'长度': no value"):
        assert words in said
