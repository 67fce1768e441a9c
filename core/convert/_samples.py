"""Sample inputs for a module, and the sizes that it takes. Runs in the converting process."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from torch.utils._pytree import tree_flatten_with_path

from core.errors import OpenError
from core.graph.labels import clean
from core.values import InputSize, sizes_line, text

SEEDS = 3
INTEGERS = (1000, 100, 10, 2)
"""Random whole numbers are below the first of these that the module takes: a vocabulary is not known."""
USUAL_SIZES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 416, 512, 640, 16, 8)
"""Heights and widths that are tried where the given ones do not fit."""

Tensors = tuple[torch.Tensor, ...]


class Sample(NamedTuple):
    inputs: Tensors
    answers: tuple[np.ndarray, ...]
    """The original's."""

    @property
    def shapes(self) -> list[torch.Size]:
        return [value.shape for value in self.inputs]


def that_run(module: Any, sizes: tuple[InputSize, ...], guessed: bool) -> tuple[tuple[InputSize, ...], int]:
    """Sizes with which the module runs, those given if they do, and below what its whole numbers stay.

    Raises OpenError if they do not, naming sizes that would; those are taken where `sizes` was but a guess.
    """
    single = _of_one(sizes)
    if guessed and single != sizes:
        with contextlib.suppress(Exception):
            return that_run(module, single, False)
    problem: Exception | None = None
    for high in INTEGERS:
        try:
            run(module, _random(sizes, high, 0))
        except Exception as error:  # of the file's own code
            problem = problem or error
        else:
            return sizes, high
        if not any("int" in item.dtype for item in sizes):
            break
    fitting = _fitting(module, sizes)
    if fitting and guessed:
        return fitting, INTEGERS[-1]
    reason = (str(problem).strip().splitlines() or [""])[-1]
    raise OpenError(
        text("The network does not take inputs of {sizes}.", sizes=sizes_line(sizes)),
        text("It says: {reason}", reason=clean(reason, 300)),
        text("It takes {sizes}: give these.", sizes=sizes_line(fitting))
        if fitting
        else text("Give the sizes that it was made for, the number of samples first."),
    )


def _of_one(sizes: tuple[InputSize, ...]) -> tuple[InputSize, ...]:
    """The same with one sample, if all have the same number of them: it shows most about a network."""
    counts = {item.shape[0] for item in sizes}
    if len(counts) != 1:
        return sizes
    return tuple(msgspec.structs.replace(item, shape=(1, *item.shape[1:])) for item in sizes)


def _fitting(module: Any, sizes: tuple[InputSize, ...]) -> tuple[InputSize, ...]:
    """Pictures of as many channels, but of another height and width, that the module takes; () if none."""
    if not any(len(item.shape) == 4 for item in sizes):
        return ()
    for size in USUAL_SIZES:
        other = tuple(
            msgspec.structs.replace(item, shape=(*item.shape[:2], size, size))
            if len(item.shape) == 4
            else item
            for item in sizes
        )
        with contextlib.suppress(Exception):
            run(module, _random(other, INTEGERS[-1], 0))
            return other
    return ()


def draw(
    module: Any,
    sizes: tuple[InputSize, ...],
    high: int,
    open_dims: Sequence[Sequence[int]] = (),
    batch: bool = True,
) -> tuple[list[Sample], bool, bool]:
    """Inputs and answers: of the sizes as given, and with other ones where the module takes them.

    `open_dims`: for each input, dimensions besides the batch that may have any size. The other two values say
    whether the number of samples may change, and whether those dimensions may.
    """
    samples = []
    for seed in range(SEEDS):
        inputs = _random(sizes, high, seed)
        samples.append(Sample(inputs, run(module, inputs)))
    moving = batch and _added(samples, module, _random(sizes, high, SEEDS, 2))
    moving = moving and _added(samples, module, _random(sizes, high, SEEDS + 1, 3))
    opened = moving and any(open_dims)
    opened = opened and _added(samples, module, _random(sizes, high, SEEDS + 2, 2, open_dims))
    return samples, moving, opened


def _added(samples: list[Sample], module: Any, inputs: Tensors) -> bool:
    """Whether the module takes these; then they are one sample more."""
    try:
        samples.append(Sample(inputs, run(module, inputs)))
    except Exception:  # of the file's own code: it was made for one size
        return False
    return True


def _random(
    sizes: Sequence[InputSize], high: int, seed: int, batch: int = 0, longer: Sequence[Sequence[int]] = ()
) -> Tensors:
    """Normal floats, whole numbers below `high`. `batch`: instead of the first dimension; 0: as it is."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for place, item in enumerate(sizes):
        shape = list(item.shape)
        if batch and shape:
            shape[0] = batch
        for dim in longer[place] if place < len(longer) else ():
            shape[dim] += 3
        dtype = getattr(torch, item.dtype)
        if dtype.is_floating_point:
            made.append(torch.randn(shape, generator=generator).to(dtype))
        else:
            top = 2 if dtype == torch.bool else high
            made.append(torch.randint(0, top, shape, generator=generator).to(dtype))
    return tuple(made)


def run(module: Any, inputs: Tensors) -> tuple[np.ndarray, ...]:
    """All tensors that come out, in order. Raises OpenError if there are none."""
    found = tuple(value.detach().cpu().numpy() for _, value in _answers(module, inputs))
    if not found:
        raise OpenError(text("The network gives no tensors."))
    return found


def flat(answers: Any) -> Tensors:
    """All tensors of what a module gives, in the order of `run` and `output_names`."""
    return tuple(value for _, value in _tensors(answers))


def output_names(module: Any, inputs: Tensors, taken: Sequence[str] = ()) -> list[str]:
    """From the keys under which the module hands its answers out; none twice, and none of those `taken`."""
    places = [path for path, _ in _answers(module, inputs)]
    keys = ["_".join(str(getattr(step, "key", getattr(step, "idx", ""))) for step in path) for path in places]
    if len(keys) == 1 and (not keys[0] or keys[0].isdigit()):
        keys = ["output"]
    names: list[str] = []
    for index, key in enumerate(keys):
        name = key if key and not key[0].isdigit() else f"output_{key or index}"
        while name in taken or name in names:
            name = f"output_{name}"
        names.append(name)
    return names


def _answers(module: Any, inputs: Tensors) -> list[tuple[Any, torch.Tensor]]:
    with torch.no_grad(), quiet():
        return _tensors(module(*(value.clone() for value in inputs)))


def _tensors(answers: Any) -> list[tuple[Any, torch.Tensor]]:
    leaves, _ = tree_flatten_with_path(answers)
    return [(path, value) for path, value in leaves if isinstance(value, torch.Tensor)]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The exporter prints whole graphs when it gives up on a way."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
