"""The window: it assembles the views and decides nothing else."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from gui.actions import Actions
from gui.commands import Commands
from gui.comparing import ResultComparison
from gui.i18n import tr
from gui.icons import icon
from gui.job import Job
from gui.next_step import NextStep
from gui.project_keeper import ProjectKeeper
from gui.run_queue import RunQueue
from gui.session import Session
from gui.settings import Settings
from gui.theme import Theme
from gui.views.advice_view import AdviceView
from gui.views.best_view import BestView
from gui.views.card_bar import CardBar
from gui.views.changed_view import ChangedView
from gui.views.conversion_bar import ConversionBar
from gui.views.data_view import DataView
from gui.views.error_bar import ErrorBar
from gui.views.export_bar import ExportBar
from gui.views.graph_view import GraphView
from gui.views.inspector_view import InspectorView
from gui.views.method_view import MethodView
from gui.views.netron_view import NetronView
from gui.views.outcome_view import OutcomeView
from gui.views.overview_view import OverviewView
from gui.views.run_bar import RunBar
from gui.views.run_view import RunView
from gui.views.side_view import SideView
from gui.views.snapshots_view import SnapshotsView
from gui.views.start_view import StartView
from gui.views.steps_view import StepsView
from gui.views.table_view import TableView
from gui.views.top_bar import TopBar
from gui.widgets.drop_window import DropWindow
from gui.widgets.panels import GAP, Splitters, column, panel
from gui.widgets.retranslating import Retranslating
from gui.widgets.work_tabs import WorkTabs


class MainWindow(Retranslating, DropWindow):
    def __init__(
        self,
        session: Session,
        theme: Theme,
        actions: Actions,
        commands: Commands,
        settings: Settings,
        following: NextStep,
        comparing: ResultComparison,
        queue: RunQueue,
        keeper: ProjectKeeper,
    ) -> None:
        super().__init__()
        self._session = session
        self._theme = theme
        self._settings = settings
        self._commands = commands
        self._keeper = keeper
        self._queue = queue
        self._splitters = Splitters(self)
        self.setMinimumSize(940, 600)
        self.resize(1440, 900)

        self.graph = GraphView(session, theme, keeper)
        self.table = TableView(session, theme)
        self.inspector = InspectorView(session, theme)
        self.run_view = RunView(session, theme)
        self.run_view.add_bar(RunBar(session, keeper, queue))
        self.overview = OverviewView(session, theme)
        self.method = MethodView(session, theme)
        self.best = BestView(session, following.search, theme)
        self.changed = ChangedView(session, comparing, theme, keeper)
        self.advice = AdviceView(session, theme)
        self.netron = NetronView(session, theme)
        self.side = SideView(session, theme)
        self.outcome = OutcomeView(session, theme)
        self.data_view = DataView(session, theme)
        self.start = StartView(session, theme)
        self.snapshots = SnapshotsView(session, theme, keeper)
        self.top_bar = TopBar(session, theme, actions, keeper, commands)
        self.steps = StepsView(session, theme, actions, following)
        self.error_bar = ErrorBar(session, theme)
        self.export_bar = ExportBar(session, theme)
        self.conversion_bar = ConversionBar(session, theme)
        self.card_bar = CardBar(session, theme)

        self._lay_out()
        self.take_drops(theme, commands.dropped.emit)
        for action in actions:
            self.addAction(action)
        self._connect(commands)
        self.retranslate()
        self._recolor()
        self._show_page()
        self._splitters.restore(settings)
        self.start.take_focus()

    # ------------------------------------------------------------ layout

    def _lay_out(self) -> None:
        views = (
            self.run_view, self.overview, self.best, self.changed, self.advice, self.method, self.side,
            self.netron, self.snapshots,
        )  # fmt: skip
        self.tabs = WorkTabs(views)
        split = self._splitters.add
        middle = split("middle", Qt.Orientation.Vertical, panel(self.table), panel(self.tabs))
        self._right = QStackedWidget()
        self._right.addWidget(split("work", Qt.Orientation.Horizontal, middle, panel(self.inspector, 322)))
        self._right.addWidget(panel(self.data_view))
        columns = split("columns", Qt.Orientation.Horizontal, panel(self.graph, 262), self._right)
        self._footer = QFrame()
        self._footer.setProperty("footer", True)
        column(self._footer, self.outcome)

        self._pages = QStackedWidget()
        self._pages.addWidget(self.start)
        self._pages.addWidget(columns)
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(GAP, GAP, GAP, GAP)
        inner.setSpacing(GAP)
        for bar in (self.error_bar, self.card_bar, self.conversion_bar, self.export_bar):
            inner.addWidget(bar)
        inner.addWidget(self._pages, 1)
        whole = QWidget()
        column(whole, self.top_bar, self.steps, body, self._footer)
        whole.layout().setStretch(2, 1)
        self.setCentralWidget(whole)

    def _connect(self, commands: Commands) -> None:
        commands.attach(self)
        commands.data_asked.connect(self.show_data)
        commands.goal_asked.connect(self._show_best)
        commands.compare_asked.connect(self._show_changed)
        commands.choose_asked.connect(self._focus_table)
        commands.quit_asked.connect(self.close)
        self.start.open_asked.connect(commands.open_model)
        self.start.sample_asked.connect(commands.open_sample_named)
        self.start.recent_asked.connect(commands.open_path)
        self.error_bar.chosen.connect(commands.answer)
        self.conversion_bar.answered.connect(commands.convert)
        self.conversion_bar.declined.connect(commands.leave_unconverted)
        self.conversion_bar.architecture_asked.connect(commands.choose_architecture)
        self.changed.file_asked.connect(commands.choose_own)
        self.snapshots.run_asked.connect(self._queue.add)
        self.snapshots.compare_asked.connect(self._show_changed)
        self.snapshots.take_asked.connect(commands.take_snapshot)
        commands.snapshot_taken.connect(self._on_snapshot)
        self._keeper.changed.connect(self.retranslate)
        self.data_view.folder_asked.connect(commands.choose_data_folder)
        self.data_view.file_asked.connect(commands.choose_data_file)
        self.table.method_asked.connect(self._show_method)
        self.data_view.calibration_folder_asked.connect(commands.choose_calibration_folder)
        self.data_view.calibration_file_asked.connect(commands.choose_calibration_file)
        self.data_view.closed.connect(self.show_work)
        self.advice.advice.data_asked.connect(self.show_data)
        self.best.target_changed.connect(self.advice.advice.set_profile)
        self._session.model_changed.connect(self._on_model)
        self._session.run_changed.connect(self._on_run)
        self._session.job_changed.connect(self._on_job)
        self._theme.changed.connect(self._recolor)

    # ------------------------------------------------------------ what is shown

    def show_data(self) -> None:
        """The data step takes the place of table and inspector; the graph stays."""
        if self._session.model is not None:
            self._right.setCurrentIndex(1)
            self.data_view.take_focus()

    def show_work(self) -> None:
        self._right.setCurrentIndex(0)

    def _show_best(self) -> None:
        self.show_work()
        self.tabs.setCurrentWidget(self.best)

    def _show_changed(self, *_: object) -> None:
        self.show_work()
        self.tabs.setCurrentWidget(self.changed)

    def _show_method(self) -> None:
        self.tabs.setCurrentWidget(self.method)
        self.method.take_focus()

    def _focus_table(self) -> None:
        self.show_work()
        self.table.take_focus()

    def _on_model(self, model: object) -> None:
        # the views take the model in now; their first picture has a turn of the event loop for itself
        self._pages.setUpdatesEnabled(False)
        QTimer.singleShot(0, self, lambda: self._pages.setUpdatesEnabled(True))
        self.show_work()
        self._show_page()
        self.retranslate()

    def _on_run(self, point: object) -> None:
        if point is None and self._session.run_state == "running":
            self.show_work()
            self.tabs.setCurrentWidget(self.run_view)

    def _on_snapshot(self, snapshot_id: int) -> None:
        self.tabs.setCurrentWidget(self.snapshots)
        self.snapshots.show_taken(snapshot_id)

    def _on_job(self, job: Job | None) -> None:
        if job is not None and job.kind == "analyze":
            self.show_work()

    def _show_page(self) -> None:
        opened = self._session.model is not None
        began = opened and self._pages.currentIndex() == 0
        self._pages.setCurrentIndex(1 if opened else 0)
        if not opened:
            self.start.set_recent(self._commands.recent)
            self.start.set_interrupted(*self._commands.interrupted)
        if began:
            self.table.take_focus()
        self._footer.setVisible(opened)

    def retranslate(self) -> None:
        model = self._session.model
        name = self._keeper.name[:120]
        if self._keeper.read_only:
            name = tr("{name} (read-only)").format(name=name)
        parts = (name, model.name[:120] if model is not None else "", "Secateur")
        self.setWindowTitle(" – ".join(part for part in parts if part))

    def _recolor(self, *_: object) -> None:
        self.setWindowIcon(icon("secateur", self._theme, "accent"))

    def closeEvent(self, event: QCloseEvent) -> None:
        # before a model is open the splitters have never been laid out
        self._splitters.remember(self._settings, with_sizes=self._session.model is not None)
        super().closeEvent(event)
