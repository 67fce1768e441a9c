"""Real networks made elsewhere: they open, list sensible layers, draw, and compute what they did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from graph_makers import assert_same_answers, random

from core.context import Context
from core.formats import open_model
from core.graph.drawing import layout
from core.graph.opened import OpenedModel
from core.graph.opset import raise_opset


def pictures(size: int) -> dict[str, np.ndarray]:
    return {"image": random(2, 3, size, size)}


def speech(rate: int, length: int) -> dict[str, np.ndarray]:
    return {"input": random(1, length), "state": random(2, 1, 128), "sr": np.array(rate)}


FEEDS = {
    "resnet20_cifar10": pictures(32),
    "mobilenet_cifar10": pictures(32),
    "ch_ppocr_mobile_v2.0_cls_infer": {"x": random(2, 3, 48, 192)},
    "magika_standard_v3_3": {"bytes": np.arange(4096, dtype=np.int32).reshape(2, 2048) % 257},
    "basic_pitch_nmp": {"serving_default_input_2:0": random(1, 43844, 1)},
    "silero_vad": speech(16000, 512),
    "silero_vad_op18_ifless": speech(8000, 256),
}
KINDS = {
    "resnet20_cifar10": "19 Conv 3×3, 2 Conv 1×1, 1 Dense",
    "mobilenet_cifar10": "1 Conv 3×3, 17 Conv 1×1, 8 Depthwise 3×3, 1 Dense",
    "ch_ppocr_mobile_v2.0_cls_infer": ("1 Conv 3×3, 41 Conv 1×1, 3 Depthwise 3×3, 8 Depthwise 5×5, 1 Dense"),
    "magika_standard_v3_3": "1 Conv 5×1, 2 Dense",
    "basic_pitch_nmp": "26 Conv 1×256, 2 Conv 5×5, 1 Conv 3×39, 1 Conv 7×7, 1 Conv 7×3, 1 Conv 3×3",
    "silero_vad": "1 Conv 1-d 128, 1 Conv 1-d 256, 8 Conv 1-d 3, 2 Conv 1-d 1, 4 LSTM",
    "silero_vad_op18_ifless": "1 Conv 1-d 128, 1 Conv 1-d 256, 8 Conv 1-d 3, 2 Conv 1-d 1, 4 Dense",
}


@pytest.fixture(params=sorted(FEEDS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def result(name: str, shared_models: Path) -> OpenedModel:
    return open_model(shared_models / f"{name}.onnx", Context())


def test_normalised_model_gives_the_same_answers(name: str, result: OpenedModel) -> None:
    assert_same_answers(result.source, result.model, FEEDS[name])


def test_layers_are_found(name: str, result: OpenedModel) -> None:
    counts = Counter(layer.kind for layer in result.info.layers)
    assert sorted(f"{count} {kind}" for kind, count in counts.items()) == sorted(KINDS[name].split(", "))
    assert result.info.compressible


def test_labels_are_short_and_unique(result: OpenedModel) -> None:
    labels = [layer.label for layer in result.info.layers]
    assert len(set(labels)) == len(labels)
    for label in labels:
        assert 2 <= len(label) <= 45
        assert (
            "/" not in label.partition("(")[0]
            and "StatefulPartitionedCall" not in label
            and "::" not in label
        )


def test_drawings_hold_every_layer(result: OpenedModel) -> None:
    ids = [layer.id for layer in result.info.layers]
    for detail in ("layers", "nodes"):
        graph = layout(result, detail)
        assert sorted(node.layer_id for node in graph.nodes if node.layer_id) == sorted(ids)
        assert {edge.target for edge in graph.edges} >= {
            f"output:{value.name}" for value in result.info.outputs
        }


def test_names_are_unique_and_weights_in_the_main_graph(result: OpenedModel) -> None:
    names = [node.name for node in result.model.graph.all_nodes()]
    assert len(set(names)) == len(names)
    for graph in result.model.graphs():
        assert graph is result.model.graph or not graph.initializers
    for layer in result.info.layers:
        assert all(weight in result.model.graph.initializers for weight in layer.weights)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("ch_ppocr_mobile_v2.0_cls_infer", 17),
        ("basic_pitch_nmp", 21),
        ("silero_vad", 21),
        ("silero_vad_op18_ifless", 21),
        ("magika_standard_v3_3", 21),
        ("resnet20_cifar10", 21),
        ("resnet20_cifar10", 25),
    ],
)
def test_raised_opset_gives_the_same_answers(name: str, target: int, result: OpenedModel) -> None:
    raised = raise_opset(result.model, target)
    assert raised.graph.opset_imports[""] == target
    assert_same_answers(result.source, raised, FEEDS[name])


def test_resnet_is_known_to_the_last_number(shared_models: Path) -> None:
    info = open_model(shared_models / "resnet20_cifar10.onnx", Context()).info
    # He et al. 2016: 0.27 M parameters; 40.8 M multiply-adds on 32 × 32
    assert info.params == 271_690
    assert info.macs == 40_813_184
    assert [layer.label for layer in info.layers][:4] == ["stem", "layers.0.c1", "layers.0.c2", "layers.1.c1"]
    assert (info.opset, info.producer, info.node_count) == (17, "pytorch 2.13.0", 51)
    assert info.inputs[0].dtype == "float32"
    assert info.inputs[0].shape == ("N", 3, 32, 32)
