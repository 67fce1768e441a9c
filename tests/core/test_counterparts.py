"""What of a compressed network stands for which node, on the files of real runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import networks
import numpy as np
from runs import Data

from core.compress import compress
from core.context import Context
from core.evaluate.judge import Judge
from core.evaluate.runner import Runner
from core.formats import open_model
from core.graph.counterparts import counterparts
from core.graph.opened import OpenedModel
from core.values import Counterpart, LayerPlan, Plan

W8A8 = Plan(defaults=LayerPlan(weight_bits=8, activation_bits=8))
W4 = Plan(defaults=LayerPlan(weight_bits=4))


def made(opened: OpenedModel, entry: str, pictures: np.ndarray, plan: Plan, folder: Path) -> OpenedModel:
    """The file of a run, opened again."""
    labels = Runner(opened.source).run({entry: pictures})[0].argmax(axis=1)
    data = Data({entry: pictures}, labels, "classification", tuple("abcdefghij"[: int(labels.max()) + 1]))
    result = compress(opened, data, Judge(opened.source, data, Context()), plan, folder, None, Context())
    return open_model(Path(result.artefact), Context())


def operators(opened: OpenedModel) -> dict[str, str]:
    return {node.name or "": node.op_type for node in opened.model.graph.all_nodes()}


def checked(opened: OpenedModel, other: OpenedModel) -> dict[str, Counterpart]:
    """Every node of both sides is accounted for, each of the original once."""
    pairs = counterparts(opened.model, other.model)
    originals = [pair.original for pair in pairs if pair.original]
    assert originals == list(operators(opened))
    assert {name for pair in pairs for name in pair.compressed} == set(operators(other))
    return {pair.original: pair for pair in pairs if pair.original}


def test_a_relu_whose_range_a_conversion_has_is_taken_over(tmp_path: Path) -> None:
    opened = open_model(networks.written(networks.cnn(channels=16), tmp_path), Context())
    other = made(opened, "x", networks.pictures(96), W8A8, tmp_path / "work")
    pairs, ops = checked(opened, other), operators(other)
    first = pairs["conv1"]
    assert (first.relation, first.compressed[0]) == ("same", "conv1")
    # what makes numbers of its stored weight serves the layer
    assert "DequantizeLinear" in {ops[name] for name in first.compressed[1:]}
    relus = [pairs[name] for name, op in operators(opened).items() if op == "Relu"]
    gone = [pair for pair in relus if pair.original not in ops]
    assert gone and all(pair.relation == "taken over" for pair in gone)
    assert {ops[name] for name in gone[0].compressed} == {"QuantizeLinear", "DequantizeLinear"}


def test_a_network_against_itself_is_the_same_node_by_node(digits_resnet: Path) -> None:
    opened = open_model(digits_resnet, Context())
    pairs = checked(opened, opened)
    assert all(pair.compressed == (name,) and pair.relation == "same" for name, pair in pairs.items())


def test_a_branch_that_went_has_no_counterpart(digits_resnet: Path) -> None:
    from core.graph.blocks import remove_block, residual_blocks

    opened = open_model(digits_resnet, Context())
    block = residual_blocks(opened.model)[0]
    pairs = counterparts(opened.model, remove_block(opened.model, block.id))
    by_name = {pair.original: pair for pair in pairs}
    assert all(by_name[name].relation in ("none", "taken over") for name in block.layers)
    assert not any(name in by_name[name].compressed for name in block.layers)


def test_resnet20(shared_models: Path, tmp_path: Path) -> None:
    opened = open_model(shared_models / "resnet20_cifar10.onnx", Context())
    pictures = np.random.default_rng(0).normal(size=(48, 3, 32, 32)).astype(np.float32)
    other = made(opened, "image", pictures, W8A8, tmp_path)
    pairs = checked(opened, other)
    assert all(pairs[layer.id].compressed[0] == layer.id for layer in opened.info.layers)
    relations = Counter(pair.relation for pair in pairs.values())
    assert relations["none"] == 0
    assert relations["same"] >= 22 + 9  # the layers and the additions
    assert relations["taken over"] >= 9  # a Relu in each block at least


def test_silero(shared_models: Path, tmp_path: Path) -> None:
    """Weights alone in four bits, both branches: nothing but the layers' stored weights changes."""
    opened = open_model(shared_models / "silero_vad_op18_ifless.onnx", Context())
    result = compress(opened, None, None, W4, tmp_path, None, Context())
    other = open_model(Path(result.artefact), Context())
    pairs = checked(opened, other)
    assert {pair.relation for pair in pairs.values()} <= {"same", "replaced"}
    assert all(pairs[layer.id].compressed[0] == layer.id for layer in opened.info.layers)
