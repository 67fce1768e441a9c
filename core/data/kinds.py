"""The registry of data set kinds: each file of a kind adds itself here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.context import Context
from core.data.dataset import DataSet
from core.registry import Registry
from core.values import DataSpec, TensorInfo

Opener = Callable[[DataSpec, tuple[TensorInfo, ...], tuple[TensorInfo, ...], Context], DataSet]


@dataclass(frozen=True)
class Kind:
    """How to recognise a kind of data by its content, and how to open it.

    recognise gets the path and the first 4096 bytes (empty for a folder).
    """

    recognise: Callable[[Path, bytes], bool]
    open: Opener
    last: bool = False
    """Takes what no other kind recognises."""


KINDS: Registry[Kind] = Registry()
