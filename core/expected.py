"""The model that a request is about, and no other that lies at its path by now."""

from __future__ import annotations

from core.context import Context
from core.graph.opened import OpenedModel
from core.messages import OnModel
from core.sources import model_changed
from core.workspace import Workspace


def expected(request: OnModel, workspace: Workspace, context: Context) -> OpenedModel:
    """Open the model that the request means. Raises SourceChangedError if another lies at its path."""
    opened = workspace.opened(request.model, context)
    if request.model_sha256 and opened.info.sha256 != request.model_sha256:
        raise model_changed(request.model)
    return opened
