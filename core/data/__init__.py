"""Samples for calibrating and judging: `open_data` recognises the kind by content and opens it."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from core.context import Context
from core.data.dataset import Batch, DataSet, Role
from core.data.kinds import KINDS, Opener
from core.data.own_form import with_own_form
from core.data.refusals import refuse_known
from core.data.relabelled import Relabelled
from core.data.tasks import with_task
from core.errors import DataError
from core.registry import discover
from core.values import DataSpec, TensorInfo, text

__all__ = ["KINDS", "Batch", "DataSet", "Role", "open_data"]

HEAD_BYTES = 4096
RANDOM_PATH = "random"
"""The path of a `DataSpec` that asks for random inputs shaped by the model."""


def open_data(
    spec: DataSpec, inputs: tuple[TensorInfo, ...], outputs: tuple[TensorInfo, ...], context: Context
) -> DataSet:
    """Open the data that `spec` names for a model with these inputs and outputs.

    Raises DataError if it is missing, of no known kind, damaged, or does not fit the model.
    """
    plain = msgspec.structs.replace(spec, label_order=())
    found = with_own_form(_opener(spec)(plain, inputs, outputs, context), inputs)
    data = with_task(found, spec, inputs, outputs)
    return Relabelled(data, spec.label_order) if spec.label_order else data


def _opener(spec: DataSpec) -> Opener:
    """What opens data of this kind, by name or by content. Raises DataError if nothing does."""
    if spec.kind:
        if spec.kind not in KINDS:
            raise DataError(
                text("'{kind}' is no kind of data that Secateur knows.", kind=spec.kind),
                next_step=text("Choose one of: {names}.", names=", ".join(one.name for one, _ in KINDS)),
            )
        return KINDS.get(spec.kind).open
    path = Path(spec.path)
    if spec.path == RANDOM_PATH and not path.exists():
        return KINDS.get("random").open
    head = _head(path)
    if not path.is_dir():
        refuse_known(path, head)
    for _, kind in sorted(KINDS, key=lambda pair: pair[1].last):
        if kind.recognise(path, head):
            return kind.open
    raise DataError(
        text("'{name}' is not data that Secateur can read.", name=path.name),
        text("It is neither a folder of pictures, sounds or requests, an NPZ or NPY file, nor a table."),
        text("Choose one of these."),
    )


def _head(path: Path) -> bytes:
    """The first bytes of a file, none of a folder. Raises DataError if there is nothing to read."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return b""
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                return file.read(HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(
            text("'{path}' cannot be read.", path=str(path)),
            text("It was moved, renamed or is not connected."),
            text("Choose the data again."),
        ) from error
    raise DataError(
        text("'{path}' is neither a file nor a folder.", path=str(path)),
        next_step=text("Choose a folder of pictures, an NPZ or NPY file, or a CSV table."),
    )


discover(__name__, __path__)
