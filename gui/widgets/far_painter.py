"""Boxes and arrows seen from far away: whatever falls on one pixel is drawn once, the strongest on top.

So the time for a picture depends on its pixels, not on the number of boxes.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from gui.models.arrays import distinct, distinct_rows
from gui.models.graph_items import GraphItems
from gui.models.rollup import RollUps
from gui.theme import Theme

_SHORTEST_ARROW = 3.0
"""Pixels: shorter arrows lie between neighbours, where there is nothing to see."""
_DIM = 0x100000000
"""Set in a colour's number where the box is not what was searched for."""


class FarLook:
    """The colours of all boxes of a drawing under one look, worked out at once. Arrays are (nodes,)."""

    def __init__(
        self, items: GraphItems, shares: dict[str, float], rolled: RollUps, theme: Theme, scale: str
    ) -> None:
        strength = np.array([shares.get(layer, -1.0) for layer in items.layer_ids], dtype=float)
        for index in items.groups:
            figure = rolled.get(items.nodes[index].id)
            strength[index] = -1.0 if figure is None or figure.share is None else figure.share
        # on a scale with its zero in the middle both ends are strong
        self.strength = (
            np.where(strength < 0, -1.0, np.abs(strength - 0.5)) if scale == "difference" else strength
        )
        table = theme.table(scale).astype(np.int64)
        packed = (0xFF << 24) | (table[:, 0] << 16) | (table[:, 1] << 8) | table[:, 2]
        colors = packed[(np.clip(strength, 0, 1) * 255).round().astype(int)]
        plain = np.where(items.coloured, theme.color("original").rgba(), theme.color("line").rgba())
        self.colors = np.where(strength < 0, plain, colors)


def strongest_on_pixels(left: np.ndarray, top: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Indices of one box for each pixel that boxes begin on: that with the highest strength."""
    order = np.argsort(-strength, kind="stable")
    pixels = (np.floor(top).astype(np.int64) << 20) + np.floor(left).astype(np.int64)
    _, first = distinct(pixels[order])
    return order[first]


def draw_boxes(
    painter: QPainter,
    rects: np.ndarray,
    look: FarLook,
    chosen: np.ndarray,
    smallest: float,
    matches: frozenset[int] | None = None,
    dimmed: float = 0.3,
) -> None:
    """Draw the boxes `chosen` (indices); `rects` are theirs in pixels, (chosen, 4)."""
    kept = strongest_on_pixels(rects[:, 0], rects[:, 1], look.strength[chosen])
    colors = look.colors[chosen[kept]].astype(np.int64)
    if matches is not None:
        found = np.isin(chosen[kept], np.fromiter(matches, dtype=np.int64, count=len(matches)))
        colors = np.where(found, colors, colors + _DIM)
    sizes = np.maximum(rects[kept, 2:] - rects[kept, :2], smallest)
    boxes = np.concatenate([rects[kept, :2], sizes], axis=1)
    painter.setPen(Qt.PenStyle.NoPen)
    for color in distinct(colors)[0][::-1].tolist():
        painter.setOpacity(dimmed if color >= _DIM else 1.0)
        painter.setBrush(QColor.fromRgba(color % _DIM))
        painter.drawRects([QRectF(*box) for box in boxes[colors == color].tolist()])
    painter.setOpacity(1.0)


def draw_arrows(painter: QPainter, items: GraphItems, area: QRectF, zoom: float) -> None:
    """Draw the arrows in `area` (the graph's coordinates) as lines, each line once; the pen is set."""
    segments = items.segments_in(area) * zoom
    size = np.abs(segments[:, :2] - segments[:, 2:]).max(axis=1)
    whole = distinct_rows(np.round(segments[size >= _SHORTEST_ARROW]).astype(np.int64))
    painter.drawLines([QLineF(*line) for line in whole.tolist()])
