"""Importance scores: how much each weight and each output channel matters. One file per score.

Adding a score is adding a file that ends with ``SCORES.add(Described(...), TheScore())``.
"""

from __future__ import annotations

from core.importance.score import Score
from core.registry import Registry, discover

SCORES: Registry[Score] = Registry()

discover(__name__, __path__)
# from what needs nothing to what looks closest, the control last
SCORES.arrange(
    (
        *("magnitude", "l2", "neuron", "batch_norm"),
        *("activation", "zeros", "obd", "obs", "taylor", "fisher", "random"),
    )
)
