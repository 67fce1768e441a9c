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
    unit: Text = Text("")
    """What a score's numbers are counted in."""


class StepInfo(Described, frozen=True, kw_only=True):
    """A step on the whole network, as the order of a run lists it; its parameters are those of `methods`."""

    place: int
    """In the usual order: smaller comes first."""
    methods: tuple[str, ...] = ()
    asked_by: tuple[tuple[str, str], ...] = ()
    """(method, parameter): any of these above 0, or on, asks for the step."""
    asked_by_layers: Literal["", "zeros", "bits"] = ""
    """Or: any layer that gets zeros, or fewer bits."""
    may_follow_bits: bool = False
    """Whether it can come after the bits are taken too."""
    only_after_bits: bool = False
    """Whether it has something to do only there."""
    repeats: bool = False
    """Whether it may come several times."""


class Preset(Value, frozen=True, kw_only=True):
    """A named way to compress: what every layer gets, and the steps' parameters."""

    name: str
    label: Text
    help: Text
    """What it is for, in plain words."""
    defaults: LayerPlan
    methods: dict[str, dict[str, str | int | float | bool]] = {}
    order: tuple[str, ...] = ()
    """As in `Plan`."""


class Catalogue(Value, frozen=True, kw_only=True, tag=True):
    """Everything that registered itself, for the window's menus and forms."""

    scores: tuple[Described, ...] = ()
    methods: tuple[Described, ...] = ()
    formats: tuple[Described, ...] = ()
    data_kinds: tuple[Described, ...] = ()
    metrics: tuple[Described, ...] = ()
    presets: tuple[Preset, ...] = ()
    steps: tuple[StepInfo, ...] = ()
    """In the usual order."""
