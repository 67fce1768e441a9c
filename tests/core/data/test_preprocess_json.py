from pathlib import Path

import pytest

from core.data.preprocess_json import parse_preprocess
from core.errors import DataError
from core.values import Preprocess


def test_the_command_lines_example() -> None:
    line = (
        '{"resize": 256, "crop": 224, "mean": [127,127,127], "std": [128,128,128],'
        ' "layout": "NCHW", "color": "RGB"}'
    )
    assert parse_preprocess(line) == Preprocess(
        resize=256,
        crop=224,
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        layout="NCHW",
        color="RGB",
    )


def test_a_file_with_some_keys(tmp_path: Path) -> None:
    path = tmp_path / "预处理.json"
    path.write_text('\ufeff{"resize": [48, 192], "mean": 127.5, "color": "bgr"}', encoding="utf-8")
    assert parse_preprocess(str(path)) == Preprocess(resize=(48, 192), mean=(127.5,), color="BGR")
    assert parse_preprocess("{}") == Preprocess()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"size": 3}', "unknown key 'size'"),
        ('{"std": [1, 0, 1]}', "std holds a 0"),
        ('{"std": 0}', "std holds a 0"),
        ('{"mean": []}', r"mean is \[\]"),
        ('{"mean": ["a"]}', "mean is"),
        ('{"mean": [NaN]}', "mean is"),
        ('{"resize": 0}', "resize is 0"),
        ('{"resize": true}', "resize is true"),
        ('{"crop": [1, 2, 3]}', "crop is"),
        ('{"layout": "CHW"}', 'layout is "CHW"'),
        ('{"color": 3}', "color is 3"),
        ('{"resize": 3', "not valid JSON"),
        ("/no/such/file.json", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(line: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        parse_preprocess(line)
    assert "resize" in caught.value.one_line()


def test_a_list_in_a_file_is_no_preprocessing(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text("[1, 2]")
    with pytest.raises(DataError, match="not a JSON object"):
        parse_preprocess(str(path))
