"""The well-known architectures as torch exports them: half of every group goes, and nothing else changes."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from graph_makers import run
from test_surgery import normalised, numbers, silenced, some_of_each
from torch_networks import NETWORKS, network

from core.graph.cost import costs
from core.graph.coupling import channel_groups
from core.graph.surgery import remove_channels
from core.graph.weights import to_bytes

OPSETS = (13, 18)
SINCE = {"transformer, flash": 14, "transformer, torch's own": 14}
"""torch writes its own attention only from this opset on."""
CASES = [(name, opset) for name in NETWORKS for opset in OPSETS if opset >= SINCE.get(name, 0)]


def macs(model: ir.Model) -> int:
    found = costs(model).macs
    assert None not in found.values()
    return sum(count or 0 for count in found.values())


@pytest.mark.parametrize(("name", "opset"), CASES)
def test_half_of_every_group_goes(name: str, opset: int) -> None:
    proto, feeds = network(name, opset)
    model = normalised(proto)
    for expected, found in zip(run(proto, feeds), run(model, feeds), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    groups = channel_groups(model)
    # all that is held is held by the output
    assert all("output" in str(group.why_fixed) for group in groups if not group.removable)
    assert sum(not group.removable for group in groups) == 1
    # where an average runs over the channels the others change by definition
    exact = tuple(group for group in groups if not group.notes)
    cuts = some_of_each(exact, 0.5, 0)
    before = silenced(model, exact, cuts)
    after = remove_channels(before, cuts)
    for expected, found in zip(run(before, feeds), run(after, feeds), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert macs(after) < 0.75 * macs(model)
    halved = remove_channels(model, some_of_each(groups, 0.5, 0))
    assert macs(halved) < 0.42 * macs(model)
    assert numbers(halved) < 0.38 * numbers(model)
    onnx.checker.check_model(onnx.load_from_string(to_bytes(halved)), full_check=True)
    # other numbers of samples than the export and the analysis saw
    for count in (1, 5):
        more = {key: np.resize(value, (count, *value.shape[1:])) for key, value in feeds.items()}
        expected, (found, *_) = run(model, more)[0], run(halved, more)
        assert found.shape == expected.shape and np.isfinite(found).all()


def test_heads_of_every_kind_go_whole() -> None:
    for name in [name for name in NETWORKS if name.startswith("transformer")]:
        model = normalised(network(name)[0])
        heads = [group for group in channel_groups(model) if group.unit % 8 == 0 and group.size == 4]
        assert heads, name
        assert all(group.removable for group in heads)
