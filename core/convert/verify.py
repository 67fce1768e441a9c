"""Hold the ONNX file's answers against those that the original gave in its own framework."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.context import Context
from core.errors import DataError, EngineError, OpenError
from core.evaluate.runner import Runner
from core.values import text

TOLERANCE = 1e-3
"""Of the largest answer: float32 in another order of adding differs by some 1e-6."""


class Agreement(NamedTuple):
    difference: float
    """Largest absolute difference between two answers."""
    reach: float
    """Largest absolute answer."""
    samples: int


def verify(model: Path, samples: Path, name: str, context: Context) -> Agreement:
    """Run the original's sample inputs through the file. Raises OpenError if the answers differ."""
    runner = Runner(model)
    difference = reach = 0.0
    given = _by_sample(samples)
    for inputs, wanted in given:
        context.check()
        # an input that the network never reads is not in the file
        feeds = {item.name: inputs[item.name] for item in runner.inputs}
        try:
            answers = runner.run(feeds)
        except (DataError, EngineError) as error:
            raise _differs(name, str(error.why)) from error
        for got, expected in zip(answers, wanted, strict=True):
            if got.shape != expected.shape:
                raise _differs(name, f"{got.shape} / {expected.shape}")
            if not expected.size:
                continue
            apart = np.abs(got.astype(np.float64) - expected.astype(np.float64))
            # where both are no number, or the same infinity, they agree
            same = (got == expected) | (
                np.isnan(got.astype(np.float64)) & np.isnan(expected.astype(np.float64))
            )
            difference = max(difference, float(np.where(same, 0.0, apart).max()))
            finite = np.abs(expected[np.isfinite(expected)])
            reach = max(reach, float(finite.max(initial=0)))
    if not difference <= TOLERANCE * max(reach, 1e-3):  # not a number is no agreement
        raise _differs(name, f"{difference:.3g} / {reach:.3g}")
    return Agreement(difference, reach, len(given))


def _by_sample(path: Path) -> list[tuple[dict[str, np.ndarray], list[np.ndarray]]]:
    """Inputs by name, and answers in order, of each sample."""
    inputs: dict[int, dict[str, np.ndarray]] = defaultdict(dict)
    answers: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
    with np.load(path, allow_pickle=False) as archive:
        for key in archive.files:
            side, sample, place = key.split(".", 2)
            if side == "in":
                inputs[int(sample)][place] = archive[key]
            else:
                answers[int(sample)][int(place)] = archive[key]
    return [
        (inputs[sample], [answers[sample][place] for place in sorted(answers[sample])])
        for sample in sorted(answers)
    ]


def _differs(name: str, figures: str) -> OpenError:
    return OpenError(
        text("'{name}' was converted, but the ONNX file answers differently.", name=name),
        text("On sample input the original and the file do not agree ({figures}).", figures=figures),
        text(
            "It may use chance or a state of its own. Write it as ONNX where it was made, and open that file."
        ),
    )
