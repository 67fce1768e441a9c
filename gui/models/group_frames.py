"""Where the frames of open groups lie: around their boxes, inner ones inside outer ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from gui.models.graph_items import GraphItems
from gui.models.group_tree import GroupTree

PAD, STEP = 7.0, 4.0
"""Points between boxes and a frame, and more for each frame inside it."""
HIGHEST = 1
"""Frames with more frames inside one another are left out: they would frame the network."""
FRAMES_ROOM = PAD + STEP * HIGHEST + 6.0
"""Points that a drawing needs around it, so that no frame and no sign at one is cut off."""


@dataclass(frozen=True)
class Frame:
    group: str
    rect: QRectF
    height: int
    """Frames that can be inside one another in it."""

    @property
    def button(self) -> QPointF:
        """Where the sign that closes the group is: frames that share an edge have it at other corners."""
        return self.rect.topLeft() + QPointF(2, 2) if self.height else self.rect.topRight() + QPointF(-2, 2)


class GroupFrames:
    """Frames of all open groups of a drawing. `rects` is (frames, 4): left, top, right, bottom."""

    def __init__(self, items: GraphItems | None = None, tree: GroupTree | None = None) -> None:
        self._items = items
        self.ids: list[str] = []
        self.rects = np.zeros((0, 4))
        self._counts: list[int] = []
        self._heights: list[int] = []
        if items is not None and tree is not None:
            self._work_out(items, tree)

    def _work_out(self, items: GraphItems, tree: GroupTree) -> None:
        closed = set(items.graph.closed)
        places = np.array([tree.place(node.id) for node in items.nodes])
        order = np.argsort(places, kind="stable")
        sorted_places = places[order]
        groups, heights = [], dict.fromkeys(range(-1, len(tree.groups)), 0)
        end = 0
        for index, group in enumerate(tree.groups):
            if group.id in closed and group.first >= end:
                end = group.first + group.count
            elif group.first >= end:
                groups.append(index)
        for index in reversed(groups):
            parent = tree.groups[index].parent
            heights[parent] = max(heights[parent], heights[index] + 1)
        groups = [index for index in groups if heights[index] <= HIGHEST]
        if not groups:
            return
        first = np.array([tree.groups[index].first for index in groups])
        last = first + np.array([tree.groups[index].count for index in groups])
        spans = np.stack(
            [np.searchsorted(sorted_places, first), np.searchsorted(sorted_places, last)], axis=1
        )
        kept = spans[:, 1] - spans[:, 0] > 1
        groups = [index for index, keep in zip(groups, kept, strict=True) if keep]
        spans = spans[kept]
        if not groups:
            return
        rects = np.concatenate([items.rects[order], np.zeros((1, 4))])
        low = np.minimum.reduceat(rects[:, :2], spans.ravel())[::2]
        high = np.maximum.reduceat(rects[:, 2:], spans.ravel())[::2]
        pad = np.array([PAD + STEP * heights[index] for index in groups])[:, None]
        self.rects = np.concatenate([low - pad, high + pad], axis=1)
        self.ids = [tree.groups[index].id for index in groups]
        self._heights = [heights[index] for index in groups]
        self._counts = (spans[:, 1] - spans[:, 0]).tolist()

    def visible(self, area: QRectF) -> list[Frame]:
        """Frames that touch `area` and have no other group's box inside."""
        if self._items is None or not len(self.rects):
            return []
        touching = np.flatnonzero(
            (self.rects[:, 2] >= area.left())
            & (self.rects[:, 0] <= area.right())
            & (self.rects[:, 3] >= area.top())
            & (self.rects[:, 1] <= area.bottom())
        )
        found = []
        for index in touching.tolist():
            left, top, right, bottom = self.rects[index]
            rect = QRectF(QPointF(left, top), QPointF(right, bottom))
            if len(self._items.nodes_in(rect)) == self._counts[index]:
                found.append(Frame(self.ids[index], rect, self._heights[index]))
        return found
