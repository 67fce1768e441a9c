"""Tab 'What changed': by class, what is taken for what, and the samples whose answer is another one now.

Of the last run, or of a snapshot.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.values import Comparison, Tried
from gui import format as fmt
from gui.comparing import ResultComparison
from gui.glossary import explain
from gui.i18n import tr, tr_text
from gui.project_keeper import ProjectKeeper
from gui.session import Session
from gui.theme import Theme
from gui.views.compared_choice import ComparedChoice
from gui.views.own_section import OwnSection
from gui.widgets.class_bars import ClassBars
from gui.widgets.confusion_matrix import MODES, ConfusionMatrix
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.labels import empty_state
from gui.widgets.panels import scrolled
from gui.widgets.retranslating import Retranslating
from gui.widgets.sample_gallery import SampleGallery

CLASSES, MATRIX, SPREAD, TYPING = range(4)
"""Pages of the left side."""
NARROW, NARROW_FOR_PAIRS = 440, 600
"""Below this width classes and samples stand one above the other; samples seen twice need more."""


class ChangedView(Retranslating, QWidget):
    file_asked = Signal(str)
    """Choose a file to try: 'picture', 'sound' or 'request'."""

    def __init__(
        self,
        session: Session,
        comparing: ResultComparison,
        theme: Theme,
        keeper: ProjectKeeper,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._comparing = comparing
        self._tried: Tried | None = None
        """The answers that were shown last."""
        self.which = ComparedChoice(session, comparing, keeper)
        self.setAcceptDrops(True)
        self.summary = ElidedLabel()
        self.bars, self.matrix = ClassBars(theme), ConfusionMatrix(theme)
        self.gallery, self.own = SampleGallery(theme), OwnSection(session, comparing, theme, self)
        self.quantiles = QLabel()
        self.quantiles.setProperty("muted", True)
        self.quantiles.setWordWrap(True)
        self.quantiles.setTextFormat(Qt.TextFormat.PlainText)
        self.quantiles.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._cell = QLabel()
        self._cell.setProperty("small", True)
        self._cell.setTextFormat(Qt.TextFormat.PlainText)
        self._cell.setWordWrap(True)
        self._cell.setFixedWidth(104)
        self._pages_group = QButtonGroup(self)
        self.show_classes, self.show_matrix, self.show_spread = (
            self._toggle(self._pages_group) for _ in range(3)
        )
        explain(self.show_matrix, "confusion_matrix")
        self._modes_group = QButtonGroup(self)
        self.modes = tuple(self._toggle(self._modes_group) for _ in MODES)
        for index, button in enumerate(self.modes):
            self._modes_group.setId(button, index)
        self.show_classes.setChecked(True)
        self.modes[0].setChecked(True)
        self._again = QPushButton()
        self._lay_out()
        self._pages_group.buttonClicked.connect(self._on_page)
        self._modes_group.idToggled.connect(self._on_mode)
        self.own.file_asked.connect(self.file_asked)
        self._again.clicked.connect(comparing.retry)
        self.matrix.chosen.connect(self._cell.setText)
        comparing.changed.connect(self.refresh)
        for signal in (
            session.model_changed,
            session.result_changed,
            session.plan_changed,
            session.job_changed,
        ):
            signal.connect(self._on_session)
        self.retranslate()

    def _toggle(self, group: QButtonGroup) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        group.addButton(button)
        return button

    def _lay_out(self) -> None:
        classes = scrolled(self.bars)
        matrix = QWidget()
        row = QHBoxLayout(matrix)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.matrix, 1)
        column = QVBoxLayout()
        column.setSpacing(3)
        for button in self.modes:
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            column.addWidget(button)
        column.addWidget(self._cell)
        column.addStretch(1)
        row.addLayout(column)
        self.left = QStackedWidget()
        for page in (classes, matrix, self.quantiles, self.own.form):
            self.left.addWidget(page)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.own.tried)
        self._area = scrolled(self.gallery)
        column.addWidget(self._area, 1)
        both = QWidget()
        self._both = QBoxLayout(QBoxLayout.Direction.LeftToRight, both)
        self._both.setContentsMargins(0, 0, 0, 0)
        self._both.setSpacing(16)
        self._both.addWidget(self.left, 10)
        self._both.addWidget(right, 10)
        self._empty = empty_state()
        self.pages = QStackedWidget()
        self.pages.addWidget(self._empty)
        self._whole = scrolled(both)
        self.pages.addWidget(self._whole)
        what, outcome = QHBoxLayout(), QHBoxLayout()
        for widget in (self.show_classes, self.show_matrix, self.show_spread):
            what.addWidget(widget)
        what.addSpacing(4)
        what.addWidget(self.which)
        outcome.addWidget(self.summary, 1)
        outcome.addWidget(self._again)
        outcome.addWidget(self.own.button)
        self._top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for part, stretch in ((what, 0), (outcome, 1)):
            part.setSpacing(4)
            self._top.addLayout(part, stretch)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 8)
        whole.setSpacing(8)
        whole.addLayout(self._top)
        whole.addWidget(self.pages, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """One below the other where the view is too narrow; samples seen twice are wider."""
        way = QBoxLayout.Direction
        least_of_both = NARROW_FOR_PAIRS if self.gallery.pairs else NARROW
        for layout, least in ((self._top, NARROW), (self._both, least_of_both)):
            layout.setDirection(way.TopToBottom if self.width() < least else way.LeftToRight)

    # ------------------------------------------------------------ texts

    def retranslate(self) -> None:
        self.show_classes.setText(tr("By class"))
        self.show_matrix.setText(tr("Confusions"))
        self.show_matrix.setToolTip(tr("Which class is taken for which"))
        self.show_spread.setText(tr("By sample"))
        self.show_spread.setToolTip(tr("By how much the answers moved"))
        modes = (tr("Difference"), tr("Original"), tr("Compressed"))
        for button, words in zip(self.modes, modes, strict=True):
            button.setText(words)
        self._again.setText(tr("Try again"))
        self.matrix.setAccessibleName(tr("Confusion matrix"))
        self.gallery.setAccessibleName(tr("Samples whose answer changed"))
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._comparing.look()
        self.refresh()

    def _on_session(self, _value: object) -> None:
        if self.isVisible():
            self._comparing.look()
        self.refresh()

    def _on_page(self, *_: object) -> None:
        self.own.typing = False
        self.refresh()

    def _on_mode(self, index: int, chosen: bool) -> None:
        if chosen:
            self.matrix.set_mode(MODES[index])

    # ------------------------------------------------------------ what is shown

    def refresh(self) -> None:
        if not self.isVisible():
            return  # drawn when somebody looks
        comparing = self._comparing
        comparison = comparing.comparison
        self.own.refresh()
        if comparing.tried is not None and comparing.tried is not self._tried:
            # where the window is narrow the answers stand below everything else; they get their place first
            QTimer.singleShot(0, self, self._show_tried)
        self._tried = comparing.tried
        self.which.refresh()
        self._again.setVisible(comparing.trouble is not None)
        known = comparison is not None and comparison.done > 0
        # whoever tries a sample need not wait for the comparison
        self._area.setVisible(known)
        self.left.setVisible(known or self.own.typing)
        if self.own.typing:
            self.left.setCurrentIndex(TYPING)
        self.pages.setCurrentIndex(1 if known or self.own.typing or comparing.tried is not None else 0)
        by_class, by_sample = known and bool(comparison.classes), known and bool(comparison.quantiles)
        self.show_classes.setVisible(by_class)
        self.show_matrix.setVisible(by_class and not by_sample)
        self.show_spread.setVisible(by_class and by_sample)
        if comparison is None or not known:
            self.summary.set_full_text("")
            self._empty.setText(self._hint())
            return
        self.summary.set_full_text(self._summary(comparison))
        self._show_classes(comparison)
        self.matrix.show_comparison(comparison)
        self.gallery.show_samples(comparison.samples, comparison.columns)
        self._arrange()
        if self.own.typing:
            return
        self.left.setCurrentIndex(self._page(comparison))

    def _show_classes(self, comparison: Comparison) -> None:
        self.bars.show_classes(comparison.classes, comparison.classes_by)
        tip, name = {
            "accuracy": (
                tr("How many of each class are right: original above, compressed below"),
                tr("Right answers by class, before and after"),
            ),
            "iou": (
                tr(
                    "Where answer and label agree, as a share of the area of both (IoU): original above, "
                    "compressed below. Intervals from drawing the pictures anew."
                ),
                tr("IoU by class, before and after"),
            ),
            "ap": (
                tr(
                    "How well the boxes of each class are found and ranked (average precision): original "
                    "above, compressed below. Intervals from drawing the pictures anew."
                ),
                tr("Average precision by class, before and after"),
            ),
        }[comparison.classes_by]
        self.show_classes.setToolTip(tip)
        self.bars.setAccessibleName(name)

    def _page(self, comparison: Comparison) -> int:
        """The page that was chosen, as far as there is something on it; else the classes."""
        chosen = self.show_spread if not comparison.quantiles else self.show_matrix
        if chosen.isChecked():
            self.show_classes.setChecked(True)
        if not comparison.quantiles:
            return MATRIX if self.show_matrix.isChecked() else CLASSES
        self.quantiles.setText(self._spread(comparison))
        return SPREAD if self.show_spread.isChecked() or not comparison.classes else CLASSES

    def _show_tried(self) -> None:
        self._whole.ensureWidgetVisible(self.own.tried)

    def _summary(self, comparison: Comparison) -> str:
        parts = []
        if comparison.done < comparison.total:
            parts.append(fmt.progress(comparison.done, comparison.total))
        changed = tr("{n} of {total} answers changed").format(
            n=fmt.count(comparison.changed), total=fmt.count(comparison.done)
        )
        parts.append(changed)
        if comparison.quantiles:
            pass
        elif comparison.labelled and comparison.classes:
            parts.append(
                tr("{broken} to wrong, {mended} to right").format(
                    broken=fmt.count(comparison.broken), mended=fmt.count(comparison.mended)
                )
            )
        elif comparison.classes:
            parts.append(tr("without labels: the original's answers count as right"))
        if self._comparing.quick:
            parts.insert(0, tr("not run"))
            trains = self._comparing.snapshot is not None and self._comparing.snapshot.plan.trains
            parts.append(
                tr("training left out")
                if trains
                else tr("layers made by themselves: a run ends as good or better")
            )
        elif self._comparing.snapshot is None and not self._session.result_is_current:
            parts.append(tr("of the last run; the plan has changed since"))
        return " · ".join(parts)

    def _spread(self, comparison: Comparison) -> str:
        half, most, all_of_them = comparison.quantiles
        return tr(
            "By how much the answers moved, as a share of the spread of the original's answers: half of the "
            "samples by at most {half}, 95 of 100 by at most {most}, none by more than {all}. The "
            "samples shown are those that moved most."
        ).format(half=fmt.percent(half, 2), most=fmt.percent(most, 2), all=fmt.percent(all_of_them, 2))

    def _hint(self) -> str:
        session, comparing = self._session, self._comparing
        if session.model is None:
            return tr("Open a model first.")
        if comparing.trouble is not None:
            return tr_text(comparing.trouble)
        if not comparing.possible:
            return tr(
                "Press Run to carry out the plan. What it made worse appears here then: class by class, and "
                "the very samples whose answer changed."
            )
        if session.job is not None:
            return tr("The samples are compared as soon as the present work is done.")
        if comparing.quick and comparing.stage is not None:
            return tr("Measuring this plan: {stage} …").format(stage=tr_text(comparing.stage))
        return tr("Comparing the answers …")

    # ------------------------------------------------------------ a file of the person's own

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.own.dropped(event.mimeData()) and self._comparing.possible:
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        path = self.own.dropped(event.mimeData())
        if path:
            event.acceptProposedAction()
            self._comparing.try_file(path)
