"""The layer table as a Qt model: rows resolved purely from the session's values, then compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from core.values import FLOAT_BITS, HALF_BITS, NO_CHANGE, GiveBack, Layer, LayerPlan
from gui import format as fmt
from gui.glossary import explained
from gui.i18n import tr, tr_text
from gui.models.blame_words import points_text
from gui.models.choices import WEIGHT_BITS, bits_help, fixed_reason, fixes_share, steps_help
from gui.models.damage import loss_unit, scale_top
from gui.session import Session
from gui.widgets.plain_tip import plain_tip

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
"""The `Row` behind an index."""
SORT_ROLE = Qt.ItemDataRole.UserRole + 2

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    NAME = 0
    KIND = 1
    SIZE = 2
    TIME = 3
    SENSITIVITY = 4
    SPARSITY = 5
    BITS = 6
    EFFECT = 7
    BLAME = 8


FIGURES = (Column.SIZE, Column.TIME, Column.SENSITIVITY, Column.EFFECT, Column.BLAME)
"""Columns that end in a figure: their headings stand over it."""
TERMS = (
    ("layer",), ("depthwise",), ("weight",), ("latency",), ("sensitivity",), ("sparsity",), ("bits",),
    ("point",), ("blame",),
)  # fmt: skip
"""What each column's heading explains besides."""


@dataclass(frozen=True)
class Row:
    """What one row shows."""

    layer: Layer
    plan: LayerPlan
    """Resolved: nothing is None but a threshold."""
    changed: bool
    """Differs from the plan's defaults."""
    size_share: float
    """Of the bytes of all layers, 0..1."""
    size_bar: float
    """Against the largest layer, 0..1."""
    time_share: float | None
    time_bar: float
    sensitivity: float | None
    """Points lost at the hardest common setting."""
    sensitivity_bar: float
    """On the damage scale, 0..1."""
    effect: float | None
    """Points lost with this layer alone changed as planned; an estimate."""
    blame: GiveBack | None
    """What comes back if this layer is left as it was, measured; None: not measured for this plan."""
    touched: bool
    """Whether the plan does anything to the layer."""
    coupled: tuple[str, ...]
    """Labels of the layers that are changed along with it."""
    unit: str
    """Of losses: points."""

    @property
    def bits(self) -> int:
        """Of the weights under the plan; what cannot be quantised keeps its own."""
        if not self.layer.quantizable:
            return self.layer.weight_bits
        return min(self.plan.weight_bits or FLOAT_BITS, self.layer.weight_bits)

    @property
    def movable(self) -> bool:
        """Whether the sparsity can be dragged: the layer allows it, and no pattern fixes it."""
        return self.layer.prunable and not fixes_share(self.plan)

    def bit_choices(self) -> tuple[int, ...]:
        """Weight bits that can be chosen; the last one leaves the layer as it is."""
        if not self.layer.quantizable:
            return ()
        return (*(bits for bits in (HALF_BITS, *WEIGHT_BITS) if bits < self.layer.weight_bits), FLOAT_BITS)


def resolve_rows(session: Session) -> tuple[Row, ...]:
    """All rows from the session as it stands."""
    model = session.model
    if model is None:
        return ()
    plan = session.plan
    defaults = plan.defaults.over(NO_CHANGE)
    total = sum(layer.bytes for layer in model.layers) or 1
    largest = max((layer.bytes for layer in model.layers), default=1) or 1
    times = {time.layer_id: time.share for time in session.timings.layers} if session.timings else None
    slowest = max(times.values(), default=0.0) if times else 0.0
    sensitivities = {layer.id: session.sensitivity(layer.id) for layer in model.layers}
    top = scale_top(sensitivities.values())
    unit = loss_unit()
    backs = session.blame.by_layer()
    groups: dict[str, list[Layer]] = {}
    for layer in model.layers:
        if layer.group:
            groups.setdefault(layer.group, []).append(layer)
    rows = []
    for layer in model.layers:
        own = plan.layer(layer.id)
        time_share = times.get(layer.id, 0.0) if times is not None else None
        sensitivity = sensitivities[layer.id]
        touched = plan.changes(layer.id) and (layer.prunable or layer.quantizable)
        rows.append(
            Row(
                layer=layer,
                plan=own,
                changed=layer.id in plan.exceptions and own != defaults,
                size_share=layer.bytes / total,
                size_bar=layer.bytes / largest,
                time_share=time_share,
                time_bar=time_share / slowest if time_share and slowest else 0.0,
                sensitivity=sensitivity,
                sensitivity_bar=min(sensitivity / top, 1.0) if sensitivity is not None else 0.0,
                effect=session.predicted_loss(layer.id) if touched else None,
                blame=backs.get(layer.id),
                touched=touched,
                coupled=tuple(
                    other.label for other in groups.get(layer.group or "", ()) if other.id != layer.id
                ),
                unit=unit,
            )
        )
    return tuple(rows)


