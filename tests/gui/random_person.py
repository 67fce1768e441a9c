"""Somebody who does anything: seeded random clicks, keys, wheels, drags and words on the real window.

Everything goes through the window system as a person's hand would, and reaches whatever lies there.
"""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from person import drop
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QWidget,
)
from random_hands import LEFT, PLAIN, RandomHands
from random_matter import KEYS, make_files
from shiboken6 import isValid
from watching import Watch

from gui import samples
from gui.app import Window
from gui.i18n import LANGUAGES, PSEUDO

NEW_FILES = ("out.onnx", "out.pt2", "p.secateur", "x", "graph.svg", "中文.onnx")
STUCK_SECONDS, HANGING_SECONDS = 10, 600
"""An event that keeps the window for so long is a fault: by its own work, by a clock that others lengthen."""


class RandomPerson(RandomHands):
    """`act` does one thing. Menus and boxes that wait in an event loop of their own are answered."""

    def __init__(
        self, window: Window, watch: Watch, seed: int, folder: Path, with_netron: bool = True
    ) -> None:
        """`folder`: where files are written, and where those lie that are opened besides the samples."""
        super().__init__(window, watch, random.Random(seed))
        self._folder = folder
        if not with_netron:  # a browser of many processes
            window.main.tabs.setTabEnabled(window.main.tabs.indexOf(window.main.netron), False)
        self.longest_seconds, self.longest = 0.0, ""
        self._in_step = 0
        self._rescuing = False
        self._files = make_files(folder, self._random)
        self._guard = QTimer()
        self._guard.setInterval(25)
        self._guard.timeout.connect(self._leave_nested)
        self._guard.start()
        self._events: tuple[tuple[float, str, Callable[[], None]], ...] = (
            (24, "click", self._click),
            (4, "double click", self._double_click),
            (5, "right click", self._right_click),
            (14, "key", self._key),
            (7, "shortcut", self._shortcut),
            (9, "wheel", self._wheel),
            (9, "drag", self._drag),
            (4, "move", self._move),
            (6, "combo", self._combo),
            (6, "words", self._type),
            (6, "tab", self._tab),
            (0.3, "theme", self._theme),
            (0.5, "language", self._language),
            (0.6, "resize", self._resize),
            (0.5, "drop", self._drop),
            (0.4, "open a sample", self._open_sample),
            (1.5, "run", self._work),
            (2, "wait", self._wait),
            (0.05, "kill the engine", self._kill),
        )

    def leave(self) -> None:
        """No more. What is still open over the window is closed, what runs is stopped."""
        self._guard.stop()
        for _ in range(20):
            top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if top is None:
                break
            top.close()
            QTest.qWait(0)
        self._window.session.stop()

    # ------------------------------------------------------------ acting

    def act(self) -> None:
        """One thing. What opened over the window is met before anything else."""
        start, busy = time.monotonic(), time.thread_time()
        self._in_step += 1
        self._nested = 0
        try:
            dialog = QApplication.activeModalWidget()
            if QApplication.activePopupWidget() is not None:
                self._note("popup")
                self._in_popup()
            elif dialog is not None:
                self._note(f"dialog {type(dialog).__name__}")
                self._in_dialog(dialog)
            else:
                weights = [weight for weight, _, _ in self._events]
                _, name, event = self._random.choices(self._events, weights)[0]
                self._note(name)
                event()
        except Exception:
            self._watch.fault(traceback.format_exc())
        finally:
            self._in_step -= 1
        QTest.qWait(0)
        seconds = time.monotonic() - start
        if seconds > self.longest_seconds:
            self.longest_seconds, self.longest = seconds, self._watch.recent[-1]
        own = time.thread_time() - busy
        if own > STUCK_SECONDS or seconds > HANGING_SECONDS:
            self._watch.fault(f"one event took {seconds:.0f} s, {own:.0f} s of them the window's own work")

    # ------------------------------------------------------------ popups and dialogs

    def _in_popup(self) -> None:
        popup = QApplication.activePopupWidget()
        if isinstance(QApplication.activeModalWidget(), QFileDialog):
            # names that it proposes: Return there would accept the dialog a second time while it is accepted
            popup.close()
            return
        chance = self._random.random()
        if chance < 0.35:
            self._press(
                self._random.choice((Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Tab))
            )
        elif chance < 0.5:
            self._press(self._random.choice((Qt.Key.Key_Return, Qt.Key.Key_Space)))
        elif chance < 0.65:
            self._press(Qt.Key.Key_Escape)
        elif chance < 0.9:
            self._mouse(popup, "click", LEFT)
        else:
            popup.close()

    def _in_dialog(self, dialog: QWidget) -> None:
        if isinstance(dialog, QFileDialog):
            # only ever a path or no: a click into its list could delete what is not ours
            if self._random.random() < 0.4:
                self._press(Qt.Key.Key_Escape)
            else:
                saving = dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
                path = (
                    self._folder / self._random.choice(NEW_FILES)
                    if saving
                    else self._random.choice(self._files)
                )
                self._add(str(path))
                line = dialog.findChild(QLineEdit)
                line.setFocus()
                line.setText(str(path))
                self._press(Qt.Key.Key_Return)
            if isValid(dialog) and dialog.isVisible() and QApplication.activeModalWidget() is dialog:
                dialog.reject()
            return
        chance = self._random.random()
        if chance < 0.5:
            self._press(self._random.choice(KEYS))
        elif chance < 0.8:
            self._mouse(self._some_widget(dialog), "click", LEFT)
        else:
            dialog.close()

    def _leave_nested(self) -> None:
        """A menu or a message box waits in an event loop of its own: answer it, or the step never ends."""
        if not self._in_step:
            return
        self._nested += 1
        if self._nested < 3:
            return
        if self._rescuing:
            # the answer to one loop opened another, as of a file that is not there
            box = QApplication.activeModalWidget()
            if isinstance(box, QMessageBox):
                box.done(0)
            return
        self._rescuing = True
        try:
            top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if top is None:
                return
            if isinstance(top, QFileDialog):
                top.reject()
            elif QApplication.activePopupWidget() is None or self._nested > 40:
                top.close()
            else:
                self._note("popup")
                self._in_popup()
        finally:
            self._rescuing = False

    # ------------------------------------------------------------ the program as a whole

    def _tab(self) -> None:
        main = self._window.main
        bar = main.tabs.tabBar()
        if main.tabs.isVisible():
            index = self._random.randrange(bar.count())
            self._add(bar.tabText(index))
            if bar.rect().contains(bar.tabRect(index)):
                place = bar.mapTo(main, bar.tabRect(index).center())
                QTest.mouseClick(main.windowHandle(), LEFT, PLAIN, place)
            else:  # long names: it is behind the bar's arrows
                main.tabs.setCurrentIndex(index)
        elif self._window.session.model is not None and self._random.random() < 0.5:
            main.show_work()

    def _theme(self) -> None:
        self._window.commands.toggle_theme()

    def _language(self) -> None:
        self._window.commands.choose_language(self._random.choice((*LANGUAGES, PSEUDO)))

    def _drop(self) -> None:
        path = self._random.choice(self._files)
        self._add(str(path))
        drop(self._window, path)

    def _open_sample(self) -> None:
        sample = self._random.choice(samples.samples()[::2])  # digits or iris
        self._add(sample.name)
        self._window.session.open_model(samples.model_path(sample), samples.data_spec(sample))

    def _work(self) -> None:
        name = self._random.choice(("analyze", "run", "run", "stop", "undo", "redo", "snapshot"))
        self._add(name)
        action = self._window.actions[name]
        if action.isEnabled():
            action.trigger()

    def _wait(self) -> None:
        QTest.qWait(self._random.choice((5, 20, 100, 300)))

    def _kill(self) -> None:
        if self._window.engine.process_id:
            self._watch.killed_at = time.monotonic()
            os.kill(self._window.engine.process_id, getattr(signal, "SIGKILL", signal.SIGTERM))
