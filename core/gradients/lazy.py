"""torch, imported at its first use: importing it takes seconds, and most of the program never needs it."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _Lazy:
    """Stands for a module; each attribute is looked up in the real one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            self._module = importlib.import_module(self._name)
        value = getattr(self._module, attribute)
        setattr(self, attribute, value)
        return value


if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F  # noqa: N812 - its usual name
else:
    torch = _Lazy("torch")
    F = _Lazy("torch.nn.functional")

__all__ = ["F", "torch"]
