"""A data set of samples that are no pictures: chosen by role, described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.data import sampling
from core.data.labels import Labels
from core.data.sampled import SampledDataSet, Source
from core.errors import DataError
from core.values import DataInfo, DataSpec, Preprocess, Text, text

MAX_LISTED = 100


@dataclass
class SamplePart:
    """Samples of one source. keys: uint64 (n,) from `sampling`; check: leaves out what can't be read."""

    source: Source
    labels: Labels
    keys: np.ndarray
    sha256: str
    skipped: list[Text] = field(default_factory=list)
    check: Callable[[np.ndarray], np.ndarray] | None = None
    """From positions to those of them that can't be used."""


def sample_set(
    kind: str,
    spec: DataSpec,
    parts: list[SamplePart],
    guessed: list[Text],
    warnings: list[Text],
    preprocess: Preprocess | None = None,
    **more: Any,
) -> SampledDataSet:
    """The data set of one part, or of one to judge on and one to calibrate on. Raises DataError if empty."""
    for part in parts:
        missing = int((~part.labels.usable).sum())
        if missing:
            warnings.append(text("{count} samples have no label: left out.", count=missing))
    if len(parts) > 1:
        (judge,) = _choose(parts[0], lambda usable: [_one(parts[0], spec.judge_count, spec.seed, usable)])
        (calibration,) = _choose(
            parts[1], lambda usable: [_one(parts[1], spec.calibration_count, spec.seed, usable)]
        )
    else:
        calibration, judge = _choose(parts[0], lambda usable: _both(parts[0], spec, usable))
    if not len(judge):
        raise DataError(
            text("'{name}' holds no samples to judge on.", name=Path(spec.path).name),
            parts[0].skipped[0] if parts[0].skipped else Text(""),
            text("Choose other data."),
        )
    label = parts[0].labels
    skipped = [reason for part in parts for reason in part.skipped]
    data = DataInfo(
        spec=msgspec.structs.replace(spec, kind=kind, preprocess=preprocess),
        sha256=sampling.combined_sha256([part.sha256 for part in parts]),
        kind=kind,
        task=label.task,
        sample_count=sum(len(part.keys) for part in parts),
        calibration_count=len(calibration),
        judge_count=len(judge),
        class_names=label.class_names,
        guessed=(*guessed, *label.guessed),
        warnings=(*warnings, *label.warnings),
        skipped=tuple(skipped[:MAX_LISTED]),
        skipped_count=len(skipped),
        **more,
    )
    return SampledDataSet(data, (parts[0].source, judge), (parts[-1].source, calibration))


def _strata(part: SamplePart) -> np.ndarray | None:
    return part.labels.values if part.labels.task == "classification" else None


def _one(part: SamplePart, wanted: int | None, seed: int, usable: np.ndarray) -> np.ndarray:
    return sampling.select_one(part.keys, _strata(part), wanted, seed, usable)


def _both(part: SamplePart, spec: DataSpec, usable: np.ndarray) -> list[np.ndarray]:
    chosen = sampling.select(
        part.keys, _strata(part), spec.calibration_count, spec.judge_count, spec.seed, usable
    )
    return [chosen.calibration, chosen.judge]


def _choose(part: SamplePart, choose: Callable[[np.ndarray], list[np.ndarray]]) -> list[np.ndarray]:
    """Choose until every chosen sample can be read."""
    usable = part.labels.usable.copy()
    checked: set[int] = set()
    while True:
        chosen = choose(usable)
        new = np.array(sorted({int(i) for each in chosen for i in each} - checked), dtype=np.int64)
        if part.check is None or not len(new):
            return chosen
        bad = part.check(new)
        if not len(bad):
            return chosen
        checked |= set(new.tolist())
        usable[bad] = False
