"""What a workspace lets go of."""

from __future__ import annotations

import weakref
from pathlib import Path

import networks
import numpy as np
import pytest

from core import workspace as workspaces
from core.context import Context
from core.errors import OpenError
from core.graph.opened import OpenedModel
from core.workspace import Workspace


@pytest.mark.parametrize("large", [True, False])
def test_two_large_networks_never_lie_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    paths = []
    for name, size in (("one", 4), ("other", 5)):
        (tmp_path / name).mkdir()
        written = networks.written(networks.dense(np.eye(size, dtype=np.float32)), tmp_path / name)
        paths.append(str(written))
    told: list[str] = []
    if large:
        monkeypatch.setattr(workspaces, "LARGE_FILE", 10)
    monkeypatch.setattr(workspaces, "give_back_at_once", lambda: told.append("at once"))
    workspace = Workspace(tmp_path / "cache", tmp_path / "kept")
    first = weakref.ref(workspace.opened(paths[0], Context()).model.graph)
    there: list[bool] = []
    opening = workspaces.open_model

    def watched(path: str, context: Context) -> OpenedModel:
        there.append(first() is not None)
        return opening(path, context)

    monkeypatch.setattr(workspaces, "open_model", watched)
    assert workspace.opened(paths[1], Context()).info.sha256
    assert there == [not large] and told == ["at once"] * 2
    # a file that cannot be opened takes nothing away for good
    Path(tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(OpenError):
        workspace.opened(str(tmp_path / "no.onnx"), Context())
    assert workspace.opened(paths[1], Context()).source == Path(paths[1])
