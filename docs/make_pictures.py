"""Makes the pictures in docs/pictures/ from the real window and engine on the bundled sample.

QT_QPA_PLATFORM=offscreen python docs/make_pictures.py [--model M.onnx --data D --preprocess P] [--out DIR]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from core.values import DataSpec
from gui.app import Window
from gui.engine_client import EngineClient
from gui.netron_page import register_scheme
from gui.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
PATIENCE_SECONDS = 300
STATES = (
    "empty", "opened", "data", "analysed", "overview", "method", "running", "done", "changed", "confusions",
    "exported",
)  # fmt: skip


class Photographer:
    """One window, driven from state to state, photographed in each."""

    def __init__(
        self,
        application: QApplication,
        out: Path,
        states: list[str],
        theme: str,
        language: str,
        spec: DataSpec | None,
    ):
        self._application = application
        self._prefix = f"{theme}-{language}"
        self._out = out
        self._states = states
        self._spec = spec
        engine = EngineClient()
        engine.start()
        settings = Settings(Path(tempfile.mkdtemp()) / "settings.json")
        self.window = Window(application, engine, settings, language, theme)
        self.session = self.window.session
        self.session.problem.connect(self._complain)
        self.window.main.resize(1440, 900)
        self.window.main.show()

    def take(self, name: str, seconds: float = 0.6) -> None:
        if name not in self._states:
            return
        self._settle(seconds)
        self.window.main.grab().save(str(self._out / f"{self._prefix}-{name}.png"))

    def journey(self, model: Path) -> None:
        session = self.session
        self.take("empty")
        session.open_model(str(model), self._spec)
        self._wait(lambda: session.data is not None and session.job is None)
        self.take("opened")
        self.window.main.show_data()
        self.take("data")
        self.window.main.show_work()
        session.analyze()
        self._wait(lambda: session.job is None)
        layers = [layer.id for layer in session.model.layers]
        session.select(layers[len(layers) // 2])
        session.set_layers([layers[len(layers) // 2]], "", sparsity=0.6)
        session.set_layers(layers[-5:-2], "", sparsity=0.5)
        session.set_layers([layers[-2]], "", weight_bits=4)
        self.take("analysed")
        main = self.window.main
        main.tabs.setCurrentWidget(main.overview)
        self.take("overview")
        main.tabs.setCurrentWidget(main.method)
        self.take("method")
        main.tabs.setCurrentWidget(main.run_view)
        session.run()
        self._wait(lambda: len(session.run_points) >= len(layers) * 2 // 3)
        self.take("running", 0.1)
        self._wait(lambda: session.job is None)
        self.take("done")
        if {"changed", "confusions"} & set(self._states):
            main.tabs.setCurrentWidget(main.changed)
            self._wait(lambda: self.window.comparing.complete)
            self.take("changed")
            main.changed.show_matrix.setChecked(True)
            self.take("confusions")
            main.tabs.setCurrentWidget(main.run_view)
        session.export(str(Path(tempfile.gettempdir()) / f"{model.stem}-secateur.onnx"))
        self._wait(lambda: session.job is None)
        self.take("exported")

    def close(self) -> None:
        self.window.main.close()
        self.window.close()
        self.window.main.deleteLater()

    def _wait(self, condition: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not condition():
            self._application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)
            time.sleep(0.005)
            if time.monotonic() - started > PATIENCE_SECONDS:
                raise SystemExit("the engine did not get there in time")

    def _settle(self, seconds: float) -> None:
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            self._application.processEvents()
            time.sleep(0.01)

    def _complain(self, problem: object) -> None:
        print("problem:", problem, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--data")
    parser.add_argument("--preprocess")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--only", help="theme-language, such as dark-zh_CN")
    parser.add_argument("--states", nargs="+", choices=STATES, default=STATES)
    options = parser.parse_args()
    spec = None
    if options.data:
        from core.data.preprocess import parse_preprocess

        preprocess = parse_preprocess(options.preprocess) if options.preprocess else None
        spec = DataSpec(path=options.data, preprocess=preprocess)
    model = options.model
    if model is None:
        # from a neutral place: the data screen shows the whole path
        samples = Path(tempfile.gettempdir()) / "samples"
        shutil.copytree(ROOT / "resources" / "samples", samples, dirs_exist_ok=True)
        model, spec = samples / "digits_resnet.onnx", DataSpec(path=str(samples / "digits"))
    options.out.mkdir(parents=True, exist_ok=True)
    register_scheme()
    application = QApplication([])
    for theme, language in (("light", "en"), ("dark", "en"), ("light", "zh_CN"), ("dark", "zh_CN")):
        if options.only in (None, f"{theme}-{language}"):
            # measurements of its own: each journey runs from the beginning
            for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
                os.environ[variable] = tempfile.mkdtemp()
            photographer = Photographer(application, options.out, options.states, theme, language, spec)
            photographer.journey(model)
            photographer.close()


if __name__ == "__main__":
    main()
