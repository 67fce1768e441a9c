"""Whole-network steps within a run, on the bundled sample, judged by plain onnxruntime and onnx."""

import numpy as np
import onnx
import pytest

from core import jobs
from core import messages as m
from core.context import Context
from core.restructure import restructure
from core.values import DataSpec, LayerPlan, Plan
from core.workspace import Workspace

FLOAT = LayerPlan(sparsity=0.0, weight_bits=32, activation_bits=32)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(cache_dir=tmp_path / "cache", data_dir=tmp_path / "data")


@pytest.fixture
def spec(digits):
    return DataSpec(path=str(digits), judge_count=200, calibration_count=128)


def compress(workspace, model, spec, plan):
    request = m.Compress(model=str(model), data=spec, plan=plan, judge_steps=False)
    return jobs.perform(request, workspace, Context())


def parameters(path):
    return sum(int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer)


def test_a_plan_without_whole_network_steps_asks_for_nothing():
    assert not Plan(defaults=LayerPlan(sparsity=0.5)).restructures
    assert not Plan(methods={"prune_channels": {"macs": 0.0}}).restructures
    assert Plan(methods={"prune_channels": {"macs": 25.0}}).restructures
    assert Plan(methods={"finetune": {"seconds": 1.0}}).restructures


def test_channels_alone_make_the_file_smaller_and_keep_most_answers(workspace, digits_resnet, spec):
    plan = Plan(defaults=FLOAT, methods={"prune_channels": {"macs": 40.0, "score": "moments", "multiple": 1}})
    result = compress(workspace, digits_resnet, spec, plan)
    assert parameters(result.artefact) < 0.8 * parameters(digits_resnet)
    assert result.after.primary.value > result.before.primary.value - 5
    # the account is of the original's layers, in bytes of the original
    stored = {t.name: t for t in onnx.load(digits_resnet).graph.initializer}
    first = result.layers[0]
    weight = next(tensor for name, tensor in stored.items() if name.startswith(first.label))
    assert first.before_bytes >= 4 * int(np.prod(weight.dims))


def test_channels_and_bits_go_together(workspace, digits_resnet, spec):
    plan = Plan(
        defaults=LayerPlan(weight_bits=8, activation_bits=8),
        methods={"prune_channels": {"channels": 25.0, "score": "magnitude", "multiple": 1}},
    )
    result = compress(workspace, digits_resnet, spec, plan)
    assert {layer.weight_bits for layer in result.layers} == {8}
    assert result.after.size_bytes < 0.25 * result.before.size_bytes


def test_training_holds_the_zeros_and_never_sees_what_judges(workspace, digits_resnet, spec, monkeypatch):
    seen = []
    from core import restructure as module

    tune = module.tune

    def watched(model, teacher, masks, samples, plan, context):
        seen.append((masks, samples))
        return tune(model, teacher, masks, samples, plan, context)

    monkeypatch.setattr(module, "tune", watched)
    plan = Plan(
        defaults=LayerPlan(sparsity=0.7, weight_bits=32, activation_bits=32),
        methods={"finetune": {"seconds": 2.0, "labels": 0.0}, "compensate": {"on": False}},
    )
    opened = workspace.opened(str(digits_resnet), Context())
    data = workspace.data(str(digits_resnet), spec, Context())
    trained = restructure(opened, data, plan, None, Context())
    masks, samples = seen[0]
    judging = {int(index) for batch in data.batches("judge", 64) for index in batch.indices}
    assert judging.isdisjoint(int(index) for index in samples.indices)
    assert len(samples) > data.info.calibration_count
    for name, mask in masks.items():
        weight = trained.model.graph.initializers[name].const_value.numpy()
        assert not weight[~mask].any()
        assert np.mean(~mask) >= 0.69
    assert [layer.id for layer in trained.info.layers] == [layer.id for layer in opened.info.layers]
    assert trained.info.sha256 != opened.info.sha256
