"""Takes pictures of the real window over the real engine, in every theme and language, as small files."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import delete

from gui.app import Window
from gui.engine_client import EngineClient
from gui.settings import Settings
from gui.theme import TOKENS, Theme

PATIENCE_SECONDS = 900
SIZE = (1440, 900)
COLOURS = 256
SCALES, STEPS = ("damage", "importance"), 32
"""Scales whose colours every picture keeps, and how many of each."""
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
            path.write_bytes(small(widget, self.window.theme))
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


def small(widget: QWidget, theme: Theme) -> bytes:
    """The widget as a PNG of at most 256 colours: a third of the bytes, and no difference to the eye."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    picture = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
    out = io.BytesIO()
    reduced(picture, kept_colors(theme)).save(out, "PNG", optimize=True)
    return out.getvalue()


def kept_colors(theme: Theme) -> np.ndarray:
    """The theme's colours and those along the scales of the heatmaps, uint8 (tokens + SCALES · STEPS, 3)."""
    colors = [theme.color(token) for token in TOKENS[theme.name]]
    colors += [theme.scale_color(scale, step / (STEPS - 1)) for scale in SCALES for step in range(STEPS)]
    return np.array([color.getRgb()[:3] for color in colors], np.uint8)


def reduced(picture: Image.Image, kept: np.ndarray) -> Image.Image:
    """The picture in 256 colours, `kept` (n, 3) among them: chosen by how many pixels have them alone, the
    colours of thin legends would become a few broad bands."""
    cut = picture.quantize(COLOURS - len(kept), dither=Image.Dither.NONE).getpalette() or []
    palette = np.vstack([np.array(cut, np.uint8).reshape(-1, 3)[: COLOURS - len(kept)], kept])
    pixels = np.asarray(picture).reshape(-1, 3).astype(np.int32)
    codes, where = np.unique(pixels @ (65536, 256, 1), return_inverse=True)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.float32)
    wanted = palette.astype(np.float32)
    nearest = (np.square(wanted).sum(axis=1) - 2 * colours @ wanted.T).argmin(axis=1)
    found = nearest[where].astype(np.uint8).reshape(picture.height, picture.width)
    made = Image.fromarray(found, "P")
    made.putpalette(palette.reshape(-1).tolist())
    return made
