"""Taylor and Fisher importance of each weight and output channel, in the layout of the heatmaps.

Taylor: (w·g)², what the loss changes by if the weight goes, squared (Molchanov et al. 2019, eq. 8).
Fisher: w²·F/2 with F the diagonal of the Fisher information (Theis et al. 2018, eq. 7): the same to second
order. Of a channel: the sum over its row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.context import Context
from core.data.dataset import Batch
from core.gradients.gradients import GradientSums, Loss, loss_gradients
from core.graph.opened import OpenedModel
from core.graph.weights import find_node, get_weights, whole_matrix


@dataclass(frozen=True)
class LayerSaliency:
    """(out, in·k) float32 like `whole_matrix` of the layer; not negative."""

    taylor: np.ndarray
    fisher: np.ndarray

    def channels(self, kind: str) -> np.ndarray:
        """(out,) float32 of 'taylor' or 'fisher'."""
        matrix: np.ndarray = getattr(self, kind)
        return matrix.sum(axis=1)


def saliency(
    opened: OpenedModel,
    batches: Iterable[Batch],
    context: Context,
    loss: Loss = "own answers",
    batch_count: int = 0,
    seed: int = 0,
) -> dict[str, LayerSaliency]:
    """Return both scores of every layer whose weights have gradients, by layer id.

    One pass over the samples serves all layers and both scores. Raises what `loss_gradients` raises.
    """
    return by_layer(opened, loss_gradients(opened, batches, context, loss, batch_count, seed))


def by_layer(opened: OpenedModel, sums: dict[str, GradientSums]) -> dict[str, LayerSaliency]:
    """Lay gradient sums out as the layers' matrices."""
    found = {}
    for layer in opened.info.layers:
        own = [sums[name] for name in layer.weights if name in sums]
        if not own or len(own) < len(layer.weights):
            continue
        node = find_node(opened.model, layer.id)
        weights = get_weights(opened.model, layer)
        fisher = [
            0.5 * np.square(weight, dtype=np.float32) * one.fisher
            for weight, one in zip(weights, own, strict=True)
        ]
        found[layer.id] = LayerSaliency(
            whole_matrix(layer, node, [one.taylor for one in own]), whole_matrix(layer, node, fisher)
        )
    return found
