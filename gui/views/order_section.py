"""Part of the tab 'Method': in which order the steps of a run come."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.values import StepInfo
from gui.i18n import tr, tr_text
from gui.models import step_order
from gui.session import Session
from gui.theme import Theme
from gui.widgets.order_list import OrderList, Row
from gui.widgets.retranslating import Retranslating


class OrderSection(Retranslating, QWidget):
    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._title = QLabel(self)
        self._title.setProperty("heading", True)
        self._words = QLabel(self)
        self._words.setProperty("small", True)
        self._words.setWordWrap(True)
        for label in (self._title, self._words):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.rows = OrderList(theme, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 6)
        column.setSpacing(4)
        column.addWidget(self._title)
        column.addWidget(self._words)
        column.addWidget(self.rows)
        self.rows.move.connect(self._on_move)
        self.rows.again.connect(self._on_again)
        self.rows.remove.connect(self._on_remove)
        self.rows.usual.connect(self._on_usual)
        for signal in (session.catalogue_changed, session.plan_changed, session.model_changed):
            signal.connect(self._refresh)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(tr("Order of the steps"))
        self._words.setText(tr("A run carries them out from top to bottom; grey ones have nothing to do."))
        self._refresh()

    @property
    def _order(self) -> list[str]:
        return step_order.shown(self._session.catalogue, self._session.plan)

    def _refresh(self, _value: object = None, current: int | None = None) -> None:
        session = self._session
        self.setVisible(bool(session.catalogue.steps))
        order = self._order
        rows = [self._row(order, index) for index in range(len(order))]
        self.rows.show_rows(rows, bool(session.plan.order), current)

    def _row(self, order: list[str], index: int) -> Row:
        session = self._session
        step: StepInfo = next(one for one in session.catalogue.steps if one.name == order[index])
        asked = step_order.asked(step, session.catalogue, session.plan, session.model)
        name = tr_text(step.label)
        return Row(
            name=step.name,
            words=name if asked else tr("{step} · nothing to do").format(step=name),
            help=tr_text(step.help),
            asked=asked,
            up=index > 0 and self._possible(order, index, -1),
            down=index < len(order) - 1 and self._possible(order, index, 1),
            again=step.repeats,
            remove=order.count(step.name) > 1,
        )

    def _possible(self, order: list[str], index: int, by: int) -> bool:
        return step_order.possible(self._session.catalogue, step_order.moved(order, index, by))

    # ------------------------------------------------------------ from the person

    def _on_move(self, index: int, by: int) -> None:
        self._set(step_order.moved(self._order, index, by), index + by)

    def _on_again(self, index: int) -> None:
        self._set([*self._order, self._order[index]], len(self._order))

    def _on_remove(self, index: int) -> None:
        order = self._order
        del order[index]
        self._set(order, min(index, len(order) - 1))

    def _on_usual(self) -> None:
        self._set(step_order.usual(self._session.catalogue), 0)

    def _set(self, order: list[str], current: int) -> None:
        session = self._session
        wanted = step_order.to_plan(session.catalogue, order)
        session.replace_plan(msgspec.structs.replace(session.plan, order=wanted), tr("Order of the steps"))
        self._refresh(current=current)
