"""Write a module of torch as ONNX, its answers to sample inputs beside it. Runs in the converting process.

torch's exporter without onnxscript follows a traced module. What it makes of a module differs from network to
network, so there are several ways, and the first whose file answers as the module does is taken.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch

from core.convert._samples import Sample, Tensors, draw, flat, output_names, quiet, that_run
from core.convert.talk import MODEL, SAMPLES, Converted, Task
from core.errors import OpenError
from core.graph.labels import clean
from core.values import InputSize, Text, text

OPSET = 17
"""The lowest that has LayerNormalization, and so keeps it in one piece."""
_TOLERANCE = 1e-3

Axes = Sequence[Sequence[int]]
"""For each input, its dimensions that stay open in the file."""


class Loaded(NamedTuple):
    """What a converter got out of a file."""

    module: Any
    """Called with tensors; of torch.nn or torch.jit."""
    names: tuple[str, ...]
    """Of its inputs."""
    program: torch.export.ExportedProgram | None = None
    """Where the file is one."""
    export_first: bool = False
    """The plain trace is known to be worse for this framework."""
    open_dims: tuple[tuple[int, ...], ...] = ()
    """For each input, dimensions besides the batch that may have any size."""
    batch: bool = True
    """Whether the module is said to take any number of samples."""


class Call(torch.nn.Module):
    """A module whose inputs have no names of their own, so that their sizes can be given in order."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.network(*inputs)


class Flat(torch.nn.Module):
    """A module whose answers come one after the other, out of whatever dicts and lists hold them."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return flat(self.network(*inputs))


def write(loaded: Loaded, sizes: Sequence[InputSize], task: Task, stage: Callable[[Text], None]) -> Converted:
    """Write model and samples into the task's folder. Raises OpenError if no way leads there."""
    folder = Path(task.folder)
    stage(text("Running the original"))
    fitting, high = that_run(loaded.module, tuple(sizes), guessed=not task.recipe.inputs)
    if not loaded.program and not loaded.open_dims:
        loaded = loaded._replace(open_dims=_lengths(fitting))
    samples, moving, opened = draw(loaded.module, fitting, high, loaded.open_dims, loaded.batch)
    names = output_names(loaded.module, samples[0].inputs, loaded.names)
    stage(text("Writing the ONNX file"))
    failures: list[str] = []
    for axes in _freedoms(loaded, samples[0], moving, opened):
        kept = [one for one in samples if _fits(one, samples[0], axes)]
        for way in _ways(loaded):
            path = folder / MODEL
            shutil.rmtree(path.parent, ignore_errors=True)
            path.parent.mkdir()
            try:
                with quiet():
                    _export(way(loaded, samples[0].inputs), samples[0].inputs, path, loaded, names, axes)
                _compare(path, loaded, kept)
            except Exception as error:  # another way may do
                reason = (str(error).strip().splitlines() or [""])[0]
                failures.append(clean(f"{type(error).__name__}: {reason}", 300))
                continue
            _save(folder / SAMPLES, loaded, kept)
            return Converted(inputs=fitting, fixed_batch=not any(axes))
    raise OpenError(
        text("'{name}' could not be turned into ONNX.", name=clean(Path(task.source).name)),
        text("{reason}", reason=failures[0]),
        text("Write the model as ONNX where it was made, and open that file."),
    )


def _lengths(sizes: Sequence[InputSize]) -> tuple[tuple[int, ...], ...]:
    """Of tokens, and what goes along with them, the second dimension is a length that may change."""
    tokens = any("int" in item.dtype and len(item.shape) == 2 for item in sizes)
    same = len({item.shape[1:] for item in sizes}) == 1
    return tuple((1,) for _ in sizes) if tokens and same else ()


def _freedoms(loaded: Loaded, sample: Sample, moving: bool, opened: bool) -> list[Axes]:
    """For each attempt the dimensions of each input that are left open, the most first."""
    found: list[Axes] = []
    if opened:
        more = (*loaded.open_dims, *[()] * len(sample.inputs))
        found.append(
            [((0, *dims) if value.dim() else ()) for value, dims in zip(sample.inputs, more, strict=False)]
        )
    if moving:
        found.append([(0,) if value.dim() else () for value in sample.inputs])
    found.append([() for _ in sample.inputs])
    return found


def _fits(sample: Sample, first: Sample, axes: Axes) -> bool:
    """Whether the sample has the first one's sizes wherever they are not left open."""
    return all(
        here == there or dim in dims
        for value, other, dims in zip(sample.inputs, first.inputs, axes, strict=True)
        for dim, (here, there) in enumerate(zip(value.shape, other.shape, strict=True))
    )


