"""Back to PyTorch: an ONNX file as a program of torch.export (.pt2), to be trained on or built upon."""

from __future__ import annotations

import hashlib
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnx_ir as ir

from core.compress import file_sha256
from core.context import Context
from core.convert.settled import Feeds, lone_numbers, settle, widen
from core.data.fit import batch_axis
from core.errors import ExportError, UnsupportedModelError
from core.evaluate.example_feeds import example_feeds
from core.evaluate.runner import Runner
from core.files import PREFIX, move_into_place
from core.formats import open_model
from core.gradients.convert import to_torch
from core.graph.labels import clean
from core.values import Exported, Result, Text, text

if TYPE_CHECKING:
    import torch

ENDING = ".pt2"
SAMPLES = 2
"""With one sample torch.export would take the batch for fixed."""
TOLERANCE = 1e-3
"""Of the largest answer."""


class Written(NamedTuple):
    """What is known of a program that was written."""

    difference: float
    """Largest difference between an answer of the ONNX file and one of the program, on the same inputs."""
    batch: int | None
    """The number of samples that it takes; None: any."""
    settings: tuple[str, ...] = ()
    """Inputs that count as what they were, as 'sr = 16000': the program is made for that."""

    def notes(self) -> tuple[Text, ...]:
        """What whoever uses it should know."""
        found = [
            text(
                "It is for training on in PyTorch: its answers differ from those of the ONNX file by at most "
                "{difference}, and its weights take full width.",
                difference=f"{self.difference:.2g}",
            )
        ]
        if self.batch is not None:
            found.append(text("The number of samples that it takes is fixed: {count}.", count=self.batch))
        if self.settings:
            found.append(text("It is made for {settings} alone.", settings=", ".join(self.settings)))
        return tuple(found)


def export_program(result: Result, destination: Path, context: Context) -> Exported:
    """Put the judged artefact of `result` at `destination` as a program. Raises as `write_program` does."""
    artefact = Path(result.artefact)
    if not artefact.is_file() or file_sha256(artefact) != result.sha256:
        raise ExportError(
            text("The finished result is no longer there."),
            text("Its file was removed from the work folder."),
            text("Run the compression again; measurements that are kept make it short."),
        )
    written = write_program(artefact, destination, context)
    return Exported(
        path=str(destination),
        sha256=_sha256(destination),
        size_bytes=destination.stat().st_size,
        report_path=None,
        warnings=written.notes(),
    )


def _sha256(program: Path) -> str:
    """Of the file alone: `file_sha256` reads ONNX."""
    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_program(model: Path, destination: Path, context: Context) -> Written:
    """Write the ONNX file at `model` as a program; its float weights are parameters, to be trained on.

    It takes any number of samples where it can be written so. Raises UnsupportedModelError for operators that
    torch has no function for here, DataError if no random input fits, ExportError if the program cannot be
    made, written or answers differently; the destination is then as it was.
    """
    context.report(text("Making the PyTorch program"))
    opened = open_model(model, context)
    runner = Runner(model)
    feeds = example_feeds(runner, runner.batch_size(SAMPLES))
    program, runs, settings = _program(opened.model, runner, feeds, context)
    context.report(text("Writing the file"))
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=".tmp", dir=destination.parent) as folder:
            written = Path(folder) / ("program" + ENDING)
            _save(program, written)
            context.report(text("Verifying the file"))
            difference = _difference(written, [(each, runner.run(each)) for each in runs])
            context.check()
            move_into_place(written, destination)
    except OSError as error:
        raise ExportError(
            text("'{name}' could not be written.", name=destination.name),
            text("The system says: {reason}", reason=error.strerror or str(error)),
            text("Choose another place, then export again."),
        ) from error
    batch = None if len(runs) > 1 else runner.batch_size(SAMPLES)
    return Written(difference, batch, tuple(f"{name} = {feeds[name]}" for name in settings))


