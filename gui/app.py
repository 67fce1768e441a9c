"""The composition root: engine, session, theme, language, window; and what happens when they fail."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QApplication

from gui.actions import Actions
from gui.best_plans import BestPlanSearch
from gui.commands import Commands
from gui.comparing import ResultComparison
from gui.drops import Drops
from gui.engine_client import EngineClient
from gui.faults import Faults, start_log
from gui.help import Help
from gui.i18n import LANGUAGES, PSEUDO, Translations
from gui.main_window import MainWindow
from gui.netron_page import register_scheme
from gui.next_step import NextStep
from gui.notifier import Notifier
from gui.project_keeper import ProjectKeeper
from gui.project_opening import ProjectOpening
from gui.run_queue import RunQueue
from gui.session import Session
from gui.settings import Settings
from gui.theme import TOKENS, Theme
from gui.widgets.last_words import wait_visibly

FONTS = (
    "Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans",
    "Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC",
)  # fmt: skip
"""In order of preference. The Chinese ones by name: left to itself the system may take a bold cut."""


class Window:
    """Everything that one window is made of, in the order in which it is made and ended."""

    def __init__(
        self,
        application: QApplication,
        engine: EngineClient,
        settings: Settings,
        language: str = "",
        theme: str = "",
    ) -> None:
        remembered = settings.values
        font = application.font()
        font.setFamilies(list(FONTS))
        font.setPixelSize(13)  # as the style sheet has it
        application.setFont(font)
        self.engine = engine
        self.session = Session(engine, application)
        self.theme = Theme(application, _one_of(TOKENS, theme, remembered.theme) or "light")
        self.translations = Translations(application, _language(language, remembered.language))
        self.keeper = ProjectKeeper(self.session, settings)
        self.translations.changed.connect(self.keeper.retell)
        self.opening = ProjectOpening(self.session, self.keeper)
        search = BestPlanSearch(engine, self.session)
        self.following = NextStep(self.session, search)
        self.commands = Commands(
            self.session, self.theme, self.translations, settings, self.keeper, self.opening, self.following
        )
        self.drops = Drops(self.session, self.commands)
        self.actions = Actions(self.session, self.theme, self.translations, self.commands, self.following)
        # the style sheet last: with it in force each widget is polished anew whenever it gets a parent
        style_sheet = application.styleSheet()
        application.setStyleSheet("")
        self.queue = RunQueue(self.session)
        self.notifier = Notifier(self.session, self.queue, settings)
        self.comparing = ResultComparison(engine, self.session)
        self.commands.own_chosen.connect(self.comparing.try_file)
        self.comparing.measured.connect(self.keeper.take_measured)
        self.main = MainWindow(
            self.session,
            self.theme,
            self.actions,
            self.commands,
            settings,
            self.following,
            self.comparing,
            self.queue,
            self.keeper,
        )
        self.main.snapshots.compare_asked.connect(self.comparing.choose)
        self.notifier.attach(self.main)
        self.help = Help(self.main, self.following, self.theme, self.actions, self.commands, settings)
        application.setStyleSheet(style_sheet)

    def close(self) -> None:
        """End the engine, so that the project has but one user left, and close that; nothing stays behind."""
        self.engine.close()
        self.keeper.leave()
        wait_visibly(self.keeper.departures.wait)


def main(argv: list[str] | None = None) -> int:
    """Run the window until it is closed. Returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if "--engine" in arguments:
        # the frozen program is window and engine in one; by name, so that the window never imports it
        return int(importlib.import_module("core.engine").main() or 0)
    if "--converter" in arguments:
        return int(importlib.import_module("core.convert.child").main() or 0)
    options = _parse(arguments)
    if not _has_screen():
        print(
            "secateur: There is no screen to open a window on. On the command line the same jobs are "
            "'secateur info', 'evaluate', 'analyze', 'compress' and 'benchmark'; see 'secateur --help'.",
            file=sys.stderr,
        )
        return 1
    start_log()
    register_scheme()  # Qt wants this before the application
    application = QApplication.instance() or QApplication(sys.argv[:1])
    QCoreApplication.setApplicationName("secateur")
    application.setApplicationDisplayName("Secateur")
    application.setDesktopFileName("secateur")
    engine = EngineClient(application)
    engine.start()  # it needs seconds to import torch: it does so while the first screen is read
    window = Window(application, engine, Settings(), options.language or "", options.theme or "")
    faults = Faults(window.session)
    faults.install()
    window.main.show()
    window.help.greet()
    gc.freeze()  # what is there now stays to the end; walking it anew costs 20 ms each time
    if options.file:
        path = str(Path(options.file).absolute())
        QTimer.singleShot(0, window.main, lambda: window.commands.open_path(path))
    elif options.sample:
        QTimer.singleShot(0, window.commands.open_sample)
    try:
        return application.exec()
    finally:
        window.close()
        faults.remove()


def _has_screen() -> bool:
    """Qt ends the whole process without a word where it finds none."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="secateur-gui", description="Secateur's window")
    parser.add_argument("file", nargs="?", metavar="FILE", help="an ONNX model or a project to open")
    parser.add_argument("--sample", action="store_true", help="open the sample model with its data")
    parser.add_argument("--language", choices=sorted(LANGUAGES))
    parser.add_argument("--theme", choices=sorted(TOKENS))
    return parser.parse_args(arguments)


def _language(asked: str, remembered: str) -> str:
    """What the command line or SECATEUR_LANGUAGE asks for, or was chosen before; empty: the system's."""
    wanted = asked or os.environ.get("SECATEUR_LANGUAGE", "")
    return wanted if wanted == PSEUDO else _one_of(LANGUAGES, wanted, remembered)


def _one_of(known: dict, *wanted: str) -> str:
    return next((one for one in wanted if one in known), "")


if __name__ == "__main__":
    raise SystemExit(main())
