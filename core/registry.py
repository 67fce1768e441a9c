"""How a score, method, format, data set kind or metric makes itself known.

A package of plug-in files calls `discover(__name__, __path__)` once; each file in it ends with
``registry.add(...)`` on the package's own `Registry`. Adding a thing is adding one file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from core.values import Described

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things with a description, in order of registration."""

    def __init__(self) -> None:
        self._items: dict[str, tuple[Described, T]] = {}

    def add(self, description: Described, item: T) -> T:
        if description.name in self._items:
            raise ValueError(f"'{description.name}' is registered already")
        self._items[description.name] = (description, item)
        return item

    def arrange(self, names: Sequence[str]) -> None:
        """Put these first, in this order, for menus; what is not named follows as registered."""
        first = {name: self._items[name] for name in names if name in self._items}
        self._items = {**first, **self._items}

    def get(self, name: str) -> T:
        """Raises KeyError with the known names if there is none of this name."""
        if name not in self._items:
            raise KeyError(f"no '{name}'; known: {', '.join(self._items)}")
        return self._items[name][1]

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[tuple[Described, T]]:
        return iter(self._items.values())

    def descriptions(self) -> tuple[Described, ...]:
        return tuple(description for description, _ in self._items.values())


def discover(package: str, path: Iterable[str]) -> None:
    """Import every module of a package, so that each registers itself."""
    for module in pkgutil.iter_modules(path):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
