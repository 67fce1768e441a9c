"""Kinds of files that can be turned into ONNX. Each file of this package registers one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from core.convert.talk import Converted, Task
from core.registry import Registry, discover
from core.values import Described, Foreign, Text


class Converter(Protocol):
    """One kind of file. The first two run in the engine and touch nothing but bytes."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether the content, not the ending, is of this kind. `head`: the file's first 4 KiB."""

    def examine(self, path: Path) -> Foreign:
        """Say what the file is and what must be asked; path, hash and kind are filled in by the caller.

        Runs nothing of the file and imports no framework.

        Raises OpenError, UnsafeFileError or UnsupportedModelError for what cannot be converted.
        """

    def convert(self, task: Task, stage: Callable[[Text], None]) -> Converted:
        """In the process of its own: write the ONNX file and the original's answers into `task.folder`.

        Raises SecateurError in words, or whatever the framework raises.
        """


CONVERTERS: Registry[Converter] = Registry()


def converter_of(path: Path, head: bytes) -> Described | None:
    """The kind of file that this is, if it is one that can be turned into ONNX."""
    return next((kind for kind, converter in CONVERTERS if converter.recognises(path, head)), None)


discover(__name__, __path__)
