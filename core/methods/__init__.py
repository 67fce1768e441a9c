"""The compression steps: one file per step, each a few pure functions on arrays or on a graph.

Adding a step is adding a file here that ends with ``METHODS.add(Described(...), function)``; its
parameters then appear in the window's form and are read from ``plan.methods[name]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.registry import Registry, discover
from core.values import Plan

METHODS: Registry[Callable[..., Any]] = Registry()
"""Every compression step by name, with the description of its parameters."""


def setting(plan: Plan, name: str, parameter: str) -> Any:
    """A step's parameter as the plan says, else the default its file declares.

    Raises KeyError for a step or parameter that does not exist.
    """
    for described, _ in METHODS:
        if described.name == name:
            for declared in described.parameters:
                if declared.name == parameter:
                    return plan.methods.get(name, {}).get(parameter, declared.default)
    raise KeyError(f"{name}.{parameter}")


discover(__name__, __path__)
