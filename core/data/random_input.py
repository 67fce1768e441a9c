"""Random inputs shaped by the model: no data at hand, so only agreement with the original on noise."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np

from core.context import Context
from core.data.fit import batch_axis, numpy_dtype, show_shape
from core.data.kinds import KINDS, Kind
from core.data.preprocess import picture_layout
from core.data.sampled import SampledDataSet
from core.data.stacked import Stacked
from core.errors import DataError
from core.values import DataInfo, DataSpec, Described, TensorInfo, text

PICTURE_SIZE = 224
SIGNAL_LENGTH = 512
TOKENS = 128
OTHER_SIZE = 64
SAMPLE_RATE = 16000
MAX_SAMPLE_BYTES = 1 << 30
_DEFAULT_JUDGE_COUNT = 1000

_ZERO_NAMES = ("state", "hidden", "cell", "cache", "past", "token_type", "h0", "c0")


def sample_shape(info: TensorInfo, axis: int | None) -> tuple[int, ...]:
    """A whole shape for one sample, without the batch axis; open dimensions get a usual size."""
    shape = info.shape or ()
    layout = picture_layout(shape)
    sizes = []
    for position, size in enumerate(shape):
        if position == axis:
            continue
        if isinstance(size, int):
            sizes.append(size)
        elif layout:
            sizes.append(PICTURE_SIZE)
        elif len(shape) == 2:
            sizes.append(SIGNAL_LENGTH if info.dtype.startswith("float") else TOKENS)
        else:
            sizes.append(OTHER_SIZE)
    return tuple(sizes)


def random_values(info: TensorInfo, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Values of a sane range in the input's dtype: a name such as 'state' or 'mask' is a strong hint.

    Floats are standard normal; whole numbers 0..255, below almost every vocabulary.
    """
    dtype = numpy_dtype(info)
    name = info.name.lower()
    if any(part in name for part in _ZERO_NAMES):
        return np.zeros(shape, dtype)
    if dtype.kind == "f":
        return generator.standard_normal(shape, dtype=np.float32).astype(dtype)
    if dtype.kind == "b" or "mask" in name:
        return np.ones(shape, dtype)
    if "length" in name or name.endswith("len"):
        return np.ones(shape, dtype)
    if "position" in name and shape:
        return np.broadcast_to(np.arange(shape[-1]), shape).astype(dtype)
    if not shape and ("sr" in name or "rate" in name):
        return np.full(shape, SAMPLE_RATE, dtype)
    if not shape:
        return np.ones(shape, dtype)
    high = 128 if dtype == np.int8 else 256
    return generator.integers(0, high, shape).astype(dtype)


class RandomSource:
    """Samples made from the seed and their position, so that any of them can be made again."""

    def __init__(self, inputs: tuple[TensorInfo, ...], seed: int) -> None:
        self.labels: np.ndarray | None = None
        self._inputs = [(info, batch_axis(info, inputs)) for info in inputs]
        self._seed = seed & 0xFFFFFFFF

    def load(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """One array for each input, stacked along its batch axis; shared inputs come once."""
        generators = [np.random.default_rng([self._seed, int(index)]) for index in indices]
        feeds = {}
        for info, axis in self._inputs:
            shape = sample_shape(info, axis)
            if axis is None:
                feeds[info.name] = random_values(info, shape, np.random.default_rng(self._seed))
                continue
            values = [random_values(info, shape, generator) for generator in generators]
            feeds[info.name] = np.stack(values, axis=axis)
        return Stacked(feeds, {info.name: axis for info, axis in self._inputs})


def open_random(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> SampledDataSet:
    """Random samples for any model whose inputs are numbers. Raises DataError for other inputs."""
    shapes = []
    for info in inputs:
        dtype = numpy_dtype(info)
        shape = sample_shape(info, batch_axis(info, inputs))
        shapes.append((info.name, info.dtype, shape))
        if min(shape, default=1) < 1 or int(np.prod(shape, dtype=object)) * dtype.itemsize > MAX_SAMPLE_BYTES:
            raise DataError(
                text(
                    "The model's input '{name}' ({shape}) can't be made up.",
                    name=info.name,
                    shape=show_shape(info.shape),
                ),
                text("A single sample would be empty or above 1 GB."),
                text("Choose real data."),
            )
    judge_count = _DEFAULT_JUDGE_COUNT if spec.judge_count is None else spec.judge_count
    total = spec.calibration_count + judge_count
    guessed = [
        text("'{name}': {shape} for one sample.", name=name, shape=show_shape(shape))
        for name, _, shape in shapes
    ]
    data = DataInfo(
        spec=msgspec.structs.replace(spec, kind="random"),
        sha256=hashlib.sha256(repr((shapes, spec.seed)).encode()).hexdigest(),
        kind="random",
        task="unlabelled",
        sample_count=total,
        calibration_count=spec.calibration_count,
        judge_count=judge_count,
        guessed=tuple(guessed),
        warnings=(
            text(
                "Random inputs: what is measured is not accuracy but agreement with the original on noise. "
                "Real data may show much more or much less damage."
            ),
        ),
    )
    source = RandomSource(inputs, spec.seed)
    calibration = np.arange(spec.calibration_count, dtype=np.int64)
    judge = np.arange(spec.calibration_count, total, dtype=np.int64)
    return SampledDataSet(data, (source, judge), (source, calibration))


KINDS.add(
    Described(
        name="random",
        label=text("Random inputs"),
        help=text("No data at hand: noise shaped by the model. Shows agreement, not accuracy."),
    ),
    Kind(lambda path, head: False, open_random),
)