def _ways(loaded: Loaded) -> list[Callable[[Loaded, Tensors], Any]]:
    if loaded.program is not None:
        return [_program]
    if isinstance(loaded.module, torch.jit.ScriptModule):
        return [_as_it_is, _frozen, _traced, _unpacked]
    return [_exported, _as_it_is] if loaded.export_first else [_as_it_is, _exported]


def _as_it_is(loaded: Loaded, _: Tensors) -> Any:
    return loaded.module


def _frozen(loaded: Loaded, _: Tensors) -> Any:
    """Branches that depend on attributes alone are decided."""
    return torch.jit.freeze(loaded.module)


def _traced(loaded: Loaded, inputs: Tensors) -> Any:
    return torch.jit.trace(loaded.module, inputs, check_trace=False, strict=False)


def _unpacked(loaded: Loaded, inputs: Tensors) -> Any:
    """The exporter has no operator for a dict: what it is asked for is taken from where it was put in."""
    traced = torch.jit.trace(Flat(loaded.module), inputs, check_trace=False, strict=False)
    return torch.jit.freeze(traced.eval())


def _exported(loaded: Loaded, inputs: Tensors) -> Any:
    """By way of torch.export, which decides more while it follows the code."""
    # one sample would be taken for "always one"
    pair = tuple(torch.cat([value, value]) if value.dim() else value for value in inputs)
    batch, length = torch.export.Dim.DYNAMIC, torch.export.Dim.AUTO  # type: ignore[attr-defined]
    more = (*loaded.open_dims, *[()] * len(pair))
    shapes = tuple(
        {0: batch, **dict.fromkeys(dims, length)} if value.dim() else {}
        for value, dims in zip(pair, more, strict=False)
    )
    program = torch.export.export(Call(loaded.module), pair, dynamic_shapes=(shapes,), strict=False)
    return _program(loaded._replace(program=program), inputs)


def _program(loaded: Loaded, inputs: Tensors) -> Any:
    from core.convert._torch_graph import traceable

    assert loaded.program is not None
    return torch.jit.trace(traceable(loaded.program), inputs, check_trace=False, strict=False)


def _export(module: Any, inputs: Tensors, path: Path, loaded: Loaded, outputs: list[str], axes: Axes) -> None:
    named = {
        name: {dim: f"{name}_{dim}" if dim else "batch" for dim in dims}
        for name, dims in zip(loaded.names, axes, strict=True)
        if dims
    }
    if named:
        named |= {name: {0: "batch"} for name in outputs}
    torch.onnx.export(
        module,
        inputs,
        str(path),
        dynamo=False,
        opset_version=OPSET,
        input_names=list(loaded.names),
        output_names=outputs,
        dynamic_axes=named or None,
    )


def _compare(path: Path, loaded: Loaded, samples: Sequence[Sample]) -> None:
    """Raises ValueError if the file answers differently. This chooses the way; the engine looks again."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    read = {item.name for item in session.get_inputs()}
    for sample in samples:
        named = zip(loaded.names, sample.inputs, strict=True)
        got = session.run(None, {name: value.numpy() for name, value in named if name in read})
        for one, wanted in zip(got, sample.answers, strict=True):
            reach = np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-3)
            if one.shape != wanted.shape or not np.allclose(
                one, wanted, rtol=0, atol=_TOLERANCE * float(reach), equal_nan=True
            ):
                raise ValueError("the file answers differently")


def _save(path: Path, loaded: Loaded, samples: Sequence[Sample]) -> None:
    arrays: dict[str, Any] = {}
    for index, sample in enumerate(samples):
        for name, value in zip(loaded.names, sample.inputs, strict=True):
            arrays[f"in.{index}.{name}"] = value.numpy()
        for place, answer in enumerate(sample.answers):
            arrays[f"out.{index}.{place}"] = answer
    np.savez(path, **arrays)


def chosen_names(known: Sequence[tuple[str, bool]], sizes: Sequence[InputSize]) -> tuple[str, ...]:
    """Names of the inputs for which there are sizes. `known`: each with whether it must be given.

    Raises OpenError if sizes are missing, or there are more than inputs.
    """
    needed = sum(must for _, must in known)
    if not needed <= len(sizes) <= len(known):
        listed = ", ".join(name for name, _ in known)
        raise OpenError(
            text(
                "The network takes {count} inputs: {names}.",
                count=needed or len(known),
                names=clean(listed, 200),
            ),
            text("Sizes of {given} were given.", given=len(sizes)),
            text("Give a size for each, with ; between them, like 1×16:int64; 1×16:int64."),
        )
    return tuple(name for name, _ in known[: len(sizes)])
