"""What each node of a network takes on this computer in each of the forms that a plan may give it."""

from __future__ import annotations

from typing import Literal

from core.values.base import Value

Form = Literal["plain", "blocked", "integer"]
"""How values lie in memory: float as the model has them, float in blocks of channels, 8-bit integers."""


class KernelTime(Value, frozen=True, kw_only=True):
    """Milliseconds of one node run alone; what brings its values into their form and back stands apart."""

    ms: float
    form: Form = "plain"
    enter_ms: float = 0.0
    """From plain float into this form, of all its inputs."""
    leave_ms: float = 0.0
    """From this form back into plain float."""


class TimedNode(Value, frozen=True, kw_only=True):
    """A node of the main graph, together with the activation function that its kernel takes in."""

    name: str
    op: str
    kind: Literal["layer", "between", "other"]
    """'between': no layer, but with an integer kernel, as Add. 'other': float whatever the plan says."""
    inputs: tuple[str, ...]
    """Values that carry activations."""
    output: str
    """The value behind the activation function, if it has one, else its own."""
    conv: bool = False
    """Its result becomes integers too where it computes on integers."""
    tailed: bool = False
    """An activation function stands behind it."""
    tail: str = ""
    """Its node's name."""
    others: tuple[str, ...] = ()
    """Its second result and those behind it."""
    integer: bool = False
    """A layer with an integer kernel."""
    end: bool = False
    """First or last, with next to none of the work: left in float unless asked for by itself."""
    times: tuple[tuple[str, KernelTime], ...] = ()
    """By setting: see `core.kernel_model.setting_of`; with '@50' behind it for half the channels."""


class LatencyTable(Value, frozen=True, kw_only=True, tag=True):
    """The main graph with what is known of its nodes' times: enough to add up any plan."""

    nodes: tuple[TimedNode, ...]
    outputs: tuple[str, ...]
    """Values that leave the network."""
    threads: int
