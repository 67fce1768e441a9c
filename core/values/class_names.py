"""What a class is called, and what is said of one that nobody has named."""

from __future__ import annotations

from collections.abc import Sequence

from core.values.base import Text, text
from core.values.data import DataInfo

ClassName = str | Text
"""A name as the data has it; a sentence ('class 3') where it has none."""

_NAMED = ("images", "audio")
"""Kinds of data in which a person named a folder for each class: '3' is the name of a digit there."""


def class_name(names: Sequence[ClassName], number: int) -> ClassName:
    return names[number] if 0 <= number < len(names) else text("class {n}", n=number)


def class_names(info: DataInfo, classes: int = 0) -> tuple[ClassName, ...]:
    """Of the data's classes, and of so many that the model tells apart.

    A name that is the class's own number was given by whoever counted the classes.
    """
    known: list[ClassName] = [
        text("class {n}", n=number) if name == str(number) and info.kind not in _NAMED else name
        for number, name in enumerate(info.class_names)
    ]
    return tuple(class_name(known, number) for number in range(max(classes, len(known))))
