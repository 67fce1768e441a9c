"""The overview as a Qt model: layers down, settings across, points lost in the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.estimate import predicted_loss
from core.values import FLOAT_BITS, Layer, LayerPlan, SensitivityPoint
from gui import format as fmt
from gui.i18n import tr, tr_text
from gui.models.choices import WEIGHT_BITS, bits_settings, fixes_share, pattern_help, sparsity_settings
from gui.models.damage import loss_unit, scale_top
from gui.session import Session
from gui.table_text import Value
from gui.widgets.plain_tip import plain_tip

CELL_ROLE = Qt.ItemDataRole.UserRole + 1

Index = QModelIndex | QPersistentModelIndex


class Setting(NamedTuple):
    """A column: a sparsity, a pattern of zeros, or bits of the weights and perhaps of the activations."""

    sparsity: float = 0.0
    bits: int = FLOAT_BITS
    pattern: str | None = None
    activations: int = FLOAT_BITS

    @property
    def by_bits(self) -> bool:
        return self.bits < FLOAT_BITS

    def title(self) -> str:
        if self.activations < FLOAT_BITS:
            return tr("{weights}+{activations} bit").format(weights=self.bits, activations=self.activations)
        if self.by_bits:
            return tr("{n} bits").format(n=self.bits)
        return self.pattern or fmt.percent(self.sparsity)

    def heading(self) -> str:
        """The title where there is little room."""
        return f"{self.bits}+{self.activations}" if self.activations < FLOAT_BITS else self.title()

    def help(self) -> str:
        """The column in words."""
        if self.activations < FLOAT_BITS:
            return tr("weights of {weights} bits, activations of {activations}").format(
                weights=self.bits, activations=self.activations
            )
        if self.by_bits:
            return tr("weights of {n} bits").format(n=self.bits)
        if self.pattern:
            return pattern_help(self.pattern)
        return tr("{share} of the weights become zero").format(share=fmt.percent(self.sparsity))

    @property
    def place(self) -> tuple[bool, str, float, int, int]:
        """Where it stands among others: shares, patterns, bits, bits with activations."""
        rounded = FLOAT_BITS - self.activations
        return self.by_bits, self.pattern or "", self.sparsity, rounded, -self.bits


USUAL = (
    Setting(0.25),
    Setting(0.5),
    Setting(0.75),
    Setting(0.9),
    *(Setting(bits=bits) for bits in WEIGHT_BITS),
)


@dataclass(frozen=True)
class Cell:
    """`loss` in points (None: unknown); `share` is its place on the damage scale.

    What was measured has its 95 % interval and its sample count.
    """

    possible: bool
    loss: float | None = None
    share: float = 0.0
    estimate: bool = False
    current: bool = False
    low: float | None = None
    high: float | None = None
    count: int = 0


Memo = dict[str, tuple[tuple[object, ...], tuple[Cell, ...]]]


def settings_of(session: Session) -> tuple[Setting, ...]:
    """The usual columns and whatever else was measured, sparsities first."""
    found = {*USUAL, *(_setting(point) for points in session.points.values() for point in points)} - {None}
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.place))


def _setting(point: SensitivityPoint) -> Setting | None:
    """The column of a point; None for zeros and bits together, which are no setting of one kind."""
    zeros = point.sparsity > 0 or point.pattern is not None
    if point.weight_bits < FLOAT_BITS:
        return None if zeros else Setting(bits=point.weight_bits, activations=point.activation_bits)
    if point.pattern is not None:
        return Setting(pattern=point.pattern)
    return Setting(point.sparsity) if zeros else None


def top_of(session: Session) -> float:
    """The loss that gets the last colour."""
    layers = session.model.layers if session.model is not None else ()
    return scale_top(session.sensitivity(layer.id) for layer in layers)


def resolve_cells(
    session: Session, settings: tuple[Setting, ...], memo: Memo | None = None
) -> tuple[tuple[Cell, ...], ...]:
    """The cells of every layer, purely from the session as it stands.

    `memo` holds rows by layer with what they follow from: most stay as one point comes or one slider moves.
    """
    if session.model is None:
        return ()
    top, rows = top_of(session), []
    memo = memo if memo is not None else {}
    for layer in session.model.layers:
        plan, points = session.plan.layer(layer.id), session.points.get(layer.id, ())
        subject = (layer, plan, points, top, settings)
        kept = memo.get(layer.id)
        if kept is None or any(
            was is not now and was != now for was, now in zip(kept[0], subject, strict=True)
        ):
            known = {_setting(point): point for point in points}
            cells = tuple(_cell(layer, plan, points, known, setting, top) for setting in settings)
            kept = memo[layer.id] = subject, cells
        rows.append(kept[1])
    return tuple(rows)


def _cell(
    layer: Layer,
    plan: LayerPlan,
    points: tuple[SensitivityPoint, ...],
    known: dict[Setting | None, SensitivityPoint],
    setting: Setting,
    top: float,
) -> Cell:
    possible = layer.quantizable and setting.bits < layer.weight_bits if setting.by_bits else layer.prunable
    if not possible:
        return Cell(False)
    current = _is_current(plan, setting)
    point = known.get(setting)
    if point is not None:
        share, estimate = _share(point.loss, top), point.estimate
        count = point.measurement.count
        return Cell(True, point.loss, share, estimate, current, point.loss_low, point.loss_high, count)
    loss = None
    if not setting.pattern and setting.activations >= FLOAT_BITS:
        loss = predicted_loss(points, LayerPlan(sparsity=setting.sparsity, weight_bits=setting.bits))
    return Cell(True, loss, _share(loss or 0.0, top), loss is not None, current)


def _share(loss: float, top: float) -> float:
    return min(max(loss, 0.0) / top, 1.0)


def _is_current(plan: LayerPlan, setting: Setting) -> bool:
    """Whether the plan holds the setting, whatever else it holds."""
    if setting.by_bits:
        rounded = setting.activations in (FLOAT_BITS, plan.activation_bits)
        return plan.weight_bits == setting.bits and not plan.clusters and rounded
    if setting.pattern:
        return plan.pattern == setting.pattern
    return not fixes_share(plan) and not plan.threshold and abs(plan.zeros - setting.sparsity) < 0.005


def plan_settings(setting: Setting, plan: LayerPlan) -> dict[str, object]:
    """What gives a layer whose plan is `plan` this setting; what is of the other kind stays."""
    if setting.by_bits:
        rounded = {"activation_bits": setting.activations} if setting.activations < FLOAT_BITS else {}
        return bits_settings(setting.bits) | rounded
    if setting.pattern:
        return {"pattern": setting.pattern, "threshold": None, "keep": None}
    return sparsity_settings(setting.sparsity, plan)


class OverviewModel(QAbstractTableModel):
    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.settings = USUAL
        self.cells: tuple[tuple[Cell, ...], ...] = ()
        self._layers: tuple[Layer, ...] = ()
        self._memo: Memo = {}
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
        if layers != self._layers:
            self._memo = {}
        cells = resolve_cells(self._session, settings, self._memo)
        if settings != self.settings or layers != self._layers:
            self.beginResetModel()
            self.settings, self._layers, self.cells = settings, layers, cells
            self.endResetModel()
            return
        old, self.cells = self.cells, cells
        for row, (now, then) in enumerate(zip(cells, old, strict=True)):
            if now is not then and now != then:
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
        across = orientation == Qt.Orientation.Horizontal
        if section >= len(self.settings if across else self._layers):
            return None  # while the table is told that it has become smaller, one header still asks as before
        if across:
            setting = self.settings[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return plain_tip(setting.help())
            return setting.heading() if role == Qt.ItemDataRole.DisplayRole else None
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
            return tr("Not measured yet: press Analyze")
        unit = loss_unit()
        kind = tr("estimate") if cell.estimate else tr("measured, this layer alone")
        words = tr("{layer}, {setting}: loses {loss} ({kind}). Click to set it.").format(
            layer=layer.label, setting=setting.title(), loss=f"{fmt.number(cell.loss, 2)} {unit}", kind=kind
        )
        if cell.estimate or cell.low is None or cell.high is None:
            return words
        return "\n".join(
            (
                words,
                tr("95 % interval {low} to {high} {unit}, {n} samples").format(
                    low=fmt.number(cell.low, 2),
                    high=fmt.number(cell.high, 2),
                    unit=unit,
                    n=fmt.count(cell.count),
                ),
            )
        )

    def table(self) -> list[list[Value]]:
        """Every cell with a figure, a row each, the heading first: what is copied."""
        unit = loss_unit()
        rows: list[list[Value]] = [
            [
                tr("Layer"),
                tr("Setting"),
                tr("Loss"),
                tr("Unit"),
                tr("Lower end (95 %)"),
                tr("Upper end (95 %)"),
                tr("Samples"),
                tr("Kind of figure"),
                tr("In the plan"),
            ]
        ]
        for layer, cells in zip(self._layers, self.cells, strict=True):
            for setting, cell in zip(self.settings, cells, strict=True):
                if cell.loss is not None:
                    kind = tr("estimate") if cell.estimate else tr("measured")
                    rows.append(
                        [
                            layer.label,
                            setting.title(),
                            cell.loss,
                            unit,
                            cell.low,
                            cell.high,
                            cell.count or None,
                            kind,
                            int(cell.current),
                        ]
                    )
        return rows


def cell_text(cell: Cell) -> str:
    if not cell.possible:
        return "–"
    if cell.loss is None:
        return ""
    if abs(cell.loss) < 0.05:
        return fmt.number(0.0, 1)
    return ("−" if cell.loss < 0 else "") + fmt.points(abs(cell.loss), 1)
