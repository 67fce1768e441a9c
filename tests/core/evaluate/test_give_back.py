"""What was let go of is gone, networks too."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
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


PIECES = """
import re, sys
import numpy as np
from core.evaluate.give_back import give_back_at_once

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

if sys.argv[1] == "at once":
    give_back_at_once()
np.ones(3 << 20)  # 24 MB, from which glibc learns
before = held()
lower, upper = np.ones(2 << 20), np.ones(2 << 20)
del lower  # 16 MB with something behind it
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")
@pytest.mark.parametrize(("when", "most"), [("at once", 20), ("as usual", 40)])
def test_large_pieces_go_back_when_they_are_freed(when: str, most: int) -> None:
    done = subprocess.run([sys.executable, "-c", PIECES, when], capture_output=True, text=True, check=True)
    # one of two pieces of 16 MB is still in use
    assert most - 10 < int(done.stdout) < most
