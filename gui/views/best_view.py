"""Tab 'Best plans': a goal in words, the curve of best plans, a click takes one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.values import BestPlan, Goal, Plan, SensitivityPoint
from gui import format as fmt
from gui.best_plans import BestPlanSearch
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.models.choices import ANYWHERE, PATTERNS
from gui.session import Session
from gui.theme import Theme
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.flow import Flow
from gui.widgets.panels import LowStack, scrolled
from gui.widgets.panels import column as fill
from gui.widgets.plan_chart import PlanChart, loss_of
from gui.widgets.retranslating import Retranslating
from gui.widgets.yielding_box import YieldingBox

PROFILES = ("cpu", "download", "accelerator", "microcontroller")


FIELD_MARGIN = 26
"""Pixels of a field of numbers around its words."""


class BestView(Retranslating, QWidget):
    target_changed = Signal(str)
    """The profile of what the network will run on."""

    def __init__(
        self, session: Session, search: BestPlanSearch, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._search = session, search
        self._worst: tuple[float, str] | None = None
        """The largest loss that is known of a single layer, in points, and the layer's id."""
        self.use_loss, self.loss = QCheckBox(), _number(0.0, 50.0, 0.5, 1.0)
        self.use_size, self.size = QCheckBox(), _number(0.001, 100_000.0, 0.1, 1.0)
        self.use_speed, self.speed = QCheckBox(), _number(1.0, 50.0, 0.5, 2.0)
        self.use_loss.setChecked(True)
        self.target = YieldingBox()
        self.channels = QCheckBox()
        self.channels.setChecked(True)
        self.zeros = YieldingBox()
        self.find_button, self.draw_button = QPushButton(), QPushButton()
        self.find_button.setProperty("primary", "soft")
        self.chart = PlanChart(theme, self._words)
        self.caption = ElidedLabel()
        self.caption.setProperty("small", True)
        self.deeds = ElidedLabel()
        """What the plan told of does, below what it costs: one line holds half of both."""
        self.deeds.setProperty("small", True)
        self._empty = QLabel()
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(4)
        self._pages = LowStack()
        self._pages.addWidget(self.chart)
        self._pages.addWidget(self._empty)
        explain(self.use_loss, "point")
        explain(self.channels, "channel")
        explain(self.zeros, "pattern")
        explain(self.draw_button, "pareto", "plan")
        self._lay_out()
        self.find_button.clicked.connect(self._find)
        search.goal_changed.connect(self._show_goal)
        self.draw_button.clicked.connect(self._draw)
        self.target.currentIndexChanged.connect(self._on_target)
        self.chart.taken.connect(self._take)
        self.chart.pointed.connect(self._tell)
        for box, field in self._goals():
            box.toggled.connect(field.setEnabled)
            box.toggled.connect(self._refresh)
            box.toggled.connect(self._say_goal)
            field.valueChanged.connect(self._say_goal)
            field.setEnabled(box.isChecked())
        for signal in (session.model_changed, session.data_changed, session.job_changed, search.changed):
            signal.connect(self._refresh)
        self.channels.toggled.connect(self._say_goal)
        self.zeros.currentIndexChanged.connect(self._say_goal)
        session.model_changed.connect(self._on_model)
        session.points_changed.connect(self._on_point)
        self.retranslate()
        self._on_target()

    def _goals(self) -> tuple[tuple[QCheckBox, QDoubleSpinBox], ...]:
        return ((self.use_loss, self.loss), (self.use_size, self.size), (self.use_speed, self.speed))

    def _lay_out(self) -> None:
        goal = Flow(12)
        for box, field in self._goals():
            goal.add_together(box, field)
        where = Flow(8)
        for widget in (self.target, self.zeros, self.channels):
            where.addWidget(widget)
        where.add_break()
        where.addWidget(self.draw_button)
        where.addWidget(self.find_button)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(12, 8, 12, 6)
        column.setSpacing(6)
        column.addLayout(goal)
        column.addLayout(where)
        column.addWidget(self._pages, 1)
        told = QVBoxLayout()
        told.setSpacing(0)
        told.addWidget(self.caption)
        told.addWidget(self.deeds)
        column.addLayout(told)
        fill(self, scrolled(whole))

    def retranslate(self) -> None:
        self.use_loss.setText(tr("lose at most"))
        self.loss.setSuffix(" " + tr("pt"))
        self.use_size.setText(tr("at most"))
        self.size.setSuffix(" " + tr("MB"))
        self.use_speed.setText(tr("at least"))
        self.speed.setSuffix(tr("× faster"))
        for field, longest in ((self.loss, "50.0"), (self.size, "10000.0"), (self.speed, "50.0")):
            # for figures that come up, not for the largest that may be typed
            words = field.fontMetrics().horizontalAdvance(longest + field.suffix())
            field.setFixedWidth(words + FIELD_MARGIN)
        self.loss.setAccessibleName(tr("Points that may be lost"))
        self.size.setAccessibleName(tr("Largest file, in megabytes"))
        self.speed.setAccessibleName(tr("How many times faster"))
        self.target.setAccessibleName(tr("What it will run on"))
        at = max(self.target.currentIndex(), 0)
        self.target.clear()
        names = (tr("This computer"), tr("Smallest download"), tr("8-bit accelerator"), tr("Microcontroller"))
        for profile, name in zip(PROFILES, names, strict=True):
            self.target.addItem(name, profile)
        self.target.setCurrentIndex(at)
        self.zeros.setAccessibleName(tr("Where zeros may stand"))
        self.zeros.setToolTip(
            tr("Hardware that skips zeros wants them in a pattern; for a download any place will do.")
        )
        at = max(self.zeros.currentIndex(), 0)
        self.zeros.clear()
        for pattern in PATTERNS:
            name = tr("zeros anywhere") if pattern == ANYWHERE else tr("zeros in {pattern}")
            self.zeros.addItem(name.format(pattern=pattern), None if pattern == ANYWHERE else pattern)
        self.zeros.setCurrentIndex(at)
        self.channels.setText(tr("may cut channels"))
        self.channels.setToolTip(
            tr("Whole channels may be removed as well, which makes the network itself smaller and faster.")
        )
        self.find_button.setText(tr("Find the best plan"))
        self.draw_button.setText(tr("Draw the curve"))
        self.chart.setAccessibleName(tr("Curve of best plans: size across, points lost downwards"))
        self._refresh()

    # ------------------------------------------------------------ goal

    def goal(self) -> Goal:
        """What the fields say."""
        return Goal(
            max_loss=self.loss.value() if self.use_loss.isChecked() else None,
            max_size_bytes=round(self.size.value() * 1e6) if self.use_size.isChecked() else None,
            speedup=self.speed.value() if self.use_speed.isChecked() else None,
            profile=self.target.currentData(),
            channels=self.channels.isChecked(),
            pattern=self.zeros.currentData() if self.target.currentData() == "download" else None,
        )

    def _say_goal(self, _value: object = None) -> None:
        if self.target.currentData() is not None:  # while the names change there is none
            self._search.set_goal(self.goal())

    def _show_goal(self, goal: Goal) -> None:
        """The goal was chosen in other words."""
        if goal == self.goal():
            return
        for (box, field), wanted in zip(
            self._goals(),
            (goal.max_loss, goal.max_size_bytes and goal.max_size_bytes / 1e6, goal.speedup),
            strict=True,
        ):
            for control in (box, field):
                control.blockSignals(True)
            box.setChecked(wanted is not None)
            field.setEnabled(wanted is not None)
            if wanted is not None:
                field.setValue(wanted)
            for control in (box, field):
                control.blockSignals(False)
        self._refresh()
        self._say_goal()  # fields round

    def _on_target(self, _index: int = 0) -> None:
        """Zeros make only a download smaller."""
        self.zeros.setVisible(self.target.currentData() == "download")
        if self.target.currentData() is not None:  # while the names change there is none
            self.target_changed.emit(self.target.currentData())
            self._say_goal()

    def _find(self) -> None:
        self._say_goal()
        self._search.find(self._search.goal)

    def _draw(self) -> None:
        self._search.draw(self.goal())

    def _take(self, plan: BestPlan) -> None:
        self._search.take(plan, tr("Best plan"))

    def _on_model(self, _model: object) -> None:
        if self._session.model is not None:
            megabytes = self._session.model.size_bytes / 1e6
            self.size.setDecimals(3 if megabytes < 1 else 2 if megabytes < 100 else 0)
            self.size.setValue(megabytes / 4)

    # ------------------------------------------------------------ content

    def _refresh(self, _value: object = None) -> None:
        session, found = self._session, self._search.found
        ready = session.model is not None and session.data is not None and session.job is None
        asked = any(box.isChecked() for box, _ in self._goals())
        self.find_button.setEnabled(ready and asked)
        self.draw_button.setEnabled(ready)
        tried = self._search.tried
        self.chart.show_plans(found.points, found.uniform, tried, self.target.currentData() == "download")
        self._pages.setCurrentIndex(0 if found.points or tried else 1)
        if session.model is None or session.data is None:
            self._empty.setText(tr("Open a model and choose data to find the best plan for a goal."))
        elif self._search.busy:
            self._empty.setText(self._so_far())
        else:
            self._empty.setText(
                tr("Say what the result must keep to, then press Find: every layer gets its bits and zeros.")
            )
        self._tell(None)

    def _on_point(self, point: SensitivityPoint | None) -> None:
        if point is None:
            self._worst = None
            return
        loss = self._session.sensitivity(point.layer_id)
        if loss is not None and (self._worst is None or loss > self._worst[0]):
            self._worst = loss, point.layer_id
        if self._search.busy and self._pages.currentIndex() == 1:
            self._empty.setText(self._so_far())

    def _so_far(self) -> str:
        """What a search has found before it has a plan."""
        words = tr("Measuring what each layer can spare; the curve follows.")
        layers, known = self._layers(), self._session.points
        if not known:
            return words
        found = tr("Known so far: {n} of {total} layers.").format(
            n=fmt.count(len(known)), total=fmt.count(len(layers))
        )
        if self._worst is not None and self._worst[0] > 0:
            label = next((one.label for one in layers if one.id == self._worst[1]), "")
            found += "\n" + tr("Needed most: {layer}.").format(layer=label)
        return f"{words}\n{found}"

    def _tell(self, plan: BestPlan | None) -> None:
        found = self._search.found
        said, does = "", " "  # its line stays, lest the chart jumps under the pointer
        if plan is not None:
            said, does = self._in_two(plan)
        elif found.notes:
            said = tr_text(found.notes[0])
        elif found.chosen is not None:
            start = tr("Found: {plan}") if found.reached else tr("The goal is not reached; closest: {plan}")
            said, does = self._in_two(found.chosen)
            said = start.format(plan=said)
        elif found.points:
            said = tr(
                "dashed: predicted · filled: measured · squares: the same for every layer · click to take"
            )
        self.caption.set_full_text(said)
        self.deeds.set_full_text(does)

    def _in_two(self, plan: BestPlan) -> tuple[str, str]:
        *costs, does = self._words(plan).split("\n")
        return " · ".join(costs), does

    def _words(self, plan: BestPlan) -> str:
        """A plan in words: what it costs, and what it does."""
        if plan.measured is not None:
            outcome = plan.measured.outcome
            count = outcome.primary.count if outcome.primary is not None else 0
            first = tr("{loss} pt lost, measured on {n} samples it has not seen").format(
                loss=fmt.number(loss_of(plan), 2), n=fmt.count(count)
            )
            size, zipped = outcome.size_bytes, outcome.zipped_bytes
        else:
            first = tr("{loss} pt lost, likely {low} to {high} (estimate)").format(
                loss=fmt.number(plan.loss, 2),
                low=fmt.number(plan.loss_low, 2),
                high=fmt.number(plan.loss_high, 2),
            )
            size, zipped = plan.size_bytes, plan.zipped_bytes
        second = tr("{size}, zipped {zipped}").format(size=fmt.size(size), zipped=fmt.size(zipped))
        return "\n".join((first, second, what_it_does(plan.plan, [layer.id for layer in self._layers()])))

    def _layers(self) -> tuple:  # type: ignore[type-arg]
        return self._session.model.layers if self._session.model is not None else ()


def what_it_does(plan: Plan, layers: list[str]) -> str:
    """'12 layers at 4 bits, 9 at 8, 1 as it is; 5 with zeros'."""
    bits: dict[int, int] = {}
    zeros = 0
    for layer_id in layers:
        own = plan.layer(layer_id)
        bits[own.weight_bits or 32] = bits.get(own.weight_bits or 32, 0) + 1
        zeros += own.zeros > 0
    parts = []
    if plan.work_removed:
        parts.append(
            tr("{share} of the work removed in channels").format(share=fmt.percent(plan.work_removed))
        )
    parts += [
        tr("1 layer at {bits} bits").format(bits=width)
        if count == 1
        else tr("{n} layers at {bits} bits").format(n=count, bits=width)
        for width, count in sorted(bits.items())
        if width < 32
    ]
    if bits.get(32):
        parts.append(tr("{n} in float").format(n=bits[32]))
    if zeros:
        parts.append(tr("{n} with zeros").format(n=zeros))
    return fmt.listed(parts)


def _number(low: float, high: float, step: float, value: float) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setSingleStep(step)
    field.setDecimals(1)
    field.setValue(value)
    field.lineEdit().setTextMargins(5, 0, 0, 0)
    return field