def _sources(session: Session) -> tuple[object, ...] | None:
    """What rows are resolved from; None while there are points, which are added in place."""
    if session.points:
        return None
    return session.model, session.plan, session.timings, session.baseline, session.blame.layers


class LayerTableModel(QAbstractTableModel):
    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.rows: tuple[Row, ...] = resolve_rows(session)
        self._made_of: tuple[object, ...] | None = None
        self._positions = {row.layer.id: index for index, row in enumerate(self.rows)}
        session.model_changed.connect(self.reset)
        session.plan_changed.connect(self.refresh)
        session.timings_changed.connect(self.refresh)
        session.points_changed.connect(self.refresh)
        session.blame.changed.connect(self.refresh)

    # ------------------------------------------------------------ content

    def reset(self, _model: object = None) -> None:
        self.beginResetModel()
        self._made_of = _sources(self._session)
        self.rows = resolve_rows(self._session)
        self._positions = {row.layer.id: index for index, row in enumerate(self.rows)}
        self.endResetModel()

    def refresh(self, _value: object = None) -> None:
        """Compute the rows anew and announce only those that differ."""
        if self._made_of is not None and _sources(self._session) == self._made_of:
            return  # several signals tell of one change, and thousands of rows take their time
        self._made_of = _sources(self._session)
        fresh = resolve_rows(self._session)
        if len(fresh) != len(self.rows) or any(
            new.layer.id != old.layer.id for new, old in zip(fresh, self.rows, strict=True)
        ):
            self.reset()
            return
        differing = [
            index for index, (new, old) in enumerate(zip(fresh, self.rows, strict=True)) if new != old
        ]
        self.rows = fresh
        for first, last in _runs(differing):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))

    def position(self, layer_id: str | None) -> int | None:
        return self._positions.get(layer_id) if layer_id is not None else None

    @property
    def changed_count(self) -> int:
        return sum(row.changed for row in self.rows)

    def retranslate(self) -> None:
        self.rows = resolve_rows(self._session)  # they hold the unit's name
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(Column) - 1))

    # ------------------------------------------------------------ Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _titles()[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return explained(_title_tips()[section], *TERMS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole and section in FIGURES:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == SORT_ROLE:
            return _sort_key(row, index.column())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return cell_text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(tooltip(row, index.column()))
        return None


# ---------------------------------------------------------------- texts


def _titles() -> tuple[str, ...]:
    return (
        tr("Layer"), tr("Kind"), tr("Size"), tr("Time"), tr("Sensitivity"), tr("Sparsity"), tr("Bits"),
        tr("Points"), tr("Blame"),
    )  # fmt: skip


def _title_tips() -> tuple[str, ...]:
    return (
        tr("Name of the layer. Click a heading to sort; a third click restores the model's order."),
        tr("What the layer computes"),
        tr("Share of the bytes of all layers"),
        tr("Share of the original's time on this computer, measured by Analyze"),
        tr("Points of accuracy lost if only this layer is cut: the worst measured of 50 % zeros and 4 bits"),
        tr("Share of the layer's weights that become zero. Drag the slider."),
        tr("Bits for each weight: 8 to 2, float16 (f16), or float as it is; * marks shared values"),
        tr("Estimate: points of accuracy that this layer's setting costs"),
        tr("Measured: points that come back if only this layer is left as it was"),
    )


def bits_text(bits: int) -> str:
    if bits == HALF_BITS:
        return "f16"
    return tr("float") if bits >= FLOAT_BITS else fmt.count(bits)


def loss_text(loss: float, digits: int = 2) -> str:
    """Points lost as a signed change: −0.20; a gain gets a plus."""
    if abs(loss) < 0.5 * 10**-digits:
        return fmt.number(0.0, digits)
    return ("−" if loss > 0 else "+") + fmt.points(abs(loss), digits)


