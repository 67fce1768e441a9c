"""The sample that comes with the program: which model, which data, how it is prepared."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from core.values import DataSpec, Preprocess


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of resources/samples/samples.json; paths are relative to that folder."""

    name: str
    title: str
    model: str
    data: str
    calibration: str | None = None
    preprocess: Preprocess | None = None
    label_column: str | None = None


def samples() -> list[Sample]:
    return msgspec.json.decode((_folder() / "samples.json").read_bytes(), type=list[Sample])


def model_path(sample: Sample) -> str:
    return str(_folder() / sample.model)


def data_spec(sample: Sample) -> DataSpec:
    folder = _folder()
    return DataSpec(
        path=str(folder / sample.data),
        calibration_path=str(folder / sample.calibration) if sample.calibration else None,
        preprocess=sample.preprocess,
        label_column=sample.label_column,
    )


def _folder() -> Path:
    return Path(str(resources.files("resources") / "samples"))
