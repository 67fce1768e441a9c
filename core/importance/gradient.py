"""Scores from gradients: by how much the network's answers change if a weight goes.

Taylor: (w·g)² (Molchanov et al. 2019, eq. 8). Fisher: w²·F/2 with F the diagonal of the Fisher information
(Theis et al. 2018, eq. 7). Of a channel the sum over its row. `core.gradients.saliency` computes both.
"""

from __future__ import annotations

import numpy as np

from core.importance import SCORES
from core.importance.score import Region, ScoredLayer, Statistics, SummedScore
from core.values import Described, text


class Taylor(SummedScore):
    needs = "gradients"
    of_network = True

    def measured(self, statistics: Statistics) -> bool:
        return statistics.taylor is not None

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        assert scored.statistics.taylor is not None
        return np.asarray(scored.statistics.taylor[region])


class Fisher(SummedScore):
    needs = "gradients"
    of_network = True

    def measured(self, statistics: Statistics) -> bool:
        return statistics.fisher is not None or statistics.fisher_per_taylor is not None

    def weights(self, scored: ScoredLayer, region: Region, channels: np.ndarray) -> np.ndarray:
        known = scored.statistics
        if known.fisher is not None:
            return np.asarray(known.fisher[region])
        assert known.taylor is not None and known.fisher_per_taylor is not None
        return np.asarray(known.taylor[region] * np.float32(known.fisher_per_taylor))


SCORES.add(
    Described(
        name="taylor",
        label=text("Taylor"),
        help=text(
            "How strongly the whole network's answers respond on your samples if this weight shrinks, seen "
            "from its gradients. Comparable over all layers."
        ),
        unit=text("change of the loss, squared"),
    ),
    Taylor(),
)
SCORES.add(
    Described(
        name="fisher",
        label=text("Fisher"),
        help=text(
            "How far the whole network's answers move from its own on your samples if this weight goes. "
            "Comparable over all layers."
        ),
        unit=text("nat"),
    ),
    Fisher(),
)
