"""Bias correction: a shift put in by hand is taken out again, and only what helps is kept."""

import networks
import numpy as np
import onnx_ir as ir

from core.context import Context
from core.formats import open_model
from core.methods._bias import read_bias, set_bias
from core.methods._taps import node_named
from core.methods.correct_bias import correct_bias


def test_a_shift_of_every_channel_is_found_and_taken_back(tmp_path):
    original = open_model(networks.written(networks.cnn(channels=16), tmp_path), Context()).model
    shift = np.linspace(-0.3, 0.4, 16).astype(np.float32)
    before = read_bias(node_named(original, "conv1"), 16)

    def network(biases) -> ir.Model:
        model = original.clone()
        given = {"conv1": before + shift, **biases}
        for name, bias in given.items():
            set_bias(model, node_named(model, name), bias)
        return model

    feeds = [{"x": networks.pictures(32)}]
    layers = {"conv1": 16, "conv2": 16, "fc": 4}
    started = {"conv1": before + shift}
    done = correct_bias(original, network, layers, started, lambda: feeds, feeds, Context())
    # linear in the bias: one correction is exact, and nothing is left for the layers after it
    np.testing.assert_allclose(done.biases["conv1"], before, atol=1e-5)
    assert done.after < 1e-6 < done.before
    assert set(done.biases) <= {"conv1", "conv2", "fc"}


def test_what_does_not_help_is_not_kept(tmp_path):
    original = open_model(networks.written(networks.cnn(channels=16), tmp_path), Context()).model
    feeds = [{"x": networks.pictures(16)}]

    def network(biases) -> ir.Model:
        model = original.clone()
        for name, bias in biases.items():
            set_bias(model, node_named(model, name), bias)
        return model

    done = correct_bias(original, network, {"conv1": 16, "fc": 4}, {}, lambda: feeds, feeds, Context())
    assert done.biases == {} and done.before == done.after == 0.0
