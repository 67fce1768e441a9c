"""Opening and closing groups of the graph: what the menus offer, and where the view stays meanwhile."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from core.values import Graph
from gui import format as fmt
from gui.i18n import tr
from gui.models.graph_items import GROUP
from gui.models.group_tree import GroupTree
from gui.session import Session
from gui.widgets.graph_canvas import GraphCanvas

_DEEPEST = 4
"""Surrounding groups that a menu offers to close."""


class GraphGrouping(QObject):
    """Hears what a canvas asks for and tells the session's layouts."""

    def __init__(self, session: Session, canvas: GraphCanvas) -> None:
        super().__init__(canvas)
        self._layouts = session.layouts
        self._canvas = canvas
        self.detail = "layers"
        self._kept: tuple[str, QPointF] | None = None
        self._marked: str | None = None
        canvas.open_asked.connect(self.open)
        canvas.close_asked.connect(self.close)
        canvas.around_asked.connect(self._close_around)
        canvas.menu_asked.connect(self._show_menu)

    @property
    def tree(self) -> GroupTree | None:
        return self._layouts.tree(self.detail)

    # ------------------------------------------------------------ wishes

    def open(self, group_id: str) -> None:
        self._keep(group_id)
        self._layouts.open(self.detail, [group_id])

    def close(self, group_id: str) -> None:
        self._keep(None)
        self._marked = group_id
        self._layouts.close(self.detail, [group_id])

    def _close_around(self, index: int) -> None:
        around = self._around(index)
        if around:
            self.close(around[0])

    def _around(self, index: int) -> list[str]:
        """Open groups around a box, the innermost first."""
        if self.tree is None or self._canvas.items is None:
            return []
        return [group.id for group in self.tree.around(self._canvas.items.nodes[index].id)]

    # ------------------------------------------------------------ where the view stays

    def _keep(self, box_id: str | None) -> None:
        """Remember a box and its place on the screen: the marked one, or one in the middle of the view."""
        items = self._canvas.items
        if items is None:
            return
        index = items.by_id.get(box_id) if box_id is not None else self._canvas.current
        if index is None:
            index = items.nearest(self._canvas.area().center())
        if index is not None:
            self._kept = items.nodes[index].id, self._canvas.to_view(items.rect(index).center())
            self._marked = items.nodes[index].id

    def where(self, graph: Graph) -> tuple[str | None, QPointF | None, str | None]:
        """For a new drawing: the box that stands for the one remembered, its place, and what to mark."""
        kept, marked, tree = self._kept, self._marked, self.tree
        self._kept = self._marked = None
        if kept is None or tree is None:
            return None, None, None
        there = {node.id for node in graph.nodes}
        return self._stand_in(kept[0], there, tree), kept[1], self._stand_in(marked, there, tree)

    def _stand_in(self, box_id: str | None, there: set[str], tree: GroupTree) -> str | None:
        """The box itself; else what came out of it, or what it went into."""
        if box_id is None or box_id in there:
            return box_id
        for group in tree.around(box_id):
            if group.id in there:
                return group.id
        return tree.first_of(box_id, there)

    # ------------------------------------------------------------ menus

    def fill(self, menu: QMenu) -> None:
        """What can be done to all groups."""
        tree = self.tree
        closed = self._layouts.closed(self.detail)
        for words, groups in (
            (tr("Close all groups"), tree.groups_to_close() if tree is not None else ()),
            (tr("Close repeated blocks"), tree.rows() if tree is not None else ()),
            (tr("Close the smallest groups"), tree.inner() if tree is not None else ()),
        ):
            self._add(menu, words, "close", groups).setEnabled(bool(set(groups) - closed))
        self._add(menu, tr("Open all groups"), "open", tuple(closed)).setEnabled(bool(closed))

    def _show_menu(self, index: int | None, place: QPoint) -> None:
        menu = QMenu(self._canvas)
        tree, items = self.tree, self._canvas.items
        if index is not None and tree is not None and items is not None:
            node = items.nodes[index]
            if node.op == GROUP:
                self._add(menu, tr("Open {name}").format(name=_plain(node.label)), "open", (node.id,))
                alike = tree.alike(node.id)
                if len(alike) > 1:
                    words = tr("Open all {n} that are alike").format(n=fmt.count(len(alike)))
                    self._add(menu, words, "open", alike)
            for group in tree.around(node.id)[:_DEEPEST]:
                self._add(menu, tr("Close {name}").format(name=_plain(group.label)), "close", (group.id,))
                alike = tree.alike(group.id)
                if len(alike) > 1:
                    words = tr("Close all {n} like it").format(n=fmt.count(len(alike)))
                    self._add(menu, words, "close", alike)
            if menu.actions():
                menu.addSeparator()
        self.fill(menu)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _add(self, menu: QMenu, words: str, what: str, groups: tuple[str, ...]) -> QAction:
        action = menu.addAction(words)
        action.setData((what, groups))
        action.triggered.connect(self._on_action)
        return action

    def _on_action(self) -> None:
        what, groups = self.sender().data()
        self._keep(groups[0] if len(groups) == 1 and what == "open" else None)
        if what == "open":
            self._layouts.open(self.detail, groups)
        else:
            self._layouts.close(self.detail, groups)


def _plain(name: str) -> str:
    """'&' would become a mnemonic, and names come from files."""
    return name.replace("&", "&&")
