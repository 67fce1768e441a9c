"""The tabs under the table: one for each way to look at the work. They name themselves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QTabWidget, QWidget

from gui.i18n import tr
from gui.widgets.retranslating import Retranslating

LOWEST = 205
"""Points in which every tab shows something; the rest is for the table above."""


class WorkTabs(Retranslating, QTabWidget):
    """`views` in the order of their names in `retranslate`."""

    def __init__(self, views: Sequence[QWidget]) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self.setMinimumHeight(LOWEST)
        for view in views:
            self.addTab(view, "")
        self.retranslate()

    def retranslate(self) -> None:
        titles = (
            tr("Run"), tr("Overview"), tr("Best plans"), tr("What changed"), tr("Advice"), tr("Method"),
            tr("Side by side"), tr("Netron"), tr("Snapshots"),
        )  # fmt: skip
        for index, title in enumerate(titles):
            self.setTabText(index, title)
