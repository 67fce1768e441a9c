"""Every step as the window's forms rely on it."""

from __future__ import annotations

import msgspec
import pytest

from core.methods import METHODS
from core.values import Catalogue, Choice, Described


@pytest.mark.parametrize("step", METHODS.descriptions(), ids=lambda step: step.name)
def test_parameters_are_complete(step: Described) -> None:
    names = [parameter.name for parameter in step.parameters]
    assert len(set(names)) == len(names)
    for parameter in step.parameters:
        assert str(parameter.label) and str(parameter.help), parameter.name
        assert bool(parameter.choices) == (parameter.kind == "choice"), parameter.name
        for choice in parameter.choices:
            assert isinstance(choice, Choice) and str(choice.label), parameter.name
        if parameter.kind == "choice":
            assert parameter.default in [choice.name for choice in parameter.choices], parameter.name


def test_the_catalogue_crosses_the_pipe() -> None:
    catalogue = Catalogue(methods=METHODS.descriptions())
    packed = msgspec.msgpack.encode(catalogue)
    assert msgspec.msgpack.decode(packed, type=Catalogue) == catalogue
