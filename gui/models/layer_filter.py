"""What of the layer table is shown, and in which order."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSortFilterProxyModel

from gui import format as fmt
from gui.models.layer_table import SORT_ROLE, Index, Row


class LayerFilter(QSortFilterProxyModel):
    """Search over name and kind, and 'changed only'. Rows stay in place while a slider moves."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._changed_only = False
        self.setSortRole(SORT_ROLE)
        self.setDynamicSortFilter(False)

    @property
    def changed_only(self) -> bool:
        return self._changed_only

    def set_filter(self, words: str, changed_only: bool) -> None:
        self._words = tuple(words.casefold().split())
        self._changed_only = changed_only
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        row: Row = self.sourceModel().rows[source_row]
        if self._changed_only and not row.changed:
            return False
        if not self._words:
            return True  # the usual case, and thousands of layers
        kinds = f"{row.layer.kind} {fmt.layer_kind(row.layer.kind)}"
        text = f"{row.layer.label} {row.layer.id} {kinds}".casefold()
        return all(word in text for word in self._words)

    def lessThan(self, left: Index, right: Index) -> bool:
        return left.data(SORT_ROLE) < right.data(SORT_ROLE)
