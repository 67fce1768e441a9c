"""The table of operators, apart from the package so that its files can register while it is imported."""

from __future__ import annotations

from collections.abc import Callable

from core.gradients.attributes import Function

OPERATORS: dict[str, Function] = {}


def operator(*names: str) -> Callable[[Function], Function]:
    """Register a function for these operators of the standard domain."""

    def register(function: Function) -> Function:
        for name in names:
            if name in OPERATORS:
                raise ValueError(f"'{name}' is registered already")
            OPERATORS[name] = function
        return function

    return register