def sparsity_text(row: Row) -> str:
    if fixes_share(row.plan):
        return row.plan.pattern or ""
    if row.plan.threshold:
        return tr("below {t}").format(t=fmt.number(row.plan.threshold, 3))
    return fmt.percent(row.plan.zeros)


def blocked_text(row: Row) -> str:
    """Why there is no control, in one line; empty if there is one."""
    return tr_text(row.layer.why_not[0]) if row.layer.why_not else tr("not possible here")


def cell_text(row: Row, column: int) -> str:
    layer = row.layer
    if column == Column.NAME:
        return layer.label
    if column == Column.KIND:
        return fmt.layer_kind(layer.kind)
    if column == Column.SIZE:
        return fmt.part(row.size_share)
    if column == Column.TIME:
        return fmt.part(row.time_share) if row.time_share is not None else "–"
    if column == Column.SENSITIVITY:
        if row.sensitivity is None:
            return "–"
        return f"{fmt.points(row.sensitivity, 1)} {row.unit}"
    if column == Column.SPARSITY:
        return sparsity_text(row) if layer.prunable else blocked_text(row)
    if column == Column.BITS:
        return bits_text(row.bits) + (" *" if row.plan.clusters and layer.quantizable else "")
    if column == Column.BLAME:
        return fmt.number(row.blame.points, 2) if row.blame is not None else ""
    if not row.touched:
        return ""
    return loss_text(row.effect) if row.effect is not None else "–"


def tooltip(row: Row, column: int) -> str:
    layer = row.layer
    if column in (Column.NAME, Column.KIND):
        shape = " × ".join(fmt.count(size) for size in layer.shape)
        lines = [layer.id if layer.id == layer.label else f"{layer.label}\n{layer.id}"]
        lines.append(
            tr("{kind}, {shape}, {params} parameters").format(
                kind=fmt.layer_kind(layer.kind), shape=shape, params=fmt.large(layer.params)
            )
        )
        if row.changed:
            lines.append(tr("Changed from the default"))
        lines += [tr_text(sentence) for sentence in (*layer.why_not, *layer.warnings)]
        return "\n".join(lines)
    if column == Column.SIZE:
        return fmt.size(layer.bytes)
    if column == Column.TIME and row.time_share is None:
        return tr("Not measured yet: press Analyze")
    if column == Column.SENSITIVITY and row.sensitivity is None:
        return tr("Not measured yet: press Analyze")
    if column == Column.SPARSITY:
        how = fixed_reason(row.plan) or tr("Drag, or press Left and Right for 5 % steps")
        return _control_tip(row, layer.prunable, how)
    if column == Column.BITS:
        shared = row.plan.clusters
        meaning = steps_help(shared) if shared else bits_help(row.bits)
        how = _control_tip(row, layer.quantizable, tr("Click or press Space to choose"))
        return f"{meaning}\n{how}" if meaning and layer.quantizable else how
    if column == Column.EFFECT and row.touched and row.effect is None:
        return tr("Not measured yet: press Analyze")
    if column == Column.BLAME and row.blame is not None:
        return points_text(row.blame, row.unit)
    return ""


def _control_tip(row: Row, possible: bool, how: str) -> str:
    if not possible:
        return "\n".join(map(tr_text, row.layer.why_not)) or tr("not possible here")
    if row.plan.keep:
        return tr("Kept as is") + "\n" + how
    if row.coupled:
        return tr("Changed together with {names}").format(names=fmt.listed(row.coupled[:4])) + "\n" + how
    return how


def _sort_key(row: Row, column: int) -> str | float:
    if column == Column.NAME:
        return row.layer.label.casefold()
    if column == Column.KIND:
        return fmt.layer_kind(row.layer.kind).casefold()
    value = {
        Column.SIZE: row.size_share,
        Column.TIME: row.time_share,
        Column.SENSITIVITY: row.sensitivity,
        Column.SPARSITY: row.plan.zeros,
        Column.BITS: float(row.bits),
        Column.EFFECT: row.effect,
        Column.BLAME: row.blame.damage if row.blame is not None else None,
    }[Column(column)]
    return -1e9 if value is None else value


def _runs(indices: list[int]) -> list[tuple[int, int]]:
    """Neighbouring indices as (first, last)."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs
