"""The overview as a Qt model: layers down, settings across, points lost in the cells."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.estimate import predicted_loss
from core.values import FLOAT_BITS, Layer, LayerPlan, SensitivityPoint
from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.models.choices import WEIGHT_BITS, fixes_share
from gui.models.damage import loss_unit, scale_top
from gui.session import Session
from gui.widgets.plain_tip import plain_tip

CELL_ROLE = Qt.ItemDataRole.UserRole + 1

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Setting:
    """A column: a sparsity, or weight bits."""

    sparsity: float = 0.0
    bits: int = FLOAT_BITS

    def title(self) -> str:
        if self.bits < FLOAT_BITS:
            return tr("{n} bit").format(n=self.bits)
        return fmt.percent(self.sparsity)


USUAL = (
    Setting(0.25),
    Setting(0.5),
    Setting(0.75),
    Setting(0.9),
    *(Setting(bits=bits) for bits in WEIGHT_BITS),
)


@dataclass(frozen=True)
class Cell:
    """`loss` in points (None: unknown); `share` is its place on the damage scale."""

    possible: bool
    loss: float | None = None
    share: float = 0.0
    estimate: bool = False
    current: bool = False


def settings_of(session: Session) -> tuple[Setting, ...]:
    """The usual columns and whatever else was measured, sparsities first."""
    found = set(USUAL)
    for points in session.points.values():
        for point in points:
            if point.weight_bits < FLOAT_BITS and point.sparsity == 0:
                found.add(Setting(bits=point.weight_bits))
            elif point.weight_bits == FLOAT_BITS and point.sparsity > 0:
                found.add(Setting(point.sparsity))
    return tuple(sorted(found, key=lambda each: (each.bits < FLOAT_BITS, each.sparsity, -each.bits)))


def resolve_cells(session: Session, settings: tuple[Setting, ...]) -> tuple[tuple[Cell, ...], ...]:
    """The cells of every layer, purely from the session as it stands."""
    if session.model is None:
        return ()
    top = scale_top(session.sensitivity(layer.id) for layer in session.model.layers)
    rows = []
    for layer in session.model.layers:
        plan, points = session.plan.layer(layer.id), session.points.get(layer.id, ())
        losses = {(point.sparsity, point.weight_bits): point.loss for point in points}
        rows.append(tuple(_cell(layer, plan, points, losses, setting, top) for setting in settings))
    return tuple(rows)


def _cell(
    layer: Layer,
    plan: LayerPlan,
    points: tuple[SensitivityPoint, ...],
    losses: dict[tuple[float, int], float],
    setting: Setting,
    top: float,
) -> Cell:
    by_bits = setting.bits < FLOAT_BITS
    possible = layer.quantizable and setting.bits < layer.weight_bits if by_bits else bool(layer.prunable)
    if not possible:
        return Cell(False)
    current = (
        plan.weight_bits == setting.bits
        if by_bits
        else not fixes_share(plan) and abs(plan.zeros - setting.sparsity) < 0.005
    )
    measured = losses.get((setting.sparsity, setting.bits))
    loss = measured
    if loss is None:
        wanted = LayerPlan(sparsity=setting.sparsity, weight_bits=setting.bits)
        loss = predicted_loss(points, wanted)
    share = min(max(loss, 0.0) / top, 1.0) if loss is not None else 0.0
    return Cell(True, loss, share, measured is None and loss is not None, current)


class OverviewModel(QAbstractTableModel):
    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.settings = USUAL
        self.cells: tuple[tuple[Cell, ...], ...] = ()
        self._layers: tuple[Layer, ...] = ()
        self._awake = True
        self._stale = False
        self.refresh()
        for signal in (session.model_changed, session.plan_changed, session.points_changed):
            signal.connect(self.refresh)

    def set_awake(self, awake: bool) -> None:
        """Asleep, while nobody looks, it follows no change; the session may say thousands a minute."""
        self._awake = awake
        if awake and self._stale:
            self.refresh()

    def refresh(self, _value: object = None) -> None:
        self._stale = not self._awake
        if self._stale:
            return
        settings = settings_of(self._session)
        layers = self._session.model.layers if self._session.model else ()
        cells = resolve_cells(self._session, settings)
        if settings != self.settings or layers != self._layers:
            self.beginResetModel()
            self.settings, self._layers, self.cells = settings, layers, cells
            self.endResetModel()
            return
        old, self.cells = self.cells, cells
        for row, (now, then) in enumerate(zip(cells, old, strict=True)):
            if now != then:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(settings) - 1))

    def layer(self, row: int) -> Layer:
        return self._layers[row]

    def position(self, layer_id: str | None) -> int | None:
        return next((row for row, layer in enumerate(self._layers) if layer.id == layer_id), None)

    def retranslate(self) -> None:
        if self._layers:
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.settings) - 1)

    # ------------------------------------------------------------ Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._layers)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.settings)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal:
            return self.settings[section].title() if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._layers[section].label
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._layers[section].label)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        cell = self.cells[index.row()][index.column()]
        if role == CELL_ROLE:
            return cell
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return cell_text(cell)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(index.row(), index.column(), cell))
        return None

    def _tip(self, row: int, column: int, cell: Cell) -> str:
        layer, setting = self._layers[row], self.settings[column]
        if not cell.possible:
            return "\n".join(map(tr_text, layer.why_not)) or tr("not possible here")
        if cell.loss is None:
            return tr("Press Analyze to measure")
        kind = tr("estimate") if cell.estimate else tr("measured, this layer alone")
        loss = f"{fmt.number(cell.loss, 2)} {loss_unit(self._session)}"
        return tr("{layer}, {setting}: loses {loss} ({kind}). Click to set it.").format(
            layer=layer.label, setting=setting.title(), loss=loss, kind=kind
        )


def cell_text(cell: Cell) -> str:
    if not cell.possible:
        return "–"
    if cell.loss is None:
        return ""
    if abs(cell.loss) < 0.05:
        return fmt.number(0.0, 1)
    return ("−" if cell.loss < 0 else "") + fmt.number(abs(cell.loss), 1)
