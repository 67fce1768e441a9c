"""Run a model in onnxruntime on the processor: the only place that makes sessions for judging.

Inference sessions log nothing by themselves: what goes wrong comes back as a SecateurError.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime as ort

from core.errors import DataError, EngineError, SecateurError, UnsupportedModelError
from core.evaluate.give_back import give_back
from core.evaluate.large_file import read_large
from core.evaluate.threads import physical_cores
from core.evaluate.time_limit import limited
from core.graph.apart import feed_products, take_apart, with_fed_weights
from core.graph.weights import save, to_bytes
from core.values import TensorInfo, text

ort.set_default_logger_severity(4)

FED_BYTES = 256 << 20
"""Weights of a graph from which they are fed to each run: less memory, at a little time for each run."""
_SMALL_BYTES = 1 << 20
"""Of an answer that is copied."""
IN_MEMORY_BYTES = 1 << 30
"""Larger graphs go to onnxruntime through a temporary file: a protobuf message ends at 2 GiB."""

_DTYPES = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "string": "str",
    "bool": "bool",
}
_OUT_OF_MEMORY = (
    "can't allocate",
    "cannot allocate",
    "failed to allocate",
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "MemoryError",
)


class Runner:
    """A model ready to run. `run` takes any number of samples whatever the model's own batch is.

    Raises UnsupportedModelError if onnxruntime can't load it, EngineError if memory runs out.
    """

    def __init__(
        self,
        model: Path | str | bytes | ir.Model,
        threads: int | None = None,
        profile_prefix: str | None = None,
        frugal: bool = False,
        constant: bool = False,
    ) -> None:
        """`frugal`: no memory is kept from run to run for a whole run's values; a little slower.

        `constant`: weights of a large model are not fed to its runs but lie in it as in a file, for who times
        them, unless it makes no difference to a run of one sample; a profile does so in any case.
        """
        self.threads = threads or physical_cores()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # a pool that goes on spinning after a run takes the cores from whoever runs next
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.enable_mem_pattern = not frugal
        if profile_prefix is not None:
            options.enable_profiling = True
            options.profile_file_prefix = profile_prefix
        self._kept: list[ort.OrtValue] = []
        """Of a large file: onnxruntime computes on the arrays of the model that is open."""
        self._fed: dict[str, np.ndarray] = {}
        """Of a large graph or file: weights that every run is fed."""
        constant = constant or profile_prefix is not None
        try:
            large = read_large(Path(model)) if isinstance(model, str | Path) else None
            if isinstance(model, ir.Model) and weight_bytes(model) > FED_BYTES:
                give_back(networks=True)
                model, self._fed = with_fed_weights(model, constant)
                # what is left, such as large tables, is read where it lies
                large = take_apart(model)
            if large is not None:
                proto, arrays = large
                self._fed |= feed_products(proto, arrays, constant)
                left = {name: array for name, array in arrays.items() if name not in self._fed}
                self.session, self._kept = _on_arrays(proto.SerializeToString(), left, options)
            else:
                self.session = _session(model, options)
        except SecateurError:
            raise
        except Exception as error:
            raise _load_error(error) from error
        given = [item for item in self.session.get_inputs() if item.name not in self._fed]
        self.inputs = tuple(_tensor_info(item) for item in given)
        self.outputs = tuple(_tensor_info(item) for item in self.session.get_outputs())
        self._names = [item.name for item in self.outputs]
        self._fixed = _fixed_batch(self.inputs)

    def batch_size(self, wanted: int) -> int:
        """Return the batch to use: the model's own if it is fixed, else the one wanted."""
        return self._fixed or wanted

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return all outputs, in order. Overridable initializers may be among the feeds.

        A fixed batch dimension is met by splitting and by padding the last piece with its last sample;
        the answers to the padding are dropped. Raises DataError if the samples don't fit the model.
        """
        count = self._samples(feeds)
        if self._fixed is None or count is None or count == self._fixed:
            return self._run(dict(feeds))
        pieces: list[list[np.ndarray]] = []
        sizes: list[int] = []
        for start in range(0, count, self._fixed):
            size = min(self._fixed, count - start)
            piece = {
                name: _slice(array, start, size, self._fixed) if self._batched(name, array, count) else array
                for name, array in feeds.items()
            }
            sizes.append(size)
            pieces.append(self._run(piece))
        return [_joined(parts, sizes, self._fixed) for parts in zip(*pieces, strict=True)]

    def run_whole(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """As `run`, for feeds that are whole pieces already: nothing to split, to pad or to time."""
        return _let_go(self.session.run(self._names, {**self._fed, **feeds}))

    def _samples(self, feeds: Mapping[str, np.ndarray]) -> int | None:
        first = feeds.get(self.inputs[0].name) if self.inputs else None
        return None if first is None or first.ndim == 0 else int(first.shape[0])

    def _batched(self, name: str, array: np.ndarray, count: int) -> bool:
        declared = next((item.shape for item in self.inputs if item.name == name), None)
        return bool(array.ndim and array.shape[0] == count and declared and declared[0] == self._fixed)

    def _run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        with limited() as options:
            try:
                return _let_go(self.session.run(self._names, {**self._fed, **feeds}, options))
            except Exception as error:
                raise (too_long() if options.terminate else self._run_error(error)) from error

    def _run_error(self, error: Exception) -> SecateurError:
        message = _message(error)
        if _is_memory(error, message):
            return out_of_memory()
        if type(error).__name__ == "InvalidArgument" or isinstance(error, ValueError):
            return DataError(
                text("The samples do not fit the model."),
                text("onnxruntime says: {message}", message=message),
                text("Check the preprocessing: size, channel order and number of columns."),
            )
        return EngineError(
            text("The model failed while running."),
            text("onnxruntime says: {message}", message=message),
            text("Try the model with other samples, or export it again from where it was trained."),
        )


def _let_go(answers: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Answers that hold on to nothing: as onnxruntime hands them out, each keeps all memory of its session.

    A judge's 27 kB of answers did so to 140 MB. Of large ones a copy costs more than it brings; who keeps
    them for long makes one.
    """
    return [
        np.array(one) if isinstance(one, np.ndarray) and one.nbytes <= _SMALL_BYTES else one
        for one in answers
    ]


