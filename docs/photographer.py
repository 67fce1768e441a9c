"""Takes pictures of the real window over the real engine, in every theme and language, as small files."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import delete

from gui.app import Window
from gui.engine_client import EngineClient
from gui.settings import Settings

PATIENCE_SECONDS = 900
SIZE = (1440, 900)
COLOURS = 256
ROUNDS = 12
LOOKS = tuple((theme, language) for theme in ("light", "dark") for language in ("en", "zh_CN"))


class Photographer:
    """One window with settings, project and caches of its own, photographed wherever a scene says."""

    def __init__(
        self,
        application: QApplication,
        out: Path,
        network: str,
        looks: Sequence[tuple[str, str]],
        only: Sequence[str] = (),
    ) -> None:
        for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            os.environ[variable] = tempfile.mkdtemp()
        self._application = application
        self._out = out
        self._network = network
        self._looks = looks
        self._only = only
        engine = EngineClient()
        engine.start()
        settings = Settings(Path(tempfile.mkdtemp()) / "settings.json")
        theme, language = looks[0]
        self.window = Window(application, engine, settings, language, theme)
        self.session = self.window.session
        self.session.problem.connect(self._complain)
        self.window.main.resize(*SIZE)
        self.window.main.show()

    def take(
        self,
        name: str,
        seconds: float = 0.5,
        of: Callable[[], QWidget] | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """A picture in each look, `seconds` after each change, and once it is `ready`.

        `of`: the widget, instead of the window.
        """
        if self._only and name not in self._only:
            return
        for theme, language in self._looks:
            if self.window.theme.name != theme:
                self.window.theme.choose(theme)
            if self.window.translations.language != language:
                self.window.translations.choose(language)
            self.settle(seconds)
            if not ready():
                self.wait(ready)
                self.settle(seconds)
            widget = of() if of is not None else self.window.main
            path = self._out / f"{self._network}-{name}-{theme}-{language}.png"
            path.write_bytes(small(widget))
        print(f"{time.strftime('%H:%M:%S')} {self._network} {name}", file=sys.stderr, flush=True)

    def wait(self, condition: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not condition():
            self._application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
            time.sleep(0.005)
            if time.monotonic() - started > PATIENCE_SECONDS:
                raise SystemExit("the engine did not get there in time")

    def idle(self) -> None:
        """Until nothing is at work, also in the background."""
        self.wait(lambda: self.session.job is None)
        self.settle(1.0)
        self.wait(lambda: self.session.job is None)

    def settle(self, seconds: float) -> None:
        """At least so long, and until the layouts are done: a busy computer may need longer."""
        started, rounds = time.monotonic(), 0
        while time.monotonic() - started < seconds or rounds < ROUNDS:
            self._application.processEvents()
            time.sleep(0.01)
            rounds += 1

    def close(self) -> None:
        self.window.main.close()
        self.window.close()
        window = self.window
        # at once: translators that stay would answer for the next window
        for part in (window.main, window.session, window.translations, window.theme, window.engine):
            delete(part)

    def _complain(self, problem: object) -> None:
        print("problem:", problem, file=sys.stderr)


def small(widget: QWidget) -> bytes:
    """The widget as a PNG of at most 256 colours: a third of the bytes, and no difference to the eye."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    picture = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
    out = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
