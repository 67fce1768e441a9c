"""Everything that registered itself, described for menus and forms."""

from __future__ import annotations

from typing import Literal

from core.values.base import Text, Value
from core.values.plan import LayerPlan


class Choice(Value, frozen=True):
    """One of the values that a parameter may take: its name in a plan, and what a person reads."""

    name: str
    label: Text
    help: Text = Text("")
    """What it is for, in a plain sentence; empty where the label says it all."""


class Parameter(Value, frozen=True, kw_only=True):
    """A setting of a method, described so that the window can build its form."""

    name: str
    label: Text
    help: Text
    kind: Literal["number", "integer", "choice", "switch"]
    default: str | int | float | bool
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[Choice, ...] = ()


class Described(Value, frozen=True, kw_only=True):
    """A registered score, method, format, data set kind or metric."""

    name: str
    label: Text
    help: Text
    parameters: tuple[Parameter, ...] = ()


class Preset(Value, frozen=True, kw_only=True):
    """A named way to compress: what every layer gets, and the steps' parameters."""

    name: str
    label: Text
    help: Text
    """What it is for, in plain words."""
    defaults: LayerPlan
    methods: dict[str, dict[str, str | int | float | bool]] = {}


class Catalogue(Value, frozen=True, kw_only=True, tag=True):
    """Everything that registered itself, for the window's menus and forms."""

    scores: tuple[Described, ...] = ()
    methods: tuple[Described, ...] = ()
    formats: tuple[Described, ...] = ()
    data_kinds: tuple[Described, ...] = ()
    metrics: tuple[Described, ...] = ()
    presets: tuple[Preset, ...] = ()