def _program(
    model: ir.Model, runner: Runner, feeds: Feeds, context: Context
) -> tuple[Any, list[Feeds], tuple[str, ...]]:
    """The program, inputs that it takes, and inputs that had to be settled.

    For any number of samples if it can be, else for as many as are in the feeds.
    """
    axes = {info.name: batch_axis(info, runner.inputs) for info in runner.inputs}
    more = {name: _with_one_more(array, axes[name]) for name, array in feeds.items()}
    both = [feeds, more] if runner.batch_size(0) == 0 else []
    model = model.clone()
    widen(model, feeds)
    lone = lone_numbers(model)
    problem: Exception | None = None
    ways = [(runs, settings) for runs in (both, [feeds]) for settings in dict.fromkeys(((), lone)) if runs]
    for runs, settings in ways:
        context.check()
        twin = model.clone()
        try:
            settle(twin, runs, settings)
            moving = axes if len(runs) > 1 else {}
            return _exported(_module(to_torch(twin)), feeds, moving), list(runs), settings
        except UnsupportedModelError:
            raise
        except Exception as error:  # torch raises all kinds
            problem = error
    reason = (str(problem).strip().splitlines() or [""])[0]
    raise ExportError(
        text("The network could not be written as a PyTorch program."),
        text("torch.export says: {reason}", reason=clean(reason, 300)),
        text("The ONNX file holds the same network."),
    ) from problem


def _with_one_more(array: np.ndarray, axis: int | None) -> np.ndarray:
    """The samples and the first of them again, so that their number is another one."""
    return array if axis is None else np.concatenate([array, array.take([0], axis)], axis)


def _module(graph: Any) -> torch.nn.Module:
    import torch

    class Program(torch.nn.Module):
        """Inputs and outputs in the order of the ONNX file; a single output by itself."""

        def __init__(self) -> None:
            super().__init__()
            self.names = {}
            for number, (name, weight) in enumerate(graph.weights.items()):
                plain = re.sub(r"\W", "_", name) or "weight"
                if hasattr(self, plain):
                    plain = f"{plain}_{number}"
                self.register_parameter(plain, weight)
                self.names[name] = plain
            # in a tuple, so that torch does not find the same weights a second time
            self.hidden = (graph,)

        def forward(self, *inputs: torch.Tensor) -> Any:
            # handed over: while torch.export looks on, what stands in for them is in our own attributes
            weights = {name: getattr(self, plain) for name, plain in self.names.items()}
            (network,) = self.hidden
            outputs = network(dict(zip(network.input_names, inputs, strict=True)), weights)
            return outputs[0] if len(outputs) == 1 else tuple(outputs)

    return Program()


def _exported(module: torch.nn.Module, feeds: Feeds, moving: Mapping[str, int | None]) -> Any:
    """moving: by input the axis along which there may be any number of samples; {}: none may change."""
    import torch

    inputs = tuple(torch.from_numpy(np.array(value)) for value in feeds.values())
    batch = torch.export.Dim("batch", min=1)
    axes = [moving.get(name) for name in feeds]
    shapes = (tuple({} if axis is None else {axis: batch} for axis in axes),) if moving else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(module, inputs, dynamic_shapes=shapes, strict=False)


def _save(program: Any, path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, path)


def _difference(path: Path, runs: Sequence[tuple[Feeds, list[np.ndarray]]]) -> float:
    """Read the program back and run it on inputs with known answers. Raises ExportError if it has others."""
    import torch

    largest = 0.0
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.export.load(path).module()
        for feeds, wanted in runs:
            found = module(*(torch.from_numpy(np.array(value)) for value in feeds.values()))
            answers = found if isinstance(found, tuple | list) else (found,)
            for got, expected in zip(answers, wanted, strict=True):
                largest = max(largest, _apart(got.numpy(), expected))
    return largest


def _apart(got: np.ndarray, expected: np.ndarray) -> float:
    got = got.astype(np.float64)
    reach = float(np.abs(expected.astype(np.float64)).max(initial=1e-3))
    apart = float(np.abs(got - expected).max(initial=0.0)) if got.shape == expected.shape else np.inf
    if not apart <= TOLERANCE * reach:
        raise ExportError(
            text("The exported file did not pass its verification, so nothing was written."),
            text("Its answers are not those of the network that was judged."),
            text("The ONNX file holds the same network."),
        )
    return apart
