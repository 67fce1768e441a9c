"""Gradients of convolutions that oneDNN computes wrongly where it is asked plainly."""

from __future__ import annotations

import numpy as np
import torch

from core.gradients.attributes import Attributes
from core.gradients.operators.convolution import conv


def test_pointwise_steps_with_few_channels_in_channels_last_have_the_gradient_worked_out_by_hand() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 7, 9, 8)).astype(np.float32)
    w = rng.normal(size=(15, 7, 1, 1)).astype(np.float32)
    up = rng.normal(size=(16, 15, 5, 4)).astype(np.float32)
    for _ in range(3):  # what is written past the end shows at a later allocation
        inputs = torch.from_numpy(x).contiguous(memory_format=torch.channels_last).requires_grad_()
        weight = torch.from_numpy(w).contiguous(memory_format=torch.channels_last).requires_grad_()
        out = conv([inputs, weight], Attributes({"strides": [2, 2]}), 17)
        to_inputs, to_weight = torch.autograd.grad((out * torch.from_numpy(up)).sum(), [inputs, weight])
    sampled = x[:, :, ::2, ::2]
    np.testing.assert_allclose(out.detach(), np.einsum("nchw,oc->nohw", sampled, w[:, :, 0, 0]), atol=1e-4)
    wanted = np.einsum("nohw,nchw->oc", up, sampled)
    np.testing.assert_allclose(to_weight.numpy()[:, :, 0, 0], wanted, atol=1e-3)
    spread = np.zeros_like(x)
    spread[:, :, ::2, ::2] = np.einsum("nohw,oc->nchw", up, w[:, :, 0, 0])
    np.testing.assert_allclose(to_inputs.numpy(), spread, atol=1e-4)
