from pathlib import Path

import numpy as np
import pytest
from data_makers import PICTURE, ROW, all_feeds, opened, sentences

from core.context import Context
from core.data import open_data
from core.data.random_input import random_values, sample_shape
from core.errors import DataError
from core.values import DataSpec, TensorInfo

ONNX_TYPES = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(int64)": "int64"}


def test_it_says_that_it_is_no_accuracy() -> None:
    info = opened("random").info
    assert (info.kind, info.task) == ("random", "unlabelled")
    assert "not accuracy but agreement with the original on noise" in str(info.warnings[0])
    assert (info.calibration_count, info.judge_count) == (256, 1000)
    assert "3 × 4 × 4" in sentences(info)


def test_the_same_seed_gives_the_same_noise_whatever_the_batches() -> None:
    first = opened("random", judge_count=10, calibration_count=4)
    again = opened("random", judge_count=10, calibration_count=4)
    assert (all_feeds(first) == all_feeds(again, batch_size=3)).all()
    assert not (all_feeds(first)[:4] == all_feeds(first, "calibration")).any()
    other = opened("random", judge_count=10, calibration_count=4, seed=1)
    assert not (all_feeds(first) == all_feeds(other)).any()
    assert first.info.sha256 != other.info.sha256


def test_a_folder_named_random_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        opened("random")


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        (("N", 3, None, "w"), "float32", (3, 224, 224)),
        (("N", "time"), "float32", (512,)),
        (("N", "tokens"), "int64", (128,)),
        (("N", "time", 80), "float32", (64, 80)),
        (("N",), "float32", ()),
    ],
)
def test_open_dimensions_get_usual_sizes(shape: tuple, dtype: str, expected: tuple[int, ...]) -> None:
    assert sample_shape(TensorInfo(name="x", dtype=dtype, shape=shape), 0) == expected


@pytest.mark.parametrize(
    ("name", "dtype", "shape", "low", "high"),
    [
        ("tokens", "int64", (500,), 0, 255),
        ("image", "uint8", (500,), 0, 255),
        ("q", "int8", (500,), 0, 127),
        ("attention_mask", "int64", (5,), 1, 1),
        ("token_type_ids", "int64", (5,), 0, 0),
        ("state", "float32", (2, 3), 0, 0),
        ("sr", "int64", (), 16000, 16000),
        ("flag", "bool", (3,), 1, 1),
    ],
)
def test_values_are_in_a_sane_range(
    name: str, dtype: str, shape: tuple[int, ...], low: int, high: int
) -> None:
    info = TensorInfo(name=name, dtype=dtype, shape=shape)
    values = random_values(info, shape, np.random.default_rng(0))
    assert values.dtype == dtype
    assert values.shape == shape
    assert low <= values.min() <= values.max() <= high


@pytest.mark.parametrize(
    ("info", "says"),
    [
        (TensorInfo(name="s", dtype="string", shape=("N", 2)), "string"),
        (TensorInfo(name="b", dtype="bfloat16", shape=("N", 2)), "bfloat16"),
        (TensorInfo(name="e", dtype="float32", shape=("N", 0)), "can't be made up"),
        (TensorInfo(name="h", dtype="float32", shape=("N", 1 << 40, 1 << 40)), "can't be made up"),
    ],
)
def test_inputs_that_cannot_be_made_up_are_named(info: TensorInfo, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        opened("random", inputs=info)
    assert f"'{info.name}'" in caught.value.one_line()


@pytest.mark.parametrize(
    "name",
    [
        "silero_vad.onnx",
        "silero_vad_op18_ifless.onnx",
        "magika_standard_v3_3.onnx",
        "basic_pitch_nmp.onnx",
        "ch_ppocr_mobile_v2.0_cls_infer.onnx",
    ],
)
def test_real_networks_run_on_it(name: str, shared_models: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(shared_models / name), options)
    inputs = tuple(
        TensorInfo(name=one.name, dtype=ONNX_TYPES[one.type], shape=tuple(one.shape))
        for one in session.get_inputs()
    )
    data = open_data(DataSpec(path="random", judge_count=3), inputs, (), Context())
    for batch in data.batches("judge", 2):
        first, *_ = session.run(None, batch.feeds)
        assert first.shape[0] == len(batch.indices)
        assert np.isfinite(first).all()


def test_a_kind_can_be_asked_for_by_name() -> None:
    assert opened("", kind="random", inputs=ROW).info.kind == "random"
    assert opened("random", inputs=PICTURE).info.spec.kind == "random"
