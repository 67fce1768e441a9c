"""The samples that come with the program: which model, which data, how it is prepared."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from core.values import DataSpec, Preprocess
from gui.i18n import tr


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of resources/samples/samples.json; paths are relative to that folder."""

    name: str
    model: str
    data: str
    calibration: str | None = None
    preprocess: Preprocess | None = None
    label_column: str | None = None


def samples() -> list[Sample]:
    return msgspec.json.decode((_folder() / "samples.json").read_bytes(), type=list[Sample])


def title(sample: Sample) -> str:
    """What it is, in the person's language."""
    titles = {
        "digits_resnet": tr("Handwritten digits, ResNet"),
        "digits_mobilenet": tr("Handwritten digits, MobileNet"),
        "iris": tr("Iris flowers, a table of numbers"),
    }
    return titles[sample.name]


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
