"""The learning rate over the course of a training."""

from __future__ import annotations

import math


def cosine(share: float, warm_up: float, last: float = 0.0) -> float:
    """Return the factor of the learning rate at a share (0..1) of the course.

    It rises linearly during `warm_up` (a share too), then falls along half a cosine to `last`
    (Loshchilov & Hutter 2017).
    """
    if share < warm_up:
        return max(share, 0.02 * warm_up) / warm_up
    rest = min(1.0, (share - warm_up) / max(1e-9, 1.0 - warm_up))
    return last + (1.0 - last) * 0.5 * (1.0 + math.cos(math.pi * rest))


def cubic(share: float, until: float) -> float:
    """Return the part of the final zeros that there are at a share (0..1) of the course: 1 from `until` on.

    1 - (1 - t)³ with t = share / until: fast while there is much to spare, slow in the end (Zhu & Gupta 2017,
    equation 1, from no zeros).
    """
    return 1.0 if share >= until else 1.0 - (1.0 - share / until) ** 3
