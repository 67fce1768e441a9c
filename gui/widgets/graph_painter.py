"""How the graph looks: boxes, edges, brackets; less detail the farther away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen

from core.values import GraphNode
from gui.i18n import tr
from gui.models.graph_items import GROUP, GraphItems, lanes
from gui.models.group_frames import GroupFrames
from gui.models.rollup import RollUps
from gui.models.switch_marks import SwitchMarks
from gui.theme import Theme
from gui.widgets.cut_name import cut_name
from gui.widgets.far_painter import FarLook, draw_arrows, draw_boxes
from gui.widgets.group_painter import paint_closed, paint_frame, paint_stack
from gui.widgets.switch_painter import paint_switches

TEXT_FROM = 0.5
"""Zoom below which there is no text."""
FACTS_FROM = 1.3
"""Zoom from which a layer's box says its kind and shape too."""
ROUND_FROM = 0.3
"""Zoom below which boxes are plain rectangles and edges straight, without smoothing."""
_PORTION = 250
"""Boxes or arrows that are drawn between two turns of the event loop."""
MANY_GROUPS = 8
"""Above so many groups of coupled layers only the chosen one's bracket is drawn."""
DIMMED = 0.28
BRACKET_WIDTH = 84.0
"""Points that a bracket and its words take, right of the graph."""


@dataclass(frozen=True)
class GraphLook:
    """What changes without the graph changing."""

    shares: dict[str, float] = field(default_factory=dict)
    scale: str = "damage"
    """The colours of `shares`: see `Theme.table`."""
    bits: dict[str, int] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Coupled layers: group -> layer ids, at least two each."""
    coupled: frozenset[str] = frozenset()
    """All layer ids of `groups`."""
    selected: str | None = None
    matches: frozenset[int] | None = None
    """Node indices that the search found; None: no search."""
    hit: int | None = None
    """The match that was jumped to."""
    marked: frozenset[int] = frozenset()
    """Node indices that are outlined: what corresponds to a chosen box elsewhere."""
    rolled: RollUps = field(default_factory=RollUps)
    """Figures of the closed groups, by the ids of their boxes."""
    badges: dict[str, str] = field(default_factory=dict)
    """What stands in a group's upper right corner: '× 9'."""
    frames: GroupFrames = field(default_factory=GroupFrames)
    marks: SwitchMarks | None = None
    """Where the precision changes."""
    mates: frozenset[int] = frozenset()
    """Node indices of the layers whose channels go with those of the selected one."""


