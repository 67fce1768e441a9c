"""Values at the borders: those of the network itself, whichever piece, group and thread asks for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime
import pytest

from core.context import Context
from core.evaluate.judge import Judge
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.sweep.border import BORDER_BYTES, Borders
from core.sweep.probe import needs
from core.sweep.samples import draw

COUNT = 200


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


@pytest.fixture
def judge(opened: OpenedModel) -> Judge:
    return Judge(opened.source, networks.ArrayData({"x": networks.pictures(COUNT)}), Context())


@pytest.mark.parametrize("limit", [1, BORDER_BYTES])
def test_values_are_those_of_the_network(opened: OpenedModel, judge: Judge, limit: int) -> None:
    samples = draw(judge, COUNT)
    assert len(samples.pieces) > 4
    layers = opened.info.layers
    needed = {layer.id: needs(opened, judge, layer) or () for layer in layers}
    borders = Borders(opened, samples, needed, limit=limit)
    assert [name for group in borders.groups for name in group] == [layer.id for layer in layers]
    assert len(borders.groups) == (1 if limit == BORDER_BYTES else len(layers))

    # the same network with every wanted value as an output, in onnxruntime alone
    model = onnx.load(str(opened.source))
    names = sorted({name for values in needed.values() for name in values} - {"x"})
    assert names
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    asked = [
        (layer.id, position)
        for group in borders.groups
        for layer in layers
        if layer.id in group
        for position in (0, 3, 1, len(samples.pieces) - 1)
    ]
    for layer_id, position in asked:
        feeds = samples.pieces[position].feeds
        expected = dict(zip(names, session.run(names, feeds), strict=True)) | feeds
        found = borders.feeds(layer_id, position)
        for name in needed[layer_id]:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


def test_threads_that_ask_together_get_the_same(opened: OpenedModel, judge: Judge) -> None:
    samples = draw(judge, COUNT)
    layer = opened.info.layers[-1]
    borders = Borders(opened, samples, {layer.id: needs(opened, judge, layer) or ()})
    with ThreadPoolExecutor(4) as pool:
        for position in (0, len(samples.pieces) - 1):
            found = list(pool.map(lambda _, at=position: borders.feeds(layer.id, at), range(8)))
            for name in found[0]:
                assert all(each[name] is found[0][name] for each in found)  # computed once
