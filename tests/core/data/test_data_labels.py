import numpy as np
import pytest
from data_makers import scores

from core.data.fit import batch_axis, class_count
from core.data.labels import interpret, interpret_calibration
from core.errors import DataError
from core.values import TensorInfo

OPEN = TensorInfo(name="scores", dtype="float32", shape=("N", None))


def output(*shape: int | str | None, dtype: str = "float32") -> TensorInfo:
    return TensorInfo(name="y", dtype=dtype, shape=shape)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (("N", 10), 10),
        (("N", 1), 1),
        (("N",), 1),
        (("N", 1000, 1, 1), 1000),
        (("N", None), None),
        ((1, 8, 8), None),
    ],
)
def test_classes_that_the_model_tells_apart(shape: tuple, expected: int | None) -> None:
    assert class_count((output(*shape),)) == expected
    assert class_count((output(*shape, dtype="int64"),)) is None


def test_batch_axis_is_where_the_first_inputs_symbol_stands() -> None:
    signal = TensorInfo(name="input", dtype="float32", shape=("batch", "sequence"))
    state = TensorInfo(name="state", dtype="float32", shape=(2, "batch", 128))
    rate = TensorInfo(name="sr", dtype="int64", shape=())
    table = TensorInfo(name="table", dtype="float32", shape=(7, 3))
    inputs = (signal, state, rate, table)
    assert [batch_axis(one, inputs) for one in inputs] == [0, 1, None, None]
    nameless = (
        TensorInfo(name="input", dtype="float32", shape=(None, None)),
        TensorInfo(name="state", dtype="float32", shape=(2, None, 128)),
    )
    assert [batch_axis(one, nameless) for one in nameless] == [0, 1]
    fixed = tuple(TensorInfo(name=name, dtype="float32", shape=(1, 5)) for name in "ab")
    assert [batch_axis(one, fixed) for one in fixed] == [0, 0]


def test_zero_and_one_for_a_single_output_are_two_classes() -> None:
    labels = interpret(np.array([0, 1, 1]), (scores(1),))
    assert labels.task == "classification"
    assert labels.values is not None
    assert labels.values.tolist() == [0, 1, 1]
    assert interpret(np.array([0, 1, 2]), (scores(1),)).task == "regression"


def test_classes_where_the_model_does_not_say_how_many() -> None:
    assert interpret(np.arange(60) % 3, (OPEN,)).class_names == ("0", "1", "2")
    assert interpret(np.arange(60), (OPEN,)).task == "regression"
    assert interpret(np.array(["a", "b"] * 5), (OPEN,)).class_names == ("a", "b")
    names = interpret(np.array([f"row {number}" for number in range(60)]), (OPEN,))
    assert names.task == "unlabelled"
    assert "60 different texts" in str(names.warnings[0])


def test_missing_labels_are_not_usable() -> None:
    labels = interpret(np.array([0, np.nan, 1]), (scores(2),))
    assert labels.usable.tolist() == [True, False, True]
    assert interpret(np.array(["x", "", "y"]), (scores(2),)).usable.tolist() == [True, False, True]


def test_one_label_alone_says_nothing() -> None:
    labels = interpret(np.array(["x", "x"]), (scores(2),))
    assert labels.task == "unlabelled"
    assert "'x'" in str(labels.warnings[0])


def test_several_targets_must_be_as_many_as_outputs() -> None:
    targets = np.array([[0.5, 1.5, 2.5], [1, 2, 3]])
    assert interpret(targets, (scores(3),)).task == "regression"
    with pytest.raises(DataError, match="3 labels, the model answers 2"):
        interpret(targets, (scores(2),))


def test_labels_for_maps_are_not_used() -> None:
    labels = interpret(np.array([0, 1]), (output("N", 172, 88),))
    assert labels.task == "unlabelled"
    assert "? × 172 × 88" in str(labels.warnings[0])


def test_a_calibration_source_may_lack_classes() -> None:
    judged = interpret(np.array(["a", "b", "c"]), (scores(3),))
    assert interpret_calibration(np.array(["a", "c"]), (scores(3),), judged).task == "unlabelled"
    assert interpret_calibration(np.array(["c", "b", "a"]), (scores(3),), judged).task == "classification"