def _session(model: Path | str | bytes | ir.Model, options: ort.SessionOptions) -> ort.InferenceSession:
    providers = ["CPUExecutionProvider"]
    if not isinstance(model, ir.Model):
        return ort.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=providers
        )
    if weight_bytes(model) >= IN_MEMORY_BYTES:
        with tempfile.TemporaryDirectory(prefix="secateur-model-") as folder:
            path = Path(folder) / "model.onnx"
            save(model, path)
            return ort.InferenceSession(str(path), options, providers=providers)
    session = ort.InferenceSession(to_bytes(model), options, providers=providers)
    # kept only for a change of providers; for a large model it is as much again as its weights
    session._model_bytes = None
    return session


def _on_arrays(
    model: bytes, arrays: Mapping[str, np.ndarray], options: ort.SessionOptions
) -> tuple[ort.InferenceSession, list[ort.OrtValue]]:
    """A session that reads large weights where they lie, and what must live as long as it does."""
    give_back(networks=True)
    values = [ort.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
    # the one lets the optimiser see them, the other keeps it from making copies
    options.add_external_initializers(list(arrays), values)
    for name, value in zip(arrays, values, strict=True):
        options.add_initializer(name, value)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]), values


def weight_bytes(model: ir.Model) -> int:
    """Return the bytes of all initializers."""
    values = model.graph.initializers.values()
    return sum(value.const_value.nbytes for value in values if value.const_value is not None)


def too_long() -> EngineError:
    """Return the error for a run that did not end in time."""
    return EngineError(
        text("The model ran for too long and was stopped."),
        text("A loop in it may have no end."),
        text("Look at its Loop nodes, or export it again from where it was trained."),
    )


def out_of_memory() -> EngineError:
    """Return the one error for every way in which memory runs out."""
    return EngineError(
        text("There is not enough memory for this step."),
        text("The model and one batch of samples did not fit."),
        text("Use a smaller batch or fewer samples, or close other programs; finished steps are kept."),
    )


def _load_error(error: Exception) -> SecateurError:
    message = _message(error)
    if _is_memory(error, message):
        return out_of_memory()
    return UnsupportedModelError(
        text("onnxruntime cannot load this model."),
        text("It says: {message}", message=message),
        text("Export the model again, with a lower opset or without custom operators."),
    )


def _message(error: Exception) -> str:
    """What onnxruntime says, on one line and without its code prefix."""
    line = " ".join(str(error).split()) or type(error).__name__
    line = re.sub(r"^\[ONNXRuntimeError\]\s*:\s*\d+\s*:\s*\w+\s*:\s*", "", line)
    # of branches and loops the innermost operator says what is wrong
    return line[max(0, line.rfind("Non-zero status code returned")) :][:300]


def _is_memory(error: Exception, message: str) -> bool:
    lowered = f"{message} {error}".lower()
    return isinstance(error, MemoryError) or any(word.lower() in lowered for word in _OUT_OF_MEMORY)


def _tensor_info(item: ort.NodeArg) -> TensorInfo:
    match = re.fullmatch(r"tensor\((\w+)\)", item.type)
    dtype = _DTYPES.get(match[1], match[1]) if match else item.type
    shape = item.shape
    if shape is None:
        return TensorInfo(name=item.name, dtype=dtype, shape=None)
    dims = tuple(d if isinstance(d, str) or (isinstance(d, int) and d >= 0) else None for d in shape)
    return TensorInfo(name=item.name, dtype=dtype, shape=dims)


def _fixed_batch(inputs: tuple[TensorInfo, ...]) -> int | None:
    """The first input's first dimension if it is a number: later inputs may be states or settings."""
    shape = inputs[0].shape if inputs else None
    return shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None


def _slice(array: np.ndarray, start: int, size: int, batch: int) -> np.ndarray:
    piece = array[start : start + size]
    if size < batch:
        piece = np.concatenate([piece, np.repeat(piece[-1:], batch - size, axis=0)])
    return piece


def _joined(parts: Sequence[np.ndarray], sizes: Sequence[int], batch: int) -> np.ndarray:
    """One output of several pieces, without the answers to the padding.

    An output without a batch axis is one sample's. Lists of several lengths are filled up with zeros.
    """
    if all(part.ndim and part.shape[0] == batch for part in parts):
        parts = [part[:size] for part, size in zip(parts, sizes, strict=True)]
    else:
        parts = [part[None] for part in parts]
    longest = np.max([part.shape for part in parts], axis=0)
    return np.concatenate([_filled(part, (len(part), *longest[1:].tolist())) for part in parts])


def _filled(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape == shape:
        return array
    return np.pad(array, [(0, want - have) for want, have in zip(shape, array.shape, strict=True)])
