"""Requests of what is looked at: drawings side by side, a layer's weights and values."""

from __future__ import annotations

from typing import Literal

from core.messages.request import OnModel, Request
from core.values import DataSpec, Plan


class CompareGraphs(OnModel, frozen=True, kw_only=True, tag=True):
    """-> SideBySide: the drawing of `compressed`, made from the model, and its counterparts."""

    compressed: str
    detail: Literal["layers", "nodes"]


class CoupleLayers(OnModel, frozen=True, kw_only=True, tag=True):
    """-> Couplings. Answered beside a long job."""


class WeighLayers(OnModel, frozen=True, kw_only=True, tag=True):
    """-> WeightFigures. Answered beside a long job."""

    plan: Plan


class Inspect(Request, frozen=True, kw_only=True, tag=True):
    """-> LayerView. Answered beside a long job, at once: a score that samples are needed for comes when it
    has been measured, for which the same is asked again with `measure`."""

    model: str
    layer_id: str
    plan: Plan
    score: str = "magnitude"
    data: DataSpec | None = None
    project: str | None = None
    read_only: bool = False
    measure: bool = False
    """Measure first what the score needs of this layer; may take a while, reports progress."""
    position: int | None = None
    """Show one position of the kernel, in the order of storage; None: their sum."""


class InspectActivations(Request, frozen=True, kw_only=True, tag=True):
    """-> ActivationView: a layer's values on calibration samples. Answered beside a long job."""

    model: str
    layer_id: str
    plan: Plan
    data: DataSpec
