import onnx
import pytest

from core.context import Context
from core.formats import open_model
from core.graph.light_copy import light_copy


@pytest.mark.parametrize("name", ["resnet20_cifar10", "silero_vad", "magika_standard_v3_3"])
def test_the_light_copy_keeps_every_node_and_weighs_next_to_nothing(shared_models, name):
    opened = open_model(shared_models / f"{name}.onnx", Context())
    content = light_copy(opened)
    copy = onnx.load_from_string(content)
    assert [node.name for node in copy.graph.node] == [node.name for node in opened.model.graph]
    assert len(content) < 0.2 * opened.info.size_bytes
    for layer in opened.info.layers:
        weight = next(tensor for tensor in copy.graph.initializer if tensor.name == layer.weights[0])
        if len(layer.weights) == 1:
            assert tuple(weight.dims) == layer.shape
