"""Files that the program wrote itself are read without lying beside what is read."""

from __future__ import annotations

import sys
from pathlib import Path

import networks
import numpy as np
import onnx_ir as ir
import pytest
from memory import most_bytes

from core.formats.own_file import read_own
from core.graph.weights import save


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_mapped_file_leaves_memory_as_it_is_copied(tmp_path: Path) -> None:
    # one that is no multiple of a page, of a piece, or of the other
    large = np.arange(20_000_001, dtype=np.float32).reshape(1, -1)
    small = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = tmp_path / "network.onnx"
    nodes = [
        networks.helper.make_node("MatMul", ["x", "small"], ["y"]),
        networks.helper.make_node("MatMul", ["a", "large"], ["b"]),
    ]
    ends = ({"x": ["N", 2], "a": ["N", 1]}, {"y": ["N", 3], "b": ["N", 20_000_001]})
    save(ir.from_proto(networks.model_of(nodes, *ends, {"small": small, "large": large})), path)
    model, most = most_bytes(lambda: read_own(path))
    found = {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}
    np.testing.assert_array_equal(found["large"], large)
    np.testing.assert_array_equal(found["small"], small)
    assert most < 1.2 * large.nbytes, "80 MB and a little, not the file and its copy"
