"""What requests have in common: what they are about, which each says anew."""

from __future__ import annotations

import msgspec

from core.values import DataSpec


class Request(msgspec.Struct, frozen=True, kw_only=True):
    id: int = 0


class OnModel(Request, frozen=True, kw_only=True):
    """About a model that was opened."""

    model: str
    model_sha256: str = ""
    """Of the model that is meant; empty: whatever lies at its path now."""


class InProject(OnModel, frozen=True, kw_only=True):
    """About a model whose measurements are kept."""

    project: str | None = None
    """A project file that is there; None: the untitled one of the model."""
    read_only: bool = False
    """Look into the project, write nothing there."""


class OnSamples(InProject, frozen=True, kw_only=True):
    """About a model and what judges it."""

    data: DataSpec
