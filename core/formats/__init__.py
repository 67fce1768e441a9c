"""Model formats. Each file of this package registers one: how to recognise it, how to open it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from core.context import Context
from core.formats.content import unrecognised
from core.formats.safety import check_file, read_head
from core.graph.opened import OpenedModel
from core.registry import Registry, discover
from core.values import text


class Format(Protocol):
    """A model format."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether the content, not the ending, is of this format. `head`: the file's first 4 KiB."""

    def open(self, path: Path, context: Context) -> OpenedModel:
        """Raises OpenError, UnsafeFileError or UnsupportedModelError."""


FORMATS: Registry[Format] = Registry()


def open_model(path: str | Path, context: Context) -> OpenedModel:
    """Open a model of any registered format. Nothing of the file runs.

    Raises OpenError, UnsafeFileError or UnsupportedModelError, and Cancelled.
    """
    source = Path(path)
    context.report(text("Reading the model"))
    check_file(source)
    head = read_head(source)
    for _, model_format in FORMATS:
        if model_format.recognises(source, head):
            return model_format.open(source, context)
    raise unrecognised(source, head)


discover(__name__, __path__)
