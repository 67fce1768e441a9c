"""Random inputs shaped by a model, for timing it when there are no samples."""

from __future__ import annotations

import numpy as np

from core.errors import DataError, EngineError
from core.evaluate.runner import Runner
from core.values import TensorInfo, text

_OPEN_SIZES = (224, 128, 512, 48, 1)
"""Tried in turn for dimensions that the model leaves open."""
_SAMPLE_RATE = 16000


def example_feeds(runner: Runner, batch: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    """Return inputs with which the model runs. Raises DataError if no usual size fits it."""
    problem: DataError | EngineError | None = None
    for size in _OPEN_SIZES:
        feeds = random_feeds(runner.inputs, batch, size, seed)
        try:
            runner.run(feeds)
        except (DataError, EngineError) as error:
            problem = problem or error
        else:
            return feeds
        if not any(isinstance(d, str | None) for item in runner.inputs for d in (item.shape or ())[1:]):
            break
    raise DataError(
        text("No random input fits this model."),
        problem.why if problem else text("It has no input."),
        text("Choose data for it."),
    )


def random_feeds(
    inputs: tuple[TensorInfo, ...], batch: int, size: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return standard normal floats and integers 0 or 1; open dimensions get `batch` (first) or `size`."""
    rng = np.random.default_rng(seed)
    return {item.name: _random(item, batch, size, rng) for item in inputs}


def _random(item: TensorInfo, batch: int, size: int, rng: np.random.Generator) -> np.ndarray:
    dims = item.shape or ()
    # a picture's open dimension of channels is not likely to be wide
    shape = tuple(d if isinstance(d, int) else batch if i == 0 else size for i, d in enumerate(dims))
    if len(dims) == 3 and isinstance(dims[0], int) and not isinstance(dims[1], int):
        shape = (shape[0], batch, shape[2])  # a recurrent state: (layers, batch, width)
    if item.dtype == "str":
        return np.full(shape, "a", dtype=object)
    dtype = np.dtype(item.dtype if item.dtype != "bfloat16" else "float32")
    if np.issubdtype(dtype, np.floating):
        return np.asarray(rng.standard_normal(shape), dtype=dtype)
    if not shape and np.issubdtype(dtype, np.integer):
        return np.asarray(_SAMPLE_RATE, dtype=dtype)  # the usual meaning of a lone integer: Hz
    return np.asarray(rng.integers(0, 2, shape), dtype=dtype)
