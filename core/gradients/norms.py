"""Batch normalisation for the time of a training, in networks whose own was folded into their weights.

Without it the channels of a layer train at very different paces, and the rate that suits the fastest of them
is too small for the rest. Each convolution's output is normalised by the batch, then scaled and moved by what
is learnt, which begins as the output's own deviation and mean: the network starts as it was (Ioffe & Szegedy
2015). Whoever looks at the network folds it back, with means and variances that are worked out anew and not
those of the last batches (Wu & Johnson 2021, section 3).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from core.gradients.lazy import F, torch
from core.graph.roles import STANDARD

if TYPE_CHECKING:
    from core.gradients.torch_graph import Tap

_EPSILON = 1e-5
Statistics = Mapping[str, "tuple[torch.Tensor, torch.Tensor]"]
"""Mean and variance of each channel, each (channels,), by the value's name."""


@dataclass(frozen=True)
class Normed:
    """A convolution whose output can be normalised: names of the value, the weight and the bias."""

    value: str
    weight: str
    bias: str


def normalisable(model: ir.Model, trained: Collection[str], left: Collection[str] = ()) -> list[Normed]:
    """The convolutions of the main graph with a weight and a bias that are trained and nobody else's.

    Values in `left`, and the network's outputs, are left as they are.
    """
    found = []
    for node in model.graph:
        if node.domain not in STANDARD or node.op_type != "Conv" or len(node.inputs) < 3:
            continue
        value, weight, bias = node.outputs[0], node.inputs[1], node.inputs[2]
        if weight is None or bias is None or value.is_graph_output() or value.name in left:
            continue
        if all(own.name in trained and len(own.uses()) == 1 for own in (weight, bias)):
            found.append(Normed(value.name or "", weight.name or "", bias.name or ""))
    return found


class Norms:
    """The normalisations of a network that is trained."""

    def __init__(self, layers: Collection[Normed], statistics: Statistics) -> None:
        self.layers = list(layers)
        self.scale: dict[str, torch.nn.Parameter] = {}
        self.offset: dict[str, torch.nn.Parameter] = {}
        for layer in self.layers:
            mean, variance = statistics[layer.value]
            self.scale[layer.value] = torch.nn.Parameter((variance + _EPSILON).sqrt())
            self.offset[layer.value] = torch.nn.Parameter(mean.clone())

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """What is learnt, by names that no initializer of a checked file has."""
        scales = {f"\0scale {name}": value for name, value in self.scale.items()}
        return {**scales, **{f"\0offset {name}": value for name, value in self.offset.items()}}

    def taps(self) -> dict[str, Tap]:
        """Normalise by the batch."""
        return {layer.value: self._tap(layer.value) for layer in self.layers}

    def _tap(self, name: str) -> Tap:
        scale, offset = self.scale[name], self.offset[name]

        def normalise(value: torch.Tensor) -> torch.Tensor:
            return F.batch_norm(value, None, None, scale, offset, True, 0.0, _EPSILON)

        return normalise

    def folded(self, state: Mapping[str, torch.Tensor], statistics: Statistics) -> dict[str, torch.Tensor]:
        """The plain network's weights that compute the same, by name; `state` holds what was learnt too."""
        plain = {name: value for name, value in state.items() if not name.startswith("\0")}
        for layer in self.layers:
            mean, variance = statistics[layer.value]
            factor = state[f"\0scale {layer.value}"] / (variance + _EPSILON).sqrt()
            weight = plain[layer.weight]
            plain[layer.weight] = weight * factor.reshape(-1, *[1] * (weight.dim() - 1))
            plain[layer.bias] = (plain[layer.bias] - mean) * factor + state[f"\0offset {layer.value}"]
        return plain


class Watch:
    """Gathers mean and variance of values over batches, as taps in front of what normalises them.

    Threads may share it.
    """

    def __init__(self, names: Collection[str], then: Mapping[str, Tap]) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, tuple[int, torch.Tensor, torch.Tensor]] = {}
        self.taps: dict[str, Tap] = {name: self._tap(name, then.get(name)) for name in names}

    def _tap(self, name: str, then: Tap | None) -> Tap:
        def see(value: torch.Tensor) -> torch.Tensor:
            # double, as the variance is a difference
            rows = value.detach().transpose(0, 1).reshape(value.shape[1], -1).double()
            sums, squares = rows.sum(1), (rows * rows).sum(1)
            with self._lock:
                before = self._sums.get(name)
                if before is not None:
                    sums, squares = sums + before[1], squares + before[2]
                self._sums[name] = (rows.shape[1] + (before[0] if before else 0), sums, squares)
            return value if then is None else then(value)

        return see

    def statistics(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        found = {}
        for name, (count, total, squares) in self._sums.items():
            mean = total / count
            variance = (squares / count - mean * mean).clamp(min=0.0)
            found[name] = (mean.float(), variance.float())
        return found
