"""Back to PyTorch: an ONNX file as a program of torch.export (.pt2), to be trained on or built upon."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.compress import file_sha256
from core.context import Context
from core.errors import ExportError
from core.evaluate.example_feeds import example_feeds
from core.evaluate.runner import Runner
from core.files import PREFIX, move_into_place
from core.formats import open_model
from core.gradients.convert import to_torch
from core.graph.labels import clean
from core.values import Exported, Result, text

if TYPE_CHECKING:
    import torch

ENDING = ".pt2"
SAMPLES = 2
"""With one sample torch.export would take the batch for fixed."""
TOLERANCE = 1e-3
"""Of the largest answer."""


def export_program(result: Result, destination: Path, context: Context) -> Exported:
    """Put the judged artefact of `result` at `destination` as a program. Raises as `write_program` does."""
    artefact = Path(result.artefact)
    if not artefact.is_file() or file_sha256(artefact) != result.sha256:
        raise ExportError(
            text("The finished result is no longer there."),
            text("Its file was removed from the work folder."),
            text("Run the compression again; measurements that are kept make it short."),
        )
    difference = write_program(artefact, destination, context)
    return Exported(
        path=str(destination),
        sha256=file_sha256(destination),
        size_bytes=destination.stat().st_size,
        report_path=None,
        warnings=(
            text(
                "It is for training on in PyTorch: its answers differ from those of the ONNX file by at most "
                "{difference}, and its weights take full width.",
                difference=f"{difference:.2g}",
            ),
        ),
    )


def write_program(model: Path, destination: Path, context: Context) -> float:
    """Write the ONNX file at `model` as a program; its float weights are parameters, to be trained on.

    Returns the largest difference between an answer of the ONNX file and one of the written program, both on
    the same random inputs. Raises UnsupportedModelError for operators that torch has no function for here,
    DataError if no random input fits, ExportError if the program cannot be made, written or answers
    differently; the destination is then as it was.
    """
    context.report(text("Making the PyTorch program"))
    opened = open_model(model, context)
    runner = Runner(model)
    feeds = example_feeds(runner, runner.batch_size(SAMPLES))
    program = _exported(_module(to_torch(opened.model)), feeds, moving=runner.batch_size(0) == 0)
    context.check()
    context.report(text("Writing the file"))
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=".tmp", dir=destination.parent) as folder:
            written = Path(folder) / ("program" + ENDING)
            _save(program, written)
            context.report(text("Verifying the file"))
            difference = _difference(written, feeds, runner.run(feeds))
            context.check()
            move_into_place(written, destination)
    except OSError as error:
        raise ExportError(
            text("'{name}' could not be written.", name=destination.name),
            text("The system says: {reason}", reason=error.strerror or str(error)),
            text("Choose another place, then export again."),
        ) from error
    return difference


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


def _exported(module: torch.nn.Module, feeds: Mapping[str, np.ndarray], moving: bool) -> Any:
    """For any number of samples if it can be, else for as many as are in the feeds."""
    import torch

    inputs = tuple(torch.from_numpy(np.array(value)) for value in feeds.values())
    batch = torch.export.Dim.AUTO  # type: ignore[attr-defined]
    problem: Exception | None = None
    for shapes in ((tuple({0: batch} if value.dim() else {} for value in inputs),), None):
        if shapes is not None and not moving:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return torch.export.export(module, inputs, dynamic_shapes=shapes, strict=False)
        except Exception as error:  # torch raises all kinds
            problem = problem or error
    reason = (str(problem).strip().splitlines() or [""])[0]
    raise ExportError(
        text("The network could not be written as a PyTorch program."),
        text("torch.export says: {reason}", reason=clean(reason, 300)),
        text("The ONNX file holds the same network."),
    ) from problem


def _save(program: Any, path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, path)


def _difference(path: Path, feeds: Mapping[str, np.ndarray], wanted: list[np.ndarray]) -> float:
    """Read the program back and run it. Raises ExportError if it answers differently."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.export.load(path).module()
        found = module(*(torch.from_numpy(np.array(value)) for value in feeds.values()))
    answers = found if isinstance(found, tuple | list) else (found,)
    largest = 0.0
    for got, expected in zip(answers, wanted, strict=True):
        got = got.numpy().astype(np.float64)
        reach = float(np.abs(expected.astype(np.float64)).max(initial=1e-3))
        apart = float(np.abs(got - expected).max(initial=0.0)) if got.shape == expected.shape else np.inf
        if not apart <= TOLERANCE * reach:
            raise ExportError(
                text("The exported file did not pass its verification, so nothing was written."),
                text("Its answers are not those of the network that was judged."),
                text("The ONNX file holds the same network."),
            )
        largest = max(largest, apart)
    return largest