class GraphPainter:
    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._elided: dict[tuple[str, int, int], str] = {}
        self._far: tuple[GraphItems, GraphLook, FarLook] | None = None

    def forget(self) -> None:
        self._elided = {}
        self._far = None

    def paint(
        self,
        painter: QPainter,
        items: GraphItems,
        look: GraphLook,
        area: QRectF,
        zoom: float,
        current: int | None = None,
    ) -> None:
        """Draw what lies in `area` (the graph's coordinates); the painter stands at the graph's origin."""
        near = zoom >= ROUND_FROM
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, near)
        self._edges(painter, items, area, zoom, near)
        grown = area.adjusted(-8, -8, 8, 8)
        visible = items.nodes_in(grown)
        if near:
            for frame in look.frames.visible(grown):
                paint_frame(painter, frame, zoom, self._theme, zoom >= TEXT_FROM)
            for index in visible.tolist():
                self._node(painter, items, index, look, zoom)
            if look.marks is not None:
                edges = items.edges_in(area.adjusted(-24, -24, 24, 24)).tolist()
                paint_switches(painter, look.marks, edges, zoom, self._theme, zoom >= TEXT_FROM)
        else:
            self._far_nodes(painter, items, visible, look, zoom)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self._brackets(painter, items, look, area, zoom)
        for index in look.mates:
            self._outline(painter, items.rect(index), zoom, "accent", 2.0, 3.0, Qt.PenStyle.DashLine)
        for index in look.marked:
            self._outline(painter, items.rect(index), zoom, "accent", 2.0, 2.0)
        if look.hit is not None:
            self._outline(painter, items.rect(look.hit), zoom, "attention", 2.0, 3.0)
        chosen = items.by_layer.get(look.selected) if look.selected else None
        if chosen is not None:
            self._outline(painter, items.rect(chosen), zoom, "accent", 2.0, 0.0 if near else 2.0)
        if current is not None and current != chosen:
            self._outline(painter, items.rect(current), zoom, "accent", 1.0, 3.0, Qt.PenStyle.DotLine)

    def portions(self, painter: QPainter, items: GraphItems, look: GraphLook, zoom: float) -> Iterator[None]:
        """Draw everything as seen from near, a portion at each step; for pictures of the whole."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        plain = replace(look, selected=None, matches=None, hit=None, mates=frozenset())
        for start in range(0, len(items.edges), _PORTION):
            self._near_edges(painter, items, range(start, min(start + _PORTION, len(items.edges))), zoom)
            yield
        everything = items.bounds.adjusted(-20, -20, 20, 20)
        for frame in plain.frames.visible(everything):
            paint_frame(painter, frame, zoom, self._theme, False)
        for start in range(0, len(items.nodes), _PORTION):
            for index in range(start, min(start + _PORTION, len(items.nodes))):
                self._node(painter, items, index, plain, zoom)
            yield
        if plain.marks is not None:
            paint_switches(painter, plain.marks, range(len(items.edges)), zoom, self._theme, True)
        self._brackets(painter, items, plain, everything, zoom)

    # ------------------------------------------------------------ edges

    def _edges(self, painter: QPainter, items: GraphItems, area: QRectF, zoom: float, near: bool) -> None:
        if near:
            self._near_edges(painter, items, items.edges_in(area).tolist(), zoom)
            return
        painter.setPen(QPen(self._theme.color("original"), 1.0))
        draw_arrows(painter, items, area, zoom)

    def _near_edges(self, painter: QPainter, items: GraphItems, edges: Iterable[int], zoom: float) -> None:
        pen = QPen(self._theme.color("original"), 1.4)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.save()
        painter.scale(zoom, zoom)
        for index in edges:
            painter.drawPath(items.path(index))
        painter.restore()

    # ------------------------------------------------------------ nodes

    def _fill(self, node: GraphNode, look: GraphLook) -> QColor | None:
        """The colour of the figure, or None where there is none."""
        if node.op == GROUP:
            rolled = look.rolled.get(node.id)
            share = rolled.share if rolled is not None else None
        else:
            share = look.shares.get(node.layer_id) if node.layer_id is not None else None
        return self._theme.scale_color(look.scale, share) if share is not None else None

    def _far_nodes(
        self, painter: QPainter, items: GraphItems, visible: np.ndarray, look: GraphLook, zoom: float
    ) -> None:
        """All boxes of a colour at once, at least a pixel or two large."""
        if self._far is None or self._far[0] is not items or self._far[1] is not look:
            self._far = items, look, FarLook(items, look.shares, look.rolled, self._theme, look.scale)
        rects = items.rects[visible] * zoom
        draw_boxes(painter, rects, self._far[2], visible, 1.5, look.matches, DIMMED)

    def _node(self, painter: QPainter, items: GraphItems, index: int, look: GraphLook, zoom: float) -> None:
        node = items.nodes[index]
        left, top, right, bottom = items.rects[index] * zoom
        rect = QRectF(left, top, right - left, bottom - top)
        painter.setOpacity(DIMMED if look.matches is not None and index not in look.matches else 1.0)
        radius = min(7.0 * zoom, rect.height() / 2)
        if node.op == GROUP:
            paint_stack(painter, rect, radius, zoom, self._theme)
            self._group_box(painter, node, rect, radius, look, zoom)
        elif node.layer_id is None:
            painter.setPen(QPen(self._theme.color("line"), 1.0))
            painter.setBrush(self._theme.color("window"))
            painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
            if zoom >= TEXT_FROM:
                self._text(painter, node.label, rect, 11 * zoom, self._theme.color("muted"), centred=True)
        else:
            self._layer_box(painter, node, rect, radius, look, zoom)
        painter.setOpacity(1.0)

    def _layer_box(
        self,
        painter: QPainter,
        node: GraphNode,
        rect: QRectF,
        radius: float,
        look: GraphLook,
        zoom: float,
    ) -> None:
        color = self._filled(painter, self._fill(node, look), rect, radius, hatched=True)
        if zoom < TEXT_FROM:
            return
        pad = 9 * zoom
        self._bar(painter, rect, look.shares.get(node.layer_id), color, zoom, look.scale == "difference")
        inner = rect.adjusted(pad, 0, -pad, 0)
        if zoom >= FACTS_FROM:
            _, _, facts = node.detail.partition("\n")
            below = QRectF(inner.left(), inner.center().y(), inner.width(), inner.height() / 2 - 3 * zoom)
            quiet = QColor(color)
            quiet.setAlpha(200)
            self._text(painter, facts.partition("\n")[0], below, 7.5 * zoom, quiet)
            inner.setBottom(inner.center().y() + zoom)
        bits = look.bits.get(node.layer_id)
        if bits is not None:
            quiet = QColor(color)
            quiet.setAlpha(200)
            inner.setRight(
                inner.right()
                - self._text(painter, tr("{n} b").format(n=bits), inner, 11 * zoom, quiet, right=True)
                - 5 * zoom
            )
        if node.layer_id in look.coupled:
            inner.setRight(inner.right() - self._link(painter, inner, color, zoom) - 4 * zoom)
        self._text(painter, node.label, inner, 12.5 * zoom, color, bold=True)

    def _bar(
        self,
        painter: QPainter,
        rect: QRectF,
        share: float | None,
        color: QColor,
        zoom: float,
        two_sided: bool,
    ) -> None:
        """The figure as a length along the lower edge, from the middle where it has two signs."""
        if share is None:
            return
        ink = QColor(color)
        ink.setAlpha(150)
        whole = rect.adjusted(7 * zoom, 0, -7 * zoom, 0)
        start, end = (0.5, share) if two_sided else (0.0, min(share, 1.0))
        left, length = whole.left() + whole.width() * min(start, end), whole.width() * abs(end - start)
        if length > 0:
            bar = QRectF(left, rect.bottom() - 2.6 * zoom, max(length, 1.0), 1.6 * zoom)
            painter.fillRect(bar, ink)

    def _filled(
        self, painter: QPainter, fill: QColor | None, rect: QRectF, radius: float, hatched: bool
    ) -> QColor:
        """Draw a box in the colour of its figure; return the colour of what is written on it."""
        painter.setPen(QPen(self._theme.color("line"), 1.0))
        painter.setBrush(fill if fill is not None else self._theme.color("track"))
        painter.drawRoundedRect(rect, radius, radius)
        if fill is None and hatched:
            painter.setPen(Qt.PenStyle.NoPen)
            hatch = QColor(self._theme.color("original"))
            hatch.setAlpha(70)
            painter.setBrush(QBrush(hatch, Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(rect, radius, radius)
        return self._theme.text_on(fill) if fill is not None else self._theme.color("text")

    def _group_box(
        self, painter: QPainter, node: GraphNode, rect: QRectF, radius: float, look: GraphLook, zoom: float
    ) -> None:
        rolled = look.rolled.get(node.id)
        inside = rolled is not None and bool(rolled.strip)
        color = self._filled(painter, self._fill(node, look), rect, radius, hatched=inside)
        if zoom >= TEXT_FROM:
            badge = look.badges.get(node.id, "")
            paint_closed(
                painter, rect, node.label, badge, rolled, color, zoom, self._theme, look.scale, self._text
            )

    def _text(
        self,
        painter: QPainter,
        words: str,
        rect: QRectF,
        pixels: float,
        color: QColor,
        bold: bool = False,
        centred: bool = False,
        right: bool = False,
    ) -> float:
        """Draw one elided line; return its width."""
        font = QFont(painter.font())
        font.setPixelSize(max(5, round(pixels)))
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        painter.setFont(font)
        key = (words, font.pixelSize() * 2 + bold, int(rect.width()))
        metrics = QFontMetricsF(font)
        if key not in self._elided:
            if len(self._elided) > 20_000:
                self._elided = {}
            self._elided[key] = cut_name(words, metrics, rect.width())
        align = (
            Qt.AlignmentFlag.AlignHCenter
            if centred
            else Qt.AlignmentFlag.AlignRight
            if right
            else Qt.AlignmentFlag.AlignLeft
        )
        painter.setPen(color)
        shown = self._elided[key]
        painter.drawText(rect, align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)
        return metrics.horizontalAdvance(shown)

    # ------------------------------------------------------------ coupled layers

    def _link(self, painter: QPainter, inner: QRectF, color: QColor, zoom: float) -> float:
        """Two rings of a chain at the right end; return their width."""
        size = 7 * zoom
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, 1.3 * zoom))
        y = inner.center().y() - size / 2
        painter.drawEllipse(QRectF(inner.right() - size, y, size, size))
        painter.drawEllipse(QRectF(inner.right() - 1.6 * size, y, size, size))
        return 1.6 * size

    def _brackets(
        self, painter: QPainter, items: GraphItems, look: GraphLook, area: QRectF, zoom: float
    ) -> None:
        """A bracket beside the layers that are changed together."""
        groups = {
            name: [items.by_layer[member] for member in members if member in items.by_layer]
            for name, members in look.groups.items()
            if len(look.groups) <= MANY_GROUPS or look.selected in members
        }
        groups = {name: members for name, members in groups.items() if len(members) > 1}
        ends = [
            (min(items.nodes[i].y for i in members), max(items.nodes[i].y for i in members))
            for members in groups.values()
        ]
        for lane, (members, (top, bottom)) in zip(
            lanes(ends), zip(groups.values(), ends, strict=True), strict=True
        ):
            if bottom < area.top() or top > area.bottom():
                continue
            end = items.right_end(top, bottom) + 12 + 12 * lane
            if not all(
                items.is_free(QRectF(items.rects[i][2] + 1, items.nodes[i].y, end - items.rects[i][2] - 1, 0))
                for i in members
            ):
                continue  # it would run through other boxes; the rings in the boxes say it too
            x = end * zoom
            # dotted: an edge of the network it is not
            painter.setPen(QPen(self._theme.color("muted"), 1.3, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, top * zoom), QPointF(x, bottom * zoom))
            for index in members:
                y = items.nodes[index].y * zoom
                painter.drawLine(QPointF(items.rects[index][2] * zoom, y), QPointF(x, y))
            if zoom >= TEXT_FROM:
                middle = (max(top, area.top()) + min(bottom, area.bottom())) / 2 * zoom
                font = QFont(painter.font())
                font.setPixelSize(max(5, round(11 * zoom)))
                font.setWeight(QFont.Weight.Normal)
                painter.setFont(font)
                place = QRectF(x + 5 * zoom, middle - 30 * zoom, (BRACKET_WIDTH - 20) * zoom, 60 * zoom)
                align = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
                painter.setPen(self._theme.color("muted"))
                painter.drawText(place, align, tr("changed together"))

    # ------------------------------------------------------------ marks

    def focus_frame(self, painter: QPainter, view: QRectF) -> None:
        """A thin frame just inside the view."""
        painter.setPen(QPen(self._theme.color("accent"), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(view.adjusted(2.5, 1.5, -2.5, -1.5), 6, 6)

    def _outline(
        self,
        painter: QPainter,
        rect: QRectF,
        zoom: float,
        token: str,
        width: float,
        gap: float,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
    ) -> None:
        box = QRectF(rect.topLeft() * zoom, rect.size() * zoom).adjusted(-gap, -gap, gap, gap)
        painter.setPen(QPen(self._theme.color(token), width, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = min(7 * zoom + gap, box.height() / 2)
        painter.drawRoundedRect(box, radius, radius)
