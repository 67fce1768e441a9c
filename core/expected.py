"""The model that a request is about, and no other that lies at its path by now."""

from __future__ import annotations

from typing import Protocol

from core.context import Context
from core.graph.opened import OpenedModel
from core.sources import model_changed
from core.workspace import Workspace


class AboutModel(Protocol):
    """A request that names its model."""

    @property
    def model(self) -> str: ...

    @property
    def model_sha256(self) -> str: ...


def expected(request: AboutModel, workspace: Workspace, context: Context) -> OpenedModel:
    """Open the model that the request means. Raises SourceChangedError if another lies at its path."""
    opened = workspace.opened(request.model, context)
    if request.model_sha256 and opened.info.sha256 != request.model_sha256:
        raise model_changed(request.model)
    return opened
