"""What was let go of is gone, networks too."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import networks
import numpy as np
import pytest

from core.context import Context
from core.evaluate.give_back import give_back
from core.formats import open_model


@pytest.mark.parametrize("whole", [True, False])
def test_networks_that_nobody_has_are_freed(tmp_path: Path, whole: bool) -> None:
    path = networks.written(networks.dense(np.eye(4, dtype=np.float32)), tmp_path)
    opened = open_model(path, Context())
    graph = weakref.ref(opened.model.graph)
    gc.disable()
    try:
        del opened
        assert graph() is not None, "a ring of nodes and values"
        give_back(networks=whole)
        assert (graph() is None) is whole
    finally:
        gc.enable()
