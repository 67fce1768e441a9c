"""Read a `Preprocess` from JSON: the command line's text or a file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.values import Preprocess, Text, text

KEYS = ("resize", "crop", "mean", "std", "layout", "color", "sample_rate")
_MAX_BYTES = 1_000_000
MOST_SOUND = 100_000_000


def parse_preprocess(text_or_path: str) -> Preprocess:
    """The preprocessing in a JSON object or in a file that holds one. Raises DataError naming the culprit.

    Keys that are missing are left open: layout and color are then taken from the model's input.
    """
    content = text_or_path
    if not content.lstrip().startswith("{"):
        content = _read(Path(text_or_path))
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _error(text("The preprocessing is not valid JSON: {reason}.", reason=str(error))) from error
    if not isinstance(values, dict):
        raise _error(text("The preprocessing is not a JSON object."))
    for key in values:
        if key not in KEYS:
            raise _error(
                text("The preprocessing has an unknown key '{key}'.", key=key),
                text("Known are: {keys}.", keys=", ".join(KEYS)),
            )
    preprocess = Preprocess(
        resize=_take(values, "resize", _size, None),
        crop=_take(values, "crop", _length if values.get("sample_rate") else _size, None),
        mean=_take(values, "mean", _numbers, ()),
        std=_take(values, "std", _numbers, ()),
        layout=_take(values, "layout", _word("NCHW", "NHWC"), ""),
        color=_take(values, "color", _word("RGB", "BGR", "GRAY"), ""),
        sample_rate=_take(values, "sample_rate", _rate, None),
    )
    if any(value == 0 for value in preprocess.std):
        raise _error(text("The preprocessing's std holds a 0."), text("Values are divided by it."))
    return preprocess


def _error(what: Text, why: Text | None = None) -> DataError:
    example = '{"resize": 256, "crop": 224, "mean": [127, 127, 127], "std": [128, 128, 128]}'
    return DataError(what, why or Text(""), text("Write it like this: {example}", example=example))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _error(text("The preprocessing file '{path}' is too long.", path=str(path)))
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise _error(text("The preprocessing file '{path}' cannot be read.", path=str(path))) from error


def _take(values: dict[str, Any], key: str, read: Callable[[str, Any], Any], default: Any) -> Any:
    value = values.get(key)
    return default if value is None else read(key, value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 16384


def _length(key: str, value: Any) -> int:
    """Of sounds, in samples."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_SOUND:
        return value
    raise _error(
        text("The preprocessing's {key} is {value}.", key=key, value=json.dumps(value)[:100]),
        text("It is the length of a sound in samples."),
    )


def _rate(key: str, value: Any) -> int:
    if _is_number(value) and value == int(value) and 0 < value <= 1_000_000:
        return int(value)
    raise _error(
        text("The preprocessing's {key} is {value}.", key=key, value=json.dumps(value)[:100]),
        text("It is a number of samples a second, such as 16000."),
    )


def _size(key: str, value: Any) -> int | tuple[int, int]:
    if _is_size(value):
        return int(value)
    if isinstance(value, list) and len(value) == 2 and all(map(_is_size, value)):
        return value[0], value[1]
    raise _error(
        text("The preprocessing's {key} is {value}.", key=key, value=json.dumps(value)[:100]),
        text("It is a number of pixels (the shorter side) or [height, width], from 1 to 16384."),
    )


def _numbers(key: str, value: Any) -> tuple[float, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(map(_is_number, listed)):
        raise _error(
            text("The preprocessing's {key} is {value}.", key=key, value=json.dumps(value)[:100]),
            text("It is a list of numbers, one per channel, or one number for all."),
        )
    return tuple(float(one) for one in listed)


def _word(*words: str) -> Callable[[str, Any], str]:
    def read(key: str, value: Any) -> str:
        if isinstance(value, str) and value.upper() in words:
            return value.upper()
        raise _error(
            text("The preprocessing's {key} is {value}.", key=key, value=json.dumps(value)[:100]),
            text("It is one of: {words}.", words=", ".join(words)),
        )

    return read
