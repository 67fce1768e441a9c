"""How the graph looks: boxes, edges, brackets; less detail the farther away."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen

from core.values import GraphNode
from gui.i18n import tr
from gui.models.graph_items import GraphItems, lanes
from gui.theme import Theme

TEXT_FROM = 0.5
"""Zoom below which there is no text."""
ROUND_FROM = 0.25
"""Zoom below which boxes are plain rectangles and edges straight, without smoothing."""
MANY_GROUPS = 8
"""Above so many groups of coupled layers only the chosen one's bracket is drawn."""
DIMMED = 0.28
BRACKET_WIDTH = 84.0
"""Points that a bracket and its words take, right of the graph."""


@dataclass(frozen=True)
class GraphLook:
    """What changes without the graph changing."""

    shares: dict[str, float] = field(default_factory=dict)
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


class GraphPainter:
    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._elided: dict[tuple[str, int, int], str] = {}

    def forget(self) -> None:
        self._elided = {}

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
        visible = [int(index) for index in items.nodes_in(grown)]
        if near:
            for index in visible:
                self._node(painter, items, index, look, zoom)
        else:
            self._far_nodes(painter, items, visible, look, zoom)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self._brackets(painter, items, look, area, zoom)
        if look.hit is not None:
            self._outline(painter, items.rect(look.hit), zoom, "attention", 2.0, 3.0)
        chosen = items.by_layer.get(look.selected) if look.selected else None
        if chosen is not None:
            self._outline(painter, items.rect(chosen), zoom, "accent", 2.0, 0.0 if near else 2.0)
        if current is not None and current != chosen:
            self._outline(painter, items.rect(current), zoom, "accent", 1.0, 3.0, Qt.PenStyle.DotLine)

    # ------------------------------------------------------------ edges

    def _edges(self, painter: QPainter, items: GraphItems, area: QRectF, zoom: float, near: bool) -> None:
        painter.save()
        painter.scale(zoom, zoom)
        pen = QPen(self._theme.color("original"), 1.4 if near else 1.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for index in items.edges_in(area):
            if near:
                painter.drawPath(items.path(int(index)))
            else:
                painter.drawPolyline(items.line(int(index)))
        painter.restore()

    # ------------------------------------------------------------ nodes

    def _fill(self, node: GraphNode, look: GraphLook) -> QColor | None:
        """The colour of the figure, or None where there is none."""
        share = look.shares.get(node.layer_id) if node.layer_id is not None else None
        return self._theme.scale_color("damage", share) if share is not None else None

    def _far_nodes(
        self, painter: QPainter, items: GraphItems, visible: list[int], look: GraphLook, zoom: float
    ) -> None:
        """All boxes of a colour at once, at least a pixel or two large."""
        by_color: dict[tuple[int, bool], list[QRectF]] = defaultdict(list)
        for index in visible:
            node = items.nodes[index]
            fill = self._fill(node, look) or self._theme.color("original" if node.layer_id else "line")
            left, top, right, bottom = items.rects[index] * zoom
            rect = QRectF(left, top, max(right - left, 1.5), max(bottom - top, 1.5))
            dim = look.matches is not None and index not in look.matches
            by_color[(fill.rgba(), dim)].append(rect)
        painter.setPen(Qt.PenStyle.NoPen)
        for (rgba, dim), rects in by_color.items():
            painter.setOpacity(DIMMED if dim else 1.0)
            painter.setBrush(QColor.fromRgba(rgba))
            painter.drawRects(rects)
        painter.setOpacity(1.0)

    def _node(self, painter: QPainter, items: GraphItems, index: int, look: GraphLook, zoom: float) -> None:
        node = items.nodes[index]
        left, top, right, bottom = items.rects[index] * zoom
        rect = QRectF(left, top, right - left, bottom - top)
        painter.setOpacity(DIMMED if look.matches is not None and index not in look.matches else 1.0)
        radius = min(7.0 * zoom, rect.height() / 2)
        if node.layer_id is None:
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
        fill = self._fill(node, look)
        painter.setPen(QPen(self._theme.color("line"), 1.0))
        painter.setBrush(fill if fill is not None else self._theme.color("track"))
        painter.drawRoundedRect(rect, radius, radius)
        if fill is None:
            painter.setPen(Qt.PenStyle.NoPen)
            hatch = QColor(self._theme.color("original"))
            hatch.setAlpha(70)
            painter.setBrush(QBrush(hatch, Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(rect, radius, radius)
        if zoom < TEXT_FROM:
            return
        color = self._theme.text_on(fill) if fill is not None else self._theme.color("text")
        pad = 9 * zoom
        inner = rect.adjusted(pad, 0, -pad, 0)
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
            self._elided[key] = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, rect.width())
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
