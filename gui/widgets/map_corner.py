"""In which corner of a view the minimap hides least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF

CHOSEN = 100.0
"""What lies over the chosen box counts so many times."""
BETTER = 0.5
"""Another corner has to hide less than this share of what the present one hides: a map that moves for little
is looked for."""


def best_corner(corners: Sequence[QRectF], boxes: np.ndarray, chosen: int | None, now: int) -> int:
    """Which of `corners` (places of the map in the view) hides least of the boxes; `now` is the present one.

    boxes: (n, 4), left, top, right and bottom in pixels of the view. chosen: row of the chosen box.
    """
    if not len(boxes):
        return now
    weights = np.ones(len(boxes))
    if chosen is not None:
        weights[chosen] = CHOSEN
    hidden = [float(_covered(corner, boxes) @ weights) for corner in corners]
    best = int(np.argmin(hidden))
    return best if hidden[best] < BETTER * hidden[now] else now


def _covered(corner: QRectF, boxes: np.ndarray) -> np.ndarray:
    """Pixels of each box that lie under it, (n,)."""
    across = np.minimum(boxes[:, 2], corner.right()) - np.maximum(boxes[:, 0], corner.left())
    down = np.minimum(boxes[:, 3], corner.bottom()) - np.maximum(boxes[:, 1], corner.top())
    return np.asarray(np.clip(across, 0, None) * np.clip(down, 0, None))
