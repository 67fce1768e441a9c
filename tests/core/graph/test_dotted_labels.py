"""Names of layers whose exporter joined a path with dots."""

from __future__ import annotations

import pytest

from core.graph.labels import label


@pytest.mark.parametrize(
    ("node", "op", "expected"),
    [
        ("blocks.blocks.0.attention.query.MatMul", "MatMul", "blocks.0.attention.query"),
        ("layer1.layer1.0.conv1.Conv_3", "Conv", "layer1.0.conv1"),
        # no operation at its end: the name is what somebody chose
        ("layers.0.c1", "Conv", "layers.0.c1"),
        ("a.a.b", "Conv", "a.a.b"),
    ],
)
def test_dotted_paths_lose_operation_and_repeats(node: str, op: str, expected: str) -> None:
    assert label(node, "", op) == expected


def test_a_weight_computed_from_fewer_bits_gives_no_name() -> None:
    """In a file of ours the recurrent layer's weight is the inner value 'j'."""
    assert label("/GRU", "j", "GRU") == "GRU"
    assert label("node_conv2d_3", "fc.weight", "Gemm") == "fc"
    assert label("", "w1", "Conv") == "w1"
